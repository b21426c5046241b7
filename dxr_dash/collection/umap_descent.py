"""UMAP's stochastic gradient descent, the same for any number of threads.

umap-learn moves both ends of an edge at once, so its threads write into each other's points: its parallel loop gives
another map every time, and its seed costs all threads but one. Here every point is moved by its own task alone, which
reads the positions of the epoch before. Each edge stands in the graph in both directions and umap-learn moves both ends
of each, so a point is moved by twice the attraction. Random numbers are a hash of seed, point, epoch and edge.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np

from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.mixing import mix
from dxr_dash.records import FloatArray, OnProgress, silent

NEGATIVES = 5  # random points for each edge, as in umap-learn
LONGEST_STEP = np.float32(4.0)  # umap-learn clips each part of a gradient there
SOFTENED = 0.001  # umap-learn's own, in the repulsion of points that are close to each other
TASKS_A_CORE = 4
# The two forces depend on the squared distance alone: they are read off tables over its logarithm, which is in the bits
# of a float32. 128 lines an octave: relative error below 1e-4.
OCTAVE_BITS = 7
LOWEST, HIGHEST = -40, 40  # octaves of the squared distance


def descend(
    start: FloatArray,
    graph: Any,
    *,
    a: float,
    b: float,
    n_epochs: int,
    seed: int,
    n_fixed: int = 0,
    n_threads: int | None = None,
    on_progress: OnProgress = silent,
) -> FloatArray:
    """Move points until near ones in the graph are near on the map.

    Args:
        start: (N, 2) float32.
        graph: (N, N) symmetric scipy sparse matrix of membership strengths in 0..1, as umap-learn makes it.
        a, b: of the curve 1 / (1 + a d^2b).
        n_epochs: rounds; the strongest edge pulls in every one, others in proportion to their strength.
        seed: of the random points that push.
        n_fixed: the first points, which act on others and stay where they are; they need no edges of their own.
        n_threads: left out, one a core. The result does not depend on it.

    Returns:
        (N, 2) float32.

    Source:
        McInnes, Healy and Melville, "UMAP", arXiv:1802.03426, algorithm 5; umap-learn's ``optimize_layout_euclidean``.
    """
    edges = graph.tocsr()
    edges.sort_indices()
    rates = (edges.data / edges.data.max(initial=1e-30)).astype(np.float32)
    rates[rates < 1.0 / n_epochs] = 0.0  # umap-learn leaves them out
    pull, push = _force_tables(a, b)
    ends = edges.indptr.astype(np.int64)
    others = edges.indices.astype(np.int32)
    n_threads = n_threads or n_cores()
    n_points = len(start)
    # Equal numbers of edges in each task.
    n_tasks = max(1, min(n_points - n_fixed, n_threads * TASKS_A_CORE))
    borders = np.searchsorted(ends, np.linspace(ends[n_fixed], ends[-1], n_tasks + 1)[1:-1])
    borders = np.concatenate([[n_fixed], borders.clip(n_fixed), [n_points]])
    now, then = np.array(start, np.float32), np.array(start, np.float32)
    with ThreadPoolExecutor(n_threads) as threads:
        for epoch in range(n_epochs):
            alpha = np.float32(1.0 - epoch / n_epochs)
            tasks = [
                threads.submit(
                    _move,
                    now,
                    then,
                    ends,
                    others,
                    rates,
                    pull,
                    push,
                    low,
                    high,
                    epoch,
                    alpha,
                    np.uint64(seed),
                )
                for low, high in pairwise(borders)
            ]
            for task in tasks:
                task.result()
            now, then = then, now
            on_progress("map", epoch + 1, n_epochs)
    return now


def _force_tables(a: float, b: float) -> tuple[FloatArray, FloatArray]:
    """Tabulate what a step is multiplied with: (n,) float32 for attraction, already doubled, and for repulsion."""
    steps = np.arange(((HIGHEST - LOWEST) << OCTAVE_BITS) + 1)
    octave, within = np.divmod(steps, 1 << OCTAVE_BITS)
    square = np.ldexp(1.0 + within / (1 << OCTAVE_BITS), octave + LOWEST)
    spread = 1.0 + a * square**b
    pull = 2.0 * (-2.0 * a * b * square ** (b - 1.0)) / spread
    push = 2.0 * b / ((SOFTENED + square) * spread)
    return pull.astype(np.float32), push.astype(np.float32)


@numba.njit(inline="always")
def _read(table: Any, bits: Any) -> Any:
    """Read a table at a squared distance, given as the bits of a float32, between two of its lines."""
    shift = 23 - OCTAVE_BITS
    place = (bits >> shift) - ((127 + LOWEST) << OCTAVE_BITS)
    if place < 0:
        return table[0]
    if place >= len(table) - 1:
        return np.float32(0.0)
    part = np.float32(bits & ((1 << shift) - 1)) * np.float32(1.0 / (1 << shift))
    return table[place] + part * (table[place + 1] - table[place])


@numba.njit(inline="always")
def _clip(value: Any) -> Any:
    return min(max(value, -LONGEST_STEP), LONGEST_STEP)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _move(
    now: Any, then: Any, ends: Any, others: Any, rates: Any, pull: Any, push: Any, low: Any, high: Any, epoch: Any,
    alpha: Any, seed: Any,
) -> None:  # fmt: skip
    """Write the next positions of points low..high - 1."""
    n_points = np.uint64(len(now))
    square = np.empty(1, np.float32)
    bits = square.view(np.int32)
    for i in range(low, high):
        x, y = now[i, 0], now[i, 1]
        stream = mix(seed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(i)) + np.uint64(epoch) * np.uint64(
            0xD1B54A32D192ED03
        )
        for e in range(ends[i], ends[i + 1]):
            rate = rates[e]
            if int((epoch + 1) * rate) == int(epoch * rate):
                continue
            j = others[e]
            dx, dy = x - now[j, 0], y - now[j, 1]
            square[0] = dx * dx + dy * dy
            if square[0] > 0:
                force = _read(pull, bits[0])
                x += alpha * _clip(force * dx)
                y += alpha * _clip(force * dy)
            for _ in range(NEGATIVES):
                stream += np.uint64(0x9E3779B97F4A7C15)
                k = np.int64(((mix(stream) >> np.uint64(32)) * n_points) >> np.uint64(32))
                if k == i:
                    continue
                dx, dy = x - now[k, 0], y - now[k, 1]
                square[0] = dx * dx + dy * dy
                if square[0] > 0:
                    force = _read(push, bits[0])
                    x += alpha * _clip(force * dx)
                    y += alpha * _clip(force * dy)
        then[i, 0], then[i, 1] = x, y
