"""From a recipe's sources to rows on disk: every source is read as of one Event in one consistent read."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from annotation.models import ItemTag
from core.access import role_in
from core.errors import DomainError
from core.models import Project, Role, User
from training_export.collect.consistent_read import Reading
from training_export.collect.examples import examples
from training_export.curate import splits
from training_export.curate.examples import Answer, Preference
from training_export.curate.identity import answers_of
from training_export.curate.rules import CurationRules
from training_export.publish.snapshot_files import sided_rows_of, snapshot_or_refused
from training_export.publish.tolerance import Tolerance
from training_export.recipes.document import RESERVED, RecipeDocument, Source
from training_export.recipes.spool import Spool
from training_export.steps.base import Row

END_USER = "end_user"  # the standing of rows that end users' words alone gave


@dataclass(frozen=True)
class _Asked:
    """A source's words of end users, as `collect.examples` asks for them."""

    include: tuple
    thumbs_per_user: int
    thumbs_balance: tuple | None
    seed: int


def projects_of(document: RecipeDocument, project: Project, actor: User | None) -> dict[str, Project]:
    """{slug as said in a source: the project} of all sources and sets. DomainError "no_project" for one that
    is not there or that `actor` does not manage, without telling which; None is whoever sits at the
    machine itself."""
    found = {"": project}
    for path, source in sources_of(document):
        if source.project in found:
            continue
        other = Project.objects.filter(slug=source.project).first()
        if other is None or not (actor is None or role_in(actor, other) == Role.MANAGER):
            raise DomainError(
                "no_project",
                _("%(path)s: there is no project %(slug)s that you manage.")
                % {"path": path, "slug": source.project},
                field=path,
            )
        found[source.project] = other
    return found


def sources_of(document: RecipeDocument) -> Iterator[tuple[str, Source]]:
    """(path of its project in the document, source) of all sources and sets."""
    for place, source in enumerate(document.sources):
        yield f"sources[{place}].project", source
    for name, source in document.sets.items():
        yield f"sets.{name}.project", source


def gather(
    spool: Spool,
    *,
    project: Project,
    source: Source,
    rules: CurationRules,
    takes: frozenset,
    reading: Reading,
    tolerance: Tolerance,
    left_out: Counter,
    progress: Callable[[int], None],
) -> None:
    """Put the rows of one source on `spool`, each with the keys that decide on its side of a split."""
    if source.snapshot:
        for example, side, known in sided_rows_of(snapshot_or_refused(project, source.snapshot)):
            if type(example) not in takes:
                continue
            if why := _unwanted(example, source, set(example.tags)):
                left_out[why] += 1
                continue
            spool.add_keyed(Row(example, known, side))
        return
    tagged = _tagged(project, reading, source) if source.include else {}
    asked = _Asked(source.include, source.thumbs_per_user, source.thumbs_balance, rules.seed)
    for found in examples(
        project,
        reading,
        asked,
        takes=takes,
        rules=rules,
        tolerance=tolerance,
        left_out=left_out,
        split_by=splits.EVERY,
        judged_since=source.judged_since,
    ):
        for example in found.rows:
            tolerance.offered()
            # end users' words have the tags of the items that others judged the same prompt on
            tags = set(example.tags) | tagged.get(example.provenance.get("prompt"), set())
            if why := _unwanted(example, source, tags):
                left_out[why] += 1
                continue
            if found.group and example.group_id != found.group:  # a correction made its context
                more = splits.keys_of("prompt", messages=example.context, sources=[])
                keys = keys_by_kind(found.keys | more)
            else:
                keys = keys_by_kind(found.keys)
            try:
                spool.add_keyed(Row(example, keys))
            except Exception as wrong:
                tolerance.row(example, wrong)
        progress(found.done)


def keys_by_kind(keys: frozenset) -> dict[str, list[str]]:
    """{"prompt": …, "source": …, "user": …}, each sorted, of keys that begin with the word of their kind."""
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        found.setdefault(key.partition(" ")[0], []).append(key)
    return found


def _tagged(project: Project, reading: Reading, source: Source) -> dict[int, set[str]]:
    """{prompt: those of its items' tags that decide whether the source wants it}."""
    names = {*source.tags, *source.without_tags, RESERVED}
    rows = ItemTag.objects.filter(item__project=project, name__in=names).values_list(
        "item__prompt_id", "name"
    )
    found: dict[int, set[str]] = {}
    for prompt, name in reading.rows(rows):
        found.setdefault(prompt, set()).add(name)
    return found


def _unwanted(example, source: Source, tags: set[str]) -> str:
    """Why the source does not want the row; "" if it does. What is kept for evaluation is wanted only where
    it is asked for, or nothing at all is excluded."""
    if RESERVED in tags and RESERVED not in source.tags and source.without_tags:
        return "other_tags"
    if (source.tags and not tags & set(source.tags)) or tags & set(source.without_tags):
        return "other_tags"
    if source.languages and example.language not in source.languages:
        return "other_language"
    if source.origins and not all(_is_of(answer, source.origins) for answer in answers_of(example)):
        return "other_origin"
    status = example.provenance.get("status", "raw")
    if status != END_USER and status not in source.standing:  # whose words count is said by `include`
        return "other_standing"
    if source.agreement and isinstance(example, Preference):
        votes = example.n_for + example.n_against
        if votes and example.n_for / votes < source.agreement:
            return "low_agreement"
    return ""


def _is_of(answer: Answer, origins: tuple) -> bool:
    return answer.origin in origins or answer.origin.partition(":")[0] in origins


def without_margins(spool: Spool) -> Iterator[Row]:
    """The rows of `spool` with no margin on any pair."""
    for row in spool:
        if isinstance(row.example, Preference) and row.example.margin is not None:
            yield replace(row, example=replace(row.example, margin=None))
        else:
            yield row
