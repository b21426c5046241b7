"""Tiles of the mosaic, swatches and slivers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dxr_dash import api
from dxr_dash.collection.store import Collection
from dxr_dash.collection.swatches import central_square, make_swatches
from dxr_dash.collection.tiles import MOST_LEVEL, MOST_SLIVERS, TILE_PX, mosaic_tile, slivers
from dxr_dash.errors import QueryError
from dxr_dash.records import Mosaic
from tests.builders import build

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 220)}
N_IMAGES = 30
JPEG_ERROR = 12


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Wide and high pictures with one colour in the central square, and black beside it."""
    folder = tmp_path_factory.mktemp("tiles")
    (folder / "images").mkdir()
    for number in range(N_IMAGES):
        width, height = ((120, 60), (60, 120), (300, 200))[number % 3]
        image = Image.new("RGB", (width, height), "black")
        side, centre = min(width, height), (width / 2, height / 2)
        box = (centre[0] - side / 2, centre[1] - side / 2, centre[0] + side / 2, centre[1] + side / 2)
        ImageDraw.Draw(image).rectangle(box, fill=colour_of(number))
        image.save(folder / "images" / f"{number:02d}.png")
    build(folder / "images", folder / "squares.dxr")
    return api.open_collection(folder / "squares.dxr")


def colour_of(row: int) -> tuple[int, int, int]:
    return list(COLOURS.values())[row // 3 % 3]


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def mosaic_of(cells: list[int], columns: int, rows: int) -> Mosaic:
    return Mosaic(np.array(cells, np.int32), columns, rows, 1.0, 0.0, 0.0, 0.0, "exact")


def test_swatches_are_the_central_squares(collection: Collection) -> None:
    assert collection.swatches.shape == (N_IMAGES, 8, 8, 3)
    assert collection.swatches.dtype == np.uint8
    for row in range(N_IMAGES):
        inner = collection.swatches[row].astype(int)[1:-1, 1:-1]
        assert np.abs(inner - colour_of(row)).max() <= JPEG_ERROR


def test_a_swatch_is_the_average_of_the_pixels_it_stands_for() -> None:
    random = np.random.default_rng(0)
    smooth = Image.fromarray(random.integers(0, 256, (8, 12, 3), dtype=np.uint8)).resize((120, 80))
    buffer = io.BytesIO()
    smooth.save(buffer, "JPEG", quality=95)
    full = np.asarray(Image.open(buffer).convert("RGB"))[:, 20:100].astype(float)
    expected = full.reshape(8, 10, 8, 10, 3).mean(axis=(1, 3))
    (swatch,) = make_swatches([buffer.getvalue()])
    assert np.abs(swatch - expected).mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (8, 200), (128, 96)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_thumbnails_of_any_size_have_a_square(size: tuple[int, int], mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, size, "gray").save(buffer, "JPEG")
    for side in (8, 64, 128):
        square = central_square(buffer.getvalue(), side)
        assert (square.size, square.mode) == ((side, side), "RGB")


@pytest.mark.parametrize("level", range(MOST_LEVEL + 1))
def test_every_cell_of_every_level_shows_its_image_and_empty_ones_nothing(
    level: int, collection: Collection
) -> None:
    columns, rows = 7, 5
    cells = np.random.default_rng(1).permutation(columns * rows)[:N_IMAGES].tolist()
    mosaic = mosaic_of(cells, columns, rows)
    side = 1 << level
    across = TILE_PX // side
    seen = 0
    for y in range(-(-rows // across)):
        for x in range(-(-columns // across)):
            tile = pixels(mosaic_tile(collection, mosaic, level, x, y))
            assert tile.shape == (TILE_PX, TILE_PX, 4)
            for down in range(min(across, rows - y * across)):
                for right in range(min(across, columns - x * across)):
                    cell = (y * across + down) * columns + x * across + right
                    middle = tile[down * side + side // 2, right * side + side // 2]
                    assert middle[3] == (255 if cell in cells else 0)
                    if cell in cells and level >= 3:  # smaller cells run into their neighbours' colours
                        assert np.abs(middle[:3] - colour_of(cells.index(cell))).max() <= 2 * JPEG_ERROR
                        seen += 1
    assert seen == (N_IMAGES if level >= 3 else 0)


def test_the_tile_of_the_whole_mosaic_is_transparent_beyond_its_edge(collection: Collection) -> None:
    tile = pixels(mosaic_tile(collection, collection.space().layout().mosaic, 2, 0, 0))
    grid = collection.space().layout().mosaic
    assert (tile[grid.rows * 4 :, :, 3] == 0).all()
    assert (tile[:, grid.columns * 4 :, 3] == 0).all()
    assert (tile[..., 3] == 255).sum() == 16 * N_IMAGES


@pytest.mark.parametrize("level", [-1, 8])
def test_levels_outside_are_refused(level: int, collection: Collection) -> None:
    with pytest.raises(QueryError, match=f"no level {level}. Levels go from 0 to 7"):
        mosaic_tile(collection, collection.space().layout().mosaic, level, 0, 0)


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (4, 0), (0, 3)])
def test_tiles_outside_are_refused(x: int, y: int, collection: Collection) -> None:
    with pytest.raises(QueryError, match=rf"no tile {x}, {y}. It has 4 tiles across and 3 down"):
        mosaic_tile(collection, mosaic_of(list(range(N_IMAGES)), 7, 5), 7, x, y)


def test_slivers_stand_side_by_side_cropped(collection: Collection) -> None:
    rows = [0, 3, 6, 7, 3]
    strip = pixels(slivers(collection, rows))
    assert strip.shape == (64, 5 * 16, 4)
    for place, row in enumerate(rows):
        inner = strip[4:-4, place * 16 + 4 : place * 16 + 12, :3]
        assert np.abs(inner - colour_of(row)).max() <= 2 * JPEG_ERROR
    assert pixels(slivers(collection, [1], width_px=5, height_px=128)).shape == (128, 5, 4)


def test_slivers_keep_the_shape_of_what_they_show(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(image).ellipse((90, 40, 110, 60), fill="black")  # a disc in the middle
    image.save(tmp_path / "images" / "disc.png")
    build(tmp_path / "images", tmp_path / "disc.dxr")
    dark = pixels(slivers(api.open_collection(tmp_path / "disc.dxr"), [0]))[..., 0] < 128
    down, right = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    assert abs(len(down) - len(right)) <= 2


def test_slivers_that_do_not_fit_are_refused(collection: Collection) -> None:
    for rows in ([], [0] * (MOST_SLIVERS + 1)):
        with pytest.raises(QueryError, match=f"Ask for 1 to {MOST_SLIVERS}"):
            slivers(collection, rows)
    for row in (-1, N_IMAGES):
        with pytest.raises(QueryError, match=f"Rows go from 0 to {N_IMAGES - 1}"):
            slivers(collection, [0, row])
    for width, height in ((0, 64), (65, 64), (16, 129)):
        with pytest.raises(QueryError, match="A strip cannot be"):
            slivers(collection, [0], width_px=width, height_px=height)
