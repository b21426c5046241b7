"""How well each member of a query set finds the others: AUROC, average precision, precision and first hit.

All measures are computed from three small arrays of SetDistances: ``within``, ``n_less`` and ``n_equal``, (q, Q) each.
Per query they tell where every other member stands in the known-item test, the ranking in which the other members are
hidden among the M compared gallery images. A query itself is where ``within`` is NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from dxr_dash.analysis.ordering import ascending, equal_runs, nearest_and_ties
from dxr_dash.errors import QueryError
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray, Number, SetDistances


def auroc_matrix(within: FloatArray, n_less: IntArray, n_equal: IntArray, n_compared: int) -> DoubleArray:
    """Give the chance that member m is nearer to q than a random compared gallery image; ties count half.

    Args:
        within: (q, Q) distances between members, NaN from an image to itself.
        n_less: (q, Q) compared images strictly nearer to q than m.
        n_equal: (q, Q) compared images as far from q as m.
        n_compared: M.

    Returns:
        (q, Q) float64 in 0..1; NaN from an image to itself, and everywhere when M is 0.

    Source:
        Hanley and McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC)
        Curve", Radiology 143 (1982) 29-36.
    """
    if n_compared == 0:
        return np.full(n_less.shape, np.nan)
    shares = 1.0 - (n_less + n_equal / 2.0) / n_compared
    shares[np.isnan(within)] = np.nan
    return shares


def average_precision(within: FloatArray, n_less: IntArray, n_equal: IntArray) -> DoubleArray:
    """Give each query's average precision in the known-item test.

    Images at one distance enter the ranking together, as in scikit-learn's ``average_precision_score``:
    each member counts with the precision among all images that are not farther than it.

    Args:
        within: (q, Q) distances between members, NaN from an image to itself.
        n_less: (q, Q) compared images strictly nearer to q than m.
        n_equal: (q, Q) compared images as far from q as m.

    Returns:
        (q,) float64 in 0..1; NaN when there is no other member.
    """
    if within.shape[1] < 2:
        return np.full(len(within), np.nan)
    found = np.empty(len(within))
    for query, (far, less, equal) in enumerate(zip(within, n_less, n_equal, strict=True)):
        places, distances = ascending(far)
        order, hits = places[:-1], equal_runs(distances[:-1])[1]  # NaN, the query itself, comes last
        found[query] = (hits / (hits + less[order] + equal[order])).mean()
    return found


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
        within: (q, Q) distances between members, NaN from an image to itself.
        n_less: (q, Q) compared images strictly nearer to q than m.
        n_equal: (q, Q) compared images as far from q as m.
        k: at least 1.

    Returns:
        (q,) float64 in 0..1; NaN when there is no other member.

    Raises:
        QueryError: k is below 1.
    """
    places = min(k, within.shape[1] - 1)
    result: DoubleArray = hits_among(within, n_less, n_equal, k=k if places < 1 else places) / max(places, 1)
    return result


def recall_at(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Give for each query the share of the other members that are among its first k.

    Arguments, ties, result and errors as in ``precision_at``, but for the denominator: all other members.
    """
    result: DoubleArray = hits_among(within, n_less, n_equal, k=k) / max(within.shape[1] - 1, 1)
    return result


def hits_among(within: FloatArray, n_less: IntArray, n_equal: IntArray, *, k: int) -> DoubleArray:
    """Count the other members among the first k of each query's ranking; expected count when ties straddle the border.

    Returns:
        (q,) float64; NaN when there is no other member.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"The first {k} images of a ranking were asked for.", "Use 1 or more.")
    if within.shape[1] < 2:
        return np.full(len(within), np.nan)
    hits = np.empty(len(within))
    for query, (far, less, equal) in enumerate(zip(within, n_less, n_equal, strict=True)):
        near = nearest_and_ties(far, k)  # no other member is among the first k
        places, distances = ascending(far[near])
        order = near[places]
        nearer, end = equal_runs(distances)
        tied = end - nearer + equal[order]
        hits[query] = (np.clip(k - nearer - less[order], 0, tied) / tied).sum()
    return hits


def first_hit_rank(within: FloatArray, n_less: IntArray, n_equal: IntArray) -> IntArray:
    """Give the rank of the first other member; gallery images at the same distance stand before it.

    Returns:
        (q,) int64, 1 = nearest; 0 when there is no other member.
    """
    if within.shape[1] < 2:
        return np.zeros(len(within), dtype=np.int64)
    first = np.nanargmin(within, axis=1)
    queries = np.arange(len(within))
    ranks: IntArray = 1 + n_less[queries, first] + n_equal[queries, first]
    return ranks


def chance_first_hit(n_relevant: int, n_ranked: int) -> float:
    """Give the median rank of the first relevant image in a random order: the first by which it is there half the time.

    Args:
        n_relevant: R, the images to be found.
        n_ranked: all images of the ranking.

    Returns:
        The smallest r with C(T - r, R) / C(T, R) <= 1/2 (none among r draws without replacement); NaN when R is 0.
    """
    if not 1 <= n_relevant <= n_ranked:
        return float("nan")
    ranks = np.arange(1, n_ranked - n_relevant + 1)
    rest = n_ranked - ranks
    log_none = (
        gammaln(rest + 1.0)
        - gammaln(rest - n_relevant + 1.0)
        - gammaln(n_ranked + 1.0)
        + gammaln(n_ranked - n_relevant + 1.0)
    )
    return 1.0 + float(np.count_nonzero(log_none > np.log(0.5) + 1e-9))


def known_item_ranking(found: SetDistances, *, k: int) -> tuple[IntArray, FloatArray, BoolArray]:
    """List the first k images of each query's known-item ranking.

    At one distance gallery images stand before members, and each of the two in the order of its rows or
    positions: a rule that does not depend on chance and never flatters the set.

    Args:
        found: distances of the set; must hold k neighbours per member, or all that were compared.
        k: length of the list; shorter when there are fewer images.

    Returns:
        Items (q, k) int64, their distances (q, k) float32, and whether each is a member, (q, k) bool.

    Raises:
        QueryError: fewer neighbours are held than the list needs.
    """
    length = max(0, min(k, found.n_compared + len(found.items) - 1))
    held = found.nearest_rows.shape[1]
    if held < min(length, found.n_compared):
        raise QueryError(
            f"{length} images of the ranking were asked for, but only {held} neighbours per member are held.",
            f"Measure the set again with k={length} or ask for {held}.",
        )
    members = np.broadcast_to(found.items, found.within.shape)
    items = np.hstack([found.nearest_rows, _others(members, found.within)])
    values = np.hstack([found.nearest_distances, _others(found.within, found.within)])
    hits = np.zeros(items.shape, dtype=np.bool_)
    hits[:, held:] = True
    # Stable: the gallery comes first in the array, so it comes first at equal distance.
    first = np.argsort(values, axis=1, kind="stable")[:, :length]
    return (
        np.take_along_axis(items, first, axis=1),
        np.take_along_axis(values, first, axis=1),
        np.take_along_axis(hits, first, axis=1),
    )


def _others(matrix: npt.NDArray[Number], within: FloatArray) -> npt.NDArray[Number]:
    """Drop from each row of (q, Q) the image itself: (q, Q - 1), the rest in its order."""
    return matrix[~np.isnan(within)].reshape(len(matrix), matrix.shape[1] - 1)
