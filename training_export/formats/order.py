"""An order of rows in which neighbours never share a prompt. Pure.

TRL's KTO trainer reads the file in order and pairs each prompt with the *neighbour's* answer to estimate its KL term; with a neighbour of
the same prompt the estimate is of the judged answer itself."""

from array import array

_GOLDEN = 0.6180339887498949


def apart(prompts: array) -> tuple[array, list[int]]:
    """`prompts`: one 64-bit number per row (array "q"). Returns (order, left): row indexes such that no two neighbours in `order` have the
    same number, and those for which no place was left (none as long as no prompt has more than half of the rows, rounded up).

    The rows of each prompt are first spread evenly over the whole, each prompt starting at its own phase, so that rows of one prompt stand
    far apart (they must not meet in one batch either, where the trainer wraps around); then collisions are moved to the next gap.
    Arrays all along: some 50 bytes a row at most."""
    if not len(prompts):
        return array("q"), []
    spread, group = _spread(prompts)
    return _repaired(spread, group)


def _spread(prompts: array) -> tuple[array, array]:
    """(row indexes, evenly spread by prompt; each row's prompt, numbered by arrival so that the order depends on the rows alone)."""
    import numpy

    _, first, inverse, counts = numpy.unique(numpy.frombuffer(prompts, dtype=numpy.int64), return_index=True, return_inverse=True, return_counts=True)
    rank = numpy.empty(len(first), dtype=numpy.int32)
    rank[numpy.argsort(first, kind="stable")] = numpy.arange(len(first), dtype=numpy.int32)
    size = numpy.empty(len(first), dtype=numpy.int32)
    size[rank] = counts
    group = rank[inverse]
    del first, inverse, counts, rank
    by_group = numpy.argsort(group, kind="stable")
    starts = numpy.cumsum(size) - size
    nth = numpy.empty(len(group), dtype=numpy.int32)
    nth[by_group] = numpy.arange(len(group)) - starts[group[by_group]]
    del by_group, starts
    position = (group * _GOLDEN) % 1.0
    position += nth
    position /= size[group]
    del nth, size
    spread = numpy.argsort(position, kind="stable")
    return _array("q", spread), _array("i", group)


def _array(code: str, values) -> array:
    out = array(code)
    out.frombytes(values.tobytes())
    return out


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
