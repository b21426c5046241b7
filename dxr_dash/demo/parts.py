"""Parts that many things share: dials, panes, knobs, screws. The same with a face and without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dxr_dash.demo.brush import Brush, Material, Points, box, ellipse, polygon, ribbon
from dxr_dash.demo.expression import Expression
from dxr_dash.demo.palette import CHROME, CREAM, INK, Colour, darker, lighter

SIDES = (-1, 1)


@dataclass(frozen=True)
class Look:
    """What one thing looks like apart from its colours.

    Attributes:
        face: the expression its parts make; None where they make none.
        body: random numbers for the body; the same with a face and without.
        parts: random numbers for how the parts are laid out.
    """

    face: Expression | None
    body: np.random.Generator
    parts: np.random.Generator

    def pick(self, n: int) -> int:
        """Return one of the n layouts without a face."""
        return int(self.parts.integers(n))


def dial(
    b: Brush,
    x: float,
    y: float,
    radius: float,
    rim: Colour,
    plate: Colour,
    mark: Colour,
    *,
    look: tuple[float, float] = (0.0, 0.0),
    lift: float = 0.5,
) -> None:
    """Draw a dial: rim, plate with ticks, and a cap whose pointer is turned towards ``look``."""
    b.dome(ellipse(x, y, radius), rim, lift, lift + 0.18)
    b.shape(ellipse(x, y, radius * 0.82), plate, lift + 0.08)
    for tick in np.arange(7) * 0.75 - 2.25:
        b.wash(
            ellipse(x + radius * 0.68 * np.sin(tick), y - radius * 0.68 * np.cos(tick), radius * 0.07),
            mark,
            0.8,
        )
    cap = ellipse(x + 0.12 * radius * look[0], y + 0.12 * radius * look[1], radius * 0.42)
    b.dome(cap, mark, lift + 0.2, lift + 0.36)
    middle = cap.mean(axis=0)
    way = np.array(look) + (0.0, -0.3)
    tip = middle + way / max(float(np.hypot(*way)), 0.2) * radius * 0.36
    b.line(np.stack([middle, tip]), plate, radius * 0.14)


def dial_eye(
    b: Brush,
    x: float,
    y: float,
    radius: float,
    side: int,
    face: Expression,
    rim: Colour,
    plate: Colour,
    mark: Colour,
) -> None:
    """Draw a dial that looks about, with a shutter over it where the mood has a lid."""
    radius = face.eye_size(side, radius)
    dial(b, x, y, radius, rim, plate, mark, look=face.look)
    lid(b, ellipse(x, y, radius * 0.86), side, face, rim, 0.75)


def lid(b: Brush, eye: Points, side: int, face: Expression, colour: Colour, lift: float) -> None:
    """Lower a blind, hood or shutter over an eye as far as the mood wants."""
    if face.lid > 0.0:
        b.shape(face.lid_shape(eye, side), colour, lift)


def turn_knob(b: Brush, x: float, y: float, radius: float, colour: Colour, angle: float) -> None:
    """Draw a round knob with a white line that says where it is turned to (radians, 0 is up)."""
    b.dome(ellipse(x, y, radius), colour, 0.5, 0.75)
    tip = (x + np.sin(angle) * radius * 0.85, y - np.cos(angle) * radius * 0.85)
    b.line(polygon((x, y), tip), CREAM, radius * 0.22)


def button(b: Brush, x: float, y: float, radius: float, colour: Colour) -> None:
    """Draw a small round push button."""
    b.shape(ellipse(x, y, radius * 1.25), darker(colour, 0.5), 0.3)
    b.dome(ellipse(x, y, radius), colour, 0.5, 0.65)


def keyhole(b: Brush, x: float, y: float, radius: float, colour: Colour = INK) -> None:
    """Draw a keyhole: a round hole over a slit."""
    b.shape(ellipse(x, y - radius * 0.2, radius * 0.62), colour, 0.15)
    slit = (
        (x - radius * 0.2, y),
        (x + radius * 0.2, y),
        (x + radius * 0.4, y + radius),
        (x - radius * 0.4, y + radius),
    )
    b.shape(polygon(*slit), colour, 0.15)


def bars(b: Brush, outline: Points, colour: Colour, count: int, width: float, strength: float = 1.0) -> None:
    """Draw upright bars across an opening, each just as long as the opening is high there."""
    left, right = float(outline[:, 0].min()), float(outline[:, 0].max())
    following = np.roll(outline, -1, axis=0)
    for x in np.linspace(left, right, count + 2)[1:-1]:
        crossing = (outline[:, 0] - x) * (following[:, 0] - x) <= 0
        start, end = outline[crossing], following[crossing]
        run = np.where(np.abs(end[:, 0] - start[:, 0]) < 1e-9, 1e-9, end[:, 0] - start[:, 0])
        ys = start[:, 1] + (x - start[:, 0]) / run * (end[:, 1] - start[:, 1])
        b.line(polygon((x, float(ys.min())), (x, float(ys.max()))), colour, width, strength)


def frame_of(
    b: Brush, outline: Points, colour: Colour, thick: float, lift: float, material: Material
) -> None:
    """Paint a rim of even thickness under an opening."""
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = (outline.max(axis=0) - outline.min(axis=0)) / 2
    b.shape(middle + (outline - middle) * (1.0 + thick / half), colour, lift, material)
    for shift in ((thick, 0.0), (-thick, 0.0), (0.0, thick), (0.0, -thick)):
        b.shape(outline + shift, colour, lift, material)


def screw(b: Brush, x: float, y: float, radius: float, angle: float = 0.6, colour: Colour = CHROME) -> None:
    """Draw a screw head with its slot."""
    b.dome(ellipse(x, y, radius), colour, 0.55, 0.7, Material.METAL)
    reach = np.array([np.cos(angle), np.sin(angle)]) * radius * 0.8
    b.shape(ribbon(np.array([[x, y] - reach, [x, y] + reach]), radius * 0.34), INK, 0.4)


def window(
    b: Brush, outline: Points, frame: Colour, pane: Colour, *, bars: bool = True, edge: float = 1.22
) -> None:
    """Draw a window: frame, sunken pane, a gleam and glazing bars."""
    centre = (outline.min(axis=0) + outline.max(axis=0)) / 2
    half = (outline.max(axis=0) - outline.min(axis=0)) / 2
    b.shape(centre + (outline - centre) * edge, frame, 0.5)
    b.shape(outline, pane, 0.26)
    gleam = polygon((-0.7, 0.1), (0.1, -0.8), (0.5, -0.8), (-0.7, 0.6)) * half * 0.9 + centre
    b.wash(gleam, lighter(pane, 0.7), 0.4)
    if bars:
        x, y = centre
        thick = 0.13 * float(half.min())
        b.shape(box(x - thick, y - half[1], x + thick, y + half[1]), frame, 0.44)
        b.shape(box(x - half[0], y - thick, x + half[0], y + thick), frame, 0.44)


def grille(b: Brush, left: float, top: float, right: float, bottom: float, rows: int, colour: Colour) -> None:
    """Draw sunken slots, one under the other."""
    pitch = (bottom - top) / rows
    for row in range(rows):
        y = top + row * pitch
        b.shape(box(left, y, right, y + pitch * 0.5, radius=pitch * 0.25), colour, 0.2)


def legs(b: Brush, xs: tuple[float, ...], top: float, bottom: float, width: float, colour: Colour) -> None:
    """Draw short legs that taper to the ground."""
    for x in xs:
        half = width / 2
        leg = polygon((x - half, top), (x + half, top), (x + half * 0.6, bottom), (x - half * 0.6, bottom))
        b.shape(leg, colour, 0.3)
