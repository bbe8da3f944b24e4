"""Which rows of a data set say the same, or the opposite, of the same answers: 8 bytes a row, whatever the
rows' size. Pure."""

from array import array
from collections import defaultdict

_SIDE = 1
_AT_ONCE = 100_000  # numbers that may stand in memory as objects
# rows for which looking at all of them so often costs less than numpy, in time and in memory
_FEW = 10 * _AT_ONCE


def entry(judged: int, way: bool) -> int:
    """The number of a row that judges `judged` (any 64-bit integer) this `way`."""
    return (judged & ~_SIDE) | way


class Ledger:
    """One number per row, in file order: 63 bits of what was judged, and one bit of which way. A chance
    collision among 10⁶ rows has a probability of about 10⁻⁷; it would leave one row out."""

    def __init__(self):
        self.parts: dict[str, array] = {}

    def add(self, part: str, judged: int, way: bool = False) -> None:
        """The next row of `part` judges `judged` this `way`."""
        self.part(part).append(entry(judged, way))

    def part(self, name: str) -> array:
        """The numbers of the part `name`, to append each row's `entry` to; 0 for a row that judges nothing
        that could be compared."""
        rows = self.parts.get(name)
        if rows is None:
            rows = self.parts[name] = array("q")
        return rows

    def _all_differ(self) -> bool:
        """Looks at a share of the numbers at a time, by their last digits."""
        shares = sum(len(rows) for rows in self.parts.values()) // _AT_ONCE + 1
        for share in range(shares):
            seen: set[int] = set()
            compared = 0
            for rows in self.parts.values():
                judged = [
                    value >> 1
                    for value in rows
                    if (value >> 1) % shares == share and (value > _SIDE or value < 0)
                ]
                compared += len(judged)
                seen.update(judged)
            if len(seen) < compared:
                return False
        return True

    def conflicts(self) -> dict[str, dict[int, str]]:
        """{part: {row index: "duplicate" | "contradiction"}}: of rows saying the same all but the first, of
        rows saying opposite things all."""
        if not any(len(rows) for rows in self.parts.values()):
            return {}
        parts = list(self.parts.items())
        if sum(len(rows) for rows in self.parts.values()) <= _FEW and self._all_differ():
            return {}  # the usual case, without the tenth of a second and the 15 MB that numpy takes
        import numpy

        # `<<` drops no bit of the judged part that `>> 1` does not, so equal numbers stay equal.
        judged = numpy.concatenate(
            [numpy.frombuffer(rows, dtype=numpy.int64) >> 1 for _, rows in parts if len(rows)]
        )
        judged.sort()
        repeated = numpy.unique(judged[1:][judged[1:] == judged[:-1]])
        del judged
        repeated = repeated[repeated != 0]
        if not len(repeated):
            return {}
        found: dict[str, dict[int, str]] = {}
        ways: dict[int, int] = defaultdict(int)
        places = []
        for name, rows in parts:
            if not len(rows):
                continue
            values = numpy.frombuffer(rows, dtype=numpy.int64)
            for index in numpy.nonzero(numpy.isin(values >> 1, repeated))[0].tolist():
                value = rows[index]
                ways[value >> 1] |= 1 << (value & _SIDE)
                places.append((name, index, value >> 1))
        seen = set()
        for name, index, value in places:
            if ways[value] == 3:
                found.setdefault(name, {})[index] = "contradiction"
            elif value in seen:
                found.setdefault(name, {})[index] = "duplicate"
            else:
                seen.add(value)
        return found
