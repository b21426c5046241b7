"""Pictures of many images at once, drawn when the page asks: tiles of the mosaic, and slivers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.store import Collection
from dxr_dash.collection.swatches import central_square
from dxr_dash.errors import QueryError
from dxr_dash.records import IntArray, Mosaic

TILE_PX = 256
MOST_LEVEL = 7  # a cell is 2 ** level pixels: 128 at most, the size of a thumbnail
SWATCH_LEVEL = settings.SWATCH_PX.bit_length() - 1  # up to here the swatches have every pixel that is shown
TILE_QUALITY = 80
CELLS = 64  # along each side of a square whose images are sent together
MOST_SLIVERS = 128
SLIVER_QUALITY = 80


def mosaic_tile(collection: Collection, mosaic: Mosaic, level: int, x: int, y: int) -> bytes:
    """Draw one square of the mosaic: a WebP file of 256 x 256 pixels; cells without an image are transparent.

    Args:
        level: a cell is 2 ** level pixels wide, 0 <= level <= 7.
        x, y: place of the tile, to the right and down from the grid's top left corner, in tiles.

    Raises:
        QueryError: there is no such level or tile.
    """
    if not 0 <= level <= MOST_LEVEL:
        raise QueryError(f"The mosaic has no level {level}.", f"Levels go from 0 to {MOST_LEVEL}.")
    cells_across = TILE_PX >> level
    n_right, n_down = -(-mosaic.columns // cells_across), -(-mosaic.rows // cells_across)
    if not (0 <= x < n_right and 0 <= y < n_down):
        raise QueryError(
            f"Level {level} of the mosaic has no tile {x}, {y}.",
            f"It has {n_right} tiles across and {n_down} down.",
        )
    grid = mosaic.grid[y * cells_across : (y + 1) * cells_across, x * cells_across : (x + 1) * cells_across]
    pixels = np.zeros((cells_across, cells_across, 1 << level, 1 << level, 4), np.uint8)
    down, right = np.nonzero(grid >= 0)
    pixels[down, right, ..., :3] = _squares(collection, grid[down, right], level)
    pixels[down, right, ..., 3] = 255
    picture = Image.fromarray(pixels.transpose(0, 2, 1, 3, 4).reshape(TILE_PX, TILE_PX, 4))
    return _file(picture)


def slivers(collection: Collection, rows: Sequence[int], *, width_px: int = 16, height_px: int = 64) -> bytes:
    """Draw the middle of each image as a narrow strip, side by side: a JPEG file, cropped and never squashed.

    Args:
        rows: 1 to 128 gallery rows, from left to right.
        width_px: of each strip, 1 <= width_px <= height_px.
        height_px: of the picture, at most a thumbnail's longer side.

    Raises:
        QueryError: there is no such row, there are none or too many, or a size does not do.
    """
    found = np.asarray(rows, np.int64).reshape(-1)
    if not 1 <= len(found) <= MOST_SLIVERS:
        raise QueryError(f"{len(found)} images were asked for.", f"Ask for 1 to {MOST_SLIVERS} at once.")
    if found.min() < 0 or found.max() >= len(collection):
        raise QueryError(
            "An image was asked for that is not in the collection.",
            f"Rows go from 0 to {len(collection) - 1}.",
        )
    if not 1 <= width_px <= height_px <= settings.THUMBNAIL_PX:
        raise QueryError(
            f"A strip cannot be {width_px} x {height_px} pixels.",
            f"Give 1 <= width <= height <= {settings.THUMBNAIL_PX}.",
        )
    left = (height_px - width_px) // 2
    squares = _thumbnail_squares(collection, found, height_px)
    strips = squares[:, :, left : left + width_px].transpose(1, 0, 2, 3)
    out = io.BytesIO()
    picture = Image.fromarray(strips.reshape(height_px, len(found) * width_px, 3))
    picture.save(out, "JPEG", quality=SLIVER_QUALITY)
    return out.getvalue()


def rows_of_cells(mosaic: Mosaic, x: int, y: int) -> bytes:
    """Say which images lie in a square of 64 x 64 cells: little-endian int32, line by line, -1 for none.

    Raises:
        QueryError: there is no such square.
    """
    grid = mosaic.grid[y * CELLS : (y + 1) * CELLS, x * CELLS : (x + 1) * CELLS]
    if x < 0 or y < 0 or not grid.size:
        raise QueryError(f"The mosaic has no cells at {x}, {y}.", "Reload the page.")
    full = np.full((CELLS, CELLS), -1, "<i4")
    full[: grid.shape[0], : grid.shape[1]] = grid
    return full.tobytes()


def _squares(collection: Collection, rows: npt.NDArray[np.integer], level: int) -> npt.NDArray[np.uint8]:
    """Take the images' central squares at 2 ** level pixels: (n, side, side, 3) uint8."""
    if level > SWATCH_LEVEL:
        return _thumbnail_squares(collection, np.asarray(rows, np.int64), 1 << level)
    side, each = 1 << level, settings.SWATCH_PX >> level
    swatches = collection.swatches[rows].reshape(len(rows), side, each, side, each, 3)
    means: npt.NDArray[np.float32] = swatches.mean(axis=(2, 4), dtype=np.float32)
    return np.rint(means).astype(np.uint8)


def _thumbnail_squares(collection: Collection, rows: IntArray, side_px: int) -> npt.NDArray[np.uint8]:
    """Cut the images' central squares out of their thumbnails: (n, side_px, side_px, 3) uint8."""
    squares = np.empty((len(rows), side_px, side_px, 3), np.uint8)

    def fill(place: int) -> None:
        squares[place] = np.asarray(central_square(collection.thumbnail(int(rows[place])), side_px))

    with ThreadPoolExecutor(n_cores()) as workers:
        list(workers.map(fill, range(len(rows))))
    return squares


def _file(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=TILE_QUALITY, method=0)
    return out.getvalue()
