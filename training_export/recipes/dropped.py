"""What the steps of one run said of each row: why it was dropped, so that two data sets can be compared with
reasons, and how it was scored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_export.curate.identity import judged_of
from training_export.steps.base import Report, Row

ROWS_AT_ONCE = 5000


class DroppedFile:
    """A Parquet file of {key, way, group_id, step, reason, detail}, a row for each dropped one, in order."""

    def __init__(self, path: Path):
        self._path = path
        self._held: list[tuple[str, ...]] = []
        self._out: Any = None
        self.rows = 0

    def add(self, row: Row, step: str, reason: str, detail: str) -> None:
        """One more."""
        judged, way = judged_of(row.example)
        self._held.append((judged.hex(), way, row.example.group_id, step, reason, detail))
        self.rows += 1
        if len(self._held) >= ROWS_AT_ONCE:
            self._put_down()

    def _put_down(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = ("key", "way", "group_id", "step", "reason", "detail")
        schema = pa.schema([(name, pa.string()) for name in names])
        if self._out is None:
            self._out = pq.ParquetWriter(self._path, schema, compression="zstd")
        columns: list = list(zip(*self._held, strict=True)) or [()] * len(names)
        self._out.write_table(
            pa.Table.from_arrays([pa.array(c, pa.string()) for c in columns], schema=schema)
        )
        self._held.clear()

    def close(self) -> None:
        """The file is whole, also where nothing was dropped."""
        self._put_down()
        assert self._out is not None
        self._out.close()


class ToldReport(Report):
    """A report that also puts every dropped row into `file`."""

    def __init__(self, step: str, file: DroppedFile):
        super().__init__()
        self._step, self._file = step, file

    def drop(self, row: Row, reason: str, detail: str = "") -> None:
        super().drop(row, reason, detail)
        self._file.add(row, self._step, reason, detail)


def write_scores(path: Path, scores: Mapping[str, float]) -> None:
    """A Parquet file of {key, score}: what a step gave each row that it read, kept or dropped, by the key of
    what the row says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(exist_ok=True)
    keys = sorted(scores)
    columns = [pa.array(keys, pa.string()), pa.array([scores[key] for key in keys], pa.float64())]
    pq.write_table(pa.Table.from_arrays(columns, names=["key", "score"]), path, compression="zstd")
