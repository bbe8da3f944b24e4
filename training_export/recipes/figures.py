"""What the rows of a data set are like, counted while they are written. Pure."""

from collections import Counter

from training_export.curate.examples import Preference
from training_export.curate.identity import answers_of


class Figures:
    """What a data set is like: counts by side, origin, language, tag and model, and lengths in characters."""

    EDGES = (0, 20, 50, 100, 200, 400, 800, 1600, 3200, 6400)

    def __init__(self) -> None:
        self._counts: dict[str, Counter] = {
            name: Counter() for name in ("sides", "origins", "languages", "tags", "annotators")
        }
        self._lengths: Counter = Counter()
        self._longer = [0, 0, 0]  # pairs whose better answer is longer, shorter, equally long

    def add(self, example, side: str) -> None:
        """One row more."""
        answers = answers_of(example)
        self._counts["sides"][side] += 1
        self._counts["languages"][example.language or "?"] += 1
        self._counts["tags"].update(example.tags)
        self._counts["origins"].update({answer.origin for answer in answers})
        self._counts["annotators"].update(set(example.provenance.get("annotators") or ()))
        for answer in answers[:1]:
            self._lengths[max(edge for edge in self.EDGES if edge <= len(answer.text))] += 1
        if isinstance(example, Preference):
            better, worse = len(example.chosen.text), len(example.rejected.text)
            self._longer[0 if better > worse else 1 if better < worse else 2] += 1

    def as_dict(self) -> dict:
        """JSON."""
        found: dict = {name: dict(counted.most_common(50)) for name, counted in self._counts.items()}
        found["lengths"] = [[edge, self._lengths[edge]] for edge in self.EDGES]
        found["longer"] = dict(zip(("longer", "shorter", "equal"), self._longer, strict=True))
        return found
