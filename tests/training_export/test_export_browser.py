"""The export pages in a real browser: by keyboard, with a worker, down to the files; readable by everyone, on
a phone too."""

import io
import json
import zipfile

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.models import Job
from tests import cast, processes
from tests.training_export import judged
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def ward():
    project = judged.project(slug="ward")
    x, y, _z = judged.annotators(project)
    for n in range(4):
        item = judged.item(project, (f"好的回答 {n}", f"差的回答 {n}", f"Markdown <b>{n}</b>"))
        judged.judge(item, x, {"ranking": [[0], [1, 2]], "acceptable": 1})
        judged.judge(item, y, {"ranking": [[0], [1]]})
    return project, cast.make_member(project, "manager")


def serious(page) -> list:
    found = Axe().run(page).response["violations"]
    return [
        (v["id"], [n["html"][:120] for n in v["nodes"]][:3])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def test_a_manager_makes_a_data_set_by_keyboard_and_downloads_it(open_page, tmp_path):
    _project, manager = ward()
    with processes.worker(log=tmp_path / "worker.log"):
        page = open_page(manager)
        page.goto("/p/ward/exports/")
        page.locator('input[name="format"]').first.focus()
        page.keyboard.press("ArrowDown")
        assert page.locator('input[name="format"]:checked').get_attribute("value") == "trl-preference"
        page.keyboard.press("Enter")
        processes.until(
            lambda: Job.objects.filter(state="done").exists(), f"the export; {tmp_path}", seconds=60
        )
        page.get_by_role("link", name="No. 1").wait_for()  # the list renews itself when the job ends
        with page.expect_download() as waited:
            page.get_by_role("link", name="Download").press("Enter")
        archive = zipfile.ZipFile(io.BytesIO(waited.value.path().read_bytes()))
        rows = [
            json.loads(line) for line in archive.read("ward-000001-trl-preference/train.jsonl").splitlines()
        ]
        assert len(rows) == 8 and all(row["chosen"][0]["content"].startswith("好的回答") for row in rows)
        page.get_by_role("link", name="No. 1").press("Enter")
        page.get_by_role("heading", name="Left out, and why").wait_for()
        assert page.get_by_text("The answers were judged equal, or the votes are even.").is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_read_well_in_both_themes_and_on_a_phone(open_page, dark, tmp_path):
    project, manager = ward()
    for name in ("trl-preference", "llamafactory"):
        snapshots.build(project=project, actor=manager, options=ExportOptions.of({"format": name}))
    for phone in (False, True):
        page = open_page(manager, dark=dark, phone=phone, language="zh" if phone else "en")
        for url in ("/p/ward/exports/", "/p/ward/exports/1/", "/p/ward/exports/2/"):
            page.goto(url)
            for summary in page.locator("main details > summary").all():
                summary.click()
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), (
                url,
                phone,
            )
            assert serious(page) == [], (url, phone)
            shot = f"{'dark' if dark else 'light'}-{'phone' if phone else 'desk'}-{url.strip('/').replace('/', '-')}.png"  # noqa: E501
            page.screenshot(path=tmp_path / shot, full_page=True)
