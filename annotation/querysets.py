"""Reads of the bench, with permission as part of the read."""

from django.db import models

from core.models import Member, Project, roles_from
from core.querysets import Word


def _projects(user, role):
    return Project.objects.visible_to(user, role).values("id")


class ItemQuerySet(models.QuerySet):
    def visible_to(self, user, role: str = "reviewer"):
        """Items of projects where `user` holds `role`; hidden ones only for managers."""
        if user.is_superuser:
            return self
        managed = models.Q(project__in=_projects(user, "manager"))
        return self.filter(models.Q(project__in=_projects(user, role), hidden=False) | managed)

    def open_for(self, annotator_id: int, *, project_id: int, mark: int):
        """Items after position `mark` that this annotator may be given now, in queue order. What they let go
        or lost to the clock may come back to them."""
        from annotation.models import Assignment, Item

        mine = Assignment.objects.filter(item=models.OuterRef("pk"), annotator=annotator_id).exclude(
            state__in=[Assignment.State.RELEASED, Assignment.State.EXPIRED]
        )
        return (
            self.filter(
                project=project_id,
                state=Word(Item.State.OPEN),
                hidden=False,
                position__gt=mark,
                held__lt=models.F("overlap"),
            )
            .filter(~models.Exists(mine))
            .order_by("position")
        )


class AssignmentQuerySet(models.QuerySet):
    def live(self, **of):
        """Open and reserved ones that fulfil `of`: what somebody holds just now. Each state is named with it,
        since each has its partial index."""
        from annotation.models import Assignment

        state = Assignment.State
        return self.filter(
            models.Q(state=Word(state.OPEN), **of) | models.Q(state=Word(state.RESERVED), **of)
        )

    def own(self, user_id: int | None, *, superuser: bool = False):
        """Assignments of this person in projects where they may (still) annotate."""
        if user_id is None:
            return self.none()
        mine = self.filter(annotator__user=user_id)
        if superuser:
            return mine
        return mine.filter(
            models.Exists(
                Member.objects.filter(
                    project=models.OuterRef("project"), user=user_id, role__in=roles_from("annotator")
                )
            )
        )


class AnnotationQuerySet(models.QuerySet):
    def reviewable_by(self, user):
        """Annotations of others in projects where `user` reviews."""
        return self.filter(project__in=_projects(user, "reviewer"), item__hidden=False).exclude(
            annotator__user=user
        )
