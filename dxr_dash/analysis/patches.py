"""Multi-patch matching: an image is near when each part of the query has a part of it that is near.

Source: Razavian, Azizpour, Sullivan and Carlsson, "CNN Features off-the-shelf: an Astounding Baseline for Recognition",
CVPR Workshops 2014, section 4.2, "spatial search". That paper says that at order h there are h * h overlapping patches
of one size which cover the image; that they begin at every (h + 1)-th of a side and are two of these long is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np

from dxr_dash.analysis.distances import Reference, from_keys
from dxr_dash.records import FloatArray

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def n_patches(order: int) -> int:
    """Count the patches of all orders from 1, the whole image, up to this one."""
    return order * (order + 1) * (2 * order + 1) // 6


def patch_boxes(width: int, height: int, orders: Iterable[int]) -> list[Box]:
    """Cut an image of this many pixels into the patches of some orders, one after the other, row by row.

    Those of order h have 2 / (h + 1) of each side, rounded outwards; neighbours overlap by half.
    """
    boxes = []
    for h in orders:
        across, down = (_intervals(side, h) for side in (width, height))
        boxes += [(left, top, right, bottom) for top, bottom in down for left, right in across]
    return boxes


def _intervals(side: int, h: int) -> list[tuple[int, int]]:
    return [(side * place // (h + 1), ceil(side * (place + 2) / (h + 1))) for place in range(h)]


def patch_distances(query: FloatArray, images: FloatArray, *, metric: str) -> FloatArray:
    """Measure how far images are from one query by their patches.

    Args:
        query: (q, D) float32 vectors of the query's patches.
        images: (n, p, D) float32 vectors of the patches of each image.

    Returns:
        (n,) float32, as ``mean_nearest``.
    """
    found: FloatArray = mean_nearest(Reference.of(query, metric), len(query), images)[0]
    return found


def mean_nearest(asked: Reference, n_patches_asked: int, images: FloatArray) -> FloatArray:
    """Measure how far images are from several queries by their patches.

    Args:
        asked: Q * q vectors: those of each query's q patches together, one query after the other.
        n_patches_asked: q.
        images: (n, p, D) float32 vectors of the patches of each image.

    Returns:
        (Q, n) float32: of each query patch the distance to the image's nearest patch; their mean.
    """
    n, p, n_dims = images.shape
    keys = asked.keys(images.reshape(n * p, n_dims).astype(np.float64))
    nearest = from_keys(keys.reshape(len(keys), n, p).min(axis=2), asked.metric)
    found: FloatArray = nearest.reshape(-1, n_patches_asked, n).mean(axis=1).astype(np.float32)
    return found
