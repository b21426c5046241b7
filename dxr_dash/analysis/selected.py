"""How alike a group of images is, before it is asked with: distances inside it, and to the others, off a sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, IntArray, SelectionDistances

MEMBERS = 256  # all pairs of so many are measured
OTHERS = 1_024  # images outside the group that they are measured against
QUARTILES = (0.25, 0.5, 0.75)


def selection_distances(
    vectors: npt.NDArray[np.floating], rows: IntArray, *, metric: str, seed: int = settings.SEED
) -> SelectionDistances:
    """Measure a sample of a group: every pair inside it, and each to a sample of the other images.

    The time does not grow with the gallery or the group; a group of at most MEMBERS images is measured whole.

    Args:
        vectors: (N, D), may be memory-mapped.
        rows: (n,) gallery rows of the group, ascending, each once.
        metric: "cosine" or "euclidean".
        seed: same seed, same sample.

    Raises:
        QueryError: the metric is unknown, or the rows do not ascend.
    """
    if np.any(np.diff(rows) <= 0):
        raise QueryError("The rows of a group do not ascend.", "Pass each row once, in order.")
    draw = np.random.default_rng(seed)
    members = _some(rows, MEMBERS, draw)
    n_outside = len(vectors) - len(rows)
    # the k-th image outside has as many of the group before it as stand at or before k once it is taken out
    places = _some(np.arange(n_outside, dtype=np.int64), OTHERS, draw)
    others = places + np.searchsorted(rows - np.arange(len(rows)), places, side="right")
    asked = vectors[members]
    within = distances(asked, asked, metric=metric)[np.triu_indices(len(members), 1)]
    outside = distances(asked, vectors[others], metric=metric)
    return SelectionDistances(_quartiles(within), _quartiles(outside), len(members), len(others))


def _some(values: IntArray, most: int, draw: np.random.Generator) -> IntArray:
    return values if len(values) <= most else np.sort(draw.choice(values, most, replace=False))


def _quartiles(values: npt.NDArray[np.floating]) -> DoubleArray:
    found: DoubleArray = (
        np.quantile(values.astype(np.float64), QUARTILES) if values.size else np.full(3, np.nan)
    )
    return found
