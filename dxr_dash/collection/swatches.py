"""The small squares that a mosaic is drawn from at a distance."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.pack import Pack
from dxr_dash.records import OnProgress, silent

ROWS_AT_ONCE = 512


def make_swatches(
    thumbnails: Pack | Sequence[bytes], *, on_progress: OnProgress = silent
) -> npt.NDArray[np.uint8]:
    """Average the central square of each thumbnail to a few pixels: (N, SWATCH_PX, SWATCH_PX, 3) uint8 RGB.

    Args:
        thumbnails: JPEG files, in row order.
    """
    n_images, side = len(thumbnails), settings.SWATCH_PX
    swatches = np.empty((n_images, side, side, 3), np.uint8)

    def fill(start: int) -> None:
        for row in range(start, min(start + ROWS_AT_ONCE, n_images)):
            swatches[row] = np.asarray(central_square(thumbnails[row], side))

    with ThreadPoolExecutor(n_cores()) as workers:  # Pillow decodes outside the interpreter's lock
        for number, _ in enumerate(workers.map(fill, range(0, n_images, ROWS_AT_ONCE))):
            on_progress("swatches", min((number + 1) * ROWS_AT_ONCE, n_images), n_images)
    return swatches


def central_square(jpeg: bytes, side_px: int) -> Image.Image:
    """Decode a JPEG file and scale its central square: an RGB image of ``side_px`` x ``side_px``, never squashed."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    how = Image.Resampling.BOX if side_px < side else Image.Resampling.BICUBIC
    return image.resize((side_px, side_px), how, box=(left, top, left + side, top + side))
