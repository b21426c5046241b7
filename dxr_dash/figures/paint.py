"""Small pictures of one pixel for each image: scripts lay them over the tiles, or read their colours."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash.figures.colouring import Colouring
from dxr_dash.records import BoolArray

LEVELS = 64  # colours of a quantity: a finer scale cannot be seen in frames, and costs more bytes
DENSEST = 150  # opacity of the densest place behind the points, of 255
VEIL = 205  # opacity of what lies over images that are not selected, of 255

Size = tuple[int, int]
"""Width and height in pixels."""


def square_for(n_images: int) -> Size:
    """Return the size of the squarest picture that holds one pixel for each image, in row order."""
    width = max(1, math.ceil(math.sqrt(n_images)))
    return width, max(1, math.ceil(n_images / width))


def colour_image(colouring: Colouring, places: npt.NDArray[np.integer], size: Size) -> bytes:
    """Paint each image's colour: a PNG file, transparent where no image lies.

    Args:
        places: (N,) each image's pixel, line by line from the top left.
    """
    share = (colouring.values - colouring.low) / (colouring.high - colouring.low)
    pixels = np.zeros(size[0] * size[1], np.uint8)
    pixels[places] = 1 + (share * LEVELS).astype(np.int64).clip(0, LEVELS - 1)
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    return _png(pixels, size, [(0, 0, 0), *(colour_at(colouring.scale, at) for at in middles)], b"\0")


def veil_image(lit: BoolArray, places: npt.NDArray[np.integer], size: Size, paper: str) -> bytes:
    """Paint the paper's colour, a little transparent, over every image that is not lit: a PNG file."""
    pixels = np.zeros(size[0] * size[1], np.uint8)
    pixels[places] = ~lit
    return _png(pixels, size, [_rgb(paper)] * 2, bytes([0, VEIL]))


def density_image(counts: npt.NDArray[np.integer], colour: str) -> bytes:
    """Paint how many points lie in each pixel: a PNG file of one colour, the denser the less transparent.

    The scale is logarithmic, since the densest places hold thousands of times the usual.

    Args:
        counts: (height, width), the upper line first.
    """
    most = max(int(counts.max(initial=0)), 1)
    share = np.log1p(counts) / np.log1p(most)
    pixels = np.where(counts > 0, 1 + (share * LEVELS).astype(np.int64).clip(0, LEVELS - 1), 0).astype(
        np.uint8
    )
    opacity = bytes([0, *(DENSEST * (one + 1) // LEVELS for one in range(LEVELS))])
    height, width = counts.shape
    return _png(pixels, (width, height), [_rgb(colour)] * (LEVELS + 1), opacity)


def colour_at(scale: tuple[tuple[float, str], ...], at: float) -> tuple[int, int, int]:
    """Read a plotly colour scale at a place in 0..1."""
    places, colours = zip(*scale, strict=True)
    after = int(np.searchsorted(places, at).clip(1, len(places) - 1))
    span = places[after] - places[after - 1]
    share = (at - places[after - 1]) / span if span else 0.0
    start, end = np.array(_rgb(colours[after - 1])), np.array(_rgb(colours[after]))
    red, green, blue = np.rint(start + share * (end - start)).astype(int).tolist()
    return red, green, blue


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(
    pixels: npt.NDArray[np.uint8], size: Size, palette: list[tuple[int, int, int]], opacity: bytes
) -> bytes:
    picture = Image.frombytes("P", size, pixels.tobytes())
    picture.putpalette([part for colour in palette for part in colour])
    out = io.BytesIO()
    picture.save(out, "PNG", transparency=opacity)
    return out.getvalue()
