"""Things that drive and float. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import BRASS, CHROME, CREAM, GLOW, INK, Palette, darker, lighter, mix
from dxr_dash.demo.parts import SIDES, Look, bars, frame_of, grille, lid, window


def boat(b: Brush, p: Palette, look: Look) -> None:
    """A little tug coming towards us: bow, hawse holes, wheelhouse, a rope."""
    flare = look.body.uniform(0.62, 0.76)
    b.shape(box(-0.13, -1.0, 0.13, -0.55), p.accent, 0.3)
    b.shape(box(-0.15, -0.95, 0.15, -0.83), p.trim, 0.34)
    b.shape(box(-0.4, -0.66, 0.4, -0.1, radius=0.05), p.trim, 0.4)
    b.shape(box(-0.5, -0.72, 0.5, -0.62, radius=0.04), p.accent, 0.6)
    hull = np.concatenate([
        bow(0, -0.14, flare + 0.1, 0.1),
        polygon((flare * 0.92, 0.3), (flare * 0.55, 0.72), (0.0, 0.9), (-flare * 0.55, 0.72), (-flare * 0.92, 0.3)),
    ])  # fmt: skip
    b.dome(hull, p.body, 0.45, 0.7)
    b.wash(polygon((-flare * 0.66, 0.6), (flare * 0.66, 0.6), (flare * 0.5, 0.76), (0, 0.9), (-flare * 0.5, 0.76)),
           (164, 72, 64), 0.9)  # fmt: skip
    b.shape(ribbon(bow(0, -0.16, flare + 0.1, 0.1), 0.09), p.wood, 0.8, Material.WOOD)
    foam = lighter(p.pane, 0.7)
    for x in np.linspace(-0.55, 0.55, 6):
        b.shape(ellipse(x, 0.86 - 0.06 * abs(x), 0.13, 0.07), foam, 0.3)
    face = look.face
    panes = (-0.22, 0.22) if face is not None or look.body.random() < 0.4 else (-0.26, 0.0, 0.26)
    for x in panes:
        window(
            b,
            box(x - 0.09, -0.5, x + 0.09, -0.32, radius=0.02),
            darker(p.trim, 0.3),
            darker(p.pane, 0.3),
            bars=False,
        )
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.13)
            hole = ellipse(side * flare * 0.48, 0.17, r)
            b.dome(ellipse(side * flare * 0.48, 0.17, r * 1.4), BRASS, 0.75, 0.85, Material.METAL)
            b.shape(hole, INK, 0.35)
            b.wash(ellipse(side * flare * 0.48 + 0.04 * face.look[0], 0.15, r * 0.34), CREAM, 0.8)
            lid(b, ellipse(side * flare * 0.48, 0.17, r * 1.25), side, face, darker(p.body, 0.15), 0.9)
        mouth = face.mouth(0, 0.47, flare * 0.42, 0.09)
        if face.open:
            frame_of(b, mouth, (228, 206, 164), 0.035, 0.85, Material.CLOTH)
            b.shape(mouth, INK, 0.35)
        else:  # a fender of old rope
            b.shape(mouth, (228, 206, 164), 0.9, Material.CLOTH)
            bars(b, mouth, (150, 116, 84), 11, 0.02)
        return
    layout = look.pick(3)
    if layout == 0:
        for x in np.linspace(-0.7, 0.7, 5):
            b.dome(ellipse(x * flare, 0.16, 0.085), BRASS, 0.75, 0.85, Material.METAL)
            b.shape(ellipse(x * flare, 0.16, 0.055), INK, 0.4)
    elif layout == 1:  # a lifebuoy hangs at the bow
        b.dome(ellipse(0, 0.26, 0.24), (214, 92, 74), 0.75, 0.9)
        for turn in np.arange(4) * np.pi / 2 + 0.4:
            b.shape(ellipse(0.185 * np.cos(turn), 0.26 + 0.185 * np.sin(turn), 0.06), CREAM, 0.9)
        b.shape(ellipse(0, 0.26, 0.12), p.body, 0.55)
    else:  # an anchor on one side, a name on the other
        b.line(polygon((-0.3, 0.06), (-0.3, 0.42)), INK, 0.05)
        b.line(bow(-0.3, 0.36, 0.15, 0.16), INK, 0.05)
        b.shape(ellipse(-0.3, 0.04, 0.06), BRASS, 0.8)
        b.text_bars(0.1, 0.16, 0.4, 1, CREAM, 0.2)


def car(b: Brush, p: Palette, look: Look) -> None:
    """A small round car from the front (or, half of the time without a face, from behind)."""
    wide = look.body.uniform(0.8, 0.9)
    roof = look.body.uniform(-0.62, -0.5)
    for side in SIDES:
        b.shape(box(side * wide * 0.72 - 0.15, 0.5, side * wide * 0.72 + 0.15, 0.9, radius=0.08), INK, 0.2)
    cabin = np.concatenate(
        [bow(0, roof + 0.06, wide * 0.52, -0.12), polygon((wide * 0.78, 0.08), (-wide * 0.78, 0.08))]
    )
    b.shape(cabin, p.body, 0.5)
    glass = np.concatenate(
        [bow(0, roof + 0.16, wide * 0.46, -0.1), polygon((wide * 0.66, 0.0), (-wide * 0.66, 0.0))]
    )
    b.shape(glass, darker(p.pane, 0.25), 0.3)
    b.wash(polygon((-0.35, 0.0), (-0.1, roof + 0.1), (0.12, roof + 0.1), (-0.1, 0.0)), CREAM, 0.3)
    b.shape(box(-wide, -0.02, wide, 0.66, radius=0.26), p.body, 0.55)
    b.shape(
        np.concatenate([bow(0, 0.0, wide * 0.62, -0.14), bow(0, 0.2, wide * 0.5, 0.1)[::-1]]),
        lighter(p.body, 0.12),
        0.68,
    )
    face = look.face
    bumper = box(-wide * 0.96, 0.62, wide * 0.96, 0.74, radius=0.06)
    b.shape(bumper, CHROME, 0.8, Material.METAL)
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.19)
            x = side * wide * 0.62
            b.dome(ellipse(x, 0.2, r * 1.22), CHROME, 0.6, 0.8, Material.METAL)
            b.shape(ellipse(x, 0.2, r), mix(CREAM, GLOW, 0.35), 0.6)
            b.shape(
                ellipse(x + r * 0.3 * face.look[0], 0.2 + r * 0.3 * face.look[1], r * 0.4),
                darker(GLOW, 0.45),
                0.62,
            )
            lid(b, ellipse(x, 0.2, r * 1.1), side, face, darker(p.body, 0.12), 0.85)
        mouth = face.mouth(0, 0.46, wide * 0.42, 0.1)
        frame_of(b, mouth, CHROME, 0.03, 0.72, Material.METAL)
        b.shape(mouth, darker(CHROME, 0.7), 0.25)
        bars(b, mouth, CHROME, 9, 0.02, 0.8)
        return
    layout = look.pick(3)
    if layout == 0:  # the back, with a spare wheel
        b.dome(ellipse(0, 0.3, 0.3), INK, 0.6, 0.85)
        b.dome(ellipse(0, 0.3, 0.15), CHROME, 0.8, 0.9, Material.METAL)
        for side in SIDES:
            b.shape(
                box(side * wide * 0.86 - 0.05, 0.08, side * wide * 0.86 + 0.05, 0.5, radius=0.04),
                (200, 72, 60),
                0.7,
            )
    elif layout == 1:  # the back, with a number plate up on the lid
        b.shape(box(-0.26, 0.1, 0.26, 0.24, radius=0.03), CREAM, 0.7)
        b.text_bars(-0.19, 0.14, 0.36, 1, INK, 0.1)
        for x in (-0.84, -0.66, 0.84):
            b.dome(ellipse(x * wide, 0.44, 0.075), (204, 84, 66), 0.6, 0.75)
        b.shape(box(-0.05, 0.3, 0.05, 0.42, radius=0.03), CHROME, 0.75, Material.METAL)
    else:  # a row of small lamps from side to side
        for x in np.linspace(-0.8, 0.8, 5):
            b.dome(ellipse(x * wide, 0.2, 0.1), CHROME, 0.6, 0.75, Material.METAL)
            b.shape(ellipse(x * wide, 0.2, 0.07), mix(CREAM, GLOW, 0.3), 0.65)
        b.shape(box(-0.2, 0.4, 0.2, 0.54, radius=0.03), CREAM, 0.7)
        b.text_bars(-0.14, 0.44, 0.28, 1, INK, 0.1)


def train(b: Brush, p: Palette, look: Look) -> None:
    """The front of a train on its rails: windscreens, lamps, buffers."""
    half, roof = look.body.uniform(0.6, 0.7), look.body.uniform(-0.85, -0.72)
    b.shape(polygon((-0.5, 0.74), (0.5, 0.74), (0.82, 0.9), (-0.82, 0.9)), darker(p.metal, 0.4), 0.1)
    for side in SIDES:
        b.shape(
            polygon((side * 0.4, 0.74), (side * 0.48, 0.74), (side * 0.7, 0.92), (side * 0.58, 0.92)),
            p.metal,
            0.3,
        )
    b.shape(box(-half + 0.08, 0.6, half - 0.08, 0.82, radius=0.05), INK, 0.25)
    b.shape(np.concatenate([bow(0, roof + 0.1, half, -0.2), polygon((half, 0.7), (-half, 0.7))]), p.body, 0.5)
    b.shape(
        np.concatenate([bow(0, roof + 0.1, half, -0.2), bow(0, roof + 0.24, half, -0.2)[::-1]]),
        p.accent,
        0.62,
    )
    b.shape(box(-half, 0.16, half, 0.26), p.trim, 0.52)
    for side in SIDES:
        b.dome(ellipse(side * half * 0.72, 0.66, 0.1), p.metal, 0.6, 0.9, Material.METAL)
    face = look.face
    glass = darker(p.pane, 0.3)
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.2)
            x = side * half * 0.48
            pane = box(x - r, -0.32 - r, x + r, -0.32 + r, radius=0.08)
            window(b, pane, darker(p.body, 0.35), glass, bars=False, edge=1.16)
            tip = (x + r * face.look[0], -0.32 - 0.4 * r)
            b.shape(
                ellipse(x + 0.3 * r * face.look[0], -0.32 + r * 0.3, r * 0.3, r * 0.42),
                darker(glass, 0.6),
                0.2,
            )
            b.line(polygon((x, -0.32 + r), tip), INK, 0.035)
            lid(b, pane, side, face, p.accent, 0.65)
        mouth = face.mouth(0, 0.44, half * 0.56, 0.12)
        frame_of(b, mouth, p.metal, 0.03, 0.66, Material.METAL)
        b.shape(mouth, INK, 0.2)
        bars(b, mouth, p.metal, 8, 0.02, 0.7)
        b.dome(ellipse(0, 0.02, 0.07), mix(CREAM, GLOW, 0.4), 0.6, 0.7)
        return
    layout = look.pick(3)
    if layout == 0:  # one wide screen, three lamps on a line
        window(
            b,
            box(-half * 0.82, -0.52, half * 0.82, -0.12, radius=0.08),
            darker(p.body, 0.35),
            glass,
            bars=False,
        )
        for x in (-0.6, 0.0, 0.6):
            b.dome(ellipse(x * half, 0.42, 0.085), mix(CREAM, GLOW, 0.4), 0.6, 0.7)
    elif layout == 1:  # a door between three tall panes
        for x in (-0.64, 0.0, 0.64):
            pane = box(x * half - 0.12, -0.54, x * half + 0.12, -0.06, radius=0.05)
            window(b, pane, darker(p.body, 0.35), glass, bars=False)
        b.line(box(-0.2, -0.6, 0.2, 0.7), darker(p.body, 0.5), 0.025)
        b.dome(ellipse(0, 0.4, 0.08), mix(CREAM, GLOW, 0.4), 0.6, 0.7)
    else:  # screen on one side, number and lamp on the other
        window(b, box(-half * 0.84, -0.52, half * 0.1, -0.1, radius=0.06), darker(p.body, 0.35), glass)
        b.shape(box(half * 0.35, -0.46, half * 0.8, -0.26, radius=0.03), CREAM, 0.6)
        b.text_bars(half * 0.42, -0.4, 0.24, 1, INK, 0.1)
        for y in (0.36, 0.52):
            b.dome(ellipse(half * 0.58, y, 0.065), mix(CREAM, GLOW, 0.4), 0.6, 0.7)
        grille(b, -half * 0.7, 0.32, half * 0.1, 0.6, 3, INK)
