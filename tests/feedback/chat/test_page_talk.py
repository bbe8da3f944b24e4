"""The chat's page in real Chromium against a real model server: stream, stop, branches, own history."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from core import jobs
from core.models import Job
from feedback.chat import page as chat_page
from feedback.chat import strings
from feedback.models import Conversation, Message, Signal
from tests.browser import answer_question
from tests.feedback.chat.chats import answered, make_chat, open_chat, say
from tests.processes import until

SCRIPTS = Path(finders.find("feedback/chat/chat.js")).parent


def sources():
    return {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js")}


def texts(page, selector):
    return [one.strip() for one in page.locator(selector).all_inner_texts()]


def test_every_string_of_the_scripts_exists_and_is_used():
    text = "\n".join(sources().values())
    used = set(re.findall(r"""\bt\(\s*"(\w+)\"""", text))
    used |= {
        name
        for found in re.findall(r"""\bt\(([^()]*\?[^()]*:[^()]*)\)""", text)
        for name in re.findall(r'"(\w+)"', found.split("?", 1)[1])
    }
    known = set(strings.strings())
    assert used - known == {"better", "same", "all_bad"} - known  # verdicts stand in the same expressions
    assert known - set(re.findall(r'"(\w+)"', text)) == set()


def test_every_module_is_asked_for_with_the_page():
    assert {f"feedback/chat/{name}" for name in sources()} == {
        m for m in chat_page.MODULES if m.startswith("feedback/")
    } | {"feedback/chat/chat.js"}


@pytest.mark.browser
def test_an_answer_streams_in_and_ends_as_the_servers_html(live_site, open_page, upstream):
    project, user = make_chat(upstream, "ok:0.25")
    page = open_chat(open_page, user, project)
    say(page, "What is <b>eGFR</b>?\n怎么算？")
    page.locator(".answer .tail:has-text('You said')").wait_for()
    assert page.locator(".answer[data-state=streaming]").count() == 1
    assert page.locator("#stop").is_visible() and not page.locator("#send").is_visible()
    # Whole blocks are rendered while the rest still comes as plain text.
    page.locator(".answer[data-state=streaming] .markdown > p").wait_for()
    answered(page)
    assert texts(page, ".bubble") == ["What is <b>eGFR</b>?\n怎么算？"]
    assert page.locator(".answer .markdown li strong").inner_text() == "First"
    assert page.locator(".answer .tail").inner_text() == ""
    assert page.locator("#send").is_visible() and page.evaluate("document.activeElement.id") == "question"
    question, answer = Message.objects.order_by("pk")
    assert (question.text, answer.text) == (
        "What is <b>eGFR</b>?\n怎么算？",
        upstream.answer("ok:0.25", "What is <b>eGFR</b>?\n怎么算？"),
    )
    assert page.url.endswith(f"/chat/clinic/{question.conversation_id}/")
    until(lambda: Message.objects.get(pk=answer.pk).seen, "that it was seen")
    # What is read out is the finished answer, once.
    assert "First" in page.locator("#spoken").inner_text()
    before = page.locator("#turns").inner_html()
    page.reload()
    answered(page)
    assert page.locator(".answer .markdown").inner_html() in before
    assert upstream.requests[-1].body["messages"] == [{"role": "user", "content": question.text}]


@pytest.mark.browser
def test_stop_keeps_what_has_come_and_the_talk_goes_on(live_site, open_page, upstream):
    project, user = make_chat(upstream, "never")
    page = open_chat(open_page, user, project)
    say(page, "Go on for ever")
    page.locator(".answer .tail:not(:empty)").wait_for()
    page.click("#stop")
    answered(page, state="stopped")
    assert "Stopped" in page.locator(".answer-state").inner_text()
    answer = Message.objects.get(role="assistant")
    assert (
        answer.state == "stopped"
        and answer.text
        and answer.text in page.locator(".answer").inner_text().replace("\n", " ") + answer.text
    )
    assert Signal.objects.get().name == "stop"
    until(lambda: upstream.open == 0, "that the model is left in peace")
    page.locator(".answer >> text=Ask again").click()
    page.locator(".answer .tail:not(:empty)").wait_for()
    page.keyboard.press("Escape") if page.evaluate("document.activeElement.id") == "question" else page.click(
        "#stop"
    )
    answered(page, state="stopped")
    assert page.locator(".answer .siblings .count").inner_text() == "2/2"


@pytest.mark.browser
def test_branches(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "one")
    answered(page)
    say(page, "two")
    answered(page, 2)
    # Another answer to the second question.
    page.locator(".answer").nth(1).locator("[data-tool=again]").click()
    page.locator(".answer .count:text('2/2')").wait_for()
    answered(page, 2)
    # The first question asked anew: what followed it stays on the other branch.
    page.locator(".question").nth(0).locator("[data-tool=edit]").click()
    assert page.evaluate("document.activeElement.value") == "one"
    page.keyboard.type(" and")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("a half")
    composing = "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}"
    assert page.evaluate(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {composing}))")
    page.keyboard.press("Enter")
    page.locator(".bubble:has-text('one and')").wait_for()
    answered(page)
    assert texts(page, ".bubble") == ["one and\na half"]
    assert page.locator(".question .count").inner_text() == "2/2"
    page.locator(".question [aria-label='Earlier version']").click()
    page.locator(".bubble:text-is('two')").wait_for()
    assert texts(page, ".bubble") == ["one", "two"] and page.locator(".answer").count() == 2
    page.locator(".answer").nth(1).locator("[aria-label='Earlier version']").click()
    page.locator(".answer .count:text('1/2')").wait_for()
    page.reload()
    page.locator(".answer .count:text('1/2')").wait_for()  # the branch last looked at
    rows = {m.pk: m for m in Message.objects.all()}
    roots = [m for m in rows.values() if m.parent_id is None]
    assert sorted(m.text for m in roots) == ["one", "one and\na half"]
    until(
        lambda: sorted(Signal.objects.values_list("name", flat=True)) == ["edit", "regenerate"], "the signals"
    )


@pytest.mark.browser
def test_history_is_listed_searched_and_deleted(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    for text in ("What about 高血压?", "The dose of metformin"):
        page.click(".history .new-talk")
        say(page, text)
        answered(page)
    titles = "#history-list .title"
    page.locator(f"{titles} >> nth=1").wait_for()
    assert texts(page, titles) == ["The dose of metformin", "What about 高血压?"]
    page.fill("#history-search", "血压")
    page.locator(f"{titles} >> nth=1").wait_for(state="detached")
    assert texts(page, titles) == ["What about 高血压?"]
    page.click("#history-list a")
    page.locator(".bubble:text-is('What about 高血压?')").wait_for()
    page.go_back()
    page.locator(".bubble:text-is('The dose of metformin')").wait_for()
    page.fill("#history-search", "")
    page.locator(f"{titles} >> nth=1").wait_for()
    page.click("#history-list li:has(a[aria-current]) .tool")
    assert "metformin" in answer_question(page)
    page.locator("#empty").wait_for()
    assert texts(page, titles) == ["What about 高血压?"]
    assert Conversation.objects.get().title == "What about 高血压?"


@pytest.mark.browser
def test_on_a_phone_the_list_is_a_drawer_and_enter_begins_a_line(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project, phone=True)
    page.fill("#question", "one")
    page.press("#question", "Enter")
    page.locator("#question").press_sequentially("two")
    assert page.input_value("#question") == "one\ntwo" and Message.objects.count() == 0
    page.tap("#send")
    answered(page)
    assert page.evaluate("document.activeElement.id") != "question"  # the keyboard is gone
    assert not page.locator("#history").is_visible()
    page.tap("#history-open")
    page.locator("#history-list a").wait_for()
    assert page.evaluate("document.activeElement.id") == "history-close"  # no keyboard over the list
    page.keyboard.press("Escape")
    assert (
        not page.locator("#history").is_visible()
        and page.evaluate("document.activeElement.id") == "history-open"
    )
    width, wide = page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert wide <= width


@pytest.mark.browser
def test_what_an_input_method_confirms_is_not_sent(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.fill("#question", "gaoxueya")
    for detail in (
        "{key: 'Enter', isComposing: true}",
        "{key: 'Enter', keyCode: 229}",
        "{key: 'Enter', shiftKey: true}",
    ):
        prevented = page.evaluate(
            f"!document.getElementById('question').dispatchEvent(new KeyboardEvent('keydown', "
            f"{{...{detail}, bubbles: true, cancelable: true}}))"
        )
        assert not prevented, detail
    assert page.input_value("#question") == "gaoxueya" and page.locator(".turn").count() == 0


@pytest.mark.browser
def test_sources_unfold_and_only_web_addresses_are_links(live_site, open_page, upstream):
    project, user = make_chat(upstream, "sources")
    page = open_chat(open_page, user, project)
    say(page, "Where from?")
    answered(page)
    answer = Message.objects.get(role="assistant")
    assert len(answer.sources) > 0
    page.click(".answer-sources summary")
    assert page.locator(".answer-sources li").count() == len(answer.sources)
    for link in page.locator(".answer-sources a").all():
        assert link.get_attribute("href").startswith(("http://", "https://"))


@pytest.mark.browser
def test_copying_gives_the_text_itself_and_is_a_signal(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(page, "copy me")
    answered(page)
    page.click(".answer [aria-label=Copy]")
    assert page.evaluate("navigator.clipboard.readText()") == upstream.answer("instant", "copy me")
    until(lambda: list(Signal.objects.values_list("name", flat=True)) == ["copy"], "the signal")


@pytest.mark.browser
def test_the_reader_who_reads_further_up_is_left_in_peace(live_site, open_page, upstream):
    project, user = make_chat(upstream, "never")
    page = open_chat(open_page, user, project, viewport={"width": 900, "height": 400})
    long = "A long question.\n" * 60
    say(page, long)
    page.locator(".answer .tail:not(:empty)").wait_for()
    at_end = (
        "(() => { const s = document.getElementById('scroll'); return s.scrollHeight - s.scrollTop - "
        "s.clientHeight < 3; })()"
    )
    until(lambda: page.evaluate(at_end), "the end in view")
    page.evaluate("document.getElementById('scroll').scrollTop = 100")
    page.wait_for_timeout(500)
    assert abs(page.evaluate("document.getElementById('scroll').scrollTop") - 100) < 3
    page.click("#to-end")
    until(lambda: page.evaluate(at_end), "the end in view")
    page.locator("#to-end").wait_for(state="hidden")
    page.click("#stop")
    answered(page, state="stopped")


@pytest.mark.browser
@pytest.mark.parametrize("height", [420, 560, 640, 700, 900])
@pytest.mark.parametrize("phone", [False, True])
def test_nothing_of_the_choice_hides_under_the_composer(live_site, open_page, upstream, height, phone):
    """However tall the drafts are: the row that says "about the same" is whole, and a press reaches it."""
    project, user = make_chat(upstream, "instant", "ok", drafts="always", draft_from_arms=True)
    size = {"width": 390 if phone else 1200, "height": height}
    page = open_chat(open_page, user, project, phone=phone, viewport=size)
    say(page, "Say it again.\n" * 6, enter=False)
    page.locator(".better:not([disabled]):visible >> nth=0").wait_for()
    page.wait_for_timeout(300)
    hidden = page.evaluate(
        "[...document.querySelectorAll('.draft-verdict button:not([hidden]), .draft-verdict .draft-note')]"
        ".filter((n) => { const b = n.getBoundingClientRect(); return [b.top + 1, b.bottom - 1].some((y) => {"
        " const hit = document.elementFromPoint(b.left + b.width / 2, y);"
        " return !(hit && (n.contains(hit) || hit.contains(n))); }) }).map((n) => n.textContent)"
    )
    assert hidden == []


@pytest.mark.browser
def test_the_end_stays_in_view_when_rows_come_after_the_last_word(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project, viewport={"width": 900, "height": 400})
    say(page, "A long question.\n" * 60)
    answered(page)
    page.wait_for_timeout(700)
    page.evaluate(
        "(() => { const p = document.createElement('p'); p.style.height = '90px'; "
        "document.querySelector('.turn.answer').append(p); })()"
    )
    far = (
        "(() => { const s = document.getElementById('scroll'); return s.scrollHeight - s.scrollTop - "
        "s.clientHeight; })()"
    )
    until(lambda: page.evaluate(far) < 2, "the end in view")


@pytest.mark.browser
def test_erasing_all_empties_the_list_at_once(live_site, open_page, upstream):
    """Before the job has run, and what is begun after it is not erased with the rest."""
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "What about 高血压?")
    answered(page)
    page.locator("#history-list a").wait_for()
    page.click("text=What is stored, and why")
    page.click("text=Erase all my conversations")
    with page.expect_navigation():
        answer_question(page)
    page.wait_for_load_state("networkidle")
    assert page.locator("#history-list a").count() == 0
    assert "being erased" in page.inner_text(".messages")
    assert Conversation.objects.count() == 1  # the job has not run
    say(page, "Something new")
    answered(page)
    jobs.run_now(Job.objects.get(kind="erase"))
    assert [talk.title for talk in Conversation.objects.all()] == ["Something new"]


@pytest.mark.browser
def test_long_drafts_are_read_from_their_top(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", "ok", drafts="always", draft_from_arms=True)
    page = open_chat(open_page, user, project, viewport={"width": 1200, "height": 500})
    say(page, "A long question that the model says again.\n" * 40)
    page.locator(".better:not([disabled]) >> nth=1").wait_for()
    top, bottom, end = page.evaluate(
        "(() => { const s = document.getElementById('scroll'), b = s.getBoundingClientRect(), d = "
        "document.querySelector('.drafts').getBoundingClientRect();"
        " return [d.top - b.top, d.bottom - b.top, b.height]; })()"
    )
    assert 0 <= top < 20 and bottom > end
    page.click("#to-end")
    covered = (
        "(() => { const a = document.getElementById('to-end').getBoundingClientRect();"
        " return a.height > 0 && [...document.querySelectorAll('.drafts button')].some((n) => {"
        " const b = n.getBoundingClientRect(); return b.height > 0 && a.left < b.right && b.left < a.right"
        " && a.top < b.bottom && b.top < a.bottom; }); })()"
    )
    for far in (20, 60, 90, 120, 150, 300):  # nothing floats over what is to be pressed
        page.evaluate(
            f"(() => {{ const s = document.getElementById('scroll'); s.scrollTop = s.scrollHeight - "
            f"s.clientHeight - {far}; }})()"
        )
        page.wait_for_timeout(150)
        assert not page.evaluate(covered), far
    page.locator("#to-end").wait_for()
    page.locator(".better >> nth=0").click()
    page.locator(".turn.answer").wait_for()
