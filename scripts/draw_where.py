"""Say where likeness comes from: ``python scripts/draw_where.py NAME.dxr SET [SET ...] --space S [--webp FILE]``.

For each image of a query set and the gallery image nearest to it, the exact parts of their similarity over the places
of a space that is averaged over them (docs/match.md). Printed: how much of it the middle quarter of the area holds,
where an even map has 25 %. Drawn: the mean map of each set's images, and that of their nearest ones, without the
photographs, which may not be passed on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from dxr_dash import api
from dxr_dash.collection.store import Collection
from dxr_dash.records import DoubleArray

SIDE_PX, GAP_PX = 240, 24
COLD, HOT = (
    np.array([255.0, 255.0, 255.0]),
    np.array([209.0, 86.0, 15.0]),
)  # of the smallest and largest share drawn


def mean_maps(collection: Collection, name: str, space: str) -> list[DoubleArray]:
    """Average what each place adds to the similarity, as shares of 1: of the set's images, and of the nearest ones."""
    one = api.find_query_set(collection, name)
    found = api.set_distances(collection, one.id, space=space)
    maps: list[list[DoubleArray]] = [[], []]
    for item, row in zip(found.asked_items.tolist(), found.nearest_rows[:, 0].tolist(), strict=True):
        query = item if item >= 0 else (one.id, -1 - item)
        for side, heat in zip(maps, api.why_similar(collection, query, row, space=space).maps, strict=True):
            values = np.asarray(heat.values, np.float64)
            side.append(values / values.sum())
    return [np.mean(side, axis=0) for side in maps]


def in_the_middle(shares: DoubleArray) -> float:
    """Add up the middle half of the height and of the width."""
    down, across = (slice(n // 4, n - n // 4) for n in shares.shape)
    return float(shares[down, across].sum())


def drawn(shares: DoubleArray, most: float) -> Image.Image:
    """Draw one map: white is nothing, full colour the largest share of all maps drawn."""
    part = np.clip(shares / most, 0.0, 1.0)[..., None]
    pixels = (COLD + part * (HOT - COLD)).round().astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.NEAREST)


def main() -> None:
    """Print and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", type=Path)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--space", required=True)
    parser.add_argument("--webp", type=Path)
    chosen = parser.parse_args()
    collection = api.open_collection(chosen.collection)
    maps = []
    for name in chosen.sets:
        both = mean_maps(collection, name, chosen.space)
        maps += both
        inside = [f"{in_the_middle(one):.1%}" for one in both]
        print(f"{name}: {inside[0]} of it in the middle quarter of its images, {inside[1]} of the nearest")
    if chosen.webp:
        most = max(float(one.max()) for one in maps)
        sheet = Image.new("RGB", (len(maps) * (SIDE_PX + GAP_PX) + GAP_PX, SIDE_PX + 2 * GAP_PX), "#f2f3f5")
        for place, one in enumerate(maps):
            sheet.paste(drawn(one, most), (GAP_PX + place * (SIDE_PX + GAP_PX), GAP_PX))
        sheet.save(chosen.webp, quality=90)


if __name__ == "__main__":
    main()
