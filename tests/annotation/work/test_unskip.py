"""A skip is taken back: the place, the counts, the text, and what is refused."""

import pytest

from annotation.models import Annotation, Assignment, DailyFigure
from annotation.statistics import own_work, progress
from annotation.work import queue, submit, take_back
from core.errors import Conflict
from core.models import Event
from tests.cast import make_cast, make_item

pytestmark = pytest.mark.django_db
RANKED = {"ranking": [["B"], ["A"], ["C"]]}


@pytest.fixture
def cast():
    return make_cast()


def skipped(cast, user=None, reason="not_my_field"):
    a = queue.claim(project=cast.project, user=user or cast.bob)
    return queue.skip(user=user or cast.bob, pk=a.pk, reason=reason, comment="dermatology")


def test_a_skip_is_taken_back_with_its_place_its_text_and_the_counts(cast):
    item = make_item(cast.project)
    a = queue.claim(project=cast.project, user=cast.bob)
    submit.save_draft(user=cast.bob, pk=a.pk, draft=RANKED, revision=0)
    queue.skip(user=cast.bob, pk=a.pk, reason="unclear")
    assert DailyFigure.objects.get().skipped == 1
    back = take_back.unskip(user=cast.bob, pk=a.pk)
    assert (back.state, back.slot, back.draft, back.skip_reason) == ("open", 0, RANKED, "")
    item.refresh_from_db()
    assert item.held == 1
    assert DailyFigure.objects.get().skipped == 0
    event = Event.objects.latest("pk")
    assert (event.verb, event.target_id, event.data) == ("unskip", item.pk, {"reason": "unclear"})
    assert queue.claim(project=cast.project, user=cast.bob).pk == a.pk
    submit.submit(user=cast.bob, pk=a.pk, given=RANKED, client_key="k")
    assert not Annotation.objects.get().head.late


def test_what_is_open_meanwhile_is_set_aside(cast):
    make_item(cast.project), make_item(cast.project), make_item(cast.project)
    first = skipped(cast)
    second = queue.claim(project=cast.project, user=cast.bob)
    third = queue.claim(project=cast.project, user=cast.bob, reserve=True)
    take_back.unskip(user=cast.bob, pk=first.pk)
    states = dict(Assignment.objects.values_list("pk", "state"))
    assert states == {first.pk: "open", second.pk: "reserved", third.pk: "released"}


def test_a_skip_whose_place_is_taken_stays_one(cast):
    make_item(cast.project, overlap=1)
    a = skipped(cast)
    assert own_work.undoable(a.annotator) == [{"id": a.pk, "kind": "skip"}]
    queue.claim(project=cast.project, user=cast.carol)
    assert own_work.undoable(a.annotator) == []
    with pytest.raises(Conflict) as refused:
        take_back.unskip(user=cast.bob, pk=a.pk)
    assert refused.value.code == "not_undoable"
    a.refresh_from_db()
    assert (a.state, a.skip_reason) == ("skipped", "not_my_field")


def test_what_was_not_skipped_or_is_hidden_is_refused(cast):
    item = make_item(cast.project, overlap=2)
    a = queue.claim(project=cast.project, user=cast.bob)
    with pytest.raises(Conflict, match="can no longer be taken back"):
        take_back.unskip(user=cast.bob, pk=a.pk)
    queue.skip(user=cast.bob, pk=a.pk, reason="unclear")
    Assignment.objects.filter(pk=a.pk).update(skip_reason="")  # put aside by a report
    assert own_work.undoable(a.annotator) == []
    with pytest.raises(Conflict, match="can no longer be taken back"):
        take_back.unskip(user=cast.bob, pk=a.pk)
    queue.report(user=cast.alice, item=item)
    with pytest.raises(Conflict) as refused:
        take_back.unskip(user=cast.bob, pk=a.pk)
    assert refused.value.code == "item_hidden"


def test_over_http_one_door_takes_back_submit_and_skip(cast, client):
    make_item(cast.project), make_item(cast.project)
    client.force_login(cast.bob)
    a = skipped(cast)
    b = queue.claim(project=cast.project, user=cast.bob)
    submit.submit(user=cast.bob, pk=b.pk, given=RANKED, client_key="k")
    for one in (a, b):
        answer = client.post(f"/api/v1/assignments/{one.pk}/undo/")
        assert answer.status_code == 200
        assert answer.json()["assignment"]["state"] == "open"
    client.force_login(cast.carol)
    assert client.post(f"/api/v1/assignments/{a.pk}/undo/").status_code == 404


def test_the_page_offers_what_can_be_taken_back(cast, client):
    make_item(cast.project), make_item(cast.project)
    a = skipped(cast)
    b = queue.claim(project=cast.project, user=cast.bob)
    made = submit.submit(user=cast.bob, pk=b.pk, given=RANKED, client_key="k").annotation
    both = [{"id": a.pk, "kind": "skip"}, {"id": b.pk, "kind": "submit"}]
    assert own_work.undoable(a.annotator) == both
    Annotation.objects.filter(pk=made.pk).update(state="accepted")
    assert own_work.undoable(a.annotator) == both[:1]


def test_own_done_and_left_are_exact(cast):
    for _i in range(4):
        make_item(cast.project)

    def figures():
        mine = queue.annotator_for(project=cast.project, user=cast.bob)
        found = progress.for_annotator(cast.project, mine, exact=True)
        return found["mine"], found["left"]

    assert progress.for_annotator(cast.project, None, exact=True)["left"] == 4
    a = queue.claim(project=cast.project, user=cast.bob)
    assert figures() == (0, 4)
    submit.submit(user=cast.bob, pk=a.pk, given=RANKED, client_key="k")
    assert figures() == (1, 3)
    b = skipped(cast)
    assert figures() == (1, 2)
    take_back.unskip(user=cast.bob, pk=b.pk)
    assert figures() == (1, 3)
    c = queue.claim(project=cast.project, user=cast.carol)
    assert c.item_id not in (a.item_id, b.item_id)
    assert figures() == (1, 2)  # the other two are held by bob and carol
