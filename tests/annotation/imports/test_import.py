"""What records become in the database: prompts, answers, items, judgements; each once."""

import pytest
from django.apps import apps
from django.db import connection

from annotation.imports import importer
from annotation.models import Annotation, AnnotationVersion, Annotator, Item, ItemAnswer, ItemTag
from core.models import Event
from corpus.models import ImportBatch, ModelVersion, Prompt, PromptOrigin, Response
from corpus.records import AnswerIn, Entry, JudgementIn, Record, Refusal
from tests import cast

pytestmark = pytest.mark.django_db


def user(text):
    return [{"role": "user", "content": text}]


def entry(question, *answers, kind="ranking", judge=(), **fields):
    answers = [a if isinstance(a, AnswerIn) else AnswerIn(a) for a in answers]
    judgements = [j if isinstance(j, JudgementIn) else JudgementIn(j) for j in judge]
    return Entry(kind, user(question) if question else [], answers, judgements, **fields)


def take(project, *entries, **options):
    records = [e if isinstance(e, (Record, Refusal)) else Record(i, [e]) for i, e in enumerate(entries, 1)]
    return importer.take(records, project=project, actor=None, name="rows.jsonl", sha256="ab" * 32, **options)


def figures(report):
    assert report["read"] == report["imported"] + report["duplicates"] + report["refused"]
    return [report[n] for n in ("read", "imported", "items", "responses", "annotations", "duplicates")]


def rows_of_all_tables():
    return {
        m._meta.label: m.objects.count()
        for m in apps.get_models()
        if m._meta.app_label in {"core", "corpus", "annotation"}
    }


def slots(item):
    return dict(item.answers.values_list("response__text", "slot"))


BETTER = {"ranking": [[0], [1]]}


def test_a_ranked_pair_becomes_prompt_answers_item_and_judgement():
    project = cast.make_project()
    report = take(
        project,
        entry(
            "问题？", AnswerIn("好", model="m1"), AnswerIn("坏", model="m2"), judge=[BETTER], external_id="q1"
        ),
    )
    assert figures(report) == [1, 1, 1, 2, 1, 0] and report["errors"] == []
    prompt = Prompt.objects.get()
    assert (
        prompt.messages == user("问题？")
        and prompt.language == "zh"
        and prompt.sources == []
        and prompt.tools is None
        and prompt.metadata == {}
    )
    origin = PromptOrigin.objects.get()
    assert origin.event_id == origin.prompt.event_id > 0
    assert (origin.prompt, origin.line, origin.external_id, origin.batch.sha256) == (
        prompt,
        1,
        "q1",
        "ab" * 32,
    )
    item = Item.objects.get()
    assert (item.kind, item.state, item.slot_count, item.generation, item.frozen) == (
        "ranking",
        "open",
        2,
        0,
        True,
    )
    assert slots(item) == {"好": 0, "坏": 1}
    annotation = Annotation.objects.get()
    assert (
        annotation.head.document == {"ranking": [[0], [1]], "schema": 1}
        and annotation.head.action == "import"
        and annotation.head.order == []
    )
    assert (annotation.annotator.source, annotation.annotator.name, annotation.annotator.pseudonym) == (
        "imported",
        "import",
        "I1",
    )
    assert item.assignments.count() == 0 and item.held == 0
    event = Event.objects.get(verb="import")
    assert {
        prompt.event_id,
        item.event_id,
        annotation.head.event_id,
        *Response.objects.values_list("event_id", flat=True),
    } == {event.pk}
    assert event.data["prompts"] == 1 and "问题" not in str(event.data)
    assert set(Response.objects.values_list("model_version__name", flat=True)) == {"m1", "m2"}
    project.bench.refresh_from_db()
    assert project.bench.next_position == item.position + 1


def test_rows_made_later_by_the_orm_get_keys_of_their_own():
    project = cast.make_project()
    take(project, entry("a", "x", "y", judge=[BETTER]))
    item = cast.make_item(project)
    assert item.pk > Item.objects.exclude(pk=item.pk).get().pk
    assert figures(take(project, entry("b", "x", "y")))[:3] == [1, 1, 1]
    assert Item.objects.count() == 3


@pytest.mark.parametrize("kind", ["ranking", "qa", "demonstration"])
def test_importing_again_adds_nothing_to_any_table(kind):
    project = cast.make_project(kind=kind)
    entries = {
        "ranking": [
            entry(
                "a",
                AnswerIn("x", model="m"),
                "y",
                "z",
                judge=[JudgementIn({"ranking": [[2, 0], [1]]}, "doctor"), BETTER],
            ),
            entry("a", "x", "y", judge=[BETTER]),
            entry("a", "x", "y", judge=[{"ranking": [[1], [0]]}]),
            entry("a", "w"),
            entry("b", kind="prompt", external_id="7"),
            entry("b", "one 13812345678", kind="sft"),
            entry("c", "yes", judge=[{"ranking": [[0]], "acceptable": 1}]),
        ],
        "qa": [
            entry("a", "x", kind="qa", sources=[{"title": "t", "text": "s"}]),
            entry("a", "x", kind="qa"),
            entry("a", "y", kind="sft"),
        ],
        "demonstration": [entry("a", kind="prompt"), entry("b", "x", kind="sft"), entry("b", "y", "z")],
    }[kind]
    first = take(project, *entries)
    assert first["imported"] == len(entries) and first["errors"] == []
    before = rows_of_all_tables()
    again = take(project, *entries)
    assert figures(again) == [len(entries), 0, 0, 0, 0, len(entries)]
    assert rows_of_all_tables() == before


def test_the_same_record_twice_in_one_file_is_a_duplicate():
    project = cast.make_project()
    assert figures(take(project, entry("a", "x", "y"), entry("a", "x", "y"), entry("a", "y", "x"))) == [
        3,
        1,
        1,
        2,
        0,
        2,
    ]


def test_a_known_prompt_with_new_answers_joins_the_item_that_is_not_frozen():
    project = cast.make_project()
    take(project, entry("a", "x", kind="sft"))
    assert Item.objects.get().state == "waiting" and Response.objects.get().is_target
    annotator = cast.make_annotator(project, queue_mark=500)
    assert figures(take(project, entry("a", "y", "z"))) == [1, 1, 0, 2, 0, 0]
    item = Item.objects.get()
    assert slots(item) == {"x": 0, "y": 1, "z": 2} and (item.state, item.slot_count) == ("open", 3)
    annotator.refresh_from_db()
    assert annotator.queue_mark == item.position - 1  # else the queue would never show it to them


def test_answers_after_freezing_make_a_linked_item_with_old_and_new():
    project = cast.make_project()
    take(project, entry("a", AnswerIn("x", model="m"), "y"))
    Item.objects.update(frozen=True, hidden=True)
    assert figures(take(project, entry("a", "z"))) == [1, 1, 1, 1, 0, 0]
    old, new = Item.objects.order_by("generation")
    assert (new.generation, new.previous, new.state, new.hidden) == (1, old, "open", True)
    assert slots(old) == {"x": 0, "y": 1} and slots(new) == {"x": 0, "y": 1, "z": 2}
    # The same text from another model shows nothing new: it joins the slot of the newest item, frozen or not.
    Item.objects.update(frozen=True)
    assert figures(take(project, entry("a", AnswerIn("x", model="other")))) == [1, 1, 0, 1, 0, 0]
    new.refresh_from_db()
    assert new.slot_count == 3 and new.answers.count() == 4


def test_a_judged_record_needs_an_item_of_exactly_its_answers():
    project = cast.make_project()
    take(project, entry("a", "x", "y", "z"))
    report = take(
        project,
        entry("a", "x", "y", judge=[BETTER]),
        entry("a", "z", "y", "x", judge=[{"ranking": [[0], [1], [2]]}]),
    )
    assert figures(report) == [2, 2, 1, 0, 2, 0]
    first, second = Item.objects.order_by("generation")
    assert slots(second) == {"x": 0, "y": 1} and second.previous == first
    # The file's order was z, y, x; the item's is x, y, z.
    assert first.annotations.get().head.document["ranking"] == [[2], [1], [0]]
    assert first.frozen and second.frozen


def test_a_pair_judged_in_both_directions_keeps_both():
    project = cast.make_project()
    report = take(
        project,
        entry("a", "x", "y", judge=[BETTER]),
        entry("a", "y", "x", judge=[BETTER]),
        entry("a", "x", "y", judge=[BETTER]),
    )
    assert figures(report) == [3, 2, 1, 2, 2, 1]
    names = dict(Annotation.objects.values_list("annotator__name", "head__document__ranking"))
    assert names == {"import": [[0], [1]], "import 2": [[1], [0]]}


def test_a_named_annotator_who_judges_again_supersedes():
    project = cast.make_project()
    take(project, entry("a", "x", "y", judge=[JudgementIn(BETTER, "doctor"), JudgementIn(BETTER, "lawyer")]))
    report = take(project, entry("a", "x", "y", judge=[JudgementIn({"ranking": [[1], [0]]}, "doctor")]))
    assert figures(report) == [1, 1, 0, 0, 1, 0]
    doctor = Annotation.objects.get(annotator__name="doctor")
    assert (
        doctor.versions.count() == 2
        and doctor.head.number == 2
        and doctor.head.document["ranking"] == [[1], [0]]
    )
    assert sorted(Annotator.objects.values_list("pseudonym", flat=True)) == ["I1", "I2"]
    assert AnnotationVersion.objects.count() == 3


def test_equal_texts_share_a_slot_and_keep_their_rows():
    project = cast.make_project()
    cafe = ("caf\u00e9\nok", "cafe\u0301\r\nok")
    report = take(
        project,
        entry(
            "a",
            AnswerIn(cafe[0], model="m1"),
            AnswerIn(cafe[1], model="m2"),
            "other",
            judge=[{"ranking": [[0, 1], [2]]}],
        ),
    )
    assert figures(report) == [1, 1, 1, 3, 1, 0]
    item = Item.objects.get()
    assert slots(item) == {cafe[0]: 0, cafe[1]: 0, "other": 1} and item.slot_count == 2
    assert item.annotations.get().head.document["ranking"] == [[0], [1]]


@pytest.mark.parametrize(
    "document",
    [
        {"ranking": [[0], [1]]},
        {"ranking": [[0], [2]], "rest": "worse"},
        {"ranking": [[2]], "ratings": {"0": {"overall": 1}, "1": {"overall": 5}}},
    ],
)
def test_a_judgement_that_contradicts_itself_is_refused_whole(document):
    project = cast.make_project()
    report = take(project, Record(12, [entry("a", "same", "same", "other", judge=[document])]))
    assert figures(report) == [1, 0, 0, 0, 0, 0]
    assert [(e["line"], e["code"]) for e in report["errors"]] == [(12, "contradiction")]
    assert Prompt.objects.count() == 0 and ImportBatch.objects.count() == 0


def test_an_incomplete_judgement_is_refused_with_its_field():
    project = cast.make_project()
    report = take(
        project,
        entry("a", "x", "y", judge=[{"ranking": [[0], [5]]}]),
        entry("b", "x", "y", judge=[{"ranking": [[0]]}]),
        entry("c", "x", "y"),
    )
    assert [(e["line"], e["field"]) for e in report["errors"]] == [
        (1, "judgement"),
        (2, "ranking"),
    ] and report["imported"] == 1


def test_kto_rows_wait_for_a_second_answer_and_keep_their_label():
    project = cast.make_project()
    good, bad = {"ranking": [[0]], "acceptable": 1}, {"ranking": [], "acceptable": 0}
    assert figures(take(project, entry("a", "x", judge=[good]), entry("b", "y", judge=[bad]))) == [
        2,
        2,
        2,
        2,
        2,
        0,
    ]
    assert set(Item.objects.values_list("state", "slot_count")) == {("waiting", 1)}
    assert [a.head.document.get("acceptable") for a in Annotation.objects.order_by("id")] == [1, 0]


def test_answers_join_prompts_by_their_id():
    project = cast.make_project()
    take(project, *[entry(f"question {i}", kind="prompt", external_id=str(i)) for i in range(5)])
    assert set(Item.objects.values_list("state", flat=True)) == {"waiting"}

    def answers(model, ids):
        return [
            entry("", AnswerIn(f"{model} says {i}", model=model), kind="answer", external_id=str(i))
            for i in ids
        ]

    assert figures(take(project, *answers("m1", range(5)), join="qid")) == [5, 5, 0, 5, 0, 0]
    report = take(project, *answers("m2", [0, 1, 2, 99]), join="qid")
    assert figures(report) == [4, 3, 0, 3, 0, 0]
    assert [(e["line"], e["field"], e["code"]) for e in report["errors"]] == [(4, "qid", "unknown_id")]
    assert sorted(Item.objects.values_list("slot_count", "state")) == [(1, "waiting")] * 2 + [(2, "open")] * 3
    assert figures(take(project, *answers("m1", range(5)), join="qid")) == [5, 0, 0, 0, 0, 5]
    assert ModelVersion.objects.count() == 2


def test_an_id_means_the_newest_file_that_knows_it_and_another_projects_ids_mean_nothing():
    project, other = cast.make_project(), cast.make_project()
    take(project, entry("old", kind="prompt", external_id="1"))
    take(project, entry("new", kind="prompt", external_id="1"))
    take(other, entry("theirs", kind="prompt", external_id="2"))
    report = take(
        project,
        entry("", "x", kind="answer", external_id="1"),
        entry("", "x", kind="answer", external_id="2"),
        join="id",
    )
    assert [e["code"] for e in report["errors"]] == ["unknown_id"]
    assert Response.objects.get().prompt.messages == user("new")


def test_two_prompts_with_one_id_in_one_file_make_the_id_ambiguous():
    project = cast.make_project()
    take(project, entry("one", kind="prompt", external_id="1"), entry("two", kind="prompt", external_id="1"))
    report = take(project, entry("", "x", kind="answer", external_id="1"), join="id")
    assert [e["code"] for e in report["errors"]] == ["ambiguous_id"] and Response.objects.count() == 0


def test_a_known_prompt_that_gets_an_id_can_be_joined():
    project = cast.make_project()
    take(project, entry("a", kind="prompt"))
    assert figures(take(project, entry("a", kind="prompt", external_id="1"))) == [1, 1, 0, 0, 0, 0]
    assert figures(take(project, entry("", "x", kind="answer", external_id="1"), join="id")) == [
        1,
        1,
        0,
        1,
        0,
        0,
    ]


def test_qa_pairs_each_get_an_item_and_are_no_targets_until_kept():
    project = cast.make_project(kind="qa")
    source = [{"title": "t", "text": "passage"}]
    report = take(
        project,
        entry("q", AnswerIn("a1", is_target=True), kind="qa", sources=source),
        entry("q", "a2", kind="qa", sources=source),
        entry("q", "a1", kind="sft"),
        entry(
            "r",
            "a1",
            kind="qa",
            judge=[JudgementIn({"verdict": "drop", "reasons": ["wrong_answer"]}, "checker")],
        ),
    )
    assert figures(report) == [4, 4, 4, 4, 1, 0]
    assert sorted(
        Item.objects.values_list("prompt__sources", "generation", "slot_count", "state"), key=str
    ) == sorted(
        [(source, 0, 1, "open"), (source, 1, 1, "open"), ([], 0, 1, "open"), ([], 0, 1, "open")], key=str
    )
    assert not Response.objects.filter(is_target=True).exists()


def test_what_makes_no_sense_for_the_kind_of_project_is_refused():
    qa, demonstration, ranking = (cast.make_project(kind=k) for k in ("qa", "demonstration", "ranking"))
    label = {"ranking": [[0]], "acceptable": 1}
    report = take(
        qa,
        entry("a", kind="prompt"),
        entry("a", "x", "y"),
        entry("a", "x", judge=[label]),
        entry("a", "x", "x"),
    )
    assert [e["code"] for e in report["errors"]] == ["kind_mismatch"] * 3 and report["imported"] == 1
    report = take(demonstration, entry("a", "x", "y", judge=[BETTER]), entry("a", kind="prompt"))
    assert [e["code"] for e in report["errors"]] == ["kind_mismatch"] and report["items"] == 1
    report = take(ranking, entry("a", "x", kind="qa", judge=[{"verdict": "keep"}]))
    assert [e["code"] for e in report["errors"]] == ["kind_mismatch"]


def test_a_demonstration_item_shows_no_answers_but_they_are_kept():
    project = cast.make_project(kind="demonstration")
    assert figures(
        take(project, entry("a", "x", kind="sft"), entry("a", kind="prompt"), entry("b", kind="prompt"))
    ) == [3, 2, 2, 1, 0, 1]
    assert (
        ItemAnswer.objects.count() == 0
        and Response.objects.get().is_target
        and set(Item.objects.values_list("state", flat=True)) == {"open"}
    )


def test_likely_personal_data_is_marked_not_hidden():
    project = cast.make_project()
    report = take(
        project,
        entry("my number is 13812345678", "x", "y"),
        entry("b", "call 13912345678", "y"),
        entry("c", "x", "y"),
    )
    assert report["personal_data"] == 2
    assert (
        ItemTag.objects.filter(name="personal-data").count()
        == 2
        == ItemTag.objects.filter(name="personal-data:mobile").count()
    )
    assert not Item.objects.filter(hidden=True).exists()
    take(project, entry("c", "me: 13812345678"))
    assert ItemTag.objects.filter(name="personal-data").count() == 3


NASTY = (
    " \u200b\u202eabc\r\n\r\t  <script>alert(1)</script> 10\u2079 Mg \u2028 cafe\u0301 \\N \\. =1+1 "
    "\U0001f9ea\u00a0 \ufeff\x01 \n"
)


def test_text_is_stored_code_point_for_code_point():
    project = cast.make_project()
    messages = [{"role": "system", "content": NASTY}, {"role": "user", "content": NASTY + "?"}]
    turns = [
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": NASTY}}]},
        {"role": "tool", "content": NASTY},
    ]
    given = Entry(
        "ranking",
        messages,
        [
            AnswerIn(
                NASTY, model=NASTY[:50], turns=turns, parameters={"t": 0.5, NASTY: NASTY}, external_id="a\tb"
            ),
            AnswerIn("\t"),
        ],
        [JudgementIn({"ranking": [[1], [0]], "comment": NASTY}, "评审 1")],
        tools=[{"type": "function", "function": {"name": NASTY}}],
        sources=[{"title": NASTY, "text": NASTY}],
        metadata={"k": [NASTY, 1, None, True, 1.25]},
        external_id=NASTY[:20],
    )
    assert figures(take(project, given)) == [1, 1, 1, 2, 1, 0]
    prompt = Prompt.objects.get()
    assert (prompt.messages, prompt.tools, prompt.sources, prompt.metadata) == (
        messages,
        given.tools,
        given.sources,
        given.metadata,
    )
    one, two = Response.objects.order_by("id")
    assert (one.text, one.turns, one.parameters, one.external_id, one.model_version.name) == (
        NASTY,
        turns,
        given.answers[0].parameters,
        "a\tb",
        NASTY[:50],
    )
    assert two.text == "\t" and two.turns is None and two.parameters is None
    assert PromptOrigin.objects.get().external_id == NASTY[:20]
    assert AnnotationVersion.objects.get().document == {"ranking": [[1], [0]], "comment": NASTY, "schema": 1}
    assert figures(take(project, given)) == [1, 0, 0, 0, 0, 1]


def test_what_cannot_be_stored_is_refused_not_bent():
    project = cast.make_project()
    report = take(
        project,
        entry("a", "nul \x00"),
        entry("a\x00", "x"),
        entry("a", "x", metadata={"n": float("inf")}),
        entry("a", "half \ud800"),
        entry("a", AnswerIn("x", model="m" * 201)),
        entry("a", *[f"answer {i}" for i in range(11)]),
        entry("a", "fine", "good"),
        Refusal(8, "output", "empty", "There is no answer."),
    )
    assert [e["code"] for e in report["errors"]] == [
        "nul",
        "nul",
        "not_a_number",
        "surrogate",
        "too_long",
        "too_many_answers",
        "empty",
    ]
    assert figures(report) == [8, 1, 1, 2, 0, 0] and report["errors"][-1]["line"] == 8


def test_a_dry_run_counts_the_same_and_writes_nothing(monkeypatch):
    monkeypatch.setattr(importer, "CHUNK_RECORDS", 2)
    project = cast.make_project()
    take(project, entry("a", "x", "y"), entry("known", kind="prompt", external_id="k"))
    entries = [
        entry("a", "x", "y"),
        entry("a", "x", "y", judge=[BETTER]),
        entry("a", "y", "x", judge=[BETTER]),
        entry("b", AnswerIn("x", model="m"), kind="sft"),
        entry("a", "z"),
        entry("b", AnswerIn("x", model="m"), kind="sft"),
        entry("b", "w", "v"),
        entry("a", "x", "y", judge=[BETTER]),
        entry("b", "w"),
        entry("", "x", kind="answer", external_id="k"),
        entry("c", kind="prompt", external_id="z"),
        entry("d", "x"),
        entry("", "x", kind="answer", external_id="z"),
        entry("", "x", kind="answer", external_id="nobody"),
    ]
    before = rows_of_all_tables()
    trial = take(project, *entries, dry_run=True)
    assert rows_of_all_tables() == before
    real = take(project, *entries)
    assert trial | {"dry_run": False} == real and real["imported"] > 6 and real["duplicates"] == 4


def test_chunks_do_not_change_what_comes_out(monkeypatch):
    entries = [
        entry(f"q{i % 7}", f"a{i % 3}", f"b{i % 2}", judge=[BETTER] if i % 4 else []) for i in range(60)
    ]
    one, many = cast.make_project(), cast.make_project()
    whole = take(one, *entries)
    monkeypatch.setattr(importer, "CHUNK_RECORDS", 1)
    assert take(many, *entries) == whole
    shape = [
        sorted(
            p.items.values_list("prompt__messages", "generation", "slot_count", "state", "frozen"), key=str
        )
        for p in (one, many)
    ]
    assert shape[0] == shape[1]
    for project in (one, many):
        positions = list(project.items.order_by("position").values_list("position", flat=True))
        assert positions == list(range(len(positions)))


def test_a_large_file_costs_a_fixed_number_of_queries_per_chunk(django_assert_max_num_queries):
    project = cast.make_project()
    with django_assert_max_num_queries(30):
        take(
            project,
            *[
                entry(f"q{i}", AnswerIn(f"a{i}", model="m1"), AnswerIn(f"b{i}", model="m2"), AnswerIn("c"))
                for i in range(300)
            ],
        )
    with django_assert_max_num_queries(30):
        take(project, *[entry(f"q{i}", AnswerIn(f"d{i}", model="m1")) for i in range(300)])
    assert set(Item.objects.values_list("slot_count", flat=True)) == {4}


def test_after_many_new_rows_the_database_knows_its_tables(monkeypatch):
    project = cast.make_project("p")
    if connection.vendor != "postgresql":
        pytest.skip("SQLite plans without them")
    monkeypatch.setattr(importer, "MANY", 3)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE corpus_prompt, corpus_response")
        take(project, *(entry(f"Question {n}?", "One.", "Two.") for n in range(2)))
        known = (
            "SELECT relname, reltuples::int FROM pg_class WHERE relname IN ('corpus_prompt', "
            "'corpus_response') ORDER BY relname"
        )
        cursor.execute(known)
        assert dict(cursor.fetchall()) == {"corpus_prompt": 0, "corpus_response": 0}
        take(project, *(entry(f"And {n}?", "One.", "Two.") for n in range(3)))
        cursor.execute(known)
        assert dict(cursor.fetchall()) == {"corpus_prompt": 5, "corpus_response": 10}
