"""From a path to a stream of UTF-8 bytes: compression, encoding, and the refusal of what is not text.

Whatever the encoding, the layers above see UTF-8. A byte that the encoding does not know becomes an
ill-formed UTF-8 sequence, so that the record around it fails its strict decoding and is refused with its
line; it is never replaced."""

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from corpus.readers import limits
from corpus.readers.strict import common_share
from corpus.records import FileRefused

MAGIC = [  # not data of this kind, by their first bytes
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "Excel 97 / Word 97"),
    (b"\x7fELF", "ELF"),
    (b"MZ\x90", "EXE"),
    (b"SQLite format 3", "SQLite"),
    (b"ARROW1", "Arrow"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "rar"),
    (b"RIFF", "RIFF"),
    (b"\x80\x04\x95", "pickle"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF", "HDF5"),
]
BOMS = [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]  # fmt: skip
NOT_OFFERED = {
    "utf-7",
    "idna",
    "punycode",
    "raw-unicode-escape",
    "unicode-escape",
    "undefined",
    "unicode_escape",
    "raw_unicode_escape",
}


# characters that tell; the share of common ones (traditional Chinese in GBK: above 0.5; Big5 read as GBK:
# 0.25)
_ENOUGH, _COMMON = 8, 0.45


def head(path: Path, n: int = 512) -> bytes:
    with open(path, "rb") as f:
        return f.read(n)


def compression_of(path: Path) -> str:
    """ "gzip", "zip" or "" by the first bytes."""
    first = head(path, 4)
    if first[:2] == b"\x1f\x8b":
        return "gzip"
    return "zip" if first in (b"PK\x03\x04", b"PK\x05\x06") else ""


def _check_directory(path: Path) -> None:
    """FileRefused for a zip file whose list of members is too long to be worth reading: in memory it takes
    ten times the room."""
    with open(path, "rb") as f:
        size = f.seek(0, 2)
        f.seek(max(0, size - 65_557))  # the end's record, and the longest comment
        tail = f.read()
        at = tail.rfind(b"PK\x05\x06")
        length = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
        before = tail[at - 20 : at] if at >= 20 else b""
        if length == 0xFFFFFFFF and before[:4] == b"PK\x06\x07":  # its true length stands in another record
            f.seek(min(size, int.from_bytes(before[8:16], "little")))
            record = f.read(56)
            length = int.from_bytes(record[40:48], "little")
    if length > limits.MAX_ZIP_DIRECTORY:
        raise FileRefused("archive", _("A zip file must hold exactly one file; this one holds thousands."))


def _the_one_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = archive.namelist()
    if "[Content_Types].xml" in names:
        raise FileRefused(
            "spreadsheet", _("This is an Office document. Save the sheet as CSV (UTF-8) and import that.")
        )
    members = [
        m
        for m in archive.infolist()
        if not m.is_dir() and not m.filename.startswith("__MACOSX/") and not m.filename.endswith(".DS_Store")
    ]
    if len(members) != 1:
        raise FileRefused(
            "archive", _("A zip file must hold exactly one file; this one holds %(n)d.") % {"n": len(members)}
        )
    if members[0].flag_bits & 0x1:
        raise FileRefused("archive", _("The zip file is protected by a password."))
    return members[0]


@contextmanager
def _plain(path: Path, compression: str):
    """The decompressed bytes as a file object."""
    if compression == "gzip":
        with gzip.open(path, "rb") as f:
            yield f
    elif compression == "zip":
        _check_directory(path)
        with zipfile.ZipFile(path) as archive, archive.open(_the_one_member(archive)) as f:
            yield f
    else:
        with open(path, "rb") as f:
            yield f


def chunks(path: Path, compression: str) -> Iterator[bytes]:
    """The decompressed bytes, a megabyte at a time. FileRefused at the limit of size or ratio and for a
    damaged archive."""
    size, out = path.stat().st_size, 0
    try:
        with _plain(path, compression) as f:
            while data := f.read(limits.CHUNK):
                out += len(data)
                if out > limits.MAX_FILE_BYTES:
                    raise FileRefused(
                        "too_large",
                        _("The file holds more than %(n)d MB.") % {"n": limits.MAX_FILE_BYTES // limits.MIB},
                    )
                if compression and out > limits.RATIO_FROM and out > size * limits.MAX_RATIO:
                    raise FileRefused(
                        "bomb",
                        _("The file unpacks to more than %(n)d times its size.") % {"n": limits.MAX_RATIO},
                    )
                yield data
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
    ) as e:
        raise FileRefused(
            "archive", _("The compressed file is damaged or cut off: %(error)s") % {"error": e}
        ) from None


def refuse_other_kinds(first: bytes) -> None:
    """FileRefused for an LFS pointer, a web page, or a known binary kind."""
    if not first.strip():
        raise FileRefused("empty", _("The file is empty."))
    if first.startswith(b"version https://git-lfs.github.com/spec/"):
        raise FileRefused(
            "lfs",
            _("This is a Git LFS pointer, not the data. Fetch the real file (git lfs pull) and import that."),
        )
    for magic, kind in MAGIC:
        if first.startswith(magic):
            raise FileRefused("binary", _("This is not a data file but %(kind)s.") % {"kind": kind})
    if first[:2] == b"\x1f\x8b" or first[:4] == b"PK\x03\x04":
        raise FileRefused("archive", _("The file is compressed twice."))
    if first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise FileRefused("html", _("This is a web page, not a data file."))


def checked_encoding(name: str) -> str:
    """The codec's own name for an encoding given by hand; FileRefused if there is none."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):  # NUL in a name is a ValueError
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in NOT_OFFERED:
        raise FileRefused("encoding", _("Unknown encoding: %(name)s") % {"name": name[:60]})
    return (
        "gb18030"
        if info.name in ("gbk", "gb2312")
        else "utf-8"
        if info.name in ("utf-8-sig", "ascii")
        else info.name
    )


def find_encoding(stream: Iterator[bytes]) -> tuple[str, bytes]:
    """(encoding, first bytes) of decompressed `stream`: a BOM, else the pattern of UTF-16, else strict trials
    of UTF-8 and GB18030 on the lines of the first megabyte that has non-ASCII characters. FileRefused for
    binary data and for neither."""
    first = next(stream, b"")
    refuse_other_kinds(first[:512])
    for bom, encoding in BOMS:
        if first.startswith(bom):
            return encoding, first
    utf16 = _utf16_by_pattern(first[: limits.EVIDENCE])
    if utf16:
        return utf16, first
    evidence = first
    control = len(first) - len(
        first.translate(None, bytes(set(range(32)) - {9, 10, 11, 12, 13, 27}) + b"\x7f")
    )
    if control > max(len(first) * limits.MAX_CONTROL_SHARE, 32) and (
        0 in first or not _decodes(first, "utf-8", last=True, first=False)
    ):
        raise FileRefused("binary", _("This is binary data, not text."))
    while evidence.isascii():
        evidence = next(stream, b"")
        if not evidence:
            return "utf-8", first
    if len(evidence) < limits.EVIDENCE:
        evidence += next(stream, b"")
    return _by_trial(evidence), first


def _utf16_by_pattern(sample: bytes) -> str:
    """ "utf-16-le"/"-be" if `sample` holds NULs and decodes to lines of text without NUL characters; of both
     the one with more
    lines. On which side the NULs stand does not tell: one half of 一 (U+4E00) is a NUL as well as one half
    of every ASCII character."""
    sample = sample[: len(sample) & ~1]
    if sample.count(0) < max(1, len(sample) * 0.01):
        return ""
    lines = {}
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and ("\n" in text or text[:1] in "{["):
            lines[encoding] = text.count("\n")
    return max(lines, key=lines.__getitem__) if lines else ""


def _by_trial(evidence: bytes) -> str:
    refusal = FileRefused(
        "encoding",
        _(
            "The encoding is neither UTF-8 nor UTF-16 nor GB18030. Name it (for example big5), or "
            "save the file as UTF-8."
        ),
    )
    lines = evidence.split(b"\n")
    if len(lines) > 2:
        lines = lines[1:-1] if not lines[0] else lines[:-1]  # the cut end says nothing
    as_utf8 = as_gb = neither = 0
    gb: list[bytes] = []
    for i, line in enumerate(lines):
        if line.isascii():
            continue
        weight = len(line.translate(None, bytes(range(128))))
        if _decodes(line, "utf-8", last=len(lines) == 1, first=i == 0):
            as_utf8 += weight
        elif _decodes(line, "gb18030", last=len(lines) == 1, first=i == 0):
            as_gb += weight
            gb.append(line)
        else:
            neither += weight
    if neither > as_utf8 + as_gb:
        raise refusal
    if as_gb <= as_utf8:
        return "utf-8"
    # Big5 and Shift-JIS are well-formed GB18030 too, but of characters that nobody writes.
    text = b"".join(gb)[: limits.EVIDENCE].decode("gb18030", "ignore")
    if sum(ord(c) > 127 for c in text) >= _ENOUGH and common_share(text) < _COMMON:
        raise refusal
    return "gb18030"


def _decodes(line: bytes, encoding: str, *, last: bool, first: bool) -> bool:
    # A single huge line is cut at both ends: a code point cut there is no evidence against the encoding.
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    for start in range(4 if first and last else 1):
        try:
            decoder.reset()
            decoder.decode(line[start:], final=not last)
            return True
        except UnicodeDecodeError:
            continue
    return False


def utf8_chunks(stream: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """`stream` as UTF-8 without BOM; undecodable bytes become ill-formed UTF-8."""
    if encoding == "utf-8":
        first = next(stream, b"")
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from stream
        return
    # UTF-16 and -32 know lone surrogates; the other codecs escape bytes they do not know. Both come out
    # ill-formed.
    wide = encoding.startswith("utf-")
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if wide else "surrogateescape")
    start = True
    pending = iter(stream)
    done = False
    while not done:
        data = next(pending, None)
        done = data is None
        try:
            text = decoder.decode(data or b"", final=done)
        except UnicodeDecodeError:  # an odd byte at the very end of UTF-16
            yield b"\xff"
            return
        if start and text:
            text, start = text.removeprefix("\ufeff"), False
        yield text.encode("utf-8", "surrogatepass")
