"""One pass over the gallery, in tiles that stay in the cache: counts between thresholds, and what is nearest.

Products are float32. A key that lies nearer to a threshold, or to the border of the nearest, than float32 can tell is
measured again in float64, so that nothing depends on the products, on the tiles or on the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from dxr_dash.analysis import kernels
from dxr_dash.analysis.cores import n_cores
from dxr_dash.analysis.distances import NARROW_QUERIES, NOISE, Reference, check_shape, from_keys, to_keys
from dxr_dash.errors import QueryError
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray

ROWS = 2_048  # of a tile
ROWS_OF_FEW = 8_192  # for few queries: every row is met once, so nothing need stay
QUERIES = 256  # multiplied at once: with ROWS 2 MiB of float32 keys
TRANSPOSED = 64  # queries up to which BLAS is quicker the other way round
CELLS = 4_096
ROUNDED = 2.0**-20  # of the largest key: what a float32 edge may be off, with room
SMALLEST_RANGE = 2.0**-60  # of a histogram nothing has been counted in yet
MOST_MEASURED = 0.2  # of the keys of a tile; beyond, all are float64 from the start
SPREAD = 8.0
"""Rounding errors of D float32 products add up to less than SPREAD sqrt(D) 2^-24 of the two lengths, but for one pair
in 10^13: Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41 (2019)
A2815-A2835, Theorem 2.4. (The bound without exception is sqrt(D) / 8 times as wide.)"""
SQUARES = (1e-24, 1e30)  # of vectors whose float32 products neither vanish nor overflow


_limit = threading.Lock()
_going: list[threadpool_limits] = []  # one for each pass; the first one knows how it was before


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on the thread that asks for them, while any pass goes on: passes may overlap."""
    with _limit:
        _going.append(threadpool_limits(1, "blas") if not _going else _going[0])
    try:
        yield
    finally:
        with _limit:
            before = _going.pop()
            if not _going:
                before.restore_original_limits()


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

    def in_member_order(self, count: IntArray) -> IntArray:
        """Bring (q, Q) counts from ascending order back to the order of the members."""
        back = np.empty_like(count)
        np.put_along_axis(back, self.order, count, axis=1)
        return back


@dataclass(frozen=True)
class _Grid:
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
    def until(cls, upper: float, bounds: Bounds, n_bins: int, metric: str, slack: DoubleArray) -> _Grid:
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

    def add_counts(self, grid: _Grid, counts: npt.NDArray[np.int32]) -> None:
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


@dataclass
class GalleryPass:
    """A pass that can be taken once.

    Attributes:
        reference: the q asked members.
        vectors: (N, D).
        bounds: of all members.
        own: (Q,) rows of the members that are gallery rows, -1 for others; they are not compared.
        asked: (q,) positions of the asked among them.
        k, n_bins: as in ``set_distances``.
        best, members: (N,) float64 keys and int64 numbers of the nearest query; None when not wanted.
        block: rows of a tile; left out, chosen.
    """

    reference: Reference
    vectors: npt.NDArray[np.floating]
    bounds: Bounds
    own: IntArray
    asked: IntArray
    k: int
    n_bins: int
    best: DoubleArray | None = None
    members: IntArray | None = None
    block: int | None = None
    float32: bool = field(init=False)
    _grids: dict[tuple[float, bool], _Grid] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        n_queries, n_dimensions = self.reference.vectors.shape
        check_shape(self.reference, self.vectors)
        self.few = n_queries <= NARROW_QUERIES
        self.float32 = (
            not self.few and self.vectors.dtype in (np.float32, np.float16) and _tame(self.reference.squares)
        )
        self.rows = self.block or (ROWS_OF_FEW if self.few else ROWS)
        self.relative = (SPREAD * sqrt(n_dimensions) + 8.0) * 2.0**-24
        self.narrow = self.reference.vectors.astype(np.float32)
        self.cosine = self.reference.metric == "cosine"

    def run(self, n_threads: int | None = None) -> Found:
        """Meet every row once; the result does not depend on the number of threads.

        Raises:
            QueryError: a vector is not finite.
        """
        starts = iter(range(0, len(self.vectors), self.rows))
        first = _Worker(self, SMALLEST_RANGE)
        with one_blas_thread():
            for (
                start
            ) in starts:  # the first tile says how wide the histogram must be, and what float32 is worth
                share = first.take(start)
                self.float32 = self.float32 and share <= MOST_MEASURED
                break
            n_more = max(0, min(n_threads or n_cores(), -(-len(self.vectors) // self.rows) - 1) - 1)
            others = [_Worker(self, first.found.upper) for _ in range(n_more)]
            if others:
                with ThreadPoolExecutor(n_more) as threads:
                    going = [threads.submit(worker.take_all, starts) for worker in others]
                    first.take_all(starts)
                    for one in going:
                        one.result()
            else:
                first.take_all(starts)
        found = first.finished()
        for worker in others:
            found.add(worker.finished())
        return found

    def grid(self, upper: float, slack: DoubleArray) -> _Grid:
        """Give the thresholds until ``upper``, made once for float32 and once for float64."""
        key = (upper, bool(slack[0]))
        with self._lock:
            known = self._grids.get(key)
            if known is None or (known.slack < slack).any():
                margin = slack if self.cosine else slack * 2.0  # the next tile may hold longer vectors
                known = _Grid.until(upper, self.bounds, self.n_bins, self.reference.metric, margin)
                self._grids[key] = known
            return known


class _Worker:
    """One thread's share of a pass."""

    def __init__(self, whole: GalleryPass, upper: float) -> None:
        self.whole = whole
        n_queries = len(whole.reference.vectors)
        n_members = whole.bounds.low.shape[1]
        self.found = Found.nothing((n_queries, n_members), whole.k, whole.n_bins, upper)
        self.counts = np.zeros((n_queries, 2 * n_members + whole.n_bins), np.int32)
        self.grid: _Grid | None = None

    def finished(self) -> Found:
        """Give what was found."""
        if self.grid is not None:
            self.found.add_counts(self.grid, self.counts)
            self.grid = None
        return self.found

    def take_all(self, starts: Iterator[int]) -> None:
        """Take tiles until none is left; other threads take from the same ones."""
        while (start := next(starts, None)) is not None:
            self.take(start)

    def take(self, start: int) -> float:
        """Meet the rows of one tile: return the share of keys that had to be measured again."""
        whole = self.whole
        rows = np.ascontiguousarray(whole.vectors[start : start + whole.rows]).view()
        if rows.dtype == np.float16:
            rows = rows.astype(np.float32)
        rows.flags.writeable = False  # as memory-mapped ones are: one compiled loop serves both
        squares = np.empty(len(rows))
        products = None
        if whole.few:
            products = np.empty((len(whole.reference.vectors), len(rows)))
            kernels.products_of_few(whole.reference.vectors, rows, products, squares)
        else:
            kernels.squares(rows, squares)
        if not np.isfinite(squares).all():
            raise QueryError(
                "A gallery vector holds a value that is not a finite number.", "Build the collection again."
            )
        hidden = np.zeros(len(rows), np.bool_)
        inside = np.flatnonzero((whole.own >= start) & (whole.own < start + len(rows)))
        hidden[whole.own[inside] - start] = True
        n_measured = 0
        wide: DoubleArray | None = None
        keys: DoubleArray | FloatArray
        for first in range(0, len(self.counts), QUERIES):
            part = slice(first, first + QUERIES)
            queries = whole.reference.of_queries(np.arange(len(self.counts))[part])
            pairs = (queries.vectors, rows, queries.squares, squares, whole.cosine)
            if products is not None:
                keys, slack = queries.keys_of(products, squares), np.zeros(len(products))
            elif whole.float32 and _tame(squares):
                keys, slack = self._narrow_keys(part, queries, rows, squares)
            else:
                wide = rows.astype(np.float64) if wide is None else wide
                keys, slack = queries.keys(wide), np.zeros(len(queries.vectors))
            n_measured += self._tally(start, part, keys, slack, hidden, pairs)
        return n_measured / max(1, len(self.counts) * len(rows))

    def _narrow_keys(
        self, part: slice, queries: Reference, rows: FloatArray, squares: DoubleArray
    ) -> tuple[FloatArray, DoubleArray]:
        """Measure a tile in float32: (q, b) keys, and (q,) how far they may be off."""
        whole = self.whole
        narrow = whole.narrow[part]
        if len(narrow) <= TRANSPOSED:
            keys = np.ascontiguousarray(np.matmul(rows, narrow.T).T)
        else:
            keys = np.matmul(narrow, rows.T)
        n_rows = len(rows)
        if whole.cosine:
            inverse = np.divide(-1.0, np.sqrt(squares), out=np.zeros(n_rows), where=squares > 0.0)
            of_query, of_row = np.ones(len(narrow), np.float32), np.zeros(n_rows, np.float32)
            factor = inverse.astype(np.float32)
            slack = np.full(len(narrow), whole.relative)
        else:
            of_query, of_row = queries.squares.astype(np.float32), squares.astype(np.float32)
            factor = np.full(n_rows, -2.0, np.float32)
            slack = whole.relative * (queries.squares + squares.max(initial=0.0))
        kernels.products_to_keys(keys, of_query, of_row, factor)
        return keys, slack

    def _tally(
        self,
        start: int,
        part: slice,
        keys: DoubleArray | FloatArray,
        slack: DoubleArray,
        hidden: BoolArray,
        pairs: tuple[object, ...],
    ) -> int:
        whole, found = self.whole, self.found
        metric = whole.reference.metric
        most = float(slack.max(initial=0.0))
        farthest = float(keys.max(initial=0.0))
        if farthest + most > to_keys(found.upper, metric):
            if most:
                farthest = kernels.largest_key(keys, farthest - 2.0 * most, pairs)
            self._reach(float(from_keys(farthest, metric)))
        grid = self._grid_for(part, slack)
        counts = self.counts[part]
        table = (grid.width[part], grid.thresholds[part], grid.cells[part], grid.edges[part])
        n_measured = kernels.count(keys, grid.scale, slack, *table, counts, pairs)
        columns = np.flatnonzero(hidden)
        if len(columns):
            kernels.leave_out(columns, keys, slack, grid.thresholds[part], counts, pairs)
        if whole.k:
            bounds = (whole.bounds.low[part], whole.bounds.high[part], whole.bounds.distance[part])
            kept = (found.limits[part], found.rows[part], found.distances[part])
            kernels.keep_nearest(keys, slack, start, hidden, bounds, *kept, pairs)
        if whole.best is not None and whole.members is not None:
            own = whole.own[whole.asked[part]] - start
            selves = np.flatnonzero((own >= 0) & (own < len(hidden)))
            keys[selves, own[selves]] = np.inf
            tile = slice(start, start + len(hidden))
            kernels.nearest_of_all(keys, slack, part.start, whole.best[tile], whole.members[tile], pairs)
        return int(n_measured)

    def _reach(self, farthest: float) -> None:
        """Let the histogram reach a distance, of which the counts so far know nothing."""
        if farthest > self.found.upper:
            self.finished()
            self.found.widen(farthest)

    def _grid_for(self, part: slice, slack: DoubleArray) -> _Grid:
        """Give a grid whose margins hold this tile's slack; counts in an older one are taken over first."""
        known = self.grid
        if known is not None and (
            bool(known.slack[0]) == bool(slack[0]) and (known.slack[part] >= slack).all()
        ):
            return known
        self.finished()
        everywhere = np.zeros(len(self.counts))
        if slack[0]:
            room = slack.max()
            everywhere[:] = room
        self.grid = self.whole.grid(self.found.upper, everywhere)
        return self.grid


def _tame(squares: DoubleArray) -> bool:
    """Say whether float32 products of vectors with these squared lengths neither overflow nor vanish."""
    some = squares[squares > 0.0]
    return bool((some > SQUARES[0]).all() and (some < SQUARES[1]).all())
