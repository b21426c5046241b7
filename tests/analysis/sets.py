"""Tiny collections and the slow, obvious way to compute what the fast code computes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import FloatArray, IntArray, SetDistances


def normal(n: int, d: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def integers(n: int, d: int, highest: int, seed: int = 0) -> FloatArray:
    """Vectors with many duplicates and many equal distances."""
    return np.random.default_rng(seed).integers(0, highest, size=(n, d)).astype(np.float32)


def gallery_set(
    vectors: FloatArray,
    rows: npt.ArrayLike,
    *,
    metric: str = "euclidean",
    k: int = 20,
    block: int | None = None,
) -> SetDistances:
    """Measure a query set whose members are gallery rows."""
    items = np.asarray(rows, dtype=np.int64)
    return set_distances(vectors[items], items, vectors, metric=metric, k=k, block=block)


def outside_set(
    queries: FloatArray, vectors: FloatArray, *, metric: str = "euclidean", k: int = 20
) -> SetDistances:
    """Measure a query set whose members are all from outside."""
    return set_distances(queries, -1 - np.arange(len(queries)), vectors, metric=metric, k=k)


def slow_counts(
    queries: FloatArray, items: IntArray, vectors: FloatArray, metric: str
) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Compare by the full table: within, n_less, n_equal, and the compared rows."""
    compared = np.setdiff1d(np.arange(len(vectors)), items[items >= 0])
    table = distances(queries, vectors, metric=metric)[:, compared]
    within = distances(queries, queries, metric=metric)
    n = len(queries)
    n_less, n_equal = np.zeros((2, n, n), dtype=np.int64)
    for q in range(n):
        for m in range(n):
            if q != m:
                n_less[q, m] = (table[q] < within[q, m]).sum()
                n_equal[q, m] = (table[q] == within[q, m]).sum()
    np.fill_diagonal(within, np.nan)
    return within, n_less, n_equal, compared
