from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dxr_dash.figures import colouring as colourings
from dxr_dash.figures.paint import LEVELS, VEIL, colour_at, colour_image, square_for, veil_image
from dxr_dash.figures.theme import DARK, LIGHT


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("n_categories", [1, 3, len(LIGHT.categories) + 5])
def test_each_pixel_has_the_colour_that_the_legend_says(n_categories: int) -> None:
    codes = np.arange(n_categories)
    found = colourings.by_category(codes, n_categories, LIGHT)
    painted = pixels(colour_image(found, codes[::-1], (n_categories, 1)))[0]
    assert [tuple(pixel[:3]) for pixel in painted[::-1]] == [rgb(swatch) for swatch in found.swatches]
    assert (painted[:, 3] == 255).all()


def test_where_no_image_lies_nothing_is_painted() -> None:
    found = colourings.plain(2, DARK)
    painted = pixels(colour_image(found, np.array([4, 1]), (3, 2)))
    assert painted.shape == (2, 3, 4)
    np.testing.assert_array_equal(painted[..., 3] > 0, [[False, True, False], [False, True, False]])


def test_trust_goes_from_none_to_all_and_a_missing_share_is_none() -> None:
    kept = np.array([0, 0.5, 1, np.nan], np.float32)
    found = colourings.by_trust(kept, LIGHT)
    assert (found.low, found.high) == (0, 1)
    np.testing.assert_array_equal(found.values, [0, 0.5, 1, 0])
    painted = pixels(colour_image(found, np.arange(4), (2, 2))).reshape(4, 4)[:, :3].astype(int)
    wanted = [colour_at(LIGHT.lost_to_kept, share) for share in (0, 0.5, 1, 0)]
    step = max(abs(a - b) for a, b in zip(rgb("#b3400a"), rgb("#0b5cad"), strict=True)) / LEVELS * 2
    assert np.abs(painted - wanted).max() <= step


def test_the_veil_lies_over_what_is_not_lit_and_nowhere_else() -> None:
    veil = pixels(veil_image(np.array([True, False, False]), np.array([3, 0, 2]), (2, 2), "#123456"))
    np.testing.assert_array_equal(veil[..., 3], [[VEIL, 0], [VEIL, 0]])
    assert tuple(veil[0, 0, :3]) == rgb("#123456")


@pytest.mark.parametrize("n_images", [1, 2, 5, 100, 101, 60_000])
def test_a_square_holds_every_image(n_images: int) -> None:
    width, height = square_for(n_images)
    assert width * (height - 1) < n_images <= width * height


def test_a_million_images_need_less_than_a_megabyte() -> None:
    draw = np.random.default_rng(0)
    n_images = 1_000_000
    shares = colourings.by_trust(draw.random(n_images, np.float32), LIGHT)  # no order at all: the worst case
    assert len(colour_image(shares, np.arange(n_images), square_for(n_images))) < 1_000_000
    lit = draw.random(n_images) < 0.5
    assert len(veil_image(lit, np.arange(n_images), square_for(n_images), "#ffffff")) < 200_000
