"""The bench as a page: strings, size, accessibility, what it tells, and the small pure modules of its
JavaScript."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from annotation.bench import strings as bench_strings
from annotation.document import ANSWER_FLAGS, DROP_REASONS, ITEM_FLAGS, SKIP_REASONS
from annotation.models import Annotation, AnnotationVersion
from tests.annotation.bench.bench_items import (
    demonstration_project,
    open_bench,
    press,
    qa_project,
    ranking_project,
    submitted,
    versions,
)
from tests.cast import make_annotator, make_item, make_member, make_project

SCRIPTS = Path(finders.find("annotation/bench/bench.js")).parent


def sources():
    # another page's
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in SCRIPTS.glob("*.js")
        if path.name != "review.js"
    }


@pytest.mark.django_db
def test_every_string_of_the_scripts_exists_and_is_used():
    strings = bench_strings.strings()
    text = "\n".join(sources().values())
    used = set(re.findall(r"""\bt\(\s*"(\w+)\"""", text))
    used |= {name for pair in re.findall(r'\bt\([^()"]*\? "(\w+)" : "(\w+)"', text) for name in pair}
    assert used <= set(strings), used - set(strings)
    starts = tuple(re.findall(r"\bt\(`(\w+_)\$\{", text))  # built names: role_…, verdict_…, action_…
    spoken = set(re.findall(r'"(\w+)"', text))
    assert not [name for name in strings if name not in spoken and not name.startswith(starts)]


@pytest.mark.django_db
def test_every_reason_and_flag_has_words():
    assert set(bench_strings.names()) == {*DROP_REASONS, *SKIP_REASONS, *ANSWER_FLAGS, *ITEM_FLAGS}
    offered = [name for group in bench_strings.choices()["drop_reasons"] for name, _words in group["reasons"]]
    assert sorted(offered) == sorted(DROP_REASONS)


@pytest.mark.django_db
def test_the_page_is_small_and_asks_little(django_assert_max_num_queries):
    project, expert = ranking_project()
    client = Client()
    client.force_login(expert)
    client.get(reverse("bench", args=[project.slug]))
    with django_assert_max_num_queries(13):
        page = client.get(reverse("bench", args=[project.slug]))
    wanted = set(re.findall(r'(?:src|href)="/static/([^"]+\.(?:js|css|svg))"', page.content.decode()))
    missing = {f"annotation/bench/{name}" for name in sources()} - wanted
    assert not missing  # every module is asked for at once, not one after the other
    size = len(gzip.compress(page.content)) + sum(
        len(gzip.compress(Path(finders.find(name)).read_bytes())) for name in wanted
    )
    assert size < 150_000, size


@pytest.mark.django_db
def test_the_page_tells_nothing_of_who_answered():
    project, expert = ranking_project()
    client = Client()
    client.force_login(expert)
    html = client.get(reverse("bench", args=[project.slug])).content.decode()
    assert not re.search(r"\bm[0-3]\b", html)


@pytest.mark.django_db
def test_own_work_lists_only_ones_own_and_pages(django_assert_max_num_queries):
    project = make_project("many")
    me, other = make_member(project, "annotator"), make_member(project, "annotator")
    mine, theirs = make_annotator(project, me), make_annotator(project, other)
    for n in range(60):
        item = make_item(project)
        for annotator in (mine, theirs) if n == 0 else (mine,):
            row = Annotation.objects.create(project=project, item=item, annotator=annotator)
            row.head = AnnotationVersion.objects.create(
                annotation=row, number=1, document={}, client_key="k", event_id=0
            )
            row.save()
    client = Client()
    client.force_login(me)
    with django_assert_max_num_queries(10):
        page = client.get(reverse("mine", args=[project.slug]))
    assert len(page.context["rows"]) == 50
    rest = client.get(reverse("mine", args=[project.slug]), {"before": page.context["more"]})
    assert len(rest.context["rows"]) == 10
    assert {row.annotator_id for row in [*page.context["rows"], *rest.context["rows"]]} == {mine.pk}
    assert client.get(reverse("mine", args=[project.slug]), {"before": "²", "state": "'"}).status_code == 200


@pytest.mark.django_db
def test_returned_work_stands_first_and_once():
    project = make_project("returned")
    me = make_member(project, "annotator")
    mine = make_annotator(project, me)
    for n in range(60):
        row = Annotation.objects.create(
            project=project,
            item=make_item(project),
            annotator=mine,
            state="returned" if n == 3 else "submitted",
        )
        row.head = AnnotationVersion.objects.create(
            annotation=row, number=1, document={}, client_key="k", event_id=0
        )
        row.save()
    client = Client()
    client.force_login(me)
    page = client.get(reverse("mine", args=[project.slug]))
    rest = client.get(reverse("mine", args=[project.slug]), {"before": page.context["more"]})
    assert [row.state for row in page.context["rows"][:2]] == ["returned", "submitted"]
    shown = [row.pk for row in [*page.context["rows"], *rest.context["rows"]]]
    assert len(shown) == len(set(shown)) == 60


@pytest.mark.django_db
def test_kept_keys_are_letters_from_k_to_z_of_known_actions():
    _project, expert = ranking_project()
    client = Client()
    client.force_login(expert)
    given = '{"off": 1, "keys": {"line": "Z", "skip": "A", "nonsense": "Q", "drop": ["K"]}}'
    assert client.post(reverse("bench_keys"), {"keys": given}).json() == {"off": False, "keys": {"line": "Z"}}
    assert client.post(reverse("bench_keys"), {"keys": "[]"}).status_code == 400
    assert client.get(reverse("bench_keys")).status_code == 405


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_axe_finds_nothing_serious(live_site, open_page, dark, phone):
    from axe_playwright_python.sync_playwright import Axe

    def clean(page, where):
        page.wait_for_timeout(200)
        found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, (where, [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found])

    ranking, expert = ranking_project(ratings="all")
    page = open_bench(open_page, expert, ranking, phone=phone, dark=dark)
    press(page, "b Shift+A l c v 4")
    page.click(
        "prompt-panel .button:has-text('Correct this turn')"
        if not phone
        else "answer-card[data-letter=A] button:text('Correct')"
    )
    page.keyboard.insert_text("新")
    page.keyboard.press("Escape")
    press(page, "m Escape Enter")
    clean(page, "ranking")
    press(page, "?")
    clean(page, "keys")
    press(page, "Escape s")
    clean(page, "skip")
    press(page, "Escape n")
    clean(page, "guidelines")
    checking, checker = qa_project(items=1)
    page = open_bench(open_page, checker, checking, phone=phone, dark=dark)
    press(page, "l b a")
    page.click("[data-verdict=drop]")
    clean(page, "drop")
    page.click("[data-verdict=fix]")
    page.keyboard.insert_text("新")
    clean(page, "fix")
    writing, writer = demonstration_project()
    page = open_bench(open_page, writer, writing, phone=phone, dark=dark)
    page.keyboard.insert_text("新")
    clean(page, "demonstration")
    page.keyboard.press("Control+Enter")
    submitted(page, writer, 1)
    page.get_by_role("heading", name="Nothing left to do").wait_for()
    clean(page, "done")
    page.goto(f"/p/{writing.slug}/mine/")
    clean(page, "mine")


@pytest.mark.browser
def test_keys_of_a_word_that_is_being_composed_are_none_of_the_bench(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "b m")
    typing = page.context.new_cdp_session(page)
    typing.send("Input.imeSetComposition", {"text": "sha", "selectionStart": 3, "selectionEnd": 3})
    for code in ("KeyS", "Escape", "Enter"):
        key = {"type": "rawKeyDown", "key": "Process", "code": code, "windowsVirtualKeyCode": 229}
        typing.send("Input.dispatchKeyEvent", key | {"modifiers": 2 if code == "Enter" else 0})
    typing.send("Input.insertText", {"text": "沙"})
    assert page.input_value("#comment") == "沙"
    assert page.evaluate("document.activeElement.id") == "comment"
    assert not page.locator("dialog[open]").count() and not versions(expert)
    press(page, "Escape")
    assert page.evaluate("document.activeElement.id") != "comment"


@pytest.mark.browser
def test_a_table_is_a_stop_and_fades_only_where_it_is_cut(live_site, open_page):
    project = make_project("tables")
    row = "| " + " | ".join("a-long-word" for _ in range(12)) + " |"
    make_item(project, ["| a | b |\n| --- | --- |\n| 1 | 2 |", f"{row}\n{'| --- ' * 12}|\n{row}"])
    expert = make_member(project, "annotator")
    page = open_bench(open_page, expert, project, viewport={"width": 1000, "height": 900})
    page.locator(".table-scroll.more-after").wait_for()
    stops = page.evaluate(
        "[...document.querySelectorAll('.answer-body :is(.table-scroll, table)')].filter((n) => "
        "n.tabIndex === 0).map((n) => n.className)"
    )
    assert stops == ["table-scroll more-after"]
    page.evaluate(
        "(() => { const n = document.querySelector('.more-after'); n.scrollLeft = n.scrollWidth; })()"
    )
    page.locator(".table-scroll.more-before:not(.more-after)").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_of_the_bench_is_too_small_and_the_dock_is_one_line(live_site, open_page, language):
    small = """[...document.querySelectorAll('#bench *, .bench-bar *')].filter((n) => n.checkVisibility() && [...n.childNodes].some((c) =>
        c.nodeType === 3 && c.data.trim()) && parseFloat(getComputedStyle(n).fontSize) < 12 && !n.closest('.markdown')).map((n) => n.outerHTML)"""  # noqa: E501
    project, expert = ranking_project(ratings="overall")
    page = open_bench(open_page, expert, project, language=language)
    page.click("#dock details.menu summary")
    assert page.evaluate(small) == []
    press(page, "Escape a b l")
    tops = page.evaluate(
        "[...document.querySelectorAll('.dock-buttons > *, .dock-tools > button, .dock "
        ".chips')].filter((n) => n.checkVisibility())"
        ".map((n) => n.getBoundingClientRect()).map((b) => Math.round(b.top + b.height / 2))"
    )
    assert max(tops) - min(tops) <= 4, tops
    checking, checker = qa_project(items=1)
    page = open_bench(open_page, checker, checking, language=language, phone=True)
    assert page.evaluate(small) == []


@pytest.mark.browser
def test_the_difference_turns_one_text_into_the_other(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    result = page.evaluate(
        """async () => {
          const { diff, withLineEnds } = await import("/static/annotation/bench/diff.js");
          const pieces = ["高", "血", "压", "，", "5", " mg", "50", "the dose", " ", "\\n", "is ", "不", "😀", "é", "10⁹", "-", "**"];
          let seed = 7;
          const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
          const text = () => Array.from({ length: random(25) }, () => pieces[random(pieces.length)]).join("");
          for (let i = 0; i < 400; i++) {
            const [a, b] = [text(), text()];
            const d = diff(a, b);
            const before = d.filter(([s]) => s !== "+").map(([, x]) => x).join("");
            const after = d.filter(([s]) => s !== "-").map(([, x]) => x).join("");
            if (before !== a || after !== b) return [a, b, d];
          }
          const long = "高血压患者每日服用".repeat(4000);
          const start = performance.now();
          diff(long, long.replace(/每日/g, (m, at) => (at % 3 ? m : "每周")) + "完");
          const ms = performance.now() - start;
          const anew = "1. 先停药；2. 再复查。".repeat(300) + "完全不同的一段话。".repeat(300);
          const rewritten = diff(long, anew);
          if (rewritten.filter(([s]) => s !== "-").map(([, x]) => x).join("") !== anew) return ["rewritten"];
          return { ms, dose: diff("每日 5 mg 口服", "每日 50 mg 口服"), ends: withLineEnds("a\\nc", "a\\r\\nb") };
        }"""  # noqa: E501
    )
    assert isinstance(result, dict), result
    assert result["dose"] == [["=", "每日 "], ["-", "5"], ["+", "50"], ["=", " mg 口服"]]
    assert result["ends"] == "a\r\nc"
    assert result["ms"] < 1000


@pytest.mark.browser
def test_the_ranking_state(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    result = page.evaluate(
        """async () => {
          const r = await import("/static/annotation/bench/ranking.js");
          const letters = ["A", "B", "C", "D"];
          const back = (doc) => r.toDocument(r.fromDocument(doc), letters);
          const docs = [
            { ranking: [["B"], ["A", "D"], ["C"]], acceptable: 2, strength: [3, 0] },
            { ranking: [["B"]], rest: "worse" }, { acceptable: 0 }, { ranking: [["A", "B"]], acceptable: 1, rest: "worse" }, {},
          ];
          const same = docs.map((doc) => JSON.stringify(back(doc), Object.keys(doc).sort()) === JSON.stringify(doc, Object.keys(doc).sort()));
          const s = r.fromDocument(docs[0]);
          return {
            same,
            moved: r.sentence(r.shift(s, "D", 1)),
            lineLeft: r.sentence(r.shift(s, r.LINE, -1)),
            into: r.sentence(r.place(s, "C", 0, true)),
            outOfTie: r.sentence(r.shift(s, "A", -1)),
            partial: r.incomplete(r.add(r.empty(), "A"), letters),
          };
        }"""  # noqa: E501
    )
    assert result["same"] == [True] * 5
    assert result["moved"] == "B › A › D | C"
    assert result["lineLeft"] == "B | A = D › C"
    assert result["into"] == "B = C › A = D |"
    assert result["outOfTie"] == "B › A › D | C"
    assert result["partial"] == "rank_another"


@pytest.mark.parametrize(("language", "words"), [("en", "done today: 1"), ("zh", "今日完成 1 条")])
def test_a_phone_shows_ones_own_count_move(live_site, open_page, language, words):
    project, expert = ranking_project("a-cardiology-project-of-long-title", overlap=2)
    type(expert).objects.filter(pk=expert.pk).update(first_name="Maximiliane Hohenfels")
    page = open_bench(open_page, expert, project, phone=True, language=language)
    press(page, "a b c d Enter Enter")
    page.get_by_text("A tenant in Ontario").filter(visible=True).first.wait_for()
    page.locator("#progress-mine:visible", has_text=words).wait_for()
    done = {
        "en": "1 done · 1 left",
        "zh": "已完成 1 · 还剩 1",
    }  # an item needs two
    assert page.inner_text("#progress-text") == done[language]
    press(page, "a")
    page.locator("#saved", has_text=":").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    count, saved, bar = (page.locator(what).bounding_box() for what in (".bench-count", "#saved", ".bar"))
    assert count["x"] + count["width"] <= saved["x"] + 0.5
    # not cut
    assert page.evaluate("(node => node.scrollWidth <= node.clientWidth)(document.getElementById('saved'))")
    assert bar["y"] <= count["y"]
    assert count["y"] + count["height"] <= bar["y"] + bar["height"]
