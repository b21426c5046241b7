"""The mosaic: every image in its own cell, at the least cost or nearly so."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from dxr_dash.analysis.mosaic import _priced, assign_cells, bisect, cell_centres, grid_over, mosaic
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, IntArray


def cost(places: DoubleArray, cells: IntArray, columns: int) -> float:
    return float(((places - cell_centres(cells, columns)) ** 2).sum())


def clusters(n_images: int, seed: int) -> DoubleArray:
    """Places as a map has them: dense groups with nothing between."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 12, n_images)
    spread = random.uniform(0.1, 0.8, 12)[group][:, None]
    return random.normal(size=(12, 2))[group] * 4 + random.normal(size=(n_images, 2)) * spread


def on_grid(points: DoubleArray) -> tuple[DoubleArray, int, int]:
    columns, rows, cell, left, top = grid_over(points)
    return np.column_stack([points[:, 0] - left, top - points[:, 1]]) / cell, columns, rows


maps = st.builds(clusters, st.integers(1, 400), st.integers(0, 1000))


@given(n=st.integers(1, 40), away=st.floats(-50, 50), spread=st.floats(0, 20), seed=st.integers(0, 1000))
def test_prices_change_no_optimum(n: int, away: float, spread: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 5, n).astype(float)
    corners = 4.0 * random.permutation(100)[:n, None] * [1.0, 0.0] + [0.0, 8.0]
    corners[:, 1] += random.integers(0, 10, n)
    pull = counts[:, None] * (away + spread * random.normal(size=(n, 2)))
    plain = counts[:, None] * (corners * corners).sum(axis=1) - 2 * (pull @ corners.T)
    found, least = (
        plain[linear_sum_assignment(costs)].sum() for costs in (_priced(pull, counts, corners), plain)
    )
    assert found <= least + 1e-9 * np.abs(plain).sum()


def test_images_that_lie_on_cells_stay_there() -> None:
    cells = np.array([5, 0, 3, 4, 1, 2])
    for limit in (0, 10):
        assert (assign_cells(cell_centres(cells, 3), 3, 2, exact_limit=limit) == cells).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_assignment_is_the_best_of_all(seed: int) -> None:
    places = np.random.default_rng(seed).uniform(0, 3, (5, 2))
    best = min(cost(places, np.array(order), 3) for order in permutations(range(6), 5))
    assert cost(places, assign_cells(places, 3, 2), 3) == pytest.approx(best, abs=1e-12)


@given(maps, st.sampled_from([0, 1000]))
@settings(max_examples=60)
def test_every_image_has_its_own_cell(points: DoubleArray, limit: int) -> None:
    found = mosaic(points.astype(np.float32), exact_limit=limit)
    assert found.cells.dtype == np.int32
    assert len(np.unique(found.cells)) == len(points)
    assert found.cells.min() >= 0
    assert found.cells.max() < found.columns * found.rows


@given(maps)
@settings(max_examples=60)
def test_the_approximation_lies_between_the_start_and_the_optimum(points: DoubleArray) -> None:
    places, columns, rows = on_grid(points)
    start = cost(places, bisect(places, columns, rows), columns)
    near = cost(places, assign_cells(places, columns, rows, exact_limit=0), columns)
    least = cost(places, assign_cells(places, columns, rows), columns)
    assert least - 1e-9 <= near <= start + 1e-9


@given(maps, st.integers(0, 1000), st.sampled_from([0, 1000]))
@settings(max_examples=40)
def test_the_order_of_the_images_does_not_matter(points: DoubleArray, seed: int, limit: int) -> None:
    places, columns, rows = on_grid(points)
    order = np.random.default_rng(seed).permutation(len(points))
    here = assign_cells(places, columns, rows, exact_limit=limit)
    there = assign_cells(places[order], columns, rows, exact_limit=limit)
    if limit == 0:  # places without ties: the same cell for each image
        assert (here[order] == there).all()
    assert cost(places, here, columns) == pytest.approx(cost(places[order], there, columns))


@pytest.mark.parametrize("seed", range(3))
def test_the_approximation_moves_images_hardly_farther_than_the_optimum(seed: int) -> None:
    points = clusters(900, seed)
    exact, near = mosaic(points, exact_limit=900), mosaic(points, exact_limit=0)
    assert (exact.method, near.method) == ("exact", "windows")
    assert near.displacement <= 1.05 * exact.displacement


def test_the_same_places_give_the_same_cells_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = clusters(3000, 7)
    cells = mosaic(points).cells
    for n_workers in (1, 5):
        monkeypatch.setattr("dxr_dash.analysis.mosaic.N_WORKERS", n_workers)
        assert (mosaic(points).cells == cells).all()


@pytest.mark.parametrize("limit", [0, 100])
@pytest.mark.parametrize(
    "points",
    [
        np.zeros((1, 2)),
        np.array([[0.0, 0.0], [5.0, 1.0]]),
        np.array([[0.0, 0.0], [5.0, 1.0], [2.0, -3.0]]),
        np.ones((57, 2)),
        np.column_stack([np.arange(50.0), np.zeros(50)]),
        np.column_stack([np.zeros(50), np.arange(50.0)]),
        np.repeat([[0.0, 0.0], [1.0, 1.0]], 40, axis=0),
    ],
    ids=["one", "two", "three", "all the same", "a row", "a column", "two heaps"],
)
def test_odd_maps_have_a_mosaic_too(points: DoubleArray, limit: int) -> None:
    found = mosaic(points, exact_limit=limit)
    assert len(np.unique(found.cells)) == len(points)
    assert found.cell > 0
    assert np.isfinite([found.left, found.top, found.displacement]).all()


@given(maps)
def test_the_grid_covers_the_map_and_is_hardly_larger_than_needed(points: DoubleArray) -> None:
    columns, rows, cell, left, top = grid_over(points)
    assert len(points) <= columns * rows < len(points) + columns
    low, high = points.min(axis=0), points.max(axis=0)
    slack = 1e-9 * max(1, np.abs(points).max())
    assert (low >= np.array([left, top - rows * cell]) - slack).all()
    assert (high <= np.array([left + columns * cell, top]) + slack).all()
    if len(points) > 50:
        assert 0.6 <= columns / rows < 2.2


def test_what_is_no_map_is_refused() -> None:
    for points in (np.empty((0, 2)), np.zeros((3, 3)), np.array([[0.0, np.nan]])):
        with pytest.raises(QueryError, match=r"Coordinates of shape .* make no mosaic"):
            mosaic(points.astype(np.float32))
    with pytest.raises(QueryError, match="7 images do not fit into 3 x 2 cells"):
        assign_cells(np.zeros((7, 2)), 3, 2)
