"""The loop by hand: 200 people chat and react, rules put turns before experts, experts judge in the browser,
and every exported row leads back to the very conversation it came from, with no person on two sides of a
split."""

import json
from collections import Counter

import pytest
from django.core.management import call_command

from annotation.models import AnnotationVersion, Assignment, Item, ItemAnswer, Promotion
from annotation.promotion import rules as promotion
from corpus.models import PromptOrigin
from feedback.conversations.end_users import label
from feedback.models import Choice, Conversation, EndUser, Message, Reaction
from tests.annotation.bench.bench_items import press, read_all, until
from tests.cast import make_member
from tests.feedback.talks import Browser, make_chat, make_link, model_server  # noqa: F401 - a fixture
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.browser
PEOPLE = 200
SUBJECTS = [
    "二甲双胍 eGFR 28 能用吗？",
    "Is the lease of 1999 still binding?",
    "久期怎么算？",
    "Paracetamol and alcohol?",
    "试用期最长多久？",
]


def question_of(n: int) -> str:
    """Every fifth person asks what four others ask as well; the rest have a question of their own."""
    return SUBJECTS[n // 5 % 5] if n % 5 == 0 else f"{SUBJECTS[n % 5]} (case {n})"


def person(project, path: str, n: int) -> None:
    """One guest: two turns, a choice where drafts are shown, a thumb, sometimes a correction and a score."""
    here = Browser(project, REMOTE_ADDR=f"10.0.{n // 200}.{n % 200 + 1}")
    assert here.join(path, consent="1").status_code in (200, 302)
    lines = here.turn(question_of(n))
    begin = lines[0]
    answers = [a["id"] for a in begin["answers"]]
    assert all(line["state"] == "complete" for line in lines if line["e"] == "end")
    chosen = answers[0]
    if begin["drafts"]:
        shown = [{"message": a, "seen": True} for a in answers]
        verdict = ("all_bad", "same", "better", "better")[n % 4]
        chosen = answers[n % len(answers)]
        said = here.post(
            "choose/",
            user=begin["user"],
            verdict=verdict,
            chosen=chosen if verdict == "better" else None,
            shown=shown,
        )
        assert said.status_code == 200, said.content
    value = 1 if n % 3 else -1
    text = f"Person {n} says: the dose is missing here." if n % 3 == 0 else ""
    assert (
        here.post(f"messages/{chosen}/react/", kind="thumb", value=value, reasons=[], text=text).status_code
        == 200
    )
    if n % 10 == 3:
        assert (
            here.post(
                f"messages/{chosen}/react/", kind="correction", text=f"A better answer, by person {n}."
            ).status_code
            == 200
        )
    more = here.turn(f"And why, in case {n}?", conversation=begin["conversation"], parent=chosen)
    assert more[-1]["e"] == "done"
    if n % 7 == 0:
        assert (
            here.post(f"conversations/{begin['conversation']}/score/", value=1 + n % 5, text="").status_code
            == 200
        )


def judge_some(page, expert, project, wanted: Counter) -> Counter:
    """Judge by keyboard until enough of each kind was judged; other items are skipped by taking the next.
    {kind: judged}."""
    done: Counter = Counter()
    while any(done[kind] < n for kind, n in wanted.items()):
        n = sum(done.values())
        held = until(
            page,
            lambda: (
                Assignment.objects.select_related("item").filter(annotator__user=expert, state="open").first()
            ),
            f"item {n + 1}",
        )
        kind = held.item.kind
        if kind == "qa":
            page.locator(".qa-question").wait_for()
            page.wait_for_timeout(450)
            press(page, "k" if done["qa"] % 2 else "r 1 Enter")
        else:
            page.locator("answer-card").first.wait_for()
            read_all(page)
            letters = "abcdefgh"[: held.item.slot_count]
            press(page, " ".join([letters[0], "l", *letters[1:]]) + " Enter")
        until(
            page,
            lambda n=n: AnnotationVersion.objects.filter(annotation__project=project).count() == n + 1,
            f"judgement {n + 1}",
        )
        done[kind] += 1
        assert sum(done.values()) < 40
    return done


def rows_of(bundle) -> dict[str, list[tuple[dict, dict]]]:
    """{split: [(row, where it came from)]}."""
    folder, out = snapshots.folder_of(bundle), {}
    for path in sorted(folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        sides = [
            json.loads(line)
            for line in (folder / "provenance" / path.name).read_text(encoding="utf-8").splitlines()
        ]
        out[path.stem] = list(zip(rows, sides, strict=True))
    return out


def people_behind(side: dict) -> set[int]:
    """The end users whose conversations a row comes from: its own, or those whose turns its prompt was made
    from."""
    if side["status"] == "end_user":
        return set(
            Conversation.objects.filter(pk__in=[o["conversation"] for o in side["origins"]]).values_list(
                "end_user_id", flat=True
            )
        )
    turns = PromptOrigin.objects.filter(prompt=side["prompt"]).values_list("turn_id", flat=True)
    return set(Message.objects.filter(pk__in=turns).values_list("conversation__end_user_id", flat=True))


def test_from_two_hundred_talks_to_rows_that_lead_back_to_them(live_site, open_page, model_server):  # noqa: F811
    project = make_chat(
        "loop",
        server=model_server,
        models=("instant", "json"),
        drafts="share",
        draft_share=50,
        draft_from_arms=True,
    )
    _link, path = make_link(project)
    for n in range(PEOPLE):
        person(project, path, n)
    assert EndUser.objects.filter(project=project).count() == PEOPLE
    assert Conversation.objects.filter(project=project).count() == PEOPLE
    drafted = Choice.objects.filter(project=project).count()
    assert PEOPLE * 0.3 < drafted < PEOPLE * 0.7
    manager = make_member(project, "manager")
    for kind, more in (("down_comment", {}), ("all_bad", {}), ("low_score", {"threshold": 2})):
        promotion.create(
            project=project, actor=manager, name=kind, kind=kind, daily_cap=500, per_person_cap=5, **more
        )
    report = promotion.run(project)
    assert report["item"] > 40 and report["refused"] == 0
    again = promotion.run(project)
    assert again["item"] == again["known"] == 0
    kinds = Counter(Item.objects.filter(project=project).values_list("kind", flat=True))
    assert kinds["qa"] >= 4 and kinds["ranking"] >= 4

    expert = make_member(project, "annotator")
    page = open_page(expert)
    page.goto("/p/loop/bench/")
    page.wait_for_selector("#desk > *")
    judged = judge_some(page, expert, project, Counter(qa=3, ranking=3))
    assert judged["qa"] >= 3 and judged["ranking"] >= 3

    found: dict[str, dict] = {}
    for form in ("trl-preference", "trl-kto", "trl-sft"):
        options = {
            "format": form,
            "include": "draft-choices,thumbs,corrections",
            "split": "60,20,20",
            "split_by": "user",
            "annotators": "majority",
        }
        found[form] = rows_of(
            snapshots.build(project=project, actor=manager, options=ExportOptions.of(options))
        )
    sides_of: dict[int, set[str]] = {}
    told: Counter = Counter()
    for form, splits in found.items():
        for split, rows in splits.items():
            for row, side in rows:
                told[form, side["status"]] += 1
                leads_back(row, side)
                for user in people_behind(side):
                    sides_of.setdefault(user, set()).add(split)
    assert all(
        told[form, status]
        for form, status in (
            ("trl-preference", "end_user"),
            ("trl-preference", "raw"),
            ("trl-kto", "end_user"),
            ("trl-kto", "raw"),
        )
    )
    assert told["trl-sft", "end_user"]
    assert {split for splits in sides_of.values() for split in splits} == {"train", "validation", "test"}
    assert [user for user, splits in sides_of.items() if len(splits) > 1] == []


def leads_back(row: dict, side: dict) -> None:
    """Every text of the row is a text of the conversation that it names (or what a person wrote in its
    place), and the prompt is what had been said."""
    texts = {
        column: row[column][0]["content"] for column in ("chosen", "rejected", "completion") if column in row
    }
    if side["status"] == "end_user":
        assert side["origins"] and side["annotators"]
        for origin, name in zip(side["origins"], side["annotators"], strict=True):
            turn = Message.objects.select_related("conversation__end_user").get(pk=origin["turn"])
            assert (
                turn.conversation_id == origin["conversation"] and label(turn.conversation.end_user) == name
            )
            assert row["prompt"][-1] == {"role": "user", "content": turn.text}
            said = set(Message.objects.filter(parent=turn).values_list("text", flat=True))
            wrote = set(
                Reaction.objects.filter(message__parent=turn, kind="correction").values_list(
                    "text", flat=True
                )
            )
            assert texts.keys() and all(text in said | wrote for text in texts.values())
        assert set(side["reactions"]) <= set(Reaction.objects.values_list("pk", flat=True))
        assert set(side["choices"]) <= set(Choice.objects.values_list("pk", flat=True))
        return
    version = AnnotationVersion.objects.select_related("annotation").get(pk=side["versions"][0])
    taken = Promotion.objects.filter(item=version.annotation.item_id)
    assert taken
    turns = Message.objects.filter(pk__in=taken.values("message_id"))
    assert all(
        row["prompt"][-1] == {"role": "user", "content": turn.parent.text}
        for turn in turns.select_related("parent")
    )
    shown = set(
        ItemAnswer.objects.filter(item=version.annotation.item_id).values_list("response__text", flat=True)
    )
    assert all(text in shown for text in texts.values())
    assert shown <= set(
        Message.objects.filter(parent__in=turns.values("parent_id")).values_list("text", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_the_same_loop_by_commands(model_server, tmp_path, capsys):  # noqa: F811
    """What an operator does without the pages: promote, then export with the words of end users."""
    project = make_chat("shell", server=model_server, models=("instant",))
    _link, path = make_link(project)
    for n in range(6):
        person(project, path, n)
    promotion.create(project=project, actor=None, name="down", kind="down")
    call_command("promote", "shell", json=True)
    assert Item.objects.filter(project=project).count() == 2
    call_command(
        "export_dataset", "shell", format="trl-kto", out=str(tmp_path / "out"), include="thumbs", json=True
    )
    rows = [
        json.loads(line)
        for line in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert Counter(row["label"] for row in rows) == {True: 4, False: 2}
