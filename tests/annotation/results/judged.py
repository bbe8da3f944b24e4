"""Projects with judgements, made at random or by hand, for the tests of Results."""

import random

from annotation.models import Annotation, AnnotationVersion, Annotator, ItemTag
from tests.cast import make_annotator, make_item, make_prompt

QUESTIONS = {
    "zh": "高血压患者能吃布洛芬吗？第{n}题",
    "en": "What is the right dose of the drug for number {n}?",
}


def judge(
    item, annotator: Annotator, document: dict, *, order=None, state="submitted", **fields
) -> Annotation:
    """A judgement of `item` in stored form, as its head."""
    made = Annotation.objects.create(
        project=item.project, item=item, annotator=annotator, state=state, **fields
    )
    version = AnnotationVersion.objects.create(
        annotation=made,
        number=1,
        document=document,
        order=list(range(item.slot_count)) if order is None else order,
        client_key=f"k{made.pk}",
        event_id=1,
    )
    made.head = version
    made.save(update_fields=["head"])
    return made


def random_project(project, seed: int, *, items: int = 14, people: int = 3) -> None:
    """Items of up to four models (some of the same text), judged by up to three people each, with ties, with
    answers left out, in every state, some hidden; tags and languages."""
    rng = random.Random(seed)
    annotators = [make_annotator(project, pseudonym=f"s{seed}p{i}") for i in range(people)]
    annotators.append(
        make_annotator(project, pseudonym=f"s{seed}file", source=Annotator.Source.IMPORTED, name="file")
    )
    for n in range(items):
        prompt = make_prompt(project, QUESTIONS[rng.choice(["zh", "en"])].format(n=f"{seed}-{n}"))
        texts = ["x" * rng.randint(1, 4) for _model in range(rng.choice([2, 3, 4]))]
        if len(set(texts)) < 2:
            texts[0] += "y"
        item = make_item(project, texts, prompt=prompt, hidden=rng.random() < 0.1, overlap=3)
        for tag in rng.sample(["heart", "肾", "drugs"], rng.randint(0, 2)):
            ItemTag.objects.create(item=item, name=tag)
        for annotator in rng.sample(annotators, rng.randint(1, len(annotators))):
            state = rng.choice(["submitted"] * 4 + ["accepted", "returned", "withdrawn"])
            order = list(range(item.slot_count))
            rng.shuffle(order)
            judge(
                item,
                annotator,
                random_ranking(rng, item.slot_count),
                order=order if rng.random() < 0.9 else [],
                state=state,
                practice=rng.random() < 0.05,
            )


def random_ranking(rng: random.Random, slots: int) -> dict:
    """Groups of tied answers, some left out, the rest worse or not said."""
    left = rng.sample(range(slots), rng.randint(1, slots))
    groups: list[list[int]] = []
    for slot in left:
        if groups and rng.random() < 0.35:
            groups[-1].append(slot)
        else:
            groups.append([slot])
    document: dict = {"schema": 1, "ranking": groups}
    if len(left) < slots and rng.random() < 0.5:
        document["rest"] = "worse"
    return document
