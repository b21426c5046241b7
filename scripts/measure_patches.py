"""Measure what re-ranking by patches costs, in CPU ms an image.

    python scripts/measure_patches.py FOLDER [--images 64] [--repeats 3] [--networks thingsnet:fc7,...]

Builds a collection of some images of FOLDER in a temporary folder, asks with its first image, and takes the median of
the repeats for each order, after one call that loads the network. The second line of a network is what making and
keeping the patches of a benchmark costs, those of all orders up to this one, and how much room they take. The network
runs on one thread: two that wait for each other count what they wait as CPU time where other work runs. Weights of
alexnet are random.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from dxr_dash import api, settings
from dxr_dash.collection.benchmarks.patch_files import folder_of, kept_bytes
from dxr_dash.collection.benchmarks.patches import gallery_patches, make_patches
from dxr_dash.collection.images import find_images
from dxr_dash.collection.store import Collection
from dxr_dash.records import silent

NETWORKS = "thingsnet:fc7,random:alexnet:fc7"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--networks", default=NETWORKS)
    given = parser.parse_args()
    orders = range(1, settings.PATCH_MOST_ORDER + 1)
    print(f"| network, layer | {' | '.join(f'order {order}' for order in orders)} |")
    print(f"|---|{'---|' * len(orders)}")
    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "images"
        images.mkdir()
        for file in find_images(given.folder).files[: given.images + 1]:
            shutil.copy(given.folder / file.path.decode(), images)
        for name in given.networks.split(","):
            network, _, layer = name.rpartition(":")
            target = Path(place) / f"{network.replace(':', '-')}.dxr"
            api.build(images, target, network=network, layer=layer)
            collection = api.open_collection(target)
            asked = {"first": given.images, "space": f"{network}.{layer}"}
            torch.set_num_threads(1)  # a build sets it
            api.rerank(collection, 0, order=1, **asked)
            row = []
            for order in orders:
                taken = []
                for _ in range(given.repeats):
                    begin = time.process_time()
                    found = api.rerank(collection, 0, order=order, **asked)
                    taken.append((time.process_time() - begin) / len(found.rows))
                row.append(f"{1e3 * statistics.median(taken):.1f} ms")
            print(f"| {network}, {layer} | {' | '.join(row)} |", flush=True)
            print(
                f"| kept by a benchmark | {' | '.join(kept(collection, order) for order in orders)} |",
                flush=True,
            )


def kept(collection: Collection, order: int) -> str:
    where, rows = collection.space(), np.arange(len(collection))
    shutil.rmtree(folder_of(collection.folder, where.features_step), ignore_errors=True)
    images = gallery_patches(collection, where)
    begin = time.process_time()
    make_patches(collection, where, [(images, rows, order)], silent)
    taken = (time.process_time() - begin) / len(rows)
    room = kept_bytes(collection.folder, where.features_step) / len(rows)
    return f"{1e3 * taken:.1f} ms, {room / 1e3:.0f} kB"


if __name__ == "__main__":
    main()
