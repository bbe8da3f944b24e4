"""An order of rows in which neighbours never share a prompt. Pure.

TRL's KTO trainer reads the file in order and pairs each prompt with the *neighbour's* answer to estimate
its KL term; with a neighbour of the same prompt the estimate is of the judged answer itself."""

from array import array
from collections.abc import Callable

_GOLDEN = 0.6180339887498949
WINDOW_ROWS = 1024
WINDOW_BYTES = 4_000_000


class Spacing:
    """Rows on their way into a file, a window of about a thousand at a time: held until it is full, then let
    go in the order of `apart`. So the few rows of a prompt stand hundreds of rows apart, further than a
    trainer's batch is long, and the file is written once.

    `take(row, prompt)` is called for each row, in order. `met` after `close`: two neighbours share a
    prompt, because too many rows of it came together; then only an order of the whole file can part them."""

    def __init__(self, take: Callable[[tuple, int], None]):
        self._take = take
        self._rows: list[tuple] = []
        self._prompts = array("q")
        self._size = 0
        self._before: int | None = None  # the prompt of the row that was let go last
        self.met = False

    def add(self, row: tuple, prompt: int, size: int) -> None:
        """`row`, of `size` bytes, of the prompt with this 64-bit number."""
        self._rows.append(row)
        self._prompts.append(prompt)
        self._size += size
        if len(self._rows) >= WINDOW_ROWS or self._size >= WINDOW_BYTES:
            self._flush()

    def close(self) -> None:
        """Let go of what is held."""
        self._flush(last=True)

    def _flush(self, *, last: bool = False) -> None:
        rows, prompts = self._rows, self._prompts
        order, left = apart(prompts)
        if order and prompts[order[0]] == self._before:
            order.append(order.pop(0))
        if last or 2 * len(left) > len(rows):  # held back, they would be looked at again and again
            order.extend(left)
            left = []
        take, before = self._take, self._before
        for i in order:
            prompt = prompts[i]
            self.met |= prompt == before
            take(rows[i], prompt)
            before = prompt
        self._before = before
        self._rows, self._prompts, self._size = (
            [rows[i] for i in left],
            array("q", [prompts[i] for i in left]),
            0,
        )


def apart(prompts: array) -> tuple[array, list[int]]:
    """`prompts`: one 64-bit number per row (array "q"). Returns (order, left): row indexes such that no two
    neighbours in `order` have the same number, and those for which no place was left (none as long as no
    prompt has more than half of the rows, rounded up).

    The rows of each prompt are first spread evenly over the whole, each prompt starting at its own phase,
    so that rows of one prompt stand far apart (they must not meet in one batch either, where the trainer
    wraps around); then collisions are moved to the next gap. Some 100 bytes a row at most."""
    if not len(prompts):
        return array("q"), []
    spread, group = _spread(prompts)
    return _repaired(spread, group)


def _spread(prompts: array) -> tuple[array, array]:
    """(row indexes, evenly spread by prompt; each row's prompt, numbered by arrival so that the order depends
    on the rows alone)."""
    number: dict[int, int] = {}
    group = array("i", [number.setdefault(prompt, len(number)) for prompt in prompts])
    size = array("i", bytes(4 * len(number)))
    for g in group:
        size[g] += 1
    nth = array("i", bytes(4 * len(number)))
    position = array("d")
    for g in group:
        position.append((g * _GOLDEN % 1.0 + nth[g]) / size[g])
        nth[g] += 1
    return array("q", sorted(range(len(group)), key=position.__getitem__)), group


def _repaired(spread: array, group: array) -> tuple[array, list[int]]:
    order = array("q")
    held: list[int] = []  # rows of one prompt only: the one standing last in `order`
    for row in spread:
        if order and group[order[-1]] == group[row]:
            held.append(row)
            continue
        order.append(row)
        if held:
            order.append(held.pop())
    if not held:
        return order, []
    stuck = group[held[-1]]
    out = array("q")
    for row in order:  # gaps whose two sides are both other prompts
        if held and group[row] != stuck and (not out or group[out[-1]] != stuck):
            out.append(held.pop())
        out.append(row)
    if held and group[out[-1]] != stuck:
        out.append(held.pop())
    return out, sorted(held)
