"""A file whose answers stand in columns with names of its own: what they are is proposed on the page, their
names are kept as the models, and a ranking project without answers is warned of."""

import pytest

from annotation.imports import proposal
from annotation.models import Annotation, BenchSettings
from core import jobs
from core.models import Job
from corpus.models import Response
from corpus.records import Inspection
from tests.annotation.imports.test_pages import form_of, upload

pytestmark = pytest.mark.django_db
OWN = (
    b"prompt,gpt,ours,judge,note\n"
    b"Warfarin and co-trimoxazole?,Carry on as usual.,Check the INR after three days.,2,clear\n"
    b"Limitation of a contract claim?,Six years from the breach.,Twelve years in all.,1,\n"
    b"Duration or convexity?,The first-order term of it.,Both of the terms matter.,0,a tie for me\n"
)


def test_own_columns_are_proposed_and_only_what_wins_is_asked(client, project, manager):
    page = client.get(upload(client, project, OWN, name="own.csv").url)
    html, fields = page.content.decode(), form_of(page)
    assert "Taken for answers: gpt, ours" in html
    assert (fields["model_of_1"], fields["model_of_2"]) == ("gpt", "ours")
    taken = [fields[f"column_{i}"] for i in range(5)]
    assert taken == ["prompt", "answer_1", "answer_2", "winner", ""]
    assert fields["scale_3"] == "" and "0 = tie, 1 = gpt wins, 2 = ours wins" in html
    url = page.request["PATH_INFO"]
    assert client.post(url, fields | {"action": "start"}).status_code == 400 and not Job.objects.exists()
    client.post(url, fields | {"scale_3": "0-tie", "action": "start"})
    report = jobs.run_now(Job.objects.get()).result
    assert (report["imported"], report["annotations"]) == (3, 3)
    models = dict(Response.objects.values_list("text", "model_version__name"))
    assert models["Carry on as usual."] == "gpt" and models["Check the INR after three days."] == "ours"
    ranked = [a.head.document["ranking"] for a in Annotation.objects.order_by("item__prompt_id")]
    assert sorted(len(groups) for groups in ranked) == [1, 2, 2]


def test_the_names_of_columns_need_not_be_models(client, project, manager):
    page = client.get(upload(client, project, OWN, name="own.csv").url)
    fields = form_of(page) | {"scale_3": "0-tie", "model_of_1": "", "model_of_2": ""}
    url = page.request["PATH_INFO"]
    client.post(url, fields | {"action": "look"})
    again = client.get(url)
    assert form_of(again)["model_of_1"] == "" and "Taken for answers" not in again.content.decode()
    client.post(url, form_of(again) | {"action": "start"})
    jobs.run_now(Job.objects.get())
    assert not Response.objects.exclude(model_version=None).exists()


def test_answers_chosen_by_hand_keep_their_names_too(client, project, manager):
    body = b"frage,gpt,ours\nEins?,Ja.,Nein.\n"
    page = client.get(upload(client, project, body, name="own.csv").url)
    chosen = {"column_0": "prompt", "column_1": "answer_1", "column_2": "answer_2"}
    client.post(page.request["PATH_INFO"], form_of(page) | chosen | {"action": "start"})
    jobs.run_now(Job.objects.get())
    assert set(Response.objects.values_list("model_version__name", flat=True)) == {"gpt", "ours"}


@pytest.mark.parametrize(
    "names",
    [("a", "b"), ("left", "right"), ("answer_a", "answer_b"), ("1", "2"), ("better_answer", "worse_answer")],
)
def test_places_and_qualities_are_no_models(names):
    mapping = {f"answer_{n}": name for n, name in enumerate(names, 1)}
    assert proposal.with_models(mapping) == mapping


def test_a_ranking_project_is_warned_of_a_file_without_answers(client, project, manager):
    body = b"prompt,topic\nWarfarin?,medicine\nLimitation?,law\n"
    page = client.get(upload(client, project, body, name="own.csv").url)
    assert "its items would wait for answers" in page.content.decode()
    BenchSettings.objects.filter(project=project).update(kind="demonstration")
    page = client.get(upload(client, project, OWN, name="own.csv").url)
    html = page.content.decode()
    assert "would wait for answers" not in html and form_of(page)["column_1"] == ""


def test_notes_reasons_and_numbers_are_no_answers():
    row = {"prompt": "q", "reason": "because of this", "score": "3", "gpt": "a long enough text of it"}
    found = Inspection(container="csv", name="x", format="prompts", columns=list(row), sample=[row])
    found.mapping = {"prompt": "prompt"}
    assert proposal.mapping_for(found) == {}
