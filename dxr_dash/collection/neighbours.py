"""Vectors -> the one neighbour graph, which serves neighbours, map, clusters and hubness."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.analysis.distances import Reference, pair_distances
from dxr_dash.records import FloatArray, IntArray, OnProgress, silent

GRAPH_RECIPE = 2  # raised when the same vectors give another graph
ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class NeighbourGraph:
    """Who is near to whom.

    Attributes:
        rows: (N, K) int32 gallery rows, nearest first, the image itself left out; -1 where none was found.
        distances: (N, K) float32 in the metric of the space; inf where none was found.
        method: "exact", "descent" or "pynndescent".
    """

    rows: npt.NDArray[np.int32]
    distances: FloatArray
    method: str


def neighbour_graph(
    vectors: FloatArray,
    *,
    metric: str,
    n_neighbours: int,
    seed: int,
    method: str | None = None,
    on_progress: OnProgress = silent,
) -> NeighbourGraph:
    """Find every image's nearest neighbours.

    Args:
        vectors: (N, D) float32.
        metric: "cosine" or "euclidean".
        n_neighbours: K, cut to N - 1.
        seed: of the random trees; exact needs none.
        method: "exact", "descent" or "pynndescent"; left out, exact where that is quicker
            (``settings.EXACT_GRAPH_WORK``), else descent.
    """
    n_images = len(vectors)
    k = min(n_neighbours, n_images - 1)
    if method is None:
        work = n_images**2 * (vectors.shape[1] + settings.EXACT_GRAPH_DIMS)
        method = "exact" if work <= settings.EXACT_GRAPH_WORK else "descent"
    if k == 0:
        return NeighbourGraph(np.empty((n_images, 0), np.int32), np.empty((n_images, 0), np.float32), "exact")
    if method == "exact":
        from dxr_dash.collection.exact_graph import exact_candidates  # brings numba

        rows = exact_candidates(vectors, metric=metric, k=k, on_progress=on_progress)
    elif method == "descent":
        from dxr_dash.collection.descent_graph import descent_candidates

        rows = descent_candidates(vectors, metric=metric, k=k, seed=seed, on_progress=on_progress)
    else:
        on_progress("neighbour graph", 0, 0)
        rows = _pynndescent_rows(vectors, metric=metric, k=k, seed=seed)
    on_progress("neighbour graph", n_images, n_images)
    found = _with_true_distances(vectors, rows, metric, method)
    return NeighbourGraph(found.rows[:, :k].copy(), found.distances[:, :k].copy(), method)


def nearest_rows(vectors: FloatArray, asked: IntArray, *, metric: str, k: int) -> IntArray:
    """Find the (n, k) rows truly nearest to each of ``asked`` by comparing with every image; self left out by row."""
    from dxr_dash.analysis.counted import Bounds  # brings numba, as does the pass
    from dxr_dash.analysis.gallery_pass import GalleryPass

    reference, nobody = Reference.of(vectors[asked], metric), np.empty(0, np.int64)
    no_limits = Bounds.at(np.empty((len(asked), 0)))
    found = GalleryPass(reference, vectors, no_limits, nobody, nobody, k=k + 1).run().rows
    return _without_self(found, asked)


def _without_self(found: IntArray, asked: IntArray) -> IntArray:
    """Leave each image out of its own list of k + 1: (n, k)."""
    is_self = found == asked[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # self is not there (duplicates tie with it): the last one goes
    others: IntArray = found[~is_self].reshape(len(found), found.shape[1] - 1)
    return others


def graph_recall(
    vectors: FloatArray, graph: NeighbourGraph, *, metric: str, k: int, sample: int, seed: int
) -> float | None:
    """Measure the share of the true k nearest neighbours that the graph holds, on a random sample of images.

    A neighbour exactly as far as the k-th true one counts as true: ties have no order.

    Returns:
        A value in 0..1; None when there is nothing to find (a single image).
    """
    n_images = len(vectors)
    k = min(k, graph.rows.shape[1])
    if k == 0:
        return None
    asked = np.sort(np.random.default_rng(seed).choice(n_images, min(sample, n_images), replace=False))
    near = nearest_rows(vectors, asked, metric=metric, k=k)
    truth = _with_true_distances(vectors, near, metric, "exact", asked)
    return float((graph.distances[asked, :k] <= truth.distances[:, -1:]).mean())


def k_occurrence(graph: NeighbourGraph, k: int) -> npt.NDArray[np.int32]:
    """Count how often each image is among the k nearest of the others: (N,) int32.

    Source:
        Radovanović, Nanopoulos and Ivanović, "Hubs in Space", JMLR 11 (2010) 2487-2531.
    """
    found = graph.rows[:, :k].ravel()
    return np.bincount(found[found >= 0], minlength=len(graph.rows)).astype(np.int32)


def _pynndescent_rows(vectors: FloatArray, *, metric: str, k: int, seed: int) -> IntArray:
    """Search with pynndescent and leave each image itself out; -1 where it found too few."""
    from pynndescent import NNDescent  # two seconds that only this path should cost

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the few images with too few neighbours: -1 says it
        index = NNDescent(vectors, metric=metric, n_neighbors=k + 1, random_state=seed)
        found, _ = index.neighbor_graph
    return _without_self(np.asarray(found, np.int64), np.arange(len(found)))


def _with_true_distances(
    vectors: FloatArray, rows: IntArray, metric: str, method: str, asked: IntArray | None = None
) -> NeighbourGraph:
    """Measure the chosen neighbours exactly and put them in order; ties by row, so the order is always the same."""
    asked = np.arange(len(rows)) if asked is None else asked
    ordered = NeighbourGraph(np.empty(rows.shape, np.int32), np.empty(rows.shape, np.float32), method)

    def measure(start: int) -> None:
        part = slice(start, start + ROWS_AT_ONCE)
        left, right = np.repeat(asked[part], rows.shape[1]), rows[part].ravel()
        true = pair_distances(vectors, left, np.where(right < 0, left, right), metric=metric)
        true[right < 0] = np.inf
        true = true.reshape(-1, rows.shape[1])
        order = np.lexsort((rows[part], true), axis=1)
        ordered.rows[part] = np.take_along_axis(rows[part], order, 1)
        ordered.distances[part] = np.take_along_axis(true, order, 1)

    with ThreadPoolExecutor(n_cores()) as threads:
        list(threads.map(measure, range(0, len(rows), ROWS_AT_ONCE)))
    return ordered
