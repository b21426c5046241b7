"""Lay one map over another: turned, mirrored, moved, brought to the same size, so that images lie near themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash.records import Alignment, DoubleArray

Points = npt.NDArray[np.floating]


def alignment(reference: Points, points: Points) -> Alignment:
    """Find the rotation or reflection, the size and the place that lay ``points`` over ``reference``.

    The rotation makes the sum of squared distances between the two places of each image least. The size is the one
    at which both maps spread equally far, not the one of least squares: that shrinks a map the more, the less it has
    to do with the other.

    Args:
        reference, points: (N, 2) of the same images; no unit.

    Source:
        Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31 (1966) 1-10.
    """
    if not len(points):
        return Alignment(np.eye(2), np.zeros(2))
    fixed, moved = np.asarray(reference, np.float64), np.asarray(points, np.float64)
    middle, own_middle = fixed.mean(axis=0), moved.mean(axis=0)
    fixed, moved = fixed - middle, moved - own_middle
    left, _, right = np.linalg.svd(moved.T @ fixed)
    spread, own_spread = float(np.sqrt((fixed**2).sum())), float(np.sqrt((moved**2).sum()))
    size = spread / own_spread if spread > 0 and own_spread > 0 else 1.0
    matrix: DoubleArray = size * (left @ right)
    return Alignment(matrix, middle - own_middle @ matrix)


def displacement(reference: Points, points: Points) -> float:
    """Measure how far apart the two places of an image are, as the mean over the images in units of the map's spread.

    Args:
        reference: (N, 2), at least two different places. points: (N, 2), already laid over it.

    Returns:
        0 where all lie on themselves. Unrelated maps have about 1.25, when both spread equally far.
    """
    fixed, moved = np.asarray(reference, np.float64), np.asarray(points, np.float64)
    spread = np.sqrt(((fixed - fixed.mean(axis=0)) ** 2).sum(axis=1).mean())
    return float(np.linalg.norm(moved - fixed, axis=1).mean() / spread)
