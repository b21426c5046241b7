"""Pictures that stand for rows without an image: a quiet tile in the colour of the label, with the row's name."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from dxr_dash import settings
from dxr_dash.records import OnProgress

CODE = 1  # raised when a change here changes pictures
FONT_PX = 19
LINE_LETTERS = 9
LINES = 3
TINTS = ("#dfe7f3", "#e9e2f2", "#f3e1e6", "#f5e8da", "#eef0d8", "#dcefe2", "#d9eef0", "#e8e6e1")
NO_LABEL = "#e6e8eb"
INK = "#3a4350"


def placeholders(names: Sequence[str], labels: Sequence[str], on_progress: OnProgress) -> Iterator[bytes]:
    """Draw a JPEG file for each row, square.

    Args:
        names: any texts; what cannot be shown is left out.
        labels: one a row, empty for none.
    """
    tints = {label: TINTS[place % len(TINTS)] for place, label in enumerate(sorted(set(labels) - {""}))}
    for row, (name, label) in enumerate(zip(names, labels, strict=True)):
        if row % 1_000 == 0:
            on_progress("drawing placeholders", row, len(names))
        yield _tile(name, tints.get(label, NO_LABEL))


def _tile(name: str, tint: str) -> bytes:
    side = settings.THUMBNAIL_PX
    image = Image.new("RGB", (side, side), tint)
    draw = ImageDraw.Draw(image)
    stem = name.rpartition("/")[2].rpartition(".")[0] or name.rpartition("/")[2]
    shown = "".join(character for character in stem if character.isprintable())
    lines = textwrap.wrap(shown, LINE_LETTERS) or [""]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1][: LINE_LETTERS - 1] + "…"]
    draw.multiline_text((side / 2, side / 2), "\n".join(lines), INK, _font(), "mm", spacing=5, align="center")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=settings.THUMBNAIL_QUALITY)
    return out.getvalue()


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(FONT_PX)
