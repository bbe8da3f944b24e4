"""The demo: four people, three projects, and texts of the project's own, taken in on the same way as any file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from annotation import intake, projects
from core import people
from core.models import Project, Role, User
from corpus.records import AnswerIn, Entry, Record

FOLDER = Path(__file__).parent / "demo_data"
# {username: (name shown, role in every demo project)}
PEOPLE = {
    "expert": ("林晓雯", Role.ANNOTATOR),
    "expert2": ("Daniel Weber", Role.ANNOTATOR),
    "reviewer": ("陈立", Role.REVIEWER),
    "manager": ("Anna Schmidt", Role.MANAGER),
}


@dataclass(frozen=True)
class DemoProject:
    slug: str
    title: str
    kind: str
    overlap: int
    description: str

    @property
    def file(self) -> str:
        return self.kind


PROJECTS = (
    DemoProject(
        "demo-ranking", "专业问答排序 · Ranking expert answers", "ranking", 2,
        "医学、法律、金融，中英文各半。\nMedicine, law and finance, half Chinese, half English.",
    ),
    DemoProject(
        "demo-qa", "合成问答检查 · Checking synthetic QA", "qa", 1,
        "问答由模型依据原文生成，有些只有读原文才看得出错。\nPairs made by a model from a passage; some errors show only on reading it.",
    ),
    DemoProject(
        "demo-demonstration", "示范回答 · Demonstrations", "demonstration", 1,
        "没有现成回答，由专家来写。\nPrompts without answers; the expert writes one.",
    ),
)  # fmt: skip


def create_demo(*, passwords: dict[str, str]) -> None:
    """Make the demo's people (`passwords`: {username: password} for each of PEOPLE) and projects. Harmless to repeat: people that are there get
    their password set, projects that are there stay as they are; a part that was cut short is made whole."""
    for name, password in passwords.items():
        user = User.objects.filter(username=name).first()
        if user is None:
            people.create_user(username=name, password=password, display_name=PEOPLE[name][0])
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
    for demo in reversed(PROJECTS):  # the newest project stands first on everyone's page
        with transaction.atomic():
            if not Project.objects.filter(slug=demo.slug).exists():
                _make(demo, User.objects.in_bulk(list(passwords), field_name="username"))


def _make(demo: DemoProject, users: dict[str, User]) -> None:
    project = projects.create(
        actor=None, slug=demo.slug, title=demo.title, kind=demo.kind, overlap=demo.overlap, description=demo.description,
        guidelines=(FOLDER / f"{demo.file}.md").read_text(encoding="utf-8"),
    )  # fmt: skip
    for name, user in users.items():
        people.set_member(project=project, user=user, role=PEOPLE[name][1], actor=None)
    report = intake.take(records(demo), project=project, actor=users.get("manager"), name=f"{demo.file}.jsonl")
    if report["errors"]:
        raise RuntimeError(f"demo data refused: {report['errors'][0]}")


def records(demo: DemoProject) -> Iterator[Record]:
    """The demo's file as records. Built here and not by a reader, since a pair is known to be synthetic and a ranked prompt may have a source."""
    with open(FOLDER / f"{demo.file}.jsonl", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            yield Record(number, [_entry(row, demo.kind)])


def _entry(row: dict, kind: str) -> Entry:
    sources = [{"title": row["source_title"], "text": row["source"]}] if "source" in row else []
    common = {"sources": sources, "metadata": {"domain": row["domain"]}, "external_id": row["id"]}
    if kind == "qa":
        answer = AnswerIn(text=row["answer"], model=row["model"], origin="synthetic")
        return Entry("qa", [{"role": "user", "content": row["question"]}], [answer], **common)
    if kind == "ranking":
        answers = [AnswerIn(text=a["text"], model=a["model"], origin="model") for a in row["answers"]]
        return Entry("ranking", row["prompt"], answers, **common)
    return Entry("prompt", row["messages"], **common)
