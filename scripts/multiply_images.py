"""Make a large folder of images out of a small one: ``python scripts/multiply_images.py IMAGES TO --times 17``.

Each image is written again and again, mirrored or not, cut at another place and size, brighter or darker: files of
their own that lie near each other in a feature space, as the pictures of a large collection do. The first of them is
the image itself. The same arguments give the same bytes. Folders below IMAGES, which may be labels, are kept.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

CUT = 0.75  # of each side that is left, at least
BRIGHTNESS = (0.8, 1.25)
QUALITY = 92


def multiply(path: Path, to: Path, number: int, times: int) -> int:
    """Write one image ``times`` times; return how many files there are of it now."""
    to.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(number)
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    to.with_name(f"{to.stem}.jpg").write_bytes(path.read_bytes())
    for copy in range(1, times):
        width, height = (round(side * draw.uniform(CUT, 1.0)) for side in image.size)
        left = int(draw.integers(0, image.width - width + 1))
        top = int(draw.integers(0, image.height - height + 1))
        one = image.resize(image.size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
        one = ImageOps.mirror(one) if draw.random() < 0.5 else one
        one = ImageEnhance.Brightness(one).enhance(draw.uniform(*BRIGHTNESS))
        one.save(to.with_name(f"{to.stem}-{copy:03}.jpg"), "JPEG", quality=QUALITY)
    return times


def main() -> None:
    """Write all images, one process a core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--times", type=int, default=17)
    chosen = parser.parse_args()
    paths = sorted(chosen.images.rglob("*.jpg"))
    begin, done = time.monotonic(), 0
    with ProcessPoolExecutor() as workers:
        places = [chosen.to / path.relative_to(chosen.images) for path in paths]
        for count in workers.map(
            multiply, paths, places, range(len(paths)), [chosen.times] * len(paths), chunksize=200
        ):
            done += count
    print(f"{done:,} images in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
