from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.figures.detail import density, points_in_view, stratified_order


@st.composite
def maps(draw: st.DrawFn) -> np.ndarray:
    n_points = draw(st.integers(0, 60))
    values = st.floats(-100, 100, width=32)
    return np.array(
        draw(st.lists(st.tuples(values, values), min_size=n_points, max_size=n_points)), np.float32
    ).reshape(-1, 2)


@given(maps())
def test_the_order_holds_every_row_once(coordinates: np.ndarray) -> None:
    assert sorted(stratified_order(coordinates).tolist()) == list(range(len(coordinates)))


@given(maps(), st.integers(1, 30))
def test_at_most_the_limit_is_drawn_and_only_what_is_in_view(coordinates: np.ndarray, limit: int) -> None:
    order = stratified_order(coordinates)
    rows, n_in_view = points_in_view(coordinates, order, (-50.0, 20.0, -10.0, 60.0), limit)
    x, y = coordinates.T
    inside = np.flatnonzero((x >= -50) & (x <= 20) & (y >= -10) & (y <= 60))
    assert n_in_view == len(inside)
    assert len(rows) == min(limit, len(inside))
    assert set(rows) <= set(inside)
    assert (np.diff(rows) > 0).all()
    everywhere, n_images = points_in_view(coordinates, order, None, limit)
    assert (len(everywhere), n_images) == (min(limit, len(coordinates)), len(coordinates))


def test_a_beginning_of_the_order_covers_the_whole_map() -> None:
    random = np.random.default_rng(0)
    crowd = random.normal(0, 0.01, (20_000, 2))
    lonely = np.array([[10, 10], [-10, 10], [10, -10], [-10, -10]])
    coordinates = np.concatenate([crowd, lonely]).astype(np.float32)
    first = stratified_order(coordinates)[:50]
    assert set(range(20_000, 20_004)) <= set(first.tolist())


def test_zooming_in_only_adds_points() -> None:
    coordinates = np.random.default_rng(1).random((5_000, 2)).astype(np.float32)
    order = stratified_order(coordinates)
    far = set(points_in_view(coordinates, order, None, 500)[0].tolist())
    near = set(points_in_view(coordinates, order, (0.4, 0.6, 0.4, 0.6), 500)[0].tolist())
    x, y = coordinates.T
    seen = {row for row in far if 0.4 <= x[row] <= 0.6 and 0.4 <= y[row] <= 0.6}
    assert seen <= near


def test_a_beginning_that_ends_inside_a_grid_leaves_no_part_of_the_map_out() -> None:
    coordinates = np.random.default_rng(2).random((40_000, 2)).astype(np.float32)
    first = coordinates[stratified_order(coordinates)[:3_000]]  # the grids so far hold 1,360
    in_each = np.bincount((first * 4).astype(int) @ [1, 4], minlength=16)
    assert in_each.min() > 0.8 * in_each.mean()


@given(maps())
def test_density_counts_every_point_in_view_once(coordinates: np.ndarray) -> None:
    view = (-50.0, 20.0, -10.0, 60.0)
    counts = density(coordinates, view, (7, 5))
    x, y = coordinates.T
    assert counts.shape == (5, 7)
    assert counts.sum() == ((x >= -50) & (x <= 20) & (y >= -10) & (y <= 60)).sum()


def test_density_puts_a_point_where_the_picture_shows_its_place() -> None:
    counts = density(np.array([[0.1, 0.9], [0.9, 0.1], [1.0, 0.0]], np.float32), (0, 1, 0, 1), (2, 2))
    assert counts.tolist() == [[1, 0], [0, 2]]
