"""Other things that stand outdoors. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import CREAM, GLOW, INK, LEAF, Palette, darker, lighter, mix
from dxr_dash.demo.parts import SIDES, Look, frame_of, keyhole, lid, screw


def mailbox(b: Brush, p: Palette, look: Look) -> None:
    """A letter box on a post or pillar: slot, locks, badge."""
    wide, top = look.body.uniform(0.5, 0.62), look.body.uniform(-0.85, -0.7)
    b.shape(box(-0.12, 0.4, 0.12, 0.9), darker(p.wood, 0.1), 0.3, Material.WOOD)
    b.shape(
        np.concatenate([bow(0, top + 0.14, wide, -0.3), polygon((wide, 0.56), (-wide, 0.56))]), p.body, 0.5
    )
    b.shape(np.concatenate([bow(0, top + 0.14, wide + 0.06, -0.32), bow(0, top + 0.34, wide + 0.06, -0.32)[::-1]]),
            darker(p.body, 0.2), 0.75)  # fmt: skip
    b.shape(box(-wide - 0.04, 0.5, wide + 0.04, 0.6, radius=0.03), darker(p.body, 0.25), 0.65)
    if look.body.random() < 0.5:
        b.shape(box(wide, -0.5, wide + 0.05, -0.05), p.metal, 0.4)
        b.shape(box(wide, -0.55, wide + 0.24, -0.36), (212, 84, 66), 0.5)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.15)
            x, y = side * wide * 0.46, -0.26
            b.dome(ellipse(x, y, r), p.metal, 0.65, 0.8, Material.METAL)
            keyhole(b, x + 0.2 * r * face.look[0], y + 0.16 * r * face.look[1], r * 0.62)
            lid(b, ellipse(x, y, r * 1.1), side, face, darker(p.body, 0.15), 0.85)
        mouth = face.mouth(0, 0.2, wide * 0.6, 0.12)
        frame_of(b, mouth, lighter(p.body, 0.2), 0.045, 0.68, Material.PAINT)
        b.shape(mouth, INK, 0.15)
        return
    layout = look.pick(3)
    b.shape(box(-wide * 0.7, -0.42, wide * 0.7, -0.26, radius=0.03), lighter(p.body, 0.2), 0.7)
    b.shape(box(-wide * 0.6, -0.37, wide * 0.6, -0.31, radius=0.02), INK, 0.15)
    if layout == 0:
        b.shape(box(-wide * 0.5, -0.1, wide * 0.5, 0.34, radius=0.04), CREAM, 0.58)
        b.text_bars(-wide * 0.38, -0.02, wide * 0.76, 4, INK, 0.09)
    elif layout == 1:
        b.dome(ellipse(0, 0.14, 0.17), p.metal, 0.65, 0.75, Material.METAL)
        keyhole(b, 0, 0.14, 0.11)
    else:
        b.shape(polygon((-0.28, -0.04), (0.28, -0.04), (0.28, 0.3), (-0.28, 0.3)), CREAM, 0.58)
        b.line(polygon((-0.28, -0.04), (0, 0.16), (0.28, -0.04)), darker(p.body, 0.3), 0.035)
        screw(b, wide * 0.75, 0.4, 0.05)


def tree_stump(b: Brush, p: Palette, look: Look) -> None:
    """A stump with roots and bark; knot holes, a hollow, a mushroom."""
    bark = mix(p.wood, (120, 96, 84), look.body.uniform(0.2, 0.7))
    lean = look.body.uniform(-0.08, 0.08)
    for x, reach in ((-0.62, -0.95), (0.6, 0.92), (-0.2, -0.4), (0.25, 0.42)):
        b.shape(
            ribbon(polygon((x * 0.8, 0.5), (x, 0.72), (reach, 0.9)), 0.3, taper=0.7),
            darker(bark, 0.12),
            0.35,
            Material.WOOD,
        )
    trunk = polygon(
        (-0.56 + lean, -0.5), (0.56 + lean, -0.5), (0.56, 0.2), (0.72, 0.84), (-0.72, 0.84), (-0.56, 0.2)
    )
    b.dome(trunk, bark, 0.4, 0.62, Material.WOOD)
    for _ in range(9):
        x, y = look.body.uniform(-0.5, 0.5), look.body.uniform(-0.4, 0.5)
        b.line(bow(x, y, 0.02, 0.0)[::-1] + np.stack([0.02 * np.sin(np.arange(15)), np.linspace(0, 0.26, 15)], 1),
               darker(bark, 0.4), 0.022, 0.55)  # fmt: skip
    b.shape(ellipse(lean, -0.5, 0.57, 0.2), darker(bark, 0.2), 0.6)
    b.shape(ellipse(lean, -0.52, 0.52, 0.17), (226, 190, 140), 0.66)
    for r in (0.4, 0.27, 0.13):
        ring = ellipse(lean, -0.52, r, r * 0.32)
        b.line(np.concatenate([ring, ring[:1]]), (176, 130, 88), 0.022)
    for _ in range(look.body.integers(0, 3)):
        x = look.body.choice([-1, 1]) * look.body.uniform(0.5, 0.8)
        b.shape(box(x - 0.04, 0.66, x + 0.04, 0.86), CREAM, 0.6)
        b.dome(np.concatenate([bow(x, 0.64, 0.15, -0.24)]), (206, 88, 70), 0.7, 0.85)
    moss = mix(LEAF, (200, 200, 110), 0.3)
    for x in look.body.uniform(-0.5, 0.5, 3):
        b.wash(ellipse(x, 0.74, 0.16, 0.07), moss, 0.7)
    hollow = darker(bark, 0.75)

    def knot(x: float, y: float, r: float) -> None:
        b.dome(ellipse(x, y, r * 1.35, r * 1.5), lighter(bark, 0.15), 0.6, 0.75, Material.WOOD)
        b.shape(ellipse(x, y, r, r * 1.15), hollow, 0.2)

    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.12)
            knot(side * 0.27, -0.08, r)
            b.wash(
                ellipse(side * 0.27 + 0.04 * face.look[0], -0.08 + 0.04 * face.look[1], r * 0.3), GLOW, 0.6
            )
            lid(b, ellipse(side * 0.27, -0.08, r * 1.2, r * 1.35), side, face, bark, 0.75)
        mouth = face.mouth(0, 0.38, 0.32, 0.12)
        frame_of(b, mouth, lighter(bark, 0.12), 0.05, 0.68, Material.WOOD)
        b.shape(mouth, hollow, 0.15)
        return
    layout = look.pick(3)
    if layout == 0:
        knot(look.parts.uniform(-0.25, 0.25), look.parts.uniform(0.0, 0.3), 0.17)
    elif layout == 1:
        for x, y in ((-0.32, -0.14), (0.02, 0.12), (0.3, 0.4)):
            knot(x, y, look.parts.uniform(0.07, 0.11))
    else:
        knot(0.3 * look.parts.choice([-1, 1]), 0.4, 0.13)
        knot(0.3 * look.parts.choice([-1, 1]), -0.12, 0.07)
