"""Draw a contact sheet of the demo's things: each kind without a face, and beside it with one.

python scripts/draw_contact_sheet.py docs/pictures/things.webp --seed 21
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from dxr_dash.demo import KINDS, draw
from dxr_dash.demo.world import Stream, image_seed

PAPER = (250, 247, 240)


def contact_sheet(
    kinds: tuple[str, ...], *, seed: int, size_px: int, pairs_per_row: int, gap_px: int = 6
) -> Image.Image:
    """Return the sheet; the two pictures of a pair share their seed, so only the parts move."""
    rows = -(-len(kinds) // pairs_per_row)
    pair_px = 2 * size_px + gap_px // 2
    width = pairs_per_row * (pair_px + 2 * gap_px) + 2 * gap_px
    sheet = Image.new("RGB", (width, rows * (size_px + gap_px) + 3 * gap_px), PAPER)
    for at, kind in enumerate(kinds):
        left = 2 * gap_px + (at % pairs_per_row) * (pair_px + 2 * gap_px)
        top = 2 * gap_px + at // pairs_per_row * (size_px + gap_px)
        for face in (False, True):
            picture = draw(kind, face=face, seed=image_seed(Stream.SHEET, seed, at), size_px=size_px)
            sheet.paste(picture, (left + face * (size_px + gap_px // 2), top))
    return sheet


def main() -> None:
    """Read the options, draw, write."""
    parser = argparse.ArgumentParser(description="Draw every kind of the demo without and with a face.")
    parser.add_argument("to", type=Path, help="picture to write, .webp or .png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size-px", type=int, default=160, help="side of one picture")
    parser.add_argument("--pairs-per-row", type=int, default=4)
    parser.add_argument("--kinds", nargs="*", default=KINDS, help="draw these only")
    chosen = parser.parse_args()
    sheet = contact_sheet(
        tuple(chosen.kinds), seed=chosen.seed, size_px=chosen.size_px, pairs_per_row=chosen.pairs_per_row
    )
    chosen.to.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(chosen.to, quality=82, method=6)
    print(f"{chosen.to}: {sheet.width} x {sheet.height} pixels")


if __name__ == "__main__":
    main()
