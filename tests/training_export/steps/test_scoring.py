"""The steps that score with a model, as far as they go without one: what they refuse, and how scores are
cached, put into batches and told of. What the scores are: tests/train/test_scoring.py."""

import math
import struct
import sys

import pytest
from django.utils import translation

from core.errors import DomainError
from tests.training_export.steps.rows_made import pair, run, sft
from training_export.steps import STEPS, Cache, Means, Report
from training_export.steps.scoring.batches import batches, key_of, scored
from training_export.steps.scoring.likelihood import shared
from training_export.steps.scoring.local_model import fingerprint
from training_export.steps.scoring.passes import scores_of
from training_export.steps.scoring.telling import Tally, spread, top
from training_export.steps.scoring.texts import Piece

SCORING = {"perplexity": {}, "ifd": {}, "nuggets": {"tasks": "medicine"}, "reward-margin": {}}


class Kept(Cache):
    def __init__(self):
        self.held = {}

    def get(self, name, keys):
        return {key: self.held[name, key] for key in keys if (name, key) in self.held}

    def put(self, name, values):
        self.held |= {(name, key): value for key, value in values.items()}


class Lengths:
    """A scorer whose score of a piece is its length; it notes what it was asked."""

    name = "lengths/1"

    def __init__(self):
        self.asked = []

    def key(self, piece):
        return key_of(piece.context, piece.answer)

    def measured(self, pieces):
        lengths = [len(piece.context) + len(piece.answer) for piece in pieces]
        for group in batches(lengths, 8):
            self.asked += [lengths[place] for place in group]
            yield group, [float(lengths[place]) for place in group]


@pytest.fixture()
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", SCORING)
def test_without_torch_the_step_says_what_to_install_in_the_readers_language(monkeypatch, folder, name):
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    said = {}
    for language in ("en", "zh-hans"):
        with translation.override(language), pytest.raises(DomainError) as refused:
            run(name, [sft("q", "a")], Means(model=str(folder)), **SCORING[name])
        assert refused.value.code == "no_torch"
        said[language] = str(refused.value)
    assert "pip install -r requirements-train.txt" in said["en"] and "worker" in said["en"]
    assert "pip install -r requirements-train.txt" in said["zh-hans"] and "安装" in said["zh-hans"]


@pytest.mark.parametrize("name", SCORING)
def test_without_a_model_the_step_says_so(tmp_path, name):
    for given, code in (
        ({}, "no_model"),
        ({"model": str(tmp_path)}, "no_model"),
        ({"model": "no\0where"}, "no_model"),
        ({"model": 5}, "invalid_option"),
    ):
        with pytest.raises(DomainError) as refused:
            run(name, [sft("q", "a")], **given, **SCORING[name])
        assert (refused.value.code, refused.value.field) == (code, "model")


@pytest.mark.parametrize("name", SCORING)
def test_they_belong_on_the_heavy_queue(name):
    assert STEPS[name].heavy and set(STEPS[name].reasons) and "no_answer" in STEPS[name].notes


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("perplexity", {"share": 0}, "share"),
        ("perplexity", {"share": 1.5}, "share"),
        ("perplexity", {"minimum": math.nan}, "minimum"),
        ("perplexity", {"side": "both"}, "side"),
        ("ifd", {"ratio": "sum"}, "ratio"),
        ("ifd", {"most_tokens": 4}, "most_tokens"),
        ("nuggets", {}, "tasks"),
        ("nuggets", {"tasks": "medicine", "anchors": 0}, "anchors"),
        ("reward-margin", {"disagreement": -1}, "disagreement"),
        ("reward-margin", {"precision": "half"}, "precision"),
    ],
)
def test_parameters_are_checked(name, given, field):
    with pytest.raises(DomainError) as refused:
        STEPS[name].parameters_of(given)
    assert refused.value.field == field


def test_each_piece_is_computed_once_and_kept_in_eight_bytes():
    scorer, cache, told = Lengths(), Kept(), []
    pieces = [Piece([1], [2]), Piece([1, 2], [3]), Piece([1], [2]), Piece([], [1, 2])]
    assert scored(scorer, pieces, cache, told.append) == [2.0, 3.0, 2.0, 2.0]
    assert scorer.asked == [3, 2, 2]  # the longest first, the third not again; the fourth is another
    assert told == [1, 3, 4]
    assert cache.held == {
        ("lengths/1", scorer.key(piece)): struct.pack("<d", len(piece.context) + len(piece.answer))
        for piece in pieces
    }
    assert scored(scorer, [Piece([9], []), *pieces], cache) == [1.0, 2.0, 3.0, 2.0, 2.0]
    assert scorer.asked == [3, 2, 2, 1]
    assert scored(scorer, [], cache) == []


def test_what_was_computed_before_a_stop_is_kept():
    scorer, cache = Lengths(), Kept()

    def stop(done):
        if done:
            raise KeyboardInterrupt

    pieces = [Piece([1] * n, []) for n in (3, 8, 2)]
    with pytest.raises(KeyboardInterrupt):
        scored(scorer, pieces, cache, stop)
    assert scorer.asked == [8] and len(cache.held) == 1
    scored(scorer, pieces, cache)
    assert scorer.asked == [8, 3, 2]


def test_batches_hold_all_and_no_more_than_fits():
    lengths = [5, 1, 9, 30, 4, 4, 2, 1, 10]
    groups = list(batches(lengths, 20))
    assert sorted(place for group in groups for place in group) == list(range(9))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[place] for place in group) <= 20
    assert groups[0] == [3] and [lengths[group[0]] for group in groups] == [30, 10, 5, 1]


def test_the_common_beginning_leaves_the_last_token_of_each():
    assert shared([[1, 2, 3, 4], [1, 2, 9]]) == 2
    assert shared([[1, 2, 3], [1, 2, 3]]) == 2 and shared([[1, 2], [1, 2, 3]]) == 1
    assert shared([[1, 2], [3, 2]]) == 0 and shared([[7]]) == 0 and shared([]) == 0


def test_rows_are_scored_some_hundred_at_a_time_in_their_order(monkeypatch):
    monkeypatch.setattr("training_export.steps.scoring.passes.AT_ONCE", 3)
    rows = [sft("q" * n, "a" * (n % 3 + 1)) for n in range(1, 9)]
    told = []
    tally = scores_of(
        rows,
        Lengths(),
        lambda row: [Piece([1] * n, []) for n in (len(row.example.group_id), len(row.example.target.text))],
        lambda values: values[0] - values[1],
        Report(),
        Means(progress=lambda *now: told.append(now)),
    )
    assert list(tally.scores) == [n - (n % 3 + 1) for n in range(1, 9)]
    assert told[-1] == (8, 8) and told == sorted(told)


def test_the_share_is_of_those_that_are_left_and_equal_ones_go_by_their_order():
    scores = [0.5, 0.9, 0.1, 0.9, 0.9, 0.3]
    assert top(scores, [0, 1, 2, 3, 5], 0.4, highest=True) == {1, 3}
    assert top(scores, [0, 1, 2, 3, 4, 5], 1 / 3, highest=True) == {1, 3}
    assert top(scores, [0, 1, 2], 0.1, highest=False) == {2}
    assert len(top(list(range(30)), range(30), 0.1, highest=True)) == 3
    assert top([], [], 0.5, highest=True) == set()


def test_every_dropped_row_passes_through_the_reports_drop_and_the_worst_are_named():
    """By it a recipe writes each of them down."""
    passed = []

    class Told(Report):
        def drop(self, row, reason, detail=""):
            super().drop(row, reason, detail)
            passed.append((row.example.group_id, reason, detail))

    report, rows = Told(), [sft(f"q{n}", "a", provenance={"prompt": n}) for n in range(1, 51)]
    tally = Tally(report)
    for n in range(1, 51):
        tally.add("no_answer" if n == 50 else float(n))
    kept = list(tally.hand_on(rows, lambda place: "high" if place >= 10 else "", worst="highest"))
    assert kept == [*rows[:10], rows[49]]
    assert passed == [(f"q{n}", "high", f"{n}") for n in range(11, 50)] and report.dropped == {"high": 39}
    assert report.samples["high"] == [{"prompt": n, "detail": f"{n}"} for n in range(49, 29, -1)]
    assert report.samples["no_answer"] == [{"prompt": 50}] and report.notes == [("no_answer", "1")]
    assert len(report.scores) == 49


def test_the_spread_of_scores():
    figure = spread([float(n) for n in range(101)] + [1e9])
    assert figure["number"] == 102 == sum(figure["counts"])
    assert figure["edges"][0] == 1.0 and figure["edges"][-1] == 100.0  # the outlier widens no bin
    assert figure["counts"][-1] == 6 and figure["quantiles"]["1.0"] == 1e9
    assert spread([2.0, 2.0])["counts"][0] == 2 and spread([])["number"] == 0


def test_a_model_is_known_by_all_its_files(folder):
    first = fingerprint(folder)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("not the model's")
    assert fingerprint(folder) == first
    (folder / "model.safetensors").write_bytes(b"1234")
    second = fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"12345")
    (folder / "config.json").rename(folder / "config2.json")
    assert len({first, second, fingerprint(folder)}) == 3


def test_nothing_is_loaded_before_the_first_row_is_asked_for(tmp_path):
    step = STEPS["reward-margin"]
    step.run([pair("q", "a", "b")], step.parameters_of({"model": str(tmp_path)}), Report(), Means())
