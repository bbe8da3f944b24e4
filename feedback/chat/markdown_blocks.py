"""The finished blocks of a Markdown text that is still growing. What is finished is rendered once; only the
last block stays plain until its end is known. Linear in the text, also where a block never ends."""

import re

from core.rendering import markdown

_LIST = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\r?\n)")
_FENCE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?=[^`\n]*\n)|~{3,})")
_CLOSE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*\r?\n")


class Blocks:
    """Give `feed` the text piece by piece; `upto` is how many of its code points the finished blocks hold."""

    def __init__(self) -> None:
        self.upto = 0
        self._lines: list[str] = []  # whole lines after the last finished block
        self._rest: list[str] = []  # the line that is being written
        self._size = 0  # of _lines
        self._blank = False  # whether the last whole line is blank
        self._list = False  # whether a list has begun since the last finished block
        self._fence = ""
        self._patience = 0  # no attempt below this size: each that failed doubles it

    def feed(self, text: str) -> list[tuple[str, int]]:
        """[(html, upto)] of the blocks that `text` finished, mostly none."""
        done: list[tuple[str, int] | None] = []
        if "\n" in text:
            *lines, text = ("".join(self._rest) + text).split("\n")
            self._rest = []
            done = [self._line(line + "\n") for line in lines]
        if text:
            self._rest.append(text)
            if self._blank and len(self._rest) == 1:
                done.append(self._begun(text))
        return [block for block in done if block is not None]

    def _begun(self, start: str) -> tuple[str, int] | None:
        """After a blank line the first character of the next mostly says already that the block before is
        finished."""
        if self._fence or start[0] in " \t\r" or (self._list and start[0] in "-*+0123456789"):
            return None
        block = self._finish(start)
        self._blank = block is None
        return block

    def _line(self, line: str) -> tuple[str, int] | None:
        done = None
        if self._fence:
            closes = _CLOSE.match(line)
            if closes and closes[1].startswith(self._fence):
                self._fence = ""
            self._blank = False
        elif not line.strip(" \t\r\n"):
            self._blank = True
        else:
            marker = bool(_LIST.match(line))
            if self._blank and line[0] not in " \t" and not (self._list and marker):
                done = self._finish(line)
            self._blank = False
            self._list = self._list or marker
            if opens := _FENCE.match(line):
                self._fence = opens[1]
        self._lines.append(line)
        self._size += len(line)
        return done

    def _finish(self, following: str) -> tuple[str, int] | None:
        """What stands so far, if the parser, too, begins a new block at the line `following`. The test above
        is a guess that spares most attempts."""
        if self._size < self._patience:
            return None
        text = "".join(self._lines)
        if not markdown.begins_block(text + following, len(self._lines)):
            self._patience = 2 * self._size
            return None
        self.upto += self._size
        self._lines, self._size, self._list, self._patience = [], 0, False, 0
        return markdown.render(text), self.upto
