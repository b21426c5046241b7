"""Train thingsnet, the bundled network, on drawn things; the label is the kind and nothing else.

    python scripts/train_thingsnet.py

Everything is drawn on the spot. Training, held-out and demo images come from three streams of seeds
that never meet (``dxr_dash.demo.world.image_seed``). Whether a thing has a face is decided where it is
drawn, at the demo's own rate, and handed on to the evaluation only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from dxr_dash.collection.thingsnet import (
    CROP_PX,
    KINDS_TRAINED,
    MEAN,
    RESIZE_PX,
    STD,
    WEIGHTS_PATH,
    Thingsnet,
)
from dxr_dash.demo.world import FACES_PER_KIND, PLAIN_PER_KIND, WORLD_PX, Stream, draw, image_seed

SEED = 1
TRAINING_PER_KIND = 400
HELD_OUT_PER_KIND = 100
EPOCHS = 9
BATCH = 128
PEAK_RATE = 1.2e-3
FACE_SHARE = FACES_PER_KIND / (FACES_PER_KIND + PLAIN_PER_KIND)

Bytes = npt.NDArray[np.uint8]


class Drawn(NamedTuple):
    """Drawn images: (N, RESIZE_PX, RESIZE_PX, 3) pixels, (N,) kinds, (N,) whether there is a face."""

    pixels: Bytes
    kinds: npt.NDArray[np.int64]
    faces: npt.NDArray[np.bool_]


def draw_one(task: tuple[int, int, bool]) -> Bytes:
    """Draw one image and shrink it as a reader of the demo's files would."""
    kind, seed, face = task
    picture = draw(KINDS_TRAINED[kind], face=face, seed=seed, size_px=WORLD_PX)
    return np.asarray(picture.resize((RESIZE_PX, RESIZE_PX), Image.Resampling.BILINEAR))


def draw_stream(stream: Stream, per_kind: int, seed: int) -> Drawn:
    """Draw ``per_kind`` images of every kind, one process per core, saying how it goes."""
    n_images = per_kind * len(KINDS_TRAINED)
    faces = np.random.default_rng([stream, seed]).random(n_images) < FACE_SHARE
    kinds = np.repeat(np.arange(len(KINDS_TRAINED)), per_kind)
    tasks = [
        (int(kinds[number]), image_seed(stream, seed, number), bool(faces[number]))
        for number in range(n_images)
    ]
    pixels = np.empty((n_images, RESIZE_PX, RESIZE_PX, 3), np.uint8)
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        for number, image in enumerate(pool.imap(draw_one, tasks, chunksize=20)):
            pixels[number] = image
            if (number + 1) % 1000 == 0 or number + 1 == n_images:
                rate = (number + 1) / (time.perf_counter() - start)
                left_s = (n_images - number - 1) / rate
                print(
                    f"{stream.name.lower()}: {number + 1}/{n_images} drawn, {rate:.0f}/s, {left_s:.0f} s left"
                )
    return Drawn(pixels, kinds, faces)


def as_input(pixels: Tensor) -> Tensor:
    """Turn (B, H, W, 3) bytes into normalised (B, 3, H, W) floats."""
    scaled = pixels.permute(0, 3, 1, 2).float() / 255.0
    return (scaled - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def augmented(pixels: Tensor, chance: torch.Generator) -> Tensor:
    """Return a batch cropped at random, half of it mirrored, with exposure, colour and blots varied."""
    n_images = len(pixels)
    images = torch.empty(n_images, 3, CROP_PX, CROP_PX)
    corners = torch.randint(0, RESIZE_PX - CROP_PX + 1, (n_images, 2), generator=chance).tolist()
    scaled = as_input(pixels)
    for at, (top, left) in enumerate(corners):
        images[at] = scaled[at, :, top : top + CROP_PX, left : left + CROP_PX]
    mirrored = torch.rand(n_images, generator=chance) < 0.5
    images[mirrored] = images[mirrored].flip(3)
    gain = 1.0 + 0.25 * (torch.rand(n_images, 3, 1, 1, generator=chance) - 0.5)
    offset = 0.4 * (torch.rand(n_images, 3, 1, 1, generator=chance) - 0.5)
    images = images * gain + offset
    blots = torch.randint(0, CROP_PX - 24, (n_images, 2), generator=chance).tolist()
    for at, (top, left) in enumerate(blots):
        if at % 3 == 0:
            images[at, :, top : top + 24, left : left + 24] = 0.0
    return images


def train(pixels: Bytes, kinds: npt.NDArray[np.int64], epochs: int, seed: int) -> Thingsnet:
    """Train a new network on pixels and kinds; it is told nothing else."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    network = Thingsnet(len(KINDS_TRAINED)).train()
    for name, weight in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(weight)
        else:
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
    nn.init.normal_(network.fc8.weight, std=0.01)
    network.to(memory_format=torch.channels_last)  # half again as fast on a CPU
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.02)
    steps = -(-len(pixels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=steps * epochs, pct_start=0.15
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    all_pixels, all_kinds = torch.from_numpy(pixels), torch.from_numpy(kinds)
    start = time.perf_counter()
    for epoch in range(1, epochs + 1):
        total, correct = 0.0, 0
        for rows in torch.split(torch.randperm(len(pixels), generator=chance), BATCH):
            logits = network(augmented(all_pixels[rows], chance))
            loss = loss_of(logits, all_kinds[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            total += loss.item() * len(rows)
            correct += int((logits.argmax(1) == all_kinds[rows]).sum())
        spent_s = time.perf_counter() - start
        rate, left_s = epoch * len(pixels) / spent_s, spent_s / epoch * (epochs - epoch)
        print(
            f"epoch {epoch}/{epochs}: loss {total / len(pixels):.3f}, {correct / len(pixels):.1%} right while "
            f"training, {rate:.0f} images/s, {left_s:.0f} s left"
        )
    return network.eval()


def predictions(network: Thingsnet, pixels: Bytes) -> npt.NDArray[np.int64]:
    """Return the (N,) kinds the network gives the centre crops."""
    edge = (RESIZE_PX - CROP_PX) // 2
    with torch.inference_mode():
        found = [
            network(as_input(batch)[:, :, edge : edge + CROP_PX, edge : edge + CROP_PX]).argmax(1)
            for batch in torch.split(torch.from_numpy(pixels), 256)
        ]
    kinds: npt.NDArray[np.int64] = torch.cat(found).numpy()
    return kinds


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Wilson, JASA 22 (1927) 209-212."""
    z, share = 1.96, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return middle - half, middle + half


def in_words(right: npt.NDArray[np.bool_]) -> str:
    """Return "97.1 % (96.4 to 97.7), n = 2800"."""
    low, high = wilson_interval(int(right.sum()), len(right))
    return f"{100 * right.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f}), n = {len(right)}"


def report(held_out: Drawn, found: npt.NDArray[np.int64]) -> dict[str, str]:
    """Print held-out accuracy, by face and by kind; return what belongs in the file's metadata."""
    right = found == held_out.kinds
    figures = {
        "held_out_accuracy": in_words(right),
        "held_out_accuracy_with_face": in_words(right[held_out.faces]),
        "held_out_accuracy_without_face": in_words(right[~held_out.faces]),
    }
    for name, words in figures.items():
        print(f"{name.replace('_', ' ')}: {words}")
    for at, kind in enumerate(KINDS_TRAINED):
        of_kind = found[held_out.kinds == at]
        wrong = np.bincount(of_kind[of_kind != at], minlength=len(KINDS_TRAINED))
        taken_for = ", ".join(f"{KINDS_TRAINED[k]} {wrong[k]}" for k in np.argsort(-wrong)[:3] if wrong[k])
        print(f"  {kind:18} {np.mean(of_kind == at):6.1%}  {'taken for ' + taken_for if taken_for else ''}")
    return figures


def main() -> None:
    """Draw, train, measure, write."""
    parser = argparse.ArgumentParser(description="Train thingsnet on drawn things, told their kinds only.")
    parser.add_argument("--to", type=Path, default=WEIGHTS_PATH, help="weights file to write")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--per-kind", type=int, default=TRAINING_PER_KIND, help="training images of each kind"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    chosen = parser.parse_args()
    start = time.perf_counter()
    torch.use_deterministic_algorithms(True)
    training = draw_stream(Stream.TRAINING, chosen.per_kind, chosen.seed)
    network = train(training.pixels, training.kinds, chosen.epochs, chosen.seed)
    # What is stored is what is measured: the weights go through float16 first.
    stored = {name: weight.half().contiguous() for name, weight in network.state_dict().items()}
    network.load_state_dict({name: weight.float() for name, weight in stored.items()})
    held_out = draw_stream(Stream.HELD_OUT, HELD_OUT_PER_KIND, chosen.seed)
    facts = report(held_out, predictions(network, held_out.pixels))
    facts |= {
        "seed": str(chosen.seed),
        "training_images": str(len(training.pixels)),
        "training_face_share": f"{training.faces.mean():.3f}",
        "epochs": str(chosen.epochs),
        "kinds": ", ".join(KINDS_TRAINED),
        "licence": "MIT",
    }
    part = chosen.to.with_name(f".{chosen.to.name}.part")
    save_file(stored, part, metadata=facts)
    part.chmod(0o644)  # safetensors writes for the owner alone; an installed file is for all
    part.replace(chosen.to)
    minutes = (time.perf_counter() - start) / 60
    print(f"{chosen.to}: {chosen.to.stat().st_size / 1e6:.2f} MB, {minutes:.1f} minutes in all")


if __name__ == "__main__":
    main()
