"""Finding the person behind a request to see or erase their data, and the job that erases."""

import json
from collections.abc import Iterator

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import erasure, jobs
from core.erasure import Person
from core.errors import DomainError
from core.models import Job, Project, User
from feedback.conversations.end_users import departed_hash, key_hash, label, member_hash
from feedback.models import EndUser

WAYS = ("key", "member", "pseudonym")


def person_by(*, project: Project, way: str, name: str) -> Person:
    """The person that `name` means: "key", the id that the deployment sent; "member", an account's name;
    "pseudonym", as pages show it ("U-7K3FQA"). DomainError "no_such_person" if nobody of that name has
    said anything here."""
    name = name.strip()
    nobody = DomainError(
        "no_such_person", _("Nobody of that name has data in this project."), status=404, field="name"
    )
    if way == "member":
        user = User.objects.filter(username=name).first()
        if user is None or not (
            EndUser.objects.filter(project=project, key_hash=member_hash(project, user)).exists()
            or project.members.filter(user=user).exists()
            or user.annotators.filter(project=project).exists()
        ):
            raise nobody
        return of_account(project, user)
    if way == "key":
        try:
            found = list(
                EndUser.objects.filter(
                    project=project, key_hash=key_hash(project, f"key\0{name}")
                ).values_list("pk", flat=True)
            )
        except UnicodeEncodeError:
            raise nobody from None
    else:
        wanted = name.upper()
        people = EndUser.objects.filter(project=project).only("pk", "key_hash").iterator(chunk_size=5000)
        found = [one.pk for one in people if label(one) == wanted]
    if not found:
        raise nobody
    if len(found) > 1:
        raise DomainError(
            "several_people",
            _("Several people have this pseudonym; use the id that your system knows them by."),
            status=409,
            field="name",
        )
    return of_end_user(EndUser.objects.select_related("user").get(pk=found[0]))


def of_account(project: Project, user: User) -> Person:
    return Person(project, user=user)


def of_end_user(end_user: EndUser) -> Person:
    """The person behind a row: of a member the account with it."""
    return Person(end_user.project, user=end_user.user, end_users=[end_user.pk])


def exported(person: Person) -> Iterator[str]:
    """The person's data as JSON text, in pieces."""
    yield from json.JSONEncoder(ensure_ascii=False, indent=1, default=DjangoJSONEncoder().default).iterencode(
        {"project": person.project.slug, **erasure.export(person)}
    )


def start_erasing(person: Person, *, actor) -> Job:
    """A job that erases the person: it may take a while, since freed places of the database are
    overwritten."""
    params = {"end_users": person.end_users, "user": person.user.pk if person.user else None}
    return jobs.start("erase", project=person.project, actor=actor, params=params, queue="heavy")


def start_erasing_talks(end_user: EndUser, *, actor) -> Job:
    """The same for what an end user asks of their own talk: an account and what it judged are not touched.
    The person is somebody new to the chat from this moment, so that what is about to be erased is out of
    their sight at once and what they say from now on is not erased with it."""
    with transaction.atomic():
        EndUser.objects.filter(pk=end_user.pk).update(key_hash=departed_hash(end_user.project))
        return jobs.start(
            "erase",
            project=end_user.project,
            actor=actor,
            params={"end_users": [end_user.pk], "user": None},
            queue="heavy",
        )


@jobs.job_kind("erase", queue="heavy", label=gettext_lazy("Erasing a person's data"))
def run(job: Job, ctl: jobs.Control) -> dict:
    """Erase whole or not at all; a run that was killed is called again, and what is gone already is no
    harm."""
    assert job.project is not None
    user = User.objects.filter(pk=job.params["user"]).first() if job.params["user"] else None
    return erasure.erase(
        Person(job.project, user=user, end_users=list(job.params["end_users"])), actor=job.created_by
    )
