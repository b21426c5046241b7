"""The exact graph against brute force, and the descent of the map against umap-learn's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.manifold import trustworthiness

from dxr_dash.analysis.distances import METRICS, distances
from dxr_dash.collection import umap_descent
from dxr_dash.collection.exact_graph import TILE, exact_candidates
from dxr_dash.collection.map2d import map_coordinates, principal_axes
from dxr_dash.collection.neighbours import nearest_rows, neighbour_graph
from dxr_dash.collection.umap_descent import descend
from dxr_dash.records import FloatArray


def nearest(vectors: FloatArray, metric: str, k: int) -> FloatArray:
    """Measure the distances of the k nearest by the full table."""
    table = distances(vectors, vectors, metric=metric)
    np.fill_diagonal(table, np.inf)
    found: FloatArray = np.sort(table, axis=1)[:, :k]
    return found


def normal(n: int, d: int, *, offset: float = 0.0) -> FloatArray:
    return (np.random.default_rng(0).standard_normal((n, d)) + offset).astype(np.float32)


CLOUDS: dict[str, Callable[[], FloatArray]] = {
    "one tile": lambda: normal(300, 12),
    "several tiles": lambda: normal(2 * TILE + 77, 8),
    "far from the origin": lambda: normal(1_500, 8, offset=1_000.0),
    "copies": lambda: np.repeat(normal(200, 8), 6, axis=0),
    "some zero vectors": lambda: np.concatenate([normal(60, 4), np.zeros((9, 4), np.float32), normal(60, 4)]),
    "zero vectors": lambda: np.zeros((50, 4), np.float32),
    "two images": lambda: normal(2, 4),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_neighbours_that_recall_is_measured_by_are_those_of_brute_force(metric: str, cloud: str) -> None:
    vectors = CLOUDS[cloud]()
    asked = np.arange(0, len(vectors), 3)
    k = min(15, len(vectors) - 1)
    rows = nearest_rows(vectors, asked, metric=metric, k=k)
    assert rows.shape == (len(asked), k)
    assert (rows != asked[:, None]).all()
    assert all(len(set(row)) == k for row in rows.tolist())
    far = distances(vectors[asked], vectors, metric=metric)
    found = np.sort(np.take_along_axis(far, rows, axis=1), axis=1)
    np.testing.assert_allclose(found, nearest(vectors, metric, k)[asked], rtol=2e-7)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_exact_graph_is_that_of_brute_force(metric: str, cloud: str) -> None:
    vectors = CLOUDS[cloud]()
    graph = neighbour_graph(vectors, metric=metric, n_neighbours=15, seed=0)
    assert graph.method == "exact"
    k = min(15, len(vectors) - 1)
    assert graph.rows.shape == (len(vectors), k)
    # one by one and as a table the same distance is rounded in two ways
    np.testing.assert_allclose(graph.distances, nearest(vectors, metric, k), rtol=2e-7)
    assert (graph.rows != np.arange(len(vectors))[:, None]).all()
    assert all(len(set(row)) == k for row in graph.rows.tolist())


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 90), st.integers(1, 100), st.sampled_from(METRICS))
def test_candidates_hold_the_nearest_and_the_lowest_rows_of_equals(
    seed: int, n: int, k: int, metric: str
) -> None:
    vectors = np.random.default_rng(seed).integers(0, 3, size=(n, 2)).astype(np.float32)
    rows = exact_candidates(vectors, metric=metric, k=k)
    assert rows.shape[1] == min(k + 8, n - 1)
    table = distances(vectors, vectors, metric=metric).astype(np.float64)
    np.fill_diagonal(table, np.inf)
    got = np.sort(np.take_along_axis(table, rows, 1), axis=1)
    np.testing.assert_allclose(got, np.sort(table, axis=1)[:, : rows.shape[1]], atol=1e-6)


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.repeat(normal(1_200, 6), 3, axis=0)
    one = exact_candidates(vectors, metric="cosine", k=10, n_threads=1)
    for n_threads in (2, 5):
        more = exact_candidates(vectors, metric="cosine", k=10, n_threads=n_threads)
        np.testing.assert_array_equal(np.sort(one, axis=1), np.sort(more, axis=1))
    start, graph = principal_axes(vectors, metric="cosine", seed=0), ring(len(vectors))
    maps = [
        descend(start, graph, a=0.58, b=1.33, n_epochs=20, seed=3, n_threads=n_threads)
        for n_threads in (1, 2, 5)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_array_equal(maps[0], maps[2])
    other = descend(start, graph, a=0.58, b=1.33, n_epochs=20, seed=4)
    assert not np.array_equal(maps[0], other)


def ring(n: int) -> Any:
    """Join each point with the next one."""
    rows = np.arange(n)
    edges = sparse.csr_matrix((np.ones(n, np.float32), (rows, (rows + 1) % n)), shape=(n, n))
    return edges.maximum(edges.T)


def test_an_edge_pulls_and_everything_else_pushes() -> None:
    pairs = sparse.csr_matrix((np.ones(4, np.float32), ([0, 1, 2, 3], [1, 0, 3, 2])), shape=(4, 4))
    start = np.array([[0, 0], [8, 0], [0, 8], [8, 8]], np.float32)
    found = descend(start, pairs, a=0.58, b=1.33, n_epochs=200, seed=0)
    within = np.linalg.norm(found[0] - found[1]), np.linalg.norm(found[2] - found[3])
    across = np.linalg.norm(found[[0, 1]].mean(axis=0) - found[[2, 3]].mean(axis=0))
    assert max(within) < 3
    assert across > 2 * max(within)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("a", "b"), [(0.583, 1.334), (1.577, 0.895), (1.93, 0.79)])
def test_forces_read_off_tables_are_those_of_the_formula(a: float, b: float) -> None:
    pull, push = umap_descent._force_tables(a, b)
    square = np.exp(np.random.default_rng(0).uniform(np.log(1e-9), np.log(1e9), 500)).astype(np.float32)
    exact = square.astype(np.float64)
    spread = 1 + a * exact**b
    wanted = 2 * (-2 * a * b * exact ** (b - 1)) / spread, 2 * b / ((0.001 + exact) * spread)
    read = umap_descent._read.py_func
    for table, expected in zip((pull, push), wanted, strict=True):
        got = [read(table, int(bits)) for bits in square.view(np.int32)]
        np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_the_map_is_as_good_as_that_of_umap_learn() -> None:
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((12, 20)) * 2
    vectors = (centres[rng.integers(12, size=900)] + rng.standard_normal((900, 20))).astype(np.float32)
    graph = neighbour_graph(vectors, metric="euclidean", n_neighbours=30, seed=0)
    ours = map_coordinates(vectors, graph, metric="euclidean", n_neighbours=15, min_distance=0.5, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        theirs = UMAP(n_neighbors=15, min_dist=0.5, init="pca", random_state=0).fit_transform(vectors)
    good = [trustworthiness(vectors, found, n_neighbors=15) for found in (ours, theirs)]
    assert good[0] > good[1] - 0.01
    again = map_coordinates(vectors, graph, metric="euclidean", n_neighbours=15, min_distance=0.5, seed=0)
    np.testing.assert_array_equal(ours, again)


def test_copies_do_not_break_the_map() -> None:
    vectors = np.ones((60, 5), np.float32)
    graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0)
    found = map_coordinates(vectors, graph, metric="cosine", n_neighbours=15, min_distance=0.5, seed=0)
    assert np.isfinite(found).all()
