"""Multi-patch matching: an image is near when each part of the query has a part of it that is near.

Source: Razavian, Azizpour, Sullivan and Carlsson, "CNN Features off-the-shelf: an Astounding Baseline for Recognition",
CVPR Workshops 2014, section 4, "spatial search". That paper says that at order h there are h * h overlapping patches of
one size which cover the image; that they begin at every (h + 1)-th of a side and are two of these long is our choice.
"""

from __future__ import annotations

from math import ceil

from dxr_dash.analysis.distances import distances
from dxr_dash.records import FloatArray

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def n_patches(order: int) -> int:
    """Count the patches of all orders from 1, the whole image, up to this one."""
    return order * (order + 1) * (2 * order + 1) // 6


def patch_boxes(width: int, height: int, order: int) -> list[Box]:
    """Cut an image of this many pixels into the patches of all orders from 1 to ``order``, row by row.

    Those of order h have 2 / (h + 1) of each side, rounded outwards; neighbours overlap by half.
    """
    boxes = []
    for h in range(1, order + 1):
        across, down = (_intervals(side, h) for side in (width, height))
        boxes += [(left, top, right, bottom) for top, bottom in down for left, right in across]
    return boxes


def _intervals(side: int, h: int) -> list[tuple[int, int]]:
    return [(side * place // (h + 1), ceil(side * (place + 2) / (h + 1))) for place in range(h)]


def patch_distances(query: FloatArray, images: FloatArray, *, metric: str) -> FloatArray:
    """Measure how far images are from a query by their patches.

    Args:
        query: (q, D) float32 vectors of the query's patches.
        images: (n, p, D) float32 vectors of the patches of each image.

    Returns:
        (n,) float32: of each query patch the distance to the image's nearest patch; their mean.
    """
    n, p, n_dims = images.shape
    nearest = distances(query, images.reshape(n * p, n_dims), metric=metric).reshape(len(query), n, p).min(2)
    found: FloatArray = nearest.mean(axis=0)
    return found
