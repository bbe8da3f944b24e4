"""The chat's page when things go wrong: the line, the model, the session, the text itself. Nothing typed is
lost, nothing hangs, nothing runs."""

import contextlib

import pytest
from django.contrib.sessions.models import Session

from core.errors import DomainError
from feedback.models import ChatSettings, Conversation, Message, Reaction
from tests.core.pages.nasty_texts import NASTY
from tests.feedback.chat.chats import Line, answered, make_chat, offline, open_chat, say
from tests.processes import until
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.browser
STORED = "Object.entries(localStorage).filter(([key]) => key.startsWith('touchstone:'))"


def notice(page, words):
    page.locator(f"#notice:has-text('{words}')").wait_for()


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "reached its maximum length and is cut off here"), ("zh", "达到最大长度，在此截断")],
)
def test_an_answer_that_was_cut_off_says_so_and_is_never_a_good_one(
    live_site, open_page, upstream, language, words
):
    project, user = make_chat(upstream, "length")
    page = open_chat(open_page, user, project, language=language)
    say(page, "hello")
    answered(page, state="cut")
    page.locator(".answer-state", has_text=words).wait_for()
    page.click(".thumb.up")
    until(lambda: Reaction.objects.filter(value=1).exists(), "the thumb")
    page.reload()
    page.locator(".answer[data-state=cut] .answer-state", has_text=words).wait_for()
    with pytest.raises(DomainError) as refused:
        snapshots.build(
            project=project, actor=None, options=ExportOptions.of({"format": "trl-kto", "include": "thumbs"})
        )
    assert refused.value.code == "no_rows" and refused.value.data["left_out"] == {
        "cut_answer": 1,
        "no_label": 1,
        "word_unused": 1,
    }


FAILURES = [
    ("die", True, "kept"),
    ("die-first", False, "Try again"),
    ("cut", True, "kept"),
    ("malformed", True, "kept"),
    ("error", True, "kept"),
    ("500", False, ""),
    ("429", False, "busy"),
    ("empty", False, ""),
]


def test_a_model_that_fails_is_said_in_a_sentence_and_can_be_asked_again(live_site, open_page, upstream):
    page = user = None
    for model, partial, words in FAILURES:
        project, user = make_chat(upstream, model, slug=f"clinic-{model}", user=user)
        page = page or open_page(user)
        page.goto(f"/chat/{project.slug}/")
        say(page, "hello")
        answered(page, state="failed")
        answer = Message.objects.get(project=project, role="assistant")
        assert (bool(answer.text), answer.state) == (partial, "failed"), model
        shown = page.locator(".answer-state").inner_text()
        assert words in shown and "Ask again" in shown, (model, shown)
        if partial:
            assert answer.text.split()[0] in page.locator(".answer-text").inner_text()
    page.click("text=Ask again")
    page.locator(".answer .count:text('2/2')").wait_for()
    answered(page, state="failed")
    assert Message.objects.filter(project=project, role="assistant").count() == 2


@pytest.mark.parametrize("model", ["stall-first", "stall-middle"])
def test_a_stall_is_said_and_can_be_stopped(live_site, open_page, upstream, model):
    project, user = make_chat(upstream, model, limits={"first_token_seconds": 60, "idle_seconds": 60})
    page = open_chat(open_page, user, project, clock=True)
    say(page, "hello")
    page.locator("#stop:visible").wait_for()
    page.locator(".answer[data-id]").wait_for()
    page.clock.run_for(8000)
    page.locator(".answer .waiting:has-text('Waiting for the model')").wait_for()
    page.fill("#question", "typed meanwhile")
    page.press("#question", "Enter")  # one turn at a time: it stays where it is
    assert page.input_value("#question") == "typed meanwhile"
    page.click("#stop")
    answered(page, state="stopped")
    assert Message.objects.count() == 2 and page.locator("#send").is_visible()


def test_what_was_typed_before_the_scripts_came_is_kept(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.fill("#question", "earlier")  # kept in the browser
    held = []
    page.route("**/chat.js*", lambda route: held.append(route))
    page.reload(wait_until="commit")
    page.fill("#question", "quick hands")
    assert page.is_disabled("#send")  # the browser's own way of sending would leave the page
    until(lambda: page.wait_for_timeout(20) or held, "the script's request")
    held[0].continue_()
    page.click("#send")
    answered(page)
    assert Message.objects.get(role="user").text == "earlier\n\nquick hands" and page.evaluate(STORED) == []


def test_the_line_breaks_before_it_is_sent(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    with offline(page):
        say(page, "不要丢失 this")
        notice(page, "kept in this browser")
        assert page.input_value("#question") == "不要丢失 this" and page.locator(".turn").count() == 0
        assert "不要丢失 this" in str(page.evaluate(STORED))
    page.reload()
    until(lambda: page.input_value("#question") == "不要丢失 this", "what was typed")
    page.press("#question", "Enter")
    answered(page)
    assert page.evaluate(STORED) == []
    assert [m.text for m in Message.objects.filter(role="user")] == ["不要丢失 this"]


def test_a_thumb_that_is_not_kept_is_not_thanked_for(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "hello")
    answered(page)
    with offline(page):
        page.click(".thumb.down")
        page.locator(".judgement-status.bad").wait_for()
        page.click("[data-done]")
        page.wait_for_timeout(200)
        assert "Thank you" not in page.inner_text("#live")
    page.locator(".judgement-status button").click()
    page.locator(".thumb.down[aria-pressed=true]").wait_for()
    page.click(".why")
    page.click("[data-done]")
    until(lambda: "Thank you" in page.inner_text("#live"), "the thanks")


def test_what_is_typed_while_a_question_is_on_its_way_does_not_push_it_out(live_site, open_page, upstream):
    def typed(page, text):
        until(lambda: page.input_value("#question") or page.wait_for_timeout(20), "what was typed")
        assert page.input_value("#question") == text

    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    held = []
    page.route("**/api/turn/", lambda route: held.append(route))
    say(page, "first")
    until(lambda: held or page.wait_for_timeout(20), "the question's request")
    page.locator("#question").press_sequentially("also")
    again = page.context.new_page()  # as after a crash: the page that sent it has not heard that it failed
    again.goto(f"/chat/{project.slug}/")
    typed(again, "first\n\nalso")
    again.reload()
    typed(again, "first\n\nalso")  # once and no more
    again.close()
    held.pop().abort()
    notice(page, "kept in this browser")
    typed(page, "first\n\nalso")
    page.locator("#question").press_sequentially("!")  # it is in the field again: not kept beside it
    page.reload()
    typed(page, "first\n\nalso!")
    page.locator("#send:not([disabled])").wait_for()
    page.press("#question", "Enter")
    until(lambda: held or page.wait_for_timeout(20), "the question's request")
    page.locator("#question").press_sequentially("later")
    held.pop().continue_()
    answered(page)
    page.reload()
    typed(page, "later")
    assert [m.text for m in Message.objects.filter(role="user")] == ["first\n\nalso!"]


def test_a_turn_whose_beginning_was_lost_is_one_turn(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    lost = []

    def lose(route):
        if lost:
            return route.continue_()
        lost.append(
            page.context.request.post(
                route.request.url, data=route.request.post_data, headers=route.request.headers
            ).status
        )
        return route.abort()

    page.route("**/api/turn/", lose)
    say(page, "once")
    notice(page, "kept in this browser")
    page.press("#question", "Enter")
    answered(page)
    assert lost == [200] and page.locator(".bubble").all_inner_texts() == ["once"]
    assert list(Message.objects.order_by("pk").values_list("role", flat=True)) == ["user", "assistant"]


def test_the_line_breaks_in_the_middle_of_an_answer(live_site, open_page, upstream):
    _project, user = make_chat(upstream, "ok:0.1")
    page = open_page(user)
    page.expect_errors("net::ERR_")
    with contextlib.closing(Line(live_site.url)) as line:
        page.goto(f"{line.url}/chat/clinic/")
        say(page, "hello there, how are you today")
        page.locator(".answer .tail:not(:empty)").wait_for()
        line.cut()
        page.locator(".answer .waiting:has-text('No connection')").wait_for()
        line.mend()
        answered(page)
    assert page.locator(".answer strong").inner_text() == "First" and page.locator("#send").is_visible()
    assert Message.objects.get(role="assistant").state == "complete"


def test_an_answer_under_way_is_followed_when_the_page_is_opened_again(live_site, open_page, upstream):
    project, user = make_chat(upstream, "ok:0.3")
    page = open_chat(open_page, user, project)
    say(page, "hello there, how are you today")
    page.locator(".answer .tail:not(:empty)").wait_for()
    page.reload()
    page.locator(".answer[data-state=streaming]").wait_for()
    assert page.locator("#stop").is_visible()
    answered(page)
    assert page.locator(".answer strong").inner_text() == "First"


def test_two_clicks_are_one_turn(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.fill("#question", "hello")
    page.evaluate(
        "(() => { const b = document.getElementById('send'); b.click(); b.click(); "
        "b.form.requestSubmit(); })()"
    )
    answered(page)
    page.dblclick(".thumb.up")
    until(
        lambda: [one.value for one in Reaction.objects.filter(current=True)] == [0],
        "the thumb on and off again",
    )
    assert Message.objects.count() == 2 and Conversation.objects.count() == 1


def test_an_expired_session_asks_for_the_password_in_place(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "one")
    answered(page)
    Session.objects.all().delete()
    say(page, "two")
    page.locator("#login-dialog[open]").wait_for()
    page.click("#login-dialog >> text=Later")
    notice(page, "signed out")
    assert page.input_value("#question") == "two"
    page.press("#question", "Enter")
    page.fill("#login-password", "wrong")
    page.click("#login-dialog button[value=in]")
    page.locator("#login-dialog .errors:not([hidden])").wait_for()
    page.fill("#login-password", "correct horse battery")
    page.click("#login-dialog button[value=in]")
    answered(page, 2)
    assert page.locator(".bubble").all_inner_texts() == ["one", "two"] and Conversation.objects.count() == 1


def test_an_answer_that_ends_before_it_began_gives_the_question_back(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.route("**/api/turn/", lambda route: route.fulfill(status=200, body=""))
    say(page, "one")
    notice(page, "does not answer")
    assert page.input_value("#question") == "one"
    page.unroute("**/api/turn/")
    page.press("#question", "Enter")
    answered(page)
    assert page.locator(".bubble").all_inner_texts() == ["one"] and Conversation.objects.count() == 1


def test_what_was_typed_last_comes_back_though_the_browser_has_no_more_room(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.fill("#question", "first")
    full = "() => { throw new DOMException('full', 'QuotaExceededError'); }"
    page.evaluate(f"() => {{ Storage.prototype.setItem = {full}; }}")
    page.fill("#question", "first and second")
    page.evaluate("document.querySelector('.new-talk').click()")
    until(lambda: page.input_value("#question") == "first and second", "what was typed")


def test_enter_that_ends_a_word_of_an_input_method_sends_nothing(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.focus("#question")
    typing = page.context.new_cdp_session(page)
    typing.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    enter = {"type": "rawKeyDown", "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    typing.send("Input.dispatchKeyEvent", enter)
    typing.send("Input.insertText", {"text": "你好"})
    assert page.input_value("#question") == "你好" and page.locator(".bubble").count() == 0
    page.press("#question", "Enter")
    answered(page)
    assert page.locator(".bubble").all_inner_texts() == ["你好"]


def test_what_another_person_typed_is_wiped(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.fill("#question", "mine alone")
    page.evaluate("localStorage.setItem('touchstone:999:chat:clinic:new', '{\"text\": \"theirs\"}')")
    page.reload()
    until(lambda: page.input_value("#question") == "mine alone", "what was typed")
    assert "theirs" not in str(page.evaluate(STORED))


def test_too_many_questions_are_told_and_kept(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", turns_per_minute=1)
    page = open_chat(open_page, user, project)
    page.expect_errors("status of 429")
    say(page, "one")
    answered(page)
    say(page, "two")
    page.locator("#notice:visible").wait_for()
    assert page.input_value("#question") == "two" and Message.objects.count() == 2


def test_a_huge_answer_leaves_the_page_usable(live_site, open_page, upstream):
    project, user = make_chat(upstream, "long", limits={"max_characters": 2_000_000})
    page = open_chat(open_page, user, project)
    page.evaluate(
        """() => {
          window.longest = 0;
          let last = performance.now();
          const tick = (now) => { window.longest = Math.max(window.longest, now - last); last = now; requestAnimationFrame(tick); };
          requestAnimationFrame(tick);
        }"""  # noqa: E501
    )
    say(page, "go")
    page.locator(".answer .tail:not(:empty)").wait_for()
    page.type("#question", "still typing")
    page.locator(".answer[data-state=cut]").wait_for(timeout=60_000)
    answer = Message.objects.get(role="assistant")
    assert len(answer.text) > 400_000
    assert page.input_value("#question") == "still typing"
    assert page.evaluate("document.querySelector('.answer-text').textContent.length") > 0.9 * len(answer.text)
    assert page.evaluate("window.longest") < 2000  # no frame holds the page up for long, on two busy cores
    page.press("#question", "Enter")  # and the talk goes on
    until(lambda: Message.objects.filter(role="user").count() == 2, "the next question")
    page.click("#stop")
    page.locator(".answer >> nth=1").and_(page.locator("[data-state=stopped]")).wait_for()


def test_nothing_in_a_text_runs(live_site, open_page, upstream):
    project, user = make_chat(
        upstream, "instant", welcome=NASTY["md_html_mixed"], consent="x<script>alert(1)</script>"
    )
    page = open_chat(open_page, user, project)
    calls = []
    page.on("dialog", lambda dialog: (calls.append(dialog.message), dialog.dismiss()))
    page.expose_function("report", lambda what: calls.append(what))
    page.evaluate(
        "document.addEventListener('securitypolicyviolation', (e) => window.report('CSP ' + "
        "e.violatedDirective))"
    )
    names = [
        "json_script",
        "md_title_break",
        "md_image_alt",
        "md_fence_info",
        "md_table",
        "tex_text_script",
        "bidi_override",
        "django",
        "js_separators",
    ]
    for n, name in enumerate(names):
        text = NASTY[name].replace("\0", "")
        say(page, text)  # the model says it again
        if n == 0:
            page.click("text=I agree")
        answered(page, n + 1)
        assert page.locator(".bubble").nth(n).text_content() == text.replace("\r\n", "\n").replace("\r", "\n")
    bad = page.evaluate(
        "[...document.querySelectorAll('#turns *')].filter((e) => "
        "/^(script|img|iframe|object|embed|style|link|form)$/.test(e.localName)"
        " || [...e.attributes].some((a) => /^on|^style$|^src$/.test(a.name) && e.localName !== "
        "'textarea')).map((e) => e.outerHTML)"
    )
    assert bad == [] and calls == []


def test_where_no_texts_are_kept_the_page_holds_the_talk(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", keep=ChatSettings.Keep.IDS)
    page = open_chat(open_page, user, project)
    say(page, "one 秘密")
    answered(page)
    say(page, "two")
    answered(page, 2)
    sent = upstream.requests[-1].body["messages"]
    assert [m["content"] for m in sent] == ["one 秘密", upstream.answer("instant", "one 秘密"), "two"]
    page.locator(".answer").nth(1).locator("[data-tool=again]").click()
    page.locator(".answer .count:text('2/2')").wait_for()
    answered(page, 2)
    assert [m["content"] for m in upstream.requests[-1].body["messages"]] == [m["content"] for m in sent]
    assert not Message.objects.exclude(text="").exists()
    page.click(".answer >> nth=0 >> .thumb.up")
    until(lambda: Reaction.objects.filter(value=1).exists(), "the thumb")
    page.reload()
    page.locator("text=This text is not kept.").first.wait_for()
