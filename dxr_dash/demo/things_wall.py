"""Things that hang on a wall. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import BRASS, CHROME, CREAM, INK, Palette, darker, lighter, mix
from dxr_dash.demo.parts import SIDES, Look, frame_of, grille, keyhole, lid, screw


def coat_hook(b: Brush, p: Palette, look: Look) -> None:
    """A hook on its plate; screws, prongs."""
    wood = look.body.random() < 0.5
    plate = p.wood if wood else p.body
    tall = look.body.random() < 0.5
    shape = ellipse(0, -0.12, 0.52, 0.78) if tall else box(-0.56, -0.82, 0.56, 0.56, radius=0.3)
    b.dome(shape, plate, 0.4, 0.55, Material.WOOD if wood else Material.METAL)
    iron = mix(p.accent, INK, 0.45) if wood else CHROME
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.15)
            screw(
                b,
                side * 0.24,
                -0.36,
                r,
                angle=0.5 * side * np.sign(face.slant + 0.01) + 0.1 * face.look[0],
                colour=CREAM,
            )
            lid(b, ellipse(side * 0.24, -0.36, r * 1.08), side, face, darker(plate, 0.3), 0.8)
        for side in SIDES:  # the two prongs reach out like arms
            arm = np.stack([side * np.array([0.0, 0.42, 0.78, 0.86]), np.array([0.44, 0.62, 0.44, 0.12])], 1)
            b.shape(ribbon(arm, 0.15), iron, 0.8, Material.METAL)
            b.dome(ellipse(side * 0.86, 0.06, 0.12), iron, 0.8, 0.95)
        b.shape(ellipse(0, 0.42, 0.2), iron, 0.82, Material.METAL)
        b.shape(face.mouth(0, 0.02, 0.26, 0.1), darker(plate, 0.75), 0.2)
        return
    layout = look.pick(3)
    if layout == 0:
        for y in (-0.62, 0.3):
            screw(b, 0, y, 0.09, look.parts.uniform(0, 3))
        b.shape(
            ribbon(polygon((0, -0.28), (0, 0.5), (0.14, 0.74), (0.4, 0.7), (0.46, 0.46)), 0.17),
            iron,
            0.8,
            Material.METAL,
        )
        b.dome(ellipse(0.46, 0.42, 0.12), iron, 0.8, 0.95)
    elif layout == 1:
        screw(b, 0, -0.1, 0.09, look.parts.uniform(0, 3))
        for side in SIDES:
            arm = np.stack([side * np.array([0.0, 0.36, 0.7, 0.8]), np.array([0.3, 0.5, 0.3, -0.02])], 1)
            b.shape(ribbon(arm, 0.15), iron, 0.8, Material.METAL)
            b.dome(ellipse(side * 0.8, -0.06, 0.12), iron, 0.8, 0.95)
    else:
        for x, y in ((-0.3, -0.5), (0.3, -0.5), (-0.3, 0.3), (0.3, 0.3)):
            screw(b, x, y, 0.07, look.parts.uniform(0, 3))
        b.shape(ribbon(polygon((0, -0.3), (0, 0.6)), 0.18), iron, 0.8, Material.METAL)
        b.dome(ellipse(0, 0.66, 0.18), iron, 0.8, 0.98)


def power_socket(b: Brush, p: Palette, look: Look) -> None:
    """A socket on the wall; holes, slots, a switch."""
    plate = mix(CREAM, p.body, look.body.choice([0.05, 0.1, 0.75]))
    b.shape(box(-0.82, -0.82, 0.82, 0.82, radius=0.16), plate, 0.5)
    b.shape(box(-0.68, -0.68, 0.68, 0.68, radius=0.1), lighter(plate, 0.2), 0.42)
    hole = darker(INK, 0.2)
    face = look.face
    if face is not None:
        b.shape(ellipse(0, 0, 0.58), darker(plate, 0.1), 0.26)
        tall = look.parts.random() < 0.5
        for side in SIDES:
            r = face.eye_size(side, 0.12)
            eye = box(
                side * 0.24 - r * 0.65, -0.17 - r * 1.2, side * 0.24 + r * 0.65, -0.17 + r * 1.2, radius=0.04
            )
            eye = eye if tall else ellipse(side * 0.24, -0.17, r)
            b.shape(face.lidded(eye, side), hole, 0.06)
        b.shape(face.mouth(0, 0.23, 0.25, 0.09), hole, 0.06)
        return
    layout = look.pick(4)
    if layout == 0:
        b.shape(ellipse(0, 0, 0.58), darker(plate, 0.1), 0.26)
        for x in (-0.3, 0.0, 0.3):
            b.shape(ellipse(x, 0, 0.085), hole, 0.06)
    elif layout == 1:  # a rocker switch over one pair of slots
        b.shape(box(-0.3, -0.58, 0.3, -0.1, radius=0.05), CREAM, 0.62)
        b.shape(box(-0.3, -0.58, 0.3, -0.34, radius=0.05), lighter(CREAM, 0.5), 0.72)
        b.dome(ellipse(0.46, -0.34, 0.05), (214, 88, 70), 0.5, 0.6)
        for x in SIDES:
            b.shape(box(x * 0.16 - 0.05, 0.12, x * 0.16 + 0.05, 0.42), hole, 0.06)
    elif layout == 2:
        for x in SIDES:
            b.shape(ellipse(x * 0.34, 0, 0.29), darker(plate, 0.1), 0.26)
            for y in (-0.15, 0.0, 0.15):
                b.shape(ellipse(x * 0.34, y, 0.05), hole, 0.06)
    else:
        for y in (-0.4, -0.13, 0.14, 0.41):
            b.shape(box(-0.2, y - 0.06, 0.2, y + 0.06, radius=0.03), hole, 0.06)
            b.shape(box(-0.12, y - 0.02, 0.12, y + 0.02), plate, 0.2)


def tap(b: Brush, p: Palette, look: Look) -> None:
    """A wash basin from the front; handles, spout, overflow."""
    china = mix((246, 244, 238), p.body, 0.06)
    b.shape(box(-0.2, 0.5, 0.2, 1.3), darker(china, 0.12), 0.3)
    basin = np.concatenate([box(-0.95, -0.08, 0.95, 0.1, radius=0.08)[12:], bow(0, 0.34, 0.9, 0.9)[::-1]])
    b.dome(basin, china, 0.4, 0.6)
    b.shape(box(-0.98, -0.14, 0.98, 0.04, radius=0.08), lighter(china, 0.3), 0.7)
    face = look.face

    def handle(x: float, y: float, r: float, turn: float) -> None:
        b.shape(box(x - 0.06, y, x + 0.06, -0.08), CHROME, 0.5, Material.METAL)
        for at in turn + np.arange(4) * np.pi / 2:
            tip = (x + r * 1.25 * np.cos(at), y + r * 1.25 * np.sin(at))
            b.shape(ribbon(polygon((x, y), tip), r * 0.42), CHROME, 0.65, Material.METAL)
        b.dome(ellipse(x, y, r * 0.8), CREAM, 0.75, 0.9)

    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.2)
            x = side * 0.46
            handle(x, -0.48, r, 0.78)
            b.shape(ellipse(x + 0.3 * r * face.look[0], -0.48 + 0.3 * r * face.look[1], r * 0.36),
                    (206, 84, 70) if side < 0 else (84, 124, 176), 0.92)  # fmt: skip
            lid(b, ellipse(x, -0.48, r * 0.86), side, face, darker(CHROME, 0.25), 0.95)
        frame_of(b, face.mouth(0, 0.44, 0.34, 0.1), CHROME, 0.035, 0.75, Material.METAL)
        b.shape(face.mouth(0, 0.44, 0.34, 0.1), INK, 0.15)
        b.shape(ribbon(polygon((0, -0.5), (0, 0.08)), 0.2), CHROME, 0.85, Material.METAL)
        b.shape(ellipse(0, 0.12, 0.1, 0.06), darker(CHROME, 0.5), 0.8)
        return
    layout = look.pick(3)
    spout_x = 0.0 if layout != 1 else 0.4
    if layout == 0:  # one lever on top
        b.shape(ribbon(polygon((0, -0.56), (0.34, -0.8)), 0.13), p.accent, 0.8)
        b.shape(ellipse(0, -0.54, 0.17), CHROME, 0.75, Material.METAL)
    elif layout == 1:  # spout at one side, handles at the other
        handle(-0.62, -0.4, 0.14, 0.3)
        handle(-0.16, -0.4, 0.14, 0.9)
    else:
        handle(0, -0.66, 0.17, 0.0)
        b.shape(box(0.4, -0.24, 0.84, -0.12, radius=0.05), p.accent, 0.8)
    b.shape(ribbon(polygon((spout_x, -0.5), (spout_x, 0.08)), 0.2), CHROME, 0.85, Material.METAL)
    b.shape(ellipse(spout_x, 0.12, 0.1, 0.06), darker(CHROME, 0.5), 0.8)
    for x in (-0.12, 0.0, 0.12):
        b.shape(ellipse(x - spout_x * 0.5, 0.32, 0.035), INK, 0.15)


def telephone(b: Brush, p: Palette, look: Look) -> None:
    """An old wall telephone; bells, mouthpiece, receiver at the side, crank."""
    wood = look.body.random() < 0.7
    body = p.wood if wood else p.body
    material = Material.WOOD if wood else Material.PAINT
    b.line(bow(-0.56, 0.5, 0.22, 0.5), INK, 0.04)
    b.shape(box(-0.52, -0.9, 0.52, 0.9, radius=0.08), darker(body, 0.2), 0.3, material)
    b.shape(box(-0.42, -0.82, 0.42, 0.56, radius=0.05), body, 0.5, material)
    b.shape(
        polygon((-0.5, 0.5), (0.5, 0.5), (0.58, 0.66), (-0.58, 0.66)), lighter(body, 0.15), 0.75, material
    )
    b.shape(box(-0.62, -0.1, -0.5, 0.0), BRASS, 0.5)  # hook and receiver
    b.shape(ribbon(polygon((-0.72, -0.34), (-0.7, 0.34)), 0.13), INK, 0.6)
    b.dome(ellipse(-0.73, -0.42, 0.15, 0.1), INK, 0.6, 0.8)
    b.dome(ellipse(-0.7, 0.42, 0.13, 0.08), INK, 0.6, 0.8)
    b.line(polygon((0.5, -0.2), (0.72, -0.2), (0.72, 0.05)), BRASS, 0.05)
    b.dome(ellipse(0.72, 0.08, 0.07), INK, 0.6, 0.8)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.17)
            x = side * 0.21
            b.dome(ellipse(x, -0.52, r), BRASS, 0.65, 0.98, Material.METAL)
            b.shape(ellipse(x + 0.3 * r * face.look[0], -0.52 + 0.3 * r * face.look[1], r * 0.34), INK, 0.98)
            lid(b, ellipse(x, -0.52, r * 1.05), side, face, darker(body, 0.35), 0.98)
        if face.open:
            b.dome(ellipse(0, 0.04, 0.21), INK, 0.9, 0.7)
            b.shape(ellipse(0, 0.04, 0.13), (24, 20, 26), 0.3)
        else:
            frame_of(b, face.mouth(0, 0.06, 0.26, 0.1), BRASS, 0.03, 0.7, Material.METAL)
            b.shape(face.mouth(0, 0.06, 0.26, 0.1), INK, 0.2)
            keyhole(b, 0, -0.18, 0.07)
        return
    layout = look.pick(3)
    if layout == 0:  # a rotary dial
        b.dome(ellipse(0, -0.42, 0.3), INK, 0.6, 0.7)
        for turn in np.arange(10) * 0.56:
            b.shape(ellipse(0.21 * np.sin(turn), -0.42 - 0.21 * np.cos(turn), 0.05), CREAM, 0.5)
        b.shape(ellipse(0, -0.42, 0.1), BRASS, 0.8)
        grille(b, -0.22, 0.05, 0.22, 0.4, 4, INK)
    elif layout == 1:  # one bell, then mouthpiece, then a card
        b.dome(ellipse(0, -0.56, 0.18), BRASS, 0.65, 0.95, Material.METAL)
        b.dome(ellipse(0, -0.1, 0.15), INK, 0.9, 0.7)
        b.shape(box(-0.26, 0.18, 0.26, 0.42), CREAM, 0.55)
        b.text_bars(-0.2, 0.22, 0.4, 2, INK, 0.09)
    else:  # bells one over the other at the side
        for y in (-0.6, -0.22, 0.16):
            b.dome(ellipse(0.2, y, 0.14), BRASS, 0.65, 0.95, Material.METAL)
        b.shape(box(-0.32, -0.7, -0.08, 0.3, radius=0.03), CREAM, 0.55)
        b.text_bars(-0.28, -0.62, 0.16, 7, INK, 0.12)
