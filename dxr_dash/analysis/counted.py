"""What a pass over the gallery counts between, and what it has found so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis import kernels
from dxr_dash.analysis.distances import NOISE, Reference, to_keys
from dxr_dash.records import DoubleArray, FloatArray, IntArray

CELLS = 4_096
ROUNDED = 2.0**-20  # of the largest key: what a float32 edge may be off, with room
SMALLEST_RANGE = 2.0**-60  # of a histogram nothing has been counted in yet


@dataclass(frozen=True)
class Bounds:
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
    def around(cls, within: FloatArray, reference: Reference, squares: DoubleArray) -> Bounds:
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

    @classmethod
    def at(cls, keys: DoubleArray) -> Bounds:
        """Count what is below each of (q, T) keys, which stand for no members; T may be 0."""
        order = np.argsort(keys, axis=1, kind="stable")
        ascending = np.take_along_axis(keys, order, axis=1)
        return cls(ascending, ascending, np.zeros(keys.shape, np.float32), order)

    def in_member_order(self, count: IntArray) -> IntArray:
        """Bring (q, Q) counts from ascending order back to the order of the members."""
        back = np.empty_like(count)
        np.put_along_axis(back, self.order, count, axis=1)
        return back


@dataclass(frozen=True)
class Grid:
    """All that keys are counted between, for a histogram that ends at ``upper``.

    Attributes:
        thresholds: (q, T) float64 keys, ascending: the lower bounds, the upper bounds and the inner edges.
        places: (q, T) where each of them stands in that order, as they are named here.
        slack: (q,) how far a key may be off.
        scale, width, cells, edges: as in ``kernels.make_cells``.
    """

    upper: float
    thresholds: DoubleArray
    places: IntArray
    scale: float
    slack: DoubleArray
    width: DoubleArray
    cells: npt.NDArray[np.uint32]
    edges: FloatArray

    @classmethod
    def until(cls, upper: float, bounds: Bounds, n_bins: int, metric: str, slack: DoubleArray) -> Grid:
        """Put the bounds of the members and the inner edges of a histogram in order, for keys off by ``slack``."""
        edges = np.arange(1, n_bins) * (upper / n_bins)
        edge_keys = to_keys(edges, metric) * (1.0 - NOISE)  # a distance on an edge belongs to the upper bin
        all_edges = np.broadcast_to(edge_keys, (len(slack), n_bins - 1))
        named = np.concatenate([bounds.low, np.nextafter(bounds.high, np.inf), all_edges], axis=1)
        order = np.argsort(named, axis=1, kind="stable")
        places = np.empty_like(order)
        np.put_along_axis(places, order, np.arange(order.shape[1])[None, :], axis=1)
        thresholds = np.take_along_axis(named, order, axis=1)
        top = max(float(to_keys(upper, metric)), SMALLEST_RANGE)
        width = 2.0 * slack + ROUNDED * top
        cells = np.empty((len(slack), CELLS), np.uint32)
        edges = np.empty((len(slack), CELLS), np.float32)
        kernels.make_cells(thresholds, CELLS / top, width, cells, edges)
        return cls(upper, thresholds, places, CELLS / top, slack, width, cells, edges)


@dataclass
class Found:
    """What has been found so far, by one thread or by all.

    Attributes:
        n_below, n_up_to: (q, Q) int64 keys below and not above each member, in the order of the bounds.
        histogram: (q, n_bins) int64.
        upper: last edge of the histogram, a power of two.
        rows, distances: (q, k) int64 and float32, nearest first.
        limits: (q,) float64 keys that a nearer one does not exceed.
    """

    n_below: IntArray
    n_up_to: IntArray
    histogram: IntArray
    upper: float
    rows: IntArray
    distances: FloatArray
    limits: DoubleArray

    @classmethod
    def nothing(cls, shape: tuple[int, int], k: int, n_bins: int, upper: float = SMALLEST_RANGE) -> Found:
        """Begin."""
        return cls(
            n_below=np.zeros(shape, np.int64),
            n_up_to=np.zeros(shape, np.int64),
            histogram=np.zeros((shape[0], n_bins), np.int64),
            upper=upper,
            rows=np.full((shape[0], k), -1, np.int64),
            distances=np.full((shape[0], k), np.inf, np.float32),
            limits=np.full(shape[0], np.inf),
        )

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

    def add_counts(self, grid: Grid, counts: npt.NDArray[np.int32]) -> None:
        """Take over counts between the thresholds of a grid, and set them to 0."""
        n_members = self.n_below.shape[1]
        for query, counted in enumerate(counts):
            below = np.cumsum(counted, dtype=np.int64)
            at = below[grid.places[query]]
            self.n_below[query] += at[:n_members]
            self.n_up_to[query] += at[n_members : 2 * n_members]
            self.histogram[query] += np.diff(at[2 * n_members :], prepend=0, append=below[-1])
        counts[:] = 0

    def add(self, other: Found) -> None:
        """Take over what another thread has found."""
        self.widen(other.upper)
        other.widen(self.upper)
        self.n_below += other.n_below
        self.n_up_to += other.n_up_to
        self.histogram += other.histogram
        k = self.rows.shape[1]
        rows = np.concatenate([self.rows, other.rows], axis=1)
        distances = np.concatenate([self.distances, other.distances], axis=1)
        order = np.lexsort((np.where(rows < 0, np.iinfo(np.int64).max, rows), distances), axis=1)[:, :k]
        self.rows = np.take_along_axis(rows, order, axis=1)
        self.distances = np.take_along_axis(distances, order, axis=1)
