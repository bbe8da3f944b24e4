"""`reward-pairs`: {"prompt", "chosen", "rejected", "subset"}, all texts, as RewardBench measures reward
models: one question, two answers, results by subset."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.formats.base import LABELS, Format
from training_export.formats.lines.checks import TranslatedPairChecker
from training_export.formats.lines.writer import LineWriter, only_question, pair_judged
from training_export.formats.messages import blank
from training_export.formats.rendered import encoded

NO_SUBSET = "all"  # of rows without tags and language


def subset_of(example) -> str:
    """What a row's result is told under: its first tag, else its language."""
    return next((t for t in (*example.tags, example.language) if not blank(t)), NO_SUBSET)


class Writer(LineWriter):
    takes = (Preference,)

    def check_prompt(self, shown):
        super().check_prompt(shown)
        only_question(shown.messages)

    def line_of(self, example, split, shown):
        question = only_question(shown.messages)
        chosen, rejected = (
            self.text_answer(shown, example.chosen),
            self.text_answer(shown, example.rejected),
        )
        judged = pair_judged(shown.prompt_id, chosen, rejected)
        line = b'{"prompt": %b, "chosen": %b, "rejected": %b, "subset": %b}\n' % (
            encoded(question),
            encoded(chosen.final["content"]),
            encoded(rejected.final["content"]),
            encoded(subset_of(example)),
        )
        self.put(split, line, **judged, example=example)


class Checker(TranslatedPairChecker):
    columns = ("prompt", "chosen", "rejected", "subset")
    optional = ()

    def translated(self, row):
        found = [
            (c, "not_plain_text", "") for c in ("prompt", "chosen", "rejected") if not isinstance(row[c], str)
        ]
        if not isinstance(row["subset"], str) or blank(row["subset"]):
            found.append(("subset", "subset", ""))
        return found, {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": [{"role": "assistant", "content": row["chosen"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
        }


FORMAT = Format(
    name="reward-pairs",
    label=LABELS["reward-pairs"],
    trainer="RewardBench",
    takes=frozenset({Preference}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row, the votes for and against, and margins: every pair counts the same."),
        _("Conversations of more than one turn: a row is a question and two answers."),
    ),
    shows={"system": "merge"},
)
