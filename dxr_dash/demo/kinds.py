"""Every kind of thing: who paints it, where it may be met, how far it may turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dxr_dash.demo import (
    things_buildings,
    things_carried,
    things_food,
    things_games,
    things_home,
    things_kitchen,
    things_street,
    things_vehicles,
    things_wall,
)
from dxr_dash.demo.brush import Brush
from dxr_dash.demo.palette import Palette
from dxr_dash.demo.parts import Look

HANGS = ("tiles", "wall", "wallpaper")
STANDS = ("shelf", "table")
LIES = ("boards", "cloth")
OUTDOORS = ("meadow", "street")


class Kind(NamedTuple):
    """How one kind is drawn.

    Attributes:
        paint: draws it in -1..1.
        backgrounds: where it may be met.
        turn_deg: the most it is turned, either way.
        size: half width in shares of the picture, before the picture's own scale.
    """

    paint: Callable[[Brush, Palette, Look], None]
    backgrounds: tuple[str, ...]
    turn_deg: float
    size: float = 0.36


TABLE: dict[str, Kind] = {
    "alarm clock": Kind(things_home.alarm_clock, STANDS, 8),
    "backpack": Kind(things_carried.backpack, (*STANDS, "room", "meadow"), 8),
    "bell pepper": Kind(things_food.bell_pepper, LIES, 22, 0.38),
    "boat": Kind(things_vehicles.boat, ("sea",), 9),
    "bowling ball": Kind(things_games.bowling_ball, (*LIES, "room", "table"), 20),
    "camera": Kind(things_carried.camera, (*STANDS, *LIES), 10),
    "car": Kind(things_vehicles.car, OUTDOORS, 4, 0.37),
    "cheese": Kind(things_food.cheese, (*LIES, "table"), 12),
    "chest of drawers": Kind(things_home.chest_of_drawers, ("room",), 3, 0.39),
    "church": Kind(things_buildings.church, OUTDOORS, 3, 0.37),
    "coat hook": Kind(things_wall.coat_hook, HANGS, 5, 0.37),
    "cup": Kind(things_food.cup, LIES, 20, 0.40),
    "door": Kind(things_buildings.door, ("street", "room"), 2, 0.40),
    "game controller": Kind(things_games.game_controller, (*LIES, "table"), 16, 0.40),
    "house": Kind(things_buildings.house, OUTDOORS, 3, 0.40),
    "mailbox": Kind(things_street.mailbox, OUTDOORS, 6, 0.38),
    "oven": Kind(things_kitchen.oven, ("room", "kitchen"), 3, 0.38),
    "padlock": Kind(things_carried.padlock, (*LIES, "table"), 12, 0.36),
    "power socket": Kind(things_wall.power_socket, HANGS, 5, 0.36),
    "radio": Kind(things_home.radio, STANDS, 5, 0.37),
    "robot vacuum": Kind(things_home.robot_vacuum, LIES, 18, 0.39),
    "suitcase": Kind(things_carried.suitcase, ("room", "street", "shelf"), 6, 0.38),
    "tap": Kind(things_wall.tap, HANGS, 3, 0.38),
    "telephone": Kind(things_wall.telephone, HANGS, 4, 0.39),
    "toaster": Kind(things_kitchen.toaster, (*STANDS, "kitchen"), 5, 0.37),
    "train": Kind(things_vehicles.train, OUTDOORS, 3, 0.39),
    "tree stump": Kind(things_street.tree_stump, ("meadow", "woods"), 5, 0.39),
    "washing machine": Kind(things_kitchen.washing_machine, ("room", "kitchen"), 3, 0.38),
}
KINDS: tuple[str, ...] = tuple(sorted(TABLE))
