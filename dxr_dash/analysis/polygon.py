"""Which points of the map lie inside a polygon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, IntArray

MOST_CORNERS = 10_000


def inside_polygon(coordinates: FloatArray, polygon: npt.ArrayLike) -> IntArray:
    """Find the points inside a polygon, by counting how often a ray to the right crosses its sides.

    Args:
        coordinates: (N, 2).
        polygon: (P, 2) corners, P >= 3; it closes itself, and where it crosses itself the even-odd rule holds.

    Returns:
        (n,) int64 rows, ascending. A point exactly on a side may count either way.

    Raises:
        QueryError: too few or too many corners, or a corner that is not a finite number.

    Source:
        Shimrat, "Algorithm 112: position of point relative to polygon", CACM 5 (1962) 434.
    """
    try:
        corners = np.asarray(polygon, np.float64)
    except (TypeError, ValueError):
        raise QueryError("The polygon is not a list of points.", "Draw the lasso again.") from None
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MOST_CORNERS:
        raise QueryError(
            f"The polygon has shape {corners.shape}.", f"Give 3 to {MOST_CORNERS} corners (x, y)."
        )
    if not np.isfinite(corners).all():
        raise QueryError("A corner of the polygon is not a finite number.", "Draw the lasso again.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y = coordinates[:, 0], coordinates[:, 1]
    in_box = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])  # first, since it is cheap
    near = np.flatnonzero(in_box)
    x, y = np.asarray(coordinates[near], np.float64).T
    by_height = np.argsort(y, kind="stable")
    x, y = x[by_height], y[by_height]
    odd = np.zeros(len(near), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # only points between the two ends' heights can have a ray that meets this side
        first, end = np.searchsorted(y, (min(y1, y2), max(y1, y2)))
        if first < end:
            odd[first:end] ^= x[first:end] < x1 + (y[first:end] - y1) * ((x2 - x1) / (y2 - y1))
    return np.sort(near[by_height[odd]])
