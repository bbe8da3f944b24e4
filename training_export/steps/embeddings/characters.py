"""Vectors of texts by their characters: TF-IDF of hashed runs of one to three, reduced to its 128 strongest
directions (latent semantic analysis, Deerwester et al. 1990). Works for Chinese and English alike and needs
no model. Pure."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training_export.curate.splits import folded
from training_export.steps.base import Means

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 1 << 18
DIRECTIONS = 128
FITTED = 20_000  # texts that weights and directions are taken from: of more, a draw by their own hash
BATCH = 2000
LEAST_TEXTS = 4 * DIRECTIONS  # with fewer, directions are not estimated: all there are are kept


def vectors(texts: Sequence[str], means: Means) -> "np.ndarray":
    """See `vectors_of`. Weights and directions are those of the distinct texts in the order of their hashes,
    so neither the order of the rows nor how often a text stands there changes a vector; other texts do."""
    import numpy as np

    found = [folded(text) for text in texts]
    keys = [hashlib.blake2b(t.encode("utf-8", "surrogatepass"), digest_size=16).digest() for t in found]
    distinct = dict(zip(keys, found, strict=True))
    order = sorted(distinct)
    place = {key: i for i, key in enumerate(order)}
    matrix = _reduced([distinct[key] for key in order], means)
    return matrix[np.fromiter((place[key] for key in keys), dtype=np.int64, count=len(keys))]


def _reduced(texts: list[str], means: Means) -> "np.ndarray":
    """Rows of length 1 for distinct texts."""
    import numpy as np
    from scipy import sparse
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    if not texts:
        return np.zeros((0, 1), dtype=np.float32)
    counter = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=COLUMNS, alternate_sign=False, norm=None,
        lowercase=False, dtype=np.float32,
    )  # fmt: skip
    parts = []
    for start in range(0, len(texts), BATCH):
        parts.append(counter.transform([_well_formed(t) for t in texts[start : start + BATCH]]))
        means.progress(min(start + BATCH, len(texts)), 2 * len(texts))
    counted = sparse.vstack(parts, format="csr")
    weigher = TfidfTransformer(sublinear_tf=True).fit(counted[:FITTED])
    weighed = weigher.transform(counted)
    if len(texts) < LEAST_TEXTS:
        reduced = _all_directions(weighed)
    else:
        # Of the columns most occur nowhere, and the solver's cost is in all of them.
        weighed = weighed[:, np.unique(weighed[:FITTED].indices)]
        reducer = TruncatedSVD(DIRECTIONS, random_state=means.seed % 2**32).fit(weighed[:FITTED])
        reduced = np.vstack(
            [reducer.transform(weighed[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        ).astype(np.float32)
    return unit_rows(reduced)


def _all_directions(weighed: Any) -> "np.ndarray":
    """Vectors with the same inner products as the rows of `weighed`: of few texts nothing need be lost."""
    import numpy as np

    values, directions = np.linalg.eigh((weighed @ weighed.T).toarray().astype(np.float64))
    return (directions * np.sqrt(np.maximum(values, 0))).astype(np.float32)


def _well_formed(text: str) -> str:
    """Half a surrogate pair cannot be hashed as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def unit_rows(matrix: "np.ndarray") -> "np.ndarray":
    """`matrix` with rows of length 1; rows of zeros stay."""
    import numpy as np

    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 1e-6)
