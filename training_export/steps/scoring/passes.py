"""The first pass of a step that scores: rows are made into pieces some hundred at a time, so that they need
not fit into memory, and scored. Pure."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from training_export.curate.examples import Answer
from training_export.curate.identity import answers_of
from training_export.steps.base import Means, Report, Row, Rows
from training_export.steps.scoring.batches import Scorer, scored
from training_export.steps.scoring.telling import Tally
from training_export.steps.scoring.texts import NotScored, Piece

AT_ONCE = 256  # rows whose pieces are held, and among which rows of like length are found


def best_answer(row: Row) -> Answer:
    """The answer that is learnt from `row`; NotScored where it has none."""
    answers = answers_of(row.example)
    if not answers:
        raise NotScored("no_answer")
    return answers[0]


def scores_of(
    rows: Rows,
    scorer: Scorer,
    pieces_of: Callable[[Row], list[Any]],
    score_of: Callable[[list[float]], float],
    report: Report,
    means: Means,
) -> Tally:
    """The score of every row: `score_of` what the scorer gives the pieces `pieces_of` it. Progress is told in
    rows."""
    tally = Tally(report)
    done, coming = 0, iter(rows)
    while some := list(islice(coming, AT_ONCE)):
        made = [_pieces(row, pieces_of) for row in some]
        flat = [piece for pieces in made if not isinstance(pieces, str) for piece in pieces]

        def told(number: int, before: int = done, share: float = len(some) / max(1, len(flat))) -> None:
            means.progress(before + int(number * share), len(rows))

        values: Iterator[float] = iter(scored(scorer, flat, means.cache, told))
        for pieces in made:
            if isinstance(pieces, str):
                tally.add(pieces)
                continue
            if any(piece.cut for piece in pieces):
                tally.cut.add(len(tally.scores))
            try:
                tally.add(score_of([next(values) for _piece in pieces]))
            except (OverflowError, ZeroDivisionError):
                tally.add("not_finite")
        done += len(some)
        means.progress(done, len(rows))
    return tally


def _pieces(row: Row, pieces_of: Callable[[Row], list[Piece]]) -> list[Piece] | str:
    try:
        return pieces_of(row)
    except NotScored as no:
        return no.code
