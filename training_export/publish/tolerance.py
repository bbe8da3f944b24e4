"""What becomes of a row that fails in a way nobody foresaw.

One stored row never stops an export: it is left out under the code of what is wrong with it. Where nothing
is wrong with what is stored, the program is at fault: such rows are left out as "writer_error" and logged,
and if they are more than a few, the export fails."""

import logging
from collections.abc import Mapping

from training_export.formats import Writer
from training_export.publish import faults
from training_export.publish.checking import CheckLost

log = logging.getLogger(__name__)
MOST_ERRORS = 20
MOST_SHARE = 0.01  # of the rows; both must be passed


class TooManyErrors(Exception):
    """The export as a whole is wrong; its cause is the first of the errors."""


class Tolerance:
    """Counts in `writer` what one export leaves out. `prompts`: how many it reads."""

    def __init__(self, writer: Writer, prompts: int):
        self._writer, self._prompts = writer, prompts
        self._offered = self._errors = 0
        self._first: Exception | None = None

    def offered(self) -> None:
        """One more row is tried."""
        self._offered += 1

    def row(self, example, wrong: Exception) -> None:
        """`example` raised `wrong` on its way into the files."""
        self.left_out(faults.example_fault(example), example.provenance, wrong)

    def prompt(self, prompt, wrong: Exception, fault: str = "") -> None:
        """The rows of `prompt` raised `wrong` while they were made. `fault`: what is wrong with it, if that
        is known."""
        answers = (faults.stored_fault([], turns=answer.answer.turns) for answer in prompt.answers)
        fault = (
            fault
            or faults.stored_fault(prompt.messages, prompt.tools, prompt.sources)
            or next(filter(None, answers), "")
        )
        item = next((judgement.item for judgement in prompt.judgements), None)
        self.left_out(fault, {"prompt": prompt.pk, "item": item, "origins": prompt.origins}, wrong)

    def left_out(self, fault: str, provenance: Mapping, wrong: Exception) -> None:
        """Count one, or raise what cannot be forgiven: a full disk, or a check that is lost, is no row's
        fault."""
        if isinstance(wrong, (OSError, MemoryError, CheckLost)):
            raise wrong
        self._writer.leave_out(fault or "writer_error", provenance)
        if fault:
            return
        self._errors += 1
        self._first = self._first or wrong
        if self._errors <= MOST_ERRORS:
            log.error(
                "export: prompt %s is left out, it raised %s",
                provenance.get("prompt"),
                type(wrong).__name__,
                exc_info=wrong,
            )
        self._weigh(max(self._prompts, self._offered))

    def end(self, *, rows: int) -> None:
        """All was tried and `rows` were written: TooManyErrors if the program failed on more than a few of
        them, or on all."""
        self._weigh(self._offered)
        if self._errors and not rows:
            self._fail()

    def _weigh(self, of: int) -> None:
        if self._errors > MOST_ERRORS and self._errors > MOST_SHARE * of:
            self._fail()

    def _fail(self) -> None:
        raise TooManyErrors(f"{self._errors} rows failed; the first: {self._first!r:.200}") from self._first
