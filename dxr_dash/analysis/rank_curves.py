"""Rankings and rank-similarity curves: what lies at which rank of a query, and how far away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.ordering import ascending
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray, IntArray, Ranking

EVERY_RANK = 64  # up to here a curve has a point at each rank
POINTS = 160  # beyond, as many on a logarithmic axis, and as many on a linear one
MEMBERS_AT_ONCE = 16  # of a set, whose distances to all N images are in memory together
BAND = (
    0.25,
    0.5,
    0.75,
)  # quantiles over the members of a set: the band's lower end, its middle, its upper end


def ranking(distances: npt.ArrayLike, items: npt.ArrayLike, first: int | None = None) -> Ranking:
    """Put images in the order of their distances; equal ones stay in the order given.

    Args:
        distances: (M,) not negative; an image at NaN or infinity is left out: the query itself, or a member
            without another member.
        items: (M,) whole numbers of at most 31 bits.
        first: how many ranks are wanted, at least 1; left out, all.
    """
    known = np.asarray(distances, np.float32)
    names = np.asarray(items, np.int32)
    if known.shape != names.shape or known.ndim != 1:
        raise QueryError(f"There are {names.size} items for {known.size} distances.", "Pass one for each.")
    there = np.isfinite(known)
    if np.any((known < 0) & there):
        raise QueryError("A distance is negative.", "Pass distances, not similarities.")
    n_all = int(np.count_nonzero(there))
    places, ordered = ascending(known, first)
    return Ranking(names[places[:n_all]], ordered[:n_all], n_all)


def sample_ranks(n_ranked: int) -> IntArray:
    """Choose the ranks that a curve is drawn through, so that it is smooth on a logarithmic and on a linear axis.

    Returns:
        (n,) int64, ascending, from 1 to ``n_ranked``; empty when nothing is ranked.
    """
    first = np.arange(1, min(n_ranked, EVERY_RANK) + 1)
    if n_ranked <= EVERY_RANK:
        return first
    rest = [np.geomspace(EVERY_RANK, n_ranked, POINTS), np.linspace(EVERY_RANK, n_ranked, POINTS)]
    return np.unique(np.concatenate([first, *(np.rint(part).astype(np.int64) for part in rest)]))


def member_curves(
    members: FloatArray,
    own_rows: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    ranks: IntArray,
    *,
    metric: str,
) -> FloatArray:
    """Measure for each member of a set how far its own r-th nearest gallery image is.

    Args:
        members: (Q, D).
        own_rows: (Q,) gallery row of each member, which is left out of its ranking; -1 for one from outside.
        vectors: (N, D), may be memory-mapped.
        ranks: (n,) ascending, 1-based; at most N - 1, or N when all members are from outside.

    Returns:
        (Q, n) float32 distances.

    Raises:
        QueryError: as ``distances`` says.
    """
    rows = np.asarray(own_rows, np.int64)
    result = np.empty((len(members), len(ranks)), np.float32)
    for start in range(0, len(members), MEMBERS_AT_ONCE):
        part = slice(start, start + MEMBERS_AT_ONCE)
        found = distances(members[part], vectors, metric=metric)
        inside = np.flatnonzero(rows[part] >= 0)
        found[inside, rows[part][inside]] = np.inf
        found.sort(axis=1)
        result[part] = found[:, ranks - 1]
    return result


def band(curves: FloatArray) -> DoubleArray:
    """Return the quartiles over the members of a set: (3, n) float64 distances, lower, median, upper."""
    found: DoubleArray = np.quantile(curves.astype(np.float64), BAND, axis=0)
    return found


def first_rank_beyond(ranked: FloatArray, distance: float) -> int:
    """Find where a ranking leaves a neighbourhood.

    Args:
        ranked: (R,) ascending distances.
        distance: the neighbourhood's radius.

    Returns:
        The first rank whose image is farther than ``distance``; R + 1 where none is.
    """
    return int(np.searchsorted(ranked, np.float32(distance), side="right")) + 1
