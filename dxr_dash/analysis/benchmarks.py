"""Published retrieval protocols: where the relevant images stand, average precision, precision at k, N-S score.

A ranking is told by distances. Junk images are taken out of it, as if they had never been there. Images at one
distance: the irrelevant stand first, a rule that does not depend on file names and never flatters. What else a
protocol asks for (which images are junk, whether the query itself is ranked) is in the ground truth, not here;
docs/benchmarks.md has all of it with its sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from dxr_dash.analysis.bootstrap import Resampled, image_weights, interval
from dxr_dash.analysis.retrieval import chance_average_precision
from dxr_dash.records import DoubleArray, Estimate, IntArray

FEWEST_GROUPS = 5  # of queries; fewer carry no interval
WEIGHTS_AT_ONCE = 4_000_000  # numbers of the bootstrap that are held together: 32 MB


def positions(distances: npt.NDArray[np.floating], relevant: IntArray, junk: IntArray) -> IntArray:
    """Tell how many images stand before each relevant one, once the junk is out of the ranking.

    Args:
        distances: (M,) from the query to every ranked image.
        relevant: (R,) places of the relevant images among the M, each once.
        junk: (J,) places of the junk images; none of them is relevant.

    Returns:
        (R,) int64 ascending, 0 = first; at one distance the irrelevant stand before the relevant.
    """
    others = np.ones(len(distances), dtype=np.bool_)
    others[relevant] = False
    others[junk] = False
    before: IntArray = np.searchsorted(np.sort(distances[others]), np.sort(distances[relevant]), side="right")
    return before + np.arange(len(relevant))


def trapezoid_ap(found: IntArray, n_relevant: int) -> float:
    """Give the area under the precision-recall curve, by trapezoids: the AP of Holidays, Oxford and Paris.

    Each relevant image adds 1 / R times the mean of the precisions just before and at it; before anything has been
    ranked the precision counts as 1. Never more than the usual AP, which takes the precision at it alone.

    Args:
        found: (r,) positions of the relevant images, ascending, 0 = first.
        n_relevant: R, at least r: relevant images that are not ranked count as never found.

    Returns:
        0..1; NaN when R is 0.

    Source:
        Philbin, Chum, Isard, Sivic and Zisserman, "Object Retrieval with Large Vocabularies and Fast Spatial
        Matching", CVPR 2007, and the program compute_ap.cpp that came with it; the programs of INRIA Holidays (2008)
        and of the revisited Oxford and Paris (2018) add up the same trapezoids.
    """
    if n_relevant == 0:
        return float("nan")
    nth = np.arange(len(found))
    at = (nth + 1) / (found + 1)
    before = np.divide(nth, found, out=np.ones(len(found)), where=found > 0)
    return float(np.sum(before + at) / (2 * n_relevant))


def precision_at(found: IntArray, n_relevant: int, k: int) -> float:
    """Give the precision among the first k, or up to the last relevant image where that comes sooner.

    Args:
        found, n_relevant: as for ``trapezoid_ap``.
        k: at least 1.

    Returns:
        0..1; NaN when there is no relevant image.

    Source:
        Radenovic, Iscen, Tolias, Avrithis and Chum, "Revisiting Oxford and Paris: Large-Scale Image Retrieval
        Benchmarking", CVPR 2018; that k is cut at the last relevant image is seen in their program only.
    """
    if n_relevant == 0:
        return float("nan")
    places = min(k, int(found[-1]) + 1) if len(found) == n_relevant else k
    return float(np.count_nonzero(found < places) / places)


def n_s_score(found: IntArray) -> float:
    """Count the images of the query's own group of four among the first four, itself included: 0..4.

    Source:
        Nister and Stewenius, "Scalable Recognition with a Vocabulary Tree", CVPR 2006.
    """
    return float(np.count_nonzero(found < 4))


def chance_trapezoid_ap(n_relevant: int, n_ranked: int) -> float:
    """Give the mean of ``trapezoid_ap`` over all orders: the precision before a relevant image is R / M on average.

    Args:
        n_relevant: R.
        n_ranked: M, the relevant ones included, junk left out.

    Returns:
        (R / M + chance of the usual AP) / 2; NaN when R is 0.
    """
    if n_relevant == 0:
        return float("nan")
    return (n_relevant / n_ranked + chance_average_precision(n_relevant, n_ranked)) / 2.0


def chance_precision_at(n_relevant: int, n_ranked: int, k: int) -> float:
    """Give the mean of ``precision_at`` over all orders.

    Args:
        n_relevant: R.
        n_ranked: M, at least R.
        k: at least 1; M takes its place where it is smaller.

    Returns:
        R / M, and a little more where all R may lie within the first k - 1: the last of them stands at rank m with
        probability C(m - 1, R - 1) / C(M, R), and then the precision is R / m instead of R / k. NaN when R is 0.
    """
    if n_relevant == 0:
        return float("nan")
    k = min(k, n_ranked)
    sooner = (
        comb(last - 1, n_relevant - 1) / comb(n_ranked, n_relevant) * (n_relevant / last - n_relevant / k)
        for last in range(n_relevant, k)
    )
    return n_relevant / n_ranked + sum(sooner)


def chance_n_s(n_ranked: int) -> float:
    """Give the mean N-S score when the query stands first and all others in any order; M, at least 4, in all."""
    return 1.0 + 9.0 / (n_ranked - 1)


def sharing_groups(relevant: Sequence[IntArray], n_images: int) -> IntArray:
    """Put queries that share a relevant image into one group, also by way of others.

    Args:
        relevant: for each query the places of its relevant images.
        n_images: of the benchmark.

    Returns:
        (q,) int64 numbers of groups.
    """
    n_queries = len(relevant)
    queries = np.repeat(np.arange(n_queries), [len(one) for one in relevant])
    images = n_queries + np.concatenate([np.empty(0, np.int64), *relevant])
    size = n_queries + n_images
    links = csr_array((np.ones(len(queries), np.int8), (queries, images)), shape=(size, size))
    return np.unique(connected_components(links, directed=False)[1][:n_queries], return_inverse=True)[1]


def mean_over_queries(
    values: DoubleArray,
    groups: IntArray,
    *,
    chance: float,
    bounds: tuple[float, float],
    confidence: float,
    draws: int,
    seed: int,
) -> Estimate:
    """Average a measure over the queries, with an interval from resampling whole groups of queries.

    Queries that look for the same images are not independent: five crops of one landmark tell less than five
    landmarks. So the groups are drawn with replacement, and the mean is taken over the queries drawn.

    Args:
        values: (q,) one per query; queries with NaN are left out.
        groups: (q,) from ``sharing_groups``.
        chance: its value for a random order.
        bounds: of the measure; the interval is cut there.
        confidence: of the interval.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        The estimate; the interval is NaN with fewer than ``FEWEST_GROUPS`` groups, and all is NaN without any value.
    """
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(float("nan"), float("nan"), float("nan"), chance)
    numbers = np.unique(groups[known], return_inverse=True)[1]
    sums = np.bincount(numbers, values[known])
    counts = np.bincount(numbers).astype(np.float64)
    value, n_groups = float(sums.sum() / counts.sum()), len(sums)
    if n_groups < FEWEST_GROUPS:
        return Estimate(value, float("nan"), float("nan"), chance)
    rng = np.random.default_rng(seed)
    drawn = []
    step = max(1, WEIGHTS_AT_ONCE // n_groups)
    for start in range(0, draws, step):
        weights = image_weights(n_groups, min(step, draws - start), rng)
        drawn.append((weights @ sums) / (weights @ counts))
    without = (sums.sum() - sums) / (counts.sum() - counts)
    pulls = (n_groups - 1) * (without.mean() - without)
    low, high = interval(Resampled(value, np.concatenate(drawn), pulls, n_groups), confidence)
    return Estimate(value, max(bounds[0], low), min(bounds[1], high), chance)
