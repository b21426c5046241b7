"""What stands between the viewer and the thing. Units are shares of the picture, as in ``backgrounds``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dxr_dash.demo.brush import Brush, Material, box, ellipse, polygon, ribbon
from dxr_dash.demo.palette import BODIES, CREAM, LEAF, Colour, darker, lighter, mix

Rng = np.random.Generator
INDOORS = ("ball", "books", "curtain", "leaves", "mug")
OUTDOORS = ("flowers", "grass", "leaves", "post")


def _colour(rng: Rng) -> Colour:
    names = tuple(BODIES)
    return BODIES[names[int(rng.integers(len(names)))]]


def _leaves(b: Brush, rng: Rng, side: float) -> None:
    x, y = 0.5 + side * 0.56, rng.uniform(0.5, 1.05)
    green = mix(LEAF, BODIES[("teal", "mustard", "moss")[int(rng.integers(3))]], rng.uniform(0, 0.5))
    for _ in range(int(rng.integers(4, 8))):
        angle = np.pi / 2 * (1 + 0.0) + side * rng.uniform(0.1, 1.5)
        reach = rng.uniform(0.22, 0.42)
        tip = np.array([x + reach * np.cos(angle), y - reach * np.sin(angle)])
        start = np.array([x, y])
        share = np.linspace(0, 1, 12)[:, None]
        spine = start + (tip - start) * share + np.array([0.0, 0.12]) * share**2
        swell = 0.05 * np.sin(np.pi * share**0.8)
        across = np.array([-(tip - start)[1], (tip - start)[0]]) / reach
        b.shape(
            np.concatenate([spine + across * swell, (spine - across * swell)[::-1]]),
            mix(green, CREAM, rng.uniform(0, 0.18)),
            0.6,
        )
        b.line(spine, darker(green), 0.008, 0.7)


def _grass(b: Brush, rng: Rng, side: float) -> None:
    for _ in range(int(rng.integers(24, 48))):
        x = rng.uniform(-0.05, 1.05)
        tall = rng.uniform(0.06, 0.2) * (0.6 + 0.9 * abs(x - 0.5 + 0.2 * side))
        blade = np.array(
            [
                [x, 1.03],
                [x + rng.uniform(-0.03, 0.03), 1.02 - tall * 0.6],
                [x + rng.uniform(-0.07, 0.07), 1.02 - tall],
            ]
        )
        b.shape(ribbon(blade, 0.024, taper=0.95), mix(LEAF, BODIES["mustard"], rng.uniform(0, 0.5)), 0.5)


def _flowers(b: Brush, rng: Rng, side: float) -> None:
    _grass(b, rng, side)
    tone = BODIES[("coral", "rose", "butter", "plum")[int(rng.integers(4))]]
    for _ in range(int(rng.integers(2, 5))):
        x, y = 0.5 + side * rng.uniform(0.26, 0.48), rng.uniform(0.74, 0.92)
        b.line(polygon((x, y), (x + 0.01, 1.05)), darker(LEAF), 0.012)
        for turn in np.arange(5) * 2 * np.pi / 5 + rng.uniform(0, 1):
            b.shape(
                ellipse(x + 0.032 * np.cos(turn), y + 0.032 * np.sin(turn), 0.026), lighter(tone, 0.2), 0.6
            )
        b.shape(ellipse(x, y, 0.02), BODIES["mustard"], 0.7)


def _post(b: Brush, rng: Rng, side: float) -> None:
    x, wood = 0.5 + side * rng.uniform(0.3, 0.44), mix(BODIES["cream"], BODIES["stone"], rng.uniform())
    for at in (x, x + side * 0.16):
        top = rng.uniform(0.56, 0.64)
        b.shape(
            polygon(
                (at - 0.045, 1.1), (at - 0.045, top), (at, top - 0.05), (at + 0.045, top), (at + 0.045, 1.1)
            ),
            wood,
            0.5,
            Material.WOOD,
        )
    b.shape(
        box(min(x, x + side * 0.4), 0.74, max(x, x + side * 0.4), 0.8),
        darker(wood, 0.15),
        0.45,
        Material.WOOD,
    )


def _ball(b: Brush, rng: Rng, side: float) -> None:
    r = rng.uniform(0.1, 0.16)
    x, y, tone = 0.5 + side * rng.uniform(0.32, 0.42), 0.95 - r * 0.6, _colour(rng)
    b.dome(ellipse(x, y, r), tone, 0.3, 0.8)
    b.wash(ellipse(x, y, r * 0.98, r * 0.28, turn=0.4), lighter(tone, 0.5), 0.6)


def _books(b: Brush, rng: Rng, side: float) -> None:
    y = 1.0
    for _ in range(int(rng.integers(2, 4))):
        thick, wide = rng.uniform(0.05, 0.08), rng.uniform(0.16, 0.26)
        x, tone = 0.5 + side * rng.uniform(0.36, 0.42), _colour(rng)
        b.shape(box(x - wide, y - thick, x + wide, y, radius=0.012), tone, 0.5)
        b.shape(box(x - wide * 0.5, y - thick, x - wide * 0.4, y), CREAM, 0.5)
        y -= thick


def _mug(b: Brush, rng: Rng, side: float) -> None:
    x, y, tone = 0.5 + side * rng.uniform(0.36, 0.42), rng.uniform(0.74, 0.8), _colour(rng)
    ear = ellipse(x - side * 0.12, y + 0.12, 0.07)
    b.shape(ribbon(np.concatenate([ear, ear[:1]]), 0.03), tone, 0.5)
    b.dome(box(x - 0.12, y, x + 0.12, y + 0.26, radius=0.03), tone, 0.5, 0.6)
    b.shape(ellipse(x, y, 0.12, 0.035), darker(tone, 0.45), 0.4)
    b.wash(box(x - 0.12, y + 0.08, x + 0.12, y + 0.14), CREAM, 0.7)


def _curtain(b: Brush, rng: Rng, side: float) -> None:
    tone, reach = mix(_colour(rng), CREAM, 0.35), rng.uniform(0.1, 0.2)
    for fold in range(4):
        x = 0.5 + side * (0.53 - reach * fold / 4)
        fall = np.array([[x, -0.1], [x + side * 0.01, 0.5], [x + side * 0.05, 1.1]])
        b.shape(
            ribbon(fall, reach * 0.42),
            mix(tone, darker(tone), 0.3 * (fold % 2)),
            0.4 + 0.08 * fold,
            Material.CLOTH,
        )


PAINTERS: dict[str, Callable[[Brush, Rng, float], None]] = {
    "ball": _ball, "books": _books, "curtain": _curtain, "flowers": _flowers, "grass": _grass,
    "leaves": _leaves, "mug": _mug, "post": _post,
}  # fmt: skip
