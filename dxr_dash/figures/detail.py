"""Level of detail: which points to draw where a map holds more than one trace can carry.

A fixed order of all points, coarse to fine: any beginning of it covers the map evenly, so zooming in only
ever adds points and never moves the ones already seen.
"""

from __future__ import annotations

import numpy as np

from dxr_dash.records import BoolArray, FloatArray, IntArray

_COARSEST_CELLS = 16  # along the longer side of the map
_LEVELS = 8  # each halves the cells' sides
_SEED = 0  # what is drawn of a map is the same every time

View = tuple[float, float, float, float]
"""x0, x1, y0, y1 in map coordinates, x0 < x1 and y0 < y1."""


def stratified_order(coordinates: FloatArray) -> IntArray:
    """Order the rows of a map so that each beginning of the order covers it evenly.

    Args:
        coordinates: (N, 2) map coordinates.

    Returns:
        (N,) rows: first one per coarse grid cell, then one per cell of a finer grid, and so on, in each grid scattered
        over the whole map, so that a beginning that ends inside a grid leaves no part of the map out; then the rest.
    """
    low, high = extent(coordinates)
    side = float(max(*(high - low), np.finfo(np.float32).tiny))
    finest = _COARSEST_CELLS << (_LEVELS - 1)
    columns = [
        ((np.asarray(coordinates[:, axis]) - low[axis]) / np.float32(side) * finest)
        .astype(np.int32)
        .clip(0, finest - 1)
        for axis in (0, 1)
    ]
    draw = np.random.default_rng(_SEED)
    left = np.arange(len(coordinates), dtype=np.int32)
    picked: list[IntArray] = []
    for level in range(_LEVELS):
        cells, coarser = _COARSEST_CELLS << level, _LEVELS - 1 - level
        place = (columns[0][left] >> coarser) * cells + (columns[1][left] >> coarser)
        first = np.full(cells * cells, len(left), np.int32)
        # backwards: of several rows in a cell the last one written, which is the first, stays
        first[place[::-1]] = np.arange(len(left) - 1, -1, -1, dtype=np.int32)
        found = first[first < len(left)]
        picked.append(draw.permutation(left[found]))
        stays = np.ones(len(left), bool)
        stays[found] = False
        left = left[stays]
        if not len(left):
            break
    return np.concatenate([*picked, draw.permutation(left)]).astype(np.int64)


def extent(coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest x and y; (0, 0) twice for an empty map."""
    if not len(coordinates):
        return np.zeros(2, np.float32), np.zeros(2, np.float32)
    x, y = coordinates[:, 0], coordinates[:, 1]  # one after the other: ten times as fast as both at once
    return np.array([x.min(), y.min()]), np.array([x.max(), y.max()])


def points_in_view(
    coordinates: FloatArray, order: IntArray, view: View | None, limit: int
) -> tuple[IntArray, int]:
    """Return at most ``limit`` rows inside the view, spread evenly, in row order; and how many there are in all."""
    if view is None:
        return np.sort(order[:limit]), len(order)
    inside = _inside(coordinates, view)
    n_inside = int(np.count_nonzero(inside))
    if n_inside <= limit:
        return np.flatnonzero(inside), n_inside
    found: list[IntArray] = []
    n_found, step = 0, max(limit, 1) * 2
    for start in range(0, len(order), step):  # a large view is full long before the end
        part = order[start : start + step]
        found.append(part[inside[part]])
        n_found += len(found[-1])
        if n_found >= limit:
            break
    return np.sort(np.concatenate(found)[:limit]), n_inside


def density(coordinates: FloatArray, view: View, size: tuple[int, int]) -> IntArray:
    """Count the points in each pixel of a picture of a view.

    Args:
        coordinates: (N, 2).
        size: width and height of the picture in pixels.

    Returns:
        (height, width) counts, the first line at the view's upper edge.
    """
    x0, x1, y0, y1 = view
    width, height = size
    places = coordinates[_inside(coordinates, view)]
    column = ((places[:, 0] - np.float32(x0)) * np.float32(width / (x1 - x0))).astype(np.int32)
    line = ((np.float32(y1) - places[:, 1]) * np.float32(height / (y1 - y0))).astype(np.int32)
    np.clip(column, 0, width - 1, out=column)
    np.clip(line, 0, height - 1, out=line)
    return np.bincount(line * width + column, minlength=width * height).reshape(height, width)


def _inside(coordinates: FloatArray, view: View) -> BoolArray:
    x0, x1, y0, y1 = view
    x, y = coordinates[:, 0], coordinates[:, 1]
    return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
