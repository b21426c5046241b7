"""Shapes on paper: flat polygons that know how high they stand, so that one light can shade them all.

Points are (N, 2) float arrays in the units of what is drawn: a thing fills about -1..1 both ways,
x to the right, y down. A ``Brush`` carries them through its frame to the picture.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dxr_dash.demo.palette import Colour

Points = npt.NDArray[np.float64]
Frame = npt.NDArray[np.float64]

SUPERSAMPLE = 3

_ROUND = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)
_QUARTER = np.linspace(0.0, np.pi / 2, 6)
# Corner centres of a rounded box, clockwise from the lower right one, as signs of x and y.
_CORNERS = ((1.0, 1.0, 0.0), (-1.0, 1.0, np.pi / 2), (-1.0, -1.0, np.pi), (1.0, -1.0, 1.5 * np.pi))


class Material(Enum):
    """What a shape is made of: the share of wood grain, of brushed metal and of weave, 0 to 255."""

    PAINT = (0, 0, 0)
    WOOD = (255, 0, 0)
    METAL = (0, 255, 0)
    CLOTH = (0, 0, 255)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, *, turn: float = 0.0) -> Points:
    """Return an ellipse (a circle without ``ry``), turned by ``turn`` radians."""
    points = _CIRCLE * (rx, rx if ry is None else ry)
    if turn:
        points = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return points + (x, y)


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.0) -> Points:
    """Return an upright box with corners rounded by ``radius``."""
    if radius <= 0.0:
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    x, y = (left + right) / 2, (top + bottom) / 2
    w, h = (right - left) / 2 - radius, (bottom - top) / 2 - radius
    corners = [
        np.stack(
            [x + sx * w + radius * np.cos(_QUARTER + at), y + sy * h + radius * np.sin(_QUARTER + at)], 1
        )
        for sx, sy, at in _CORNERS
    ]
    return np.concatenate(corners)


def arch(left: float, top: float, right: float, bottom: float) -> Points:
    """Return a box whose top is half a circle (flattened where the box is low)."""
    x, rx = (left + right) / 2, (right - left) / 2
    ry = min(rx, bottom - top)
    at = np.linspace(np.pi, 2.0 * np.pi, 16)
    curve = np.stack([x + rx * np.cos(at), top + ry + ry * np.sin(at)], 1)
    return np.concatenate([curve, [[right, bottom], [left, bottom]]])


def polygon(*corners: tuple[float, float]) -> Points:
    """Return the corners as points."""
    return np.array(corners, dtype=np.float64)


def ribbon(line: Points, width: float, *, taper: float = 0.0) -> Points:
    """Return a band of ``width`` along a line, with round ends; ``taper`` 1 ends in a point."""
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-9)[:, None]
    share = np.linspace(0.0, 1.0, len(line))[:, None]
    half = width / 2 * (1.0 - taper * share)
    cap = np.linspace(0.0, np.pi, 7)[1:-1]
    ends = []
    for end, way in ((-1, 1.0), (0, -1.0)):
        across, ahead = normal[end] * half[end], np.array([normal[end][1], -normal[end][0]]) * half[end] * way
        ends.append(line[end] + np.outer(np.cos(cap) * way, across) + np.outer(np.sin(cap), ahead))
    return np.concatenate([line + normal * half, ends[0], (line - normal * half)[::-1], ends[1]])


def bow(x: float, y: float, half_width: float, drop: float) -> Points:
    """Return a line from side to side whose middle hangs ``drop`` below its ends (above if negative)."""
    t = np.linspace(-1.0, 1.0, 15)
    return np.stack([x + half_width * t, y + drop * (0.5 - t**2)], 1)


class Brush:
    """Paints shapes into three sheets of one size: colour, make (height and material) and cover.

    Nothing is shaded here. ``light.render`` reads the sheets and lights all shapes at once, so that
    every knob casts the same kind of shadow as the body it sits on.
    """

    def __init__(self, size_px: int, frame: Frame) -> None:
        """Start with empty sheets.

        Args:
            size_px: side of the finished picture, in pixels.
            frame: (3, 3) homography from drawing units to pixels of the finished picture.
        """
        self.size_px = size_px
        self.frame = frame
        side = size_px * SUPERSAMPLE
        self._to_sheet = np.diag([SUPERSAMPLE, SUPERSAMPLE, 1.0]) @ frame
        self.colour = Image.new("RGB", (side, side))
        # Four plain bands. Not "RGBA": there Pillow takes the last band for cover and rescales the others.
        self.make = Image.new("CMYK", (side, side))
        self.cover = Image.new("L", (side, side))
        self._colour_pen = ImageDraw.Draw(self.colour, "RGBA")
        self._make_pen = ImageDraw.Draw(self.make)
        self._cover_pen = ImageDraw.Draw(self.cover)

    def _place(self, points: Points) -> list[float]:
        matrix = self._to_sheet
        placed = points @ matrix[:2, :2].T + matrix[:2, 2]
        placed /= (points @ matrix[2, :2] + matrix[2, 2])[:, None]
        flat: list[float] = placed.ravel().tolist()
        return flat

    def shape(
        self, points: Points, colour: Colour, lift: float = 0.4, material: Material = Material.PAINT
    ) -> None:
        """Paint a closed shape.

        Args:
            lift: height above the ground of the picture, 0 to 1; a shape lower than its
                neighbours looks sunk in, a higher one casts a shadow on them.
        """
        placed = self._place(points)
        self._colour_pen.polygon(placed, fill=colour)
        self._make_pen.polygon(placed, fill=(round(255 * lift), *material.value))
        self._cover_pen.polygon(placed, fill=255)

    def wash(self, points: Points, colour: Colour, strength: float) -> None:
        """Lay thin colour (``strength`` 0 to 1) over what is there; height and cover stay as they are."""
        self._colour_pen.polygon(self._place(points), fill=(*colour, round(255 * strength)))

    def line(self, points: Points, colour: Colour, width: float, strength: float = 1.0) -> None:
        """Draw a thin open line, flat on what is there; ``width`` in drawing units."""
        matrix = self._to_sheet
        pen_px = max(1, round(width * float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))))
        self._colour_pen.line(
            self._place(points), fill=(*colour, round(255 * strength)), width=pen_px, joint="curve"
        )

    def dome(
        self, points: Points, colour: Colour, low: float, high: float, material: Material = Material.PAINT
    ) -> None:
        """Paint a rounded shape: its height climbs from ``low`` at the rim to ``high`` inside."""
        self.shape(points, colour, low, material)
        centre = points.mean(axis=0)
        steps = 16 if float(np.ptp(points[:, 0])) > 0.9 else 5  # fewer would show as rings on large ones
        for step in range(1, steps + 1):
            placed = self._place(centre + (points - centre) * (1.0 - step / (steps + 1.0)))
            lift = low + (high - low) * float(np.sin(step / steps * np.pi / 2))
            self._make_pen.polygon(placed, fill=(round(255 * lift), *material.value))

    def text_bars(self, x: float, y: float, width: float, rows: int, colour: Colour, pitch: float) -> None:
        """Draw short bars that look like small print from afar."""
        for row in range(rows):
            length = width * (1.0, 0.7, 0.85, 0.55)[row % 4]
            self.wash(box(x, y + row * pitch, x + length, y + row * pitch + pitch * 0.45), colour, 0.6)


def placed_frame(
    x_px: float, y_px: float, unit_px: float, turn_deg: float, shear: float, tilt_x: float, tilt_y: float
) -> Frame:
    """Return the frame of a thing in the picture.

    Args:
        x_px: where the thing's origin lands, in pixels from the left; ``y_px`` likewise from the top.
        unit_px: pixels of one drawing unit.
        turn_deg: rotation, clockwise, in degrees.
        shear: sideways lean per unit of height.
        tilt_x: perspective; how much nearer the right side is than the left. ``tilt_y`` likewise below.
    """
    turn = np.deg2rad(turn_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear: Any = unit_px * rotation @ np.array([[1.0, shear], [0.0, 1.0]])
    frame = np.eye(3)
    frame[:2, :2] = linear
    frame[2, :2] = (-tilt_x, -tilt_y)
    # Adding the place after the perspective keeps the origin at (x_px, y_px).
    return np.array([[1.0, 0.0, x_px], [0.0, 1.0, y_px], [0.0, 0.0, 1.0]]) @ frame
