"""The guidelines as the bench shows them: opened by themselves until a person has seen the version in force,
with what changed since the version they saw last."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from django.http import JsonResponse
from django.template.loader import render_to_string

from annotation.models import Annotator, GuidelineVersion
from annotation.work import queue
from core.access import project_form, project_page
from core.rendering import diff, markdown
from core.text import whole_number

ALIKE = 0.4  # share of characters from which on a block is another wording of one that stood in its place
MOST_DIFFS = 40  # changed blocks whose words are compared
MOST_BLOCKS = 600  # of both versions; longer ones are compared by equal blocks alone


@dataclass(frozen=True)
class Change:
    """One block of the new version beside the old one. `kind`: same, new, changed or gone (then `text` is
    what stood there); `before` only of a changed one."""

    kind: str
    text: str
    before: str = ""


def changes(before: str, after: str) -> list[Change]:
    """The blocks of `after` in order, each with what became of it since `before`, and those of `before` that
    are gone where they stood. Pure; white space at the ends of a block is no change."""
    old, new = markdown.blocks(before), markdown.blocks(after)
    out: list[Change] = []
    matcher = SequenceMatcher(
        None, [b.strip() for b in old], [b.strip() for b in new], autojunk=len(old) + len(new) > MOST_BLOCKS
    )
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            out += [Change("same", block) for block in new[k:m]]
        elif len(old) + len(new) > MOST_BLOCKS:
            out += [Change("gone", block) for block in old[i:j]] + [Change("new", b) for b in new[k:m]]
        else:
            out += _paired(old[i:j], new[k:m])
    return out


def _paired(old: list[str], new: list[str]) -> list[Change]:
    """Blocks that took the place of others: in order, each with the first one left that it resembles."""
    out: list[Change] = []
    left = 0
    for block in new:
        found = next((i for i in range(left, len(old)) if _alike(old[i], block)), None)
        if found is None:
            out.append(Change("new", block))
            continue
        out += [Change("gone", gone) for gone in old[left:found]]
        out.append(Change("changed", block, old[found]))
        left = found + 1
    return out + [Change("gone", gone) for gone in old[left:]]


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one[:2000], other[:2000], autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def panel(project, annotator: Annotator | None, guideline: GuidelineVersion | None) -> dict:
    """What the bench's panel shows to `annotator`: {"number", "text" (HTML), "unseen", "since" (the number of
    the version they saw, 0 for none), "blocks" (of an unseen newer version: [{"kind", "html", "diff"}]; none
    of them differs: [])}. One query where there are changes to show."""
    if guideline is None or not guideline.text.strip():
        return {"number": guideline.number if guideline else 0, "text": "", "unseen": False, "blocks": []}
    seen = annotator.guideline_seen if annotator is not None else 0
    unseen = seen < guideline.number
    found: list[Change] = []
    if unseen and seen:
        old = project.guidelines.filter(number=seen).values_list("text", flat=True).first() or ""
        found = changes(old, guideline.text) if old.strip() else []
        if all(one.kind == "same" for one in found):
            found = []
    compared = [one for one in found if one.kind == "changed"][:MOST_DIFFS]
    return {
        "number": guideline.number,
        "text": markdown.render(guideline.text),
        "unseen": unseen,
        "since": seen if found else 0,
        "blocks": [
            {
                "kind": one.kind,
                "html": markdown.render(one.text),
                "diff": diff.html(one.before, one.text) if any(one is c for c in compared) else "",
            }
            for one in found
        ],
    }


@project_page("annotator")
def guidelines_panel(request, project):
    """The panel's content again, for a page that was open when a new version came: {"number", "html"}."""
    annotator = Annotator.objects.filter(project=project, user=request.user).first()
    shown = panel(project, annotator, project.bench.guideline)
    html = render_to_string("annotation/_guidelines_panel.html", {"guidelines": shown}, request)
    return JsonResponse({"number": shown["number"], "html": html})


@project_form("annotator", "bench")
def guidelines_seen(request, project):
    """The person has put the guidelines away that opened by themselves: `number` is the version they saw. A
    number that is none of the project's changes nothing; an older one takes nothing back."""
    number = whole_number(request.POST.get("number"))
    annotator = queue.annotator_for(project=project, user=request.user)
    if number and project.guidelines.filter(number=number).exists():
        Annotator.objects.filter(pk=annotator.pk, guideline_seen__lt=number).update(guideline_seen=number)
        annotator.refresh_from_db(fields=["guideline_seen"])
    return JsonResponse({"seen": annotator.guideline_seen})
