"""What a map keeps of the true neighbours, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn import manifold

from dxr_dash.analysis.distances import Reference
from dxr_dash.analysis.honesty import _true_ranks, kept_neighbours, trustworthiness
from dxr_dash.errors import QueryError

EVERY = 10**9


def random_map(n_images: int, seed: int, n_dims: int = 6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n_images, n_dims))
    return vectors, vectors[:, :2] + random.normal(scale=0.5, size=(n_images, 2))


def true_neighbours(vectors: np.ndarray, k: int) -> np.ndarray:
    away = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(away, np.inf)
    return np.argsort(away, axis=1)[:, :k]


def test_a_map_that_keeps_one_of_two_neighbours() -> None:
    coordinates = np.array([[0, 0], [1, 0], [2, 0], [9, 0]], np.float32)
    neighbours = np.array([[1, 3], [0, 2], [3, 1], [2, -1]])
    assert kept_neighbours(neighbours, coordinates, 2).tolist() == [0.5, 1.0, 0.5, 1.0]
    assert kept_neighbours(neighbours, coordinates, 1).tolist() == [1.0, 1.0, 0.0, 1.0]


@given(st.integers(5, 80), st.integers(0, 1000), st.integers(1, 4))
@hypothesis_settings(max_examples=50)
def test_kept_neighbours_are_those_of_brute_force(n_images: int, seed: int, k: int) -> None:
    vectors, coordinates = random_map(n_images, seed)
    true, near = true_neighbours(vectors, k), true_neighbours(coordinates, k)
    expected = [len(set(a) & set(b)) / k for a, b in zip(true.tolist(), near.tolist(), strict=True)]
    np.testing.assert_allclose(kept_neighbours(true, coordinates, k), expected, rtol=1e-6)


def test_images_at_one_place_have_no_order_there() -> None:
    coordinates = np.zeros((30, 2), np.float32)
    neighbours = np.array([[(row + 1) % 30, (row + 2) % 30] for row in range(30)])
    assert (kept_neighbours(neighbours, coordinates, 2) == 1).all()


def test_an_image_without_neighbours_has_no_share() -> None:
    kept = kept_neighbours(np.array([[1], [0], [-1]]), np.eye(3, 2, dtype=np.float32), 1)
    assert np.isnan(kept).tolist() == [False, False, True]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("n_images", "k"), [(3, 1), (12, 5), (200, 15)])
def test_trustworthiness_is_that_of_scikit_learn(metric: str, n_images: int, k: int) -> None:
    vectors, coordinates = random_map(n_images, n_images)
    expected = manifold.trustworthiness(vectors, coordinates, n_neighbors=k, metric=metric)
    found = trustworthiness(vectors, coordinates, metric=metric, k=k, sample=EVERY, seed=0)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("cloud", ["several tiles", "copies", "zero vectors", "far from the origin"])
@pytest.mark.parametrize("n_rows", [3, 150])
def test_true_ranks_count_what_is_strictly_nearer(metric: str, cloud: str, n_rows: int) -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((4_500, 10)).astype(np.float32)
    vectors[1::3] = {
        "several tiles": vectors[1::3],
        "copies": vectors[::3],
        "zero vectors": np.zeros_like(vectors[1::3]),
        "far from the origin": vectors[1::3] + 1_000,
    }[cloud]
    rows = random.choice(len(vectors), n_rows, replace=False)
    others = random.choice(len(vectors), (n_rows, 5))
    others[:, 0] = (rows + 1) % len(vectors)  # a copy, now and then
    others[others == rows[:, None]] -= 1
    reference = Reference.of(vectors[rows], metric)
    keys = reference.keys(vectors.astype(np.float64))
    keys[np.arange(n_rows), rows] = np.inf
    noise = np.ones(len(vectors)) if metric == "cosine" else np.square(vectors.astype(np.float64)).sum(axis=1)
    noise = 1e-12 * (noise + (0 if metric == "cosine" else reference.squares[:, None]))
    far = np.take_along_axis(keys - noise, others, axis=1)
    expected = 1 + (keys[:, None, :] < far[:, :, None]).sum(axis=2)
    np.testing.assert_array_equal(_true_ranks(vectors, rows, others, metric), expected)


def test_a_sample_comes_near_the_whole_and_a_full_sample_is_the_whole() -> None:
    vectors, coordinates = random_map(1500, 1)

    def found(sample: int, seed: int = 0) -> float | None:
        return trustworthiness(vectors, coordinates, metric="euclidean", k=15, sample=sample, seed=seed)

    whole = found(1500)
    assert whole is not None
    assert whole == found(EVERY, seed=5)
    assert found(400) == found(400)
    assert found(400) == pytest.approx(whole, abs=0.01)
    assert found(400) != whole


def test_the_true_picture_is_fully_trusted_and_a_random_one_is_not() -> None:
    vectors, _ = random_map(300, 3, n_dims=2)
    options = {"metric": "euclidean", "k": 10, "sample": EVERY, "seed": 0}
    assert trustworthiness(vectors, vectors, **options) == 1.0  # type: ignore[arg-type]
    mixed = vectors[np.random.default_rng(0).permutation(300)]
    found = trustworthiness(vectors, mixed, **options)  # type: ignore[arg-type]
    assert found == pytest.approx(0.5, abs=0.05)


def test_duplicates_cost_nothing() -> None:
    vectors, coordinates = random_map(40, 4)
    vectors, coordinates = np.repeat(vectors, 3, axis=0), np.repeat(coordinates, 3, axis=0)
    found = trustworthiness(vectors, coordinates, metric="euclidean", k=2, sample=EVERY, seed=0)
    assert found == 1.0
    same = np.ones((50, 4))
    assert trustworthiness(same, np.zeros((50, 2)), metric="cosine", k=5, sample=EVERY, seed=0) == 1.0


@pytest.mark.parametrize("n_images", [1, 2])
def test_fewer_than_three_images_have_no_trustworthiness(n_images: int) -> None:
    vectors, coordinates = random_map(n_images, 0)
    assert trustworthiness(vectors, coordinates, metric="cosine", k=1, sample=10, seed=0) is None


def test_settings_that_do_not_fit_are_refused() -> None:
    vectors, coordinates = random_map(11, 0)
    for k in (0, 6):
        with pytest.raises(QueryError, match=f"k is {k}, but 11 images allow 1 to 5"):
            trustworthiness(vectors, coordinates, metric="cosine", k=k, sample=10, seed=0)
    for k in (0, 4):
        with pytest.raises(QueryError, match=f"k is {k}, but the graph holds 3 neighbours"):
            kept_neighbours(true_neighbours(vectors, 3), coordinates, k)
