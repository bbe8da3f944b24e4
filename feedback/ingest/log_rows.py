"""One row of somebody's log → rows as the ingest API takes them. Pure; docs/feedback-api.md states every
rule."""

import hmac
from collections import Counter
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from corpus import endings, parts
from corpus.canonical import canonical_json
from corpus.readers import turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import normal
from corpus.readers.rows import as_id
from feedback.ingest.log_columns import COLUMNS, EMPTY, moment_of, thumb_of

_SAID = ("thumb", "score", "comment", "correction", "reasons", "tags")
MOST_COLUMNS = 1000  # that are counted by name


@dataclass
class Log:
    """What is known of the file: the columns named by hand, what 0 means, the project's keys of reasons; and,
    as it is read, the last answer of each conversation that comes turn by turn, which columns were taken
    for feedback ({field: column}), and in how many rows something stood in one that was not taken for
    anything ({column: rows})."""

    key: bytes
    mapping: dict[str, str] = field(default_factory=dict)
    zero: str = "down"
    model: str = ""
    up: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    last: dict[str, str] = field(default_factory=dict)
    feedback: dict[str, str] = field(default_factory=dict)
    not_taken: Counter = field(default_factory=Counter)

    def rows(self, data: dict) -> list[dict]:
        """The API's rows of one row of the file; each has an id that the same row gets again. RowRefused
        names the column."""
        if data.get("type") in {"reaction", "choice", "conversation"}:
            return [data if data.get("id") else data | {"id": self._id(data)}]
        row = _Row(data, self)
        row.tell()
        made = (
            row.conversation()
            if row.filled("messages") or row.filled("prompt") or row.filled("response")
            else row.reactions()
        )
        for one in made:
            one["id"] = self._id(one | {"row": row.id()})
        return made

    def _id(self, row: dict) -> str:
        return (
            "row:"
            + hmac.digest(self.key, canonical_json(row).encode("utf-8", "surrogatepass"), "sha256").hex()
        )

    def drop(self, column: str) -> None:
        """Count a value that is taken for nothing."""
        if column in self.not_taken or len(self.not_taken) < MOST_COLUMNS:
            self.not_taken[column] += 1

    def within(self) -> "Log":
        """The same for an object inside a row, where columns named by hand mean nothing."""
        return replace(self, mapping={}, model="")

    def short(self, *parts) -> str:
        return self._id({"parts": parts})[:44]


class _Row:
    def __init__(self, data: dict, log: Log):
        self.data, self.log = data, log
        names = {normal(name): name for name in reversed(data)}
        self.columns: dict[str, str] = {}
        self.inner: _Row | None = None
        for ours, known in COLUMNS.items():
            given = log.mapping.get(ours)
            if given is not None:
                if given in data:
                    self.columns[ours] = given
                continue
            found = next(
                (names[n] for n in map(normal, known) if n in names and names[n] not in log.mapping.values()),
                None,
            )
            if found is not None:
                self.columns[ours] = found
        nested = self.get("thumb")
        if isinstance(nested, dict):  # {"feedback": {"thumb": "up", "comment": "…"}}
            words = {("thumb" if k in ("value", "rating", "type") else k): v for k, v in nested.items()}
            self.inner = _Row(words, log.within())

    def tell(self, prefix: str = "") -> None:
        """Note which columns say something, and which are not taken though something stands in them."""
        whole = self.filled("messages")
        unused = {self.columns.get(ours) for ours in ("prompt", "response")} if whole else set()
        if not (whole or self.filled("prompt") or self.filled("response")) and not prefix:
            unused = {self.columns.get(ours) for ours in ("system", "tools", "model")}  # a row of ids
        for name, value in self.data.items():
            if value not in (None, "", [], {}) and (name not in self.columns.values() or name in unused):
                self.log.drop((prefix + name)[:100])
        for ours in _SAID:
            if ours in self.columns and self.filled(ours):
                self.log.feedback.setdefault(ours, (prefix + self.columns[ours])[:100])
        if self.inner:
            self.inner.tell(f"{self.name('thumb')}.")

    def get(self, ours: str):
        return self.data.get(self.columns.get(ours, ""))

    def name(self, ours: str) -> str:
        return self.columns.get(ours, ours)

    def filled(self, ours: str) -> bool:
        return self.get(ours) not in (None, "", [], {})

    def text(self, ours: str) -> str:
        return turns.text(self.get(ours), self.name(ours)) if self.filled(ours) else ""

    def short(self, ours: str) -> str:
        return as_id(self.get(ours), self.name(ours))

    def id(self) -> str:
        value = self.get("id")
        return value if isinstance(value, str) else canonical_json(value)

    def common(self) -> dict:
        out = {"user": self.short("user"), "at": moment_of(self.get("at"), self.name("at"))}
        return {k: v for k, v in out.items() if v}

    def said(self) -> list[dict]:
        """What this row (or message) says, without its target."""
        source = self.inner or self
        thumb = thumb_of(source.get("thumb"), source.name("thumb"), zero=self.log.zero)
        score, correction, comment = source._score(), source.text("correction"), source.text("comment")
        reasons, tags = source._words("reasons"), source._words("tags")
        out: list[dict] = []
        if thumb is not None:
            known = self.log.up if thumb > 0 else self.log.down
            tags += [r for r in reasons if r not in known and r not in tags]
            out.append(
                {
                    "kind": "thumb",
                    "value": thumb,
                    "reasons": list(dict.fromkeys(r for r in reasons if r in known)),
                }
            )
        else:
            tags += [r for r in reasons if r not in tags]
        if score is not None:
            out.append({"kind": "score", "value": score})
        if out:
            out[0] |= {"comment": comment, "tags": tags}
        elif comment or (tags and not correction):
            raise RowRefused(
                source.name("comment" if comment else "tags"),
                "alone",
                _("A comment needs a thumb or a score beside it."),
            )
        if correction:
            out.append({"kind": "correction", "text": correction} | ({} if out else {"tags": tags}))
        return [{k: v for k, v in one.items() if v not in ("", [])} for one in out]

    def _score(self) -> int | None:
        value = self.get("score")
        if value is None or (isinstance(value, str) and value.strip().casefold() in EMPTY):
            return None
        try:
            number = (
                float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else 0.0
            )
        except ValueError:
            number = 0.0
        if number not in (1.0, 2.0, 3.0, 4.0, 5.0):
            reason = _("A score is 1 to 5. If the column holds thumbs, use --map thumb=%(column)s.") % {
                "column": self.name("score")
            }
            raise RowRefused(self.name("score"), "score", reason)
        return int(number)

    def _words(self, ours: str) -> list[str]:
        value = self.get(ours)
        if isinstance(value, str):
            value = turns.from_json(value, self.name(ours))
        if isinstance(value, str):
            value = [
                w.strip() for w in value.replace("，", ",").replace("；", ",").replace(";", ",").split(",")
            ]
        value = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(w, str) for w in value):
            raise RowRefused(self.name(ours), "type", _("This must be a list of texts."))
        return list(dict.fromkeys(w for w in value if w))

    def reactions(self) -> list[dict]:
        """A row that names what it is about by id."""
        said = self.said()
        message, conversation = self.short("message"), self.short("conversation")
        if not said:
            raise RowRefused(
                self.name("thumb"), "nothing", _("There is neither a conversation nor feedback in this row.")
            )
        out = []
        for one in said:
            target = (conversation or message) if one["kind"] == "score" else message
            if not target:
                raise RowRefused(
                    self.name("message"), "no_target", _("It is not said which answer this is about.")
                )
            out.append({"type": "reaction", "target": target} | one | self.common())
        return out

    def conversation(self) -> list[dict]:
        external = self.short("conversation")
        messages = self._messages() if self.filled("messages") else self._turn(external)
        row = {
            "type": "conversation",
            "messages": messages,
            "model": self.short("model") or self.log.model,
        } | self.common()
        if self.filled("system") and not (messages and messages[0]["role"] == "system"):
            row["system"] = self.text("system")
        if self.filled("tools"):
            row["tools"] = turns.tools(self.get("tools"), self.name("tools"))
        answers = [m for m in messages if m["role"] == "assistant"]
        scores = []
        for one in self.said():
            if one["kind"] == "score":
                scores.append(one)
            elif not answers:
                raise RowRefused(
                    self.name("thumb"), "no_answer", _("There is no answer that this could be about.")
                )
            else:
                answers[-1].setdefault("reactions", []).append(one)
        if scores:
            row["reactions"] = scores
        if answers and (reason := self.get("finish_reason")) and isinstance(reason, str):
            answers[-1].setdefault("finish_reason", reason)
        message = self.short("message")
        if message and answers and "id" not in answers[-1]:
            answers[-1]["id"] = message
        if external:
            row["conversation"] = external
        elif not any("id" in m for m in messages):
            # The same talk again, with other feedback, is the same talk.
            row["conversation"] = self.log.short(
                row.get("user"),
                row.get("system"),
                [[m["role"], m.get("content"), m.get("tool_calls")] for m in messages],
            )
        return [{k: v for k, v in row.items() if v}]

    def _messages(self) -> list[dict]:
        column = self.name("messages")
        given = turns.talk(self.get("messages"))
        given = turns.from_json(given, column)
        messages = _conversation(given, column)
        if isinstance(given, list) and len(given) == len(messages):
            for message, raw in zip(messages, given, strict=True):
                if isinstance(raw, dict):
                    self._of_message(message, raw)
        return messages

    def _of_message(self, message: dict, raw: dict) -> None:
        """The id, model and feedback that a message of the list carries itself."""
        if raw.get("id") is not None:
            message["id"] = as_id(raw["id"], "id")
        if message["role"] != "assistant":
            return
        if ending := endings.said_in(raw):
            message["finish_reason"] = ending
        if raw.get("model") is not None:
            message["model"] = as_id(raw["model"], "model")
        own = {
            k: v
            for k, v in raw.items()
            if k
            not in (
                "role",
                "from",
                "content",
                "value",
                "text",
                "id",
                "model",
                "tool_calls",
                "tool_call_id",
                "name",
            )
        }
        for name in ("annotation", "rating"):  # of one answer a rating is a thumb
            if name in own:
                own.setdefault("thumb", own.pop(name))
        own = _Row(own, self.log.within())
        own.tell(f"{self.name('messages')}.")
        said = own.said()
        if any(one["kind"] == "score" for one in said):
            raise RowRefused(
                self.name("messages"),
                "score",
                _("A score is given to a conversation; thumbs and corrections to an answer."),
            )
        if said:
            message["reactions"] = said
        if at := moment_of(own.get("at"), own.name("at")):
            message["at"] = at

    def _turn(self, external: str) -> list[dict]:
        """A question and its answer. Of one conversation the turns follow each other as they stand in the
        file."""
        if not self.filled("prompt"):
            raise RowRefused(self.name("prompt"), "empty_prompt", _("The prompt is empty."))
        prompt = turns.talk(self.get("prompt"))
        messages: list[dict] = (
            _conversation(prompt, self.name("prompt"))
            if isinstance(prompt, list)
            else [{"role": "user", "content": self.text("prompt")}]
        )
        if beside := {name: self.data[name] for name in parts.BESIDE if self.data.get(name)}:
            messages[-1]["content"] = parts.as_content(messages[-1] | beside)
        if self.filled("response"):
            messages.append({"role": "assistant", "content": self.text("response")})
        if external and messages[-1]["role"] == "assistant":
            before = self.log.last.get(external)
            name = self.short("message") or self.log.short(
                external, before, [[m["role"], m["content"]] for m in messages]
            )
            messages[-1]["id"] = name
            if before and before != name:
                messages[0]["parent"] = before
            self.log.last[external] = name
        return messages


def _conversation(value, column: str) -> list[dict]:
    """`turns.conversation`, which takes texts only, with the pictures and files that a message has beside its
    text."""
    entries = value if isinstance(value, list) else []
    lacking = {
        i: entry
        for i, entry in enumerate(entries)
        if isinstance(entry, dict) and "role" in entry and parts.split(entry)[1]
    }
    plain = [
        entry | {"content": parts.split(entry)[0]} if i in lacking else entry
        for i, entry in enumerate(entries)
    ]
    messages = turns.conversation(plain if lacking else value, column)
    if len(messages) == len(entries):
        for i, entry in lacking.items():
            messages[i]["content"] = parts.as_content(entry)
    return messages
