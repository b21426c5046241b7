"""The neighbour graph after images have come and gone, from the graph before.

A list of the L nearest stays right when one of its images goes: it is then one of L - 1. So a graph keeps a few more
neighbours than it shows, and an image is compared with all others again only when so many of its neighbours have gone
that fewer than those shown are left. A new image is compared with all others, and enters the lists that it belongs in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.distances import NOISE, Reference, key_blocks, pair_distances, to_keys
from dxr_dash.collection.neighbours import NeighbourGraph
from dxr_dash.collection.shared_images import Shared
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray, OnProgress, silent

QUERIES_AT_ONCE = 1_024
FLOAT32 = 1e-6  # relative; more than rounding to float32 moves the square of a distance
NEAR_AT_ONCE = 4_096  # images whose neighbours' neighbours are measured at once
NEAR_COLUMNS = 12  # nearest neighbours whose own nearest are looked at


def grow_graph(
    vectors: FloatArray,
    before: NeighbourGraph,
    shared: Shared,
    *,
    metric: str,
    n_shown: int,
    n_columns: int,
    on_progress: OnProgress = silent,
) -> NeighbourGraph:
    """Bring a neighbour graph up to date.

    Args:
        vectors: (N, D) float32 of the gallery as it is now.
        before: the graph of the gallery as it was, with all its columns.
        shared: which images the two share; their vectors are the same.
        n_shown: columns that every image must have, as far as there are others.
        n_columns: at most so many.

    Returns:
        (N, min(n_columns, N - 1)) rows and distances; -1 and inf where more is not known. If ``before`` is exact, the
        first n_shown columns are those of a graph from scratch; else they are as good as ``before`` was.
    """
    width, needed = min(n_columns, shared.n_now - 1), min(n_shown, shared.n_now - 1)
    rows = np.full((shared.n_now, width), -1, np.int32)
    distances = np.full((shared.n_now, width), np.inf, np.float32)
    if not width:
        return NeighbourGraph(rows, distances, before.method)
    kept = _Kept.of(before, shared)
    new = shared.new
    own, entries = _search(vectors, new, kept, metric=metric, k=width, on_progress=on_progress)
    measured = pair_distances(vectors, entries[:, 0], entries[:, 1], metric=metric)
    belong = kept.belongs(entries[:, 0], entries[:, 1], measured)
    entries, measured = entries[belong], measured[belong]
    touched = kept.shortened.copy()
    touched[np.searchsorted(kept.now, entries[:, 0])] = True
    as_they_were = kept.now[~touched]
    n_held = min(width, kept.rows.shape[1])
    rows[as_they_were, :n_held] = kept.rows[~touched, :n_held]
    distances[as_they_were, :n_held] = kept.distances[~touched, :n_held]
    image, place = np.nonzero((kept.rows >= 0) & touched[:, None])
    true = pair_distances(vectors, own[:, 0], own[:, 1], metric=metric)
    _fill(
        rows,
        distances,
        np.concatenate([kept.now[image], entries[:, 0], own[:, 0]]),
        np.concatenate([kept.rows[image, place], entries[:, 1], own[:, 1]]),
        np.concatenate([kept.distances[image, place], measured, true]),
    )
    short = np.flatnonzero((rows[:, :needed] < 0).any(axis=1))
    if len(short):
        if before.method == "exact":
            pairs, _ = _search(vectors, short, None, metric=metric, k=width, on_progress=on_progress)
        else:
            pairs = _neighbours_of_neighbours(rows, short)
        true = pair_distances(vectors, pairs[:, 0], pairs[:, 1], metric=metric)
        rows[short], distances[short] = -1, np.inf
        _fill(rows, distances, pairs[:, 0], pairs[:, 1], true)
    return NeighbourGraph(rows, distances, before.method)


@dataclass(frozen=True)
class _Kept:
    """The lists of the images that stay, less those that have gone, and how far each of them reaches.

    Attributes:
        now: (n,) rows of the images.
        rows, distances: (n, L) of their neighbours; -1 and inf where one has gone, or none was known.
        shortened: (n,) whether one has gone.
        reach: (N,) float32: an image at a smaller distance belongs in the list, for sure; -inf for new images.
        border: (N,) one exactly as far belongs there if its row is lower than this.
    """

    now: IntArray
    rows: npt.NDArray[np.int32]
    distances: FloatArray
    shortened: BoolArray
    reach: FloatArray
    border: IntArray

    @classmethod
    def of(cls, before: NeighbourGraph, shared: Shared) -> _Kept:
        row_now = np.full(shared.n_before + 1, -1, np.int32)  # the last: of no neighbour
        row_now[shared.before] = shared.now
        next_now = np.where(row_now[:-1] >= 0, row_now[:-1], shared.n_now)
        next_now = np.minimum.accumulate(next_now[::-1])[::-1]
        lists, away = before.rows[shared.before], before.distances[shared.before]
        lengths = (lists >= 0).sum(axis=1)
        last = np.maximum(lengths - 1, 0)[:, None]
        reach = np.full(shared.n_now, -np.inf, np.float32)
        border = np.zeros(shared.n_now, np.int64)
        if lists.shape[1]:
            reach[shared.now] = np.take_along_axis(away, last, 1)[:, 0]
            border[shared.now] = next_now[np.take_along_axis(lists, last, 1)[:, 0]]
        reach[shared.now[lengths == shared.n_before - 1]] = np.inf  # the list holds all others
        rows = row_now[lists]
        gone = rows < 0
        shortened: BoolArray = np.any(gone & (lists >= 0), axis=1)
        return cls(shared.now, rows, np.where(gone, np.float32(np.inf), away), shortened, reach, border)

    def belongs(self, images: IntArray, others: IntArray, distances: FloatArray) -> BoolArray:
        """Say whether others belong in the lists of images."""
        found: BoolArray = (distances < self.reach[images]) | (
            (distances == self.reach[images]) & (others < self.border[images])
        )
        return found


def _search(
    vectors: FloatArray,
    asked: IntArray,
    kept: _Kept | None,
    *,
    metric: str,
    k: int,
    on_progress: OnProgress,
) -> tuple[IntArray, IntArray]:
    """Compare images with all others.

    Returns:
        (m, 2) pairs of an image asked for and another that may be among its k nearest, and (m, 2) pairs of a kept
        image and one asked for that may belong in its list: a few too many, since rounding is not settled yet.
    """
    limits = np.full(len(vectors), -np.inf)
    if kept is not None:
        reaches = kept.reach >= 0
        limits[reaches] = to_keys(kept.reach[reaches], metric)
    own, entries = [np.empty((0, 2), np.int64)], [np.empty((0, 2), np.int64)]
    for at in range(0, len(asked), QUERIES_AT_ONCE):
        on_progress("neighbour graph", at, len(asked))
        images = asked[at : at + QUERIES_AT_ONCE]
        reference = Reference.of(vectors[images], metric)
        slack = NOISE * (1.0 if metric == "cosine" else 4.0 * float(reference.squares.max(initial=0.0)))
        nearest = _Nearest(len(images), k, slack)
        for start, keys in key_blocks(reference, vectors):
            stop = start + keys.shape[1]
            here = np.flatnonzero((images >= start) & (images < stop))
            keys[here, images[here] - start] = np.inf
            nearest.take(keys, start)
            if kept is not None:
                bounds = limits[start:stop] * (1.0 + FLOAT32) + slack
                query, place = np.nonzero(keys <= bounds)
                entries.append(np.column_stack([place + start, images[query]]))
        own.append(np.column_stack([images[nearest.queries], nearest.rows]))
    return np.concatenate(own), np.concatenate(entries)


class _Nearest:
    """The k nearest of each query so far, all that are hardly farther included."""

    def __init__(self, n_queries: int, k: int, slack: float) -> None:
        self._k, self._slack = k, slack
        self._bounds = np.full(n_queries, np.inf)
        self.queries = np.empty(0, np.int64)
        self.rows = np.empty(0, np.int64)
        self._keys = np.empty(0)

    def take(self, keys: DoubleArray, start: int) -> None:
        """Look at a block: (Q, b) keys of the rows from ``start`` on; inf is an image itself."""
        if keys.shape[1] > self._k and np.isinf(self._bounds).any():
            nearest = np.partition(keys, self._k - 1, axis=1)[:, self._k - 1]
            self._bounds = np.minimum(self._bounds, self._loosened(nearest))
        query, place = np.nonzero((keys <= self._bounds[:, None]) & (keys < np.inf))
        queries = np.concatenate([self.queries, query])
        rows = np.concatenate([self.rows, place + start])
        found = np.concatenate([self._keys, keys[query, place]])
        order = np.lexsort((found, queries))
        queries, rows, found = queries[order], rows[order], found[order]
        first = np.searchsorted(queries, np.arange(len(self._bounds)))
        enough = np.bincount(queries, minlength=len(self._bounds)) >= self._k
        self._bounds[enough] = self._loosened(found[first[enough] + self._k - 1])
        near = found <= self._bounds[queries]
        self.queries, self.rows, self._keys = queries[near], rows[near], found[near]

    def _loosened(self, keys: DoubleArray) -> DoubleArray:
        return keys * (1.0 + FLOAT32) + self._slack


def _fill(
    rows: npt.NDArray[np.int32], distances: FloatArray, left: IntArray, right: IntArray, true: FloatArray
) -> None:
    """Write the nearest of each image's pairs into its list, in order; ties by row."""
    order = np.lexsort((right, true, left))
    left, right, true = left[order], right[order], true[order]
    place = np.arange(len(left)) - np.searchsorted(left, left)
    fits = place < rows.shape[1]
    rows[left[fits], place[fits]] = right[fits]
    distances[left[fits], place[fits]] = true[fits]


def _neighbours_of_neighbours(rows: npt.NDArray[np.int32], images: IntArray) -> IntArray:
    """Pair images with their neighbours and the nearest of these: (m, 2), each pair once."""
    found = []
    for at in range(0, len(images), NEAR_AT_ONCE):
        part = images[at : at + NEAR_AT_ONCE]
        own = rows[part]
        through = own[:, :NEAR_COLUMNS]
        theirs = np.where(through[:, :, None] >= 0, rows[through][:, :, :NEAR_COLUMNS], -1)
        others = np.sort(np.column_stack([own, theirs.reshape(len(part), -1)]), axis=1)
        good = others >= 0
        good[:, 1:] &= others[:, 1:] != others[:, :-1]
        good &= others != part[:, None]
        line, column = np.nonzero(good)
        found.append(np.column_stack([part[line], others[line, column]]))
    return np.concatenate(found)
