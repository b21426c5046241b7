"""One pass over the gallery: everything that a query set's distances say, without an N x Q array."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import NOISE, Reference, as_rows, from_keys, key_blocks, to_keys
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
        block: gallery rows taken at once; chosen from Q and D unless given.

    Returns:
        The record; equal distances stand in the order of their rows. ``set_distance`` is NaN where there is
        no other member.

    Raises:
        QueryError: an empty set, items that repeat or are not in the gallery, shapes that do not fit, vectors
            that are not finite.
    """
    queries = np.asarray(query_vectors, dtype=np.float32)
    reference = Reference.of(queries, metric)
    members = _check_items(items, len(reference.vectors), len(vectors))
    within = within_distances(queries, metric)
    bounds = _Bounds.around(within, reference)
    n_compared = len(vectors) - int((members >= 0).sum())
    tally = _Tally.empty(len(members), min(max(k, 0), n_compared), n_bins, len(vectors))
    for start, keys in key_blocks(reference, vectors, block):
        columns = keys.shape[1]
        farthest = float(from_keys(keys.max(), metric))
        if not isfinite(farthest):
            raise QueryError(
                "A gallery vector holds a value that is not a finite number.", "Build the collection again."
            )
        tally.widen(farthest)
        inside = np.flatnonzero((members >= start) & (members < start + columns))
        keys[inside, members[inside] - start] = np.inf  # self is nobody's neighbour
        tally.add_nearest_member(start, keys)
        keys[:, members[inside] - start] = np.inf  # and members are not compared
        tally.add(start, keys, columns - len(inside), bounds, metric)
    n_less, n_equal = bounds.in_member_order(tally.n_below, tally.n_equal)
    set_distance = from_keys(tally.set_keys, metric)
    set_distance[tally.nearest_member < 0] = np.nan
    return SetDistances(
        items=members,
        within=within,
        n_less=n_less,
        n_equal=n_equal,
        n_compared=n_compared,
        edges=np.linspace(0.0, tally.upper, n_bins + 1).astype(np.float32),
        to_gallery=tally.histogram,
        nearest_rows=tally.nearest_rows,
        nearest_distances=tally.nearest_distances,
        set_distance=set_distance.astype(np.float32),
        nearest_member=tally.nearest_member,
    )


def within_distances(query_vectors: npt.ArrayLike, metric: str) -> FloatArray:
    """Measure the distances between the members of a set.

    Identical vectors are measured once and copied, so their rows and columns agree in every bit.

    Returns:
        (Q, Q) float32, symmetric, NaN on the diagonal.
    """
    unique, place = np.unique(np.asarray(query_vectors, dtype=np.float32), axis=0, return_inverse=True)
    reference = Reference.of(unique, metric)
    keys = reference.keys(unique.astype(np.float64))
    upper = np.triu(keys)
    square = from_keys(upper + np.triu(upper, k=1).T, metric).astype(np.float32)
    within: FloatArray = square[np.ix_(place.ravel(), place.ravel())]
    np.fill_diagonal(within, np.nan)
    return within


@dataclass(frozen=True)
class _Bounds:
    """Per query, ascending: what is below ``low`` is nearer than that member, what is in low..high is equal.

    Attributes:
        low: (Q, Q) float64 keys.
        high: (Q, Q) float64 keys.
        distance: (Q, Q) float32, the member distance each pair of bounds lies around.
        order: (Q, Q) positions of the members in that order; the query itself comes first, below everything.
    """

    low: DoubleArray
    high: DoubleArray
    distance: FloatArray
    order: IntArray

    @classmethod
    def around(cls, within: FloatArray, reference: Reference) -> _Bounds:
        """Take every key that would be shown as the member's distance, and float64 rounding on both sides."""
        filled = np.where(np.isnan(within), np.float32(-1.0), within)
        order = np.argsort(filled, axis=1, kind="stable")
        distance = np.take_along_axis(filled, order, axis=1)
        wide = distance.astype(np.float64)
        below = (np.nextafter(distance, np.float32(-np.inf)).astype(np.float64) + wide) / 2
        above = (np.nextafter(distance, np.float32(np.inf)).astype(np.float64) + wide) / 2
        slack: DoubleArray | float = NOISE
        if reference.metric == "euclidean":
            slack = NOISE * np.take_along_axis(reference.squares[:, None] + reference.squares, order, axis=1)
        low = to_keys(below, reference.metric) - slack
        high = to_keys(above, reference.metric) + slack
        low[:, 0] = high[:, 0] = -np.inf
        return cls(low, high, distance, order)

    def in_member_order(self, *counts: IntArray) -> list[IntArray]:
        """Bring (Q, Q) counts from ascending order back to the order of the members."""
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

    n_below: IntArray  # (Q, Q), ascending as in _Bounds
    n_equal: IntArray
    histogram: IntArray
    upper: float  # last edge of the histogram
    nearest_rows: IntArray  # (Q, k), -1 not found yet
    nearest_distances: FloatArray
    set_keys: DoubleArray  # (N,)
    nearest_member: IntArray

    @classmethod
    def empty(cls, n_queries: int, k: int, n_bins: int, n_images: int) -> _Tally:
        return cls(
            n_below=np.zeros((n_queries, n_queries), dtype=np.int64),
            n_equal=np.zeros((n_queries, n_queries), dtype=np.int64),
            histogram=np.zeros((n_queries, n_bins), dtype=np.int64),
            upper=SMALLEST_RANGE,
            nearest_rows=np.full((n_queries, k), -1, dtype=np.int64),
            nearest_distances=np.full((n_queries, k), np.inf, dtype=np.float32),
            set_keys=np.full(n_images, np.inf),
            nearest_member=np.full(n_images, -1, dtype=np.int64),
        )

    def add_nearest_member(self, start: int, keys: DoubleArray) -> None:
        """Note the nearest member of each gallery row of the block; infinite keys do not count."""
        nearest = keys.min(axis=0)
        part = slice(start, start + keys.shape[1])
        self.set_keys[part] = nearest
        # Faster than argmin down the columns. Members are visited last to first: the first one stays.
        members, columns = np.nonzero(keys == nearest)
        members, columns = members[::-1], columns[::-1]
        finite = np.isfinite(nearest[columns])
        self.nearest_member[start + columns[finite]] = members[finite]

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
