"""Projects with judgements by a known rule, and the data sets made of them."""

from random import Random

from annotation.models import ItemTag
from core.models import Project
from tests import cast
from tests.training_export import judged
from training_export.models import RecipeVersion, Snapshot
from training_export.recipes.actions import apply_recipe
from training_export.recipes.document import RecipeDocument
from training_export.recipes.make import make_snapshot


def question(n: int) -> str:
    """What item `n` asks."""
    return f"Question {n}: how long may this medicine be kept?"


def filled(n: int = 12, *, shuffled: int | None = None, tags=("drugs",), **fields) -> Project:
    """A project of `n` items of three answers each, ranked 0 > 1 > 2 by two people, the best above the line;
    every fifth has a correction of its best answer. `shuffled`: the seed of another order of arrival."""
    project = judged.project(**fields)
    people = judged.annotators(project, 2)
    numbers = list(range(n))
    if shuffled is not None:
        Random(shuffled).shuffle(numbers)
    for i in numbers:
        answers = [f"Keep it {k} days, said {i}." for k in (10, 20, 30)]
        asked = cast.make_prompt(project, question(i))
        made = judged.item(project, answers, prompt=asked)
        for name in tags:
            ItemTag.objects.create(item=made, name=name)
        for person in people if shuffled is None else people[::-1]:
            document = {"ranking": [[0], [1], [2]], "acceptable": 1}
            if i % 5 == 0 and person is people[0]:
                corrected = {"target": "response", "answer": 0, "text": f"Keep it 11 days, said {i}."}
                document["corrections"] = [corrected]
            judged.judge(made, person, document)
    return project


def recipe(project: Project, name: str = "r", **given) -> RecipeVersion:
    """The newest version of a recipe that says `given`."""
    document = RecipeDocument.of({"kinds": ["preference"]} | given)
    return apply_recipe(project=project, actor=None, name=name, document=document)[0]


def made(project: Project, **given) -> Snapshot:
    """The next data set by a recipe that says `given`."""
    return make_snapshot(project=project, actor=None, version=recipe(project, **given))
