"""What the chat's page is made of: its configuration for the browser, and the plain words on what is stored
and why."""

from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from core import scripts
from core.rendering import markdown
from feedback.chat import strings
from feedback.chat.access import Visitor
from feedback.conversations import end_users
from feedback.models import Arm, ChatSettings
from feedback.reactions import reasons

# Asked for at once with the page, not one after the other as they import each other.
_PARTS = (
    "body",
    "choice",
    "compare",
    "composer",
    "dialogs",
    "drafts",
    "history",
    "icons",
    "judgement",
    "run",
    "scroll",
    "seen",
    "views",
    "words",
)
MODULES = [*scripts.MODULES, *(f"feedback/chat/{part}.js" for part in _PARTS)]


def context(visitor: Visitor, conversation: int | None = None) -> dict:
    """For feedback/chat.html. `conversation` is shown first; whether it is the visitor's own is asked when it
    is fetched."""
    project, chat = visitor.project, visitor.chat
    language = get_language() or "en"
    page = reverse("chat", args=[project.slug])
    config = {
        "user": {
            "id": person(visitor),
            "username": visitor.user.username if visitor.user else "",
            "guest": visitor.guest,
        },
        "project": {"slug": project.slug, "title": project.title},
        "urls": {"page": page, "api": page + "api/", "login": reverse("login")},
        "conversation": conversation,
        "replies": chat.replies != ChatSettings.Replies.OFF,
        "keep": chat.keep != ChatSettings.Keep.IDS,
        "consent": {"version": chat.consent_version, "needed": visitor.consent_due},
        "reasons": {
            "up": list(reasons.labels(chat.up_reasons, language).items()),
            "down": list(reasons.labels(chat.down_reasons, language).items()),
        },
        "strings": scripts.strings() | strings.strings(),
    }
    return {
        "project": project,
        "config": config,
        "guest": visitor.guest,
        "managing": visitor.role == "manager",
        "enabled": chat.enabled,
        "tabs_shown": bool(visitor.role) and visitor.role != "user",
        "welcome": markdown.render(chat.welcome) if chat.welcome else "",
        "consent": markdown.render(chat.consent) if chat.consent else "",
        "stored": stored(chat, guest=visitor.guest),
        "practice": Arm.objects.filter(project=project, active=True, endpoint__practice=True).exists(),
        "page_url": page,
        "modules": MODULES,
    }


def person(visitor: Visitor) -> str:
    """Under what name this browser keeps what the visitor typed: another person's is wiped at sight."""
    if visitor.user is not None:
        return str(visitor.user.pk)
    return "guest-" + end_users.guest_hash(visitor.project, visitor.key)[:12]


def stored(chat: ChatSettings, *, guest: bool) -> list[str]:
    """What is stored of a talk, and why, a sentence each; true of the settings as they are."""
    if chat.keep == ChatSettings.Keep.IDS:
        out = [
            _(
                "Your questions and the answers are not stored. They are in this browser only, and "
                "gone when you close the page."
            )
        ]
        out.append(
            _(
                "What is stored is which answer got which thumb, reason and score, without its text, to "
                "see how well the model does."
            )
        )
    else:
        out = [
            _(
                "Your questions, the answers, and what you say about them are stored under a pseudonym, "
                "not under your name."
            )
        ]
        if chat.keep == ChatSettings.Keep.DAYS:
            days = ngettext(
                "After %(n)s day the texts are dropped.",
                "After %(n)s days the texts are dropped.",
                chat.keep_days,
            )
            out.append(days % {"n": chat.keep_days})
        out.append(
            _(
                "Experts may be shown single turns, without your name, to say what a good answer would be; "
                "the model learns from that."
            )
        )
    if chat.masking == ChatSettings.Masking.STORAGE and chat.keep != ChatSettings.Keep.IDS:
        out.append(_("Phone numbers and the like are blacked out before anything is stored."))
    elif chat.masking == ChatSettings.Masking.PROMOTION and chat.keep != ChatSettings.Keep.IDS:
        out.append(_("Phone numbers and the like are blacked out before experts see a turn."))
    if chat.replies != ChatSettings.Replies.OFF and chat.keep != ChatSettings.Keep.IDS:
        out.append(
            _(
                "An expert may read an answer you judged, with your question, and reply: the reply appears "
                "under it in your conversation."
            )
        )
    out.append(
        _("Thumbs, reasons and scores are up to you. Nobody else who chats here sees your conversations.")
    )
    if guest:
        out.append(
            _(
                "You are known by a random number in this browser only: on another device, or when it "
                "forgets you, your conversations cannot be found again."
            )
        )
    else:
        out.append(_("You can delete a conversation at any time from your list."))
    return out
