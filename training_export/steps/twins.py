"""Which rows belong together as twins of twins, and how alike they are. Pure."""

from collections import defaultdict
from collections.abc import Iterable


class Clusters:
    """Union-find over places: which belong together, directly or through others."""

    def __init__(self):
        self._parent: dict[int, int] = {}

    def root(self, place: int) -> int:
        """The place that stands for the cluster of `place`."""
        parent, top = self._parent, place
        while (above := parent.get(top, top)) != top:
            top = above
        while (above := parent.get(place, place)) != top:
            parent[place] = top
            place = above
        return top

    def join(self, a: int, b: int) -> None:
        """The clusters of `a` and `b` are one."""
        a, b = self.root(a), self.root(b)
        if a != b:
            self._parent[max(a, b)] = min(a, b)

    def of(self, places: Iterable[int]) -> list[list[int]]:
        """The clusters of more than one among `places`."""
        found = defaultdict(list)
        for place in sorted(places):
            found[self.root(place)].append(place)
        return [cluster for cluster in found.values() if len(cluster) > 1]


def histogram(values: Iterable[float], parts: int) -> dict[str, int]:
    """How many of `values` (0 to 1) lie in each of `parts` equal parts, by the lower bound of those that have
    any: {"0.85": 3, …}."""
    found: dict[str, int] = defaultdict(int)
    for value in values:
        # a value on a bound that 32 bits have rounded down lies above it
        found[f"{min(int(value * parts + 1e-4), parts) / parts:.2f}"] += 1
    return dict(sorted(found.items()))
