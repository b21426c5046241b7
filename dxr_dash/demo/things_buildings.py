"""Buildings and their doors. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, arch, bow, box, ellipse, polygon
from dxr_dash.demo.palette import BRASS, CREAM, INK, LEAF, Palette, darker, mix
from dxr_dash.demo.parts import SIDES, Look, bars, frame_of, lid, screw, window


def church(b: Brush, p: Palette, look: Look) -> None:
    """A tower with a pointed roof and a nave at its side; windows, a clock, a door."""
    half = look.body.uniform(0.34, 0.42)
    side = float(look.body.choice([-1, 1]))
    nave = polygon((0, 0.22), (side * 0.95, 0.22), (side * 0.95, 0.9), (0, 0.9))
    b.shape(nave, darker(p.body, 0.1), 0.25)
    b.shape(
        polygon((0, -0.02), (side * 0.86, -0.02), (side * 1.0, 0.26), (0, 0.26)), darker(p.accent, 0.1), 0.35
    )
    for x in (0.58, 0.8):
        window(b, arch(side * x - 0.055, 0.42, side * x + 0.055, 0.7), p.trim, p.pane, bars=False)
    b.shape(box(-half, -0.45, half, 0.9), p.body, 0.45)
    b.shape(polygon((-half - 0.1, -0.4), (0, -1.08), (half + 0.1, -0.4)), p.accent, 0.7)
    b.shape(ellipse(0, -1.08, 0.045), BRASS, 0.8)
    for y in (-0.42, 0.86):
        b.shape(box(-half - 0.05, y, half + 0.05, y + 0.07), p.trim, 0.6)
    face = look.face
    if face is not None:
        for eye in SIDES:
            r = face.eye_size(eye, 0.11)
            x = eye * half * 0.48
            pane = arch(x - r * 0.8, -0.2 - r, x + r * 0.8, -0.2 + r * 1.2)
            window(b, pane, p.trim, darker(p.pane, 0.45))
            lid(b, pane, eye, face, p.accent, 0.6)
        if face.open > 0.6:
            b.shape(arch(-0.16, 0.3, 0.16, 0.86), p.trim, 0.55)
            b.shape(arch(-0.11, 0.35, 0.11, 0.86), darker(p.wood, 0.5), 0.2, Material.WOOD)
        else:
            mouth = face.mouth(0, 0.34, half * 0.58, 0.1)
            frame_of(b, mouth, p.trim, 0.035, 0.55, Material.PAINT)
            b.shape(mouth, darker(p.body, 0.65), 0.15)
            bars(b, mouth, mix(p.body, p.trim, 0.4), 7, 0.022)
            b.shape(box(-0.09, 0.68, 0.09, 0.86), darker(p.wood, 0.4), 0.25, Material.WOOD)
        return
    layout = look.pick(3)
    b.shape(arch(-0.16, 0.42, 0.16, 0.86), p.trim, 0.55)
    b.shape(arch(-0.12, 0.46, 0.12, 0.86), darker(p.wood, 0.3), 0.25, Material.WOOD)
    if layout == 0:
        b.dome(ellipse(0, -0.12, 0.2), BRASS, 0.5, 0.6)
        b.shape(ellipse(0, -0.12, 0.16), CREAM, 0.55)
        b.line(polygon((0, -0.24), (0, -0.12), (0.08, -0.08)), INK, 0.03)
    elif layout == 1:
        window(b, arch(-0.09, -0.28, 0.09, 0.22), p.trim, darker(p.pane, 0.45))
    else:
        for y in (-0.22, 0.02, 0.24):
            window(b, ellipse(0, y, 0.075), p.trim, darker(p.pane, 0.45), bars=False)


def door(b: Brush, p: Palette, look: Look) -> None:
    """A front door in its frame: panes, letter slot, knob, step."""
    half, top = look.body.uniform(0.46, 0.54), -0.95
    rounded = look.body.random() < 0.5
    outline = arch if rounded else box
    b.shape(outline(-half - 0.13, top - 0.1, half + 0.13, 0.86), p.trim, 0.45)
    b.shape(outline(-half, top + 0.03, half, 0.86), p.body, 0.3, Material.WOOD)
    b.shape(box(-half - 0.22, 0.82, half + 0.22, 0.94), mix(p.trim, (150, 145, 140), 0.5), 0.6)
    b.shape(box(-half * 0.8, 0.56, half * 0.8, 0.76, radius=0.02), darker(p.body, 0.14), 0.22)
    b.dome(ellipse(half * 0.78, 0.12, 0.055), BRASS, 0.6, 0.8, Material.METAL)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.14)
            x = side * half * 0.46
            pane = (
                arch(x - r, -0.38 - r, x + r, -0.38 + r * 1.3)
                if rounded
                else box(x - r, -0.36 - r, x + r, -0.36 + r, radius=0.02)
            )
            window(b, pane, darker(p.body, 0.25), p.pane)
            lid(b, pane, side, face, p.accent, 0.6)
        mouth = face.mouth(0, 0.12, half * 0.52, 0.1)
        frame_of(b, mouth, BRASS, 0.035, 0.6, Material.METAL)
        b.shape(mouth, INK, 0.2)
        return
    layout = look.pick(4)
    if layout == 0:
        window(b, arch(-half * 0.6, -0.66, half * 0.6, -0.2), darker(p.body, 0.25), p.pane)
        b.shape(box(-0.2, 0.24, 0.2, 0.34, radius=0.02), BRASS, 0.6, Material.METAL)
    elif layout == 1:
        for x in SIDES:
            for y in (-0.62, -0.22, 0.22):
                b.shape(
                    box(x * half * 0.44 - 0.14, y - 0.12, x * half * 0.44 + 0.14, y + 0.14, radius=0.02),
                    darker(p.body, 0.16),
                    0.2,
                )
    elif layout == 2:
        window(b, ellipse(0, -0.46, 0.2), darker(p.body, 0.25), p.pane)
        b.line(polygon((0, -0.14), (0, 0.5)), darker(p.body, 0.3), 0.03)
    else:
        for y in (-0.66, -0.3, 0.06):
            window(b, box(-0.24, y, 0.24, y + 0.22, radius=0.02), darker(p.body, 0.25), p.pane, bars=False)
        b.shape(box(-0.16, 0.4, 0.16, 0.48, radius=0.02), BRASS, 0.6, Material.METAL)


def house(b: Brush, p: Palette, look: Look) -> None:
    """A small house; windows and door."""
    half, eaves = look.body.uniform(0.58, 0.72), look.body.uniform(-0.3, -0.16)
    peak = eaves - look.body.uniform(0.42, 0.6)
    if look.body.random() < 0.7:
        x = half * look.body.choice([-0.6, 0.55])
        b.shape(box(x - 0.09, peak + 0.02, x + 0.09, eaves), darker(p.accent, 0.15), 0.3)
        b.shape(box(x - 0.12, peak - 0.02, x + 0.12, peak + 0.07), p.trim, 0.35)
    b.shape(box(-half, eaves - 0.1, half, 0.9), p.body, 0.35)
    b.shape(polygon((-half, eaves), (0, peak + 0.1), (half, eaves)), p.body, 0.35)
    roof = polygon((-half - 0.18, eaves + 0.1), (0, peak), (half + 0.18, eaves + 0.1), (half + 0.1, eaves + 0.2),
                   (0, peak + 0.17), (-half - 0.1, eaves + 0.2))  # fmt: skip
    b.shape(roof, p.accent, 0.7)
    b.shape(box(-half - 0.04, 0.8, half + 0.04, 0.9), mix(p.trim, (150, 140, 130), 0.5), 0.45)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.155)
            pane = box(side * half * 0.5 - r, -0.02 - r, side * half * 0.5 + r, -0.02 + r, radius=0.03)
            window(b, pane, p.trim, p.pane)
            lid(b, pane, side, face, p.accent, 0.6)
        if face.open > 0.6:
            b.shape(arch(-0.19, 0.26, 0.19, 0.8), p.trim, 0.5)
            b.shape(arch(-0.14, 0.31, 0.14, 0.8), darker(p.accent, 0.5), 0.2)
            screw(b, 0.07, 0.58, 0.025, colour=BRASS)
        elif face.curve < 0.0:  # a low, wide garage under an arch
            gate = np.concatenate(
                [
                    bow(0, 0.48, half * 0.52, face.curve * 0.6),
                    polygon((half * 0.52, 0.8), (-half * 0.52, 0.8)),
                ]
            )
            frame_of(b, gate, p.trim, 0.045, 0.5, Material.PAINT)
            b.shape(gate, darker(p.accent, 0.55), 0.2)
            bars(b, gate, darker(p.accent, 0.3), 7, 0.02)
        else:  # a window box, or a garland hung out between the windows
            trough = np.concatenate(
                [
                    bow(0, 0.42, half * 0.56, 0.04),
                    bow(0, 0.5, half * 0.46, 0.04 + face.curve * half * 0.4)[::-1],
                ]
            )
            b.shape(trough + (0, 0.04), darker(p.body, 0.5), 0.3)
            b.shape(trough, p.wood, 0.65, Material.WOOD)
            for x in np.linspace(-0.5, 0.5, 8) * half:
                b.shape(ellipse(x, 0.4, 0.055), LEAF, 0.7)
                b.shape(
                    ellipse(x + 0.03, 0.375, 0.03), p.trim if look.parts.random() < 0.5 else p.accent, 0.75
                )
        if look.parts.random() < 0.5:
            window(b, ellipse(0, (eaves + peak) / 2 + 0.16, 0.06), p.trim, p.pane, bars=False, edge=1.4)
        return
    layout = look.pick(4)
    door_x = half * (0.5 if layout != 3 else 0.0) * look.parts.choice([-1, 1])
    b.shape(arch(door_x - 0.17, 0.26, door_x + 0.17, 0.8), p.trim, 0.5)
    b.shape(arch(door_x - 0.13, 0.31, door_x + 0.13, 0.8), darker(p.accent, 0.35), 0.25)
    screw(b, door_x + 0.07, 0.58, 0.025, colour=BRASS)
    panes = {
        0: [(-door_x, 0.45, 0.15), (-door_x, -0.02, 0.13)],
        1: [(-door_x, 0.42, 0.2)],
        2: [(x * half * 0.62, -0.04, 0.1) for x in (-1, 0, 1)] + [(-door_x, 0.48, 0.13)],
        3: [(0, -0.08, 0.17)],
    }[layout]
    for x, y, r in panes:
        window(b, box(x - r, y - r, x + r, y + r, radius=0.03), p.trim, p.pane)
