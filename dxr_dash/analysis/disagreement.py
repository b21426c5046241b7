"""How far two feature spaces agree on who is near to whom: from their neighbour graphs, image by image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.errors import QueryError
from dxr_dash.records import Disagreement, DoubleArray, FloatArray, IntArray

TIED = 1e-6  # relative; distances this near to each other are equal but for rounding
NUMBERS_AT_ONCE = 2**22  # pairs of neighbours that are compared in one step
_FARTHER, _TIED, _NEARER = 0, 1, 2

Rows = npt.NDArray[np.integer]


def shared_neighbours(
    first: Rows, first_distances: FloatArray, second: Rows, second_distances: FloatArray, k: int
) -> tuple[IntArray, IntArray]:
    """Count for each image how many of its k nearest are the same in two neighbour graphs.

    Images exactly as far as the k-th have no order among them, so it is counted as if each graph had kept those of
    them that the other has: the count is the largest that any order of equal distances gives.

    Args:
        first, second: (N, K) gallery rows, nearest first, without the image itself; -1 is none. The two may differ
            in K.
        first_distances, second_distances: of the same shapes; inf = none.
        k: neighbours to look at, 1 <= k <= K of both.

    Returns:
        (N,) int64 shared, and (N,) int64 how many could be: the shorter of the two lists, k where both are full.

    Raises:
        QueryError: k is outside 1..K, or the graphs are not of the same images.
    """
    if len(first) != len(second):
        raise QueryError(
            f"One graph is of {len(first)} images, the other of {len(second)}.",
            "Compare spaces of one collection.",
        )
    most = min(first.shape[1], second.shape[1])
    if not 1 <= k <= most:
        raise QueryError(f"k is {k}, but the graphs hold {most} neighbours.", f"Use 1 to {most}.")
    shared = np.empty(len(first), np.int64)
    possible = np.empty(len(first), np.int64)
    step = max(1, NUMBERS_AT_ONCE // k**2)
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        a, b = np.asarray(first[part, :k]), np.asarray(second[part, :k])
        same = (a[:, :, None] == b[:, None, :]).any(axis=2) & (a >= 0)
        shared[part] = same.sum(axis=1)
        possible[part] = np.minimum((a >= 0).sum(axis=1), (b >= 0).sum(axis=1))
    tied = np.flatnonzero(_goes_on(first, first_distances, k) | _goes_on(second, second_distances, k))
    step = max(1, NUMBERS_AT_ONCE // (first.shape[1] * second.shape[1]))
    for start in range(0, len(tied), step):
        rows = tied[start : start + step]
        ways = (
            _places(first[rows], first_distances[rows], k),
            _places(second[rows], second_distances[rows], k),
        )
        shared[rows] = _most_shared(np.asarray(first[rows]), np.asarray(second[rows]), *ways, k)
    return shared, possible


def disagreement(
    spaces: tuple[str, str],
    graphs: tuple[tuple[Rows, FloatArray], tuple[Rows, FloatArray]],
    *,
    k: int,
    recalls: tuple[float | None, float | None] = (None, None),
) -> Disagreement:
    """Compare the neighbours of every image in two feature spaces.

    Args:
        spaces: their ids.
        graphs: of each, (N, K) rows and (N, K) distances, as in ``shared_neighbours``.
        k: neighbours to look at; no more than both graphs hold.
        recalls: of each graph, the share of the true neighbours that it holds; None: it is exact.

    Raises:
        QueryError: as ``shared_neighbours`` says.
    """
    (first, far_first), (second, far_second) = graphs
    n_images = len(first)
    if n_images < 2:
        nothing = np.full(n_images, np.nan, np.float32)
        return Disagreement(spaces, 0, nothing, np.arange(n_images), np.nan, np.nan, np.nan, recalls)
    shared, possible = shared_neighbours(first, far_first, second, far_second, k)
    shares = np.full(n_images, np.nan, np.float32)
    np.divide(shared, possible, out=shares, where=possible > 0, casting="unsafe")
    known = possible > 0
    longer = np.maximum((first[:, :k] >= 0).sum(axis=1), (second[:, :k] >= 0).sum(axis=1))
    return Disagreement(
        spaces=spaces,
        k=k,
        shares=shares,
        order=most_different(shares, far_first[:, :k], far_second[:, :k]),
        mean=float((shared[known] / possible[known]).mean()) if known.any() else np.nan,
        chance=float((longer[known] / (n_images - 1)).mean()) if known.any() else np.nan,
        none_shared=float((shared[known] == 0).mean()) if known.any() else np.nan,
        recalls=recalls,
    )


def most_different(shares: FloatArray, first_distances: FloatArray, second_distances: FloatArray) -> IntArray:
    """Order the images, those first whose neighbours differ most.

    Among images of which the same share is kept, those come first whose neighbours are near, for the space, in both:
    there each space is sure of another answer. What lies alone has accidental neighbours anyway.

    Args:
        shares: (N,) share of neighbours in common; NaN comes last.
        first_distances, second_distances: (N, k) to the neighbours; inf = none.

    Returns:
        (N,) rows; images that are equal in both stay in row order.
    """
    alone = np.maximum(_ranks(first_distances), _ranks(second_distances))
    return np.lexsort((alone, shares)).astype(np.int64)  # stable, and NaN is sorted to the end


def _ranks(far: FloatArray) -> DoubleArray:
    """Rank images by the mean distance to their neighbours, 1 = nearest; equal ones share a rank."""
    there = np.isfinite(far)
    n_there = there.sum(axis=1)
    sums = np.where(there, far, 0).sum(axis=1, dtype=np.float64)
    means = np.divide(sums, n_there, out=np.full(len(far), np.inf), where=n_there > 0)
    ranks: DoubleArray = 1.0 + np.searchsorted(np.sort(means), means)
    return ranks


def _goes_on(rows: Rows, far: FloatArray, k: int) -> npt.NDArray[np.bool_]:
    """Say where the image after the k-th is as near as the k-th, so that either could be among the k nearest."""
    if rows.shape[1] == k:
        return np.zeros(len(rows), np.bool_)
    there: npt.NDArray[np.bool_] = np.asarray(rows[:, k]) >= 0
    return there & (np.asarray(far[:, k]) <= np.asarray(far[:, k - 1]) * (1 + TIED))


def _places(rows: Rows, far: FloatArray, k: int) -> npt.NDArray[np.int8]:
    """Sort (n, K) neighbours into nearer than the k-th, as far as it, and farther or none."""
    there = np.asarray(rows) >= 0
    last = np.minimum(there.sum(axis=1), k)[:, None] - 1
    bound = np.take_along_axis(np.asarray(far, np.float64), np.maximum(last, 0), axis=1)
    places = np.where(far < bound / (1 + TIED), _NEARER, np.where(far <= bound * (1 + TIED), _TIED, _FARTHER))
    return np.where(there, places, _FARTHER).astype(np.int8)


def _most_shared(
    a: Rows, b: Rows, place_a: npt.NDArray[np.int8], place_b: npt.NDArray[np.int8], k: int
) -> IntArray:
    """Count what two lists can have in common when equal distances may stand in any order: (n,).

    What is nearer in one and tied in the other takes one of the places that the other has left; what is tied in both
    takes one of each, so it comes last.
    """
    same = a[:, :, None] == b[:, None, :]
    there = np.where(same, place_b[:, None, :], np.int8(_FARTHER)).max(axis=2, initial=_FARTHER)

    def n_both(one: int, other: int) -> IntArray:
        counts: IntArray = ((place_a == one) & (there == other)).sum(axis=1)
        return counts

    def left(rows: Rows, places: npt.NDArray[np.int8]) -> IntArray:
        counts: IntArray = np.minimum((rows >= 0).sum(axis=1), k) - (places == _NEARER).sum(axis=1)
        return counts

    taken_a = np.minimum(left(a, place_a), n_both(_TIED, _NEARER))
    taken_b = np.minimum(left(b, place_b), n_both(_NEARER, _TIED))
    both = np.minimum(left(a, place_a) - taken_a, left(b, place_b) - taken_b)
    shared: IntArray = n_both(_NEARER, _NEARER) + taken_a + taken_b + np.minimum(both, n_both(_TIED, _TIED))
    return shared
