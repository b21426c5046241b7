from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.figures.detail import points_in_view, stratified_order


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
    rows = points_in_view(coordinates, order, (-50.0, 20.0, -10.0, 60.0), limit)
    x, y = coordinates.T
    inside = np.flatnonzero((x >= -50) & (x <= 20) & (y >= -10) & (y <= 60))
    assert len(rows) == min(limit, len(inside))
    assert set(rows) <= set(inside)
    assert (np.diff(rows) > 0).all()
    assert len(points_in_view(coordinates, order, None, limit)) == min(limit, len(coordinates))


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
    far = set(points_in_view(coordinates, order, None, 500).tolist())
    near = set(points_in_view(coordinates, order, (0.4, 0.6, 0.4, 0.6), 500).tolist())
    x, y = coordinates.T
    seen = {row for row in far if 0.4 <= x[row] <= 0.6 and 0.4 <= y[row] <= 0.6}
    assert seen <= near
