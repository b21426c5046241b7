"""One pass over the gallery: everything that a query set's distances say, without an N x Q array."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.distances import NOISE, Reference, as_rows, from_keys, key_blocks, to_keys
from dxr_dash.analysis.nearest_members import Nearest
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, FloatArray, IntArray, SetDistances

SMALLEST_RANGE = 2.0**-60  # of a histogram nothing has been counted in yet


def set_distances(
    query_vectors: npt.ArrayLike,
    items: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    *,
    metric: str,
    k: int,
    n_bins: int = 512,
    asked: npt.ArrayLike | None = None,
    with_nearest_members: bool = True,
    block: int | None = None,
) -> SetDistances:
    """Compare a query set with itself and with the gallery.

    Members that are gallery rows are left out of "compared" for every member, by their row: another image
    that is identical to a member is a genuine gallery image at distance 0.

    Counts are those of the float32 distances that are shown. A gallery image whose distance would round to
    that of a member is equal to it, and one that differs by float64 rounding alone is equal too, so a copy of
    member m is as far from every q as m is, wherever in the gallery it stands.

    The histogram starts at 0 and ends at the smallest power of two that no distance exceeds, found on the
    way; bins are half open, so histograms of several sets can be brought to one axis exactly.

    Args:
        query_vectors: (Q, D).
        items: (Q,) distinct; a gallery row, or -1 - position of an outside image.
        vectors: (N, D), may be memory-mapped and read-only.
        metric: "cosine" or "euclidean".
        k: gallery images to keep per member; fewer when fewer are compared.
        n_bins: bins of the histogram.
        asked: (q,) positions of the members to ask with, ascending; all of them unless given. The others are still
            to be found, and never compared.
        with_nearest_members: whether to find, for every image, the nearest member; only when all are asked.
        block: gallery rows taken at once; chosen from Q and D unless given.

    Returns:
        The record; equal distances stand in the order of their rows. ``nearest_members`` is there when all members
        were asked, and it was wanted.

    Raises:
        QueryError: an empty set, items that repeat or are not in the gallery, shapes that do not fit, vectors
            that are not finite.
    """
    queries = np.asarray(query_vectors, dtype=np.float32)
    whole = Reference.of(queries, metric)
    members = _check_items(items, len(whole.vectors), len(vectors))
    chosen = _check_asked(asked, len(members))
    reference = whole.of_queries(chosen)
    within = within_distances(queries, metric, chosen)
    bounds = _Bounds.around(within, reference, whole.squares)
    own = members[members >= 0]
    n_compared = len(vectors) - len(own)
    tally = _Tally.empty(within.shape, min(max(k, 0), n_compared), n_bins)
    wanted = with_nearest_members and len(chosen) == len(members)
    nearest = Nearest.empty(len(vectors)) if wanted else None
    for start, keys in key_blocks(reference, vectors, block):
        columns = keys.shape[1]
        farthest = float(from_keys(keys.max(), metric))
        if not isfinite(farthest):
            raise QueryError(
                "A gallery vector holds a value that is not a finite number.", "Build the collection again."
            )
        tally.widen(farthest)
        if nearest is not None:
            nearest.leave_out_self(start, keys, members)
            nearest.add(start, keys)
        inside = own[(own >= start) & (own < start + columns)]
        keys[:, inside - start] = np.inf  # members are not compared
        tally.add(start, keys, columns - len(inside), bounds, metric)
    n_less, n_equal = bounds.in_member_order(tally.n_below, tally.n_equal)
    to_other = np.where(np.isnan(within), np.inf, within).min(axis=1)
    to_other[np.isinf(to_other)] = np.nan
    return SetDistances(
        items=members,
        asked=chosen,
        within=within,
        n_less=n_less,
        n_equal=n_equal,
        n_compared=n_compared,
        edges=np.linspace(0.0, tally.upper, n_bins + 1).astype(np.float32),
        to_gallery=tally.histogram,
        nearest_rows=tally.nearest_rows,
        nearest_distances=tally.nearest_distances,
        nearest_members=None if nearest is None else nearest.record(to_other, metric),
    )


def asked_members(n_images: int, seed: int) -> IntArray:
    """Choose the members that a set is asked with: all of a small one, a random sample of a large one.

    Returns:
        (q,) positions 0..Q-1, ascending.
    """
    most = max(
        settings.ANSWER_FEWEST, min(settings.ANSWER_QUERIES, settings.ANSWER_PAIRS // max(n_images, 1))
    )
    return np.sort(np.random.default_rng(seed).permutation(n_images)[:most]).astype(np.int64)


def within_distances(query_vectors: npt.ArrayLike, metric: str, asked: IntArray | None = None) -> FloatArray:
    """Measure the distances between the members of a set.

    Identical vectors are measured once and copied, so their rows and columns agree in every bit.

    Args:
        query_vectors: (Q, D).
        metric: "cosine" or "euclidean".
        asked: (q,) positions of the members to measure from; all unless given.

    Returns:
        (q, Q) float32, NaN from an image to itself; what lies between two asked members is symmetric.
    """
    unique, place = np.unique(np.asarray(query_vectors, dtype=np.float32), axis=0, return_inverse=True)
    place = place.ravel()
    chosen = np.arange(len(place)) if asked is None else asked
    sources, source = np.unique(place[chosen], return_inverse=True)
    keys = Reference.of(unique[sources], metric).keys(unique.astype(np.float64))
    between = np.triu(keys[:, sources])
    keys[:, sources] = between + np.triu(between, k=1).T
    within: FloatArray = from_keys(keys, metric).astype(np.float32)[np.ix_(source, place)]
    within[np.arange(len(chosen)), chosen] = np.nan
    return within


@dataclass(frozen=True)
class _Bounds:
    """Per query, ascending: what is below ``low`` is nearer than that member, what is in low..high is equal.

    Attributes:
        low: (q, Q) float64 keys.
        high: (q, Q) float64 keys.
        distance: (q, Q) float32, the member distance each pair of bounds lies around.
        order: (q, Q) positions of the members in that order; the query itself comes first, below everything.
    """

    low: DoubleArray
    high: DoubleArray
    distance: FloatArray
    order: IntArray

    @classmethod
    def around(cls, within: FloatArray, reference: Reference, squares: DoubleArray) -> _Bounds:
        """Take every key that would be shown as the member's distance, and float64 rounding on both sides."""
        filled = np.where(np.isnan(within), np.float32(-1.0), within)
        order = np.argsort(filled, axis=1, kind="stable")
        distance = np.take_along_axis(filled, order, axis=1)
        wide = distance.astype(np.float64)
        below = (np.nextafter(distance, np.float32(-np.inf)).astype(np.float64) + wide) / 2
        above = (np.nextafter(distance, np.float32(np.inf)).astype(np.float64) + wide) / 2
        slack: DoubleArray | float = NOISE
        if reference.metric == "euclidean":
            slack = NOISE * np.take_along_axis(reference.squares[:, None] + squares, order, axis=1)
        low = to_keys(below, reference.metric) - slack
        high = to_keys(above, reference.metric) + slack
        low[:, 0] = high[:, 0] = -np.inf
        return cls(low, high, distance, order)

    def in_member_order(self, *counts: IntArray) -> list[IntArray]:
        """Bring (q, Q) counts from ascending order back to the order of the members."""
        result = []
        for count in counts:
            back = np.empty_like(count)
            np.put_along_axis(back, self.order, count, axis=1)
            result.append(back)
        return result

    def shown(self, query: int, keys: DoubleArray, metric: str) -> FloatArray:
        """Turn (b,) keys of one query into float32 distances; one equal to a member's becomes that number."""
        values = from_keys(keys, metric).astype(np.float32)
        place = np.searchsorted(self.low[query], keys, side="right") - 1
        equal = keys <= self.high[query][place]
        values[equal] = self.distance[query][place[equal]]
        return values


@dataclass
class _Tally:
    """What has been counted so far, over the blocks of the gallery."""

    n_below: IntArray  # (q, Q), ascending as in _Bounds
    n_equal: IntArray
    histogram: IntArray
    upper: float  # last edge of the histogram
    nearest_rows: IntArray  # (q, k), -1 not found yet
    nearest_distances: FloatArray

    @classmethod
    def empty(cls, shape: tuple[int, ...], k: int, n_bins: int) -> _Tally:
        n_queries = shape[0]
        return cls(
            n_below=np.zeros(shape, dtype=np.int64),
            n_equal=np.zeros(shape, dtype=np.int64),
            histogram=np.zeros((n_queries, n_bins), dtype=np.int64),
            upper=SMALLEST_RANGE,
            nearest_rows=np.full((n_queries, k), -1, dtype=np.int64),
            nearest_distances=np.full((n_queries, k), np.inf, dtype=np.float32),
        )

    def add(self, start: int, keys: DoubleArray, n_finite: int, bounds: _Bounds, metric: str) -> None:
        """Count one block; its infinite keys, which sort last, are not counted anywhere."""
        if n_finite == 0:
            return
        n_bins = self.histogram.shape[1]
        edges = np.arange(1, n_bins) * (self.upper / n_bins)
        edge_keys = to_keys(edges, metric) * (1.0 - NOISE)  # a distance on an edge belongs to the upper bin
        ends = np.zeros(n_bins + 1, dtype=np.int64)
        for query, row in enumerate(keys):
            ascending = np.sort(row)
            self._count_bounds(query, ascending, bounds)
            first, last = edge_keys.searchsorted([ascending[0], ascending[n_finite - 1]], side="right")
            ends[: first + 1] = 0  # bins below the nearest and above the farthest need no search
            ends[first + 1 : last + 1] = ascending.searchsorted(edge_keys[first:last])
            ends[last + 1 :] = n_finite
            self.histogram[query] += np.diff(ends)
            self._keep_nearest(query, start, row, ascending, n_finite, bounds, metric)

    def _count_bounds(self, query: int, ascending: DoubleArray, bounds: _Bounds) -> None:
        below = ascending.searchsorted(bounds.low[query])
        self.n_below[query] += below
        # Ties are rare: the upper bounds are searched only where the next key lies within one.
        tied = np.flatnonzero(ascending.take(below, mode="clip") <= bounds.high[query])
        if len(tied):
            up_to = ascending.searchsorted(bounds.high[query][tied], side="right")
            self.n_equal[query, tied] += up_to - below[tied]

    def _keep_nearest(
        self,
        query: int,
        start: int,
        row: DoubleArray,
        ascending: DoubleArray,
        n_finite: int,
        bounds: _Bounds,
        metric: str,
    ) -> None:
        k = self.nearest_rows.shape[1]
        if k == 0:
            return
        worst = self.nearest_distances[query, -1]
        if ascending[0] > to_keys(worst, metric):
            return
        kth = np.float32(from_keys(ascending[min(k, n_finite) - 1], metric))
        limit = to_keys(np.nextafter(min(worst, kth), np.float32(np.inf)), metric)
        columns = np.flatnonzero(row <= limit)
        found = bounds.shown(query, row[columns], metric)
        better = found < worst  # on a tie the lower row stays, and rows come in order
        all_rows = np.concatenate([self.nearest_rows[query], start + columns[better]])
        all_distances = np.concatenate([self.nearest_distances[query], found[better]])
        first = np.argsort(all_distances, kind="stable")[:k]
        self.nearest_rows[query] = all_rows[first]
        self.nearest_distances[query] = all_distances[first]

    def widen(self, largest: float) -> None:
        """Let the histogram reach ``largest``: whole bins are joined, so no count is lost or split."""
        if largest <= self.upper:
            return
        factor = 2 ** int(np.ceil(np.log2(largest / self.upper)))
        self.upper *= factor
        n_bins = self.histogram.shape[1]
        joined = np.add.reduceat(self.histogram, np.arange(0, n_bins, min(factor, n_bins)), axis=1)
        self.histogram[:] = 0
        self.histogram[:, : joined.shape[1]] = joined


def _check_items(items: npt.ArrayLike, n_queries: int, n_images: int) -> IntArray:
    members = np.asarray(items, dtype=np.int64)
    if n_queries == 0 or members.size == 0:
        raise QueryError("The query set is empty.", "Choose at least one image.")
    if members.shape != (n_queries,):
        raise QueryError(
            f"There are {members.size} items for {n_queries} query vectors.", "Pass one item per vector."
        )
    if len(np.unique(members)) < n_queries:
        raise QueryError("The query set names an image twice.", "Name every image once.")
    as_rows(members[members >= 0], n_images)
    return members


def _check_asked(asked: npt.ArrayLike | None, n_images: int) -> IntArray:
    if asked is None:
        return np.arange(n_images)
    chosen = as_rows(asked, n_images)
    if not len(chosen) or (np.diff(chosen) <= 0).any():
        raise QueryError(
            "The members to ask with are not in ascending order, each once.",
            "Use asked_members, or sort them.",
        )
    return chosen
