"""What must not stand in a log: secrets, which whoever reads logs could use, and noise."""

import logging
import re

# Paths that hold a secret in clear: an invitation, a guest's link. Whoever has one is let in.
_SECRET_PATHS = re.compile(r"(/invite/|/chat/join/)[^/\s?\"']+")


class HideTokens(logging.Filter):
    """Puts a star where a path in a log line holds the token of an invitation or a guest's link, whoever logs
    it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        hidden = _SECRET_PATHS.sub(r"\1*", text)
        if hidden != text:
            record.msg, record.args = hidden, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = _SECRET_PATHS.sub(r"\1*", record.exc_text)
        return True


class OneLine(logging.Filter):
    """The sentence without its traceback, for what says nothing of the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True
