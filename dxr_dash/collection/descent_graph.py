"""Every image's nearest neighbours, nearly all of them, where comparing all pairs would take too long.

First come trees: each cuts the gallery, along differences between two of its images, into leaves of equal size, inside
which all pairs are compared by one matrix product. Then rounds: each image looks at the neighbours of its neighbours,
which are likely to be near as well (Dong, Charikar and Li, "Efficient k-nearest neighbor graph construction for generic
similarity measures", WWW 2011). Every image's list is written by its own task alone, which reads the lists of the
round before, so the graph is the same for any number of threads. Images lie in memory in the order of the first tree's
leaves, so near ones are near there as well.

pynndescent, which does the same in principle, gives another graph for every number of threads, compiles for half a
minute in every process, and takes longer (docs/performance.md); the tests compare with it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.cores import n_cores, one_blas_thread
from dxr_dash.collection.exact_graph import directed
from dxr_dash.collection.mixing import mix
from dxr_dash.records import FloatArray, IntArray, OnProgress, silent

LEAF = 1_024  # images, at most: a square of products is 4 MB
TREES = 12
AXES = 32  # principal axes that the trees cut along
AXES_SAMPLE = 5_000  # images that these are computed from
REVERSE = 15  # images that name an image as neighbour and are looked at with its own
MOST_ROUNDS = 8
CHANGED = 0.002  # of all places in the lists; a round that changes fewer is the last
ROWS_AT_ONCE = 8_192
TASKS_A_CORE = 8
NONE = np.int32(-1)


def descent_candidates(
    vectors: FloatArray,
    *,
    metric: str,
    k: int,
    seed: int,
    n_threads: int | None = None,
    on_progress: OnProgress = silent,
) -> IntArray:
    """Find for each image its k nearest others, or nearly: ``graph_recall`` measures how nearly.

    Args:
        vectors: (N, D) float32, may be memory-mapped, N > 1.
        metric: "cosine" or "euclidean".
        k: at least 1; cut to N - 1.
        seed: of the trees.
        n_threads: left out, one a core. The result does not depend on it.

    Returns:
        (N, min(k, N - 1)) int64 rows, about nearest first; -1 where none was found.
    """
    n_images = len(vectors)
    width = min(k, n_images - 1)
    n_threads = n_threads or n_cores()
    with one_blas_thread, ThreadPoolExecutor(n_threads) as threads:
        middle = _mean(vectors, metric, threads)
        places = _places(vectors, metric, middle, seed, threads)
        orders = list(threads.map(partial(_leaf_order, places), range(TREES), [seed] * TREES))
        order = orders[0]
        ready, halves = _prepared(vectors, metric, middle, order, threads)
        place_of = np.empty(n_images, np.int32)
        place_of[order] = np.arange(n_images, dtype=np.int32)
        rows = np.full((n_images, width), NONE, np.int32)
        scores = np.full((n_images, width), -np.inf, np.float32)
        for done, one in enumerate(orders, start=1):
            _compare_in_leaves(ready, halves, place_of[one], rows, scores, threads)
            on_progress("neighbour graph", n_images * done // (2 * len(orders)), n_images)
        _explored(ready, halves, rows, scores, threads, n_threads, on_progress)
    found = np.empty((n_images, width), np.int64)
    found[order] = np.where(rows < 0, -1, order[rows])
    return found


def _mean(vectors: FloatArray, metric: str, threads: ThreadPoolExecutor) -> npt.NDArray[np.float64]:
    """Average the directed vectors: (D,)."""

    def total(start: int) -> Any:
        return directed(vectors[start : start + ROWS_AT_ONCE], metric).sum(axis=0)

    return np.asarray(sum(threads.map(total, range(0, len(vectors), ROWS_AT_ONCE)))) / len(vectors)


def _places(
    vectors: FloatArray, metric: str, middle: npt.NDArray[np.float64], seed: int, threads: ThreadPoolExecutor
) -> FloatArray:
    """Project onto the first principal axes of a sample: (N, A) float32."""
    n_images = len(vectors)
    some = np.random.default_rng(seed).choice(n_images, min(n_images, AXES_SAMPLE), replace=False)
    sample = directed(vectors[np.sort(some)], metric) - middle
    _, axes = np.linalg.eigh(sample.T @ sample)
    axes = axes[:, ::-1][:, :AXES]
    places = np.empty((n_images, axes.shape[1]), np.float32)

    def project(start: int) -> None:
        block = directed(vectors[start : start + ROWS_AT_ONCE], metric)
        places[start : start + len(block)] = (block - middle) @ axes

    list(threads.map(project, range(0, n_images, ROWS_AT_ONCE)))
    return places


def _prepared(
    vectors: FloatArray,
    metric: str,
    middle: npt.NDArray[np.float64],
    order: IntArray,
    threads: ThreadPoolExecutor,
) -> tuple[FloatArray, FloatArray]:
    """Bring vectors about their mean into an order: (N, D) float32, and (N,) float32 half of each squared norm."""
    ready = np.empty(vectors.shape, np.float32)
    halves = np.empty(len(vectors), np.float32)

    def prepare(start: int) -> None:
        part = slice(start, start + ROWS_AT_ONCE)
        block = directed(vectors[order[part]], metric)
        zero = ~block.any(axis=1)
        block -= middle
        ready[part] = block
        halves[part] = np.einsum("ij,ij->i", block, block) / 2.0
        if metric == "cosine":  # at distance 1 from all by definition, as vectors at a right angle are
            halves[part][zero] += 0.5

    list(threads.map(prepare, range(0, len(vectors), ROWS_AT_ONCE)))
    return ready, halves


def _leaf_order(places: FloatArray, tree: int, seed: int) -> IntArray:
    """Put images in the order of a tree's leaves: (N,) int64."""
    order = np.arange(len(places))
    _split(places, order, np.uint64(seed * TREES + tree + 1), LEAF)
    return order


def _leaf_bounds(n_images: int) -> list[tuple[int, int]]:
    """Say where the leaves lie: halves of halves, as ``_split`` makes them."""
    bounds, waiting = [], [(0, n_images)]
    while waiting:
        low, high = waiting.pop()
        if high - low <= LEAF:
            bounds.append((low, high))
        else:
            middle = (low + high) // 2
            waiting += [(low, middle), (middle, high)]
    return bounds


def _compare_in_leaves(
    ready: FloatArray,
    halves: FloatArray,
    members: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int32],
    scores: FloatArray,
    threads: ThreadPoolExecutor,
) -> None:
    """Compare all pairs in each leaf of one tree; every image is in one leaf, so the tasks do not meet."""

    def compare(bounds: tuple[int, int]) -> None:
        here = members[slice(*bounds)]
        block = ready[here]
        products = block @ block.T
        products -= halves[here]
        _keep(products, here, rows, scores)

    list(threads.map(compare, _leaf_bounds(len(members))))


def _explored(
    ready: FloatArray,
    halves: FloatArray,
    rows: npt.NDArray[np.int32],
    scores: FloatArray,
    threads: ThreadPoolExecutor,
    n_threads: int,
    on_progress: OnProgress,
) -> None:
    """Look at neighbours of neighbours until hardly anything changes, and keep the lists up to date."""
    n_images = len(rows)
    fresh = np.ones(rows.shape, np.bool_)
    borders = np.linspace(0, n_images, n_threads * TASKS_A_CORE + 1).astype(np.int64).tolist()
    for number in range(MOST_ROUNDS):
        links, n_changed = _links(rows, fresh), 0

        def explore(low: int, high: int, links: Any = links) -> int:
            lists, are_fresh, any_fresh = links
            return int(_explore(ready, halves, lists, are_fresh, any_fresh, rows, scores, fresh, low, high))

        for place, n_of_task in enumerate(threads.map(explore, borders, borders[1:]), start=1):
            n_changed += n_of_task
            # nobody knows how many rounds it takes, but each takes about half as long as the one before
            left = 0.5**number * (1.0 - 0.5 * place / (len(borders) - 1))
            on_progress("neighbour graph", n_images - int(n_images * left / 2), n_images)
        if n_changed <= CHANGED * rows.size:
            return


@numba.njit(nogil=True, cache=True)
def _split(places: Any, order: Any, stream: Any, leaf: Any) -> None:
    """Halve ranges of ``order`` by a random direction, the difference of two members, until they are leaves."""
    n_axes = places.shape[1]
    waiting = [(0, len(order))]
    direction = np.empty(n_axes, np.float32)
    values = np.empty(len(order), np.float32)
    kept = np.empty(len(order), order.dtype)
    while waiting:
        low, high = waiting.pop()
        size = high - low
        if size <= leaf:
            continue
        stream += np.uint64(0x9E3779B97F4A7C15)
        first = order[low + np.int64(mix(stream) % np.uint64(size))]
        stream += np.uint64(0x9E3779B97F4A7C15)
        second = order[low + np.int64(mix(stream) % np.uint64(size))]
        for axis in range(n_axes):
            direction[axis] = places[first, axis] - places[second, axis]
        for i in range(low, high):
            value = np.float32(0.0)
            for axis in range(n_axes):
                value += places[order[i], axis] * direction[axis]
            values[i] = value
        middle = (low + high) // 2
        border = np.partition(values[low:high], middle - low)[middle - low]
        n_equal = middle - low  # places left of the middle that images on the border itself fill
        for i in range(low, high):
            if values[i] < border:
                n_equal -= 1
        left, right = low, middle
        for i in range(low, high):
            goes_left = values[i] < border
            if values[i] == border and n_equal > 0:
                goes_left = True
                n_equal -= 1
            if goes_left:
                kept[left] = order[i]
                left += 1
            else:
                kept[right] = order[i]
                right += 1
        order[low:high] = kept[low:high]
        waiting.append((low, middle))
        waiting.append((middle, high))


@numba.njit(inline="always")
def _insert(rows: Any, scores: Any, at: Any, row: Any, value: Any) -> None:
    """Put an image where it belongs in a list, nearest first, unless it is there; ties go by row."""
    width = rows.shape[1]
    for place in range(width):
        if rows[at, place] == row:
            return
    place = width - 1
    while place > 0 and (
        scores[at, place - 1] < value or (scores[at, place - 1] == value and rows[at, place - 1] > row)
    ):
        scores[at, place], rows[at, place] = scores[at, place - 1], rows[at, place - 1]
        place -= 1
    scores[at, place], rows[at, place] = value, row


@numba.njit(nogil=True, cache=True)
def _keep(products: Any, members: Any, rows: Any, scores: Any) -> None:
    """Offer the members of a leaf to each other."""
    last = rows.shape[1] - 1
    n_members = len(members)
    for i in range(n_members):
        at = members[i]
        limit = scores[at, last]
        for j in range(n_members):
            if products[i, j] > limit and i != j:
                _insert(rows, scores, at, members[j], products[i, j])
                limit = scores[at, last]


@numba.njit(nogil=True, cache=True)
def _links(rows: Any, fresh: Any) -> Any:
    """List for each image its neighbours, then those that name it, the ones that name it first first.

    Returns:
        (N, K + REVERSE) int32; whether each came in the last round; and whether any of an image's did: (N,).
    """
    n_images, width = rows.shape
    links = np.full((n_images, width + REVERSE), NONE, np.int32)
    are_fresh = np.zeros(links.shape, np.bool_)
    any_fresh = np.zeros(n_images, np.bool_)
    ends = np.full(n_images, width, np.int32)
    for column in range(width):
        for image in range(n_images):
            named = rows[image, column]
            if named < 0:
                continue
            links[image, column], are_fresh[image, column] = named, fresh[image, column]
            any_fresh[image] |= fresh[image, column]
            end = ends[named]
            if end < links.shape[1]:
                links[named, end], are_fresh[named, end] = image, fresh[image, column]
                any_fresh[named] |= fresh[image, column]
                ends[named] += 1
    return links, are_fresh, any_fresh


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def _explore(
    ready: Any, halves: Any, links: Any, are_fresh: Any, any_fresh: Any, rows: Any, scores: Any, fresh: Any, low: Any,
    high: Any,
) -> Any:  # fmt: skip
    """Bring the lists of images low..high - 1 up to date, by the links alone; return how many places changed."""
    n_images, width = rows.shape
    n_dims = ready.shape[1]
    seen = np.full(n_images, NONE, np.int32)
    n_changed = 0
    for image in range(low, high):
        seen[image] = image
        for c in range(width):
            if rows[image, c] >= 0:
                seen[rows[image, c]] = image
        limit = scores[image, width - 1]
        for c in range(links.shape[1]):
            through = links[image, c]
            if through < 0 or not (are_fresh[image, c] or any_fresh[through]):
                continue
            for d in range(links.shape[1]):
                other = links[through, d]
                if other < 0 or seen[other] == image or not (are_fresh[image, c] or are_fresh[through, d]):
                    continue
                seen[other] = image
                value = np.float32(0.0)
                for n in range(n_dims):
                    value += ready[image, n] * ready[other, n]
                value -= halves[other]
                if value > limit:
                    _insert(rows, scores, image, other, value)
                    limit = scores[image, width - 1]
        for c in range(width):
            fresh[image, c] = rows[image, c] != links[image, c] and not _among(
                rows[image, c], links[image, :width]
            )
            n_changed += fresh[image, c]
    return n_changed


@numba.njit(inline="always")
def _among(row: Any, others: Any) -> Any:
    for other in others:  # noqa: SIM110 - numba knows no any()
        if other == row:
            return True
    return False
