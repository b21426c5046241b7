"""One pass over the gallery, in tiles that stay in the cache: counts between thresholds, and what is nearest.

Products are float32. A key that lies nearer to a threshold, or to the border of the nearest, than float32 can tell is
measured again in float64, so that nothing depends on the products, on the tiles or on the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import sqrt
from typing import cast

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis import kernels
from dxr_dash.analysis.cores import n_cores, one_blas_thread
from dxr_dash.analysis.counted import SMALLEST_RANGE, Bounds, Found, Grid
from dxr_dash.analysis.distances import NARROW_QUERIES, Reference, check_shape, from_keys, to_keys
from dxr_dash.errors import QueryError
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray

ROWS = 2_048  # of a tile
ROWS_OF_FEW = 8_192  # for few queries: every row is met once, so nothing need stay
QUERIES = 256  # multiplied at once: with ROWS 2 MiB of float32 keys
TRANSPOSED = 64  # queries up to which BLAS is quicker the other way round
MOST_MEASURED = 0.2  # of the keys of a tile; beyond, all are float64 from the start
SPREAD = 8.0
"""Rounding errors of D float32 products add up to less than SPREAD sqrt(D) 2^-24 of the two lengths, but for one pair
in 10^13: Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41 (2019)
A2815-A2835, Theorem 2.4. (The bound without exception is sqrt(D) / 8 times as wide.)"""
SQUARES = (1e-24, 1e30)  # of vectors whose float32 products neither vanish nor overflow


@dataclass
class GalleryPass:
    """A pass that can be taken once.

    Attributes:
        reference: the q asked members.
        vectors: (N, D).
        bounds: of all members; left out, nothing is counted, and only ``best`` and ``members`` are found.
        own: (Q,) rows of the members that are gallery rows, -1 for others; they are not compared.
        asked: (q,) positions of the asked among them.
        k, n_bins: as in ``set_distances``.
        best, members: (N,) float64 keys and int64 numbers of the nearest query; None when not wanted.
        block: rows of a tile; left out, chosen.
    """

    reference: Reference
    vectors: npt.NDArray[np.floating]
    bounds: Bounds | None
    own: IntArray
    asked: IntArray
    k: int = 0
    n_bins: int = 1
    best: DoubleArray | None = None
    members: IntArray | None = None
    block: int | None = None
    float32: bool = field(init=False)
    _grids: dict[tuple[float, bool], Grid] = field(init=False, default_factory=dict)
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
        with one_blas_thread:
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

    def grid(self, upper: float, slack: DoubleArray) -> Grid:
        """Give the thresholds until ``upper``, made once for float32 and once for float64."""
        key = (upper, bool(slack[0]))
        with self._lock:
            known = self._grids.get(key)
            if known is None or (known.slack < slack).any():
                margin = slack if self.cosine else slack * 2.0  # the next tile may hold longer vectors
                known = Grid.until(
                    upper, cast("Bounds", self.bounds), self.n_bins, self.reference.metric, margin
                )
                self._grids[key] = known
            return known


class _Worker:
    """One thread's share of a pass."""

    def __init__(self, whole: GalleryPass, upper: float) -> None:
        self.whole = whole
        n_queries = len(whole.reference.vectors)
        n_members = 0 if whole.bounds is None else whole.bounds.low.shape[1]
        self.found = Found.nothing((n_queries, n_members), whole.k, whole.n_bins, upper)
        n_counts = 0 if whole.bounds is None else 2 * n_members + whole.n_bins
        self.counts = np.zeros((n_queries, n_counts), np.int32)
        self.grid: Grid | None = None

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
        whole = self.whole
        n_measured = 0
        if whole.bounds is not None:
            if self.counts.shape[1] > 1:  # else there is nothing to count between
                n_measured = self._count(part, keys, slack, hidden, pairs)
            if whole.k:
                bounds = (whole.bounds.low[part], whole.bounds.high[part], whole.bounds.distance[part])
                kept = (self.found.limits[part], self.found.rows[part], self.found.distances[part])
                kernels.keep_nearest(keys, slack, start, hidden, bounds, *kept, pairs)
        if whole.best is not None and whole.members is not None:
            own = whole.own[whole.asked[part]] - start
            selves = np.flatnonzero((own >= 0) & (own < len(hidden)))
            keys[selves, own[selves]] = np.inf
            tile = slice(start, start + len(hidden))
            n_measured += kernels.nearest_of_all(
                keys, slack, part.start, whole.best[tile], whole.members[tile], pairs
            )
        return n_measured

    def _count(
        self,
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
        return int(n_measured)

    def _reach(self, farthest: float) -> None:
        """Let the histogram reach a distance, of which the counts so far know nothing."""
        if farthest > self.found.upper:
            self.finished()
            self.found.widen(farthest)

    def _grid_for(self, part: slice, slack: DoubleArray) -> Grid:
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
