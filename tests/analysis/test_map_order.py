"""The order along the map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.analysis.map_order import map_order

sizes, seeds = st.integers(0, 300), st.integers(0, 1000)


@given(sizes, seeds)
def test_it_is_a_permutation_and_always_the_same(n_images: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n_images, 2)).astype(np.float32)
    order = map_order(points)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n_images))
    assert (order == map_order(points)).all()


def test_on_a_full_grid_every_step_leads_to_a_neighbouring_place() -> None:
    y, x = np.mgrid[0:16, 0:16]
    points = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    steps = np.abs(np.diff(points[map_order(points)], axis=0)).sum(axis=1)
    assert (steps == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_images_in_line_are_near_each_other(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(2000, 2)).astype(np.float32)

    def mean_step(rows: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(points[rows], axis=0), axis=1).mean())

    assert mean_step(map_order(points)) < 0.1 * mean_step(np.arange(2000))


def test_images_at_one_place_stay_in_row_order() -> None:
    assert map_order(np.ones((5, 2), np.float32)).tolist() == [0, 1, 2, 3, 4]
    points = np.array([[0, 0], [1, 1], [0, 0], [1, 1]], np.float32)
    order = map_order(points).tolist()
    assert order.index(0) < order.index(2)
    assert order.index(1) < order.index(3)
