"""Things to eat and drink, seen from above. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, bow, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import Palette, darker, lighter, mix
from dxr_dash.demo.parts import SIDES, Look


def bell_pepper(b: Brush, _palette: Palette, look: Look) -> None:
    """Half a bell pepper, cut across; chambers and seeds."""
    skins = ((206, 60, 52), (226, 150, 48), (98, 148, 70), (232, 190, 70), (196, 88, 48))
    skin = skins[int(look.body.integers(len(skins)))]
    lobes = 3 + int(look.body.integers(2))
    at = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    phase = look.body.uniform(0, 6)
    rim = 0.84 + 0.07 * np.cos(lobes * at + phase) + 0.02 * np.sin(2 * at + phase)
    outline = np.stack([np.cos(at), np.sin(at)], 1) * rim[:, None]
    b.dome(outline, skin, 0.4, 0.5)
    flesh = lighter(mix(skin, (240, 220, 150), 0.4), 0.2)
    b.shape(outline * 0.9, flesh, 0.56)
    dark = darker(skin, 0.35)
    seed = (246, 230, 178)
    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.2)
            eye = ellipse(side * 0.33, -0.2, r, r * 1.15)
            b.shape(face.lidded(eye, side), dark, 0.2)
            for turn in (0.9, 2.2):
                b.dome(
                    ellipse(
                        side * 0.33 + r * 0.4 * np.cos(turn), -0.14 + r * 0.5 * np.sin(turn), 0.05, 0.065
                    ),
                    seed,
                    0.4,
                    0.6,
                )
        b.shape(ellipse(0, 0.08, 0.07, 0.1), lighter(flesh, 0.3), 0.7)
        mouth = face.mouth(0, 0.42, 0.4, 0.15)
        b.shape(mouth, dark, 0.2)
        for share in (0.25, 0.5, 0.75):
            tooth = mouth[int(share * 14)] if face.open < 0.2 else mouth[int(share * len(mouth) / 2)]
            b.dome(ellipse(tooth[0], tooth[1] - 0.03, 0.04, 0.05), seed, 0.4, 0.6)
        return
    layout = look.pick(2)
    chambers = 4 if layout == 0 else 5
    start = look.parts.uniform(0, 6)
    for k in range(chambers):
        angle = start + 2 * np.pi * k / chambers
        x, y = 0.43 * np.cos(angle), 0.43 * np.sin(angle)
        b.shape(ellipse(x, y, 0.25, 0.9 / chambers, turn=angle), dark, 0.2)
    for _ in range(16):
        angle, r = look.parts.uniform(0, 2 * np.pi), look.parts.uniform(0.1, 0.27)
        b.dome(ellipse(r * np.cos(angle), r * np.sin(angle), 0.05, 0.04, turn=angle), seed, 0.5, 0.7)
    b.shape(ellipse(0, 0, 0.12), lighter(flesh, 0.3), 0.6)


def cheese(b: Brush, _palette: Palette, look: Look) -> None:
    """A piece of cheese; holes."""
    tone = mix((240, 200, 96), (248, 222, 150), look.body.uniform())
    rind = ((196, 120, 60), (206, 76, 58), (222, 170, 80))[int(look.body.integers(3))]
    tip = look.body.uniform(-0.9, -0.66)
    wedge = look.body.random() < 0.5
    if wedge:
        outline = polygon((-0.9, -0.3), (-0.2, tip), (0.9, -0.36), (0.9, 0.76), (-0.9, 0.8))
        b.shape(outline, rind, 0.36)
        b.shape(polygon((-0.9, -0.3), (-0.2, tip), (0.9, -0.36)), lighter(tone, 0.3), 0.46)
        b.shape(polygon((-0.9, -0.28), (0.9, -0.34), (0.86, 0.68), (-0.86, 0.72)), tone, 0.55)
    else:
        b.shape(box(-0.84, -0.74, 0.84, 0.8, radius=0.3), rind, 0.4)
        b.shape(box(-0.74, -0.64, 0.74, 0.7, radius=0.24), tone, 0.55)
    hollow = darker(mix(tone, (190, 120, 40), 0.55), 0.15)
    low = 0.14 if wedge else 0.0

    def hole(x: float, y: float, rx: float, ry: float | None = None) -> None:
        b.shape(ellipse(x, y, rx * 1.12, (ry or rx) * 1.12), lighter(tone, 0.25), 0.58)
        b.shape(ellipse(x, y, rx, ry), hollow, 0.2)

    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.16)
            eye = ellipse(side * 0.34, -0.12 + low, r, r * 1.1)
            b.shape(face.lidded(eye, side), hollow, 0.2)
            b.wash(ellipse(side * 0.34 + 0.06 * face.look[0], -0.08 + low, r * 0.3), darker(hollow, 0.5), 0.7)
        b.shape(face.mouth(0, 0.33 + low, 0.34, 0.12), darker(hollow, 0.2), 0.2)
        if not wedge:
            hole(0.55, -0.5, 0.05)
        return
    count = 1 + look.pick(2) * 5
    if count == 1:
        hole(look.parts.uniform(-0.3, 0.3), 0.1 + low, 0.24, 0.2)
        return
    spots = look.parts.permutation(
        np.array([(x, y) for x in (-0.55, -0.18, 0.2, 0.55) for y in (-0.3, 0.06, 0.42)])
    )
    for x, y in spots[: count + 1]:
        hole(x, y * 0.8 + low + look.parts.uniform(-0.06, 0.06), look.parts.uniform(0.05, 0.13))


def cup(b: Brush, p: Palette, look: Look) -> None:
    """A cup of coffee from above; bubbles and foam."""
    angle = look.body.uniform(-0.5, 0.5)
    ear = ribbon(bow(0, 0, 0.2, -0.36), 0.12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    b.dome(ellipse(0, 0, 0.97), p.trim, 0.22, 0.34)
    b.shape(ellipse(0, 0, 0.7), darker(p.trim, 0.06), 0.24)
    b.shape(ear @ np.array([[0.0, 1.0], [-1.0, 0.0]]) @ turn + np.array([0.76, 0.0]) @ turn, p.body, 0.6)
    b.shape(ellipse(0, 0, 0.7), p.body, 0.75)
    b.shape(ellipse(0, 0, 0.62), darker(p.body, 0.3), 0.6)
    coffee = mix((112, 70, 48), (164, 112, 74), look.body.uniform())
    b.dome(ellipse(0, 0.02, 0.57), coffee, 0.34, 0.38)
    foam = (240, 218, 182)
    b.wash(ellipse(0, 0.02, 0.55), mix(coffee, foam, 0.35), 0.5)
    gap = darker(coffee, 0.35)
    at = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    edge = 0.5 + 0.02 * np.sin(5 * at + look.body.uniform(0, 6)) + 0.015 * np.cos(8 * at)
    cap = np.stack([np.cos(at), np.sin(at)], 1) * edge[:, None] + (0, 0.02)
    face = look.face

    def bubble(x: float, y: float, r: float) -> None:
        b.dome(ellipse(x, y, r), foam, 0.4, 0.6)
        b.wash(ellipse(x - r * 0.3, y - r * 0.3, r * 0.24), (255, 255, 255), 0.8)

    if face is not None:
        b.dome(cap, foam, 0.4, 0.5)  # gaps in the foam show the coffee
        for side in SIDES:
            r = face.eye_size(side, 0.115)
            eye = ellipse(side * 0.2, -0.12, r, r * 1.15)
            b.shape(face.lidded(eye, side), gap, 0.3)
            bubble(side * 0.2 + 0.5 * r * face.look[0], -0.08, r * 0.3)
        b.shape(face.mouth(0, 0.22, 0.25, 0.085), gap, 0.3)
        for turn in look.parts.uniform(0, 6.28, 4):
            bubble(0.47 * np.cos(turn), 0.02 + 0.47 * np.sin(turn), 0.045)
        return
    layout = look.pick(4)
    if layout == 3:  # one gap, off the middle
        b.dome(cap, foam, 0.4, 0.5)
        x, y = look.parts.uniform(-0.22, 0.22, 2).tolist()
        b.shape(ellipse(x, y, 0.17, 0.11, turn=look.parts.uniform(0, 3)), gap, 0.3)
        for turn in look.parts.uniform(0, 6.28, 5):
            bubble(0.4 * np.cos(turn), 0.02 + 0.4 * np.sin(turn), 0.045)
    elif layout == 0:  # a leaf poured in milk
        for y in np.linspace(-0.3, 0.3, 5):
            wide = 0.34 - 0.5 * abs(y + 0.05)
            b.shape(ribbon(bow(0, y, wide, 0.16), 0.07), foam, 0.42)
        b.shape(ribbon(polygon((0, 0.42), (0, -0.36)), 0.04), mix(coffee, foam, 0.3), 0.4)
    elif layout == 1:
        for _ in range(9):
            where, r = look.parts.uniform(0, 2 * np.pi), look.parts.uniform(0.03, 0.09)
            bubble(0.43 * np.cos(where), 0.02 + 0.43 * np.sin(where), r)
    else:  # a swirl
        t = np.linspace(0.4, 9.0, 40)
        swirl = np.stack([np.cos(t), np.sin(t)], 1) * (t * 0.05)[:, None]
        b.shape(ribbon(swirl, 0.08), foam, 0.42)
