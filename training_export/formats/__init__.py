"""The trainers' formats, by name. A new one is one module, one line here, and one golden sample in the tests."""

from training_export.formats import jsonl, llamafactory, trl_kto, trl_preference, trl_rm, trl_sft
from training_export.formats.base import SPLITS, FileInfo, Format, Options, Problem, Writer
from training_export.formats.reasons import REASONS, sentence

FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in (trl_sft, trl_preference, trl_rm, trl_kto, llamafactory, jsonl)}

__all__ = ["FORMATS", "REASONS", "SPLITS", "FileInfo", "Format", "Options", "Problem", "Writer", "sentence"]
