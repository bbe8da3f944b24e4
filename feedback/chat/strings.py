"""What the chat page says, in the person's language, as its JavaScript gets it."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def strings() -> dict[str, str]:
    """{key used by t(): words}; %(name)s places are filled in the browser."""
    return {
        "you_asked": _("You asked"),
        "answer": _("Answer"),
        "versions": _("Versions of this turn"),
        "earlier_version": _("Earlier version"),
        "later_version": _("Later version"),
        "edit": _("Edit and ask again"),
        "edit_hint": _("Asking again begins a branch; the conversation as it was stays."),
        "send": _("Send"),
        "cancel": _("Cancel"),
        "save": _("Save"),
        "done": _("Done"),
        "change": _("Change"),
        "copy": _("Copy"),
        "copied": _("Copied"),
        "regenerate": _("Another answer"),
        "ask_again": _("Ask again"),
        "practice": _("practice model"),
        "practice_words": _("A stand-in that answers from prepared texts. It is not a language model."),
        "broken_off_at_once": _("The answer broke off before its first word."),
        "broken_off": _("The answer broke off. What had arrived by then is kept."),
        "stopped": _("You stopped this answer."),
        "not_kept": _("This text is not kept."),
        "writing": _("The answer is being written"),
        "source": _("Source"),
        "sources": _("Sources (%(n)s)"),
        "good": _("Good answer"),
        "bad": _("Bad answer"),
        "taken_back": _("Taken back"),
        "kept": _("Thank you, it is kept."),
        "not_sent": _("The server does not answer; this was not kept."),
        "try_again": _("Try again"),
        "what_was_good": _("What was good?"),
        "what_was_wrong": _("What was wrong?"),
        "say_why": _("Say why"),
        "optional": _("if you like"),
        "own_words": _("In your own words"),
        "should_have_said": _("What should it have said?"),
        "begin_with_answer": _("Start from the answer"),
        "specialist": _("An expert answered"),
        "specialist_correction": _("What the answer should have been"),
        "your_correction": _("What it should have said, in your words"),
        "draft": _("Draft %(n)s"),
        "drafts_title": _("%(n)s drafts"),
        "drafts_coming": _("Several drafts are being written. Choose when they are there."),
        "which_is_better": _("Which one is better?"),
        "drafts_equal": _("The answers are the same."),
        "go_on": _("Go on"),
        "this_one": _("This one is better"),
        "about_the_same": _("About the same"),
        "all_bad": _("All bad"),
        "you_chose": _("You chose this draft."),
        "you_said_same": _("You said: about the same. The conversation goes on from this one."),
        "you_said_bad": _("You said: all bad. The conversation goes on from this one."),
        "compared": _("Compared with the answer before:"),
        "better": pgettext("than the answer before", "better"),
        "worse": pgettext("than the answer before", "worse"),
        "same": pgettext("as the answer before", "about the same"),
        "waiting": _("Waiting for the model, %(n)s s. You can stop it."),
        "stopping": _("Stopping"),
        "not_stopped": _("The server does not answer; the answer could not be stopped."),
        "line_lost": _(
            "No connection. The server goes on writing; the answer appears here as soon as it can be reached."
        ),
        "reconnected": _("The answer is being written; it appears here when it is finished."),
        "sending": _("Waiting for the server, %(n)s s."),
        "gone": _("This answer is no longer there."),
        "still_writing": _("An answer is still being written. Wait for it, or stop it first."),
        "not_arrived": _(
            "The server does not answer. What you typed is kept in this browser; send it again when you "
            "are back online."
        ),
        "signed_out": _("You are signed out. What you typed is kept in this browser."),
        "server_silent": _("The server does not answer. Try again in a moment."),
        "consent_changed": _(
            "The text you agreed to has changed. Reload the page to read it; what you typed stays."
        ),
        "no_such_talk": _("There is no such conversation. It may have been deleted."),
        "new_talk": _("New conversation"),
        "untitled": _("Untitled"),
        "no_talks": _("Your conversations will be listed here."),
        "nothing_found": _("Nothing found."),
        "delete": _("Delete"),
        "delete_talk": _("Delete: %(title)s"),
        "delete_question": _(
            "Delete “%(title)s”? Its texts and what you said about them will be gone for good."
        ),
        "rate": _("Rate this conversation"),
        "rated": _("Rated %(n)s of 5"),
    }
