"""Things that cook and wash. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, box, ellipse, polygon
from dxr_dash.demo.palette import CHROME, CREAM, INK, Palette, darker, lighter, mix
from dxr_dash.demo.parts import SIDES, Look, bars, button, dial, dial_eye, frame_of, legs, turn_knob


def oven(b: Brush, p: Palette, look: Look) -> None:
    """A cooker with a pot or pan on it; knobs and the oven window."""
    half = look.body.uniform(0.74, 0.84)
    pot = look.body.uniform(-0.35, 0.35)
    if look.body.random() < 0.7:
        b.shape(box(pot - 0.36, -0.86, pot + 0.36, -0.56, radius=0.06), p.accent, 0.4)
        b.shape(box(pot - 0.4, -0.9, pot + 0.4, -0.83, radius=0.03), lighter(p.accent, 0.2), 0.5)
        b.shape(ellipse(pot, -0.93, 0.06), INK, 0.55)
    legs(b, (-half * 0.8, half * 0.8), 0.7, 0.9, 0.16, INK)
    b.shape(box(-half, -0.58, half, 0.82, radius=0.05), p.body, 0.5)
    b.shape(box(-half - 0.04, -0.6, half + 0.04, -0.5, radius=0.03), INK, 0.6)
    b.shape(box(-half * 0.92, -0.06, half * 0.92, 0.76, radius=0.06), lighter(p.body, 0.14), 0.6)
    face = look.face
    embers = (232, 138, 70)
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * half * 0.46, -0.28, 0.19, side, face, CHROME, CREAM, INK)
        mouth = face.mouth(0, 0.34, half * 0.66, 0.24)
        middle = (mouth.min(axis=0) + mouth.max(axis=0)) / 2
        mouth = mouth - middle
        frame_of(b, mouth + (0, 0.34), CHROME, 0.045, 0.75, Material.METAL)
        b.shape(mouth + (0, 0.34), INK, 0.2)
        b.wash(mouth * (0.9, 0.5) + (0, 0.36), embers, 0.75)
        bars(b, mouth + (0, 0.34), CHROME, 10, 0.016, 0.55)
        return
    layout = look.pick(3)
    b.shape(box(-half * 0.7, 0.02, half * 0.7, 0.09, radius=0.04), CHROME, 0.9, Material.METAL)
    if layout == 0:
        for x in np.linspace(-0.76, 0.76, 5):
            turn_knob(b, x * half, -0.28, 0.095, INK, look.parts.uniform(-2, 2))
    elif layout == 1:
        for x in (-0.8, -0.58, -0.36):
            turn_knob(b, x * half, -0.28, 0.085, INK, look.parts.uniform(-2, 2))
        b.shape(box(half * 0.1, -0.37, half * 0.8, -0.19, radius=0.02), (54, 66, 64), 0.5)
        b.text_bars(half * 0.3, -0.33, 0.26, 1, (240, 160, 90), 0.2)
    else:
        dial(b, 0, -0.28, 0.15, CHROME, CREAM, INK)
        for x in (-0.7, 0.5, 0.7):
            button(b, x * half, -0.28, 0.06, INK)
    b.shape(box(-half * 0.7, 0.2, half * 0.7, 0.62, radius=0.05), INK, 0.3)
    b.wash(box(-half * 0.64, 0.36, half * 0.64, 0.56, radius=0.04), embers, 0.55)
    for y in (0.34, 0.46):
        b.line(polygon((-half * 0.66, y), (half * 0.66, y)), CHROME, 0.02, 0.7)


def toaster(b: Brush, p: Palette, look: Look) -> None:
    """A toaster with a slice in it; dials, a lever, the crumb tray."""
    bread = look.body.random() < 0.75
    if bread:
        b.shape(np.concatenate([box(-0.46, -0.86, 0.46, -0.2, radius=0.2)]), (176, 118, 70), 0.3)
        b.shape(np.concatenate([box(-0.4, -0.8, 0.4, -0.2, radius=0.16)]), (232, 190, 126), 0.36)
    legs(b, (-0.6, 0.6), 0.7, 0.9, 0.2, INK)
    half = look.body.uniform(0.8, 0.92)
    metal = Material.METAL if look.body.random() < 0.35 else Material.PAINT
    shell = CHROME if metal is Material.METAL else p.body
    b.dome(box(-half, -0.42, half, 0.8, radius=0.32), shell, 0.5, 0.62, metal)
    b.shape(box(-half * 0.72, -0.42, half * 0.72, -0.32, radius=0.04), INK, 0.2)
    b.shape(box(-half, 0.64, half, 0.8, radius=0.08), darker(shell, 0.3), 0.66)
    face = look.face
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * 0.4, 0.0, 0.2, side, face, p.accent, CREAM, INK)
        mouth = face.mouth(0, 0.4, 0.38, 0.1)
        frame_of(b, mouth, mix(shell, CREAM, 0.5), 0.035, 0.7, Material.METAL)
        b.shape(mouth, INK, 0.2)
        return
    layout = look.pick(3)
    if layout == 0:
        b.shape(box(half * 0.62, -0.2, half * 0.7, 0.5, radius=0.04), INK, 0.2)
        b.shape(box(half * 0.5, -0.1, half * 0.82, 0.04, radius=0.05), p.accent, 0.9)
        for y in (-0.06, 0.18, 0.42):
            button(b, -half * 0.6, y, 0.06, p.accent)
    elif layout == 1:
        turn_knob(b, 0, 0.28, 0.2, p.accent, look.parts.uniform(-2, 2))
        for turn in np.linspace(-2.0, 2.0, 7):
            b.shape(ellipse(0.29 * np.sin(turn), 0.28 - 0.29 * np.cos(turn), 0.022), INK, 0.6)
    else:
        b.wash(
            polygon((-half * 0.8, 0.16), (half * 0.8, 0.16), (half * 0.8, 0.3), (-half * 0.8, 0.3)),
            p.accent,
            0.9,
        )
        for x in (0.2, 0.4, 0.6):
            button(b, x, 0.46, 0.06, CREAM)
        turn_knob(b, -0.55, 0.46, 0.1, p.accent, look.parts.uniform(-2, 2))


def washing_machine(b: Brush, p: Palette, look: Look) -> None:
    """A washing machine; knobs on the panel, the porthole, the soap drawer."""
    shell = mix((244, 240, 232), p.body, look.body.choice([0.0, 0.08, 0.6]))
    half = look.body.uniform(0.7, 0.78)
    b.shape(box(-half, -0.88, half, 0.9, radius=0.06), shell, 0.5)
    b.shape(box(-half, -0.88, half, -0.36, radius=0.05), mix(shell, p.accent, 0.35), 0.56)
    b.shape(box(-half * 0.9, 0.78, half * 0.9, 0.86), darker(shell, 0.2), 0.4)
    face = look.face
    if face is not None:
        for side in SIDES:
            dial_eye(b, side * half * 0.5, -0.62, 0.19, side, face, CHROME, CREAM, INK)
        wide = face.mouth(0, 0.26, 0.5, 0.26)
        middle = (wide.min(axis=0) + wide.max(axis=0)) / 2
        mouth = wide - middle + (0, 0.24)
        frame_of(b, mouth, CHROME, 0.07, 0.75, Material.METAL)
        b.shape(mouth, darker(p.pane, 0.65), 0.25)
        b.wash((mouth - (0, 0.24)) * (0.8, 0.45) + (0.0, 0.3), lighter(p.accent, 0.3), 0.7)
        b.wash(ellipse(-0.14, 0.18, 0.05, 0.08, turn=0.6), CREAM, 0.4)
        return
    b.dome(ellipse(0, 0.22, 0.49), CHROME, 0.6, 0.8, Material.METAL)
    b.shape(ellipse(0, 0.22, 0.37), darker(p.pane, 0.6), 0.3)
    b.wash(ellipse(0.02, 0.4, 0.28, 0.13), lighter(p.accent, 0.3), 0.7)
    b.wash(ellipse(-0.12, 0.1, 0.09, 0.16, turn=0.6), CREAM, 0.4)
    layout = look.pick(3)
    if layout == 0:
        b.shape(box(-half * 0.9, -0.78, -half * 0.25, -0.48, radius=0.03), lighter(shell, 0.2), 0.66)
        turn_knob(b, half * 0.55, -0.62, 0.14, CHROME, look.parts.uniform(-2, 2))
    elif layout == 1:
        for x in np.linspace(-0.75, 0.75, 5):
            button(b, x * half, -0.62, 0.06, p.accent)
    else:
        turn_knob(b, -half * 0.66, -0.62, 0.13, CHROME, look.parts.uniform(-2, 2))
        b.shape(box(-0.16, -0.74, half * 0.4, -0.52, radius=0.03), (60, 84, 80), 0.5)
        b.text_bars(-0.1, -0.68, 0.3, 1, (150, 230, 190), 0.16)
        for x in (0.62, 0.82):
            button(b, x * half, -0.62, 0.05, p.accent)
