"""Images that are nearly the same: within a query set, and between it and the gallery.

No distance is small in every feature space, so a pair is measured against what is usual around it: the median distance
to the 30 nearest other images. A copy that was saved again, made a little smaller or cut at its rim is at 0.1 to 5 % of
that (docs/calibration.md has the measured shares), two different images hardly ever below 10 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray, SetDistances


@dataclass(frozen=True)
class NearlySame:
    """What is nearly the same image in a query set and its gallery.

    Attributes:
        pairs: (q, Q) bool, from the asked members to all; False from an image to itself.
        n_pairs: different pairs of members in it.
        copied: (q,) bool, the asked members that have a copy among the compared gallery images.
        copies: (c,) gallery rows of those copies, ascending.
        to_copies: (q, c) float32 distances from the asked members to them; None when nobody measured them.
    """

    pairs: BoolArray
    n_pairs: int
    copied: BoolArray
    copies: IntArray
    to_copies: FloatArray | None = None

    def among_asked(self, asked: IntArray) -> BoolArray:
        """Cut out the pairs of asked members: (q, q), symmetric."""
        between = self.pairs[:, asked]
        return between | between.T


def nearly_same(
    found: SetDistances, *, usual: float = float("inf"), metric: str = settings.METRIC
) -> NearlySame:
    """Find what is nearly the same image.

    A pair is, when it is nearer than ``settings.SAME_SHARE`` of what is usual around the member that is asked with, or
    than ``settings.SAME_ANYWHERE`` of what is usual in the gallery: around an image that is there forty times, copies
    are the usual. Identical vectors always are, but for features in which everything is identical.

    Args:
        found: distances of the set, with at least ``settings.SAME_AT`` gallery images per member, or all.
        usual: of the gallery, from ``usual_distance``; the smaller of the two counts, for a set that is far from
            everything has nothing near to be measured by.
        metric: a Euclidean distance grows with the root of a cosine distance, and so does its limit.
    """
    limit = share_of(settings.SAME_SHARE, metric) * np.minimum(_usual_around(found), usual)[:, None]
    if np.isfinite(usual):
        limit = np.maximum(limit, share_of(settings.SAME_ANYWHERE, metric) * usual)
    anything = bool((found.within > 0).any() or (found.nearest_distances > 0).any())
    pairs = (found.within < limit) | ((found.within == 0) & anything)
    copies = (found.nearest_distances < limit) | ((found.nearest_distances == 0) & anything)
    queries, others = np.nonzero(pairs)
    ends = np.sort(np.stack([found.asked[queries], others]), axis=0)
    n_pairs = np.unique(ends, axis=1).shape[1]
    return NearlySame(pairs, n_pairs, copies.any(axis=1), np.unique(found.nearest_rows[copies]))


def share_of(share: float, metric: str) -> float:
    """Turn a share of a cosine distance into that of a distance by the metric: Euclidean ones go with its root."""
    return float(np.sqrt(share)) if metric == "euclidean" else share


def usual_distance(graph_distances: npt.NDArray[np.floating], seed: int) -> float:
    """Give the median, over gallery images, of the median distance to their nearest others.

    Args:
        graph_distances: (N, K), nearest first; inf where none was found. A sample of its rows is read.

    Returns:
        Infinite when there is no neighbour at all.
    """
    n_images = len(graph_distances)
    rows = np.sort(np.random.default_rng(seed).permutation(n_images)[: settings.GALLERY_SAMPLE])
    table = np.asarray(graph_distances[rows, : settings.SAME_AT], np.float64)
    if table.size == 0:
        return float("inf")
    return float(np.median(np.median(table, axis=1)))


def counted_once(found: SetDistances, near: NearlySame) -> tuple[SetDistances, IntArray]:
    """Leave out every image that is nearly the same as one that stays, and every copy in the gallery.

    Of each group of members one stays: an asked one, and of those the first. Copies leave the gallery only if their
    distances are known.

    Returns:
        The distances of what is left, without a histogram of its own, and the (Q',) positions of the members that stay.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_images, asked = len(found.items), found.asked
    queries, others = np.nonzero(near.pairs)
    ends = asked[queries], others
    linked = coo_array((np.ones(len(others), np.bool_), ends), shape=(n_images, n_images))
    _, group = connected_components(linked, directed=False)
    first = np.concatenate([asked, np.setdiff1d(np.arange(n_images), asked)])
    _, leaders = np.unique(group[first], return_index=True)
    stays = np.sort(first[leaders])
    staying = np.isin(asked, stays)
    part = np.ix_(staying, stays)
    n_less, n_equal, n_compared = found.n_less[part], found.n_equal[part], found.n_compared
    if near.to_copies is not None and len(near.copies):
        less, equal = counts_among(near.to_copies[staying], found.within[part])
        n_less, n_equal = n_less - less, n_equal - equal
        n_compared -= len(near.copies)
    left = replace(
        found,
        items=found.items[stays],
        asked=np.searchsorted(stays, asked[staying]),
        within=found.within[part],
        n_less=n_less,
        n_equal=n_equal,
        n_compared=n_compared,
        to_gallery=found.to_gallery[staying],
        nearest_rows=found.nearest_rows[staying],
        nearest_distances=found.nearest_distances[staying],
        nearest_members=None,
    )
    return left, stays


def counts_among(others: FloatArray, within: FloatArray) -> tuple[IntArray, IntArray]:
    """Count for each query how many other images are nearer than each member, and how many as far.

    Args:
        others: (q, n) distances, in any order.
        within: (q, Q) distances of the members; NaN from an image to itself.

    Returns:
        Two (q, Q) int64 arrays, 0 from an image to itself.
    """
    n_less, n_equal = np.zeros((2, *within.shape), np.int64)
    if others.shape[1] == 0:
        return n_less, n_equal
    for query, (ascending, members) in enumerate(zip(np.sort(others, axis=1), within, strict=True)):
        n_less[query] = ascending.searchsorted(members)
        tied = np.flatnonzero(ascending.take(n_less[query], mode="clip") == members)  # rare
        n_equal[query, tied] = ascending.searchsorted(members[tied], side="right") - n_less[query, tied]
    n_less[np.isnan(within)] = 0
    return n_less, n_equal


def _usual_around(found: SetDistances) -> DoubleArray:
    """Give for each asked member the median distance to its nearest others, members and gallery alike: (q,)."""
    others = np.where(np.isnan(found.within), np.inf, found.within)
    table = np.hstack([found.nearest_distances[:, : settings.SAME_AT], others])
    if table.shape[1] > settings.SAME_AT:
        table = np.partition(table, settings.SAME_AT - 1, axis=1)[:, : settings.SAME_AT]
    table = np.where(np.isinf(table), np.nan, table)
    known = ~np.isnan(table).all(axis=1)
    result = np.full(len(table), np.inf)
    result[known] = np.nanmedian(table[known], axis=1)
    return result
