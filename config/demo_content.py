"""The demo: its people, its projects with texts of the project's own, taken in on the same way as any file,
what has happened in them, and an empty project beside them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from annotation.imports import importer
from annotation.projects import actions as projects
from config.demo_history import DAYS, SEED, live_through
from config.demo_history.clock import lived
from config.demo_history.weeks import day_of_today
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
# Who has worked here and does not sign in: accounts without a password.
COLLEAGUES = {
    "expert3": ("Priya Raman", Role.ANNOTATOR),
    "expert4": ("王志远", Role.ANNOTATOR),
    "expert5": ("Emily Carter", Role.ANNOTATOR),
    "expert6": ("刘洋", Role.ANNOTATOR),
}
CHAT_SLUG, OWN_SLUG = "demo-chat", "own-file"
# (name for managers, model of the practice server, weight)
PRACTICE_MODELS = (
    ("练习 · 完整 · Practice, complete", "practice-good", 2),
    ("练习 · 简略 · Practice, brief", "practice-short", 1),
    ("练习 · 有错 · Practice, wrong", "practice-wrong", 1),
    ("练习 · 推脱 · Practice, evasive", "practice-evasive", 1),
)
WELCOME = """这里由**练习服务**应答，背后没有模型：它只会用演示数据里现成的回答，有的好，有的不完整，有的有错。请试着提问、点赞、挑选较好的回答。

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
    pay: Decimal
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
        Decimal("3.50"),
        "医学、法律、金融，中英文各半。\nMedicine, law and finance, half Chinese, half English.",
    ),
    DemoProject(
        "demo-qa",
        "合成问答核对 · Checking synthetic QA",
        "qa",
        2,
        Decimal("1.80"),
        "问答由模型依据原文生成，有些错误要读了原文才看得出来。\nPairs made by a model from a passage; "
        "some errors show only on reading it.",
    ),
    DemoProject(
        "demo-demonstration",
        "示范回答 · Demonstrations",
        "demonstration",
        1,
        Decimal("12.00"),
        "没有现成回答，由专家来写。\nPrompts without answers; the expert writes one.",
    ),
)


def create_demo(*, passwords: dict[str, str], today: date | None = None, seed: object = SEED) -> None:
    """Make the demo's people (`passwords`: {username: password} for each of PEOPLE), its projects with the
    three weeks before `today` (the day it is, unless given) as `seed` draws them, and the empty project; the
    chat only where a practice server runs (PRACTICE_ADDRESS). The same seed makes the same, but for dates,
    ids, keys and pseudonyms.

    Harmless to repeat: people that are there get their password set, projects that are there stay as they
    are. One that is missing beside others is made without a history."""
    with ThreadPoolExecutor(len(passwords)) as pool:  # slow on purpose, and without the interpreter's lock
        hashes = dict(zip(passwords, pool.map(make_password, passwords.values()), strict=True))
    for name, hashed in hashes.items():
        if not User.objects.filter(username=name).update(password=hashed):
            shown = PEOPLE[name][0]
            people.create_user(username=name, password=passwords[name], hashed=hashed, display_name=shown)
    slugs = [CHAT_SLUG, *(demo.slug for demo in PROJECTS)]
    with transaction.atomic():
        if Project.objects.filter(slug__in=slugs).exists():
            _make_own()
            found = _make_missing(_users())
            if "chat" in found:
                _open_all_models(found["chat"], _users()["manager"])
        else:
            with lived(today or day_of_today(), seed) as clock:
                clock.at(-DAYS, 9)
                users = _users()
                _make_own()
                found = _make_missing(users)
                live_through(projects=found, people=users, clock=clock, seed=seed)
                if "chat" in found:
                    clock.at(-1, 22, 30)
                    _open_all_models(found["chat"], users["manager"])


def _users() -> dict[str, User]:
    """{username: the person}, of all the demo's people; makes the colleagues who never sign in."""
    for name, (shown, _role) in COLLEAGUES.items():
        if not User.objects.filter(username=name).exists():
            nothing = make_password(None)
            people.create_user(username=name, password=nothing, hashed=nothing, display_name=shown)
    return User.objects.in_bulk([*PEOPLE, *COLLEAGUES], field_name="username")


def _make_missing(users: dict[str, User]) -> dict[str, Project]:
    """Make the demo's projects that are not there; {the last word of the address: project} of those."""
    made = {}
    if settings.PRACTICE_ADDRESS and not Project.objects.filter(slug=CHAT_SLUG).exists():
        made["chat"] = _make_chat(users)
    for demo in reversed(PROJECTS):  # the newest project stands first on everyone's page
        if not Project.objects.filter(slug=demo.slug).exists():
            made[demo.kind] = _make(demo, users)
    return made


def _join(project: Project, users: dict[str, User], *, end_users: bool = False) -> None:
    for name, (_shown, role) in (PEOPLE | COLLEAGUES).items():
        if name in users and (end_users or role != Role.USER):
            people.set_member(project=project, user=users[name], role=role, actor=None)


def _mark(project: Project) -> None:
    """Say on every page of the project that it is a demo."""
    project.demo = True
    project.save(update_fields=["demo"])


def _make_own() -> None:
    """The project for trying a file of one's own, unless it is there: nothing in it but the guidelines."""
    if Project.objects.filter(slug=OWN_SLUG).exists():
        return
    project = projects.create(
        actor=None,
        slug=OWN_SLUG,
        title="您自己的文件 · A file of your own",
        kind="ranking",
        overlap=1,
        description="空项目：导入您自己的文件来试用。\nEmpty: import a file of your own to try it.",
        guidelines=(FOLDER / "ranking.md").read_text(encoding="utf-8"),
    )
    _join(project, User.objects.in_bulk(list(PEOPLE), field_name="username"))


def _make(demo: DemoProject, users: dict[str, User]) -> Project:
    project = projects.create(
        actor=None,
        slug=demo.slug,
        title=demo.title,
        kind=demo.kind,
        overlap=demo.overlap,
        pay_per_item=demo.pay,
        description=demo.description,
        guidelines=(FOLDER / f"{demo.file}.md").read_text(encoding="utf-8"),
    )
    _mark(project)
    _join(project, users)
    report = importer.take(
        records(demo), project=project, actor=users.get("manager"), name=f"{demo.file}.jsonl"
    )
    if report["errors"]:
        raise RuntimeError(f"demo data refused: {report['errors'][0]}")
    return project


def _make_chat(users: dict[str, User]) -> Project:
    """The project whose people chat, answered by one model of the practice server to begin with
    (`_open_all_models`); what they say can go to the experts' bench."""
    project = projects.create(
        actor=None,
        slug=CHAT_SLUG,
        title="对话与反馈 · Chat and feedback",
        kind="ranking",
        overlap=1,
        description="与练习模型对话，点赞、挑选回答；再由专家评判。\nChat with practice models, react, and "
        "let "
        "experts judge.",
        guidelines=(FOLDER / "ranking.md").read_text(encoding="utf-8"),
    )
    _mark(project)
    _join(project, users, end_users=True)
    actor = users["manager"]
    saved = [
        endpoints.save(
            project=project,
            actor=actor,
            name=name,
            base_url=f"http://{settings.PRACTICE_ADDRESS}/v1",
            model_name=model,
            parameters={"temperature": 0.7},
        ).pk
        for name, model, _weight in PRACTICE_MODELS
    ]
    chat_settings.save_arms(project=project, actor=actor, arms={saved[0]: (PRACTICE_MODELS[0][2], True)})
    chat_settings.change(project=project, actor=actor, enabled=True, welcome=WELCOME, assign="turn")
    return project


def _open_all_models(project: Project, actor: User) -> None:
    """Let all practice models answer in the chat, and on a share of turns two of them."""
    weights = {model: weight for _name, model, weight in PRACTICE_MODELS}
    arms = {e.pk: (weights[e.model_name], True) for e in project.endpoints.filter(practice=True)}
    chat_settings.save_arms(project=project, actor=actor, arms=arms)
    chat_settings.change(
        project=project,
        actor=actor,
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
