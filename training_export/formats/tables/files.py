"""Files of a table: lines of JSON on their way into Parquet or CSV. `pyarrow` is loaded when one is opened,
not before."""

import json
from collections.abc import Callable
from pathlib import Path

from core import spreadsheet
from training_export.formats.streams import Stream

GROUP_ROWS = 10_000  # of a row group of Parquet
GROUP_BYTES = 8 << 20  # of the JSON that one is made of


class ParquetStream(Stream):
    """A growing Parquet file: row groups of GROUP_ROWS rows or GROUP_BYTES bytes, one in memory at a time.

    The bytes depend on the rows and on the version of pyarrow alone: compression, format version and page
    version are said here, and nothing of the machine or the time stands in the file. `made`: what becomes of
    a line's object and its place in the file, as a row of `schema`."""

    def __init__(self, path: Path, pool, schema, made: Callable[[dict, int], dict]):
        super().__init__(path, pool)
        import pyarrow.parquet

        self._schema, self._made = schema, made
        self._rows: list[dict] = []
        self._waiting = 0  # bytes of the lines that `_rows` are made of
        self._table = pyarrow.parquet.ParquetWriter(
            _Sink(self._file, self._hash),
            schema,
            version="2.6",
            data_page_version="1.0",
            compression="snappy",
            write_statistics=False,
            store_schema=False,
        )

    def write(self, line: bytes) -> None:
        self._rows.append(self._made(json.loads(line), self.rows))
        self.rows += 1
        self._waiting += len(line)
        if len(self._rows) >= GROUP_ROWS or self._waiting >= GROUP_BYTES:
            self._group()

    def _group(self) -> None:
        import pyarrow

        if self._rows:
            self._table.write_table(pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows, self._waiting = [], 0

    def close(self) -> str:
        self._group()
        self._table.close()
        return self._hash.hexdigest()


class _Sink:
    """What pyarrow writes into: a file, hashed."""

    closed = False

    def __init__(self, file, hashed):
        self._file, self._hash, self._at = file, hashed, 0

    def write(self, piece) -> int:
        piece = memoryview(piece)
        self._hash.update(piece)
        rest = piece
        while rest:
            rest = rest[self._file.write(rest) :]
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass

    def close(self) -> None:
        """The file is the stream's: it is closed when it is on disk."""


class CsvStream(Stream):
    """A growing CSV as spreadsheets open it (core.spreadsheet): `columns` first, then what `made` makes of
    each line's object."""

    def __init__(self, path: Path, pool, columns: list[str], made: Callable[[dict], list]):
        super().__init__(path, pool)
        self._made = made
        for text in spreadsheet.lines([columns]):
            super().write(text.encode())

    def write(self, line: bytes) -> None:
        [text] = spreadsheet.lines([self._made(json.loads(line))])
        super().write(text.removeprefix("\ufeff").encode())

    def close(self) -> str:
        digest = super().close()
        self.rows -= 1  # the names of the columns
        return digest
