"""An order of rows in which neighbours never share a prompt. Pure.

TRL's KTO trainer reads the file in order and pairs each prompt with the *neighbour's* answer to estimate its KL term; with a neighbour of
the same prompt the estimate is of the judged answer itself."""

from array import array

_GOLDEN = 0.6180339887498949


def apart(prompts: array) -> tuple[list[int], list[int]]:
    """`prompts`: one 64-bit number per row (array "q"). Returns (order, left): row indexes such that no two neighbours in `order` have the
    same number, and those for which no place was left (none as long as no prompt has more than half of the rows, rounded up).

    The rows of each prompt are first spread evenly over the whole, each prompt starting at its own phase, so that rows of one prompt stand
    far apart (they must not meet in one batch either, where the trainer wraps around); then collisions are moved to the next gap."""
    import numpy

    n = len(prompts)
    if not n:
        return [], []
    values = numpy.frombuffer(prompts, dtype=numpy.int64)
    _, first, inverse, counts = numpy.unique(values, return_index=True, return_inverse=True, return_counts=True)
    rank = numpy.empty(len(first), dtype=numpy.int64)  # prompts numbered by arrival: the order depends on the rows alone
    rank[numpy.argsort(first, kind="stable")] = numpy.arange(len(first))
    group = rank[inverse]
    size = numpy.empty(len(first), dtype=numpy.int64)
    size[rank] = counts
    by_group = numpy.argsort(group, kind="stable")
    starts = numpy.concatenate(([0], numpy.cumsum(size)[:-1]))
    nth = numpy.empty(n, dtype=numpy.int64)
    nth[by_group] = numpy.arange(n) - starts[group[by_group]]
    phase = (group * _GOLDEN) % 1.0
    position = (nth + phase) / size[group]
    spread = numpy.argsort(position, kind="stable")
    return _repaired(spread.tolist(), group)


def _repaired(spread: list[int], group) -> tuple[list[int], list[int]]:
    group = group.tolist()
    order: list[int] = []
    held: list[int] = []  # rows of one prompt only: the one standing last in `order`
    for row in spread:
        if order and group[order[-1]] == group[row]:
            held.append(row)
            continue
        order.append(row)
        if held and group[held[-1]] != group[row]:
            order.append(held.pop())
            # The row put back may itself be the neighbour of more of its kind: they stay held.
    if not held:
        return order, []
    stuck = group[held[-1]]
    out: list[int] = []
    for row in order:  # gaps whose two sides are both other prompts
        if held and group[row] != stuck and (not out or group[out[-1]] != stuck):
            out.append(held.pop())
        out.append(row)
    if held and group[out[-1]] != stuck:
        out.append(held.pop())
    return out, sorted(held)
