"""An ItemFilter in words: what the list of items shows, condition by condition."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from annotation.bench.strings import names as words_of
from annotation.items.filter import ItemFilter
from annotation.models import Annotator, Item, Kind
from corpus.models import ImportBatch, ModelVersion


def conditions(asked: ItemFilter, project) -> list[str]:
    """The conditions of `asked`, each in a few words; [] for all items. At most two queries, for the names of
    models and of an import."""
    out = [*_of_item(asked), *_of_judgements(asked), *_of_people(asked), *_of_models(asked, project)]
    if asked.batch is not None:
        name = ImportBatch.objects.filter(project=project, pk=asked.batch).values_list("name", flat=True)
        out.append(_("from the import %(name)s") % {"name": name.first() or asked.batch})
    return out


def _of_item(asked: ItemFilter) -> list[str]:
    out = []
    if asked.q:
        out.append(_("with “%(words)s”") % {"words": asked.q})
    if asked.state:
        more = {
            "finished": _("done or settled"),
            "live": _("not waiting for answers"),
            "unsettled": _("not settled"),
        }
        out.append(str(more.get(asked.state) or Item.State(asked.state).label))
    if asked.kind:
        out.append(str(Kind(asked.kind).label))
    if asked.tag:
        out.append(_("tagged %(tag)s") % {"tag": asked.tag})
    if asked.hidden:
        out.append(_("hidden or reported"))
    if asked.agreed_from is not None:
        out.append(_("agreement from %(value)s") % {"value": f"{asked.agreed_from:g}"})
    if asked.agreed_below is not None:
        out.append(_("agreement below %(value)s") % {"value": f"{asked.agreed_below:g}"})
    return out


def _of_judgements(asked: ItemFilter) -> list[str]:
    words = words_of()
    out = []
    if asked.flag:
        out.append(_("flagged: %(flag)s") % {"flag": words.get(asked.flag, asked.flag)})
    if asked.has == "correction":
        out.append(_("with a correction"))
    if asked.has == "comment":
        out.append(_("with a comment"))
    if asked.verdict:
        verdicts = {"keep": _("kept"), "fix": _("fixed"), "drop": _("dropped"), "any": _("checked")}
        out.append(verdicts[asked.verdict])
    if asked.reason:
        out.append(_("because: %(reason)s") % {"reason": words.get(asked.reason, asked.reason)})
    if asked.by and asked.by != "all":
        sources = {
            Annotator.Source.PERSON: _("by people in this project"),
            Annotator.Source.IMPORTED: _("by imported judgements"),
            Annotator.Source.MODEL: _("by models as judges"),
        }
        out.append(sources[Annotator.Source(asked.by)])
    return out


def _of_people(asked: ItemFilter) -> list[str]:
    out = []
    if asked.annotator:
        did = {
            "submitted": _("submitted by %(who)s"),
            "skipped": _("skipped by %(who)s"),
            "corrected": _("corrected by %(who)s"),
        }
        out.append(did.get(asked.did, _("judged by %(who)s")) % {"who": asked.annotator})
    elif asked.did:
        steps = {"submitted": _("submitted"), "skipped": _("skipped"), "corrected": _("corrected")}
        out.append(steps.get(asked.did, _("judged")))
    if asked.start is not None:
        out.append(_("from %(day)s") % {"day": date_format(asked.start, "SHORT_DATE_FORMAT")})
    if asked.end is not None:
        out.append(_("to %(day)s") % {"day": date_format(asked.end, "SHORT_DATE_FORMAT")})
    return out


def _of_models(asked: ItemFilter, project) -> list[str]:
    ids = [pk for pk in (asked.compared, asked.against) if pk is not None]
    ids += [int(asked.model)] if asked.model.isdecimal() else []
    rows = ModelVersion.objects.filter(project=project, pk__in=ids) if ids else ModelVersion.objects.none()
    names = dict(rows.values_list("pk", "name"))

    def name(pk: int) -> str:
        return names.get(pk, str(pk))

    out = []
    if asked.model:
        known = asked.model != "none"
        who = name(int(asked.model)) if known else _("model not known")
        out.append(_("answered by %(model)s") % {"model": who})
    if asked.compared is not None:
        sentences = {
            "": (_("%(model)s compared"), _("%(model)s compared with %(other)s")),
            "won": (_("%(model)s won"), _("%(model)s won against %(other)s")),
            "lost": (_("%(model)s lost"), _("%(model)s lost against %(other)s")),
            "tied": (_("%(model)s tied"), _("%(model)s tied with %(other)s")),
        }
        alone, both = sentences[asked.outcome]
        one = alone if asked.against is None else both
        other = "" if asked.against is None else name(asked.against)
        out.append(one % {"model": name(asked.compared), "other": other})
    if asked.longer:
        said = {
            "won": _("the longer answer won"),
            "lost": _("the longer answer lost"),
            "any": _("one answer longer, no tie"),
        }
        out.append(said[asked.longer])
    if asked.first:
        said = {
            "won": _("the answer shown first won"),
            "lost": _("the answer shown first lost"),
            "any": _("order known, no tie"),
        }
        out.append(said[asked.first])
    if asked.language:
        spoken = {
            "zh": _("prompt in Chinese"),
            "en": _("prompt in English"),
            "none": _("prompt neither Chinese nor English"),
        }
        out.append(spoken[asked.language])
    return out
