"""The writer that all line formats share: streams of rows with their provenance, duplicates and
contradictions taken out at the end.

A *stream* is one file of rows (one data set in one split). Each row stands in it as bytes, ready to be
written; what judges the same answers twice is found by the Ledger when all rows are known, and only then
is a file copied once more without those rows. So is one whose rows must not have neighbours of one prompt,
if that could not be kept while it was written."""

import os
import shutil
from array import array
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from core import storable
from training_export.formats.base import SPLITS, FileInfo, Options, Writer
from training_export.formats.ledger import Ledger, entry
from training_export.formats.messages import (
    LeftOut,
    answer_messages,
    answer_problem,
    any_template_token,
    blank,
    code_of,
    context_problem,
    has_template_token,
    identity,
    prompt_messages,
)
from training_export.formats.order import Spacing, apart
from training_export.formats.parts import Part, all_but, drawn_by_content
from training_export.formats.provenance import provenance_line
from training_export.formats.rendered import Rendered, Shown, encoded, encoded_messages, json_text
from training_export.formats.streams import Stream


class RowWriter(Writer):
    """Subclasses say in `row` what a row is, and where it goes."""

    strict_context = True
    side_file = True  # the provenance of each row in a file beside it
    suffix = ".jsonl"  # of the data files; another one needs an `opened` of its own

    def __init__(self, folder: Path, options: Options, splits: tuple[str, ...]):
        super().__init__(folder, options, splits)
        self._spool = self.folder / ".spool"
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._parts: dict[str, Part] = {}
        self._ledger = Ledger()
        self._lost: Counter = Counter()  # rows that were put and are not in the files, by (stream, way)
        self._shown: Shown | None = None
        self._syncing: list[Future] = []

    # -- taking rows

    def add(self, example, split: str = "train") -> None:
        if split not in self.splits:
            raise ValueError(f"this export has no split {split!r}")
        try:
            self.row(example, split)
        except LeftOut as refused:
            self.leave_out(refused.code, example.provenance)

    def refuses(self, pair) -> bool:
        try:
            shown = self.shown(pair)
            self.together(shown, self.answer(shown, pair.chosen), self.answer(shown, pair.rejected))
        except Exception:  # of what fails otherwise than by LeftOut, `add` will tell
            return True
        return False

    def refused(self, pairs: list) -> set[int]:
        out = set()
        for pair in pairs:
            shown, chosen, rejected = self._shown, pair.chosen, pair.rejected
            if (
                shown is not None
                and not shown.code
                and not chosen.turns
                and not rejected.turns
                and shown.is_of(pair)
            ):
                # The answers of a prompt come again and again: most pairs are of two that have been rendered.
                better, worse = shown.answers.get(chosen.text), shown.answers.get(rejected.text)
                if better is not None and worse is not None and not better.code and not worse.code:
                    continue
            if self.refuses(pair):
                out.add(id(pair))
        return out

    def row(self, example, split: str) -> None:
        """Calls `put` for what `example` becomes, or raises LeftOut."""
        raise NotImplementedError

    def put(
        self,
        stream: str,
        line: bytes,
        *,
        judged: int,
        example,
        way: bool = False,
        prompt: int | None = None,
        structured: bool = False,
    ) -> None:
        """Adds `line` (with its line end) to `stream`: the name of its file without suffix, and "+tools" for
        rows with more than plain turns. `judged`, `way`: see Ledger. `prompt`: given for streams to be
        spread."""
        part = self._parts.get(stream) or self._begin(stream, spread=prompt is not None)
        side = b"" if part.side is None else provenance_line(example)
        row = (line, side, entry(judged, way), structured)
        if part.spacing is None or prompt is None:
            part.take(row, None)
        else:
            part.spacing.add(row, prompt, len(line) + len(side))

    def _begin(self, stream: str, *, spread: bool) -> Part:
        name = f"{stream}.jsonl"
        # A part among others, or lines of what is no file of lines, will not become the file as it is.
        as_it_is = "+" not in stream and self.suffix == ".jsonl"
        rows = Stream(self._spool / name, self._pool, self.watch if as_it_is else None, name, lengths=spread)
        side = (
            Stream(self._spool / "provenance" / name, self._pool, lengths=spread) if self.side_file else None
        )
        part = self._parts[stream] = Part(rows, side, self._ledger.part(stream))
        if spread:
            part.spacing = Spacing(part.take)
        return part

    def note_once(self, code: str) -> None:
        if not any(n["code"] == code for n in self.notes):
            self.note(code)

    # -- what rows are made of

    def shown(self, example) -> Shown:
        """The context of `example` rendered, from the last call where it is the same prompt. LeftOut if it
        cannot stand before an answer."""
        shown = self._shown
        if shown is not None and shown.is_of(example):
            if shown.code:
                raise LeftOut(shown.code)
            return shown
        self._shown = None  # nothing half rendered is left for the next row
        shown = Shown(example.context, example.group_id, example.tools, example.sources)
        try:
            self._render(shown, example)
            shown.prompt_id = self.prompt_id(shown, [])
        except LeftOut as refused:
            shown.code = refused.code
            self._shown = shown
            raise
        self._shown = shown
        return shown

    def _render(self, shown: Shown, example) -> None:
        code, _ = context_problem(example.context, strict=self.strict_context)
        # A call may come with null as its text: `plain` puts that right, and what stays wrong is found below.
        if code and code not in ("null_content", "tool_calls"):
            raise LeftOut(code)
        shown.messages = prompt_messages(example, self.options)
        if shown.messages != example.context:
            code, _ = context_problem(shown.messages, strict=self.strict_context)
        if code:
            raise LeftOut(code)
        if example.tools and (fault := storable.fault(example.tools)):
            raise LeftOut(code_of(fault))
        tools = json_text(example.tools) if example.tools else ""
        if not self.options.allow_template_tokens and (
            any_template_token(shown.messages) or has_template_token(tools)
        ):
            raise LeftOut("template_token")
        shown.prompt = encoded_messages(shown.messages)
        shown.tool_text = tools
        shown.tail = encoded(tools) if tools else b""
        shown.structured = any(len(m) > 2 for m in shown.messages)

    def prompt_id(self, shown: Shown, before: list) -> int:
        """What stands for the prompt with an answer's turns `before` behind it: the same as for a prompt that
        has those turns itself."""
        return hash((identity([*shown.messages, *before]), shown.tool_text))

    def together(self, shown: Shown, chosen: Rendered, rejected: Rendered) -> None:
        """LeftOut where two answers of a prompt cannot stand in one row."""

    def answer(self, shown: Shown, answer) -> Rendered:
        """`answer` rendered, once per prompt; LeftOut if it is empty or would break out of its turn, or its
        turns do not follow the prompt."""
        known = shown.answers.get(answer.text) if not answer.turns else None
        if known is None:
            known = self._rendered(answer)
            if not answer.turns:
                shown.answers[answer.text] = known
        if known.code:
            raise LeftOut(known.code)
        if known.before and (code := self._after(shown, known.before)):
            raise LeftOut(code)
        return known

    def _after(self, shown: Shown, before: list) -> str:
        """The code of what is wrong with the prompt once an answer's turns `before` stand behind it."""
        code, _ = context_problem([*shown.messages, *before], strict=self.strict_context)
        return code

    def _rendered(self, answer) -> Rendered:
        out = Rendered()
        try:
            if not answer.turns:
                return self._plain(answer.text, out)
            before, final = answer_messages(answer)
            code, _ = answer_problem([*before, final])
            if code:
                raise LeftOut(code)
            if not self.options.allow_template_tokens and any_template_token([*before, final]):
                raise LeftOut("template_token")
            out.before, out.final, out.structured = before, final, bool(before) or "tool_calls" in final
            out.line = encoded([final])
            out.id = identity([final])
        except LeftOut as refused:
            out.code = refused.code
        return out

    def _plain(self, text: str, out: Rendered) -> Rendered:
        """The usual answer, a text alone, by a shorter way."""
        if blank(text):
            raise LeftOut("empty_answer")
        if not self.options.allow_template_tokens and has_template_token(text):
            raise LeftOut("template_token")
        out.before, out.final, out.structured = [], {"role": "assistant", "content": text}, False
        out.line = b'[{"role": "assistant", "content": %b}]' % encoded(text)
        out.id = identity([out.final])
        return out

    # -- ending

    def close(self) -> list[FileInfo]:
        for part in self._parts.values():
            if part.spacing is not None:
                part.spacing.close()
        conflicts = self._ledger.conflicts()
        for stream in self._parts:
            for row, code in conflicts.get(stream, {}).items():
                self._lose(stream, row, code)
        targets: dict[str, list[str]] = {}
        for stream in sorted(self._parts, key=self.stream_order):
            targets.setdefault(stream.partition("+")[0], []).append(stream)
        files = []
        for target, streams in targets.items():
            files += self._publish(target, streams, conflicts)
        self._pool.shutdown(wait=False)
        shutil.rmtree(self._spool, ignore_errors=True)
        data = [f for f in files if f.role == "data"]
        return data + [f for f in files if f.role != "data"] + self.extras(data)

    def _lose(self, stream: str, row: int, code: str) -> None:
        self.left_out[code] += 1
        self._lost[stream, bool(self._parts[stream].judged[row] & 1)] += 1

    def written(self, stream: str, put: Counter) -> Counter:
        """After `close`: {way: rows of `stream` in the files} of {way: rows that were put}; ways without a
        row are not in it."""
        return +Counter({way: n - self._lost[stream, way] for way, n in put.items()})

    def wait_until_stored(self) -> None:
        for one in self._syncing:
            one.result()

    def stream_order(self, stream: str):
        """Files in the order of SPLITS; in each the rows of the part "+tools" first: loaders guess the
        columns' types from the first rows."""
        target, _, part = stream.partition("+")
        split = target.rpartition("_")[2]
        return SPLITS.index(split) if split in SPLITS else 0, target, not part

    def extras(self, files: list[FileInfo]) -> list[FileInfo]:
        """Further files (configuration), made when the data files are known."""
        return []

    def final_line(self, line: bytes) -> bytes:
        """The line as it is published, where that depends on the other rows."""
        return line

    def must_copy(self) -> bool:
        """Whether `final_line` changes anything."""
        return False

    def opened(self, path: Path, target: str) -> Stream:
        """The data file at `path`, of the rows of `target`, for lines to be written into."""
        return Stream(path, self._pool, self.watch, path.name)

    def _publish(self, target: str, streams: list[str], conflicts: dict) -> list[FileInfo]:
        """The file `target` out of its spooled parts, and its side file. None if no row is left."""
        kinds = [("", "data")] + [("provenance/", "provenance")] * self.side_file
        spooled = {
            (role, s): part.rows if role == "data" else part.side
            for _, role in kinds
            for s, part in self._parts.items()
            if s in streams
        }
        digests = {key: stream.close() for key, stream in spooled.items()}
        rows = sum(self._parts[s].rows.rows for s in streams)
        orders = {
            s: self._spread(s, conflicts.get(s, {}))
            for s in streams
            if self._parts[s].must_be_spread(conflicts.get(s, {}))
        }
        as_it_is = (
            len(streams) == 1
            and not conflicts.get(streams[0])
            and not orders
            and not self.must_copy()
            and self.suffix == ".jsonl"
        )
        if not as_it_is:
            for stream in spooled.values():
                stream.close_unkept()
        out = []
        if sum(len(conflicts.get(s, ())) for s in streams) == rows:
            return out
        for below, role in kinds:
            name = f"{below}{target}{self.suffix if role == 'data' else '.jsonl'}"
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if as_it_is:
                os.replace(spooled[role, streams[0]].path, path)
                self._syncing.append(spooled[role, streams[0]].keep())
                out.append(FileInfo(name, rows, digests[role, streams[0]], role))
                continue
            new = self.opened(path, target) if role == "data" else Stream(path, self._pool)
            for stream in streams:
                source = spooled[role, stream]
                lines = (
                    source.picked(orders[stream])
                    if stream in orders
                    else all_but(source.path, conflicts.get(stream, {}))
                )
                for line in map(self.final_line, lines) if role == "data" and self.must_copy() else lines:
                    new.write(line)
            sha256 = new.close()
            self._syncing.append(new.keep())
            out.append(FileInfo(name, new.rows, sha256, role))
        return out

    def _spread(self, stream: str, drop: dict) -> array:
        part = self._parts[stream]
        prompts = part.prompts
        kept = [i for i in range(len(prompts)) if i not in drop] if drop else range(len(prompts))
        order, left = apart(array("q", (prompts[i] for i in kept)) if drop else prompts)
        if drop:
            order, left = array("q", (kept[i] for i in order)), [kept[i] for i in left]
        if left:
            order, left = drawn_by_content(part, order, left)
        for i in left:
            self._lose(stream, i, "neighbour")
        if part.structured and order and prompts[order[0]] != prompts[order[-1]]:
            # The loader guesses types from the first rows: turn the ring of rows so that one with tool calls
            # comes first.
            start = next((at for at, i in enumerate(order) if i in part.structured), 0)
            order = order[start:] + order[:start]
        return order
