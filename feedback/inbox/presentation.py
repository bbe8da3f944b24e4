"""What a page of the inbox shows of its rows: texts as experts may see them, and what else was said and done
about the same answer. Some ten queries, however many rows there are."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from core import text
from core.rendering import diff, language, markdown
from feedback.conversations.end_users import label
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.inbox import experts, replies
from feedback.inbox.filters import reason_words
from feedback.inbox.rows import subject
from feedback.models import Choice, Conversation, Look, Message, Reaction, Reply, Signal

QUESTION = 300
ANSWER = 1500  # characters of an answer in the list; all of it stands on its own page
DIFF = 4000  # characters of answer and correction together
LOOKED = 3  # names in the list
LANG = {"zh": "zh-Hans", "en": "en"}


@dataclass
class Row:
    """One word of a person, for a template. `state`: "new", "looked", "sent" or "answered"."""

    kind: str
    at: datetime
    who: str
    person: int | None
    source: str
    message: int | None = None
    model: str = ""
    model_pk: int | None = None
    question: str = ""
    answer: str = ""
    answer_lang: str = ""
    long: bool = False
    gone: str = ""
    waits_for: str = ""
    thumb: int = 0
    reasons: list[str] = field(default_factory=list)
    comment: str = ""
    correction: str = ""
    corrected: bool = False
    score: int = 0
    score_words: str = ""
    choice: str = ""
    signal: str = ""
    state: str = "new"
    looked: list[str] = field(default_factory=list)
    more_looked: int = 0
    expert: dict | None = None
    reply: Reply | None = None
    reply_words: str = ""


@dataclass
class _Around:
    """What else there is to know of the answers of a page."""

    policy: PrivacyPolicy
    reasons: dict[str, str]
    said: dict[tuple, Reaction]
    scores: dict[tuple, Reaction]
    choices: dict[tuple, Choice]
    drafts: dict[int, dict[int, Message]]
    looks: dict[int, list[str]]
    sent: dict[int, dict]
    replies: dict[int, Reply]


def rows_of(project, rows: list) -> list[Row]:
    """The rows of rows.listed as a page shows them, in their order."""
    around = _around(project, rows)
    return [_row(row, around) for row in rows]


def _around(project, rows: list) -> _Around:
    answers = {m.pk: m for row in rows if (m := subject(row)) is not None}
    parents = {row.parent_id for row in rows if isinstance(row, Choice)} - {None}
    parents |= {m.parent_id for m in answers.values() if m.parent_id}
    people = {row.end_user_id for row in rows if row.end_user_id}
    talks = {m.conversation_id for m in answers.values()}
    said, scores = {}, {}
    about = Q(message__in=answers) | Q(conversation__in=talks, kind=Reaction.Kind.SCORE)
    for one in Reaction.objects.filter(about, project=project, current=True, end_user__in=people):
        if one.message_id:
            said[one.end_user_id, one.message_id, one.kind] = one
        elif one.value:
            scores[one.end_user_id, one.conversation_id] = one
    choices: dict[tuple, Choice] = {}
    for choice in Choice.objects.filter(
        project=project, parent__in=parents, end_user__in=people, current=True
    ).order_by("created_at", "pk"):
        choices[choice.end_user_id, choice.parent_id] = choice
    drafts: dict[int, dict[int, Message]] = defaultdict(dict)
    fields = ("pk", "parent_id", "position", "model_version__name", "state", "draft_group", "conversation_id")
    siblings = Message.objects.filter(parent__in=parents, role="assistant").select_related("model_version")
    for draft in siblings.only(*fields).order_by("pk"):
        drafts[draft.parent_id or 0][draft.pk] = draft
    every = {*answers, *(pk for group in drafts.values() for pk in group)}
    looks: dict[int, list[str]] = defaultdict(list)
    for seen in Look.objects.filter(message__in=every).select_related("user").order_by("pk"):
        looks[seen.message_id].append(seen.user.shown_name)
    return _Around(
        privacy_policy(project),
        reason_words(project),
        said,
        scores,
        choices,
        drafts,
        looks,
        experts.of_messages(project, every),
        replies.in_force(every),
    )


def _row(row, around: _Around) -> Row:
    answer = subject(row)
    out = Row(
        kind=row.kind if isinstance(row, Reaction) else "choice" if isinstance(row, Choice) else "signal",
        at=row.created_at,
        who=label(row.end_user) if row.end_user else "",
        person=row.end_user_id,
        source=_source(row, answer),
    )
    _said(out, row, answer, around)
    _texts(out, row, answer, around.policy)
    group = sorted(around.drafts.get(row.parent_id or 0, ())) if isinstance(row, Choice) else []
    about = [answer.pk] if answer else []
    if isinstance(row, Choice) and answer is None and row.shown and "message" in row.shown[0]:
        out.message = row.shown[0]["message"]
    names = list(dict.fromkeys(name for pk in [*about, *group] for name in around.looks.get(pk, ())))
    out.looked, out.more_looked = names[:LOOKED], max(0, len(names) - LOOKED)
    found = [pk for pk in dict.fromkeys([*about, *group]) if pk in around.sent]
    before = [pk for pk in found if around.sent[pk]["outcome"] in experts.BEFORE]
    out.expert = around.sent[(before or found)[0]] if found else None
    answered = [pk for pk in dict.fromkeys([*about, *group]) if pk in around.replies]
    if answered:
        out.reply = around.replies[answered[0]]
        out.reply_words = replies.words(out.reply)
    out.state = "answered" if answered else "sent" if before else "looked" if names else "new"
    return out


def _source(row, answer) -> str:
    if isinstance(row, Reaction):
        return str(row.get_source_display())
    talk = row.parent.conversation if isinstance(row, Choice) and row.parent_id else None
    talk = talk or (answer.conversation if answer else None)
    return str(Conversation.Source(talk.source).label) if talk else ""


def _said(out: Row, row, answer: Message | None, around: _Around) -> None:
    """All that the same person says of the answer, whichever of it the row stands for."""
    words: dict[str, Reaction | None] = {
        str(kind): around.said.get((row.end_user_id, answer.pk, kind))
        for kind in (Reaction.Kind.THUMB, Reaction.Kind.CORRECTION)
        if answer is not None and row.end_user_id
    }
    if isinstance(row, Reaction):
        words[row.kind] = row
    elif isinstance(row, Signal):
        out.signal = str(row.get_name_display())
        words = {}
    thumb, correction = words.get(Reaction.Kind.THUMB), words.get(Reaction.Kind.CORRECTION)
    score = words.get(Reaction.Kind.SCORE) or (
        around.scores.get((row.end_user_id, answer.conversation_id)) if answer and row.end_user_id else None
    )
    if thumb is not None and thumb.value:
        out.thumb = thumb.value
        out.reasons = [around.reasons.get(key, key) for key in thumb.reasons]
        out.comment = around.policy.shown(thumb.text)
    if score is not None and score.value:
        out.score = score.value
        out.score_words = around.policy.shown(score.text)
    if correction is not None and correction.text:
        out.corrected = True
        old = around.policy.shown(answer.text) if answer is not None else ""
        new = around.policy.shown(correction.text)
        if len(old) + len(new) <= DIFF:
            out.correction = diff.html(old, new)
    choice = row if isinstance(row, Choice) else None
    if choice is None and answer is not None and row.end_user_id and not isinstance(row, Signal):
        choice = around.choices.get((row.end_user_id, answer.parent_id))
    if choice is not None:
        out.choice = _chosen(choice, answer)


def _chosen(choice: Choice, answer: Message | None) -> str:
    n = len(choice.shown)
    if choice.verdict == Choice.Verdict.SAME:
        return _("All %(n)s drafts about the same") % {"n": n}
    if choice.verdict == Choice.Verdict.ALL_BAD:
        return _("All %(n)s drafts bad") % {"n": n}
    if answer is not None and choice.chosen_id and choice.chosen_id != answer.pk:
        return _("Another draft was chosen (of %(n)s)") % {"n": n}
    if choice.regenerated:
        return _("Better than the answer before")
    if choice.place is None:
        return _("Chosen from %(n)s drafts") % {"n": n}
    return _("Chosen from %(n)s drafts, at position %(place)s") % {"n": n, "place": choice.place + 1}


def _texts(out: Row, row, answer: Message | None, policy: PrivacyPolicy) -> None:
    asked = row.parent if isinstance(row, Choice) else answer.parent if answer else None
    if asked is not None:
        out.question = text.excerpt(policy.shown(asked.text), QUESTION)
    if answer is None:
        if isinstance(row, Reaction) and row.target_external:
            out.waits_for = row.target_external
        elif isinstance(row, Choice) and row.parent_id is None:
            out.waits_for = ", ".join(str(one.get("external", "")) for one in row.shown)
        return
    out.message = answer.pk
    out.model = answer.model_version.name if answer.model_version else ""
    out.model_pk = answer.model_version_id
    shown = policy.shown(answer.text)
    out.long = len(shown) > ANSWER
    out.answer = markdown.render(shown[:ANSWER] + ("…" if out.long else ""))
    out.answer_lang = LANG.get(language.guess(shown), "")
    talk = answer.conversation
    if not answer.text:
        out.gone = (
            _("Its text was dropped after the set number of days.")
            if talk.dropped_at
            else _("Its text is not kept.")
            if not talk.keep
            else _("The answer has no text of its own.")
        )
