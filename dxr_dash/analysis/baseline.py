"""The baseline: how far apart two random gallery images are, and where one distance stands in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.distances import check_metric, distances, pair_distances
from dxr_dash.records import DoubleArray, FloatArray


def baseline_distances(
    vectors: npt.NDArray[np.floating],
    *,
    metric: str,
    n_pairs: int = settings.BASELINE_PAIRS,
    all_pairs_limit: int = settings.BASELINE_ALL_PAIRS_LIMIT,
    seed: int = settings.SEED,
) -> FloatArray:
    """Measure random pairs of the gallery, or every pair when there are few.

    Args:
        vectors: (N, D), may be memory-mapped.
        metric: "cosine" or "euclidean".
        n_pairs: pairs to draw, with replacement, so that they are independent; the two rows always differ.
        all_pairs_limit: up to this many images, all N (N - 1) / 2 pairs are taken instead.
        seed: same seed, same pairs.

    Returns:
        (M,) float32, ascending; empty when there are fewer than two images.
    """
    check_metric(metric)
    n_images = len(vectors)
    if n_images < 2:
        return np.empty(0, dtype=np.float32)
    if n_images <= all_pairs_limit:
        square = distances(vectors, vectors, metric=metric)
        return np.sort(square[np.triu_indices(n_images, k=1)])
    rng = np.random.default_rng(seed)
    left = rng.integers(n_images, size=n_pairs)
    right = rng.integers(n_images - 1, size=n_pairs)
    right += right >= left  # uniform over the other N - 1 rows
    # In the order of one side the pages of a memory-mapped file are read about once instead of twice.
    order = np.argsort(left, kind="stable")
    return np.sort(pair_distances(vectors, left[order], right[order], metric=metric))


def dkw_bound(m: int, confidence: float = settings.CONFIDENCE) -> float:
    """Bound the error of an empirical distribution function everywhere at once.

    Args:
        m: independent draws.
        confidence: probability that the bound holds.

    Returns:
        The largest deviation, sqrt(ln(2 / (1 - confidence)) / 2m), at most 1; 1 when nothing was drawn.

    Source:
        Massart, "The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz Inequality", Annals of Probability
        18 (1990) 1269-1283, Corollary 1.
    """
    if m < 1:
        return 1.0
    return min(1.0, float(np.sqrt(np.log(2.0 / (1.0 - confidence)) / (2.0 * m))))


def closer_than(distances: npt.ArrayLike, baseline_sorted: FloatArray) -> DoubleArray:
    """Say for each distance what share of the baseline pairs is farther apart; equal pairs count half.

    The mid-rank makes the share of the baseline's own distances average exactly one half, ties or not.

    Args:
        distances: any shape.
        baseline_sorted: (M,) float32 from ``baseline_distances``.

    Returns:
        float64 in 0..1, of the same shape; NaN for a NaN, and everywhere when the baseline is empty.
    """
    values = np.asarray(distances, dtype=np.float32)
    if baseline_sorted.size == 0:
        return np.full(values.shape, np.nan)
    nearer = np.searchsorted(baseline_sorted, values, side="left")
    not_farther = np.searchsorted(baseline_sorted, values, side="right")
    shares = 1.0 - (nearer + not_farther) / (2.0 * baseline_sorted.size)
    return np.where(np.isnan(values), np.nan, shares)
