"""Every image's nearest neighbours by comparing all pairs: one matrix product, halved, in tiles that stay in the cache.

Products are float32; what they put near the border of the k nearest is measured again in float64 by the caller.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from dxr_dash.analysis.cores import n_cores, one_blas_thread
from dxr_dash.records import BoolArray, DoubleArray, FloatArray, IntArray, OnProgress, silent

TILE = 1_024  # rows and columns: 4 MB of products
SPARE = 8  # candidates beyond k, for what float32 cannot tell apart
ROWS_AT_ONCE = 8_192
NONE = np.int32(2**31 - 1)


def exact_candidates(
    vectors: FloatArray,
    *,
    metric: str,
    k: int,
    n_threads: int | None = None,
    on_progress: OnProgress = silent,
) -> IntArray:
    """Find for each image the k nearest others and a few more, in no order.

    Args:
        vectors: (N, D) float32, N > 1.
        metric: "cosine" or "euclidean".
        k: at least 1; cut to N - 1.
        n_threads: left out, one a core. The result does not depend on it.

    Returns:
        (N, min(k + SPARE, N - 1)) int64 rows; of equally near ones those with the lowest rows.
    """
    n_images = len(vectors)
    width = min(k + SPARE, n_images - 1)
    ready, halves, directionless = _prepared(vectors, metric)
    scores = np.full((n_images, width), -np.inf, np.float32)
    rows = np.full((n_images, width), NONE, np.int32)
    worst = np.zeros(n_images, np.int32)  # place of the worst candidate of each image
    starts = range(0, n_images, TILE)
    locks = [threading.Lock() for _ in starts]
    tiles = [(i, j) for j in range(len(starts)) for i in range(j + 1)]

    def compare(tile: tuple[int, int]) -> None:
        i, j = tile
        left, right = slice(i * TILE, (i + 1) * TILE), slice(j * TILE, (j + 1) * TILE)
        products = ready[left] @ ready[right].T  # becomes minus half of the squared distance
        products -= halves[left, None]
        products -= halves[right]
        if directionless is not None:
            products[directionless[left]] = -1.0
            products[:, directionless[right]] = -1.0
        with locks[
            i
        ]:  # tiles of a row go on at once where they belong to different columns; both ends are locked
            _keep(products, scores[left], rows[left], worst[left], left.start, right.start)
        if i != j:
            with locks[j]:
                _keep(products.T, scores[right], rows[right], worst[right], right.start, left.start)

    with one_blas_thread, ThreadPoolExecutor(n_threads or n_cores()) as threads:
        for done, _ in enumerate(threads.map(compare, tiles)):
            on_progress("neighbour graph", done * n_images // len(tiles), n_images)
    return rows.astype(np.int64)


def _prepared(vectors: FloatArray, metric: str) -> tuple[FloatArray, FloatArray, BoolArray | None]:
    """Make vectors whose Euclidean distances order the pairs, about their mean: what they share would drown the rest.

    Returns:
        (N, D) float32; (N,) float32 half of each squared norm; and which vectors are zero, if any is and the metric is
        cosine: by definition they are at distance 1 from all, as unit vectors at a right angle are.
    """
    blocks = range(0, len(vectors), ROWS_AT_ONCE)
    middle = sum(directed(vectors[at : at + ROWS_AT_ONCE], metric).sum(axis=0) for at in blocks) / len(
        vectors
    )
    ready = np.empty(vectors.shape, np.float32)
    halves = np.empty(len(vectors), np.float32)
    zero = np.zeros(len(vectors), np.bool_)
    for at in blocks:
        block = directed(vectors[at : at + ROWS_AT_ONCE], metric)
        part = slice(at, at + len(block))
        zero[part] = ~block.any(axis=1)
        block -= middle
        ready[part] = block
        halves[part] = np.einsum("ij,ij->i", block, block) / 2.0
    return ready, halves, zero if metric == "cosine" and zero.any() else None


def directed(block: FloatArray, metric: str) -> DoubleArray:
    """Widen vectors, and bring them to length one for cosine; zero vectors stay zero."""
    wide = block.astype(np.float64)
    if metric == "cosine":
        norms = np.linalg.norm(wide, axis=1, keepdims=True)
        np.divide(wide, norms, out=wide, where=norms > 0)
    return wide


@numba.njit(nogil=True, cache=True)
def _keep(products: Any, scores: Any, rows: Any, worst: Any, first_left: Any, first_right: Any) -> None:
    """Take what is nearer than the worst candidate; ties go by row, so the order of tiles does not matter."""
    n_left, n_right = products.shape
    width = scores.shape[1]
    for r in range(n_left):
        place = worst[r]
        limit, limit_row = scores[r, place], rows[r, place]
        for c in range(n_right):
            value = products[r, c]
            if value < limit:
                continue
            row = first_right + c
            if (value == limit and row >= limit_row) or row == first_left + r:
                continue
            scores[r, place], rows[r, place] = value, row
            place = 0
            for one in range(1, width):
                if scores[r, one] < scores[r, place] or (
                    scores[r, one] == scores[r, place] and rows[r, one] > rows[r, place]
                ):
                    place = one
            limit, limit_row = scores[r, place], rows[r, place]
        worst[r] = place
