"""`opencompass`: {"question", "answer"} for OpenCompass's CustomDataset, in files named `NAME_qa.jsonl` with
the `.meta.json` that says what they are. Each line is read by itself there: a blank one ends the program."""

import hashlib
import json

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import EvalQuestion, Sft
from training_export.formats.base import LABELS, SPLITS, FileInfo, Format
from training_export.formats.lines.checks import TranslatedChecker
from training_export.formats.lines.writer import LineWriter, only_question
from training_export.formats.messages import LeftOut, blank, has_template_token, identity
from training_export.formats.rendered import encoded

META = ".meta.json"


def meta_of(name: str) -> dict:
    """What the file beside `name` says: OpenCompass would otherwise guess the kind from the first line."""
    return {
        "abbr": name.partition(".")[0],
        "data_type": "qa",
        "infer_method": "gen",
        "human_prompt": "{question}",
        "bot_prompt": "{answer}",
        "input_columns": ["question"],
        "output_column": "answer",
    }


class Writer(LineWriter):
    takes = (Sft, EvalQuestion)

    def check_prompt(self, shown):
        super().check_prompt(shown)
        only_question(shown.messages)

    def line_of(self, example, split, shown):
        question = only_question(shown.messages)
        if type(example) is Sft:
            target = self.text_answer(shown, example.target)
            answer, said = target.final["content"], target.id
        else:
            answer, said = example.reference, identity([{"role": "assistant", "content": example.reference}])
            if blank(answer):
                raise LeftOut("empty_answer")
            if not self.options.allow_template_tokens and has_template_token(answer):
                raise LeftOut("template_token")
        line = b'{"question": %b, "answer": %b}\n' % (encoded(question), encoded(answer))
        self.put(
            f"{self.options.name}_{split}_qa", line, judged=hash((shown.prompt_id, said)), example=example
        )

    def stream_order(self, stream):
        return SPLITS.index(stream.removesuffix("_qa").rpartition("_")[2]), stream, True

    def extras(self, files):
        made = []
        for file in files:
            text = json.dumps(meta_of(file.path), ensure_ascii=False, indent=2) + "\n"
            (self.folder / f"{file.path}{META}").write_text(text, encoding="utf-8")
            made.append(
                FileInfo(f"{file.path}{META}", 0, hashlib.sha256(text.encode()).hexdigest(), "config")
            )
        if files:
            self.note("exact_match")
        return made


class Checker(TranslatedChecker):
    columns = ("question", "answer")
    optional = ()
    came_from = {"prompt": "question", "completion": "answer"}

    def files(self):
        return [path.name for split in SPLITS for path in sorted(self.folder.glob(f"*_{split}_qa.jsonl"))]

    def translated(self, row):
        found = [(c, "not_plain_text", "") for c in self.columns if not isinstance(row[c], str)]
        return found, {
            "prompt": [{"role": "user", "content": row["question"]}],
            "completion": [{"role": "assistant", "content": row["answer"]}],
        }

    def end(self):
        return [*super().end(), *self._meta()]

    def _meta(self) -> list:
        try:
            meta = json.loads((self.folder / f"{self.name}{META}").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return [("", "qa_meta", "")]
        sound = isinstance(meta, dict) and (meta.get("data_type"), meta.get("infer_method")) == ("qa", "gen")
        return [] if sound else [("", "qa_meta", "")]


FORMAT = Format(
    name="opencompass",
    label=LABELS["opencompass"],
    trainer="OpenCompass 0.5 CustomDataset",
    takes=frozenset({Sft, EvalQuestion}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("Several right answers to one question: each stands in a row of its own."),
        _("Conversations of more than one turn: a row is a question and an answer."),
    ),
    shows={"system": "merge"},
)
