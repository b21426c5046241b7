"""Things to carry. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import BRASS, CHROME, CREAM, INK, Palette, darker, lighter
from dxr_dash.demo.parts import SIDES, Look, bars, button, frame_of, grille, keyhole, lid


def backpack(b: Brush, p: Palette, look: Look) -> None:
    """A rucksack; buckles, flap, pocket."""
    b.shape(ribbon(bow(0, -0.86, 0.18, -0.3), 0.08), darker(p.body, 0.4), 0.3)
    for side in SIDES:
        b.dome(
            box(side * 0.72 - 0.2, 0.1, side * 0.72 + 0.2, 0.8, radius=0.16),
            darker(p.body, 0.15),
            0.3,
            0.42,
            Material.CLOTH,
        )
    b.dome(box(-0.68, -0.86, 0.68, 0.9, radius=0.36), p.body, 0.42, 0.55, Material.CLOTH)
    flap = np.concatenate([box(-0.7, -0.88, 0.7, -0.2, radius=0.36)[12:], bow(0, -0.06, 0.7, 0.26)[::-1]])
    face = look.face
    if face is not None:
        b.shape(flap, darker(p.body, 0.12), 0.62, Material.CLOTH)
        for side in SIDES:
            r = face.eye_size(side, 0.17)
            x, y = side * 0.32, -0.2
            b.shape(box(x - 0.05, -0.5, x + 0.05, y), p.wood, 0.68)
            b.dome(ellipse(x, y, r), BRASS, 0.7, 0.85, Material.METAL)
            b.shape(ellipse(x, y, r * 0.72), darker(p.body, 0.6), 0.5)
            bar_x = x + 0.3 * r * face.look[0]
            b.shape(
                box(bar_x - 0.035, y - r * 0.9, bar_x + 0.035, y + r * 0.5, radius=0.03),
                BRASS,
                0.85,
                Material.METAL,
            )
            lid(b, ellipse(x, y, r * 1.06), side, face, p.wood, 0.9)
        b.shape(box(-0.5, 0.18, 0.5, 0.78, radius=0.16), lighter(p.body, 0.1), 0.62, Material.CLOTH)
        mouth = face.mouth(0, 0.47, 0.33, 0.09)
        frame_of(b, mouth, darker(p.body, 0.35), 0.03, 0.68, Material.CLOTH)
        b.shape(mouth, INK, 0.3)
        bars(b, mouth, BRASS, 14, 0.018)
        zip_y = float(mouth[14, 1])
        b.shape(box(0.3, zip_y, 0.38, zip_y + 0.15, radius=0.03), BRASS, 0.9)
        return
    layout = look.pick(3)
    if layout == 0:
        b.shape(flap, p.accent, 0.62, Material.CLOTH)
        b.shape(box(-0.07, -0.3, 0.07, 0.2), p.wood, 0.7)
        b.shape(box(-0.13, 0.02, 0.13, 0.2, radius=0.03), BRASS, 0.8, Material.METAL)
        b.shape(box(-0.48, 0.34, 0.48, 0.8, radius=0.12), lighter(p.body, 0.1), 0.6, Material.CLOTH)
    elif layout == 1:
        b.shape(box(-0.5, -0.2, 0.5, 0.2, radius=0.1), lighter(p.body, 0.1), 0.6, Material.CLOTH)
        b.shape(box(-0.5, 0.3, 0.5, 0.8, radius=0.1), p.accent, 0.62, Material.CLOTH)
        for y in (-0.5, -0.13, 0.37):
            b.line(polygon((-0.46, y), (0.46, y)), darker(p.body, 0.6), 0.035)
            b.shape(ellipse(0.42, y + 0.02, 0.045), BRASS, 0.8)
    else:
        for y in (-0.5, -0.14, 0.22, 0.58):
            b.shape(box(-0.68, y, 0.68, y + 0.08), p.wood, 0.64)
            b.shape(box(-0.09, y - 0.04, 0.09, y + 0.12, radius=0.02), BRASS, 0.78, Material.METAL)


def camera(b: Brush, p: Palette, look: Look) -> None:
    """An old camera; lenses, finder, flash, shutter button."""
    b.shape(box(0.4, -0.68, 0.66, -0.5, radius=0.04), CHROME, 0.45, Material.METAL)
    b.shape(box(-0.7, -0.64, -0.36, -0.5, radius=0.04), p.accent, 0.5)
    b.shape(box(-0.95, -0.54, 0.95, 0.72, radius=0.16), CHROME, 0.45, Material.METAL)
    b.shape(box(-0.95, -0.24, 0.95, 0.56, radius=0.04), p.body, 0.52, Material.CLOTH)
    face = look.face

    def lens(x: float, y: float, r: float) -> None:
        b.dome(ellipse(x, y, r), INK, 0.75, 0.95)
        b.shape(ellipse(x, y, r * 0.78), CHROME, 0.9, Material.METAL)
        b.shape(ellipse(x, y, r * 0.64), (38, 44, 64), 0.5)
        b.wash(ellipse(x, y, r * 0.42), (84, 96, 150), 0.7)
        b.wash(ellipse(x - r * 0.2, y - r * 0.24, r * 0.15), CREAM, 0.9)

    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.26)
            x, y = side * 0.42, -0.14
            lens(x + 0.03 * face.look[0], y, r)
            lid(b, ellipse(x, y, r * 0.92), side, face, darker(p.body, 0.3), 0.98)
        frame_of(b, face.mouth(0, 0.38, 0.3, 0.08), CHROME, 0.025, 0.65, Material.METAL)
        b.shape(face.mouth(0, 0.38, 0.3, 0.08), INK, 0.2)
        b.shape(box(-0.1, -0.48, 0.1, -0.36, radius=0.03), CREAM, 0.6)
        return
    layout = look.pick(3)
    if layout == 0:
        lens(0.0, 0.16, 0.44)
        b.shape(box(0.55, -0.46, 0.82, -0.3, radius=0.03), (48, 54, 70), 0.3)
    elif layout == 1:
        lens(-0.38, 0.14, 0.4)
        grille(b, 0.24, -0.1, 0.74, 0.3, 4, darker(p.body, 0.5))
        b.shape(box(0.3, -0.48, 0.84, -0.3, radius=0.04), (250, 246, 220), 0.6)
    else:
        lens(0.34, 0.14, 0.38)
        b.shape(box(-0.86, -0.1, -0.2, 0.06, radius=0.02), p.trim, 0.6)
        b.text_bars(-0.8, -0.06, 0.5, 1, INK, 0.16)
        button(b, -0.7, 0.34, 0.07, p.accent)
        b.shape(box(-0.12, -0.48, 0.12, -0.32, radius=0.03), (48, 54, 70), 0.3)


def padlock(b: Brush, p: Palette, look: Look) -> None:
    """A padlock; rivets, keyhole, maker's plate."""
    shackle = np.concatenate(
        [
            polygon((-0.42, 0.1), (-0.42, -0.4)),
            bow(0, -0.57, 0.42, -0.6)[1:-1],
            polygon((0.42, -0.4), (0.42, 0.1)),
        ]
    )
    b.shape(ribbon(shackle, 0.17), CHROME, 0.45, Material.METAL)
    brass = BRASS if look.body.random() < 0.5 else p.body
    rounded = look.body.random() < 0.5
    outline = box(-0.74, -0.28, 0.74, 0.9, radius=0.18 if not rounded else 0.5)
    b.dome(outline, brass, 0.5, 0.62, Material.METAL)
    rim = (outline - (0, 0.31)) * 0.9 + (0, 0.31)
    b.line(np.concatenate([rim, rim[:1]]), darker(brass, 0.35), 0.025)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.14)
            x = side * 0.33
            b.dome(ellipse(x, 0.12, r * 1.15), CHROME, 0.65, 0.85, Material.METAL)
            socket = ellipse(
                x + 0.2 * r * face.look[0], 0.12 + 0.2 * r * face.look[1], r * 0.58, turn=face.look[0]
            )[::8]
            b.shape(socket, INK, 0.4)
            lid(b, ellipse(x, 0.12, r * 1.2), side, face, darker(brass, 0.2), 0.9)
        frame_of(b, face.mouth(0, 0.52, 0.3, 0.1), CHROME, 0.035, 0.7, Material.METAL)
        b.shape(face.mouth(0, 0.52, 0.3, 0.1), INK, 0.15)
        return
    layout = look.pick(3)
    keyhole_y = 0.26 if layout != 1 else 0.5
    if layout != 2:
        b.dome(ellipse(0, keyhole_y, 0.24), CHROME, 0.62, 0.7, Material.METAL)
        b.shape(ellipse(0, keyhole_y - 0.05, 0.09), INK, 0.15)
        b.shape(
            polygon(
                (-0.04, keyhole_y), (0.04, keyhole_y), (0.08, keyhole_y + 0.17), (-0.08, keyhole_y + 0.17)
            ),
            INK,
            0.15,
        )
    if layout == 1:
        b.shape(box(-0.4, -0.1, 0.4, 0.14, radius=0.03), p.trim, 0.66)
        b.text_bars(-0.3, -0.03, 0.6, 1, INK, 0.2)
    elif layout == 2:  # wheels with numbers
        for y in (-0.04, 0.2, 0.44, 0.68):
            b.shape(box(-0.34, y - 0.085, 0.34, y + 0.085, radius=0.04), INK, 0.7)
            b.text_bars(-0.22, y - 0.04, 0.18, 1, CREAM, 0.18)
            b.text_bars(0.08, y - 0.04, 0.16, 1, CREAM, 0.18)
    else:
        for x, y in ((-0.54, -0.08), (0.54, -0.08), (-0.54, 0.7), (0.54, 0.7)):
            b.dome(ellipse(x, y, 0.055), CHROME, 0.65, 0.8)


def suitcase(b: Brush, p: Palette, look: Look) -> None:
    """A travelling case; clasps, straps, stickers, handle."""
    top = look.body.uniform(-0.5, -0.36)
    b.shape(ribbon(bow(0, top - 0.05, 0.3, -0.34), 0.1), darker(p.wood, 0.2), 0.4)
    leather = look.body.random() < 0.4
    shell = p.wood if leather else p.body
    b.dome(box(-0.95, top, 0.95, 0.9, radius=0.16), shell, 0.45, 0.55, Material.CLOTH)
    for side in SIDES:
        for y in (top, 0.9):
            inward = -1 if y > 0 else 1
            patch = polygon((side * 0.93, y), (side * 0.93, y + inward * 0.26), (side * 0.68, y))
            b.wash(patch, darker(shell, 0.45), 0.9)
    b.line(polygon((-0.95, top + 0.2), (0.95, top + 0.2)), darker(shell, 0.5), 0.03)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.18)
            x, y = side * 0.42, top + 0.32
            b.shape(box(x - r, y - r, x + r, y + r, radius=0.06), BRASS, 0.65, Material.METAL)
            b.dome(ellipse(x, y, r * 0.76), lighter(BRASS, 0.5), 0.7, 0.8, Material.METAL)
            keyhole(b, x + 0.16 * r * face.look[0], y + 0.1 * r * face.look[1], r * 0.5)
            lid(b, box(x - r, y - r, x + r, y + r, radius=0.06), side, face, darker(BRASS, 0.3), 0.85)
        mouth = face.mouth(0, 0.5, 0.38, 0.11)
        b.shape(mouth, darker(shell, 0.6) if face.open else darker(p.accent, 0.2), 0.2 if face.open else 0.75)
        if not face.open:
            for end in (0, 14):
                x, y = ((mouth[end] + mouth[7] * 0.04) / 1.04).tolist()
                b.dome(ellipse(x, y, 0.07), BRASS, 0.8, 0.9, Material.METAL)
        return
    layout = look.pick(3)
    if layout == 0:  # straps from top to bottom
        for x in (-1.0, 1.0):
            b.shape(box(x * 0.5 - 0.08, top, x * 0.5 + 0.08, 0.9), darker(p.accent, 0.15), 0.65)
            b.shape(box(x * 0.5 - 0.11, 0.08, x * 0.5 + 0.11, 0.28, radius=0.03), BRASS, 0.8, Material.METAL)
            b.shape(box(x * 0.5 - 0.05, 0.13, x * 0.5 + 0.05, 0.23), darker(p.accent, 0.4), 0.6)
    elif layout == 1:  # one lock and stickers
        b.shape(box(-0.1, top + 0.1, 0.1, top + 0.36, radius=0.03), BRASS, 0.75, Material.METAL)
        b.wash(ellipse(0.5, 0.46, 0.2), p.trim, 0.95)
        b.wash(ellipse(0.5, 0.46, 0.14), p.accent, 0.9)
        b.wash(box(-0.7, 0.24, -0.24, 0.5), CREAM, 0.95)
        b.text_bars(-0.64, 0.3, 0.34, 2, INK, 0.09)
    else:
        for x in (-0.6, 0.0, 0.6):
            b.shape(box(x - 0.09, top + 0.1, x + 0.09, top + 0.34, radius=0.03), BRASS, 0.75, Material.METAL)
        for y in (0.36, 0.6):
            b.line(polygon((-0.95, y), (0.95, y)), darker(shell, 0.35), 0.05, 0.7)
