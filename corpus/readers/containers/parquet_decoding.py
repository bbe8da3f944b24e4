"""Parquet by row groups and small batches; a row is named by its 1-based number.

What a file unpacks to is known only once Arrow has made it: readers call corpus.readers.containers.parquet,
which has this module work in a process with little memory."""

import datetime
import decimal
import math
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from corpus.readers import limits
from corpus.readers.errors import RowRefused
from corpus.readers.strict import check_storable
from corpus.records import FileRefused


def _open(path: Path):
    import pyarrow
    import pyarrow.parquet as pq

    try:
        schema = pq.read_metadata(path).schema
        columns = [schema.column(i) for i in range(len(schema))]
        # A text that stands once in the file and in every row is held once: decoded in full, a few bytes of
        # file fill any memory.
        texts = [c.path for c in columns if c.physical_type == "BYTE_ARRAY" and "." not in c.path]
        file = pq.ParquetFile(path, buffer_size=limits.MIB, pre_buffer=False, read_dictionary=texts)
    except pyarrow.ArrowMemoryError:
        raise MemoryError from None
    except (pyarrow.ArrowException, OSError) as e:
        raise FileRefused(
            "parquet", _("The Parquet file cannot be read: %(error)s") % {"error": str(e)[:200]}
        ) from None
    meta = file.metadata
    names = file.schema_arrow.names
    if len(names) > limits.MAX_COLUMNS:
        raise FileRefused("columns", _("The table has more than %(n)d columns.") % {"n": limits.MAX_COLUMNS})
    for name in names:
        if names.count(name) > 1:
            raise FileRefused(
                "duplicate_header",
                _("Two columns have the same name: %(name)s. Rename one and import again.")
                % {"name": name[:100]},
            )
    total = 0
    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        for c in range(group.num_columns):
            chunk = group.column(c)
            total += chunk.total_uncompressed_size
            if columns[c].max_repetition_level and chunk.num_values > limits.MAX_PARQUET_VALUES:
                raise FileRefused(
                    "too_large",
                    _("The lists of one row group hold more than %(n)d values.")
                    % {"n": limits.MAX_PARQUET_VALUES},
                )
            if chunk.total_uncompressed_size > limits.MAX_PARQUET_CHUNK:
                raise FileRefused(
                    "too_large",
                    _("A column of one row group holds more than %(n)d MB.")
                    % {"n": limits.MAX_PARQUET_CHUNK // limits.MIB},
                )
    if total > limits.MAX_FILE_BYTES:
        raise FileRefused(
            "too_large", _("The file holds more than %(n)d MB.") % {"n": limits.MAX_FILE_BYTES // limits.MIB}
        )
    if total > limits.RATIO_FROM and total > path.stat().st_size * limits.MAX_RATIO:
        raise FileRefused(
            "bomb", _("The file unpacks to more than %(n)d times its size.") % {"n": limits.MAX_RATIO}
        )
    return file


def _size(array) -> int:
    """Bytes that the values of an Arrow array take once each is spelled out."""
    import pyarrow
    from pyarrow import compute, types

    kind = array.type
    if types.is_dictionary(kind):
        if not (types.is_string(kind.value_type) or types.is_large_string(kind.value_type)):
            return array.dictionary.nbytes // max(1, len(array.dictionary)) * len(array)
        lengths = compute.binary_length(array.dictionary).cast(pyarrow.int64()).take(array.indices)
        return (compute.sum(lengths).as_py() or 0) + 8 * len(array)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _size(array.flatten()) + 8 * len(array)
    if types.is_struct(kind):
        return sum(_size(part) for part in array.flatten())
    return array.nbytes


def _made(batch) -> Iterator[dict | RowRefused]:
    """The rows of a batch as Python has them; one by one where all together are large, and what is too large
    not at all."""
    if sum(_size(column) for column in batch.columns) <= limits.PARQUET_BATCH_BYTES:
        try:
            yield from batch.to_pylist()
            return
        except (UnicodeDecodeError, ValueError):
            pass
    for i in range(batch.num_rows):
        row = batch.slice(i, 1)
        # a character has up to four bytes
        if sum(_size(column) for column in row.columns) > 4 * limits.MAX_RECORD_BYTES:
            yield too_long()
            continue
        try:
            yield row.to_pylist()[0]
        except (UnicodeDecodeError, ValueError):
            yield RowRefused("", "encoding", _("A text of this row is not UTF-8."))


def too_long() -> RowRefused:
    """Why a row with more text than a record may have is refused."""
    return RowRefused(
        "",
        "too_long",
        _("The record is longer than %(n)d MB.") % {"n": limits.MAX_RECORD_BYTES // limits.MIB},
    )


def _plain(value, size: list[int], depth: int = 0):
    """`value` as JSON knows it (times as ISO text); `size` counts its characters."""
    if isinstance(value, str):
        size[0] += len(value)
        return value
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise RowRefused(
                "", "not_a_number", _("%(name)s is not JSON: a number must be finite.") % {"name": value}
            )
        return None if math.isnan(value) else value
    if depth > limits.MAX_DEPTH:
        raise RowRefused(
            "", "too_deep", _("The record nests deeper than %(n)d levels.") % {"n": limits.MAX_DEPTH}
        )
    if isinstance(value, list):
        return [_plain(v, size, depth + 1) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v, size, depth + 1) for k, v in value.items()}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise RowRefused(
        "", "type", _("A value is binary or of a kind that is not text, number, list or object.")
    )


def _is_plain(kind) -> bool:
    """Whether every value of an Arrow type is one that `_plain` knows."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_plain(kind.value_type)
    if types.is_struct(kind):
        return all(_is_plain(kind.field(i).type) for i in range(kind.num_fields))
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return not (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_map(kind)
        or types.is_duration(kind)
    )


def unread(path: Path) -> list[str]:
    """The columns whose values no row has: bytes, maps and durations."""
    return [field.name for field in _open(path).schema_arrow if not _is_plain(field.type)]


def rows(path: Path, *, batch: int | None = None, skip: int = 0) -> Iterator[tuple[int, dict | RowRefused]]:
    """(row number, the row | why it is refused), `batch` rows at a time, after the first `skip`. NaN is an
    empty value (that is how data frames write one); columns of bytes, maps and durations are left out.
    MemoryError where the next batch does not fit."""
    import pyarrow

    file = _open(path)
    number = 0
    columns = [field.name for field in file.schema_arrow if _is_plain(field.type)]
    batches = file.iter_batches(batch_size=batch or limits.PARQUET_BATCH, columns=columns, use_threads=False)
    try:
        for rows_at_once in batches:
            if number + rows_at_once.num_rows <= skip:
                number += rows_at_once.num_rows
                continue
            for row in _made(rows_at_once.slice(max(0, skip - number))):
                number = max(number, skip) + 1
                if isinstance(row, RowRefused):
                    yield number, row
                    continue
                try:
                    size = [0]
                    row = {k: _plain(v, size) for k, v in row.items()}
                    if size[0] > limits.MAX_RECORD_BYTES:
                        raise too_long()
                    check_storable(row)
                except RowRefused as e:
                    yield number, e
                    continue
                yield number, row
    except pyarrow.ArrowMemoryError:
        raise MemoryError from None
    except (pyarrow.ArrowException, OSError) as e:
        yield max(number, skip) + 1, broken(str(e)[:200])


def broken(error: str) -> RowRefused:
    """Why nothing is read from some row on."""
    reason = _("From this row on the Parquet file cannot be read: %(error)s") % {"error": error}
    return RowRefused("", "parquet", reason)
