"""The trainers' formats, by name. A new one is one module, one line here, and one golden sample in the
tests."""

from training_export.formats import jsonl
from training_export.formats.base import SPLITS, STAGES, FileInfo, Format, Options, Problem, Writer
from training_export.formats.hosted import openai_messages, openai_preference
from training_export.formats.lines import chatglm3, nemo_rl, opencompass, reward_pairs
from training_export.formats.llamafactory import writer as llamafactory
from training_export.formats.reasons import REASONS, sentence
from training_export.formats.stages import axolotl, bailian, openrlhf, swift
from training_export.formats.tables import csv, parquet, verl
from training_export.formats.trl import grpo, kto, preference, rm, sdft, sft, tpo

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        *(sft, preference, rm, kto, grpo, sdft, tpo),
        *(llamafactory, swift, openrlhf, axolotl, bailian, verl, nemo_rl),
        *(openai_messages, openai_preference, chatglm3, opencompass, reward_pairs, csv, parquet),
        jsonl,
    )
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
