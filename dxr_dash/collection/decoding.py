"""How large JPEG files are decoded: smaller where the network shrinks them much more anyway (docs/performance.md).

A collection keeps to the way it was begun with, so that an older one need not read its images anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dxr_dash import settings
from dxr_dash.collection.images import reduction

REDUCED = "reduced"
"""Its key in manifests and recipes: how many times the side that the network resizes to is left at least."""


@dataclass(frozen=True)
class Decoding:
    """What the shorter side of a JPEG stays at least when it is decoded, in pixels; 0: it is decoded whole.

    Attributes:
        features_px: for a network.
        thumbnail_px: for the thumbnail, whichever network made it on the way.
    """

    features_px: int = 0
    thumbnail_px: int = 0

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> Decoding:
        """Read it off the recipe of a feature space."""
        times, usual = recipe.get(REDUCED, 0), settings.REDUCED_SIDE_PX
        return cls(times * max(recipe.get("resize_px", 0), usual), times * usual)

    def reductions(self, width: int, height: int) -> tuple[int, int]:
        """Say how many times smaller a JPEG of this size is decoded, for the network and for the thumbnail."""
        return reduction(width, height, self.features_px), reduction(width, height, self.thumbnail_px)


WHOLE = Decoding()
