"""Users, projects, members, keys, jobs, events: what every other room stands on."""

import secrets

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import local_time
from core.querysets import JobQuerySet, MemberQuerySet, ProjectQuerySet


class User(AbstractUser):
    """A person with an account. What they see (language, theme, keys) travels with them between computers."""

    language = models.CharField(max_length=10, blank=True)
    theme = models.CharField(max_length=5, blank=True, choices=[("light", _("Light")), ("dark", _("Dark"))])
    text_size = models.SmallIntegerField(default=0)
    keys = models.JSONField(default=dict, blank=True)
    password_must_change = models.BooleanField(default=False)

    @property
    def shown_name(self) -> str:
        return self.get_full_name() or self.username


class Role(models.TextChoices):
    """What a member may do, weakest first; each role may do all that the roles before it may."""

    USER = "user", _("User")
    ANNOTATOR = "annotator", _("Annotator")
    REVIEWER = "reviewer", _("Reviewer")
    MANAGER = "manager", _("Manager")


ROLE_ORDER = [Role.USER, Role.ANNOTATOR, Role.REVIEWER, Role.MANAGER]


def roles_from(role: str) -> list[str]:
    """`role` and all stronger ones: the roles for which something open to `role` is open."""
    return [str(r) for r in ROLE_ORDER[ROLE_ORDER.index(Role(role)) :]]


def new_hash_key() -> bytes:
    return secrets.token_bytes(32)


class Project(models.Model):
    """The tenant: every row of data carries its project."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    # keys content_hash; lives as long as the project
    hash_key = models.BinaryField(default=new_hash_key, editable=False)
    archived = models.BooleanField(default=False)
    # of core.local_time.names(): the project's days begin and end by it
    time_zone = models.CharField(max_length=64, default=local_time.installation)
    demo = models.BooleanField(default=False, db_default=False)  # made up: its pages and data sets say so
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.slug


class Member(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="member_once")]

    def can(self, role: str) -> bool:
        """Whether this member may do what `role` may do."""
        return self.role in roles_from(role)


class Invite(models.Model):
    """A link that makes its holder a member. Only the hash of its token is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invites")
    role = models.CharField(max_length=12, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    uses_left = models.PositiveIntegerField(default=1)
    revoked = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)


class ApiKey(models.Model):
    """Acts as its person in one project with at most `role`. Found by prefix, kept as a hash. A key with a
    narrower `scope` opens that door only, whatever its role, as long as its person manages the project.
    One that was rotated works until `expires_at`, beside the one that replaced it."""

    class Scope(models.TextChoices):
        ALL = "all", _("All that its role may do")
        INGEST = "ingest", _("Send feedback and make widget tokens, nothing else")
        PROXY = "proxy", _("Use the proxy, nothing else")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    role = models.CharField(max_length=12, choices=Role.choices)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.ALL)
    name = models.CharField(max_length=80, blank=True)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    replaced_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True)


class Job(models.Model):
    """Background work. This row is the truth; the broker carries only its primary key."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=40)  # a name registered with core.jobs.job_kind
    queue = models.CharField(max_length=10, default="default")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(default=dict)
    # what a resumed run needs to go on where the last one was killed
    checkpoint = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    # token of the run that holds the job; a stale run sees another and stops
    runner = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # of the page it was asked on: what the job says is said in it, unless the person has chosen one
    language = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="job_state_beat")]

    @property
    def active(self) -> bool:
        """Waiting or running: there is more to come."""
        return self.state in {self.State.QUEUED, self.State.RUNNING}


class Event(models.Model):
    """Append-only audit line: who did what to which row. Ids and counts only, never content.

    Its id is the clock of the house: rows that exports read carry the event they came with, and a snapshot
    is "as of" one."""

    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="events")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    verb = models.CharField(max_length=40)
    target = models.CharField(max_length=40, blank=True)
    target_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="event_project")]
