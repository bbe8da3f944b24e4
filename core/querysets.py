"""Reads of core, with permission as part of the read."""

from django.db import models


class Word(models.Expression):
    """A word of the program's own (never a person's) that stands in the statement itself. A partial index
    serves only a statement that names its condition: a parameter might be anything, and the table would be
    read instead."""

    def __init__(self, word: str):
        if not word.isidentifier():
            raise ValueError(f"not a word: {word!r}")
        super().__init__(output_field=models.CharField())
        self.word = str(word)

    def as_sql(self, compiler, connection):
        return f"'{self.word}'", []


class ProjectQuerySet(models.QuerySet):
    def visible_to(self, user, role: str = "user"):
        """Projects in which `user` holds `role` or a stronger one; all of them for a superuser."""
        from core.models import roles_from

        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(members__user=user, members__role__in=roles_from(role))


class MemberQuerySet(models.QuerySet):
    def of(self, user):
        return self.filter(user=user)


class JobQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Own jobs (in projects that `user` is still a member of), and all jobs of projects which `user`
        manages."""
        from core.models import Project

        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        managed = Project.objects.visible_to(user, "manager")
        own = models.Q(created_by=user) & (
            models.Q(project=None) | models.Q(project__in=Project.objects.visible_to(user))
        )
        return self.filter(own | models.Q(project__in=managed))
