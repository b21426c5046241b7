"""One lamp for the whole picture: turns the sheets of a ``Brush`` into lit, grainy, shadowed paper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from dxr_dash.demo.brush import SUPERSAMPLE, Brush, Frame
from dxr_dash.demo.palette import Colour

FloatImage = npt.NDArray[np.float32]

_TILE_PX = 512
_TILE_SEED = 20  # the paper is the same in every picture; where a picture is cut from it is not


@dataclass(frozen=True)
class Light:
    """The time of day.

    Attributes:
        sun: where the light comes from, (right, down), a unit vector.
        warm: colour that full light multiplies with, as three factors about 1.
        shade: colour that full shadow multiplies with.
        contrast: how strongly light and shadow differ, about 1.
        sky: upper and lower colour of the sky.
        dusk: 0 by day to 1 at night, when windows glow.
    """

    name: str
    sun: tuple[float, float]
    warm: tuple[float, float, float]
    shade: tuple[float, float, float]
    contrast: float
    sky: tuple[Colour, Colour]
    dusk: float = 0.0


_TIMES = {
    "morning": ((1.06, 1.0, 0.93), (0.66, 0.62, 0.76), 1.0, ((172, 204, 220), (252, 226, 200)), 0.0),
    "noon": ((1.05, 1.03, 0.98), (0.64, 0.64, 0.76), 1.15, ((130, 188, 220), (214, 234, 232)), 0.0),
    "overcast": ((0.98, 0.99, 1.0), (0.74, 0.75, 0.80), 0.6, ((186, 196, 204), (224, 226, 222)), 0.1),
    "golden": ((1.12, 0.99, 0.80), (0.60, 0.52, 0.68), 1.25, ((240, 190, 140), (255, 224, 164)), 0.35),
    "evening": ((0.92, 0.89, 1.0), (0.52, 0.49, 0.70), 1.0, ((78, 84, 132), (214, 150, 146)), 1.0),
}
TIMES = tuple(sorted(_TIMES))


def light_at(time: str, sun_deg: float) -> Light:
    """Return the light of a time of day; ``sun_deg`` is 0 for light from above, below 0 from the left."""
    warm, shade, contrast, sky, dusk = _TIMES[time]
    angle = np.deg2rad(sun_deg)
    return Light(time, (float(np.sin(angle)), -float(np.cos(angle))), warm, shade, contrast, sky, dusk)


def _noise(rng: np.random.Generator, across: int, down: int) -> FloatImage:
    """Return smooth noise of the tile's size with ``across`` x ``down`` bumps, about -1 to 1, wrapping."""
    bumps = rng.standard_normal((down, across)).astype(np.float32)
    smooth = Image.fromarray(np.pad(bumps, 2, mode="wrap")).resize(
        (_TILE_PX, _TILE_PX), Image.Resampling.BICUBIC, box=(2, 2, across + 2, down + 2)
    )
    return np.asarray(smooth, dtype=np.float32) / np.float32(2.2)


@cache
def _tile() -> Image.Image:
    """Return the paper: gouache grain, wood grain, brushed metal and weave in the four bands."""
    rng = np.random.default_rng(_TILE_SEED)
    down, across = np.mgrid[0:_TILE_PX, 0:_TILE_PX].astype(np.float32)
    fine = rng.standard_normal((_TILE_PX, _TILE_PX)).astype(np.float32) / 2.2
    gouache = 0.5 * _noise(rng, 40, 40) + 0.35 * _noise(rng, 110, 90) + 0.35 * fine
    rings = np.sin(2 * np.pi * (down / 23.0 + 1.3 * _noise(rng, 3, 14))) * 0.6
    wood = rings + 0.5 * _noise(rng, 8, 200) + 0.15 * fine
    metal = 0.7 * _noise(rng, 5, 340) + 0.3 * _noise(rng, 2, 4)
    weave = np.sin(2 * np.pi * across / 8.0) * np.sin(2 * np.pi * down / 8.0) + 0.5 * _noise(rng, 128, 128)
    bands = [Image.fromarray(np.uint8(np.clip(128 + 84 * b, 0, 255))) for b in (gouache, wood, metal, weave)]
    return Image.merge("CMYK", bands)  # four plain bands, see Brush.make


def texture(size_px: int, frame: Frame, pixels_per_unit: float, corner: tuple[float, float]) -> FloatImage:
    """Return (size_px, size_px, 4) texture, each band -1 to 1, lying in the plane of ``frame``.

    Args:
        pixels_per_unit: pixels of the paper that one drawing unit spans.
        corner: where on the paper the drawing's origin lies, each 0 to 1.
    """
    back = np.linalg.inv(frame[:2, :2])
    move = -back @ frame[:2, 2]
    scale = pixels_per_unit
    reach = np.abs(back).sum(axis=1) * size_px * scale
    start = [0.5 * _TILE_PX + (c - 0.5) * max(0.0, _TILE_PX - r) for c, r in zip(corner, reach, strict=True)]
    middle = scale * (back @ np.full(2, size_px / 2) + move)
    (a, b), (d, e) = scale * back
    c, f = scale * move + np.array(start) - middle
    cut = _tile().transform(
        (size_px, size_px), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    return (np.asarray(cut, dtype=np.float32) - 128.0) / 128.0


def blurred(plane: Image.Image, radius_px: float) -> FloatImage:
    """Return a grey image blurred, as floats 0 to 1."""
    soft = plane.filter(ImageFilter.GaussianBlur(radius_px)) if radius_px > 0.05 else plane
    return np.asarray(soft, dtype=np.float32) / 255.0


def shifted(plane: FloatImage, right_px: float, down_px: float) -> FloatImage:
    """Return the plane moved by whole pixels; what comes in repeats the border."""
    dx, dy = round(right_px), round(down_px)
    pad = max(abs(dx), abs(dy), 1)
    padded = np.pad(plane, pad, mode="edge")
    height, width = plane.shape
    return padded[pad - dy : pad - dy + height, pad - dx : pad - dx + width]


def render(
    brush: Brush, light: Light, *, texture_scale: float, corner: tuple[float, float], relief: float = 1.0
) -> tuple[FloatImage, FloatImage]:
    """Light what a brush has painted.

    Args:
        texture_scale: pixels of paper per drawing unit.
        corner: where the texture is cut, each 0 to 1.
        relief: strength of edges and inner shadows.

    Returns:
        (n, n, 3) colour 0 to 255, already multiplied by cover; (n, n) cover 0 to 1.
    """
    size = brush.size_px
    scale = size / 128.0
    colour = np.asarray(brush.colour.reduce(SUPERSAMPLE), dtype=np.float32)
    make = brush.make.reduce(SUPERSAMPLE)
    cover = np.asarray(brush.cover.reduce(SUPERSAMPLE), dtype=np.float32) / 255.0
    height_sheet = make.getchannel(0)
    height = blurred(height_sheet, 0.0)
    soft = blurred(height_sheet, 0.75 * scale)
    wide = blurred(height_sheet, 2.6 * scale)
    sun_x, sun_y = light.sun

    slope_down, slope_right = np.gradient(soft)
    edge = -(slope_right * sun_x + slope_down * sun_y) * scale
    cast = np.clip(shifted(wide, -2.6 * scale * sun_x, -2.6 * scale * sun_y) - height, 0.0, 0.5)
    hollow = np.clip(wide - height, 0.0, 0.5)
    ramp = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    slant = ramp[None, :] * sun_x + ramp[:, None] * sun_y

    grain = texture(size, brush.frame, texture_scale, corner)
    make_bands = np.asarray(make, dtype=np.float32) / 255.0
    surface = 0.05 * grain[..., 0] + make_bands[..., 1] * 0.17 * grain[..., 1]
    surface += make_bands[..., 2] * 0.13 * grain[..., 2] + make_bands[..., 3] * 0.11 * grain[..., 3]

    dark = np.clip(relief * (1.5 * cast + 0.7 * hollow + np.clip(-edge, 0.0, 0.6) * 1.5), 0.0, 1.0)
    dark = np.clip(dark + 0.16 * np.clip(-slant, 0.0, 1.5), 0.0, 1.0) * min(1.0, 0.8 * light.contrast)
    bright = relief * np.clip(edge, 0.0, 0.5) * 1.1 + 0.10 * np.clip(slant, -0.4, 1.2)
    bright = bright * light.contrast + surface
    warm, shade = np.array(light.warm, np.float32), np.array(light.shade, np.float32)
    lit = colour * (warm * (1.0 + bright[..., None])) * (1.0 - dark[..., None] * (1.0 - shade))
    # A highlight also whitens, so that it shows on dark things.
    lit += (np.clip(bright - 0.08, 0.0, 1.0) * cover)[..., None] * 60.0 * warm
    return lit.astype(np.float32), cover
