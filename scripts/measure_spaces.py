"""Measure what feature spaces cost, in CPU ms an image: the first of a pass, further layers of it, and a later recipe.

    python scripts/measure_spaces.py FOLDER [--images 480] [--repeats 3] [--networks thingsnet,random:alexnet]

- extraction: from files to vectors and thumbnails, of one layer and of several in one pass; medians of the repeats.
- forward: the same batches from memory, one pass a core side by side.
- a further space: what ``dxr build --recipe l2`` adds, which runs no network: graph, layouts (t-SNE, too, for so few
  images), clusters, baseline. One build, after another one in the same process has compiled everything.

Weights of alexnet are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from dxr_dash import api, settings
from dxr_dash.collection.extraction import extract
from dxr_dash.collection.images import FoundFile, find_images, read_file, read_image
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.running import Extractor
from dxr_dash.records import silent

LAYERS = ("fc7", "fc7 fc6", "fc7 fc6 pool5:flatten")


def cpu_ms(work: Callable[[], object], n_images: int, repeats: int) -> float:
    """Return CPU ms an image, the median of the repeats; a first round warms caches."""
    taken = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - begin) / n_images)
    return statistics.median(taken[1:])


def run_extract(root: Path, files: list[FoundFile], network: Extractor) -> None:
    for _ in extract(root, files, network, known=lambda _: False, on_progress=silent):
        pass


def forward_batches(root: Path, files: list[FoundFile], network: Extractor) -> Callable[[], None]:
    prepared = [network.prepare(read_image(read_file(root, file))) for file in files]
    size = settings.BATCH_IMAGES
    batches = [np.stack(prepared[start : start + size]) for start in range(0, len(prepared), size)]

    def run() -> None:
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(network.forward, batches))
        torch.set_num_threads(n_threads)

    return run


def further_space_ms(root: Path, files: list[FoundFile], network: str) -> float:
    """Build a collection, which compiles everything, and again with a recipe; return CPU ms an image of that."""
    with tempfile.TemporaryDirectory() as place:
        images, target = Path(place) / "images", Path(place) / "x.dxr"
        images.mkdir()
        for file in files:
            shutil.copy(root / file.path.decode(), images)
        api.build(images, target, network=network, layer="fc7")
        begin = time.process_time()
        api.build(images, target, network=network, layer="fc7", recipe="l2")
        return 1e3 * (time.process_time() - begin) / len(files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=480)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--networks", default="thingsnet,random:alexnet")
    given = parser.parse_args()
    files = find_images(given.folder).files[: given.images]
    print(f"CPU ms an image, {len(files)} images\n")
    print("| network, layers | extraction | forward alone |\n|---|---|---|")
    for name in given.networks.split(","):
        for layers in LAYERS:
            network = load_network(name, layers.split())
            work = partial(run_extract, given.folder, files, network)
            whole = cpu_ms(work, len(files), given.repeats)
            alone = cpu_ms(forward_batches(given.folder, files, network), len(files), given.repeats)
            print(f"| {name}, {layers} | {whole:.2f} ms | {alone:.2f} ms |", flush=True)
    name = given.networks.split(",", maxsplit=1)[0]
    print(f"| {name}, a further space of fc7 | {further_space_ms(given.folder, files, name):.2f} ms | none |")


if __name__ == "__main__":
    main()
