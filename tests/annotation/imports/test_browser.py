"""Import in real Chromium with a real worker: upload, name a column, count, start, read the report; without a
mouse; on a phone."""

import json

import pytest

from annotation.models import Item, SavedMapping
from corpus.models import Prompt
from tests import cast, processes

pytestmark = pytest.mark.browser
NASTY = "</td></script><img src=x onerror=alert(1)>"
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


def pairs(path):
    rows = [
        {
            "frage": f"问题 {i}{NASTY}" + "长" * 400,
            "chosen": f"好 {i}",
            "rejected": "同" if i % 5 == 0 else "坏",
            "note": "x",
        }
        for i in range(50)
    ]
    for row in rows[::5]:
        row["chosen"] = "同"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture
def manager(transactional_db):
    return cast.make_member(cast.make_project("p"), "manager")


@pytest.fixture
def working(live_site, tmp_path):
    with processes.worker(log=tmp_path / "worker.log"):
        yield


def problems(page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_load_state("networkidle")
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = [f"{page.url}: {over} px over the edge"] if over > 0 else []
    for violation in Axe().run(page, options=AXE).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            found += [
                f"{page.url}: {violation['id']} {node['html'][:160]} {node['failureSummary'][:300]}"
                for node in violation["nodes"][:3]
            ]
    return found


@pytest.mark.parametrize(("phone", "dark", "language"), [(False, False, "en"), (True, True, "zh")])
def test_from_file_to_report(open_page, live_site, manager, working, tmp_path, phone, dark, language):
    page = open_page(manager, phone=phone, dark=dark, language=language)
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the data ran: {dialog.message}"))
    found = []
    page.goto(live_site.url + "/p/p/import/")
    found += problems(page)
    page.set_input_files("#file", pairs(tmp_path / "rows.jsonl"))
    page.click("main button.primary")
    page.wait_for_selector("[name=column_0]")
    found += problems(page)
    assert page.input_value("[name=column_1]") == "chosen"
    page.select_option("[name=column_0]", "prompt")
    page.fill("#save_as", "german")
    page.focus("button[value=trial]")
    page.keyboard.press("Enter")
    # The numbers come by themselves once the worker has counted.
    page.wait_for_selector("#trial .import-counts", timeout=30_000)
    assert [v.inner_text() for v in page.query_selector_all("#trial .value")][:4] == ["50", "40", "0", "10"]
    found += problems(page)
    assert Item.objects.count() == 0
    page.focus("button[value=start]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#report .import-counts", timeout=30_000)
    assert [v.inner_text() for v in page.query_selector_all(".import-counts .value")] == [
        "50",
        "40",
        "0",
        "10",
        "40",
        "80",
        "40",
        "0",
    ]
    assert len(page.query_selector_all("#report tbody tr")) == 10
    found += problems(page)
    with page.expect_download() as download:
        page.click("a[href$='refused.csv']")
    assert len(download.value.path().read_text(encoding="utf-8-sig").splitlines()) == 11
    assert Item.objects.count() == 40 and SavedMapping.objects.get().name == "german"
    assert sum(NASTY in prompt.messages[0]["content"] for prompt in Prompt.objects.all()) == 40
    page.goto(live_site.url + "/p/p/import/")
    found += problems(page)
    assert "rows.jsonl" in page.inner_text("main") and not found, "\n".join(found)


def test_a_file_can_be_dropped_on_the_field(open_page, live_site, manager):
    page = open_page(manager)
    page.goto(live_site.url + "/p/p/import/")
    page.evaluate(
        """() => { const data = new DataTransfer();
        data.items.add(new File(['{"prompt": "dropped 1"}\\n{"prompt": "dropped 2"}\\n'], "d.jsonl"));
        document.getElementById("file").files = data.files; }"""
    )
    page.click("main button.primary")
    page.wait_for_selector("[name=column_0]")
    assert "dropped 2" in page.inner_text("main")


@pytest.mark.parametrize(
    ("phone", "dark", "language", "words"),
    [(False, True, "zh", "response_a 胜出"), (True, False, "en", "response_a wins")],
)
def test_which_answer_wins_is_chosen_and_seen(
    open_page, live_site, manager, tmp_path, phone, dark, language, words
):
    """A column of 0, 1 and 2: chosen on the page, and the first rows say in words what was chosen."""
    page = open_page(manager, phone=phone, dark=dark, language=language)
    rows = [
        {"prompt": f"q{i}", "response_a": "甲" * 200, "response_b": NASTY, "label": i % 3} for i in range(9)
    ]
    path = tmp_path / "r012.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    page.goto(live_site.url + "/p/p/import/")
    page.set_input_files("#file", path)
    page.click("main button.primary")
    page.wait_for_selector("#winners [aria-invalid]")
    found = problems(page)
    for scale, lines in (("0-tie", ["2", "5"]), ("0-first", ["1", "4"])):
        page.select_option("#winners select", scale)
        page.click("button[value=look]")
        page.wait_for_selector(f"#winners select:has(option[value='{scale}'][selected])")
        won = page.query_selector_all(".import-preview tbody tr")
        assert [
            row.query_selector("th").inner_text().strip() for row in won if words in row.inner_text()
        ] == lines
    found += problems(page)
    assert not found, "\n".join(found)
