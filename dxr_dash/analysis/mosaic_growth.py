"""The mosaic after images have come and gone: what stays keeps its cell, or moves by one to make room."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dxr_dash.analysis.mosaic import cell_centres
from dxr_dash.records import DoubleArray, IntArray, Mosaic

RECIPE = 1  # raised when the same images get other cells
NEAR = 4.0  # cells from its place that a new image may be put without moving others


def grow_mosaic(
    before: Mosaic,
    coordinates: npt.NDArray[np.floating],
    *,
    rows_before: IntArray,
    rows_now: IntArray,
) -> Mosaic:
    """Give new images cells near their places on the map, and leave the others where they are as far as possible.

    A new image takes the free cell nearest to its place. If that is farther away than NEAR, the images between make
    room: each moves by one cell towards it. A grid without enough free cells gets further lines of cells, half above,
    half below.

    Args:
        before: the mosaic as it was.
        coordinates: (N, 2) of the map as it is; images that stay have not moved.
        rows_before, rows_now: (n,) the images that stay, ``rows_now`` ascending.

    Returns:
        The mosaic of all N images. Its ``method`` is that of ``before``.
    """
    points = np.asarray(coordinates, np.float64)
    columns, height, top = before.columns, before.rows, before.top
    lacking = math.ceil(max(0, len(points) - columns * height) / columns)
    above = lacking // 2
    top, height = top + above * before.cell, height + lacking
    places = np.column_stack([points[:, 0] - before.left, top - points[:, 1]]) / before.cell
    cells = np.full(len(points), -1, np.int64)
    cells[rows_now] = before.cells[rows_before].astype(np.int64) + above * columns
    grid = np.full(columns * height, -1, np.int64)
    grid[cells[rows_now]] = rows_now
    _put(grid.reshape(height, columns), places, np.flatnonzero(cells < 0))
    taken = np.flatnonzero(grid >= 0)
    cells[grid[taken]] = taken
    return Mosaic(
        cells=cells.astype(np.int32),
        columns=columns,
        rows=height,
        cell=before.cell,
        left=before.left,
        top=top,
        displacement=float(np.linalg.norm(places - cell_centres(cells, columns), axis=1).mean()),
        method=before.method,
    )


def _put(grid: IntArray, places: DoubleArray, images: IntArray) -> None:
    """Put images into a grid of gallery rows, -1 = free, one after the other."""
    height, columns = grid.shape
    free = cell_centres(np.flatnonzero(grid.ravel() < 0), columns)
    for image in images.tolist():
        x, y = places[image].clip((0.5, 0.5), (columns - 0.5, height - 0.5)).tolist()
        away = np.square(free[:, 0] - x) + np.square(free[:, 1] - y)
        nearest = int(away.argmin())
        hole_x, hole_y = (int(middle) for middle in free[nearest])
        free = np.delete(free, nearest, axis=0)
        while math.hypot(hole_x + 0.5 - x, hole_y + 0.5 - y) > NEAR:
            dx, dy = x - hole_x - 0.5, y - hole_y - 0.5
            next_x, next_y = hole_x, hole_y
            if abs(dx) > abs(dy):
                next_x += 1 if dx > 0 else -1
            else:
                next_y += 1 if dy > 0 else -1
            grid[hole_y, hole_x] = grid[next_y, next_x]
            hole_x, hole_y = next_x, next_y
        grid[hole_y, hole_x] = image
