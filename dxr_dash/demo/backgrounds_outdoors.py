"""Street, meadow, woods and sea. Units are shares of the picture: 0..1 right and down."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Points, arch, bow, box, ellipse, polygon
from dxr_dash.demo.light import Light
from dxr_dash.demo.palette import BODIES, CREAM, GLASS, GLOW, LEAF, OAK, TINTS, WALNUT, darker, lighter, mix

Rng = np.random.Generator


def _spot(rng: Rng, low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float]:
    x, y = rng.uniform(low, high)
    return float(x), float(y)


def _sky(b: Brush, rng: Rng, light: Light, bottom: float) -> None:
    """Paint the sky in bands, with clouds by day and a moon by night."""
    upper, lower = light.sky
    for step in range(24):
        b.shape(
            box(-0.1, bottom * step / 24 - 0.1 * (step == 0), 1.1, 1.1), mix(upper, lower, step / 23), 0.02
        )
    if light.dusk > 0.5:
        for _ in range(9):
            b.wash(ellipse(*_spot(rng, (0, 0), (1, bottom * 0.7)), 0.006), CREAM, 0.8)
        b.wash(ellipse(rng.uniform(0.1, 0.9), rng.uniform(0.06, 0.16), 0.055), (255, 244, 210), 0.95)
        return
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.0, 1.0), rng.uniform(0.03, bottom * 0.5)
        for _ in range(4):
            puff = ellipse(
                x + rng.uniform(-0.1, 0.1),
                y + rng.uniform(-0.02, 0.02),
                *_spot(rng, (0.05, 0.03), (0.1, 0.05)),
            )
            b.wash(puff, (255, 250, 240), 0.55)


def _hill(x: float, y: float, half_width: float, height: float) -> Points:
    line = bow(x, y, half_width, -height)
    return np.concatenate([line, [[x + half_width, 1.2], [x - half_width, 1.2]]])


def meadow(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """Hills, trees, grass and flowers."""
    _sky(b, rng, light, horizon)
    green = mix(LEAF, BODIES["mustard"], rng.uniform(0.0, 0.4))
    far = mix(mix(green, light.sky[1], 0.5), BODIES["sky"], 0.2)
    b.shape(_hill(rng.uniform(0.0, 0.4), horizon - 0.02, 0.75, 0.16), far, 0.04)
    b.shape(_hill(rng.uniform(0.6, 1.0), horizon - 0.01, 0.7, 0.12), mix(far, green, 0.4), 0.05)
    for _ in range(int(rng.integers(0, 4))):  # round trees on the far hills
        x, tall = rng.uniform(0, 1), rng.uniform(0.06, 0.13)
        b.shape(box(x - 0.008, horizon - tall * 0.6, x + 0.008, horizon + 0.01), WALNUT, 0.07)
        b.shape(ellipse(x, horizon - tall, 0.05, tall * 0.62), mix(green, far, rng.uniform(0, 0.5)), 0.09)
    b.shape(box(-0.1, horizon, 1.1, 1.2), mix(green, (214, 216, 130), 0.28), 0.08)
    for _ in range(26):
        x, y = rng.uniform(0, 1), rng.uniform(horizon + 0.02, 1.0)
        size = 0.02 + 0.03 * (y - horizon)
        b.line(polygon((x, y), (x + rng.uniform(-0.02, 0.02), y - size)), darker(green, 0.2), 0.008, 0.7)
    flower = BODIES[("coral", "butter", "cream", "rose")[int(rng.integers(4))]]
    for _ in range(int(rng.integers(3, 12))):
        b.wash(ellipse(*_spot(rng, (0, horizon + 0.05), (1, 1)), 0.011), lighter(flower, 0.3), 0.95)


def street(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """A row of fronts and a pavement."""
    _sky(b, rng, light, horizon)
    x = rng.uniform(-0.25, -0.05)
    while x < 1.05:  # a quiet row of fronts, paler than anything that stands before them
        width, top = rng.uniform(0.22, 0.36), rng.uniform(0.02, 0.26)
        tone = mix(BODIES[TINTS[int(rng.integers(len(TINTS)))]], light.sky[1], 0.62)
        b.shape(box(x, top, x + width, horizon), tone, 0.06)
        b.shape(box(x - 0.01, top - 0.02, x + width + 0.01, top + 0.01), darker(tone, 0.25), 0.1)
        panes = 2 if width < 0.28 else 3
        pane_width = width / (2 * panes + 1)
        for row in np.arange(top + 0.06, horizon - 0.1, 0.15):
            for column in range(panes):
                left = x + pane_width * (2 * column + 1)
                lit = light.dusk > 0.3 and rng.random() < 0.4
                glass = mix(GLOW, tone, 0.2) if lit else darker(mix(tone, GLASS, 0.4), 0.25)
                b.shape(arch(left, row, left + pane_width, row + 0.085), glass, 0.03)
        x += width
    stone = mix((176, 168, 160), light.sky[1], 0.15)
    b.shape(box(-0.1, horizon, 1.1, 1.2), stone, 0.1)
    curb = min(0.97, horizon + rng.uniform(0.12, 0.2))
    for at in np.linspace(-0.4, 1.4, 10):
        b.line(polygon((0.5 + (at - 0.5) * 0.8, horizon), (at, curb)), darker(stone, 0.3), 0.006, 0.6)
    b.shape(box(-0.1, curb, 1.1, 1.2), darker(stone, 0.4), 0.06)
    b.shape(box(-0.1, curb - 0.015, 1.1, curb + 0.01), lighter(stone, 0.4), 0.12)


def sea(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """Water with a coast now and then."""
    skyline = horizon - rng.uniform(0.12, 0.26)
    _sky(b, rng, light, skyline)
    water = mix(BODIES["teal"], light.sky[0], rng.uniform(0.2, 0.5))
    if rng.random() < 0.5:
        b.shape(
            _hill(rng.choice([0.05, 0.95]), skyline + 0.01, 0.45, 0.14), mix(LEAF, light.sky[1], 0.55), 0.05
        )
    for step in range(7):
        y = skyline + (1.1 - skyline) * step / 7
        b.shape(box(-0.1, y, 1.1, 1.2), mix(lighter(water, 0.35), darker(water, 0.15), step / 6), 0.06)
    for _ in range(22):
        x, y = rng.uniform(0, 1), rng.uniform(skyline + 0.02, 1)
        reach = 0.03 + 0.12 * (y - skyline)
        b.line(bow(x, y, reach, -0.12 * reach), lighter(water, 0.7), 0.008, 0.6)


def woods(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """Trunks in haze and fallen leaves."""
    haze = mix(light.sky[1], BODIES["sage"], 0.35)
    b.shape(box(-0.1, -0.1, 1.1, 1.1), haze, 0.03)
    for depth in (0.65, 0.4, 0.15):
        for _ in range(4):
            x, half = rng.uniform(-0.05, 1.05), rng.uniform(0.02, 0.045) * (1.4 - depth)
            trunk = mix(mix(WALNUT, BODIES["moss"], 0.3), haze, depth)
            b.shape(
                box(x - half, -0.1, x + half, horizon + 0.02 * (1 - depth)), trunk, 0.05 + 0.03 * (1 - depth)
            )
    for _ in range(10):
        blot = ellipse(rng.uniform(0, 1), rng.uniform(-0.05, 0.2), *_spot(rng, (0.08, 0.05), (0.2, 0.12)))
        b.wash(blot, mix(LEAF, haze, rng.uniform(0.1, 0.6)), 0.7)
    ground = mix(BODIES["moss"], OAK, rng.uniform(0.1, 0.6))
    b.shape(box(-0.1, horizon, 1.1, 1.2), ground, 0.08)
    for _ in range(24):
        leaf = ellipse(*_spot(rng, (0, horizon + 0.02), (1, 1)), 0.018, 0.009, turn=rng.uniform(0, 3))
        b.wash(leaf, BODIES[("terracotta", "mustard", "moss", "brick")[int(rng.integers(4))]], 0.7)
