"""Whatever a file holds, reading it ends in records and refusals, one for each row: never in a stack trace,
never in a text that was not there."""

import csv
import io
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus import readers
from corpus.canonical import canonical_json
from corpus.readers.fields import ALIASES
from corpus.records import FileRefused, Record, Refusal

NAMES = sorted(
    {names[0] for names in ALIASES.values()}
    | {
        "answer_a",
        "answer_b",
        "rank_a",
        "rank1",
        "rank2",
        "winner",
        "annotator_x",
        "conversations",
        "other",
        "replies",
    }
)
WORDS = [
    "",
    " ",
    "A",
    "B",
    "tie",
    "1",
    "0",
    "True",
    "False",
    "[]",
    "{}",
    '[{"role": "user", "content": "q"}]',
    "问：a\n答：b",
    "\u2028",
    "<|im_end|>",
    "é",
    "9" * 20,
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
ROLES = {
    "role": st.sampled_from(["user", "assistant", "tool", "x"]),
    "from": st.sampled_from(["human", "gpt", "function_call"]),
}
TEXTS = {"content": LEAVES, "value": LEAVES, "text": LEAVES, "rank": LEAVES}
LISTS = {"tool_calls": st.lists(LEAVES, max_size=2), "replies": st.lists(LEAVES, max_size=2)}
TURN = st.fixed_dictionaries({}, optional=ROLES | TEXTS | LISTS)
NESTED = lambda inner: st.one_of(  # noqa: E731
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
VALUES = st.recursive(st.one_of(LEAVES, TURN), NESTED, max_leaves=8)
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
QUIET = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def read_all(path, **options):
    try:
        inspection = readers.inspect(path, **options)
    except FileRefused as e:
        assert e.code and str(e)
        return None
    json.dumps(inspection.as_dict(), allow_nan=False)
    return list(readers.read(path, inspection))


def check(made, n):
    assert len(made) == n
    for record in made:
        if isinstance(record, Refusal):
            assert record.code and record.reason and record.line >= 1
            continue
        assert isinstance(record, Record) and record.entries
        for entry in record.entries:
            canonical_json([entry.messages, entry.tools, entry.sources, entry.metadata]).encode()
            assert entry.messages or entry.kind == "answer"
            assert not entry.messages or entry.messages[-1]["role"] in ("user", "tool")
            for message in entry.messages:
                assert isinstance(message["content"], str)
            for answer in entry.answers:
                assert answer.text.strip()
            for judgement in entry.judgements:
                assert all(
                    0 <= i < len(entry.answers) for group in judgement.document["ranking"] for i in group
                )


@QUIET
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_any_rows(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows),
        encoding="utf-8",
        errors="surrogatepass",
    )
    (folder / "rows.json").write_text(json.dumps(rows, indent=1))
    for name in ("rows.jsonl", "rows.json"):
        made = read_all(folder / name)
        if made is not None and not (name == "rows.jsonl" and len(rows) == 1):
            check(made, len(rows))


@QUIET
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True),
    st.lists(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=6), max_size=4),
)
def test_any_table(tmp_path_factory, names, rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([names, *rows])
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_bytes(buffer.getvalue().encode("utf-8", "surrogatepass"))
    read_all(path)


@QUIET
@given(
    st.one_of(
        st.binary(min_size=1, max_size=200),
        st.text(alphabet='{}[]",:\\ \nabt1é\u2028\0', min_size=1, max_size=80).map(str.encode),
    )
)
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    read_all(path)
    read_all(path, encoding="gbk")


@QUIET
@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_any_damage(tmp_path_factory, rows, place, junk):
    content = json.dumps(rows, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[:place] + junk + content[place:])
    read_all(path)
    path.write_bytes(content[:place])
    if content[:place].strip():
        read_all(path)
