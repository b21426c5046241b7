"""The pass in float32 tiles: nothing of what float32 cannot tell may be seen in what it finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dxr_dash.analysis.distances import METRICS, Reference, key_blocks
from dxr_dash.analysis.few_queries import key_tiles
from dxr_dash.analysis.gallery_pass import ROWS
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, SetDistances

N = 2 * ROWS + 77
CLOSE = 1e-12


def gallery(n: int = N, d: int = 48, seed: int = 0) -> FloatArray:
    """Groups, copies of some images everywhere, and zero vectors."""
    draw = np.random.default_rng(seed)
    vectors = (draw.normal(size=(9, d))[draw.integers(9, size=n)] + draw.normal(size=(n, d))).astype(
        np.float32
    )
    vectors[draw.choice(n, 200, replace=False)] = vectors[draw.integers(20, size=200)]
    vectors[draw.choice(n, 5, replace=False)] = 0.0
    return vectors


def measured(
    vectors: FloatArray, rows: np.ndarray, metric: str, block: int | None = None, n_threads: int | None = None
) -> SetDistances:
    return set_distances(vectors[rows], rows, vectors, metric=metric, k=30, block=block, n_threads=n_threads)


def assert_equal(left: SetDistances, right: SetDistances) -> None:
    for name, value in vars(left).items():
        if name != "nearest_members":
            np.testing.assert_array_equal(value, getattr(right, name), err_msg=name)
    assert (left.nearest_members is None) == (right.nearest_members is None)
    if left.nearest_members is not None and right.nearest_members is not None:
        for name, value in vars(left.nearest_members).items():
            np.testing.assert_array_equal(value, getattr(right.nearest_members, name), err_msg=name)


def true_distances(queries: FloatArray, vectors: FloatArray, metric: str) -> np.ndarray:
    """SciPy's, in float64; a zero vector is 1 from everything by cosine, where SciPy divides by zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        table = cdist(queries.astype(np.float64), vectors.astype(np.float64), metric)
    return np.where(np.isnan(table), 1.0, np.where(table < CLOSE, 0.0, table))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_queries", [1, 3, 40, 300])
def test_the_pass_agrees_with_scipy_in_float64(metric: str, n_queries: int) -> None:
    vectors = gallery()
    rows = np.sort(np.random.default_rng(1).choice(N, n_queries, replace=False))
    found = measured(vectors, rows, metric)
    table = true_distances(vectors[rows], vectors, metric)
    others = np.setdiff1d(np.arange(N), rows)
    shown = table.astype(np.float32)[:, others]
    for q in range(n_queries):
        near, edges = np.sort(table[q, others]), found.edges[1:-1].astype(np.float64)
        below = np.cumsum(found.to_gallery[q])[
            :-1
        ]  # a distance within rounding of an edge may stand on either side
        assert (below >= np.searchsorted(near, edges * (1 - 2e-7))).all()
        assert (below <= np.searchsorted(near, edges * (1 + 2e-7), side="right")).all()
        assert found.to_gallery[q].sum() == len(others)
        far = np.sort(shown[q])[:30]
        np.testing.assert_allclose(found.nearest_distances[q], far, rtol=3e-7, atol=1e-7)
        np.testing.assert_allclose(
            shown[q, np.searchsorted(others, found.nearest_rows[q])], far, rtol=3e-7, atol=1e-7
        )
        ties = np.diff(found.nearest_distances[q]) == 0
        assert (np.diff(found.nearest_rows[q])[ties] > 0).all()
        for m in range(0, n_queries, 7):
            if m != q:
                at, wide = table[q, rows[m]], table[q, others]
                assert found.n_less[q, m] >= (wide < at * (1 - 2e-7) - CLOSE).sum()
                assert found.n_less[q, m] + found.n_equal[q, m] <= (wide <= at * (1 + 2e-7) + CLOSE).sum()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_queries", [2, 40])
def test_threads_and_tiles_change_nothing(metric: str, n_queries: int) -> None:
    vectors = gallery()
    rows = np.random.default_rng(2).choice(N, n_queries, replace=False)
    alone = measured(vectors, rows, metric, n_threads=1)
    for how in ({"n_threads": 2}, {"n_threads": 3, "block": 500}, {"n_threads": 5, "block": 333}):
        assert_equal(measured(vectors, rows, metric, **how), alone)


@pytest.mark.parametrize("metric", METRICS)
def test_float32_products_change_nothing(metric: str) -> None:
    vectors = gallery()
    rows = np.arange(0, N, 101)
    by_float64 = set_distances(vectors[rows], rows, vectors.astype(np.float64), metric=metric, k=30)
    assert_equal(measured(vectors, rows, metric), by_float64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factor", [1e-18, 1e-3, 1e17])
def test_vectors_whose_products_float32_cannot_hold_are_measured_all_the_same(
    metric: str, factor: float
) -> None:
    vectors = gallery() * np.float32(factor)
    rows = np.arange(0, N, 301)
    by_float64 = set_distances(vectors[rows], rows, vectors.astype(np.float64), metric=metric, k=30)
    assert_equal(measured(vectors, rows, metric), by_float64)


def test_images_far_from_the_origin_are_told_apart_though_float32_products_cannot() -> None:
    vectors = gallery() + np.float32(100)
    rows = np.arange(0, N, 301)
    by_float64 = set_distances(vectors[rows], rows, vectors.astype(np.float64), metric="euclidean", k=30)
    assert_equal(measured(vectors, rows, "euclidean"), by_float64)


def test_float16_vectors_are_widened_tile_by_tile() -> None:
    narrow = gallery().astype(np.float16)
    rows = np.arange(0, N, 301)
    assert_equal(
        set_distances(narrow[rows], rows, narrow, metric="cosine", k=30),
        measured(narrow.astype(np.float32), rows, "cosine"),
    )


@pytest.mark.parametrize("n_queries", [2, 40])
def test_a_vector_that_is_not_finite_is_refused_wherever_it_stands(n_queries: int) -> None:
    vectors = gallery()
    vectors[-1, 3] = np.nan
    with pytest.raises(QueryError, match="not a finite number"):
        measured(vectors, np.arange(n_queries), "cosine")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_queries", [1, 4])
def test_tiles_of_few_queries_hold_the_keys_of_all_blocks(metric: str, n_queries: int) -> None:
    vectors = gallery(40_000, 20)
    reference = Reference.of(vectors[:n_queries], metric)
    expected = np.concatenate([keys.copy() for _, keys in key_blocks(reference, vectors)], axis=1)
    alone = np.concatenate([keys for _, keys in key_tiles(reference, vectors, 1)], axis=1)
    np.testing.assert_allclose(alone, expected, rtol=1e-11, atol=1e-12)
    assert ((alone == 0) == (expected == 0)).all()
    shared = np.concatenate([keys for _, keys in key_tiles(reference, vectors, 3)], axis=1)
    np.testing.assert_array_equal(shared, alone)
