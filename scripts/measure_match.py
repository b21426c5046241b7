"""Measure what it takes to say why two images match: ``python scripts/measure_match.py``.

AlexNet with random weights, made here: they cost what the published ones cost. The images are files on the disk, drawn
by the demo. Both ways are timed once the network is loaded, each beside its named floor in the same run: the network's
passes alone, over as many full batches. Wall time is that of a person who waits; CPU seconds are those of all cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from dxr_dash import api, settings
from dxr_dash.collection.networks import load_network
from dxr_dash.demo import KINDS, draw

EXACT, HIDING = "conv5", "fc7"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="alexnet")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument(
        "--size",
        type=int,
        default=1024,
        help="width of the images, in pixels; they are 4 : 3, as photographs are",
    )
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), chosen)


def measure(folder: Path, chosen: argparse.Namespace) -> None:
    """Build a collection in a folder, and time both ways in it."""
    import torch
    from torchvision import models

    weights, images = folder / "random.pth", folder / "images"
    torch.manual_seed(settings.SEED)
    torch.save(models.get_model(chosen.network, weights=None).state_dict(), weights)
    images.mkdir()
    height = chosen.size * 3 // 4
    for number in range(chosen.images):
        drawn = draw(KINDS[number % len(KINDS)], face=False, seed=number, size_px=chosen.size)
        drawn.crop((0, chosen.size - height, chosen.size, chosen.size)).save(
            images / f"{number}.jpg", quality=90
        )
    for layer in (EXACT, HIDING):
        api.build(images, folder / "m.dxr", network=chosen.network, layer=layer, weights=weights)
    collection = api.open_collection(folder / "m.dxr")
    print(
        f"{chosen.network}, {chosen.images} images of {chosen.size} x {height}, {torch.get_num_threads()} threads"
    )
    pairs = np.random.default_rng(settings.SEED).permutation(chosen.images)
    asked = (
        2 * settings.OCCLUSION_CELLS * (settings.OCCLUSION_CELLS - 2) + 2
    )  # two columns are cut off at the sides
    for layer, ask, n_batches in (
        (EXACT, api.why_similar, 1),
        (HIDING, api.what_hiding_does, -(-asked // settings.BATCH_IMAGES)),
    ):
        space = f"{chosen.network}.{layer}"
        floor = passes(chosen.network, layer, weights, n_batches)
        first = timed(partial(ask, collection, 0, 1, space=space))
        runs = []
        for place in range(chosen.repeats):
            one, other = (int(pairs[(2 * place + side) % len(pairs)]) for side in (0, 1))
            runs.append((*timed(partial(ask, collection, one, other, space=space)), *timed(floor)))
        wall, cpu, floor_wall, floor_cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"{space}, {ask.__name__}: wall {wall:.2f} s (most {max(run[0] for run in runs):.2f}), CPU {cpu:.2f} s"
        )
        print(
            f"  the passes alone: wall {floor_wall:.2f} s, CPU {floor_cpu:.2f} s; "
            f"CPU ratio {statistics.median(run[1] / run[3] for run in runs):.2f}"
        )
        print(
            f"  the first time, with loading the network: wall {first[0]:.2f} s, CPU {first[1]:.2f} s",
            flush=True,
        )


def passes(network: str, layer: str, weights: Path, n_batches: int) -> Callable[[], object]:
    """Return what runs full batches through the network, and nothing else."""
    loaded = load_network(network, layer, weights=weights, device="cpu")
    side = loaded.prepare(draw(KINDS[0], face=False, seed=0, size_px=300)).shape[-1]
    batch = np.zeros((n_batches * settings.BATCH_IMAGES, 3, side, side), np.uint8)
    return lambda: loaded.forward(batch)


def timed(do: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
