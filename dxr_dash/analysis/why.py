"""Why two images match: the exact parts of a similarity, and what hiding a place does to a distance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dxr_dash.records import DoubleArray, FloatArray, IntArray

UInt8Array = npt.NDArray[np.uint8]

GREY = 128  # of 255, in each colour: what a hidden place shows


def similarity_parts(first: FloatArray, second: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Split the cosine similarity of two averaged feature maps over the places of each.

    The vector of an image is the mean of its features over P places, so the inner product with the other vector is
    a sum over places, and nothing is left over or approximated.

    Args:
        first: (D, H, W) features of one image.
        second: (D, h, w) of the other.

    Returns:
        (H, W) and (h, w) float64: at place p <features at p, vector of the other> / (P * both norms). Each sums to the
        similarity. A place may take away from it. All 0 when a vector is zero: it has no direction.

    Source:
        Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR
        2016, with the other image's vector in place of a class's weights.
    """
    a, b = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (first, second))
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    norms = float(np.linalg.norm(mean_a) * np.linalg.norm(mean_b))
    if norms == 0.0:
        return np.zeros(first.shape[1:]), np.zeros(second.shape[1:])
    of_a: DoubleArray = (mean_b @ a) / (a.shape[1] * norms)
    of_b: DoubleArray = (mean_a @ b) / (b.shape[1] * norms)
    return of_a.reshape(first.shape[1:]), of_b.reshape(second.shape[1:])


def pixel_parts(first: FloatArray, second: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Split the cosine similarity of two pictures that are compared pixel by pixel over their pixels.

    Args:
        first, second: (C, H, W), of one shape: their vectors are these values one after the other.

    Returns:
        (H, W) float64, twice the same: at a pixel the product of the two, summed over C, over both norms. It sums to
        the similarity. All 0 when a picture is zero.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    parts: DoubleArray = (a * b).sum(axis=0) / norms if norms else np.zeros(a.shape[1:])
    return parts, parts


def bin_parts(first: IntArray, second: IntArray) -> tuple[DoubleArray, DoubleArray]:
    """Split the Hellinger affinity of two histograms over the pixels that were counted.

    Of shares p and q the affinity is the sum of sqrt(p q) over bins, the cosine of their square roots. The part of a
    bin is shared equally by the pixels in it: each of P pixels in a bin with the share p has sqrt(q / p) / P.

    Args:
        first, second: (H, W) and (h, w): the bin of each pixel, from 0.

    Returns:
        (H, W) and (h, w) float64, 0 or more. Each sums to the affinity.
    """
    n_bins = 1 + int(max(first.max(), second.max()))
    p, q = (np.bincount(one.ravel(), minlength=n_bins) / one.size for one in (first, second))
    return np.sqrt(q[first] / p[first]) / first.size, np.sqrt(p[second] / q[second]) / second.size


def grid_cells(height: int, width: int, *, cells: int) -> list[tuple[slice, slice]]:
    """Cut a picture into cells x cells patches, row by row; each pixel is in one of them.

    Args:
        height, width: in pixels.
        cells: along each side; a picture of fewer pixels is cut into as many as it has.
    """
    down, across = (
        np.linspace(0, side, min(cells, side) + 1).round().astype(int) for side in (height, width)
    )
    return [
        (slice(top, bottom), slice(left, right))
        for top, bottom in zip(down[:-1].tolist(), down[1:].tolist(), strict=True)
        for left, right in zip(across[:-1].tolist(), across[1:].tolist(), strict=True)
    ]


def occluded(picture: UInt8Array, *, cells: int) -> Iterator[UInt8Array]:
    """Hide one patch of a picture after the other under grey.

    Args:
        picture: (H, W, 3) uint8.
        cells: as for ``grid_cells``.

    Yields:
        (H, W, 3) uint8, one for each cell, in their order.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
    """
    for cell in grid_cells(*picture.shape[:2], cells=cells):
        hidden = picture.copy()
        hidden[cell] = GREY
        yield hidden


def occlusion_map(hidden: FloatArray, whole: float, shape: tuple[int, int]) -> DoubleArray:
    """Say by how much each hidden patch moves an image away from the other.

    Args:
        hidden: (n,) distances with one patch hidden, in the order of ``grid_cells``.
        whole: the distance with none hidden.
        shape: rows and columns of patches.

    Returns:
        Rows x columns float64; positive where the patch made the two alike.
    """
    return hidden.astype(np.float64).reshape(shape) - whole
