"""A fixed cast and small makers of rows: keyword-only, everything has a default."""

from dataclasses import dataclass
from itertools import count

from django.db import transaction

from annotation.models import Annotator, BenchSettings, Item, ItemAnswer
from annotation.work import queue
from core.models import Member, Project, User
from corpus import canonical
from corpus.models import ModelVersion, Prompt, Response

_n = count(1)


@dataclass(frozen=True)
class Cast:
    """The same people in every test: alice leads, bob and carol annotate, dan reviews, eve is a stranger, ute
    talks to the model."""

    project: Project
    alice: User
    bob: User
    carol: User
    dan: User
    eve: User
    ute: User


def make_cast(slug: str = "ward", **project) -> Cast:
    """A project with the whole cast; `project` as for make_project."""
    made = make_project(slug, **project)
    roles = {"alice": "manager", "bob": "annotator", "carol": "annotator", "dan": "reviewer", "ute": "user"}
    people = {name: make_member(made, role, make_user(name)) for name, role in roles.items()}
    return Cast(made, eve=make_user("eve"), **people)


def make_user(name: str | None = None, **fields) -> User:
    return User.objects.create_user(name or f"person{next(_n)}", password="correct horse battery", **fields)


def make_project(slug: str | None = None, *, kind: str = "ranking", overlap: int = 1, **bench) -> Project:
    slug = slug or f"project-{next(_n)}"
    project = Project.objects.create(slug=slug, title=slug.title())
    BenchSettings.objects.create(project=project, kind=kind, overlap=overlap, **bench)
    return project


def make_member(project: Project, role: str, user: User | None = None) -> User:
    user = user or make_user()
    Member.objects.create(project=project, user=user, role=role)
    return user


def make_annotator(project: Project, user: User | None = None, **fields) -> Annotator:
    return Annotator.objects.create(
        project=project, user=user, pseudonym=fields.pop("pseudonym", f"P{next(_n)}"), **fields
    )


def make_response(
    prompt: Prompt, text: str, *, model: str | None = None, origin: str = "model", **fields
) -> Response:
    version = ModelVersion.objects.get_or_create(project=prompt.project, name=model)[0] if model else None
    key = prompt.project.hash_key
    text_hash = canonical.text_hash(key=key, text=text, turns=fields.get("turns"))
    return Response.objects.create(
        prompt=prompt,
        text=text,
        origin=origin,
        model_version=version,
        text_hash=text_hash,
        identity_hash=canonical.identity_hash(
            key=key,
            text_hash=text_hash,
            origin=origin,
            model=model,
            external_id=fields.get("external_id", ""),
        ),
        **fields,
    )


def make_prompt(
    project: Project,
    text: str | None = None,
    *,
    messages: list | None = None,
    tools=None,
    sources=(),
    **fields,
) -> Prompt:
    messages = messages or [{"role": "user", "content": text or f"Question {next(_n)}?"}]
    content_hash = canonical.prompt_hash(
        key=project.hash_key, messages=messages, tools=tools, sources=sources
    )
    return Prompt.objects.create(
        project=project,
        messages=messages,
        tools=tools,
        sources=list(sources),
        content_hash=content_hash,
        **fields,
    )


def make_item(
    project: Project,
    answers=("first answer", "second answer", "third answer"),
    *,
    kind: str | None = None,
    prompt: Prompt | None = None,
    **fields,
) -> Item:
    """An item with one response per text of `answers`, each by its own model "cast-model-0", "cast-model-1"
    …; equal texts share a slot."""
    prompt = prompt or make_prompt(project)
    kind = kind or project.bench.kind
    slots: dict[str, int] = {}
    responses = []
    for i, text in enumerate(answers):
        response = make_response(prompt, text, model=f"cast-model-{i}")
        responses.append((response, slots.setdefault(response.text_hash, len(slots))))
    state = "waiting" if kind == "ranking" and len(slots) < 2 else "open"
    item = Item.objects.create(
        project=project,
        prompt=prompt,
        kind=kind,
        state=fields.pop("state", state),
        position=fields.pop("position", next(_n)),
        overlap=fields.pop("overlap", project.bench.overlap),
        slot_count=len(slots),
        **fields,
    )
    for response, slot in responses:
        ItemAnswer.objects.create(item=item, response=response, slot=slot)
    with transaction.atomic():
        queue.freed([item])  # as an import does: the item may stand before what somebody has already passed
    return item
