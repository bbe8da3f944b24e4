"""Making a data set by a recipe: read, curate, write, publish; whole or not at all."""

import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.jobs.control import NoControl
from core.models import Event, Project, User
from training_export.collect import judged_prompts
from training_export.collect.consistent_read import Reading, consistent_read
from training_export.curate.examples import Preference, PromptOnly
from training_export.formats.base import Options, Writer
from training_export.models import RecipeVersion, Snapshot
from training_export.publish.digests import RowDigests
from training_export.publish.snapshot_files import (
    DELTA,
    DROPPED,
    SnapshotFiles,
    sha256_of,
    snapshot_or_refused,
    ways_of_snapshot,
)
from training_export.publish.snapshots import rare_collections, told
from training_export.publish.tolerance import Tolerance
from training_export.publish.workplace import sweep, workplace
from training_export.reasons import sentence_of
from training_export.recipes.delta import Earlier, new_rows
from training_export.recipes.document import RESERVED, WHOLE_SET, RecipeDocument, Source
from training_export.recipes.dropped import DroppedFile, ToldReport, write_scores
from training_export.recipes.figures import Figures
from training_export.recipes.gather import gather, projects_of, without_margins
from training_export.recipes.publishing import publish
from training_export.recipes.spool import Spool
from training_export.recipes.values import StoredValues
from training_export.steps import STEPS, Means
from training_export.steps.base import Row, Rows


def make_snapshot(
    *,
    project: Project,
    actor: User | None,
    version: RecipeVersion,
    as_of: int | None = None,
    ctl=None,
    job=None,
    successor_of: Snapshot | None = None,
) -> Snapshot:
    """Make the next data set of `project` by a recipe, as of one Event. DomainError "no_project" for a source
    that `actor` does not manage, "no_rows" with what was left out when nothing is left; nothing is kept
    then."""
    ctl = ctl or NoControl()
    document = RecipeDocument.of(version.document)
    projects = projects_of(document, project, actor)
    sweep()
    with workplace() as place, rare_collections():
        begun = Event.objects.aggregate(last=Max("id"))["last"] or 0
        made = _Run(project, version, document, projects, place, ctl, successor_of).made(as_of)
        return publish(project, actor, version, place, made, ctl, job, successor_of, begun)


class _Run:
    """One way from the sources to the files in `place`."""

    def __init__(
        self,
        project: Project,
        version: RecipeVersion,
        document: RecipeDocument,
        projects: dict[str, Project],
        place: Path,
        ctl,
        successor_of: Snapshot | None,
    ):
        self._successor_of = successor_of
        self._project, self._version, self._document = project, version, document
        self._projects, self._place, self._ctl = projects, place, ctl
        self._left_out: Counter = Counter()
        self._refused = Writer(place, Options(), ())  # counts what nothing can be made of
        self._notes: list[dict] = []
        self._spools = 0

    def made(self, as_of: int | None) -> dict:
        """All files are in the place; the manifest but for the number."""
        document, seed = self._document, self._document.rules.seed
        with consistent_read(as_of) as reading:
            rows = self._gathered(reading, document.sources, document.takes, self._left_out)
            self._left_out += self._refused.left_out
            sets = {
                name: self._gathered(reading, sources, document.takes | {PromptOnly}, Counter())
                for name, sources in self._sets().items()
            }
            as_of = reading.as_of
        rows = self._margins(rows)
        dropped = DroppedFile(self._place / DROPPED)
        means = Means(
            seed=seed,
            cache=StoredValues(self._project),
            models=settings.MODELS_DIR,
            sets=lambda name: self._set(sets, name),
            progress=lambda done, total: self._ctl.progress(done, total),
        )
        steps, beside = [], [DROPPED]
        for place, (name, parameters) in enumerate(document.steps):
            report, step = ToldReport(name, dropped), STEPS[name]
            rows = self._next(rows, step.run(rows, parameters, report, means))
            if report.scores:
                path = f"scores/{place}-{name}.parquet"
                write_scores(self._place / path, report.scores)
                beside.append(path)
            said = {"step": name, "version": step.version, "place": place, **report.as_dict()}
            steps.append(said | {"notes": [_note(step.notes, *note) for note in report.notes]})
        if document.delta is not None:
            report = ToldReport(DELTA, dropped)
            earlier = self._earlier(document.delta.since, as_of)
            fresh = new_rows(rows, earlier, replay=document.delta.replay, seed=seed, report=report)
            rows = self._next(rows, fresh)
            steps.append({"step": DELTA, "version": 1, "place": len(steps), **report.as_dict()})
        dropped.close()
        return self._written(rows, steps, beside, as_of)

    def _sets(self) -> dict[str, list[Source]]:
        """The recipe's sets, and what is kept for evaluation in any project that gives rows."""
        said = {name: [source] for name, source in self._document.sets.items()}
        if "decontaminate" in {name for name, _parameters in self._document.steps}:
            slugs = {"": None} | {source.project: None for source in self._document.sources}
            said[WHOLE_SET] = [Source(project=slug, tags=(RESERVED,), without_tags=()) for slug in slugs]
        return said

    def _origins(self) -> set[int]:
        """The projects whose rows may stand in the data set, also by way of another data set."""
        found = {project.pk for project in self._projects.values()}
        for source in [*self._document.sources, *self._document.sets.values()]:
            if source.snapshot:
                of = snapshot_or_refused(self._projects[source.project], source.snapshot)
                found.update(of.manifest.get("projects", ()))
        return found

    def _set(self, sets: dict[str, Spool], name: str) -> Rows:
        if name not in sets:
            known = ", ".join(sorted(sets)) or "–"
            raise DomainError(
                "no_set",
                _("The recipe has no set named %(name)s; it has: %(known)s.")
                % {"name": name, "known": known},
                field="sets",
            )
        return sets[name]

    def _spool(self) -> Spool:
        self._spools += 1
        return Spool(self._place / f".rows-{self._spools}")

    def _gathered(
        self, reading: Reading, sources: Iterable[Source], takes: frozenset, left_out: Counter
    ) -> Spool:
        spool = self._spool()
        for source in sources:
            project = self._projects[source.project]
            total = judged_prompts.prompts_in(project, reading)
            # Prompts without a word of judgement are given only where nothing else is asked for.
            parts = [takes - {PromptOnly}, takes & {PromptOnly}]
            for part in parts:
                if not part:
                    continue
                tolerance = Tolerance(self._refused, total)
                before = len(spool)
                gather(
                    spool,
                    project=project,
                    source=source,
                    rules=self._document.rules,
                    takes=part,
                    reading=reading,
                    tolerance=tolerance,
                    # of prompts alone nothing else is asked than of their rows before
                    left_out=left_out if part is parts[0] or not parts[0] else Counter(),
                    progress=lambda done, total=total: self._ctl.progress(done, total),  # type: ignore[misc]
                )
                tolerance.end(rows=len(spool) - before)
        return spool.order()

    def _margins(self, rows: Spool) -> Spool:
        """Margins stand on every pair or on none: trainers decide by the first row."""
        with_margin = {row.example.margin is not None for row in rows if isinstance(row.example, Preference)}
        if len(with_margin) < 2:
            return rows
        self._notes.append({"code": "no_strength", "text": sentence_of("no_strength")})
        return self._next(rows, without_margins(rows))

    def _next(self, rows: Spool, kept: Iterable[Row]) -> Spool:
        """`kept` on disk, in the place of `rows`."""
        spool = self._spool()
        for row in kept:
            spool.add(row)
        rows.close()
        return spool

    def _earlier(self, number: int, as_of: int) -> Earlier:
        """The data set to compare with: the one named, or the recipe's last that was read before this one,
        for a successor the last before the one that it stands for."""
        if number:
            return Earlier(ways_of_snapshot(snapshot_or_refused(self._project, number)), number)
        made = Snapshot.objects.filter(
            project=self._project, recipe_version__recipe=self._version.recipe, withdrawn_at=None
        )
        if self._successor_of is not None:
            made = made.filter(number__lt=self._successor_of.number)
        last = made.filter(as_of__lte=as_of).order_by("-number").first()
        return Earlier({}) if last is None else Earlier(ways_of_snapshot(last), last.number)

    def _written(self, rows: Spool, steps: list[dict], beside: list[str], as_of: int) -> dict:
        rows = self._margins(rows)
        ordered = self._spool()
        for row in rows:
            ordered.add_keyed(row)
        rows.close()
        rows = ordered.order()
        files = SnapshotFiles(self._place)
        digests = RowDigests(self._place / ".digests")
        figures = Figures()
        pairs = Counter(row.example.group_id for row in rows if isinstance(row.example, Preference))
        shares = all(getattr(parameters, "share_weight", True) for _name, parameters in self._document.steps)
        margins = False
        for row in rows:
            example, side = row.example, row.split or "train"
            if isinstance(example, Preference):
                margins = example.margin is not None
                if shares and example.weight != 1 / pairs[example.group_id]:
                    example = replace(example, weight=1 / pairs[example.group_id])
            files.add(example, side, row.keys)
            digests.add(example, side)
            figures.add(example, side)
        rows.close()
        written = files.close()
        if not written:
            raise DomainError(
                "no_rows",
                _("No row is left: nothing that was judged is asked for, or the steps dropped all of it."),
                status=409,
                data={
                    "left_out": dict(sorted(self._left_out.items())),
                    "dropped": dropped_of(steps),
                },
            )
        for spool in self._place.glob(".rows-*"):
            spool.unlink()
        return {
            "project": self._project.slug,
            "recipe": {"name": self._version.recipe.name, "version": self._version.number},
            "document": self._document.as_dict(),
            "as_of": as_of,
            # what a step wrote is a difference of scores, as Bradley and Terry's is
            "margin": (self._document.rules.margin.replace("none", "bt")) if margins else "none",
            "projects": sorted(self._origins()),
            "content_sha256": digests.hexdigest(),
            "counts": dict(sorted(files.counts.items())),
            "left_out": {
                code: told(code, n, self._refused) for code, n in sorted(self._left_out.items()) if n
            },
            "steps": steps,
            "figures": figures.as_dict(),
            "files": [f.as_dict() | {"role": f.role} for f in written]
            + [
                {"path": path, "rows": 0, "sha256": sha256_of(self._place / path), "role": "side"}
                for path in beside
            ],
            "notes": self._notes,
            "versions": {"schema": 1, "python": platform.python_version()},
        } | ({"demo": True} if self._project.demo else {})


def dropped_of(steps: list[dict]) -> dict[str, dict[str, int]]:
    """{step: {reason: rows}} of a manifest's steps; a step done twice counts together."""
    found: dict[str, Counter] = {}
    for step in steps:
        if step["dropped"]:
            found.setdefault(step["step"], Counter()).update(step["dropped"])
    return {name: dict(counted) for name, counted in found.items()}


def _note(sentences, code: str, detail: str) -> dict:
    return {"code": code, "text": str(sentences.get(code, code)), "detail": detail}
