"""Where things stand, hang and lie: every background by its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dxr_dash.demo import backgrounds_indoors as indoors
from dxr_dash.demo import backgrounds_outdoors as outdoors
from dxr_dash.demo.brush import Brush
from dxr_dash.demo.light import Light

# Takes the brush, random numbers, the light, and how far down the horizon (or the table's far edge) lies.
Painter = Callable[[Brush, np.random.Generator, Light, float], None]

PAINTERS: dict[str, Painter] = {
    "boards": indoors.boards,
    "cloth": indoors.cloth,
    "kitchen": indoors.kitchen,
    "meadow": outdoors.meadow,
    "room": indoors.room,
    "sea": outdoors.sea,
    "shelf": indoors.shelf,
    "street": outdoors.street,
    "table": indoors.table,
    "tiles": indoors.tiles,
    "wall": indoors.wall,
    "wallpaper": indoors.wallpaper,
    "woods": outdoors.woods,
}
