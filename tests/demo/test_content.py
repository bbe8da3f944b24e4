import json
from collections import Counter
from html.parser import HTMLParser

import pytest

from annotation.models import Item
from config import demo_content
from core.rendering import language, markdown
from corpus.models import Prompt, Response

pytestmark = pytest.mark.django_db


def rows(name: str) -> list[dict]:
    return [
        json.loads(line)
        for line in (demo_content.FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def question(row: dict) -> str:
    return row["question"] if "question" in row else (row.get("prompt") or row["messages"])[-1]["content"]


def test_every_item_is_there_and_whole(demo):
    staff = {n: r for n, (_name, r) in (demo_content.PEOPLE | demo_content.COLLEAGUES).items() if r != "user"}
    for kind, overlap in (("ranking", 2), ("qa", 2), ("demonstration", 1)):
        project = demo[kind]
        items = Item.objects.filter(project=project)
        assert items.count() == len(rows(kind))
        assert not items.exclude(kind=kind, overlap=overlap, hidden=False).exists()
        assert not items.filter(tags__isnull=False).exists(), "made-up texts must not look like personal data"
        assert {m.user.username: m.role for m in project.members.select_related("user")} == staff
        assert "##" in project.bench.guideline.text and len(project.bench.criteria.criteria) == 4
    ranking = Item.objects.filter(project=demo["ranking"])
    assert set(ranking.values_list("slot_count", flat=True)) == {3, 4}
    texts = {r.text for r in Response.objects.filter(prompt__project=demo["ranking"])}
    assert texts == {a["text"] for row in rows("ranking") for a in row["answers"]}
    assert set(Response.objects.filter(prompt__project=demo["qa"]).values_list("origin", flat=True)) == {
        "synthetic"
    }
    assert not Prompt.objects.filter(project=demo["qa"], sources=[]).exists()


def test_there_is_enough_of_everything():
    ranking, qa = rows("ranking"), rows("qa")
    assert len(ranking) >= 40 and len(qa) >= 12 and len(rows("demonstration")) >= 6
    spread = Counter((row["domain"], language.guess(question(row))) for row in ranking)
    assert (
        set(spread) == {(d, lang) for d in ("medicine", "law", "finance") for lang in ("zh", "en")}
        and min(spread.values()) >= 6
    )
    assert abs(sum(n for (_d, lang), n in spread.items() if lang == "zh") - len(ranking) / 2) <= 1
    assert sum(len([m for m in row["prompt"] if m["role"] == "user"]) > 1 for row in ranking) >= 6
    assert any(row["prompt"][0]["role"] == "system" for row in ranking) and any(
        "source" in row for row in ranking
    )
    everything = [a["text"] for row in ranking for a in row["answers"]]
    assert sum("|---" in t or "---:|" in t for t in everything) >= 10
    assert {lang for lang in ("sql", "python", "r") if any(f"```{lang}\n" in t for t in everything)} == {
        "sql",
        "python",
        "r",
    }
    assert sum("$" in t for t in everything) >= 20
    assert (
        "demo"
        not in "".join(
            everything + [question(r) for r in ranking + qa] + [r["answer"] + r["source"] for r in qa]
        ).lower()
    )
    assert {language.guess(row["answer"]) for row in qa} == {"zh", "en"}


def test_the_place_does_not_tell_the_best_answer_and_one_model_wins():
    """The longest answer stands in each place about equally often; one model has most of the good answers,
    but is neither always good nor alone so."""
    grades = json.loads((demo_content.FOLDER / "practice.json").read_text(encoding="utf-8"))
    places, good, total = Counter(), Counter(), 0
    for row in rows("ranking"):
        assert len({a["model"] for a in row["answers"]}) == len(row["answers"])
        best = max(row["answers"], key=lambda a: len(a["text"]))
        places[row["answers"].index(best)] += 1
        for answer, grade in zip(row["answers"], grades[row["id"]], strict=True):
            good[answer["model"]] += grade == "good"
        total += 1
    assert max(places.values()) <= total * 0.45 and min(places.values()) >= 4
    (winner, most), (_second, next_most), *_others = good.most_common()
    assert winner == "jasper-32b" and total * 0.5 < most < total * 0.9 and 0 < next_most < most / 2


class _Sources(HTMLParser):
    def __init__(self):
        super().__init__()
        self.classes = []

    def handle_starttag(self, tag, attrs):
        self.classes += [v for k, v in attrs if k == "class"]


def test_every_text_renders_without_leftover_source():
    texts = [a["text"] for row in rows("ranking") for a in row["answers"]] + [
        m["content"] for row in rows("ranking") for m in row["prompt"]
    ]
    texts += [
        (demo_content.FOLDER / f"{p.kind}.md").read_text(encoding="utf-8") for p in demo_content.PROJECTS
    ]
    for text in texts:
        made = markdown.render(text)
        parser = _Sources()
        parser.feed(made)
        assert "math-source" not in parser.classes and "plain" not in parser.classes, text
        visible = made.split("<pre")[0]
        assert "**" not in visible and "$$" not in visible and "\\frac" not in visible, text
