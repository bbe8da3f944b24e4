"""What a file is: compression, encoding, container, where its rows stand, its columns and what they mean."""

import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from corpus.readers import limits, opening, strict, turns
from corpus.readers.containers import jsonscan, parquet, table
from corpus.readers.errors import RowRefused
from corpus.readers.fields import ALIASES, check_given, normal, resolve
from corpus.readers.judgements import deciding, judges, scales
from corpus.readers.reading import raw_rows, shown, text_stream
from corpus.readers.shapes import shape_of
from corpus.records import FileRefused, Inspection

_PASSAGES = {
    "passage",
    "passages",
    "reference_passage",
    "source_text",
    "paragraph",
    "chunk",
    "retrieved_contexts",
    "原文",
    "段落",
}
_ADDRESS = re.compile(r"(https?://|[\w.-]+/)\S+")  # of a page or a data set: no passage


def inspect_file(
    path: Path,
    *,
    name: str,
    encoding: str | None,
    mapping: dict[str, str],
    delimiter: str | None,
    join: str | None,
    whole: bool,
):
    """See corpus.readers.inspect."""

    if not path.stat().st_size:
        raise FileRefused("empty", _("The file is empty."))
    if path.stat().st_size > limits.MAX_FILE_BYTES:
        raise FileRefused(
            "too_large", _("The file holds more than %(n)d MB.") % {"n": limits.MAX_FILE_BYTES // limits.MIB}
        )
    found = Inspection(container="parquet", name=name, compression=opening.compression_of(path))
    if found.compression:  # a bomb or a damaged archive is found before any row is taken
        for _chunk in opening.chunks(path, found.compression):
            pass
    first = next(opening.chunks(path, found.compression), b"")[:512]
    if first[:4] == b"PAR1":
        if found.compression:
            raise FileRefused("archive", _("Unpack the Parquet file first: it is compressed inside already."))
        found.unread = parquet.unread(path)
    else:
        opening.refuse_other_kinds(first)
        found.encoding = (
            opening.checked_encoding(encoding)
            if encoding
            else opening.find_encoding(opening.chunks(path, found.compression))[0]
        )
        _find_container(path, found, delimiter, scales.without(mapping))
    try:
        _find_format(path, found, mapping, join, None if whole else limits.JUDGED_ROWS)
    except FileRefused as refused:
        refused.inspection = found
        raise
    return found


def _first_bytes(path: Path, found, wanted: int) -> bytes:
    data = b""
    for chunk in text_stream(path, found):
        data += chunk
        if len(data) >= wanted:
            break
    return data


def _find_container(path: Path, found, delimiter: str | None, mapping: dict[str, str]) -> None:
    sample = _first_bytes(path, found, 2 * limits.MIB)
    text = sample.lstrip(b" \t\r\n")
    if not text:
        raise FileRefused("empty", _("The file is empty."))
    if delimiter is None and text[:1] in (b"{", b"[") and b"\n" not in text.rstrip():
        # one very long first line: is there a second one?
        sample = _first_bytes(path, found, limits.RATIO_FROM)
        text = sample.lstrip(b" \t\r\n")
    if delimiter is None and text[:1] in (b"{", b"[", b'"') and _is_jsonl(text, mapping):
        found.container = "jsonl"
    elif delimiter is None and text[:1] in (b"{", b"["):
        found.container, found.layout = "json", _layout(text, mapping)
    else:
        found.container = "csv"
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise FileRefused("delimiter", _("A delimiter is one character."))
        whole = sample if len(sample) < 2 * limits.MIB else sample[: sample.rfind(b"\n") + 1] or sample
        found.delimiter, end = table.sniff(whole, _known)
        found.delimiter = delimiter or found.delimiter
        unquoted = found.delimiter == "\t" and table.is_unquoted(whole, end)
        found.layout = " ".join(word for word, said in (("cr", end == b"\r"), ("unquoted", unquoted)) if said)


def _known(names: list[str]) -> int:
    try:
        columns = resolve(tuple(n.strip() for n in names), (), None)
    except RowRefused:
        return 0
    return len(columns.of) + len(columns.answers) + len(columns.ranked_texts)


def _is_jsonl(text: bytes, mapping: dict[str, str]) -> bool:
    """Whether the first line is a whole JSON value and another follows, or a broken first line is followed by
    one that begins a value; a single whole line is JSONL if it is a row."""
    lines = [line for line in islice((m[0] for m in re.finditer(rb"[^\n]+", text)), 50) if line.strip()]
    opener = text[:1]
    if len(lines) == 1:
        try:
            value = strict.parse(lines[0].strip()) if len(lines[0]) <= limits.MAX_RECORD_BYTES else None
        except RowRefused:
            return (
                False
                if opener != b"{"
                else not lines[0].rstrip().endswith(b"}}") and _format_of_broken(lines[0])
            )
        return isinstance(value, dict) and _is_one_row(value, mapping)
    if opener == b'"':
        try:
            values = [json.loads(line) for line in lines[:2]]
        except ValueError:
            return False
        return all(isinstance(v, str) for v in values) and not _known(values[:1])
    if lines[1][:1] == opener and (opener == b"{" or _whole(lines[0])):
        return True
    return _whole(lines[0])


def _format_of_broken(line: bytes) -> bool:
    """A file of one line that is refused: JSONL, if the object's names look like a row's."""
    names = re.findall(rb'"([^"\\]{1,60})"\s*:', line[:10000])
    return _known(list(dict.fromkeys(n.decode("utf-8", "replace") for n in names))) > 0


def _whole(line: bytes) -> bool:
    scan = jsonscan.Scanner(iter([line]))
    try:
        scan.value()
        return scan.peek() == b""
    except jsonscan.Broken:
        return False


def _layout(text: bytes, mapping: dict[str, str]) -> str:
    """Where the rows of a JSON file stand, by its beginning."""
    scan = jsonscan.Scanner(iter([text]))
    if text[:1] == b"[":
        scan.take(b"[")
        if scan.peek() != b"[":
            return "list"
        try:
            _line, raw = scan.value()
            inner = strict.parse(raw) if raw else None
        except (jsonscan.Broken, RowRefused):
            return "lists_of_lists"
        if isinstance(inner, list) and inner and isinstance(inner[0], str):
            raise FileRefused(
                "unknown_format", _("The file is a list of lists of texts: nothing says who says what.")
            )
        return (
            "list"
            if isinstance(inner, list)
            and inner
            and isinstance(inner[0], dict)
            and ("role" in inner[0] or "from" in inner[0])
            else "lists_of_lists"
        )
    kinds: dict[str, bytes] = {}
    values: dict[str, object] = {}
    try:
        for _line, key in scan.members():
            name = str(json.loads(key))
            kinds[name] = scan.peek()
            _line, raw = scan.value()
            try:
                values[name] = strict.parse(raw) if raw else None
            except RowRefused:
                values[name] = None
            if len(kinds) >= 50:
                break
        else:
            row = dict.fromkeys(kinds) | values
            if _is_one_row(row, mapping):
                return "sequence" if scan.peek() == b"{" else "single"
    except (jsonscan.Broken, RowRefused, ValueError):
        pass
    lists = [name for name, c in kinds.items() if c == b"["]
    objects = [name for name, c in kinds.items() if c == b"{"]
    if _is_columnar(values):
        raise FileRefused(
            "columnar",
            _("The file holds whole columns instead of rows. Save it as a list of objects or as a table."),
        )
    if lists and len(objects) <= len(lists):
        first = [next(iter(v), None) for v in map(values.get, lists) if isinstance(v, list)]
        return (
            "texts"
            if any(isinstance(v, str) for v in first) and not any(isinstance(v, (dict, list)) for v in first)
            else "lists"
        )
    if objects:
        return "keyed"
    raise FileRefused(
        "unknown_format",
        _("The file is one JSON object in which no rows can be found. Its names: %(names)s")
        % {"names": ", ".join(kinds)[:300]},
    )


def _is_one_row(value: dict, mapping: dict[str, str]) -> bool:
    """Whether an object is a row itself, and not a wrapper around lists of rows (which may have a prompt of
    its own)."""
    if _is_columnar(value):
        return False
    fmt = _shape(value, mapping)
    inner = (v[0] for v in value.values() if isinstance(v, list) and v and isinstance(v[0], dict))
    return fmt is not None and (fmt != "prompts" or not any(_shape(one, mapping) for one in inner))


def _shape(value: dict, mapping: dict[str, str]) -> str | None:
    try:
        return shape_of(value, resolve(tuple(value), tuple(mapping.items()), None))
    except RowRefused:
        return "ambiguous"  # a row, if one that will be refused


def _is_columnar(value: dict) -> bool:
    """Whether an object holds whole columns ({"prompt": ["a", "b"], "answer": ["c", "d"]}) and not one
    row."""
    columns = [
        name for name, v in value.items() if isinstance(v, list) and v and not isinstance(v[0], (dict, list))
    ]
    return len(columns) > 1 and len(columns) == len(value) and _known(columns) > 1


def _find_format(path: Path, found, mapping: dict[str, str], join: str | None, most: int | None) -> None:
    """`most`: rows to look at in columns of judgements; None for all."""
    rows: list[dict] = []
    refused: set[str] = set()
    every = raw_rows(path, found)
    for _line, row in every:
        if isinstance(row, RowRefused):
            refused.add(row.code)
            continue
        rows.append(row)
        if len(rows) >= limits.SAMPLE_ROWS:
            break
    if not rows:
        if not refused:
            raise FileRefused("empty", _("The file has no rows."))
        if refused == {"type"}:
            raise FileRefused(
                "unknown_format", _("No record of the file is an object or a text: there is nothing to read.")
            )
        return  # every row is refused: reading names each of them
    found.columns = list(dict.fromkeys(column for row in rows for column in row))
    found.sample = [shown(row) for row in rows[: limits.SHOWN_ROWS]]
    if join is not None and join not in found.columns:
        names = ", ".join(found.columns)[:500]
        raise FileRefused(
            "mapping",
            _("The file has no column %(name)s. It has: %(names)s") % {"name": join[:60], "names": names},
        )
    mapping, explicit = scales.split(mapping, found.columns)
    check_given(mapping, found.columns)
    given = dict(mapping)
    given |= _talks(rows, given)
    given |= _tags(rows, given)
    given |= judges.found(rows, given, join)
    found.given = given
    asked = _find_scales(found, rows, islice(every, most), join, explicit)
    votes: Counter[str] = Counter()
    for row in rows:
        try:
            columns = resolve(tuple(row), tuple(given.items()), join)
        except RowRefused:
            continue
        for ours, column in columns.as_mapping().items():
            found.mapping.setdefault(ours, column)
        fmt = shape_of(row, columns)
        if fmt:
            votes[fmt] += 1
    if (
        votes["kto"]
        and votes["alpaca"] + votes["sharegpt"] + votes["chatml"]
        and votes["kto"] * 2 >= sum(votes.values())
    ):
        votes = Counter({"kto": 1})  # a few labels that cannot be read do not make it another file
    if not votes:
        names = ", ".join(found.columns)[:500]
        raise FileRefused(
            "unknown_format",
            _(
                "The columns do not say what is the prompt and what the answer. Give a mapping. "
                "Columns: %(names)s"
            )
            % {"names": names},
        )
    found.format = votes.most_common(1)[0][0]
    if found.format == "messages_apart":
        raise FileRefused(
            "messages_apart",
            _(
                "These are the messages of trees, one in each row. Import the file that holds whole "
                "trees (replies in replies)."
            ),
        )
    if found.format == "review":
        raise FileRefused(
            "review",
            _(
                "These are comparisons that name their answers only by id. Import them with the "
                "answers' texts in the rows (columns answer_1, answer_2)."
            ),
        )
    if asked:
        found.asked = [one.as_dict() for one in asked]
        raise FileRefused("which_wins", "\n".join(one.sentence() for one in asked))


def _find_scales(
    found, rows: list[dict], more, join: str | None, explicit: dict[str, str]
) -> list[deciding.Asked]:
    """What the numbers in columns of judgements stand for, into `found`; what must be asked for. `more` rows,
    after the first `rows`, are looked at only where a number could mean another thing by what stands in
    them."""
    looked = deciding.Looked(found.given, join, explicit)
    for row in rows:
        looked.add(row)
    if looked.unsure():
        for _line, row in more:
            if isinstance(row, dict):
                looked.add(row)
    found.scales, asked = looked.decided()
    return asked


def _each(value) -> list:
    return value if isinstance(value, list) else [value]


def _talks(rows: list[dict], given: dict) -> dict[str, str]:
    """{"messages": the column named like a passage's that holds messages, where nothing else asks
    (HelpSteer3, NeMo)}; HelpSteer3's own scale is named, too, and what each person said on it, in objects,
    is no judgement besides."""
    names = {normal(column): column for row in rows for column in row}
    out: dict[str, str] = {}
    column = next(
        (names[name] for name in ALIASES["source"] if name in names and names[name] not in given.values()),
        None,
    )
    asks = [name for ours in ("messages", "prompt") for name in ALIASES[ours] if name != "text"]
    if (
        column is not None
        and names.keys().isdisjoint(asks)
        and given.keys().isdisjoint(("messages", "prompt"))
    ):
        values = [row[column] for row in rows if row.get(column) not in (None, "", [])]
        if 2 * sum(turns.is_talk(turns.talk(value)) for value in values) > len(values):
            out["messages"] = column
    if {"overall_preference", "individual_preference"} <= names.keys() and given.keys().isdisjoint(
        ("strength", "winner")
    ):
        out |= {"strength": names["overall_preference"], "annotator_individual": ""}
    return out


def _tags(rows: list[dict], given: dict) -> dict[str, str]:
    """{"source": the column that holds passages, "" if none does} where another that may hold them, found
    before it, holds names or addresses of data sets."""
    if "source" in given:
        return {}
    columns = {normal(column): column for row in rows for column in row}
    for i, column in enumerate(
        columns[name] for name in ALIASES["source"] if name in columns and columns[name] not in given.values()
    ):
        if normal(column) in _PASSAGES:  # whose name leaves no doubt, however short they are
            return {"source": column} if i else {}
        values = [v for row in rows for v in _each(row.get(column)) if v not in (None, "")]
        if not values or not all(
            isinstance(v, str)
            and (_ADDRESS.fullmatch(v) or (len(v) <= 40 and not judges.SENTENCE.search(v + " ")))
            for v in values
        ):
            return {"source": column} if i else {}
    return {"source": ""} if any(name in columns for name in ALIASES["source"]) else {}
