"""Rooms, walls and table tops. Units are shares of the picture: 0..1 right and down."""

from __future__ import annotations

import numpy as np

from dxr_dash.demo.brush import Brush, Material, box, ellipse, polygon, ribbon
from dxr_dash.demo.light import Light
from dxr_dash.demo.palette import BODIES, CREAM, LEAF, OAK, TINTS, WALNUT, Colour, darker, lighter, mix

Rng = np.random.Generator

_WALLS: tuple[Colour, ...] = (
    (238, 222, 200), (222, 214, 196), (204, 218, 206), (198, 212, 222), (232, 204, 192),
    (226, 200, 160), (186, 200, 190), (212, 200, 214), (168, 186, 190), (206, 178, 156),
)  # fmt: skip
_LOW = 0.10  # height of what lies flat behind everything


def _wall_colour(rng: Rng) -> Colour:
    return _WALLS[int(rng.integers(len(_WALLS)))]


def _fill(b: Brush, colour: Colour, lift: float = _LOW, material: Material = Material.PAINT) -> None:
    b.shape(box(-0.1, -0.1, 1.1, 1.1), colour, lift, material)


def _window_light(b: Brush, rng: Rng, light: Light) -> None:
    """Lay the slanted bright panes that a window throws on a wall."""
    if light.dusk > 0.5 or light.contrast < 0.9 or rng.random() < 0.45:
        return
    x, y = rng.uniform(0.0, 0.6), rng.uniform(0.0, 0.4)
    lean, width, height = rng.uniform(-0.18, 0.18), rng.uniform(0.12, 0.2), rng.uniform(0.16, 0.26)
    for column in range(2):
        for row in range(2):
            left, top = x + column * (width + 0.025) + row * lean, y + row * (height + 0.025)
            pane = ((left, top), (left + width, top + 0.03), (left + width + lean, top + height + 0.03))
            b.wash(polygon(*pane, (left + lean, top + height)), (255, 246, 214), 0.34)


def _pattern(b: Brush, rng: Rng, wall: Colour, bottom: float) -> None:
    """Print a wallpaper on the wall down to ``bottom``."""
    ink = mix(wall, BODIES[TINTS[int(rng.integers(len(TINTS)))]], rng.uniform(0.3, 0.55))
    pitch = rng.uniform(0.1, 0.16)
    start_x, start_y = rng.uniform(0, pitch, 2)
    motif = int(rng.integers(4))
    if motif == 0:
        for x in np.arange(start_x - pitch, 1.0, pitch):
            b.wash(box(x, -0.1, x + pitch * 0.45, bottom), ink, 0.55)
            b.wash(box(x + pitch * 0.6, -0.1, x + pitch * 0.66, bottom), ink, 0.55)
        return
    for row, y in enumerate(np.arange(start_y - pitch, bottom, pitch * 0.8)):
        for x in np.arange(start_x - pitch * (1 + 0.5 * (row % 2)), 1.0 + pitch, pitch):
            if motif == 1:
                b.wash(ellipse(x, y, pitch * 0.2), ink, 0.7)
            elif motif == 2:
                d = pitch * 0.3
                b.wash(polygon((x, y - d), (x + d * 0.7, y), (x, y + d), (x - d * 0.7, y)), ink, 0.6)
            else:
                for turn in (-0.6, 0.6):
                    b.wash(
                        ellipse(x + pitch * 0.2 * turn, y, pitch * 0.09, pitch * 0.24, turn=turn), ink, 0.75
                    )


def wall(b: Brush, rng: Rng, light: Light, _horizon: float) -> None:
    """A painted wall, half of the time panelled below."""
    wall = _wall_colour(rng)
    _fill(b, wall)
    if rng.random() < 0.5:  # panelling below, a rail, paint above
        edge = rng.uniform(0.62, 0.85)
        lower = mix(wall, BODIES[TINTS[int(rng.integers(len(TINTS)))]], 0.35)
        b.shape(box(-0.1, edge, 1.1, 1.1), lower, 0.12)
        b.shape(box(-0.1, edge - 0.02, 1.1, edge + 0.02), lighter(lower, 0.5), 0.22)
        for x in np.arange(rng.uniform(-0.1, 0.1), 1.0, 0.16):
            b.line(polygon((x, edge + 0.03), (x, 1.1)), darker(lower), 0.006, 0.6)
    _window_light(b, rng, light)


def wallpaper(b: Brush, rng: Rng, light: Light, _horizon: float) -> None:
    """A wall with a printed pattern."""
    wall = _wall_colour(rng)
    _fill(b, wall)
    _pattern(b, rng, wall, 1.1)
    _window_light(b, rng, light)


def tiles(b: Brush, rng: Rng, _light: Light, _horizon: float) -> None:
    """A tiled wall."""
    base = lighter(_wall_colour(rng), 0.45)
    spice = BODIES[TINTS[int(rng.integers(len(TINTS)))]]
    _fill(b, mix(base, (150, 140, 130), 0.35), 0.04)
    pitch = rng.uniform(0.15, 0.22)
    brick = bool(rng.integers(2))
    tall = pitch * (0.55 if brick else 1.0)
    start_x, start_y = rng.uniform(-pitch, 0, 2)
    for row, y in enumerate(np.arange(start_y, 1.0, tall)):
        for x in np.arange(start_x - pitch * 0.5 * (row % 2) * brick, 1.0, pitch):
            tone = mix(base, spice, 0.6) if rng.random() < 0.1 else mix(base, spice, rng.uniform(0, 0.1))
            b.shape(box(x, y, x + pitch - 0.012, y + tall - 0.012, radius=0.008), tone, 0.11)
    b.wash(polygon((0.1, -0.1), (0.45, -0.1), (0.1, 1.1), (-0.3, 1.1)), (255, 255, 250), 0.12)


def kitchen(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """Tiles above a worktop."""
    tiles(b, rng, light, horizon)
    top = (OAK, WALNUT, (196, 190, 182), BODIES["slate"])[int(rng.integers(4))]
    b.shape(box(-0.1, horizon, 1.1, 1.2), top, 0.2, Material.WOOD if top in (OAK, WALNUT) else Material.PAINT)
    b.wash(box(-0.1, horizon, 1.1, horizon + 0.03), lighter(top, 0.6), 0.5)


def _stuff_behind(b: Brush, rng: Rng, floor: float, *, books: bool) -> None:
    """Set a few quiet neighbours at the sides: books, a vase, a pot with leaves."""
    for side in (-1, 1):
        at = 0.5 + side * rng.uniform(0.36, 0.46)
        colour = BODIES[TINTS[int(rng.integers(len(TINTS)))]]
        what = rng.random()
        if books and what < 0.6:
            x = at
            for _ in range(int(rng.integers(2, 6))):
                width, tall = rng.uniform(0.035, 0.07), rng.uniform(0.2, 0.36)
                tone = mix(BODIES[TINTS[int(rng.integers(len(TINTS)))]], (214, 200, 184), 0.3)
                b.shape(box(x - width / 2, floor - tall, x + width / 2, floor, radius=0.006), tone, 0.2)
                b.wash(box(x - width / 2, floor - tall * 0.85, x + width / 2, floor - tall * 0.8), CREAM, 0.6)
                x += side * (width + 0.004)
        elif what < 0.8:
            wide, tall = rng.uniform(0.06, 0.1), rng.uniform(0.14, 0.24)
            for angle in np.linspace(-0.9, 0.9, int(rng.integers(4, 7))):
                reach = rng.uniform(0.14, 0.24)
                stem = np.array([[0.0, 0.0], [np.sin(angle) * 0.5, -0.6], [np.sin(angle), -1.0]]) * reach
                leaf = ribbon(stem + (at, floor - tall), 0.045, taper=0.9)
                b.shape(leaf, mix(LEAF, (190, 200, 150), rng.uniform(0, 0.5)), 0.2)
            pot = ((at - wide, floor - tall), (at + wide, floor - tall), (at + wide * 0.7, floor))
            b.shape(polygon(*pot, (at - wide * 0.7, floor)), mix(colour, CREAM, 0.2), 0.24)
        elif what < 0.92:
            b.shape(ellipse(at, floor - 0.09, 0.09, 0.095), mix(colour, CREAM, 0.2), 0.22)
            b.shape(
                box(at - 0.03, floor - 0.25, at + 0.03, floor - 0.12, radius=0.02),
                mix(colour, CREAM, 0.2),
                0.22,
            )


def shelf(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """A shelf with neighbours."""
    wall = _wall_colour(rng)
    _fill(b, wall)
    if rng.random() < 0.4:
        _pattern(b, rng, wall, horizon)
    else:
        _window_light(b, rng, light)
    _stuff_behind(b, rng, horizon, books=True)
    wood = OAK if rng.random() < 0.5 else WALNUT
    b.shape(box(-0.1, horizon, 1.1, horizon + 0.1), lighter(wood, 0.15), 0.3, Material.WOOD)
    b.shape(box(-0.1, horizon + 0.1, 1.1, horizon + 0.15), darker(wood, 0.2), 0.36, Material.WOOD)
    b.shape(box(-0.1, horizon + 0.15, 1.1, 1.2), darker(wall, 0.3), 0.05)


def table(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """A table before a wall or window."""
    wall = _wall_colour(rng)
    _fill(b, wall)
    kind = rng.random()
    if kind < 0.35:
        _pattern(b, rng, wall, horizon)
    elif kind < 0.65:  # a window, with whatever hour it is behind it
        x, y = rng.uniform(0.0, 0.55), rng.uniform(-0.1, 0.08)
        b.shape(box(x, y, x + 0.44, y + 0.4), CREAM, 0.2)
        for column in range(2):
            b.shape(
                box(x + 0.03 + 0.2 * column, y + 0.03, x + 0.21 + 0.2 * column, y + 0.37), light.sky[0], 0.06
            )
            b.wash(
                box(x + 0.03 + 0.2 * column, y + 0.2, x + 0.21 + 0.2 * column, y + 0.37), light.sky[1], 0.7
            )
    else:
        _window_light(b, rng, light)
    if rng.random() < 0.5:
        _stuff_behind(b, rng, horizon + 0.02, books=False)
    tops = (OAK, WALNUT, (214, 178, 132), BODIES["cream"], BODIES["sage"], BODIES["denim"])
    top = tops[int(rng.integers(len(tops)))]
    material = Material.WOOD if top in tops[:3] else Material.CLOTH
    b.shape(box(-0.1, horizon, 1.1, 1.2), top, 0.14, material)
    b.wash(box(-0.1, horizon, 1.1, horizon + 0.03), lighter(top, 0.6), 0.5)
    if material is Material.CLOTH:
        for x in np.linspace(-0.6, 1.6, 12):
            b.line(polygon((0.5 + (x - 0.5) * 0.75, horizon), (x, 1.1)), lighter(top, 0.6), 0.02, 0.5)
        for step in (0.05, 0.14, 0.28):
            b.line(polygon((-0.1, horizon + step), (1.1, horizon + step)), lighter(top, 0.6), 0.016, 0.5)


def room(b: Brush, rng: Rng, light: Light, horizon: float) -> None:
    """Wall, skirting and floor boards."""
    wall = _wall_colour(rng)
    _fill(b, wall)
    if rng.random() < 0.5:
        _pattern(b, rng, wall, horizon - 0.06)
    else:
        _window_light(b, rng, light)
    if rng.random() < 0.4:
        x, y = 0.5 + rng.choice([-1, 1]) * rng.uniform(0.3, 0.42), rng.uniform(0.02, 0.15)
        b.shape(box(x - 0.12, y, x + 0.12, y + 0.2), WALNUT, 0.24, Material.WOOD)
        b.shape(box(x - 0.1, y + 0.02, x + 0.1, y + 0.18), BODIES["cream"], 0.16)
        b.wash(ellipse(x, y + 0.18, 0.1, 0.07), BODIES["sage"], 0.9)
        b.wash(ellipse(x + 0.04, y + 0.07, 0.025), BODIES["terracotta"], 0.9)
    floor = mix(OAK if rng.random() < 0.6 else WALNUT, wall, 0.2)
    b.shape(box(-0.1, horizon, 1.1, 1.2), floor, 0.12, Material.WOOD)
    for x in np.linspace(-1.2, 2.2, 15):
        b.line(polygon((0.5 + (x - 0.5) * 0.6, horizon), (x, 1.1)), darker(floor, 0.35), 0.008, 0.7)
    b.shape(box(-0.1, horizon - 0.055, 1.1, horizon), lighter(wall, 0.6), 0.2)


def boards(b: Brush, rng: Rng, _light: Light, _horizon: float) -> None:
    """Wooden boards from above."""
    wood = (OAK, WALNUT, (214, 182, 140), (170, 160, 148))[int(rng.integers(4))]
    _fill(b, darker(wood, 0.55), 0.04)
    pitch = rng.uniform(0.15, 0.26)
    for y in np.arange(rng.uniform(-pitch, 0), 1.0, pitch):
        tone = mix(wood, CREAM, rng.uniform(0, 0.2))
        b.shape(box(-0.1, y, 1.1, y + pitch - 0.008), tone, 0.12, Material.WOOD)
        x = rng.uniform(0.0, 1.0)
        b.line(polygon((x, y), (x, y + pitch)), darker(wood, 0.5), 0.008, 0.8)


def cloth(b: Brush, rng: Rng, _light: Light, _horizon: float) -> None:
    """A checked cloth from above."""
    base = lighter(_wall_colour(rng), 0.5)
    ink = BODIES[("terracotta", "sage", "teal", "denim", "rose", "mustard")[int(rng.integers(6))]]
    _fill(b, base, 0.1, Material.CLOTH)
    pitch = rng.uniform(0.1, 0.2)
    lean = rng.uniform(-0.25, 0.25)
    for at in np.arange(-0.6, 1.6, pitch):
        width = pitch * 0.5
        b.wash(polygon((at, -0.1), (at + width, -0.1), (at + width + lean, 1.1), (at + lean, 1.1)), ink, 0.35)
        b.wash(polygon((-0.1, at + lean), (-0.1, at + width + lean), (1.1, at + width), (1.1, at)), ink, 0.35)
