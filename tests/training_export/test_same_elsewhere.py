"""The same content with the same seed is the same data set elsewhere: in a project with another key, whose
rows have other ids and came in another order."""

import random
from itertools import count

import pytest

from feedback.conversations.end_users import of_key
from feedback.conversations.tree import context_hash, context_of
from feedback.models import Conversation, Message
from feedback.reactions.actions import choose, react
from tests import cast
from tests.training_export import judged
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db
_n = count(1)
PEOPLE = 9


def prompts():
    """[(question, answers as (model, text), [(annotator, judgement)])], always the same; some answers are
    said by two models."""
    rng = random.Random(5)
    out = []
    for n in range(30):
        texts = [f"Answer {n}.{i}" for i in range(rng.randint(3, 5))]
        answers = [(f"m-{i}", text) for i, text in enumerate(texts)] + [("m-also", texts[0])]
        said = []
        for who in rng.sample(["X", "Y", "Z"], rng.randint(1, 3)):
            order = texts[:]
            rng.shuffle(order)
            corrected = f"Better {n} by {who}" if rng.random() < 0.4 else ""
            said.append((who, order, rng.randint(0, len(order)), order[-1], corrected))
        out.append((f"Question {n}?", answers, said))
    return out


def fill_prompts(project, rng):
    """`rng`: shuffles the order in which prompts and answers come; None leaves it."""
    annotators = {name: cast.make_annotator(project, pseudonym=name) for name in "XYZ"}
    every = prompts()
    if rng:
        rng.shuffle(every)
    for question, answers, said in every:
        if rng:
            answers = rng.sample(answers, len(answers))
        prompt = cast.make_prompt(project, question)
        item = judged.item(project, [], prompt=prompt)
        slots: dict[str, int] = {}
        for model, text in answers:
            response = cast.make_response(prompt, text, model=model)
            item.answers.create(response=response, slot=slots.setdefault(text, len(slots)))
        type(item).objects.filter(pk=item.pk).update(slot_count=len(slots))
        for who, order, good, target, corrected in said:
            document = {"schema": 1, "ranking": [[slots[text]] for text in order], "acceptable": good}
            if corrected:
                document["corrections"] = [{"target": "response", "answer": slots[target], "text": corrected}]
            judged.judge(item, annotators[who], document)


def fill_talks(project, rng):
    rows = [(f"person {n % PEOPLE}", f"Asked {n // 2}?", n) for n in range(60)]
    if rng:
        rng.shuffle(rows)
    for who, question, n in rows:
        talk = Conversation.objects.create(project=project, end_user=of_key(project, who))
        turn = Message.objects.create(project=project, conversation=talk, role="user", text=question)
        Message.objects.filter(pk=turn.pk).update(context_hash=context_hash(project, context_of(turn)))
        turn.refresh_from_db()
        fields = {"project": project, "conversation": talk, "parent": turn, "role": "assistant", "seen": True}
        drafts = [Message.objects.create(text=f"Reply {n}.{i}", position=i, **fields) for i in range(2)]
        person = of_key(project, who)
        if n % 3:
            react(project=project, end_user=person, kind="thumb", value=1 if n % 4 else -1, message=drafts[0])
        else:
            shown = [{"message": m.pk, "seen": True} for m in drafts]
            choose(
                project=project,
                end_user=person,
                parent=turn,
                verdict="better",
                chosen=drafts[n % 2],
                shown=shown,
            )


def exported(project, options):
    bundle = snapshots.build(project=project, actor=None, options=ExportOptions.of(options))
    folder = snapshots.folder_of(bundle)
    files = {f["path"]: (folder / f["path"]).read_bytes() for f in bundle.files if f["role"] == "data"}
    return files, bundle.snapshot.content_sha256


KTO = {
    "format": "trl-kto",
    "include": "thumbs,draft-choices",
    "thumbs_per_user": 3,
    "thumbs_balance": "1:1",
    "split": "60,20,20",
}


@pytest.mark.parametrize(
    "options",
    [
        {"format": "trl-preference", "max_pairs": 2, "split": "60,20,20", "seed": 3},
        {"format": "trl-rm", "pairs": "best-random", "margin": "bt"},
        {
            "format": "trl-preference",
            "correction_beats": "ranked",
            "annotators": "majority",
            "include": "draft-choices",
        },
        {"format": "trl-sft", "sft_top": True, "split": "80,20,0"},
        {"format": "llamafactory", "max_pairs": 3, "split": "80,20,0"},
        KTO,
        KTO | {"seed": 4, "split": None},
    ],
)
def test_the_same_rows_are_drawn_elsewhere(options):
    here, there, otherwise = cast.make_project(), cast.make_project(), cast.make_project()
    assert len({bytes(p.hash_key) for p in (here, there, otherwise)}) == 3
    for project, rng in ((here, None), (there, None), (otherwise, random.Random(1))):
        fill_prompts(project, rng)
        fill_talks(project, rng)
    files, content = exported(here, options)
    assert exported(there, options) == (files, content)  # byte for byte
    others, other_content = exported(otherwise, options)
    assert other_content == content
    assert {name: sorted(raw.splitlines()) for name, raw in others.items()} == {
        name: sorted(raw.splitlines()) for name, raw in files.items()
    }
