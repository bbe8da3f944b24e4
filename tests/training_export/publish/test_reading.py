"""The rows of a data set on a page: every row of the file once, each with what it was made of."""

import json
import re

import pytest
from django.test import Client

from tests import cast
from tests.training_export import judged
from tests.training_export.formats.format_files import ALONE, raw_rows
from tests.training_export.publish.test_snapshots import fill
from training_export.options import ExportOptions
from training_export.publish import reading, snapshots

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return fill(judged.project(slug="read"), 30)


@pytest.fixture
def manager(project):
    client = Client()
    client.force_login(cast.make_member(project, "manager"))
    return client


def built(project, form):
    return snapshots.build(project=project, actor=None, options=ExportOptions(format=form))


def walk(bundle, name):
    """All rows of the file, page after page."""
    found, place = [], reading.Place()
    while place is not None:
        rows, place = reading.page_of(bundle, name, place)
        found += rows
    return found


@pytest.mark.parametrize("form", ALONE)
def test_every_row_of_every_file_stands_on_one_page_with_its_own_provenance(project, form):
    bundle = built(project, form)
    for entry in (e for e in bundle.files if e["role"] == "data"):
        path = snapshots.folder_of(bundle) / entry["path"]
        lines = raw_rows(path)
        beside = path.parent / "provenance" / f"{path.stem}.jsonl"
        sides = (
            [json.loads(line) for line in beside.read_text().splitlines()]
            if beside.exists()
            else [row["provenance"] for row in lines]
        )
        rows = walk(bundle, entry["path"])
        assert [row.number for row in rows] == list(range(1, len(lines) + 1)) and len(lines) == entry["rows"]
        assert [row.provenance for row in rows] == sides
        wanted = [{k: v for k, v in row.items() if beside.exists() or k != "provenance"} for row in lines]
        assert [row.fields for row in rows] == wanted


def test_the_count_of_a_file_leads_to_its_rows_and_each_row_to_its_item(project, manager):
    bundle = built(project, "trl-preference")
    page = manager.get(f"/p/read/exports/{bundle.snapshot.number}/").content.decode()
    address = re.search(r'href="(/p/read/exports/\d+/rows/\?file=[^"]+)"', page)[1]
    seen = []
    while address:
        page = manager.get(address.replace("&amp;", "&")).content.decode()
        seen += [int(n) for n in re.findall(r'href="/p/read/items/(\d+)/"', page)]
        following = re.search(r'href="(\?[^"]*at=[^"]+)"', page)
        address = f"/p/read/exports/{bundle.snapshot.number}/rows/" + following[1] if following else None
    rows = walk(bundle, bundle.files[0]["path"])
    assert len(rows) > reading.PAGE and seen == [row.provenance["item"] for row in rows]


@pytest.mark.parametrize("at", ["", "x", "1-2", "21-5-5", "21-999999999-0", "-1-0-0", "²-0-0", "9" * 40])
def test_a_place_where_no_row_begins_is_the_beginning(project, manager, at):
    bundle = built(project, "trl-preference")
    name = bundle.files[0]["path"]
    answer = manager.get(f"/p/read/exports/{bundle.snapshot.number}/rows/", {"file": name, "at": at})
    assert answer.status_code == 200 and 'id="row-1"' in answer.content.decode()


@pytest.mark.parametrize(
    "name", ["", "manifest.json", "../../db.sqlite3", "provenance/train.jsonl", "x.jsonl"]
)
def test_only_files_of_rows_are_read(project, manager, name):
    bundle = built(project, "trl-preference")
    answer = manager.get(f"/p/read/exports/{bundle.snapshot.number}/rows/", {"file": name})
    assert answer.status_code == 404


def test_long_texts_are_shortened_and_rows_are_the_manager_s(project):
    assert reading.shortened({"a": ["x" * 3000, 1]}) == {"a": ["x" * reading.LONGEST + " …", 1]}
    bundle = built(project, "trl-preference")
    reviewer = Client()
    reviewer.force_login(cast.make_member(project, "reviewer"))
    address = f"/p/read/exports/{bundle.snapshot.number}/rows/?file={bundle.files[0]['path']}"
    assert reviewer.get(address).status_code == 403
