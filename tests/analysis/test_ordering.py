"""Ascending orders, runs of equals and the nearest with ties, against NumPy's own sorts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dxr_dash.analysis.ordering import SAMPLE, ascending, equal_runs, nearest_and_ties
from dxr_dash.records import FloatArray

few_values = st.sampled_from([0.0, -0.0, 0.25, 0.5, 1.0, np.inf, np.nan])
distances = hnp.arrays(np.float32, st.integers(0, 40), elements=few_values)


@given(distances)
def test_ascending_is_a_stable_sort(values: FloatArray) -> None:
    places, found = ascending(values)
    np.testing.assert_array_equal(places, np.argsort(values, kind="stable"))
    np.testing.assert_array_equal(found, values[places])


@given(distances, st.integers(1, 45))
def test_the_first_are_the_beginning_of_all(values: FloatArray, first: int) -> None:
    places, found = ascending(values)
    first_places, first_found = ascending(values, first)
    np.testing.assert_array_equal(first_places, places[:first])
    np.testing.assert_array_equal(first_found, found[:first])


@pytest.mark.parametrize("first", [1, 64, 5_000, 49_000, 50_000])
@pytest.mark.parametrize(
    "kind", ["different", "few values", "near where looked", "far where looked", "few known"]
)
def test_the_first_of_many_are_the_beginning_of_all(kind: str, first: int) -> None:
    values = np.random.default_rng(first).random(3 * SAMPLE + 900, dtype=np.float32)
    if kind == "few values":
        values = np.floor(values * 5)
    elif kind == "near where looked":
        values[np.arange(len(values)) % 3 > 0] += 2
    elif kind == "far where looked":
        values[::3] += 2
    elif kind == "few known":
        values[values > 0.1] = np.nan
    places, found = ascending(values, first)
    np.testing.assert_array_equal(places, np.argsort(values, kind="stable")[:first])
    np.testing.assert_array_equal(found, values[places])


@given(distances)
def test_runs_are_where_a_search_finds_them(values: FloatArray) -> None:
    ordered = np.sort(values[~np.isnan(values)])
    first, end = equal_runs(ordered)
    np.testing.assert_array_equal(first, np.searchsorted(ordered, ordered, side="left"))
    np.testing.assert_array_equal(end, np.searchsorted(ordered, ordered, side="right"))


@given(distances, st.integers(1, 45))
def test_the_nearest_are_those_that_fewer_than_k_are_nearer_than(values: FloatArray, k: int) -> None:
    nearer = (values[None, :] < values[:, None]).sum(axis=1)
    np.testing.assert_array_equal(
        nearest_and_ties(values, k), np.flatnonzero((nearer < k) & ~np.isnan(values))
    )
