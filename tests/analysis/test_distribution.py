from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from dxr_dash.analysis.distribution import by_percentile, distance_axis, distribution
from dxr_dash.errors import QueryError
from dxr_dash.records import Distribution, FloatArray
from tests.analysis.sets import gallery_set, normal


def integral(values: np.ndarray, one: Distribution) -> float:
    return float(values.sum() * (one.centres[1] - one.centres[0]))


def axis(upper: float, n_bins: int) -> FloatArray:
    return np.linspace(0, upper, n_bins + 1).astype(np.float32)


@given(st.lists(st.floats(0, 2, width=32), min_size=1, max_size=60))
def test_histogram_and_curve_integrate_to_one(values: list[float]) -> None:
    one = distribution("within", edges=axis(2, 64), values=values)
    assert one.n == len(values)
    assert integral(one.density, one) == pytest.approx(1, abs=1e-9)
    assert integral(one.smooth, one) == pytest.approx(1, abs=1e-9)
    assert (one.smooth >= 0).all()


def test_the_curve_is_the_kernel_estimate_of_the_values() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.1, 4000)
    one = distribution("baseline", edges=axis(2, 512), values=values)
    kernel = gaussian_kde(values, bw_method="silverman")
    # Silverman's factor there is 1.06; ours is the 0.9 of his rule of thumb.
    kernel.set_bandwidth(0.9 * 4000**-0.2)
    assert np.abs(one.smooth - kernel(one.centres)).max() < 0.02 * one.smooth.max()


def test_no_mass_is_lost_at_zero() -> None:
    values = np.abs(np.random.default_rng(0).normal(0, 0.3, 20_000))
    one = distribution("within", edges=axis(4, 512), values=values)
    # Without reflection the curve would drop to half its height at 0.
    assert one.smooth[0] == pytest.approx(2 / (0.3 * np.sqrt(2 * np.pi)), rel=0.05)


def test_quantiles_come_from_the_values_or_from_the_bins() -> None:
    values = np.random.default_rng(1).uniform(0, 2, 50_000)
    exact = distribution("baseline", edges=axis(2, 512), values=values)
    np.testing.assert_allclose(exact.quantiles, np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)))
    counts, _ = np.histogram(values, axis(2, 512))
    binned = distribution("baseline", edges=axis(2, 512), counts=counts)
    np.testing.assert_allclose(binned.quantiles, exact.quantiles, atol=2 / 512)
    np.testing.assert_array_equal(binned.density, exact.density)


def test_a_quantile_never_lies_in_a_gap() -> None:
    one = distribution("to gallery", edges=axis(10, 10), counts=[0, 1, 0, 0, 0, 0, 0, 3, 0, 0])
    assert one.quantiles == pytest.approx((1.2, 2.0, 7 + 1 / 3, 7 + 2 / 3, 7 + 14 / 15))


def test_groups_measured_apart_share_one_axis_without_splitting_a_bin() -> None:
    near, far = normal(50, 4), normal(50, 4) * np.float32(20)
    narrow, wide = gallery_set(near, [0, 1, 2]), gallery_set(far, [0, 1, 2])
    assert wide.edges[-1] > narrow.edges[-1]
    edges = distance_axis(np.array([0.5]), binned=[narrow.edges, wide.edges])
    np.testing.assert_array_equal(edges, wide.edges)
    one = distribution("to gallery", edges=edges, counts=narrow.to_gallery, counts_edges=narrow.edges)
    assert one.n == narrow.to_gallery.sum()
    assert integral(one.density, one) == pytest.approx(1)
    factor = int(wide.edges[-1] / narrow.edges[-1])
    joined = narrow.to_gallery.sum(axis=0).reshape(-1, factor).sum(axis=1)
    width = edges[1] - edges[0]
    np.testing.assert_allclose(one.density[: len(joined)], joined / joined.sum() / width)


def test_the_axis_reaches_the_farthest_distance() -> None:
    assert distance_axis([0.1, np.nan, 0.9])[-1] == 1
    assert distance_axis([0.1], [1.5], n_bins=8).tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
    assert distance_axis([], [np.nan])[-1] == 1
    assert distance_axis([0.0])[-1] == 1


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_an_empty_group_is_flat_with_unknown_quantiles(values: list[float]) -> None:
    one = distribution("within", edges=axis(1, 8), values=values)
    assert one.n == 0
    assert not one.density.any()
    assert not one.smooth.any()
    assert np.isnan(one.quantiles).all()
    assert np.isnan(distribution("to gallery", edges=axis(1, 8), counts=np.zeros((2, 8))).quantiles).all()


def test_one_distance_and_equal_distances_still_make_a_curve() -> None:
    for values in ([0.5], [0.5] * 9, [0.0]):
        one = distribution("within", edges=axis(1, 32), values=values)
        assert integral(one.smooth, one) == pytest.approx(1)
        assert np.isfinite(one.smooth).all()


def test_what_does_not_fit_is_refused_with_a_remedy() -> None:
    with pytest.raises(QueryError, match="needs either values or counts"):
        distribution("within", edges=axis(1, 8))
    with pytest.raises(QueryError, match="does not fit the axis"):
        distribution("within", edges=axis(1, 8), counts=np.ones(7))
    with pytest.raises(QueryError, match="does not fit the axis"):
        distribution("within", edges=axis(1, 8), counts=np.ones(8), counts_edges=axis(2, 8))
    with pytest.raises(QueryError, match="does not fit the axis"):
        distribution("within", edges=axis(3, 8), counts=np.ones(8), counts_edges=axis(1, 8))


def test_distances_by_percentile_are_those_of_each_distance_alone() -> None:
    rng = np.random.default_rng(0)
    base = np.sort(rng.gamma(4.0, 0.1, 20_000).astype(np.float32))
    values = rng.gamma(3.0, 0.1, 5_000)
    edges = np.linspace(0.0, 4.0, 4097).astype(np.float32)
    counts = by_percentile(np.histogram(values, edges)[0], edges, base)
    assert counts.sum() == pytest.approx(5_000)
    exact = np.searchsorted(base, values) / base.size
    up_to = np.cumsum(counts) / 5_000
    for share in (0.1, 0.25, 0.5, 0.9):
        assert up_to[int(share * len(counts)) - 1] == pytest.approx((exact <= share).mean(), abs=0.005)


def test_what_is_nearer_or_farther_than_every_pair_stands_at_an_end() -> None:
    base = np.linspace(1.0, 2.0, 100).astype(np.float32)
    edges = np.linspace(0.0, 4.0, 9).astype(np.float32)
    counts = by_percentile([3, 0, 0, 0, 0, 0, 0, 2], edges, base)
    assert (counts[0], counts[-1], counts[1:-1].sum()) == (3.0, 2.0, 0.0)


def test_the_baseline_is_even_among_itself() -> None:
    base = np.sort(np.random.default_rng(1).random(50_000).astype(np.float32))
    edges = np.linspace(0.0, 1.0, 513).astype(np.float32)
    counts = by_percentile(np.histogram(base, edges)[0], edges, base)
    assert np.abs(np.cumsum(counts) / 50_000 - np.arange(1, 513) / 512).max() < 0.002
