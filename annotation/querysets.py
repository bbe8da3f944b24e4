"""Reads of the bench, with permission as part of the read."""

from django.db import models
from django.db.models.functions import Coalesce

from core.models import Member, Project, roles_from
from core.querysets import Word

IN_FORCE = ("submitted", "accepted")


def unread() -> models.Q:
    """Annotations whose head is not the version of which outcomes and facets were made. The condition of a
    partial index, and of whoever asks by it."""
    # Less or more, not "unequal": Django's negation adds conditions, and a partial index serves only a
    # statement that repeats its own.
    other = models.Q(read_version__lt=models.F("head")) | models.Q(read_version__gt=models.F("head"))
    return models.Q(head__isnull=False) & (models.Q(read_version__isnull=True) | other)


def unsearchable() -> models.Q:
    """Items whose words were never taken down, or before they had all their answers. The condition of a
    partial index, and of whoever asks by it."""
    slots = models.F("slot_count")
    other = models.Q(words_slots__lt=slots) | models.Q(words_slots__gt=slots)
    return models.Q(words_slots__isnull=True) | other


NOTHING_TO_COMPARE = 2.0  # stands behind every agreement, which ends at 1


def disputed_first() -> Coalesce:
    """What orders items so that those come first where annotators agree least, and last those with nothing to
    compare. The expression of an index, and of whoever goes by it."""
    return Coalesce(models.F("agreement"), models.Value(NOTHING_TO_COMPARE), output_field=models.FloatField())


def any_of(rows) -> bool:
    """Whether there is one of `rows`, by the partial index that their condition has: asked for in an order,
    since PostgreSQL expects many and else reads the table, to the end if there is none."""
    return bool(rows.order_by("pk").values_list("pk")[:1])


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

    def unread(self, project):
        """Those of `project` of which outcomes and facets are to be made."""
        return self.filter(unread(), project=project)


class _OfHeads(models.QuerySet):
    def of_heads(self, project):
        """Rows of `project` made of versions that are the heads of their annotations."""
        # "Equal", said so that PostgreSQL does not take it for one more thing to be lucky with: from two
        # equalities between the tables it expects a single row, and then goes through all of them.
        head = models.F("version_id")
        return self.filter(project=project, annotation__head__lte=head, annotation__head__gte=head)

    def in_force(self, project, by: str = "person"):
        """Rows of `project` made of judgements that count: the head of what was submitted or accepted, no
        practice, of items that nobody hid. `by`: whose judgements, an Annotator.Source or "all"."""
        rows = self.of_heads(project).filter(
            item__hidden=False, annotation__state__in=IN_FORCE, annotation__practice=False
        )
        return rows if by == "all" else rows.filter(source=by)


class OutcomeQuerySet(_OfHeads):
    """Comparisons of two models."""

    def of(self, model: int, outcome: str = "", against: int | None = None):
        """Those in which `model` took part, against one model or any; with `outcome` "won", "lost" or "tied"
        as `model` saw it."""
        sides = []
        for mine, other, sign in (("a", "b", 1), ("b", "a", -1)):
            side = models.Q(**{mine: model})
            if against is not None:
                side &= models.Q(**{other: against})
            if outcome:
                side &= models.Q(result={"won": sign, "lost": -sign, "tied": 0}[outcome])
            sides.append(side)
        return self.filter(sides[0] | sides[1])

    def decided(self, by: str, won: bool | None = None):
        """Those without a tie in which the two answers differ by `by`, "longer" or "first"; with `won`, those
        that the longer (first) one won, or lost."""
        ways = {True: ((1, 1), (-1, -1)), False: ((1, -1), (-1, 1))}
        pairs = ways[won] if won is not None else ways[True] + ways[False]
        wanted = models.Q()
        for result, side in pairs:
            wanted |= models.Q(**{"result": result, by: side})
        return self.filter(wanted)


class FacetQuerySet(_OfHeads):
    """What judgements have."""
