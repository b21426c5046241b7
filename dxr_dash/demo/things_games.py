"""Things to play with. Drawn in -1..1, with the foot at y = 0.9; see ``parts.Look``."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, bow, box, ellipse, ribbon
from dxr_dash.demo.palette import CREAM, INK, Palette, darker, lighter
from dxr_dash.demo.parts import SIDES, Look, button, lid


def _polished_ball(b: Brush, p: Palette, look: Look) -> None:
    b.dome(ellipse(0, 0.02, 0.88), p.body, 0.3, 0.85)
    for _ in range(7):  # marbled
        x, y = look.body.uniform(-0.45, 0.45, 2)
        b.wash(
            ribbon(bow(x, y, look.body.uniform(0.1, 0.32), look.body.uniform(-0.4, 0.4)), 0.08),
            lighter(p.body, 0.5),
            0.28,
        )
    for size, strength in ((0.5, 0.12), (0.36, 0.12), (0.2, 0.2)):
        b.wash(ellipse(-0.3, -0.38, size * 0.8, size * 0.6, turn=-0.7), (255, 255, 250), strength)
    at = np.linspace(0.1, np.pi - 0.1, 24)
    for depth in (0.5, 0.64, 0.76):  # its own shadow, a crescent that deepens to the rim
        rim, inner = (np.stack([0.87 * np.cos(at), 0.02 + reach * np.sin(at)], 1) for reach in (0.87, depth))
        b.wash(np.concatenate([rim, inner[::-1]]), darker(p.body, 0.8), 0.14)


def bowling_ball(b: Brush, p: Palette, look: Look) -> None:
    """A bowling ball; finger holes and the maker's mark."""
    _polished_ball(b, p, look)
    hole = darker(p.body, 0.82)

    def finger(x: float, y: float, r: float) -> None:
        b.dome(ellipse(x, y, r * 1.18), lighter(p.body, 0.25), 0.85, 0.9)
        b.shape(ellipse(x, y, r), hole, 0.3)

    face = look.face
    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.135)
            finger(side * 0.27, -0.16, r)
            lid(b, ellipse(side * 0.27, -0.16, r * 1.2), side, face, p.body, 0.9)
        if face.open:  # the thumb's hole
            finger(0, 0.28, 0.17 if face.open > 0.6 else 0.13)
            return
        for x, y in bow(0, 0.26, 0.34, face.curve * 0.34)[::2]:  # the maker's name, engraved along a bow
            b.shape(box(x - 0.028, y - 0.06, x + 0.028, y + 0.06, radius=0.012), lighter(p.body, 0.85), 0.7)
        return
    layout = look.pick(3)
    if layout == 0:  # seen from the side: all holes together near the rim
        for x, y in ((0.38, -0.44), (0.56, -0.24), (0.3, -0.16)):
            finger(x, y, 0.095)
    elif layout == 1:
        finger(look.parts.uniform(-0.3, 0.3), look.parts.uniform(-0.3, 0.3), 0.14)
        b.wash(ellipse(0.52, 0.1, 0.07, 0.24), lighter(p.body, 0.8), 0.7)  # the maker's mark, near the rim
    else:
        for y in (-0.34, 0.0, 0.34):
            finger(look.parts.uniform(-0.05, 0.05), y, 0.1)


def game_controller(b: Brush, p: Palette, look: Look) -> None:
    """A game pad; sticks, buttons, speaker."""
    b.line(bow(0.0, -0.72, 0.12, -0.5), INK, 0.05)
    for side in SIDES:
        b.dome(ellipse(side * 0.64, 0.24, 0.32, 0.52, turn=-side * 0.35), p.body, 0.4, 0.6)
        b.shape(
            box(side * 0.56 - 0.24, -0.62, side * 0.56 + 0.24, -0.4, radius=0.1), darker(p.body, 0.3), 0.35
        )
    b.shape(box(-0.9, -0.5, 0.9, 0.36, radius=0.34), p.body, 0.55)
    face = look.face

    def stick(x: float, y: float, r: float, shift: tuple[float, float]) -> None:
        b.shape(ellipse(x, y, r), INK, 0.4)
        b.dome(
            ellipse(x + shift[0] * r * 0.25, y + shift[1] * r * 0.25, r * 0.68),
            darker(p.accent, 0.1),
            0.75,
            0.95,
        )
        b.wash(
            ellipse(x + shift[0] * r * 0.25, y + shift[1] * r * 0.25, r * 0.4), lighter(p.accent, 0.3), 0.8
        )

    if face is not None:
        for side in SIDES:
            r = face.eye_size(side, 0.22)
            b.shape(ellipse(side * 0.42, -0.14, r * 1.14), CREAM, 0.6)
            stick(side * 0.42 + 0.03 * face.look[0], -0.14, r * 0.86, face.look)
            lid(b, ellipse(side * 0.42, -0.14, r * 1.2), side, face, darker(p.body, 0.2), 0.98)
        if face.open:
            b.shape(face.mouth(0, 0.18, 0.2, 0.1), INK, 0.2)
        else:  # the holes of the speaker
            for x, y in bow(0, 0.2, 0.26, face.curve * 0.26)[::2]:
                b.shape(ellipse(x, y, 0.035), INK, 0.2)
        return
    layout = look.pick(2)
    if layout == 0:
        b.shape(box(-0.64, -0.2, -0.22, -0.06, radius=0.03), INK, 0.75)
        b.shape(box(-0.5, -0.34, -0.36, 0.08, radius=0.03), INK, 0.75)
        for turn, tone in zip(np.arange(4) * np.pi / 2, ("red", "green", "blue", "gold"), strict=True):
            colour = {
                "red": (206, 84, 70),
                "green": (110, 156, 96),
                "blue": (92, 132, 182),
                "gold": (226, 178, 84),
            }[tone]
            button(b, 0.43 + 0.17 * np.cos(turn), -0.13 + 0.17 * np.sin(turn), 0.075, colour)
        for x in (-0.08, 0.08):
            button(b, x, -0.16, 0.035, CREAM)
    else:
        stick(-0.5, -0.2, 0.19, (0.0, 0.0))
        stick(0.2, 0.14, 0.17, (0.0, 0.0))
        b.shape(box(-0.22, -0.42, 0.22, -0.16, radius=0.04), (70, 90, 92), 0.6)
        for x, y in ((0.46, -0.3), (0.66, -0.16), (0.5, -0.04)):
            button(b, x, y, 0.07, p.accent)
