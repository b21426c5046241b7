"""The graph of large collections: nearly that of brute force, and the same for any number of threads."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxr_dash import settings as defaults
from dxr_dash.analysis.distances import METRICS
from dxr_dash.collection.descent_graph import LEAF, _leaf_order, descent_candidates
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, neighbour_graph
from dxr_dash.records import FloatArray
from tests.collection.test_graph_and_map import nearest, normal


def groups(n: int, dims: int, seed: int = 0) -> FloatArray:
    """Draw groups of unequal spread."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20, dims)) * 2
    of = rng.integers(20, size=n)
    found: FloatArray = (
        centres[of] + rng.uniform(0.3, 1.5, 20)[of, None] * rng.standard_normal((n, dims))
    ).astype(np.float32)
    return found


CLOUDS: dict[str, tuple[Callable[[], FloatArray], float]] = {
    "one leaf": (lambda: normal(LEAF, 8), 1.0),
    "several leaves": (lambda: normal(4 * LEAF + 77, 12), 0.99),
    "groups": (lambda: groups(5_000, 24), 0.99),
    "far from the origin": (lambda: normal(3_000, 8, offset=1_000.0), 0.99),
    "copies": (lambda: np.repeat(normal(400, 8), 6, axis=0), 0.99),
    "all the same": (lambda: np.ones((1_500, 4), np.float32), 1.0),
    "some zero vectors": (
        lambda: np.concatenate([normal(900, 6), np.zeros((40, 6), np.float32), normal(900, 6)]),
        0.99,
    ),
    "zero vectors": (lambda: np.zeros((1_200, 4), np.float32), 1.0),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_nearly_all_true_neighbours_are_found(metric: str, cloud: str) -> None:
    make, least = CLOUDS[cloud]
    vectors = make()
    graph = neighbour_graph(vectors, metric=metric, n_neighbours=15, seed=0, method="descent")
    truth = nearest(vectors, metric, 15)
    assert (graph.distances <= truth[:, -1:] * (1 + 2e-7) + 1e-9).mean() >= least
    assert (graph.rows != np.arange(len(vectors))[:, None]).all()
    assert (graph.rows >= 0).all()
    assert all(len(set(row)) == 15 for row in graph.rows.tolist())
    assert (np.diff(graph.distances, axis=1) >= 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 70), st.sampled_from(METRICS))
def test_in_one_leaf_the_nearest_are_found(seed: int, n: int, k: int, metric: str) -> None:
    vectors = np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)
    rows = descent_candidates(vectors, metric=metric, k=k, seed=seed)
    assert rows.shape == (n, min(k, n - 1))
    graph = neighbour_graph(vectors, metric=metric, n_neighbours=k, seed=0)
    assert [set(row) for row in rows.tolist()] == [set(row) for row in graph.rows.tolist()]


def test_the_number_of_threads_changes_nothing_and_the_seed_something() -> None:
    vectors = groups(4_000, 16)
    one = descent_candidates(vectors, metric="cosine", k=15, seed=3, n_threads=1)
    for n_threads in (2, 3, 7):
        more = descent_candidates(vectors, metric="cosine", k=15, seed=3, n_threads=n_threads)
        np.testing.assert_array_equal(one, more)
    other, again = (
        _leaf_order(vectors, 0, seed) for seed in (4, 3)
    )  # the lists may well be the same: the true ones
    assert not np.array_equal(_leaf_order(vectors, 0, 3), other)
    np.testing.assert_array_equal(_leaf_order(vectors, 0, 3), again)


def test_it_finds_as_much_as_pynndescent() -> None:
    vectors = groups(6_000, 32, seed=2)
    found = {}
    for method in ("descent", "pynndescent"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = neighbour_graph(vectors, metric="cosine", n_neighbours=30, seed=0, method=method)
        assert graph.method == method
        found[method] = graph_recall(vectors, graph, metric="cosine", k=15, sample=1_000, seed=1)
    assert found["descent"] is not None
    assert found["pynndescent"] is not None
    assert found["descent"] > found["pynndescent"] - 0.005


def test_large_collections_are_searched_by_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "EXACT_GRAPH_WORK", 0)
    graph = neighbour_graph(normal(400, 8), metric="cosine", n_neighbours=15, seed=0)
    assert graph.method == "descent"


def test_recall_counts_what_is_missing() -> None:
    vectors = normal(300, 5)
    graph = neighbour_graph(vectors, metric="cosine", n_neighbours=15, seed=0)
    rows, far = graph.rows.copy(), graph.distances.copy()
    rows[:, 10:], far[:, 10:] = -1, np.inf
    measured = graph_recall(
        vectors, NeighbourGraph(rows, far, "exact"), metric="cosine", k=15, sample=300, seed=0
    )
    assert measured == pytest.approx(10 / 15)


def test_progress_never_goes_back_and_reaches_next_to_the_end() -> None:
    seen: list[int] = []
    vectors = np.random.default_rng(0).normal(size=(6_000, 16)).astype(np.float32)
    descent_candidates(
        vectors, metric="cosine", k=10, seed=0, on_progress=lambda _what, done, _all: seen.append(done)
    )
    assert seen == sorted(seen)
    assert seen[0] > 0
    assert 0.7 * len(vectors) < seen[-1] <= len(vectors)
