"""The mosaic: every image in its own cell of a grid, near its place on the map.

The cells are chosen so that the sum of squared distances from the images' places to their cells is as small as it
can be. Up to ``settings.MOSAIC_EXACT_LIMIT`` images that optimum is computed. Above, its cost grows with the cube of
N, and three cheaper steps come near it: recursive bisection gives every image a cell; whole square blocks of cells
change places, from large blocks to small ones; single images change places. Each exchange is the optimal one inside
a window, so the sum never grows. What is lost against the optimum is measured in docs/layouts.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.errors import QueryError
from dxr_dash.records import DoubleArray, IntArray, Mosaic

NARROWEST, WIDEST = 0.75, 1.8  # of the grid's width divided by its height
WINDOW = 12  # blocks along a window's side: 16 costs twice as much and gains 0.2 % of the mean displacement
LEAST_GAIN = 0.003  # share of the sum of squares that a round must gain to be followed by another
MOST_ROUNDS = 12
OFFSETS = ((0, 0), (1, 1), (1, 0), (0, 1))  # of a round's windows, in halves of a window: right, down
RECIPE = [
    NARROWEST,
    WIDEST,
    WINDOW,
    LEAST_GAIN,
    MOST_ROUNDS,
    2,
]  # what decides a mosaic; the last counts versions
N_WORKERS = 2  # threads; windows of one sweep do not overlap, so the result is the same for any number


def mosaic(
    coordinates: npt.NDArray[np.floating], *, exact_limit: int = settings.MOSAIC_EXACT_LIMIT
) -> Mosaic:
    """Lay a grid over the map and give every image its own cell.

    Args:
        coordinates: (N, 2) of the map, N >= 1; y grows upwards.
        exact_limit: images up to which the assignment is the optimum.

    Raises:
        QueryError: a coordinate is not finite, or there is no image.

    Source:
        Quadrianto, Smola, Song and Tuytelaars, "Kernelized Sorting", IEEE PAMI 32 (2010) 1809-1821, for images on
        a grid as an assignment problem; here places are given, and the objective is linear.
    """
    points = np.asarray(coordinates, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise QueryError(
            f"Coordinates of shape {points.shape} make no mosaic.",
            "Give (N, 2) finite numbers, at least one pair.",
        )
    columns, rows, cell, left, top = grid_over(points)
    places = np.column_stack([points[:, 0] - left, top - points[:, 1]]) / cell
    cells = assign_cells(places, columns, rows, exact_limit=exact_limit)
    return Mosaic(
        cells=cells.astype(np.int32),
        columns=columns,
        rows=rows,
        cell=cell,
        left=left,
        top=top,
        displacement=float(np.linalg.norm(places - cell_centres(cells, columns), axis=1).mean()),
        method="exact" if len(points) <= exact_limit else "windows",
    )


def grid_over(points: DoubleArray) -> tuple[int, int, float, float, float]:
    """Choose a grid of square cells, at least as many as points, centred on the points' bounding box.

    Args:
        points: (N, 2), N >= 1.

    Returns:
        Columns, rows, a cell's side, and x and y of the top left corner, in the unit of the points.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low).tolist()
    aspect = width / height if height > 0 else (math.inf if width > 0 else 1.0)
    columns = max(1, round(math.sqrt(len(points) * min(max(aspect, NARROWEST), WIDEST))))
    rows = math.ceil(len(points) / columns)
    cell = max(width / columns, height / rows)
    if cell <= 0:  # all points are one
        cell = 1.0
    x, y = ((low + high) / 2).tolist()
    return columns, rows, cell, x - columns * cell / 2, y + rows * cell / 2


def cell_centres(cells: npt.NDArray[np.integer], columns: int) -> DoubleArray:
    """Say where cells lie: (n, 2) float64 centres, in cells to the right and down from the grid's top left corner."""
    return np.column_stack([cells % columns, cells // columns]) + 0.5


def assign_cells(
    places: DoubleArray, columns: int, rows: int, *, exact_limit: int = settings.MOSAIC_EXACT_LIMIT
) -> IntArray:
    """Give every image its own cell, so that the sum of squared distances is least, or nearly so.

    The same places give the same cells, on any number of cores.

    Args:
        places: (N, 2) in cells, to the right and down from the grid's top left corner.
        columns, rows: of the grid; columns * rows >= N.
        exact_limit: images up to which the assignment is the optimum.

    Returns:
        (N,) int64 cells, row-major from the top left; no two are the same.

    Raises:
        QueryError: the grid has fewer cells than there are images.

    Source:
        Crouse, "On implementing 2D rectangular assignment algorithms", IEEE Transactions on Aerospace and
        Electronic Systems 52 (2016) 1679-1696 (scipy.optimize.linear_sum_assignment).
    """
    if columns * rows < len(places):
        raise QueryError(
            f"{len(places)} images do not fit into {columns} x {rows} cells.", "Give a larger grid."
        )
    if len(places) <= exact_limit:
        return _least(_squares(places, cell_centres(np.arange(columns * rows), columns)))
    cells = bisect(places, columns, rows)
    grid = np.full(columns * rows, -1)
    grid[cells] = np.arange(len(places))
    grid = _improve(grid.reshape(rows, columns), places).ravel()
    taken = np.flatnonzero(grid >= 0)
    cells[grid[taken]] = taken
    return cells


def bisect(places: DoubleArray, columns: int, rows: int) -> IntArray:
    """Halve the grid along its longer side again and again, and the images with it: (N,) int64 cells.

    Every part of the grid gets its share of the images, so empty cells are spread evenly.
    """
    cells = np.empty(len(places), np.int64)
    parts = [(np.arange(len(places)), 0, columns, 0, rows)]
    while parts:
        images, left, right, top, bottom = parts.pop()
        wide, high = right - left, bottom - top
        if not len(images):
            continue
        if wide * high == 1:
            cells[images] = top * columns + left
            continue
        axis = 0 if wide >= high else 1
        images = images[np.lexsort((places[images, 1 - axis], places[images, axis]))]
        first = (wide // 2) * high if axis == 0 else (high // 2) * wide  # cells of the first half
        n_first = round(len(images) * first / (wide * high))
        n_first = min(max(n_first, len(images) - (wide * high - first)), first)
        if axis == 0:
            middle = left + wide // 2
            parts.append((images[:n_first], left, middle, top, bottom))
            parts.append((images[n_first:], middle, right, top, bottom))
        else:
            middle = top + high // 2
            parts.append((images[:n_first], left, right, top, middle))
            parts.append((images[n_first:], left, right, middle, bottom))
    return cells


@dataclass(frozen=True)
class _Blocks:
    """The grid cut into square blocks of cells, and what it costs to carry each of them somewhere.

    A block of images x with offsets o from its corner costs, with its corner at g, the sum of |x - g - o|², which is
    a constant, plus n |g|² - 2 g · (the sum of x - o).

    Attributes:
        images: (R, C, side²) int64 rows of the gallery, -1 for an empty cell.
        pull: (R, C, 2) float64, the sum of x - o.
        counts: (R, C) float64 images in each.
        corners: (R, C, 2) float64.
    """

    images: IntArray
    pull: DoubleArray
    counts: DoubleArray
    corners: DoubleArray

    @classmethod
    def of(cls, grid: IntArray, places: DoubleArray, side: int, right: int, down: int) -> _Blocks:
        """Cut (rows, columns) of gallery rows into blocks, beginning ``right`` and ``down`` from the corner."""
        n_down, n_right = (grid.shape[0] - down) // side, (grid.shape[1] - right) // side
        inner = grid[down : down + n_down * side, right : right + n_right * side]
        by_block = inner.reshape(n_down, side, n_right, side).transpose(0, 2, 1, 3)
        images = by_block.reshape(n_down, n_right, side * side)
        there = images >= 0
        offsets = cell_centres(np.arange(side * side), side)
        pull = ((places[images] - offsets) * there[..., None]).sum(axis=2)
        y, x = np.mgrid[0:n_down, 0:n_right] * float(side)
        return cls(
            images, pull, there.sum(axis=2).astype(np.float64), np.stack([x + right, y + down], axis=2)
        )

    def permuted(self, window: tuple[slice, slice]) -> IntArray:
        """Put the blocks of a window where they cost least together: their ``images``, in the new order."""
        pull, counts = self.pull[window].reshape(-1, 2), self.counts[window].reshape(-1)
        corners, images = self.corners[window].reshape(-1, 2), self.images[window]
        before = images.reshape(len(corners), -1)
        after = np.empty_like(before)
        after[_least(_priced(pull, counts, corners))] = before
        return after.reshape(images.shape)


def _priced(pull: DoubleArray, counts: DoubleArray, corners: DoubleArray) -> DoubleArray:
    """Cost of carrying each block to each corner, less a price of the block and one of the corner: (n, n) float64.

    Every block and every corner is used once, so prices decide nothing, but the solver, which begins without any, is
    twice as quick after good ones. These make the costs squared distances between what was pulled and the corners,
    both brought to the same middle and spread.
    """
    middle = corners.mean(axis=0)
    corners, pull = corners - middle, pull - counts[:, None] * middle
    pull -= pull.mean(axis=0)
    squares = (corners * corners).sum(axis=1)
    spread, pulled = float(squares.sum()), float((pull * pull).sum())
    scale = math.sqrt(spread / pulled) if spread > 0 and pulled > 0 else 1.0
    costs: DoubleArray = (counts - counts.mean())[:, None] * squares - 2 * (pull @ corners.T)
    costs += (scale * (pull * pull).sum(axis=1))[:, None]
    costs += squares / scale
    costs -= costs.min(axis=0)
    return costs


def _improve(grid: IntArray, places: DoubleArray) -> IntArray:
    """Exchange blocks and images inside windows, round after round, until a round gains little."""
    sides = [1]
    while max(grid.shape) > sides[-1] * WINDOW:
        sides.append(2 * sides[-1])
    before = _sum_of_squares(grid, places)
    with ThreadPoolExecutor(N_WORKERS) as workers:  # the solver works outside the interpreter's lock
        for number in range(MOST_ROUNDS):
            right, down = OFFSETS[number % len(OFFSETS)]
            for side in reversed(sides):
                grid = _sweep(grid, places, side, right, down, workers)
            after = _sum_of_squares(grid, places)
            if before - after <= LEAST_GAIN * before:
                break
            before = after
    return grid


def _sweep(
    grid: IntArray, places: DoubleArray, side: int, right: int, down: int, workers: ThreadPoolExecutor
) -> IntArray:
    """Exchange the blocks of one size once, in windows that do not overlap; blocks cut by an edge stay."""
    right_cells, down_cells = right * (side // 2), down * (side // 2)
    blocks = _Blocks.of(grid, places, side, right_cells, down_cells)
    n_down, n_right = blocks.counts.shape
    windows = list(_windows(n_down, n_right, down * WINDOW // 2, right * WINDOW // 2))
    new = np.empty_like(blocks.images)
    for window, images in zip(windows, workers.map(blocks.permuted, windows), strict=True):
        new[window] = images
    found = grid.copy()
    new = new.reshape(n_down, n_right, side, side).transpose(0, 2, 1, 3)
    found[down_cells : down_cells + n_down * side, right_cells : right_cells + n_right * side] = new.reshape(
        n_down * side, n_right * side
    )
    return found


def _windows(n_down: int, n_right: int, down: int, right: int) -> Iterator[tuple[slice, slice]]:
    """Cut a grid of blocks into windows; those at the edges may be smaller."""
    rows = sorted({0, n_down, *range(down, n_down, WINDOW)})
    columns = sorted({0, n_right, *range(right, n_right, WINDOW)})
    for top, bottom in pairwise(rows):
        for first, last in pairwise(columns):
            yield slice(top, bottom), slice(first, last)


def _least(costs: DoubleArray) -> IntArray:
    """Pair each line with its own column at the least sum: (lines,) columns."""
    from scipy.optimize import (
        linear_sum_assignment,
    )  # a quarter of a second that opening a page should not cost

    _, columns = linear_sum_assignment(costs)
    return np.asarray(columns, np.int64)


def _squares(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """Square the distances: (len(a), len(b)) float64."""
    x, y = a[:, 0, None] - b[:, 0], a[:, 1, None] - b[:, 1]
    squares: DoubleArray = x * x + y * y
    return squares


def _sum_of_squares(grid: IntArray, places: DoubleArray) -> float:
    taken = np.flatnonzero(grid.ravel() >= 0)
    away = places[grid.ravel()[taken]] - cell_centres(taken, grid.shape[1])
    return float((away * away).sum())
