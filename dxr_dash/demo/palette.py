"""The colours of the drawn world: few, muted and warm, so that unlike things look like one book."""

from __future__ import annotations

from typing import NamedTuple

Colour = tuple[int, int, int]

# What the bodies of things are painted with. Middle values: light and shadow both still show on them.
BODIES: dict[str, Colour] = {
    "terracotta": (203, 104, 76),
    "coral": (228, 132, 112),
    "mustard": (224, 172, 72),
    "butter": (240, 212, 140),
    "sage": (146, 170, 130),
    "moss": (104, 130, 88),
    "teal": (70, 140, 140),
    "mint": (150, 200, 182),
    "sky": (126, 176, 204),
    "denim": (84, 118, 160),
    "plum": (134, 92, 128),
    "rose": (222, 164, 166),
    "brick": (164, 72, 64),
    "cream": (240, 226, 198),
    "stone": (176, 168, 158),
    "slate": (104, 112, 124),
}

# Those that also do, paled, for walls, books and houses far off.
TINTS: tuple[str, ...] = (
    "terracotta",
    "mustard",
    "sage",
    "teal",
    "denim",
    "plum",
    "rose",
    "brick",
    "cream",
    "slate",
)

CREAM: Colour = (248, 238, 216)
INK: Colour = (52, 44, 52)  # the darkest tone; pure black would tear a hole in the picture
CHROME: Colour = (196, 200, 204)
BRASS: Colour = (206, 164, 92)
OAK: Colour = (190, 140, 92)
WALNUT: Colour = (128, 86, 62)
LEAF: Colour = (92, 138, 84)
GLASS: Colour = (150, 190, 204)
GLOW: Colour = (255, 218, 130)


class Palette(NamedTuple):
    """The colours one thing is painted with; ``name`` is the body's."""

    name: str
    body: Colour
    accent: Colour
    trim: Colour
    metal: Colour
    wood: Colour
    pane: Colour


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour ``share`` of the way (0 to 1) from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float = 0.25) -> Colour:
    """Return a darker colour, leaning to violet as shadows in daylight do."""
    return mix(colour, (46, 32, 62), share)


def lighter(colour: Colour, share: float = 0.25) -> Colour:
    """Return a lighter colour, leaning to warm white."""
    return mix(colour, (255, 248, 228), share)
