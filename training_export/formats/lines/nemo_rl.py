"""`nemo-rl`: {"context", "completions": [{"rank", "completion"}]} for NeMo RL's PreferenceDataset (DPO and
reward models). Its trainers take two answers of different rank and nothing else: longer rankings and ties
stop them, so a ranking stands here as its pairs."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.formats.base import LABELS, Format
from training_export.formats.lines.checks import TranslatedPairChecker, has_tools, only_keys
from training_export.formats.lines.writer import LineWriter, bare, pair_judged
from training_export.formats.rendered import encoded_messages

_RANKED = b'{"context": %b, "completions": [{"rank": 0, "completion": %b}, {"rank": 1, "completion": %b}]}\n'


class Writer(LineWriter):
    takes = (Preference,)

    def line_of(self, example, split, shown):
        chosen, rejected = (
            self.text_answer(shown, example.chosen),
            self.text_answer(shown, example.rejected),
        )
        judged = pair_judged(shown.prompt_id, chosen, rejected)
        line = _RANKED % (encoded_messages(bare(shown.messages)), chosen.line, rejected.line)
        self.put(split, line, **judged, example=example)


class Checker(TranslatedPairChecker):
    columns = ("context", "completions")
    optional = ()
    came_from = {"prompt": "context", "chosen": "completions", "rejected": "completions"}

    def translated(self, row):
        completions = row["completions"]
        if not isinstance(completions, list) or not all(
            isinstance(one, dict)
            and one.keys() == {"rank", "completion"}
            and isinstance(one["completion"], list)
            for one in completions
        ):
            return [("completions", "bad_field", "")], {}
        ranks = [one["rank"] for one in completions]
        if any(type(rank) is not int for rank in ranks) or sorted(ranks) != [0, 1]:
            return [("completions", "ranks", repr(ranks)[:40])], {}
        better, worse = sorted(completions, key=lambda one: one["rank"])
        for field, messages in (
            ("context", row["context"]),
            ("completions", [*better["completion"], *worse["completion"]]),
        ):
            if has_tools(messages):
                return [(field, "tool_turns", "")], {}
            if more := only_keys(messages, frozenset({"role", "content"})):
                return [(field, "message_keys", ", ".join(more))], {}
        return [], {
            "prompt": row["context"],
            "chosen": better["completion"],
            "rejected": worse["completion"],
        }


FORMAT = Format(
    name="nemo-rl",
    label=LABELS["nemo-rl"],
    trainer="NeMo RL PreferenceDataset",
    takes=frozenset({Preference}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("Rankings of more than two answers: the trainers take two, so each ranking stands as its pairs."),
        _("The weight of a row, the votes for and against, and margins: every pair counts the same."),
        _("Ties: no trainer takes them."),
    ),
)
