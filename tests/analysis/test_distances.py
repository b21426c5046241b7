from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import pairwise_distances

from dxr_dash.analysis.distances import (
    METRICS,
    as_rows,
    block_rows,
    distance_range,
    distances,
    pair_distances,
    row_norms,
    same_rows,
)
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray

VECTORS = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.just(5)),
    elements=st.floats(-8, 8, width=32, allow_subnormal=False),
)


def normal(n: int, d: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_agree_with_scikit_learn(metric: str) -> None:
    queries, vectors = normal(7, 33), normal(90, 33, seed=1)
    expected = pairwise_distances(queries.astype(np.float64), vectors.astype(np.float64), metric=metric)
    found = distances(queries, vectors, metric=metric)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=1e-6)


def test_small_distances_written_out() -> None:
    queries = np.array([[3, 4]], dtype=np.float32)
    vectors = np.array([[3, 4], [6, 8], [-3, -4], [4, -3], [0, 0]], dtype=np.float32)
    assert distances(queries, vectors, metric="cosine").tolist() == [[0, 0, 2, 1, 1]]
    np.testing.assert_allclose(
        distances(queries, vectors, metric="euclidean"), [[0, 5, 10, np.sqrt(50), 5]], rtol=1e-7
    )


def test_a_zero_vector_is_one_from_everything_even_from_another_zero_vector() -> None:
    vectors = np.array([[0, 0], [1, 0], [-2, 5]], dtype=np.float32)
    assert distances(vectors[:1], vectors, metric="cosine").tolist() == [[1, 1, 1]]
    assert pair_distances(vectors, [0, 0], [0, 2], metric="cosine").tolist() == [1, 1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 1.0, 1000.0])
def test_identical_vectors_are_exactly_zero_apart_wherever_they_stand(metric: str, offset: float) -> None:
    vectors = normal(1000, 129) + np.float32(offset)
    copies = np.arange(0, 1000, 37)
    vectors[copies] = vectors[500]
    found = distances(vectors[500:501], vectors, metric=metric)[0]
    assert (found[copies] == 0).all()
    assert (pair_distances(vectors, copies, copies[::-1], metric=metric) == 0).all()


def test_euclidean_distances_of_near_duplicates_survive_a_far_origin() -> None:
    vectors = normal(50, 256) + np.float32(100)
    moved = vectors.copy()
    moved[:, 0] += np.float32(0.01)  # expanded in float32, the squares near 2.5e6 would swallow this
    expected = np.sqrt(np.square(vectors.astype(np.float64) - moved).sum(axis=1))
    found = np.diagonal(distances(moved, vectors, metric="euclidean"))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("metric", METRICS)
def test_pairs_have_the_distances_of_the_full_table_whatever_the_block(metric: str) -> None:
    vectors = normal(40, 17)
    left, right = np.random.default_rng(3).integers(40, size=(2, 301))
    table = distances(vectors, vectors, metric=metric)
    for block in (1, 7, None):
        found = pair_distances(vectors, left, right, metric=metric, block=block)
        np.testing.assert_allclose(found, table[left, right], atol=1e-6)


@given(VECTORS, st.floats(0.0625, 64))
def test_scaling_the_vectors_leaves_cosine_distances_alone(vectors: FloatArray, scale: float) -> None:
    # Values next to 0 would lose bits when scaled down: that is float32, not the distance.
    vectors = np.where(np.abs(vectors) < 1e-3, np.float32(0), vectors)
    before = distances(vectors, vectors, metric="cosine")
    after = distances(vectors * np.float32(scale), vectors, metric="cosine")
    np.testing.assert_allclose(after, before, atol=1e-6)


@given(VECTORS, st.sampled_from(METRICS))
def test_distances_are_symmetric_and_within_their_range(vectors: FloatArray, metric: str) -> None:
    found = distances(vectors, vectors, metric=metric)
    np.testing.assert_allclose(found, found.T, atol=1e-6)
    assert found.min() >= 0
    assert found.max() <= distance_range(metric, row_norms(vectors)) * (1 + 1e-6)


@settings(max_examples=20)
@given(st.integers(1, 4000), st.integers(1, 30_000))
def test_no_buffer_of_a_block_grows_beyond_its_budget(n_queries: int, n_dimensions: int) -> None:
    assert 256 <= block_rows(n_queries, n_dimensions) <= 8192
    assert block_rows(n_queries, n_dimensions) * max(n_queries, n_dimensions) <= max(
        8_388_608, 256 * max(n_queries, n_dimensions)
    )


def test_row_norms_are_the_lengths_of_the_rows() -> None:
    vectors = normal(100, 9)
    np.testing.assert_allclose(row_norms(vectors, block=7), np.linalg.norm(vectors, axis=1), rtol=1e-6)


def test_a_bound_on_euclidean_distances_needs_the_norms() -> None:
    assert distance_range("cosine") == 2
    with pytest.raises(QueryError, match="needs the norms"):
        distance_range("euclidean")


def test_what_does_not_fit_is_refused_with_a_remedy() -> None:
    vectors = normal(4, 3)
    with pytest.raises(
        QueryError, match=r"The metric 'manhattan' is unknown\. Use one of: cosine, euclidean"
    ):
        distances(vectors, vectors, metric="manhattan")
    with pytest.raises(QueryError, match="3 features per image, but the gallery has shape"):
        distances(vectors, normal(4, 5), metric="cosine")
    with pytest.raises(QueryError, match="not a finite number"):
        distances(np.array([[np.nan, 0, 0]]), vectors, metric="cosine")
    with pytest.raises(QueryError, match="1 dimensions, not 2"):
        distances(vectors[0], vectors, metric="cosine")


def test_rows_outside_the_gallery_are_refused() -> None:
    assert as_rows([], 0).tolist() == []
    assert as_rows([2, 0], 3).tolist() == [2, 0]
    for rows in ([-1], [3], [0.5]):
        with pytest.raises(QueryError, match=r"not in the gallery\. Use whole numbers from 0 to 2"):
            as_rows(rows, 3)


def test_one_image_and_no_image_work() -> None:
    vectors = normal(1, 3)
    assert distances(vectors, vectors, metric="euclidean").tolist() == [[0]]
    assert distances(vectors[:0], vectors, metric="euclidean").shape == (0, 1)
    assert distances(vectors, vectors[:0], metric="cosine").shape == (1, 0)
    assert pair_distances(vectors, [], [], metric="cosine").shape == (0,)


@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(0, 3))
def test_rows_are_the_same_where_all_their_numbers_are(seed: int, n: int, d: int) -> None:
    vectors = np.random.default_rng(seed).choice(np.array([-1.0, -0.0, 0.0, 2.0], np.float32), (n, d))
    first, place = same_rows(vectors)
    same = (vectors[:, None] == vectors).all(axis=2)
    np.testing.assert_array_equal(place[:, None] == place, same)
    np.testing.assert_array_equal(first[place], same.argmax(axis=1) if n else [])
