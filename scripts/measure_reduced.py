"""Measure what decoding large JPEGs smaller does to features: ``python scripts/measure_reduced.py PHOTOS``.

Large photographs are made of those in PHOTOS: one enlarged, or sixteen put together, with noise added, so that there is
detail down to the pixel. Each is decoded whole and at 1/2 or 1/4, where its shorter side is then 1 to 4 times what the
network resizes it to. Told are the cosine of the two vectors; how far the vector moved, beside the usual distance (the
median to the 30 nearest others: what a near-duplicate is measured by); how many of the 15 nearest are the same; and how
many copies (made smaller, saved again) are found by the rule for near-duplicates. "+5" is a photograph whose sides the
factor does not divide: dxr decodes it whole, and this says why. docs/performance.md holds the table.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.collection.images import find_images, read_file, read_image
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.running import Network
from dxr_dash.records import FloatArray

CASES = (
    (1, 2, 0),
    (2, 2, 0),
    (2, 4, 0),
    (3, 2, 0),
    (4, 2, 0),
    (4, 2, 5),
)  # times the side, smaller by, and pixels
NEAR = 15
NOISE = 4.0  # standard deviation, of 255
AT_ONCE = 20  # large photographs in memory


class Photos:
    """Makes large photographs of small ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = find_images(folder).files

    def _small(self, number: int) -> Image.Image:
        return read_image(read_file(self._folder, self._files[number % len(self._files)]))

    def large(self, number: int, short: int, *, together: bool) -> Image.Image:
        """Make one, ``short`` pixels on its shorter side."""
        random = np.random.default_rng(number)
        photo = self._small(number)
        long = int(short * max(photo.size) / min(photo.size)) // 8 * 8
        size = (long, short) if photo.width >= photo.height else (short, long)
        if together:
            tile = (-(-size[0] // 4), -(-size[1] // 4))
            image = Image.new("RGB", size)
            for place in range(16):
                part = self._small(int(random.integers(len(self._files)))).resize(
                    tile, Image.Resampling.LANCZOS
                )
                image.paste(part, (place % 4 * tile[0], place // 4 * tile[1]))
        else:
            image = photo.resize(size, Image.Resampling.LANCZOS)
        noisy = np.asarray(image) + random.normal(0, NOISE, (*image.size[::-1], 3))
        return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def saved(image: Image.Image, quality: int) -> bytes:
    """Save an image as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def decoded_smaller(data: bytes, times: int) -> Image.Image:
    """Decode a JPEG smaller, whatever its sides are."""
    image = Image.open(io.BytesIO(data))
    image.draft(None, (image.width // times, image.height // times))
    image.load()
    return image


def others(table: FloatArray) -> FloatArray:
    """Leave out what stands on the diagonal."""
    table = table.copy()
    np.fill_diagonal(table, np.inf)
    return table


def usual(table: FloatArray) -> FloatArray:
    """Give the median distance to the nearest others."""
    return np.asarray(np.median(np.sort(others(table), axis=1)[:, : settings.SAME_AT], axis=1))


def measured(
    network: Network, photos: Photos, n_images: int, case: tuple[int, int, int], *, together: bool
) -> str:
    """Measure one case: a line of the table."""
    least, times, more = case
    side = network.preset.resize_px
    parts: list[list[FloatArray]] = [[], [], []]
    for start in range(0, n_images, AT_ONCE):
        prepared = []
        for number in range(start, min(start + AT_ONCE, n_images)):
            data = saved(photos.large(number, least * times * side + more, together=together), 90)
            whole = read_image(data)
            scale = 1.25 * side / min(whole.size)
            small = whole.resize((round(whole.width * scale), round(whole.height * scale)))
            versions = whole, decoded_smaller(data, times), read_image(saved(small, 80))
            prepared.append([network.prepare(one) for one in versions])
        for part, batch in zip(parts, zip(*prepared, strict=True), strict=True):
            part.append(network.forward(np.stack(batch)))
    whole_, smaller, copies = (np.concatenate(part) for part in parts)
    between = distances(whole_, whole_, metric=settings.METRIC)
    moved = np.diagonal(distances(smaller, whole_, metric=settings.METRIC))
    same = distances(smaller, smaller, metric=settings.METRIC)
    kept = np.mean(
        [
            len(np.intersect1d(before, after)) / NEAR
            for before, after in zip(
                *(np.argsort(others(one), axis=1, kind="stable")[:, :NEAR] for one in (between, same)),
                strict=True,
            )
        ]
    )
    to_copies = [distances(one, copies, metric=settings.METRIC) for one in (whole_, smaller)]
    found = [np.mean(np.diagonal(one) < settings.SAME_SHARE * usual(one)) for one in to_copies]
    far = (moved / usual(between)).max()
    return (
        f"| {'sixteen' if together else 'one'} | {least} | 1/{times}{f', +{more}' if more else ''} "
        f"| {1 - np.median(moved):.6f} | {1 - moved.max():.6f} | {far:.2%} | {kept:.3f} "
        f"| {found[0]:.2f}, {found[1]:.2f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a folder of photographs")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--network", default=settings.BUNDLED_NETWORK)
    parser.add_argument("--layer", default=settings.LAYER)
    chosen = parser.parse_args()
    network = load_network(chosen.network, chosen.layer)
    if not isinstance(network, Network):
        parser.error(f"{chosen.network} is no network.")
    print(
        "| photographs | times the side | decoded at | cosine, median | least | moved, of the usual distance, at most "
        f"| of {NEAR} nearest kept | copies found: whole, smaller |\n|---|---|---|---|---|---|---|---|"
    )
    photos = Photos(chosen.photos)
    for together in (False, True):
        for case in CASES:
            print(measured(network, photos, chosen.images, case, together=together), flush=True)


if __name__ == "__main__":
    main()
