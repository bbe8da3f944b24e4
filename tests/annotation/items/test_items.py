"""The list of items, one item, and what becomes of a hidden one."""

import pytest
from django.test import Client

from annotation.items import forms as items_forms
from annotation.items.filter import WORDS
from annotation.models import Annotation, Item, ItemFlag, ItemTag
from annotation.work import queue, submit
from core.models import Event
from corpus.models import Prompt, PromptOrigin, Response
from tests.annotation.results.judged import judge
from tests.cast import make_annotator, make_item, make_member, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    project = make_project("p", overlap=2)
    clients = {}
    for role in ("annotator", "reviewer", "manager"):
        clients[role] = Client()
        clients[role].force_login(make_member(project, role))
    return project, clients


def rows(client, **query):
    response = client.get("/p/p/items/", query)
    assert response.status_code == 200
    return [item.pk for item in response.context["rows"]]


def test_filters(cast):
    project, clients = cast
    done = make_item(project, state="done")
    qa = make_item(project, kind="qa", answers=["x"])
    ItemTag.objects.create(item=qa, name="用药")
    PromptOrigin.objects.create(prompt=done.prompt, external_id="case-17")
    reviewer = clients["reviewer"]
    assert rows(reviewer) == [done.pk, qa.pk]
    assert rows(reviewer, state="done") == [done.pk]
    assert rows(reviewer, kind="qa") == [qa.pk]
    assert rows(reviewer, tag="用药") == [qa.pk]
    assert rows(reviewer, tag="none") == []
    assert rows(reviewer, q=str(qa.pk)) == [qa.pk]
    assert rows(reviewer, q="case-17") == [done.pk]
    for odd in ({"q": "²"}, {"q": "9" * 40}, {"state": "nonsense"}, {"after": "x"}, {"q": "' OR 1=1"}):
        assert clients["reviewer"].get("/p/p/items/", odd).status_code == 200


def test_pages_hold_every_item_once_at_the_same_cost(cast, django_assert_num_queries):
    project, clients = cast
    made = [make_item(project).pk for _i in range(60)]
    client = clients["reviewer"]
    # session, person, membership, items with prompts, tags, switcher, whether the chat is open
    with django_assert_num_queries(7):
        first = client.get("/p/p/items/")
    assert f'href="?after={first.context["next"]}"' in first.content.decode()
    second = client.get(f"/p/p/items/?after={first.context['next']}")
    assert [i.pk for i in first.context["rows"]] + [i.pk for i in second.context["rows"]] == made
    assert second.context["next"] is None


def test_other_projects_items_are_not_there(cast):
    _project, clients = cast
    foreign = make_item(make_project("other"))
    assert foreign.pk not in rows(clients["manager"])
    assert clients["manager"].get(f"/p/p/items/{foreign.pk}/").status_code == 404
    assert clients["manager"].post(f"/p/p/items/{foreign.pk}/hide/").status_code == 404


def test_an_item_shows_texts_by_letter_and_no_model_name(cast):
    project, clients = cast
    item = make_item(project, ["**alpha**", "beta <script>x</script>"])
    for role in ("reviewer", "manager"):
        html = clients[role].get(f"/p/p/items/{item.pk}/").content.decode()
        assert "<strong>alpha</strong>" in html
        assert "<script>x" not in html
        assert "cast-model" not in html
        assert "cast-model" not in html.split('class="answers"')[1].split("</section>")[0]
    assert clients["annotator"].get(f"/p/p/items/{item.pk}/").status_code == 403


def test_reported_items_vanish_for_all_but_managers_who_restore(cast):
    project, clients = cast
    item = make_item(project)
    assert (
        clients["reviewer"].post(f"/p/p/items/{item.pk}/hide/", {"comment": "a phone number"}).status_code
        == 302
    )
    assert rows(clients["reviewer"]) == []
    assert clients["reviewer"].get(f"/p/p/items/{item.pk}/").status_code == 404
    assert queue.claim(project=project, user=make_member(project, "annotator")) is None
    assert rows(clients["manager"], hidden="on") == [item.pk]
    assert "a phone number" in clients["manager"].get(f"/p/p/items/{item.pk}/").content.decode()
    assert (
        clients["reviewer"].post(f"/p/p/items/{item.pk}/decide/", {"decision": "restore"}).status_code == 403
    )
    clients["manager"].post(f"/p/p/items/{item.pk}/decide/", {"decision": "restore"})
    assert rows(clients["reviewer"]) == [item.pk]
    assert ItemFlag.objects.get().outcome == "restored"


def test_deleting_the_content_leaves_no_text_behind(cast):
    project, clients = cast
    prompt = make_prompt(project, "my number is 13800000000")
    item = make_item(project, prompt=prompt)
    make_item(project, kind="demonstration", answers=[], prompt=prompt)
    other = make_item(project)
    manager = clients["manager"]
    assert manager.post(f"/p/p/items/{item.pk}/decide/", {"decision": "delete"}).status_code == 409, (
        "hide first"
    )
    assert Item.objects.filter(pk=item.pk).exists()
    clients["reviewer"].post(f"/p/p/items/{item.pk}/hide/")
    assert manager.post(f"/p/p/items/{item.pk}/decide/", {"decision": "nonsense"}).status_code == 400
    assert manager.post(f"/p/p/items/{item.pk}/decide/", {"decision": "delete"}).status_code == 302
    assert list(Item.objects.values_list("pk", flat=True)) == [other.pk]
    assert not Prompt.objects.filter(pk=prompt.pk).exists()
    assert not Response.objects.filter(prompt=prompt.pk).exists()
    event = Event.objects.get(verb="content.delete")
    assert len(event.data["items"]) == 2
    assert "13800000000" not in str(event.data)


def test_tags(cast):
    project, clients = cast
    item = make_item(project)
    clients["manager"].post(f"/p/p/items/{item.pk}/tags/", {"tags": "用药，hard, hard ,"})
    assert sorted(item.tags.values_list("name", flat=True)) == ["hard", "用药"]
    clients["manager"].post(f"/p/p/items/{item.pk}/tags/", {"tags": "hard"})
    assert list(item.tags.values_list("name", flat=True)) == ["hard"]
    assert clients["reviewer"].post(f"/p/p/items/{item.pk}/tags/", {"tags": "x"}).status_code == 403


@pytest.mark.parametrize("action", ["hide", "decide", "tags"])
def test_changes_take_a_post(cast, action):
    project, clients = cast
    item = make_item(project)
    assert (
        clients["manager"].get(f"/p/p/items/{item.pk}/{action}/").headers["Location"]
        == f"/p/p/items/{item.pk}/"
    )
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/p/p/items/{item.pk}/{action}/").status_code == 404


def test_who_holds_it_says_what_became_of_the_judgement(cast):
    project, clients = cast
    user = make_member(project, "annotator")
    item = make_item(project)
    given = submit.submit(
        user=user,
        pk=queue.claim(project=project, user=user).pk,
        given={"ranking": [["A"], ["B"]]},
        client_key="k",
    ).annotation

    def state():
        return clients["manager"].get(f"/p/p/items/{item.pk}/").context["assignments"][0].shown_state

    assert state() == "Submitted"
    Annotation.objects.filter(pk=given.pk).update(state="returned")
    assert state() == "Returned"
    assert "Returned" in clients["manager"].get(f"/p/p/items/{item.pk}/").content.decode()


def test_the_form_offers_whatever_a_link_asks_for(cast):
    """Numbers elsewhere lead to several states at once; the form shows them as chosen, and finds no fault."""
    project, clients = cast
    made = make_item(project)
    model = made.answers.first().response.model_version_id
    asked = [(name, value) for name in ("state", "kind", "has", "flag") for value in WORDS[name]]
    asked += [("model", "none"), ("model", str(model)), ("agreed_from", "-1"), ("agreed_below", "0.2")]
    for name, value in asked:
        page = clients["manager"].get("/p/p/items/", {name: value})
        assert page.context["form"].errors == {}, (name, value)
        shown = page.context["form"].fields[name]
        assert name.startswith("agreed") or value in dict(shown.choices), (name, value)


def test_a_model_is_offered_beyond_the_first(cast, monkeypatch):
    project, clients = cast
    monkeypatch.setattr(items_forms, "MOST_MODELS", 1)
    made = make_item(project)
    last = made.answers.order_by("-response__model_version__name").first().response.model_version_id
    assert clients["manager"].get("/p/p/items/", {"model": last}).context["form"].errors == {}


def test_a_flag_of_an_answer_finds_its_item(cast):
    project, clients = cast
    flagged, _other = make_item(project), make_item(project)
    ranking = {"ranking": [[0], [1], [2]]}
    judge(flagged, make_annotator(project), ranking | {"answer_flags": {"1": ["harmful"]}})
    assert rows(clients["reviewer"], flag="harmful") == [flagged.pk]
    assert rows(clients["reviewer"], flag="truncated") == []
