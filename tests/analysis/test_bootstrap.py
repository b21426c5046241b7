from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from dxr_dash.analysis.bootstrap import (
    Resampled,
    image_weights,
    interval,
    pair_estimate,
    resample_pairs,
    resample_pulls,
)


def random_matrix(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, n))


def estimate_of(
    matrix: np.ndarray, *, seed: int = 0, draws: int = 2000, confidence: float = 0.95
) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    n = len(matrix)
    found = pair_estimate(matrix, image_weights(n, draws, rng), image_weights(n + 1, draws, rng), confidence)
    return found.value, found.low, found.high


def test_every_draw_has_as_many_images_as_the_set() -> None:
    weights = image_weights(7, 100, np.random.default_rng(0))
    assert weights.shape == (100, 7)
    assert (weights.sum(axis=1) == 7).all()


@settings(max_examples=30)
@given(st.integers(3, 6), st.integers(0, 2**32 - 1))
def test_a_draw_pairs_every_copy_with_all_but_the_copies_of_its_own_image(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, n))
    drawn = rng.integers(n, size=n)
    entries = [matrix[a, b] for a in drawn for b in drawn if a != b]
    found = resample_pairs(matrix, np.bincount(drawn, minlength=n)[None, :].astype(np.float64))
    assert found.draws.tolist() == pytest.approx([np.mean(entries)] if entries else [])


def test_the_diagonal_is_never_looked_at() -> None:
    matrix = random_matrix(5)
    weights = image_weights(5, 50, np.random.default_rng(1))
    before = resample_pairs(matrix, weights)
    np.fill_diagonal(matrix, np.nan)
    after = resample_pairs(matrix, weights)
    assert before.value == after.value
    assert (before.draws == after.draws).all()
    assert before.value == pytest.approx(np.nanmean(matrix))


def test_pulls_are_what_leaving_an_image_out_changes() -> None:
    matrix = random_matrix(6)
    found = resample_pairs(matrix, np.ones((1, 6)))
    without = []
    for image in range(6):
        rest = np.delete(np.delete(matrix, image, 0), image, 1)
        without.append(rest[~np.eye(5, dtype=np.bool_)].mean())
    np.testing.assert_allclose(found.pulls, 5 * (np.mean(without) - np.array(without)))
    assert found.pulls.sum() == pytest.approx(0, abs=1e-12)


def test_the_interval_of_a_mean_is_that_of_scipy_but_for_the_widening() -> None:
    values = np.random.default_rng(3).beta(1.0, 4.0, size=4000)  # so many that the widening vanishes
    without = (values.sum() - values) / 3999
    found = resample_pulls(float(values.mean()), without, image_weights(4000, 2000, np.random.default_rng(4)))
    theirs = bootstrap(
        (values,), np.mean, n_resamples=2000, method="BCa", rng=5, batch=100
    ).confidence_interval
    assert interval(found, 0.95) == pytest.approx((theirs.low, theirs.high), abs=0.001)


def test_few_images_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=4000)
    pulls = {n: np.resize([1.0, -1.0], n) for n in (6, 2000)}
    low, high = interval(Resampled(0.0, draws, pulls[2000], 2000), 0.95)
    assert (low, high) == pytest.approx((-1.96, 1.96), abs=0.1)
    wide_low, wide_high = interval(Resampled(0.0, draws, pulls[6], 6), 0.95)
    assert wide_low < low - 0.5
    assert wide_high > high + 0.5


def test_equal_values_have_no_interval() -> None:
    assert interval(Resampled(0.5, np.full(9, 0.5), np.zeros(4), 4), 0.95) == (0.5, 0.5)
    assert interval(Resampled(0.5, np.empty(0), np.zeros(4), 4), 0.95) == (0.5, 0.5)


@settings(max_examples=60)
@given(st.integers(3, 30), st.integers(0, 2**32 - 1), st.sampled_from(["uniform", "0 or 1", "mostly 1"]))
def test_intervals_are_finite_ordered_and_between_zero_and_one(n: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, n))
    if kind != "uniform":
        matrix = (matrix < (0.5 if kind == "0 or 1" else 0.95)).astype(np.float64)
    value, low, high = estimate_of(matrix, draws=200)
    assert 0 <= low <= high <= 1
    assert 0 <= value <= 1


def test_a_perfect_small_set_is_not_certain() -> None:
    five, hundred = estimate_of(np.ones((5, 5))), estimate_of(np.ones((100, 100)))
    assert five[0] == five[2] == hundred[0] == hundred[2] == 1
    assert 0.5 < five[1] < 0.7
    assert 0.95 < hundred[1] < 1


def test_the_same_seed_gives_the_same_interval() -> None:
    matrix = random_matrix(12)
    assert estimate_of(matrix, seed=1) == estimate_of(matrix, seed=1)
    assert estimate_of(matrix, seed=1) != estimate_of(matrix, seed=2)


def test_more_confidence_is_a_wider_interval() -> None:
    matrix = random_matrix(12)
    _, low, high = estimate_of(matrix, confidence=0.8)
    _, lower, higher = estimate_of(matrix, confidence=0.99)
    assert lower < low < high < higher


def test_resampling_the_control_to_first_order_comes_close_to_resampling_it_in_full() -> None:
    rng = np.random.default_rng(8)
    n_images, n_control, draws = 15, 20, 4000
    quality = (
        rng.normal(size=(n_images, 1, 1))
        + rng.normal(size=(1, 1, n_control))
        + rng.normal(size=(n_images, n_images, n_control))
    )
    nearer = (quality > -0.5).astype(np.float64)
    nearer[np.eye(n_images, dtype=np.bool_)] = 0
    weights = image_weights(n_images, draws, rng)
    control_weights = image_weights(n_control, draws, rng)
    matrix = nearer.mean(axis=2)
    shares = nearer.sum(axis=(0, 1)) / (n_images * (n_images - 1))
    full = np.einsum(
        "bq,bm,bc,qmc->b",
        weights,
        weights,
        control_weights,
        nearer,
        optimize=["einsum_path", (0, 3), (0, 2), (0, 1)],
    )
    full /= (n_images**2 - np.square(weights).sum(axis=1)) * n_control
    found = resample_pairs(matrix, weights)
    first_order = found.draws + control_weights @ shares / n_control - shares.mean()
    np.testing.assert_allclose(
        np.quantile(first_order, (0.025, 0.975)), np.quantile(full, (0.025, 0.975)), atol=0.02
    )
    estimate = pair_estimate(
        matrix,
        weights,
        image_weights(n_images + 1, draws, rng),
        0.95,
        control_shares=shares,
        control_weights=control_weights,
    )
    plain = pair_estimate(matrix, weights, image_weights(n_images + 1, draws, rng), 0.95)
    assert estimate.value == plain.value
    assert estimate.high - estimate.low > plain.high - plain.low
