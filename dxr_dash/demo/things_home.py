"""Things that stand about in a home. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dxr_dash.demo.brush import Brush, Material, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import BRASS, CREAM, INK, LEAF, Palette, darker, lighter, mix
from dxr_dash.demo.parts import (
    SIDES,
    Look,
    bars,
    button,
    dial,
    dial_eye,
    frame_of,
    grille,
    legs,
    lid,
    turn_knob,
)

_Knob = Callable[[float, float, float], None]
_Drawer = Callable[[float, float, float, float], None]


def alarm_clock(b: Brush, p: Palette, look: Look) -> None:
    """A round alarm clock with two bells; dials and a little window."""
    for side in SIDES:
        b.shape(ribbon(polygon((side * 0.4, 0.6), (side * 0.56, 0.9)), 0.14), darker(p.metal, 0.2), 0.3)
        b.shape(ribbon(polygon((side * 0.3, -0.4), (side * 0.46, -0.66)), 0.08), p.metal, 0.3)
        b.dome(ellipse(side * 0.48, -0.66, 0.27, 0.2, turn=side * 0.6), BRASS, 0.4, 0.8, Material.METAL)
    b.shape(ribbon(bow(0, -0.84, 0.2, -0.24), 0.07), p.metal, 0.5)
    b.shape(box(-0.05, -0.8, 0.05, -0.5, radius=0.03), p.metal, 0.45)
    b.dome(ellipse(0, 0.12, 0.74), p.body, 0.5, 0.9)
    b.shape(ellipse(0, 0.12, 0.6), CREAM, 0.62)
    for hour in range(12):
        angle = hour * np.pi / 6
        ray = np.array([np.sin(angle), -np.cos(angle)])
        b.line(np.array([ray * 0.5, ray * 0.56]) + (0, 0.12), INK, 0.035 if hour % 3 == 0 else 0.02)
    face = look.face
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * 0.23, 0.0, 0.17, side, face, p.accent, (250, 246, 232), INK)
        mouth = face.mouth(0, 0.37, 0.26, 0.075)
        frame_of(b, mouth, p.accent, 0.025, 0.7, Material.PAINT)
        b.shape(mouth, (250, 246, 232), 0.55)
        bars(b, mouth, INK, 8, 0.018)
        return
    layout = look.pick(3)
    minute, hour_hand = look.parts.uniform(0, 2 * np.pi, 2)
    if layout == 1:
        dial(b, 0, 0.38, 0.13, p.accent, (250, 246, 232), INK)
    elif layout == 2:
        for x, y in ((0.0, -0.2), (-0.27, 0.28), (0.27, 0.28)):
            dial(b, x, y, 0.11, p.accent, (250, 246, 232), INK)
    for angle, reach, width in ((minute, 0.44, 0.04), (hour_hand, 0.28, 0.06)):
        tip = (reach * np.sin(angle), 0.12 - reach * np.cos(angle))
        b.shape(ribbon(polygon((0, 0.12), tip), width), INK, 0.75)
    b.dome(ellipse(0, 0.12, 0.05), p.accent, 0.8, 0.9)


def _plain_drawers(layout: int, inner: float, drawer: _Drawer, knob: _Knob, handle: _Knob) -> None:
    """Lay out drawers and what they are pulled by, so that no face appears."""
    if layout == 0:  # every drawer with two knobs
        for top in (-0.5, -0.1, 0.3):
            drawer(-inner, top, inner, top + 0.35)
            for side in SIDES:
                knob(side * inner * 0.55, top + 0.17, 0.065)
    elif layout == 1:  # every drawer with one handle
        for top in (-0.5, -0.2, 0.1, 0.4):
            drawer(-inner, top, inner, top + 0.25)
            handle(0.0, top + 0.13, 0.2)
    else:  # small drawers, one knob each
        for row in range(3):
            for column in range(3):
                left = -inner + column * inner * 2 / 3
                drawer(left + 0.01, -0.5 + row * 0.4, left + inner * 2 / 3 - 0.02, -0.14 + row * 0.4)
                knob(left + inner / 3, -0.32 + row * 0.4, 0.055)


def chest_of_drawers(b: Brush, p: Palette, look: Look) -> None:
    """A chest of drawers; knobs and long handles."""
    wood = look.body.random() < 0.55
    body = p.wood if wood else p.body
    material = Material.WOOD if wood else Material.PAINT
    half = look.body.uniform(0.7, 0.82)
    legs(b, (-half * 0.8, half * 0.8), 0.6, 0.9, 0.16, darker(body, 0.3))
    b.shape(box(-half, -0.6, half, 0.72, radius=0.03), darker(body, 0.22), 0.35, material)
    b.shape(box(-half - 0.07, -0.7, half + 0.07, -0.56, radius=0.03), lighter(body, 0.1), 0.6, material)
    front = lighter(body, 0.14)

    def drawer(left: float, top: float, right: float, bottom: float) -> None:
        b.shape(box(left, top, right, bottom, radius=0.03), front, 0.5, material)

    def knob(x: float, y: float, r: float) -> None:
        b.dome(ellipse(x, y, r), BRASS if wood else p.accent, 0.65, 0.95)

    inner = half - 0.07
    face = look.face
    if face is not None:
        drawer(-inner, -0.5, -0.03, 0.0)
        drawer(0.03, -0.5, inner, 0.0)
        drawer(-inner, 0.06, inner, 0.44)
        drawer(-inner, 0.5, inner, 0.66)
        for side in SIDES:
            x, r = side * inner * 0.52, face.eye_size(side, 0.145)
            b.shape(ellipse(x, -0.25, r * 1.25), CREAM, 0.55)
            knob(x + 0.25 * r * face.look[0], -0.25 + 0.25 * r * face.look[1], r * 0.66)
            lid(b, ellipse(x, -0.25, r * 1.25), side, face, darker(front, 0.12), 0.7)
        mouth = face.mouth(0, 0.25, inner * 0.5, 0.1)
        if face.open:
            b.shape(mouth, darker(body, 0.75), 0.15)
        else:
            b.shape(mouth, BRASS if wood else p.accent, 0.85, Material.METAL)
        return

    def handle(x: float, y: float, half_width: float) -> None:
        bar = box(x - half_width, y - 0.03, x + half_width, y + 0.03, radius=0.03)
        b.shape(bar, BRASS, 0.85, Material.METAL)

    _plain_drawers(look.pick(3), inner, drawer, knob, handle)


def radio(b: Brush, p: Palette, look: Look) -> None:
    """A radio with a handle; dials, loudspeaker cloth, a scale."""
    top = look.body.uniform(-0.5, -0.4)
    b.line(polygon((0.55, top), (0.85, -0.98)), p.metal, 0.035)
    b.shape(ellipse(0.85, -0.98, 0.04), p.metal, 0.5)
    b.shape(ribbon(np.concatenate([bow(0, top - 0.06, 0.5, -0.22)]), 0.09), darker(p.wood, 0.2), 0.4)
    legs(b, (-0.6, 0.6), 0.7, 0.9, 0.14, darker(p.wood, 0.3))
    wood = look.body.random() < 0.4
    shell = p.wood if wood else p.body
    b.shape(box(-0.95, top, 0.95, 0.8, radius=0.2), shell, 0.5, Material.WOOD if wood else Material.PAINT)
    b.shape(box(-0.85, top + 0.1, 0.85, 0.7, radius=0.12), mix(CREAM, shell, 0.15), 0.4)
    face = look.face
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * 0.46, 0.0, 0.25, side, face, p.accent, CREAM, INK)
        mouth = face.mouth(0, 0.42, 0.36, 0.13)
        frame_of(b, mouth, BRASS, 0.03, 0.6, Material.METAL)
        b.shape(mouth, darker(p.wood, 0.55), 0.25, Material.CLOTH)
        bars(b, mouth, mix(p.wood, CREAM, 0.3), 11, 0.022, 0.8)
        grille(b, -0.1, top + 0.18, 0.1, 0.1, 4, darker(shell, 0.35))
        return
    layout = look.pick(3)
    if layout == 0:
        b.dome(ellipse(-0.4, 0.16, 0.36), darker(p.wood, 0.4), 0.5, 0.3, Material.CLOTH)
        b.shape(box(0.1, top + 0.18, 0.75, top + 0.36, radius=0.03), (250, 236, 196), 0.45)
        b.line(polygon((0.3, top + 0.18), (0.3, top + 0.36)), (206, 84, 66), 0.03)
        for x in (0.2, 0.42, 0.64):
            turn_knob(b, x, 0.42, 0.085, p.accent, look.parts.uniform(-2, 2))
    elif layout == 1:
        b.shape(box(-0.75, top + 0.18, 0.75, 0.3, radius=0.05), darker(p.wood, 0.3), 0.32, Material.CLOTH)
        grille(b, -0.68, top + 0.24, 0.68, 0.26, 5, darker(p.wood, 0.65))
        for x in np.linspace(-0.6, 0.6, 5):
            turn_knob(b, x, 0.5, 0.085, p.accent, look.parts.uniform(-2, 2))
    else:
        grille(b, -0.74, top + 0.2, 0.2, 0.62, 7, darker(shell, 0.5))
        dial(b, 0.52, 0.02, 0.24, p.accent, CREAM, INK, look=(0.6, -0.5))
        for x in (0.38, 0.52, 0.66):
            button(b, x, 0.5, 0.05, p.accent)


def robot_vacuum(b: Brush, p: Palette, look: Look) -> None:
    """A robot vacuum cleaner from above; buttons, turret, bumper, brushes."""
    for side in SIDES:
        for turn in (0.2, 1.2, 2.4):
            tip = (side * 0.62 + 0.34 * np.cos(turn) * side, -0.6 - 0.3 * np.sin(turn))
            b.line(polygon((side * 0.62, -0.6), tip), INK, 0.035)
    shell = mix((242, 238, 230), p.body, look.body.choice([0.08, 0.75]))
    b.dome(ellipse(0, 0, 0.9), darker(shell, 0.3), 0.35, 0.5)
    b.shape(ellipse(0, 0, 0.82), shell, 0.56)
    b.line(np.concatenate([bow(0, -0.42, 0.74, -0.36)]), darker(shell, 0.4), 0.03)
    face = look.face
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * 0.31, -0.1, 0.2, side, face, p.accent, CREAM, INK)
        frame_of(b, face.mouth(0, 0.36, 0.32, 0.09), darker(shell, 0.2), 0.035, 0.64, Material.PAINT)
        b.shape(face.mouth(0, 0.36, 0.32, 0.09), INK, 0.2)
        return
    layout = look.pick(3)
    if layout == 0:
        b.dome(ellipse(0, -0.08, 0.27), darker(shell, 0.25), 0.7, 0.95)
        b.shape(ellipse(0, -0.08, 0.15), p.accent, 0.9)
        button(b, 0, 0.44, 0.07, p.accent)
    elif layout == 1:
        b.shape(box(-0.5, -0.24, 0.5, 0.24, radius=0.08), darker(shell, 0.14), 0.64)
        b.shape(box(-0.44, -0.05, -0.2, 0.05, radius=0.03), INK, 0.3)
        for y in (0.4, 0.58):
            button(b, 0.18, y, 0.065, p.accent)
    else:
        b.dome(ellipse(0.0, -0.34, 0.19), darker(shell, 0.25), 0.7, 0.95)
        grille(b, -0.36, 0.12, 0.36, 0.6, 5, darker(shell, 0.5))
        button(b, 0.0, 0.0, 0.06, LEAF)
