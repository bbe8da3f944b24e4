"""The trainers' formats, by name. A new one is one module, one line here, and one golden sample in the
tests."""

from training_export.formats import jsonl
from training_export.formats.base import SPLITS, STAGES, FileInfo, Format, Options, Problem, Writer
from training_export.formats.llamafactory import writer as llamafactory
from training_export.formats.reasons import REASONS, sentence
from training_export.formats.trl import kto, preference, rm, sft

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT for module in (sft, preference, rm, kto, llamafactory, jsonl)
}

__all__ = [
    "FORMATS",
    "REASONS",
    "SPLITS",
    "STAGES",
    "FileInfo",
    "Format",
    "Options",
    "Problem",
    "Writer",
    "sentence",
]
