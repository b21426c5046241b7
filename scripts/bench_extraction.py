"""Measure how near extraction comes to its limits, on a folder of images.

    python scripts/bench_extraction.py FOLDER [--repeats 5] [--networks thingsnet,random:alexnet] [--large 32]
        [--json FILE]

For each network, in images/s, medians of alternating repeats:

- extract: files to vectors and thumbnails, as a new collection reads them.
- without thumbnails; whole: with large JPEG files decoded whole, as collections begun by older dxr do.
- decode: extract with a forward pass that does nothing.
- forward: the same batches from memory, the quicker of one pass after the other on all cores and one pass per
  core side by side.

Decoding and the forward pass share the cores. So besides the slower of the two, extraction is held against
1 / (1/decode + 1/forward), which is what cores that are never idle and lose nothing can reach.
Where other programs use the cores too, wall times say little: "in CPU time" is that of the two parts over that of
extraction, and the last columns are CPU times, too. Weights of alexnet and resnet50 are random: speed does not depend
on them. ``--large N`` takes N photographs of 12 megapixels instead, each put together from 108 of the folder's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from dxr_dash import settings
from dxr_dash.collection import extraction
from dxr_dash.collection.decoding import REDUCED, WHOLE, Decoding
from dxr_dash.collection.images import FoundFile, find_images, read_file, read_image
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.running import Extractor
from dxr_dash.records import FloatArray, silent

CASES = {  # network -> ways to choose layers, and how many images: some seconds each on two cores
    "thingsnet": (["fc7", "fc7 fc6", "fc7 fc6 pool5"], 960),
    "random:alexnet": (["fc7", "fc7 fc6", "fc7 fc6 pool5:flatten"], 480),
    "random:resnet50": (["avgpool", "avgpool layer3"], 128),
}

LARGE = (4_000, 3_000)  # a camera's 12 megapixels
TILE_PX = 334  # 12 x 9 of these
COLUMNS = (
    "network, layer",
    "images",
    "extract/s",
    "decode/s",
    "forward/s",
    "of slower",
    "of shared limit",
    "in CPU time",
    "CPU ms an image",
    "decoded whole",
    "without thumbnails",
)


class _NoForward:
    """A network that prepares images and computes nothing."""

    def __init__(self, network: Extractor) -> None:
        self.device = network.device
        self.prepare = network.prepare
        self._n_dims = network.n_dims

    def forward(self, batch: UInt8Array, **_: object) -> FloatArray:
        return np.zeros((len(batch), self._n_dims), np.float32)


def write_large(photos: Path, folder: Path, n_images: int) -> None:
    """Put photographs together to large JPEG files, which have detail down to the pixel."""
    files = find_images(photos).files
    for number in range(n_images):
        large = Image.new("RGB", LARGE)
        for place in range(-(-LARGE[0] // TILE_PX) * -(-LARGE[1] // TILE_PX)):
            photo = read_image(read_file(photos, files[(31 * number + 3 * place) % len(files)]))
            down, across = divmod(place, -(-LARGE[0] // TILE_PX))
            large.paste(photo.resize((TILE_PX, TILE_PX)), (across * TILE_PX, down * TILE_PX))
        large.save(folder / f"{number:04}.jpg", quality=88)


def run_extract(root: Path, files: list[FoundFile], network: Extractor, decoding: Decoding) -> None:
    for _ in extraction.extract(
        root, files, network, known=lambda _: False, decoding=decoding, on_progress=silent
    ):
        pass


def run_without_thumbnails(
    root: Path, files: list[FoundFile], network: Extractor, decoding: Decoding
) -> None:
    with patch.object(extraction, "thumbnail", lambda _image: b""):
        run_extract(root, files, network, decoding)


def one_after_the_other(network: Extractor, batches: list[UInt8Array]) -> None:
    for batch in batches:
        network.forward(batch)


def side_by_side(network: Extractor, batches: list[UInt8Array]) -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(network.forward, batches))
    torch.set_num_threads(n_threads)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def wall_and_cpu(work: Callable[[], object]) -> tuple[float, float]:
    begin = time.process_time()
    wall = seconds(work)
    return wall, time.process_time() - begin


def bench(
    root: Path, files: list[FoundFile], network: Extractor, repeats: int
) -> dict[str, tuple[float, float]]:
    """Return the images/s of every way, and the images per second of CPU time; medians."""
    decoding = Decoding.of({**network.recipes[0], REDUCED: settings.REDUCED_LEAST})
    least_px = decoding.features_px
    prepared = [network.prepare(read_image(read_file(root, file), least_px=least_px)) for file in files]
    size = settings.BATCH_IMAGES
    batches = [np.stack(prepared[start : start + size]) for start in range(0, len(prepared), size)]
    no_forward: Extractor = _NoForward(network)  # type: ignore[assignment]
    ways: dict[str, Callable[[], None]] = {
        "extract": lambda: run_extract(root, files, network, decoding),
        "decoded whole": lambda: run_extract(root, files, network, WHOLE),
        "without thumbnails": lambda: run_without_thumbnails(root, files, network, decoding),
        "decode": lambda: run_extract(root, files, no_forward, decoding),
        "forward, all cores": lambda: one_after_the_other(network, batches),
        "forward, per core": lambda: side_by_side(network, batches),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, work in ways.items():
            times[name].append(wall_and_cpu(work))
    # the first round warms caches and is left out
    medians = {name: np.median(taken[1:], axis=0) for name, taken in times.items()}
    return {
        name: (len(files) / float(wall), len(files) / float(cpu)) for name, (wall, cpu) in medians.items()
    }


def figures(name: str, layers: str, n_images: int, found: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Put one line of the table into words and numbers."""
    extracted, decode = found["extract"][0], found["decode"][0]
    ways = found["forward, all cores"], found["forward, per core"]
    forward = max(wall for wall, _ in ways)
    parts_cpu = 1 / found["decode"][1] + 1 / max(cpu for _, cpu in ways)
    return {
        "network": name,
        "layers": layers,
        "images": n_images,
        "images_s": {way: wall for way, (wall, _) in found.items()},
        "cpu_ms": {way: 1e3 / cpu for way, (_, cpu) in found.items()},
        "of_slower": extracted / min(decode, forward),
        "of_shared_limit": extracted * (1 / decode + 1 / forward),
        "in_cpu_time": found["extract"][1] * parts_cpu,
    }


def line(one: dict[str, Any]) -> str:
    """Write one line of the table."""
    speed, cpu = one["images_s"], one["cpu_ms"]
    return (
        f"| {one['network']}, {one['layers']} | {one['images']} | {speed['extract']:.0f} | {speed['decode']:.0f} "
        f"| {speed['forward, all cores']:.0f} in turn, {speed['forward, per core']:.0f} side by side "
        f"| {one['of_slower']:.2f} | {one['of_shared_limit']:.2f} | {one['in_cpu_time']:.2f} "
        f"| {cpu['extract']:.2f} | {cpu['decoded whole']:.2f} | {cpu['without thumbnails']:.2f} |"
    )


def measure(folder: Path, names: list[str], repeats: int, *, large: bool) -> list[dict[str, Any]]:
    """Measure each network, and print the table on the way."""
    files = find_images(folder).files
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    lines = []
    for name in names:
        ways_to_choose, n_images = CASES[name]
        for layers in ways_to_choose[: 1 if large else None]:
            network = load_network(name, layers.split())
            some = files[:n_images]
            lines.append(figures(name, layers, len(some), bench(folder, some, network, repeats)))
            print(line(lines[-1]), flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", default=",".join(CASES))
    parser.add_argument("--large", type=int, help="so many photographs of 12 megapixels instead")
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args()
    names = given.networks.split(",")
    print(f"{torch.get_num_threads()} cores\n")
    if given.large:
        with tempfile.TemporaryDirectory() as place:
            write_large(given.folder, Path(place), given.large)
            lines = measure(Path(place), names, given.repeats, large=True)
    else:
        lines = measure(given.folder, names, given.repeats, large=False)
    if given.json:
        given.json.write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
