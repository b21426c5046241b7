from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import ks_1samp

from dxr_dash.analysis.baseline import baseline_distances, closer_than, dkw_bound
from dxr_dash.records import FloatArray


def normal(n: int, d: int) -> FloatArray:
    return np.random.default_rng(5).standard_normal((n, d), dtype=np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_small_gallery_gives_every_pair_once(metric: str) -> None:
    vectors = normal(30, 6)
    found = baseline_distances(vectors, metric=metric)
    np.testing.assert_allclose(found, np.sort(pdist(vectors.astype(np.float64), metric)), atol=1e-6)


def test_a_large_gallery_gives_seeded_pairs_of_two_different_images() -> None:
    vectors = np.repeat(np.arange(200, dtype=np.float32), 3).reshape(200, 3)
    draw = {"metric": "euclidean", "n_pairs": 500, "all_pairs_limit": 100}
    found = baseline_distances(vectors, **draw, seed=1)  # type: ignore[arg-type]
    assert found.shape == (500,)
    assert (np.diff(found) >= 0).all()
    assert found[0] > 0  # all images differ, so only a pair of an image with itself would be 0
    assert (found == baseline_distances(vectors, **draw, seed=1)).all()  # type: ignore[arg-type]
    assert (found != baseline_distances(vectors, **draw, seed=2)).any()  # type: ignore[arg-type]


def test_random_pairs_are_uniform_over_all_pairs() -> None:
    vectors = normal(300, 4)
    everything = baseline_distances(vectors, metric="euclidean")
    drawn = baseline_distances(vectors, metric="euclidean", all_pairs_limit=10, n_pairs=20_000)
    gap = np.abs(closer_than(everything, drawn) - closer_than(everything, everything)).max()
    assert gap < dkw_bound(20_000, 0.999)


@pytest.mark.parametrize("n", [0, 1])
def test_without_a_pair_the_baseline_is_empty_and_percentiles_are_unknown(n: int) -> None:
    empty = baseline_distances(normal(n, 3), metric="cosine")
    assert empty.shape == (0,)
    assert np.isnan(closer_than([0.1, 0.2], empty)).all()


def test_equal_pairs_count_half() -> None:
    baseline = np.array([1, 2, 2, 4], dtype=np.float32)
    found = closer_than([[0, 1, 2], [3, 4, 5]], baseline)
    assert found.tolist() == [[1, 7 / 8, 1 / 2], [1 / 4, 1 / 8, 0]]
    assert np.isnan(closer_than(np.nan, baseline))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_the_baseline_is_on_average_closer_than_half_of_itself(values: list[int]) -> None:
    baseline = np.sort(np.array(values, dtype=np.float32))
    assert closer_than(baseline, baseline).mean() == pytest.approx(0.5, abs=1e-12)


def test_the_bound_is_that_of_massart() -> None:
    assert dkw_bound(200_000, 0.95) == pytest.approx(math.sqrt(math.log(40) / 400_000))
    assert dkw_bound(0) == dkw_bound(1) == 1


def test_the_bound_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    bound = dkw_bound(50, 0.9)
    broken = [ks_1samp(rng.random(50), lambda x: x).statistic > bound for _ in range(400)]
    assert 0.05 < np.mean(broken) <= 0.13
