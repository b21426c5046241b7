"""How well each member of a query set finds the others: AUROC, average precision, precision and first hit.

All measures are computed from three small arrays of SetDistances: ``within``, ``n_less`` and ``n_equal``. Per
query q they tell where every other member stands in the known-item test, the ranking in which the other
members are hidden among the M compared gallery images.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from dxr_dash.errors import QueryError
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray, SetDistances

Number = TypeVar("Number", bound=np.generic)


def auroc_matrix(n_less: IntArray, n_equal: IntArray, n_compared: int) -> DoubleArray:
    """Give the chance that member m is nearer to q than a random compared gallery image; ties count half.

    Args:
        n_less: (Q, Q) compared images strictly nearer to q than m.
        n_equal: (Q, Q) compared images as far from q as m.
        n_compared: M.

    Returns:
        (Q, Q) float64 in 0..1; NaN on the diagonal, and everywhere when M is 0.

    Source:
        Hanley and McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC)
        Curve", Radiology 143 (1982) 29-36.
    """
    if n_compared == 0:
        return np.full(n_less.shape, np.nan)
    shares = 1.0 - (n_less + n_equal / 2.0) / n_compared
    np.fill_diagonal(shares, np.nan)
    return shares


def average_precision(within: FloatArray, n_less: IntArray, n_equal: IntArray) -> DoubleArray:
    """Give each query's average precision in the known-item test.

    Images at one distance enter the ranking together, as in scikit-learn's ``average_precision_score``:
    each member counts with the precision among all images that are not farther than it.

    Args:
        within: (Q, Q) distances between members, NaN on the diagonal.
        n_less: (Q, Q) compared images strictly nearer to q than m.
        n_equal: (Q, Q) compared images as far from q as m.

    Returns:
        (Q,) float64 in 0..1; NaN when there is no other member.
    """
    n_queries = len(within)
    if n_queries < 2:
        return np.full(n_queries, np.nan)
    hits = _members_up_to(within)
    images = hits + _off_diagonal(n_less) + _off_diagonal(n_equal)
    result: DoubleArray = (hits / images).mean(axis=1)
    return result


def chance_average_precision(n_relevant: int, n_ranked: int) -> float:
    """Give the average precision that a random order has on average.

    Args:
        n_relevant: R, the images to be found.
        n_ranked: M, all images of the ranking, the relevant ones included.

    Returns:
        H_M / M + (R - 1) / (M - 1) * (1 - H_M / M), with the harmonic number H_M; NaN when R is 0.

    Source:
        Bestgen, "Exact Expected Average Precision of the Random Baseline for System Evaluation", Prague
        Bulletin of Mathematical Linguistics 103 (2015) 131-138; derived again in docs/statistics.md.
    """
    if not 1 <= n_relevant <= n_ranked:
        return float("nan")
    if n_ranked == 1:
        return 1.0
    first = (float(digamma(n_ranked + 1)) + float(np.euler_gamma)) / n_ranked
    return first + (n_relevant - 1) / (n_ranked - 1) * (1.0 - first)


def precision_at(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Give each query's precision among its first k, or among as many as there are other members, if fewer.

    Images at one distance that straddle the border share the remaining places: the expected precision when
    ties are broken at random, so that a tie neither flatters nor harms.

    Args:
        within: (Q, Q) distances between members, NaN on the diagonal.
        n_less: (Q, Q) compared images strictly nearer to q than m.
        n_equal: (Q, Q) compared images as far from q as m.
        k: at least 1.

    Returns:
        (Q,) float64 in 0..1; NaN when there is no other member.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"Precision was asked for at {k} images.", "Use 1 or more.")
    n_queries = len(within)
    if n_queries < 2:
        return np.full(n_queries, np.nan)
    places = min(k, n_queries - 1)
    nearer = _members_below(within)
    tied = _members_up_to(within) - nearer + _off_diagonal(n_equal)
    before = nearer + _off_diagonal(n_less)
    expected = np.clip(places - before, 0, tied) / tied
    result: DoubleArray = expected.sum(axis=1) / places
    return result


def first_hit_rank(within: FloatArray, n_less: IntArray, n_equal: IntArray) -> IntArray:
    """Give the rank of the first other member; gallery images at the same distance stand before it.

    Returns:
        (Q,) int64, 1 = nearest; 0 when there is no other member.
    """
    n_queries = len(within)
    if n_queries < 2:
        return np.zeros(n_queries, dtype=np.int64)
    first = np.nanargmin(within, axis=1)
    queries = np.arange(n_queries)
    ranks: IntArray = 1 + n_less[queries, first] + n_equal[queries, first]
    return ranks


def known_item_ranking(found: SetDistances, *, k: int) -> tuple[IntArray, FloatArray, BoolArray]:
    """List the first k images of each query's known-item ranking.

    At one distance gallery images stand before members, and each of the two in the order of its rows or
    positions: a rule that does not depend on chance and never flatters the set.

    Args:
        found: distances of the set; must hold k neighbours per member, or all that were compared.
        k: length of the list; shorter when there are fewer images.

    Returns:
        Items (Q, k) int64, their distances (Q, k) float32, and whether each is a member, (Q, k) bool.

    Raises:
        QueryError: fewer neighbours are held than the list needs.
    """
    n_queries = len(found.items)
    length = max(0, min(k, found.n_compared + n_queries - 1))
    held = found.nearest_rows.shape[1]
    if held < min(length, found.n_compared):
        raise QueryError(
            f"{length} images of the ranking were asked for, but only {held} neighbours per member are held.",
            f"Measure the set again with k={length} or ask for {held}.",
        )
    others = np.broadcast_to(found.items, (n_queries, n_queries))
    items = np.hstack([found.nearest_rows, _off_diagonal(others)])
    values = np.hstack([found.nearest_distances, _off_diagonal(found.within)])
    hits = np.zeros(items.shape, dtype=np.bool_)
    hits[:, held:] = True
    # Stable: the gallery comes first in the array, so it comes first at equal distance.
    first = np.argsort(values, axis=1, kind="stable")[:, :length]
    return (
        np.take_along_axis(items, first, axis=1),
        np.take_along_axis(values, first, axis=1),
        np.take_along_axis(hits, first, axis=1),
    )


def _off_diagonal(square: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Drop the diagonal of (Q, Q): (Q, Q - 1), the rest in its order."""
    n = len(square)
    return square[~np.eye(n, dtype=np.bool_)].reshape(n, n - 1)


def _members_up_to(within: FloatArray) -> IntArray:
    """Count for each other member how many other members are not farther from q than it: (Q, Q - 1)."""
    return _member_ranks(within, "right")


def _members_below(within: FloatArray) -> IntArray:
    """Count for each other member how many other members are nearer to q: (Q, Q - 1)."""
    return _member_ranks(within, "left")


def _member_ranks(within: FloatArray, side: Literal["left", "right"]) -> IntArray:
    others = _off_diagonal(within)
    ranks = np.empty(others.shape, dtype=np.int64)
    for query, ascending in enumerate(np.sort(others, axis=1)):
        ranks[query] = np.searchsorted(ascending, others[query], side=side)
    return ranks
