"""Results equal an independent computation, on random projects and on ties, and every figure leads to exactly
what it counts."""

import csv
import io
import re
from html import unescape

import pytest
from django.test import Client

from annotation.models import Annotation, Facet, Outcome
from annotation.results import digest, figures, kept, tables
from annotation.results.figures import Scope
from annotation.work import queue, review, submit
from corpus.models import ModelVersion
from feedback.models import Reaction
from tests.annotation.results import independent
from tests.annotation.results.judged import judge, random_project
from tests.cast import make_annotator, make_item, make_project
from tests.feedback.talks import make_talk

pytestmark = pytest.mark.django_db


def near(found, wanted):
    if wanted is None:
        assert found is None
        return
    values = found[:3]
    for one, two in zip(values, wanted, strict=True):
        assert (one is None) == (two is None)
        assert one is None or one == pytest.approx(two, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scope", [Scope(), Scope("all"), Scope(tag="heart"), Scope(language="zh")], ids=str)
def test_equals_an_independent_computation(cast, seed, scope):
    random_project(cast.project, seed)
    digest.catch_up(cast.project)
    results = figures.of(cast.project, scope)
    found = independent.comparisons(cast.project, by=scope.by, tag=scope.tag, language=scope.language)
    models = {m for one in found for m in one[1:3]}
    assert set(results.models) == models
    for model in models:
        won, lost, tied, share = independent.wins(found, model)
        mine = results.models[model]
        assert (mine.wins, mine.losses, mine.ties) == (won, lost, tied)
        near(mine.share, share)
        for other in models - {model}:
            won, lost, tied, share = independent.wins(found, model, other)
            pair = results.pairs.get((model, other))
            if pair is None:
                assert won + lost + tied == 0
            else:
                assert (pair.wins, pair.losses, pair.ties) == (won, lost, tied)
                near(pair.share, share)
    for name, at in (("longer", 4), ("first", 5)):
        won, n, share = independent.bias(found, at)
        mine = getattr(results, name)
        assert (mine.won, mine.n) == (won, n)
        near(mine.share, share)
    wanted = independent.strengths(found)
    assert (results.strengths is None) == (wanted is None)
    for model, one in (wanted or {}).items():
        for x, y in zip(results.strengths[model], one, strict=True):
            assert x == pytest.approx(y, abs=1e-3)
    for tag in results.tags:
        part = [one for one in found if tag in one[8]]
        for model, mine in results.tags[tag].items():
            assert (mine.wins, mine.losses, mine.ties) == independent.wins(part, model)[:3]
    for language, by_model in results.languages.items():
        part = [one for one in found if one[7] == language]
        for model, mine in by_model.items():
            assert (mine.wins, mine.losses, mine.ties) == independent.wins(part, model)[:3]


def test_ties_alone_make_all_models_equal(cast):
    annotator = make_annotator(cast.project)
    for _n in range(4):
        judge(make_item(cast.project), annotator, {"ranking": [[0, 1, 2]]})
    results = kept.of(cast.project, Scope())[0].results
    assert [(w.wins, w.losses, w.ties, w.share.value) for w in results.models.values()] == [
        (0, 0, 8, 0.5)
    ] * 3
    assert all(s.value == pytest.approx(0) for s in results.strengths.values())
    assert results.longer.n == 0 and results.longer.share is None


def test_a_model_that_always_wins_has_no_strength_and_the_page_says_why(cast):
    judge(make_item(cast.project), make_annotator(cast.project), {"ranking": [[0], [1], [2]]})
    html = page(cast)
    assert "No strengths" in html
    assert "100%" in html  # one prompt: no interval


def page(cast, person="alice", **query) -> str:
    client = Client()
    client.force_login(getattr(cast, person))
    response = client.get("/p/ward/results/", query)
    assert response.status_code == 200
    return response.content.decode()


def links(html: str) -> list[tuple[str, str]]:
    """[(address, text)] of the figures of the tables that lead to items."""
    body = html.split("<main", 1)[1]
    found = re.findall(r'<td[^>]*><a href="([^"]*/items/\?[^"]*)">([^<]*)</a>', body)
    return [(unescape(href), text) for href, text in found]


@pytest.mark.parametrize("query", [{}, {"by": "all"}, {"tag": "肾"}, {"language": "en"}], ids=str)
def test_every_figure_leads_to_exactly_what_it_counts(cast, query):
    random_project(cast.project, 5)
    qa_project(cast)
    client = Client()
    client.force_login(cast.alice)
    found = links(page(cast, **query))
    assert len(found) > 30
    for href, text in found:
        listed = client.get(href)
        assert listed.status_code == 200, href
        counted = sum(row.counted for row in listed.context["rows"])
        assert counted == int(text), (href, text)
        assert listed.context["next"] is None
        assert all(row.counted for row in listed.context["rows"])


def qa_project(cast):
    annotators = [make_annotator(cast.project) for _i in range(2)]
    documents = [
        {"verdict": "keep"},
        {"verdict": "drop", "reasons": ["wrong_answer", "unsafe_answer"]},
        {"verdict": "fix", "corrections": [{"target": "response", "answer": 0, "text": "better"}]},
        {"verdict": "drop", "reasons": ["wrong_answer"]},
    ]
    for i, document in enumerate(documents):
        item = make_item(cast.project, ["only one"], kind="qa")
        for annotator in annotators[: 1 + i % 2]:
            judge(item, annotator, document)


def test_qa_counts_verdicts_and_reasons_by_who_made_the_pair(cast):
    qa_project(cast)
    results = kept.of(cast.project, Scope())[0].results
    model = ModelVersion.objects.get(name="cast-model-0").pk
    one = results.qa[model]
    assert one.counts == {"keep": 1, "fix": 1, "drop": 4}
    assert one.reasons == {"wrong_answer": 4, "unsafe_answer": 2}
    near(one.kept, independent.share({1: (1, 1), 2: (0, 2), 3: (0, 1), 4: (0, 2)}))


def test_thumbs_by_model_with_reasons(cast):
    version = ModelVersion.objects.create(project=cast.project, name="m1")
    for i in range(3):
        _asked, answer = make_talk(cast.project)[:2]
        answer.model_version = version
        answer.save(update_fields=["model_version"])
        Reaction.objects.create(
            project=cast.project,
            message=answer,
            kind="thumb",
            value=1 if i else -1,
            reasons=[] if i else ["wrong"],
        )
    results = kept.of(cast.project, Scope())[0].results
    assert (results.thumbs[version.pk].up, results.thumbs[version.pk].down) == (2, 1)
    assert results.thumbs[version.pk].reasons == {-1: [("wrong", 1)]}
    assert "Thumbs of end users" in page(cast)


def test_only_judgements_in_force_count(cast):
    """What is returned, taken back, edited or hidden leaves the figures at once, and comes back."""
    item = make_item(cast.project, overlap=2)

    def counts():
        found = kept.of(cast.project, Scope())[0].results
        return sum(w.wins + w.ties for w in found.models.values())

    assert counts() == 0
    held = queue.claim(project=cast.project, user=cast.bob)
    done = submit.submit(user=cast.bob, pk=held.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="1")
    assert counts() == 3
    submit.submit(user=cast.bob, pk=held.pk, given={"ranking": [["A"], ["B"]]}, client_key="2")
    assert counts() == 1
    assert Outcome.objects.count() == 1
    submit.undo(user=cast.bob, pk=held.pk)
    assert counts() == 0
    submit.submit(user=cast.bob, pk=held.pk, given={"ranking": [["C"], ["B"], ["A"]]}, client_key="3")
    assert counts() == 3
    done.annotation.refresh_from_db()
    review.return_(annotation=done.annotation, reviewer=cast.dan, comment="again")
    assert counts() == 0
    assert "1 judgement is with its author, returned." in page(cast)
    submit.submit(user=cast.bob, pk=held.pk, given={"ranking": [["C"], ["B"], ["A"]]}, client_key="4")
    assert counts() == 3
    queue.report(user=cast.alice, item=item)
    assert counts() == 0


def test_a_row_of_an_older_head_is_never_in_force(cast):
    made = judge(make_item(cast.project), make_annotator(cast.project), {"ranking": [[0], [1]]})
    digest.catch_up(cast.project)
    assert Outcome.objects.in_force(cast.project).count() == 1
    newer = made.versions.create(number=2, document={"ranking": [[1], [0]]}, client_key="x", event_id=2)
    Annotation.objects.filter(pk=made.pk).update(head=newer)
    assert Outcome.objects.in_force(cast.project).count() == 0
    assert digest.catch_up(cast.project)
    assert Outcome.objects.in_force(cast.project).get().result == -1


def test_reading_goes_by_batches_and_does_not_repeat_itself(cast, monkeypatch):
    random_project(cast.project, 1)
    monkeypatch.setattr(digest, "BATCH", 4)
    assert not digest.catch_up(cast.project, most=4)
    assert digest.catch_up(cast.project)
    n, facets = Outcome.objects.count(), Facet.objects.count()
    assert n and facets == 0 and digest.catch_up(cast.project) and digest.catch_up_all() == 0
    assert (Outcome.objects.count(), Facet.objects.count()) == (n, facets)


def test_nobody_who_judges_learns_whose_answer_is_whose(cast):
    judge(make_item(cast.project), make_annotator(cast.project), {"ranking": [[0], [1], [2]]})
    model = ModelVersion.objects.first().pk
    for person, status in (("alice", 200), ("dan", 403), ("bob", 403), ("ute", 403), ("eve", 404)):
        client = Client()
        client.force_login(getattr(cast, person))
        assert client.get("/p/ward/results/").status_code == status
        for query in ({"model": model}, {"compared": model}, {"longer": "won"}, {"language": "zh"}):
            assert client.get("/p/ward/items/", query).status_code == status, query
    html = page(cast, "alice")
    assert "You judge in this project" not in html
    queue.claim(project=cast.project, user=cast.alice)
    assert "You judge in this project" in page(cast, "alice")


def test_each_table_is_a_file_with_the_same_figures_and_no_formula(cast):
    random_project(cast.project, 3)
    ModelVersion.objects.filter(name="cast-model-1").update(name="=cmd|' /C calc'!A0")
    client = Client()
    client.force_login(cast.alice)
    html = page(cast)
    results = kept.of(cast.project, Scope())[0].results
    for name, table in tables.all_of(results, Scope(), cast.project).items():
        assert f"format=csv&amp;table={name}" in html
        response = client.get("/p/ward/results/", {"format": "csv", "table": name})
        rows = list(
            csv.reader(
                io.StringIO(
                    b"".join(response.streaming_content).decode("utf-8-sig")
                    if response.streaming
                    else response.content.decode("utf-8-sig")
                )
            )
        )
        assert len(rows) == 1 + len(table.rows)
        assert all(len(row) == len(rows[0]) for row in rows)
        assert not any(cell.startswith("=") for row in rows for cell in row)
    assert client.get("/p/ward/results/", {"format": "csv", "table": "none"}).status_code == 404


def test_a_large_project_is_counted_beside_the_request(cast, monkeypatch):
    judge(make_item(cast.project), make_annotator(cast.project), {"ranking": [[0], [1], [2]]})
    started = []
    monkeypatch.setattr(kept, "SMALL", -1)
    monkeypatch.setattr(kept.threading, "Thread", lambda **given: started.append(given) or given_thread())

    class given_thread:
        def start(self):
            return None

    html = page(cast)
    assert "being counted" in html and "hx-get" in html
    assert len(started) == 1
    page(cast)
    assert len(started) == 1  # one count at a time
    monkeypatch.setattr(kept.connections, "close_all", lambda: None)  # here it is the test's own
    kept._count_beside(cast.project, *started[0]["args"][1:])
    assert "Judgements in force now" in page(cast)


def test_another_projects_judgements_are_not_counted(cast):
    other = make_project("other")
    judge(make_item(other), make_annotator(other), {"ranking": [[0], [1]]})
    digest.catch_up(other)
    assert kept.of(cast.project, Scope())[0].results.models == {}
    assert "Nothing to compare yet" in page(cast)


def test_the_page_costs_the_same_for_many_judgements(cast, django_assert_max_num_queries):
    random_project(cast.project, 2, items=30)
    client = Client()
    client.force_login(cast.alice)
    client.get("/p/ward/results/")
    with django_assert_max_num_queries(12):  # nothing has happened since: no figure is counted again
        client.get("/p/ward/results/")


def test_rankings_of_answers_by_nobody_known_say_what_is_missing(cast):
    """An empty page tells why: people ranked, but who gave the answers was never said."""
    client = Client()
    client.force_login(cast.alice)
    page = lambda query="": client.get(f"/p/{cast.project.slug}/results/{query}")  # noqa: E731
    assert "Nothing to compare yet" in page().content.decode()
    item = make_item(cast.project)
    for answer in item.answers.select_related("response"):
        answer.response.model_version = None
        answer.response.save(update_fields=["model_version"])
    file = make_annotator(cast.project, source="imported", name="file", pseudonym="file")
    judge(item, file, {"ranking": [[0], [1], [2]]})
    assert not page().context["nameless"] and "Nothing to compare yet" in page().content.decode()
    told = page("?by=imported")
    assert told.context["nameless"] and "Name the models when you import" in told.content.decode()
    assert "No judgement is like that" not in told.content.decode()
