"""Measure how near extraction comes to its limits, on a folder of images.

    python scripts/bench_extraction.py FOLDER [--repeats 5] [--networks thingsnet,alexnet,resnet50]

For each network, in images/s, medians of alternating repeats:

- extract: files to vectors and thumbnails.
- decode: the same with a forward pass that does nothing.
- forward: the same batches from memory, the quicker of one pass after the other on all cores and one pass per
  core side by side.

Decoding and the forward pass share the cores. So besides the slower of the two, extraction is held against
1 / (1/decode + 1/forward), which is what cores that are never idle and lose nothing can reach.
Where other programs use the cores too, wall times say little: the last column is the CPU time of the two parts
over that of extraction. Weights of alexnet and resnet50 are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from dxr_dash import settings
from dxr_dash.collection.extraction import extract
from dxr_dash.collection.images import FoundFile, find_images, read_file, read_image, thumbnail
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.running import Extractor
from dxr_dash.records import FloatArray, silent

CASES = {  # network -> ways to choose layers, and how many images: some seconds each on two cores
    "thingsnet": (["fc7", "fc7 fc6", "fc7 fc6 pool5"], 960),
    "random:alexnet": (["fc7", "fc7 fc6", "fc7 fc6 pool5:flatten"], 480),
    "random:resnet50": (["avgpool", "avgpool layer3"], 128),
}


class _NoForward:
    """A network that prepares images and computes nothing."""

    def __init__(self, network: Extractor) -> None:
        self.device = network.device
        self.prepare = network.prepare
        self._n_dims = network.n_dims

    def forward(self, batch: UInt8Array, **_: object) -> FloatArray:
        return np.zeros((len(batch), self._n_dims), np.float32)


def run_extract(root: Path, files: list[FoundFile], network: Extractor) -> None:
    for _ in extract(root, files, network, known=lambda _: False, on_progress=silent):
        pass


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
    prepared = [network.prepare(read_image(read_file(root, file))) for file in files]
    size = settings.BATCH_IMAGES
    batches = [np.stack(prepared[start : start + size]) for start in range(0, len(prepared), size)]
    no_forward: Extractor = _NoForward(network)  # type: ignore[assignment]
    ways: dict[str, Callable[[], None]] = {
        "extract": lambda: run_extract(root, files, network),
        "decode": lambda: run_extract(root, files, no_forward),
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


def thumbnail_ms(root: Path, files: list[FoundFile]) -> float:
    images = [read_image(read_file(root, file)) for file in files[:200]]
    return 1e3 * statistics.median(seconds(partial(thumbnail, image)) for image in images)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", default=",".join(CASES))
    given = parser.parse_args()
    files = find_images(given.folder).files
    print(
        f"{torch.get_num_threads()} cores; one thumbnail takes {thumbnail_ms(given.folder, files):.2f} ms of one core\n"
    )
    print(
        "| network, layer | images | extract/s | decode/s | forward/s | of slower | of shared limit | in CPU time "
        "| CPU ms an image |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.networks.split(","):
        ways_to_choose, n_images = CASES[name]
        for layers in ways_to_choose:
            network = load_network(name, layers.split())
            some = files[:n_images]
            found = bench(given.folder, some, network, given.repeats)
            extracted, decode = found["extract"][0], found["decode"][0]
            ways = found["forward, all cores"], found["forward, per core"]
            forward = max(wall for wall, _ in ways)
            parts_cpu = 1 / found["decode"][1] + 1 / max(cpu for _, cpu in ways)
            print(
                f"| {name}, {layers} | {len(some)} | {extracted:.0f} | {decode:.0f} "
                f"| {ways[0][0]:.0f} in turn, {ways[1][0]:.0f} side by side "
                f"| {extracted / min(decode, forward):.2f} | {extracted * (1 / decode + 1 / forward):.2f} "
                f"| {found['extract'][1] * parts_cpu:.2f} | {1e3 / found['extract'][1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
