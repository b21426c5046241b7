"""Level of detail: which points to draw where a map holds more than one trace can carry.

A fixed order of all points, coarse to fine: any beginning of it covers the map evenly, so zooming in only
ever adds points and never moves the ones already seen.
"""

from __future__ import annotations

import numpy as np

from dxr_dash.records import FloatArray, IntArray

_COARSEST_CELLS = 16  # along the longer side of the map
_LEVELS = 8  # each halves the cells' sides

View = tuple[float, float, float, float]
"""x0, x1, y0, y1 in map coordinates, x0 < x1 and y0 < y1."""


def stratified_order(coordinates: FloatArray) -> IntArray:
    """Order the rows of a map so that each beginning of the order covers it evenly.

    Args:
        coordinates: (N, 2) map coordinates.

    Returns:
        (N,) rows: first one per coarse grid cell, then one per cell of a finer grid, and so on; the rest in row order.
    """
    n_points = len(coordinates)
    low, high = extent(coordinates)
    side = float(max(*(high - low), np.finfo(np.float32).tiny))
    left = np.arange(n_points)
    picked: list[IntArray] = []
    for level in range(_LEVELS):
        cells = _COARSEST_CELLS << level
        place = ((coordinates[left] - low) / side * cells).astype(np.int64).clip(0, cells - 1)
        _, first = np.unique(place[:, 0] * cells + place[:, 1], return_index=True)
        picked.append(left[first])
        left = np.delete(left, first)
        if not len(left):
            break
    return np.concatenate([*picked, left])


def extent(coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest x and y; (0, 0) twice for an empty map."""
    if not len(coordinates):
        return np.zeros(2, np.float32), np.zeros(2, np.float32)
    return coordinates.min(axis=0), coordinates.max(axis=0)


def points_in_view(coordinates: FloatArray, order: IntArray, view: View | None, limit: int) -> IntArray:
    """Return at most ``limit`` rows inside the view, spread evenly, in row order."""
    if view is None:
        return np.sort(order[:limit])
    x0, x1, y0, y1 = view
    x, y = coordinates[:, 0], coordinates[:, 1]
    inside = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    return np.sort(order[inside[order]][:limit])
