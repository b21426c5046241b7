"""The demo's drawn world: things, some of which have a face made of their own parts.

How a picture comes about, file by file: ``kinds`` lists the things, ``scene`` decides a picture and
paints it with ``backgrounds``, ``things_*`` and ``foreground``; these put flat shapes on a ``brush``;
``light`` turns them into lit paper; ``world`` writes the demo collection.
"""

from dxr_dash.demo.kinds import KINDS
from dxr_dash.demo.world import draw, write_world

__all__ = ["KINDS", "draw", "write_world"]
