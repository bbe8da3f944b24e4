"""The trainers' formats, by name. A new one is one module, one line here, and one golden sample in the tests."""

from training_export.formats import base
from training_export.formats.base import SPLITS, FileInfo, Format, Options, Problem, Writer
from training_export.formats.reasons import REASONS

FORMATS: dict[str, Format] = {}

__all__ = ["FORMATS", "REASONS", "SPLITS", "FileInfo", "Format", "Options", "Problem", "Writer", "base"]
