"""What the screen says is in force is what the file says, whatever way and order it came in."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core import erasure
from core.models import Event
from feedback.conversations.end_users import of_key
from feedback.conversations.record_exchange import record_exchange
from feedback.ingest import batch as ingest
from feedback.ingest.import_log import import_log
from feedback.models import Choice, Message, Reaction
from feedback.reactions.actions import choose, react
from tests.cast import make_project
from tests.feedback.ingest.ingesting import Sender, choice, talk, thumb
from tests.training_export.exports import exported, said
from training_export.reasons import unit_of

pytestmark = pytest.mark.django_db


def day(n: int) -> str:
    return f"2026-02-{n:02d}T00:00:00Z"


def labels(project, **options) -> set:
    """{(answer, label)} of the trainer's file."""
    rows, _sides, _left_out = exported(project, "trl-kto", include="thumbs", **options)
    return {(said(r, "completion"), r["label"]) for r in rows["train"]}


def in_force(rows) -> list:
    return [(row.message.text, row.value) for row in rows.objects.filter(current=True).order_by("pk")]


OLD, NEW = thumb(value="up", at=day(1)), thumb(value="down", at=day(2))
ORDERS = {
    "oldest first": [[talk("q", "a")], [OLD], [NEW]],
    "newest first": [[talk("q", "a")], [NEW], [OLD]],
    "newest first, one batch": [[talk("q", "a")], [NEW, OLD]],
    "both waited, newest first": [[NEW], [OLD], [talk("q", "a")]],
    "both waited, oldest first": [[OLD, NEW], [talk("q", "a")]],
    "the newer one waited": [[NEW], [talk("q", "a")], [OLD]],
    "all at once": [[NEW, OLD, talk("q", "a")]],
    "said again between": [
        [talk("q", "a")],
        [OLD | {"value": "down", "at": day(1)}],
        [NEW],
        [OLD | {"at": "2026-02-01T12:00:00Z"}],
    ],
}


@pytest.mark.parametrize("order", ORDERS)
def test_of_two_thumbs_the_later_one_is_exported(order):
    sender = Sender()
    for batch in ORDERS[order]:
        sender.taken(batch)
    assert in_force(Reaction) == [("a", -1)] and labels(sender.project) == {("a", False)}


def draft_choice(chosen: int, at: str, **fields) -> dict:
    row = choice(drafts=[{"id": "d1"}, {"id": "d2"}], chosen=chosen, at=at) | fields
    del row["messages"]
    return row


def two_drafts() -> dict:
    messages = [{"role": "user", "content": "q", "id": "q1"}]
    messages += [
        {"role": "assistant", "content": text, "id": name, "parent": "q1"}
        for name, text in (("d1", "one"), ("d2", "two"))
    ]
    return {"type": "conversation", "conversation": "t", "user": "zhang", "messages": messages}


@pytest.mark.parametrize(
    "order", ["known", "known newest first", "waited", "waited newest first", "one waited", "one batch"]
)
def test_two_choices_resolve_the_same_whether_their_drafts_were_known_or_waited(order):
    sender = Sender()
    old, new, drafts = draft_choice(0, day(1)), draft_choice(1, day(2)), two_drafts()
    batches = {
        "known": [[drafts], [old], [new]],
        "known newest first": [[drafts], [new], [old]],
        "waited": [[old], [new], [drafts]],
        "waited newest first": [[new, old], [drafts]],
        "one waited": [[new], [drafts], [old]],
        "one batch": [[new, old, drafts]],
    }
    for batch in batches[order]:
        sender.taken(batch)
    assert [(c.chosen.text, c.verdict) for c in Choice.objects.filter(current=True)] == [("two", "better")]
    rows, _sides, left_out = exported(sender.project, "trl-preference")
    assert [(said(r, "chosen"), said(r, "rejected")) for r in rows["train"]] == [("two", "one")]
    assert left_out["changed_mind"] == 1


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_of_two_corrections_the_later_one_is_learnt(newest_first, waits):
    sender = Sender()
    rows = [
        {
            "type": "reaction",
            "kind": "correction",
            "target": "a1",
            "user": "zhang",
            "text": f"better {n}",
            "at": day(n),
        }
        for n in (1, 2)
    ]
    rows = rows[::-1] if newest_first else rows
    for batch in [rows, [talk("q", "a")]] if waits else [[talk("q", "a")], *([row] for row in rows)]:
        sender.taken(batch)
    assert [r.text for r in Reaction.objects.filter(current=True)] == ["better 2"]
    found, _sides, _left_out = exported(sender.project, "trl-sft")
    assert [said(r, "completion") for r in found["train"]] == ["better 2"]


def test_answers_to_one_another_are_still_asked_again_each_time():
    """An answer asked for again is another question: both choices stand, here as on the page."""
    sender = Sender()
    messages = two_drafts()["messages"] + [
        {"role": "assistant", "content": "three", "id": "d3", "parent": "q1"}
    ]
    sender.taken(two_drafts() | {"messages": messages})
    pairs = (("d1", "d2"), ("d2", "d3"))
    sender.taken(
        [draft_choice(1, day(1), regenerated=True, drafts=[{"id": name} for name in pair]) for pair in pairs]
    )
    assert Choice.objects.filter(current=True).count() == 2
    rows, _sides, _left_out = exported(sender.project, "trl-preference")
    assert {(said(r, "chosen"), said(r, "rejected")) for r in rows["train"]} == {
        ("two", "one"),
        ("three", "two"),
    }


def test_a_clock_that_runs_ahead_does_not_outdo_what_is_said_after_it():
    sender = Sender()
    ahead = (timezone.now() + timedelta(hours=20)).isoformat()
    sender.taken([talk("q", "a"), thumb(value="up", at=ahead)])
    assert Reaction.objects.get().created_at <= timezone.now()
    sender.taken(thumb(value="down", at=timezone.now().isoformat()))
    assert labels(sender.project) == {("a", False)}
    # A row from before this rule, dated later than now: what the person says on the page stands above it all
    # the same.
    Reaction.objects.filter(current=True).update(created_at=timezone.now() + timedelta(hours=20))
    answer = Message.objects.get(role="assistant")
    react(
        project=sender.project,
        end_user=of_key(sender.project, "zhang"),
        kind="thumb",
        value=1,
        message=answer,
    )
    assert in_force(Reaction) == [("a", 1)] and labels(sender.project) == {("a", True)}
    sender.taken(thumb(value="down"))
    assert in_force(Reaction) == [("a", -1)] and labels(sender.project) == {("a", False)}


def test_of_what_was_said_in_one_moment_what_came_last_counts():
    sender = Sender()
    sender.taken(talk("q", "a"))
    for value in ("up", "down"):
        sender.taken(thumb(value=value, at=day(1)))
    assert in_force(Reaction) == [("a", -1)] and labels(sender.project) == {("a", False)}


def test_what_was_said_again_was_said_later():
    """Said again it adds no row; what came between, and arrives last, does not stand above it."""
    sender = Sender()
    sender.taken(talk("q", "a"))
    assert sender.taken(thumb(value="up", at=day(1)))["status"] == "accepted"
    assert sender.taken(thumb(value="up", at=day(3)))["status"] == "duplicate"
    sender.taken(thumb(value="down", at=day(2)))
    assert in_force(Reaction) == [("a", 1)] and labels(sender.project) == {("a", True)}


def test_the_page_and_the_widget_speak_of_the_same_answer():
    """A thumb that waited under the deployment's id, and one given on the page: one mind."""
    sender = Sender()
    sender.taken(thumb(value="up"))
    sender.taken(talk("q", "a"))
    zhang = of_key(sender.project, "zhang")
    react(
        project=sender.project,
        end_user=zhang,
        kind="thumb",
        value=-1,
        message=Message.objects.get(role="assistant"),
    )
    assert in_force(Reaction) == [("a", -1)] and labels(sender.project) == {("a", False)}


def test_one_person_s_later_word_on_equal_answers_is_heard_by_its_time():
    """The same question asked twice and answered alike: one vote, and it is the later one, whichever came
    first."""
    sender = Sender()
    again = talk("q", "a")
    again["messages"][1]["id"] = "b1"
    sender.taken([talk("q", "a"), again, thumb(target="b1", value="down", at=day(2))])
    sender.taken(thumb(target="a1", value="up", at=day(1)))
    assert labels(sender.project) == {("a", False)}


def test_a_cap_counts_the_words_in_force():
    sender = Sender()
    sender.taken(
        [talk("q", "a", "r", "b"), thumb(target="a1", value="none", at=day(2)), thumb(target="a2", at=day(1))]
    )
    sender.taken(thumb(target="a1", value="up", at=day(1)))
    assert labels(sender.project, thumbs_per_user=1) == {("b", True)}


def test_an_export_of_an_earlier_event_says_what_was_in_force_then():
    sender = Sender()
    sender.taken([talk("q", "a"), NEW])
    then = Event.objects.latest("pk").pk
    sender.taken(OLD | {"at": day(3)})
    assert labels(sender.project, as_of=then) == {("a", False)} and labels(sender.project) == {("a", True)}


def test_parents_in_so_many_words_give_the_same_rows():
    """The same talk with an id and a parent on each message, two drafts, and a turn sent by itself."""
    found = []
    for parents in (False, True):
        sender = Sender()
        row = talk("q1", "a", "q2", "b", conversation="t")
        for i, message in enumerate(row["messages"] if parents else ()):
            message |= {"id": message.get("id") or f"m{i}"} | (
                {"parent": row["messages"][i - 1]["id"]} if i else {}
            )
        sender.taken([row, thumb(target="a1", value="down"), thumb(target="a2")])
        alone = [
            {"role": "user", "content": "q3", "parent": "a2"},
            {"role": "assistant", "content": "c", "id": "a3"},
        ]
        sender.taken(
            [
                {"type": "conversation", "conversation": "t", "user": "zhang", "messages": alone},
                thumb(target="a3"),
            ]
        )
        rows, _sides, left_out = exported(sender.project, "trl-kto", include="thumbs")
        found.append((sorted(json.dumps(r) for r in rows["train"]), left_out))
    assert found[0] == found[1] and len(found[0][0]) == 3


def test_nothing_that_was_asked_for_goes_without_a_code():
    sender = Sender()
    project = sender.project
    sender.taken(
        [
            talk("q", "a"),
            thumb(at=day(1)),
            thumb(value="down", at=day(2)),
            thumb(target="not there"),
            draft_choice(0, day(1)),
        ]
    )
    sender.taken(
        [
            {
                "type": "conversation",
                "user": "li",
                "messages": [{"role": "assistant", "content": "Hello!", "id": "greeting"}],
            },
            thumb(user="li", target="greeting"),
            {
                "type": "conversation",
                "user": "li",
                "conversation": "two",
                "messages": [
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": "y"},
                    {"role": "assistant", "content": "z", "id": "second"},
                ],
            },
            thumb(user="li", target="second"),
            {
                "type": "conversation",
                "user": "li",
                "conversation": "gone",
                "messages": [
                    {"role": "user", "content": "early"},
                    {"role": "assistant", "content": "yes", "id": "e1"},
                    {"role": "user", "content": "late"},
                    {"role": "assistant", "content": "no", "id": "e2"},
                ],
            },
            thumb(user="li", target="e2"),
            thumb(user="wu", target="a1", value="none"),
            {"type": "reaction", "kind": "correction", "target": "a1", "user": "zhang", "text": "better"},
        ]
    )
    Message.objects.filter(text="early").update(text="")  # dropped after some days, and gone on with
    rows, sides, left_out = exported(project, "trl-kto")
    assert [(said(r, "completion"), r["label"]) for r in rows["train"]] == [("a", False)]
    words = {code: n for code, n in left_out.items() if n and code not in ("no_judgement", "no_label")}
    assert words == {
        "changed_mind": 1,
        "target_unknown": 2,
        "no_question": 2,
        "context_unusable": 1,
        "taken_back": 1,
        "other_format": 1,
    }
    assert_accounted(Reaction.objects.count() + Choice.objects.count(), sides, left_out)


# -- all orders


MOMENTS = 4
PEOPLE = ("ann", "bob")
TURNS = {"a1": ["q1"], "b1": ["q1"], "c1": ["q1", "a1", "q2"]}  # an answer and what was said before it
VALUES = {"thumb": ["up", "down", "none"], "correction": ["x", "y", ""], "choice": [0, 1, "same", "all_bad"]}

# each example takes a second: smaller ones would be looked for for minutes
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

word = st.one_of(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.just("thumb"),
        st.sampled_from(sorted(TURNS)),
        st.sampled_from(VALUES["thumb"]),
        st.integers(1, MOMENTS),
    ),
    st.tuples(
        st.sampled_from(PEOPLE),
        st.just("correction"),
        st.sampled_from(sorted(TURNS)),
        st.sampled_from(VALUES["correction"]),
        st.integers(1, MOMENTS),
    ),
    st.tuples(
        st.sampled_from(PEOPLE),
        st.just("choice"),
        st.just("q1"),
        st.sampled_from(VALUES["choice"]),
        st.integers(1, MOMENTS),
    ),
)


@st.composite
def arrivals(draw):
    """(steps in the order in which they arrive, what comes of each: the door, and whether a new batch begins
    with it)."""
    words = [("word", *one) for one in draw(st.lists(word, min_size=2, max_size=8))]
    pieces = [("turn", who, name) for who in PEOPLE for name in TURNS]
    steps = draw(st.permutations([*words, *pieces]))
    # What continues a talk comes after what it continues.
    for who in PEOPLE:
        places = [i for i, step in enumerate(steps) if step[:2] == ("turn", who)]
        names = draw(st.sampled_from([("a1", "b1", "c1"), ("a1", "c1", "b1")]))
        for i, name in zip(places, names, strict=True):
            steps[i] = ("turn", who, name)
    doors = draw(
        st.lists(st.sampled_from(["api", "import", "proxy"]), min_size=len(steps), max_size=len(steps))
    )
    begins = draw(st.lists(st.booleans(), min_size=len(steps), max_size=len(steps)))
    return list(zip(steps, doors, begins, strict=True))


def row_of(step: tuple) -> dict:
    """What a program sends of a word, or of a turn: the second draft and what follows name the message before
    them."""
    who = step[1]
    if step[0] == "turn":
        name = step[2]
        answer = {"role": "assistant", "content": f"answer {name}", "id": f"{who}-{name}"}
        asked = {"role": "user", "content": TURNS[name][-1]}
        if name == "c1":
            asked["parent"] = f"{who}-a1"
        else:
            asked["id"] = answer["parent"] = f"{who}-q1"
        return {
            "type": "conversation",
            "conversation": f"talk of {who}",
            "user": who,
            "messages": [asked, answer],
        }
    _word, who, kind, target, value, at = step
    row = {"user": who, "at": day(at)}
    if kind == "choice":
        better = {"chosen": value, "verdict": "better"} if isinstance(value, int) else {"verdict": value}
        return row | better | {"type": "choice", "drafts": [{"id": f"{who}-a1"}, {"id": f"{who}-b1"}]}
    what = {"value": value} if kind == "thumb" else {"text": value}
    return row | what | {"type": "reaction", "kind": kind, "target": f"{who}-{target}"}


def exchange(project, who: str, name: str) -> None:
    """The turn as the proxy sees it: the whole talk with every question, and no ids but the answer's."""
    messages = [
        {"role": "assistant", "content": f"answer {turn}"}
        if turn in TURNS
        else {"role": "user", "content": turn}
        for turn in TURNS[name]
    ]
    record_exchange(
        project=project,
        end_user=of_key(project, who),
        messages=messages,
        answer=f"answer {name}",
        external_id=f"{who}-{name}",
        conversation_external=f"talk of {who}",
    )


def deliver(project, arriving, path) -> None:
    batch: list[dict] = []
    through = "api"

    def send() -> None:
        rows, batch[:] = list(batch), []
        if rows and through == "import":
            path.write_text(json.dumps(rows))
            report = import_log(project=project, actor=None, path=path)
            assert not report["errors"], report
        elif rows:
            outcome = ingest.take(project=project, rows=rows)
            assert not outcome.number("refused"), outcome

    for step, door, begins in arriving:
        if begins or door != through:
            send()
            through = door
        if door == "proxy" and step[0] == "turn":
            send()
            exchange(project, step[1], step[2])
        else:
            batch.append(row_of(step))
    send()


def minds(arriving) -> dict:
    """{(person, kind, target): value}: the latest of each by its moment; of one moment what came last."""
    latest: dict = {}
    for i, (step, _door, _begins) in enumerate(arriving):
        if step[0] == "word":
            _word, who, kind, target, value, at = step
            before = latest.get((who, kind, target))
            if before is None or (at, i) > before[0]:
                latest[who, kind, target] = ((at, i), value)
    return {about: value for about, (_when, value) in latest.items()}


def on_screen(project) -> dict:
    """The same as the rows say that every screen shows: those marked current."""
    found: dict = {}
    names = {of_key(project, who).pk: who for who in PEOPLE}
    back = {1: "up", -1: "down", 0: "none"}
    for r in Reaction.objects.filter(project=project, current=True).exclude(
        end_user__key_hash=of_key(project, "anchor").key_hash
    ):
        about = (names[r.end_user_id], r.kind, r.message.external_id.partition("-")[2])
        assert about not in found
        found[about] = back[r.value] if r.kind == "thumb" else r.text
    for c in Choice.objects.filter(project=project, current=True).exclude(
        end_user__key_hash=of_key(project, "anchor").key_hash
    ):
        about = (names[c.end_user_id], "choice", "q1")
        assert about not in found and c.parent.text == "q1"
        found[about] = c.verdict if c.chosen is None else c.place
    return found


def anchor(project) -> None:
    """Something that every format has a row of, whatever else is said."""
    row = {
        "type": "conversation",
        "conversation": "anchor",
        "user": "anchor",
        "messages": [
            {"role": "user", "content": "anchor", "id": "qq"},
            {
                "role": "assistant",
                "content": "anchored",
                "id": "aa",
                "reactions": [
                    {"kind": "thumb", "value": "up"},
                    {"kind": "correction", "text": "anchored well"},
                ],
            },
            {"role": "assistant", "content": "adrift", "id": "bb", "parent": "qq"},
        ],
    }
    picked = {
        "type": "choice",
        "user": "anchor",
        "verdict": "better",
        "chosen": 0,
        "drafts": [{"id": "aa"}, {"id": "bb"}],
    }
    assert not ingest.take(project=project, rows=[row, picked]).number("refused")


def assert_accounted(words: int, sides: dict, left_out: dict) -> None:
    """Each word is in a row or counted under a reason that counts words, and under one only."""
    in_rows = {
        (kind, pk) for side in sides["train"] for kind in ("reactions", "choices") for pk in side[kind]
    }
    assert words == len(in_rows) + sum(
        n for code, n in left_out.items() if unit_of(code) == "words of end users"
    )


def check_file(project, mind: dict, people) -> None:
    """The files against what is in force (`mind`) of those `people`, who all asked the same and were answered
    alike."""
    said_of = {about: value for about, value in mind.items() if about[0] in people}
    # Good or bad: one label an answer, none where the two disagree; and every word is in a row or has a code.
    rows, sides, left_out = exported(project, "trl-kto", include="thumbs")
    votes = {
        name: {v for (who, kind, on), v in said_of.items() if kind == "thumb" and on == name and v != "none"}
        for name in TURNS
    }
    wanted = {(f"answer {name}", of == {"up"}) for name, of in votes.items() if len(of) == 1}
    assert {(said(r, "completion"), r["label"]) for r in rows["train"]} == wanted | {("anchored", True)}
    words = Reaction.objects.filter(project=project, kind="thumb")
    assert_accounted(words.count(), sides, left_out)
    # Answers to learn: every correction that stands.
    rows, sides, left_out = exported(project, "trl-sft", include="corrections", all_corrections=True)
    assert_accounted(Reaction.objects.filter(project=project, kind="correction").count(), sides, left_out)
    wanted = {
        ("q2" if on == "c1" else "q1", v)
        for (who, kind, on), v in said_of.items()
        if kind == "correction" and v
    }
    assert {(r["prompt"][-1]["content"], said(r, "completion")) for r in rows["train"]} == wanted | {
        ("anchor", "anchored well")
    }
    # Pairs of drafts: none where the two chose differently.
    rows, sides, left_out = exported(project, "trl-preference", include="draft-choices")
    assert_accounted(Choice.objects.filter(project=project).count(), sides, left_out)
    chosen = {v for (who, kind, on), v in said_of.items() if kind == "choice" and isinstance(v, int)}
    names = ("a1", "b1")
    wanted = {(f"answer {names[v]}", f"answer {names[1 - v]}") for v in chosen} if len(chosen) == 1 else set()
    assert {(said(r, "chosen"), said(r, "rejected")) for r in rows["train"]} == wanted | {
        ("anchored", "adrift")
    }


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=25,
    deadline=None,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    arriving=arrivals(),
    erased=st.booleans(),
    live=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from([1, -1])), max_size=2),
    pick=st.booleans(),
)
def test_whatever_way_and_order_it_came_in_the_screen_and_the_file_say_the_same(
    tmp_path, arriving, erased, live, pick
):
    project = make_project()
    anchor(project)
    deliver(project, arriving, tmp_path / "rows.json")
    mind = minds(arriving)
    answers = {m.external_id: m for m in Message.objects.filter(project=project, role="assistant")}
    for who, value in live:  # said on the page, now
        react(
            project=project,
            end_user=of_key(project, who),
            kind="thumb",
            value=value,
            message=answers[f"{who}-a1"],
        )
        mind[who, "thumb", "a1"] = "up" if value == 1 else "down"
    if pick:
        drafts = [answers["ann-a1"], answers["ann-b1"]]
        shown = [{"message": m.pk, "seen": True} for m in drafts]
        choose(
            project=project,
            end_user=of_key(project, "ann"),
            parent=drafts[0].parent,
            verdict="better",
            chosen=drafts[1],
            shown=shown,
        )
        mind["ann", "choice", "q1"] = 1
    assert Message.objects.filter(project=project).exclude(conversation__external_id="anchor").count() == 10
    people = PEOPLE
    if erased:
        erasure.erase(erasure.Person(project, end_users=[of_key(project, "bob").pk]), actor=None)
        people = PEOPLE[:1]
        mind = {about: value for about, value in mind.items() if about[0] == "ann"}
    assert on_screen(project) == mind
    check_file(project, mind, people)
