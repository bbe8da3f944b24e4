"""The demo: five people, four projects, and texts of the project's own, taken in on the same way as any
file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.imports import importer
from annotation.projects import actions as projects
from core.accounts import actions as people
from core.models import Project, Role, User
from corpus.records import AnswerIn, Entry, Record
from feedback.chat.settings import actions as chat_settings
from inference import endpoints

FOLDER = Path(__file__).parent / "demo_data"
# {username: (name shown, role in every demo project)}
PEOPLE = {
    "expert": ("林晓雯", Role.ANNOTATOR),
    "expert2": ("Daniel Weber", Role.ANNOTATOR),
    "reviewer": ("陈立", Role.REVIEWER),
    "manager": ("Anna Schmidt", Role.MANAGER),
    "user": ("赵敏", Role.USER),  # only where people chat
}
CHAT_SLUG = "demo-chat"
# (name for managers, model of the practice server, weight)
PRACTICE_MODELS = (
    ("练习 · 完整 · Practice, complete", "practice-good", 2),
    ("练习 · 简略 · Practice, brief", "practice-short", 1),
    ("练习 · 有错 · Practice, wrong", "practice-wrong", 1),
    ("练习 · 推脱 · Practice, evasive", "practice-evasive", 1),
)
WELCOME = """这里由**练习服务器**应答，背后没有模型：它只会用演示数据里现成的回答，有的好，有的不完整，有的有错。请试着提问、点赞、挑选较好的回答。

例如：二甲双胍 eGFR 28 还能继续吃吗？

The **practice server** answers here; there is no model behind it. It knows the answers of the demo's texts: good ones, incomplete ones, wrong ones. Ask, \
give thumbs, choose the better draft.

For example: Is a price tag in a shop window an offer?"""  # noqa: E501


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
        "demo-ranking",
        "专业问答排序 · Ranking expert answers",
        "ranking",
        2,
        "医学、法律、金融，中英文各半。\nMedicine, law and finance, half Chinese, half English.",
    ),
    DemoProject(
        "demo-qa",
        "合成问答检查 · Checking synthetic QA",
        "qa",
        1,
        "问答由模型依据原文生成，有些只有读原文才看得出错。\nPairs made by a model from a passage; "
        "some errors show only on reading it.",
    ),
    DemoProject(
        "demo-demonstration",
        "示范回答 · Demonstrations",
        "demonstration",
        1,
        "没有现成回答，由专家来写。\nPrompts without answers; the expert writes one.",
    ),
)


def create_demo(*, passwords: dict[str, str]) -> None:
    """Make the demo's people (`passwords`: {username: password} for each of PEOPLE) and projects; that of the
    chat only where a practice server runs (PRACTICE_ADDRESS). Harmless to repeat: people that are there get
    their password set, projects that are there stay as they are; a part that was cut short is made whole."""
    for name, password in passwords.items():
        user = User.objects.filter(username=name).first()
        if user is None:
            people.create_user(username=name, password=password, display_name=PEOPLE[name][0])
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
    if settings.PRACTICE_ADDRESS and not Project.objects.filter(slug=CHAT_SLUG).exists():
        with transaction.atomic():
            _make_chat(User.objects.in_bulk(list(passwords), field_name="username"))
    for demo in reversed(PROJECTS):  # the newest project stands first on everyone's page
        with transaction.atomic():
            if not Project.objects.filter(slug=demo.slug).exists():
                _make(demo, User.objects.in_bulk(list(passwords), field_name="username"))


def _make(demo: DemoProject, users: dict[str, User]) -> None:
    project = projects.create(
        actor=None,
        slug=demo.slug,
        title=demo.title,
        kind=demo.kind,
        overlap=demo.overlap,
        description=demo.description,
        guidelines=(FOLDER / f"{demo.file}.md").read_text(encoding="utf-8"),
    )
    for name, user in users.items():
        if PEOPLE[name][1] != Role.USER:
            people.set_member(project=project, user=user, role=PEOPLE[name][1], actor=None)
    report = importer.take(
        records(demo), project=project, actor=users.get("manager"), name=f"{demo.file}.jsonl"
    )
    if report["errors"]:
        raise RuntimeError(f"demo data refused: {report['errors'][0]}")


def _make_chat(users: dict[str, User]) -> None:
    """The project whose people chat, answered by the practice server; what they say can go to the experts'
    bench."""
    project = projects.create(
        actor=None,
        slug=CHAT_SLUG,
        title="对话与反馈 · Chat and feedback",
        kind="ranking",
        overlap=1,
        description="与练习模型对话，点赞、挑选回答；再由专家判断。\nChat with practice models, react, and "
        "let "
        "experts judge.",
        guidelines=(FOLDER / "ranking.md").read_text(encoding="utf-8"),
    )
    for name, user in users.items():
        people.set_member(project=project, user=user, role=PEOPLE[name][1], actor=None)
    actor = users.get("manager")
    arms = {}
    for name, model, weight in PRACTICE_MODELS:
        url = f"http://{settings.PRACTICE_ADDRESS}/v1"
        arms[
            endpoints.save(
                project=project,
                actor=actor,
                name=name,
                base_url=url,
                model_name=model,
                parameters={"temperature": 0.7},
            ).pk
        ] = (weight, True)
    chat_settings.save_arms(project=project, actor=actor, arms=arms)
    chat_settings.change(
        project=project,
        actor=actor,
        enabled=True,
        welcome=WELCOME,
        assign="turn",
        drafts="share",
        draft_share=40,
        draft_count=2,
        draft_from_arms=True,
    )


def records(demo: DemoProject) -> Iterator[Record]:
    """The demo's file as records. Built here and not by a reader, since a pair is known to be synthetic and a
    ranked prompt may have a source."""
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
