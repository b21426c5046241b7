"""An order of the images in which neighbours in line are neighbours on the map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.records import IntArray

BITS = 16  # of each coordinate on the curve: 65,536 steps along a side, finer than any screen


def map_order(coordinates: npt.NDArray[np.floating]) -> IntArray:
    """Order the images along a Hilbert curve over the map.

    Args:
        coordinates: (N, 2), finite; no unit.

    Returns:
        (N,) int64 rows in the order of the curve; images at the same step of the curve stay in row order.

    Source:
        Skilling, "Programming the Hilbert curve", AIP Conference Proceedings 707 (2004) 381-387; in two
        dimensions, quadrant by quadrant.
    """
    points = np.asarray(coordinates, np.float64)
    if not len(points):
        return np.empty(0, np.int64)
    low = points.min(axis=0)
    side = float((points.max(axis=0) - low).max())
    last = (1 << BITS) - 1
    steps = (points - low) * (last / side) if side > 0 else np.zeros_like(points)
    x, y = np.minimum(steps, last).astype(np.int64).T
    along = np.zeros(len(points), np.int64)
    for bit in range(BITS - 1, -1, -1):
        right, up = (x >> bit) & 1, (y >> bit) & 1
        along += ((3 * right) ^ up) << (2 * bit)
        # the curve inside a quadrant is the whole curve, mirrored and turned so that the ends meet
        mirrored = (up == 0) & (right == 1)
        x, y = np.where(mirrored, last - x, x), np.where(mirrored, last - y, y)
        x, y = np.where(up == 0, y, x), np.where(up == 0, x, y)
    return np.argsort(along, kind="stable").astype(np.int64)
