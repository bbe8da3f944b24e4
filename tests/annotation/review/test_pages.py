"""Review: the list and its filters, annotators side by side, accept, return, settle; never own work."""

import re

import pytest
from django.test import Client

from annotation.bench.payload import review_order
from annotation.models import Annotation, Consensus, Item, ItemTag, Review
from annotation.work import queue, review, submit
from core.models import Event
from tests.cast import make_item, make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def judge(project, user, given=None, **more):
    """`user` claims the next item and submits; `given` ranks by slot: [[slot, …], …]."""
    a = queue.claim(project=project, user=user)
    letter = {slot: "ABCDEFGHIJ"[i] for i, slot in enumerate(a.order)}
    groups = given or [[s] for s in range(a.item.slot_count)]
    document = {"ranking": [[letter[s] for s in g] for g in groups]} if a.item.kind == "ranking" else {}
    for c in more.get("corrections", []):
        c["answer"] = letter[c["answer"]]
    return submit.submit(user=user, pk=a.pk, given=document | more, client_key="key").annotation


@pytest.fixture
def cast():
    project = make_project("p", overlap=2)
    people = {
        "ann": make_member(project, "annotator"),
        "bob": make_member(project, "annotator"),
        "rev": make_member(project, "reviewer"),
    }
    item = make_item(project, ["the first answer", "the second answer", "the third answer"], overlap=3)
    return project, people, item


def rows(client, **query):
    response = client.get("/p/p/review/", query)
    assert response.status_code == 200
    return [row.pk for item in response.context["rows"] for row in item.judgements]


def test_filters(cast):
    project, people, item = cast
    first = judge(
        project, people["ann"], corrections=[{"target": "response", "answer": 0, "text": "a better answer"}]
    )
    second = judge(project, people["bob"], [[2], [1], [0]])
    client = signed_in(people["rev"])
    both = [first.pk, second.pk]
    alone = make_item(project)
    third = judge(project, people["ann"], flags=["needs_second_opinion", "nonsense"])
    assert third.item == alone
    assert rows(client) == [*both, third.pk]
    assert rows(client, corrections="on") == both
    assert rows(client, annotator=third.annotator.pseudonym) == [*both, third.pk]
    assert rows(client, annotator=second.annotator.pseudonym) == both
    assert rows(client, low="on") == both
    assert rows(client, flag="nonsense") == rows(client, flag="needs_second_opinion") == [third.pk]
    assert rows(client, flag="personal_data") == []
    assert rows(client, tag="t") == []
    ItemTag.objects.create(item=item, name="t")
    assert rows(client, tag="t") == both
    review.accept(annotation=first, reviewer=people["rev"])
    assert rows(client) == [*both, third.pk]  # one of the item's is still to be reviewed
    review.accept(annotation=second, reviewer=people["rev"])
    assert rows(client) == [third.pk]
    assert rows(client, state="accepted") == both
    assert rows(client, state="all") == [*both, third.pk]
    odds = ({"state": "x"}, {"at": "x"}, {"at": "nan_1"}, {"at": "1_-1"}, {"annotator": "'"}, {"flag": "y"})
    for odd in odds:
        assert client.get("/p/p/review/", odd).status_code == 200


def test_the_least_agreed_comes_first_and_pages_follow_each_other(cast, monkeypatch):
    project, people, item = cast
    others = [make_item(project, overlap=3) for _n in range(3)]
    for _n in range(4):
        judge(project, people["ann"])
    for groups in ([[0], [1], [2]], [[2], [1], [0]], [[0], [2], [1]]):
        judge(project, people["bob"], groups)
    client = signed_in(people["rev"])
    assert [*Item.objects.order_by("pk").values_list("agreement", flat=True)] == [
        1.0,
        -1.0,
        pytest.approx(1 / 3),
        None,
    ]
    wanted = [others[0].pk, others[1].pk, item.pk, others[2].pk]
    assert [row.pk for row in client.get("/p/p/review/").context["rows"]] == wanted
    monkeypatch.setattr("annotation.review.views.PAGE", 1)
    seen, at = [], None
    while True:
        page = client.get("/p/p/review/", {"at": at} if at else {})
        seen += [row.pk for row in page.context["rows"]]
        at = page.context["next"]
        if at is None:
            break
    assert seen == wanted
    desk = client.get(f"/p/p/review/{others[1].pk}/")
    assert (desk.context["previous"], desk.context["next"]) == (others[0].pk, item.pk)


def test_flags_are_counted_and_stand_on_the_row(cast):
    project, people, _item = cast
    judge(project, people["ann"], flags=["needs_second_opinion"])
    judge(project, people["bob"], flags=["needs_second_opinion"])
    page = signed_in(people["rev"]).get("/p/p/review/")
    assert [(flag, n) for flag, _label, n, _on in page.context["flags"]] == [("needs_second_opinion", "1")]
    assert [flag for flag, _label in page.context["rows"][0].flags] == ["needs_second_opinion"]
    assert [(state, n) for state, _label, n, _on in page.context["states"]] == [
        ("submitted", "1"),
        ("accepted", ""),
        ("returned", "0"),
        ("all", ""),
    ]


def test_the_list_holds_no_own_work_no_hidden_item_and_no_names(cast):
    project, people, item = cast
    people["ann"].first_name = "Real Name"
    people["ann"].save()
    theirs, own = judge(project, people["ann"]), judge(project, people["rev"])
    client = signed_in(people["rev"])
    assert rows(client) == [theirs.pk]
    html = client.get("/p/p/review/").content.decode()
    assert "Real Name" not in html
    assert people["ann"].username not in html
    assert own.annotator.pseudonym not in html
    queue.report(user=people["bob"], item=item)
    assert rows(client) == []


def test_the_list_costs_the_same_for_many(cast, django_assert_num_queries):
    project, people, _item = cast
    for _i in range(8):
        make_item(project)
    for _i in range(9):
        judge(project, people["ann"])
    client = signed_in(people["rev"])
    client.get("/p/p/review/")  # takes down what was judged
    # session, person, membership, what is not taken down, whose items, items, their judgements, two states,
    # three flags, switcher, chat
    with django_assert_num_queries(14):
        client.get("/p/p/review/")


def test_side_by_side_by_pseudonym_with_sentence_line_ratings_and_diffs(cast):
    project, people, item = cast
    correction = {"target": "response", "answer": 0, "text": "the first *answer*!", "evidence": "§ 188"}
    a = judge(
        project,
        people["ann"],
        [[1], [0, 2]],
        acceptable=1,
        corrections=[correction],
        comment="dose <b>wrong</b>",
    )
    judge(project, people["bob"], [[0], [1], [2]], acceptable=0)
    response = signed_in(people["rev"]).get(f"/p/p/review/{item.pk}/")
    html = response.content.decode()
    shown = {row.pk: row.judgement for row in response.context["rows"]}
    letter = {answer["slot"]: answer["letter"] for answer in response.context["shown"]["answers"]}
    tie = " = ".join([letter[0], letter[2]])
    assert shown[a.pk]["sentence"] in {
        f"{letter[1]} | {tie}",
        f"{letter[1]} | {' = '.join([letter[2], letter[0]])}",
    }
    assert "None of the answers is acceptable" in html
    assert "<ins>" in html
    assert "§ 188" in html
    assert "dose &lt;b&gt;wrong" in html
    assert a.annotator.pseudonym in html
    assert people["ann"].username not in html
    # a random token may hold any two letters
    told = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", html)
    assert "cast-model" not in told.split('class="answers"')[1]


def test_letters_are_the_same_for_every_reviewer_and_tell_nothing_of_the_import(cast):
    project, people, _item = cast
    orders = set()
    for _i in range(12):
        item = make_item(project)
        pages = [
            signed_in(user).get(f"/p/p/review/{item.pk}/").context["shown"]["order"]
            for user in (people["rev"], make_member(project, "manager"))
        ]
        assert pages[0] == pages[1]
        orders.add(tuple(pages[0]))
    assert len(orders) > 1


def test_letters_in_free_text_are_told_in_the_readers_letters(cast):
    project, people, item = cast
    a = queue.claim(project=project, user=people["ann"])
    first, second, third = review_order(item)
    a.order = [second, first, third]
    a.save(update_fields=["order"])
    given = {"ranking": [["A"], ["B"], ["C"]]}
    submit.submit(
        user=people["ann"], pk=a.pk, given=given | {"comment": "the wrong dose is in A"}, client_key="1"
    )
    b = queue.claim(project=project, user=people["bob"])
    b.order = [second, first, third]
    b.save(update_fields=["order"])
    submit.submit(user=people["bob"], pk=b.pk, given=given, client_key="1")  # without a word
    html = signed_in(people["rev"]).get(f"/p/p/review/{item.pk}/").content.decode()
    assert html.count("In their letters: A is B here, B is A here") == html.count("In their letters") == 1


def test_accept_goes_on_to_the_next_work(cast):
    project, people, item = cast
    first, second = judge(project, people["ann"]), judge(project, people["bob"])
    client = signed_in(people["rev"])
    response = client.post(
        f"/p/p/review/{item.pk}/{first.pk}/accept/", {"version": first.head_id, "next": "1"}
    )
    assert response["Location"] == f"/p/p/review/{item.pk}/"
    assert Annotation.objects.get(pk=first.pk).state == "accepted"
    assert Review.objects.get().reviewer == people["rev"]
    response = client.post(f"/p/p/review/{item.pk}/{second.pk}/accept/", {"next": "1"})
    assert response["Location"] == "/p/p/review/"


def test_work_that_changed_meanwhile_is_not_accepted_unread(cast):
    project, people, item = cast
    annotation = judge(project, people["ann"])
    seen = annotation.head_id
    a = annotation.item.assignments.get(annotator=annotation.annotator)
    submit.submit(user=people["ann"], pk=a.pk, given={"ranking": [["C"], ["B"], ["A"]]}, client_key="again")
    response = signed_in(people["rev"]).post(
        f"/p/p/review/{item.pk}/{annotation.pk}/accept/", {"version": seen}
    )
    assert response.status_code == 409
    assert "has changed since" in response.content.decode()
    assert Annotation.objects.get(pk=annotation.pk).state == "submitted"


def test_return_needs_a_comment(cast):
    project, people, item = cast
    annotation = judge(project, people["ann"])
    client = signed_in(people["rev"])
    refused = client.post(f"/p/p/review/{item.pk}/{annotation.pk}/return/", {"comment": "  "})
    assert refused.status_code == 400
    assert "Say what should be changed" in refused.content.decode()
    client.post(f"/p/p/review/{item.pk}/{annotation.pk}/return/", {"comment": "line one\r\nline two"})
    assert Annotation.objects.get(pk=annotation.pk).state == "returned"
    assert Review.objects.get().comment == "line one\nline two"


def test_settle_and_withdraw(cast):
    project, people, item = cast
    annotation = judge(project, people["ann"])
    client = signed_in(people["rev"])
    client.post(f"/p/p/review/{item.pk}/settle/", {"version": annotation.head_id})
    assert Item.objects.get(pk=item.pk).state == "settled"
    assert Consensus.objects.get().version_id == annotation.head_id
    html = client.get(f"/p/p/review/{item.pk}/").content.decode()
    assert "Withdraw the settlement" in html
    assert "Settle with this" not in html
    assert client.post(f"/p/p/review/{item.pk}/settle/", {"version": annotation.head_id}).status_code == 409
    client.post(f"/p/p/review/{item.pk}/unsettle/")
    assert Item.objects.get(pk=item.pk).state == "open"
    assert client.post(f"/p/p/review/{item.pk}/unsettle/").status_code == 409


@pytest.mark.parametrize("version", ["", "0", "x", "9" * 30, "²"])
def test_settling_with_no_version_is_not_found(cast, version):
    _project, people, item = cast
    assert (
        signed_in(people["rev"]).post(f"/p/p/review/{item.pk}/settle/", {"version": version}).status_code
        == 404
    )


def test_own_work_has_no_buttons_and_is_refused(cast):
    project, people, item = cast
    own = judge(project, people["rev"])
    client = signed_in(people["rev"])
    html = client.get(f"/p/p/review/{item.pk}/").content.decode()
    assert "Nobody reviews their own work" in html
    assert f"/{own.pk}/accept/" not in html
    assert "Settle with this" not in html
    assert client.post(f"/p/p/review/{item.pk}/{own.pk}/accept/").status_code == 403
    assert client.post(f"/p/p/review/{item.pk}/{own.pk}/return/", {"comment": "x"}).status_code == 403
    assert client.post(f"/p/p/review/{item.pk}/settle/", {"version": own.head_id}).status_code == 403
    assert not Review.objects.exists()
    assert not Consensus.objects.exists()


def test_a_manager_reveals_names_and_that_is_kept(cast):
    project, people, item = cast
    annotation = judge(project, people["ann"])
    manager = make_member(project, "manager")
    assert people["ann"].username not in signed_in(manager).get(f"/p/p/review/{item.pk}/").content.decode()
    response = signed_in(manager).post(f"/p/p/review/{item.pk}/reveal/")
    html = response.content.decode()
    assert people["ann"].username in html
    assert "cast-model-0" in html
    assert annotation.annotator.pseudonym in html
    assert "no-store" in response["Cache-Control"]
    event = Event.objects.get(verb="reveal")
    assert (event.actor, event.target_id) == (manager, item.pk)
    assert signed_in(people["rev"]).post(f"/p/p/review/{item.pk}/reveal/").status_code == 403
    assert Event.objects.filter(verb="reveal").count() == 1


def test_qa_work_reads_as_verdict_with_reasons_and_claims():
    project = make_project("p", kind="qa")
    user = make_member(project, "annotator")
    item = make_item(project, ["three years"])
    judge(
        project,
        user,
        verdict="drop",
        reasons=["wrong_answer"],
        claims=[{"text": "three years", "state": "contradicted", "sentence": 1}],
    )
    html = signed_in(make_member(project, "reviewer")).get(f"/p/p/review/{item.pk}/").content.decode()
    assert "Drop" in html
    assert "The answer is wrong" in html
    assert "contradicted" in html


@pytest.mark.parametrize("path", ["reveal/", "settle/", "unsettle/", "1/accept/", "1/return/"])
def test_decisions_take_a_post_and_the_role(cast, path):
    project, people, item = cast
    address = f"/p/p/review/{item.pk}/{path}"
    opened = signed_in(make_member(project, "manager")).get(address)
    # nothing is done, and the page comes
    assert (opened.status_code, opened["Location"]) == (302, f"/p/p/review/{item.pk}/")
    assert signed_in(people["ann"]).post(address).status_code == 403
    assert signed_in(make_user()).post(address).status_code == 404
    assert Client().post(address).status_code == 302


def test_an_annotation_of_another_item_or_project_is_not_there(cast):
    _project, people, item = cast
    other = make_project("other")
    make_item(other)
    foreign = judge(other, make_member(other, "annotator"))
    client = signed_in(people["rev"])
    assert client.post(f"/p/p/review/{item.pk}/{foreign.pk}/accept/").status_code == 404
    assert client.post(f"/p/p/review/{item.pk}/settle/", {"version": foreign.head_id}).status_code == 404
    assert client.get(f"/p/p/review/{foreign.item_id}/").status_code == 404


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_comment_written_before_the_login_ended_comes_back(live_site, open_page):
    project = make_project("p")
    make_item(project, ["one", "two"])
    annotation = judge(project, make_member(project, "annotator"))
    page = open_page(make_member(project, "reviewer", make_user("rev")))
    page.expect_errors("Error Code 401")  # the desk's request finds nobody signed in
    page.goto(f"/p/p/review/{annotation.item_id}/")
    page.click("text=Return with a comment")
    page.fill("[name=comment]", "剂量请再核对")
    page.context.clear_cookies(name="sessionid")
    page.locator(".work form[data-keep] button").click()
    page.fill("[name=username]", "rev")
    page.fill("[name=password]", "correct horse battery")
    page.locator("form.stack button").click()
    page.wait_for_url(f"**/p/p/review/{annotation.item_id}/")
    page.get_by_text("What you had written is back").wait_for()
    assert page.input_value("[name=comment]") == "剂量请再核对" and page.is_visible("[name=comment]")
    assert not Review.objects.exists()
    page.locator(".work form[data-keep] button").click()
    page.get_by_text("Returned to its author").wait_for()
    assert Review.objects.get().comment == "剂量请再核对"
