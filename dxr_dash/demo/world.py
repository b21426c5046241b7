"""The demo collection: which images it has, and how they reach the disk."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator
from contextlib import closing
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
from PIL import Image

from dxr_dash.analysis.cores import n_cores
from dxr_dash.demo.helpers import draw_with_helpers, serve_batches
from dxr_dash.demo.kinds import KINDS
from dxr_dash.demo.scene import Scene, paint, plan
from dxr_dash.errors import QueryError

PLAIN_PER_KIND = 92
FACES_PER_KIND = 8
WORLD_PX = 160
JPEG_QUALITY = 90
TABLE_NAME = "things.csv"
SMALLEST_PX, LARGEST_PX = 16, 1024

_BATCH = 20  # images a process draws between two reports: about a third of a second
_NUMBERS = 1_000_000  # images one stream of one seed can hold
_COLUMNS = ("path", "kind", "face", "mood", "background", "light", "colour", "occluder", "turn_deg", "size")

Progress = Callable[[int, int], None]


class Stream(IntEnum):
    """What an image is drawn for. Image seeds of two streams are never equal, see ``image_seed``."""

    SHEET = 0
    DEMO = 1
    TRAINING = 2
    HELD_OUT = 3


class WorldImage(NamedTuple):
    """One image of the demo collection; ``path`` is relative to its folder, with forward slashes."""

    path: str
    kind: str
    face: bool
    seed: int


def image_seed(stream: Stream, seed: int, number: int) -> int:
    """Return the seed of one image: its remainder by the number of streams is the stream.

    So whatever the seeds and numbers, a demo image and a training image never share one.

    Raises:
        QueryError: seed or number is out of range.
    """
    if seed < 0 or not 0 <= number < _NUMBERS:
        raise QueryError(
            f"Seed {seed} and image number {number} do not name an image.",
            f"Use a seed of 0 or more and a number of 0 to {_NUMBERS - 1}.",
        )
    return (seed * _NUMBERS + number) * len(Stream) + stream


def draw(kind: str, *, face: bool, seed: int, size_px: int = 128) -> Image.Image:
    """Draw one thing in its surroundings; equal arguments give equal pixels.

    With and without a face, the same seed gives the same thing in the same place: only its parts are
    laid out otherwise.

    Args:
        size_px: side of the square picture, in pixels.

    Returns:
        An RGB image.

    Raises:
        QueryError: no such kind, a negative seed, or a size out of range.
    """
    if kind not in KINDS:
        raise QueryError(f"The demo draws no {kind!r}.", f"It draws: {', '.join(KINDS)}.")
    if seed < 0:
        raise QueryError(f"The seed is {seed}.", "Use 0 or more.")
    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise QueryError(f"The size is {size_px} pixels.", f"Use {SMALLEST_PX} to {LARGEST_PX}.")
    return paint(plan(kind, face, seed), size_px)


def world_images(seed: int) -> list[WorldImage]:
    """List the demo collection of a seed, in the order of its files.

    Which numbers of a kind have a face is drawn by lot, so that a file's name says nothing about it.

    Raises:
        QueryError: the seed is negative.
    """
    images = []
    per_kind = PLAIN_PER_KIND + FACES_PER_KIND
    for at, kind in enumerate(KINDS):
        start = image_seed(Stream.DEMO, seed, at * per_kind)
        lots = np.random.default_rng([crc32(kind.encode()), start]).permutation(per_kind)
        for number in range(per_kind):
            path = f"{kind}/{kind}-{number:04d}.jpg"
            one_seed = image_seed(Stream.DEMO, seed, at * per_kind + number)
            images.append(WorldImage(path, kind, bool(lots[number] < FACES_PER_KIND), one_seed))
    return images


def write_world(
    folder: Path, *, seed: int, on_progress: Progress | None = None, processes: int | None = None
) -> Path:
    """Write the demo collection's images and their table.

    Images already there and complete are kept, so a second run, or one after an interruption, draws
    only what is missing. The bytes do not depend on the number of processes.

    Args:
        folder: made if it does not exist; gets one folder per kind, and the table.
        on_progress: called with the number of images there and the number wanted.
        processes: how many draw at once; None is one for each core this process may use.

    Returns:
        The path of the table.

    Raises:
        QueryError: a negative seed or less than one process.
        OSError: the folder cannot be written.
        CollectionError: a process that draws was ended from outside.
    """
    count = n_cores() if processes is None else processes
    if count < 1:
        raise QueryError(f"{count} processes cannot draw.", "Use 1 or more.")
    images = world_images(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    missing = [image for image in images if not _is_complete(folder / image.path, image.seed)]
    report = on_progress or _say_nothing
    done = len(images) - len(missing)
    report(done, len(images))
    batches = [missing[start : start + _BATCH] for start in range(0, len(missing), _BATCH)]
    with closing(_draw_all(folder, batches, min(count, len(batches)))) as batches_drawn:
        for drawn in batches_drawn:
            done += drawn
            report(done, len(images))
    return _write_table(folder / TABLE_NAME, images)


def _say_nothing(_done: int, _wanted: int) -> None:
    """Stand in where nobody asked about the progress."""


def _draw_all(folder: Path, batches: list[list[WorldImage]], processes: int) -> Generator[int]:
    """Yield the size of each batch when it is on disk."""
    if processes > 1:
        yield from draw_with_helpers(folder, batches, processes)
        return
    for batch in batches:
        yield _draw_batch(folder, batch)


def serve() -> None:
    """Be one of the helper processes of ``write_world``."""
    serve_batches(lambda folder, batch: _draw_batch(folder, [WorldImage(*image) for image in batch]))


def _draw_batch(folder: Path, batch: list[WorldImage]) -> int:
    for image in batch:
        target = folder / image.path
        part = target.with_name(f".{target.name}.part")  # one writer per name, so a rest is overwritten
        picture = draw(image.kind, face=image.face, seed=image.seed, size_px=WORLD_PX)
        picture.save(part, "JPEG", quality=JPEG_QUALITY, comment=_mark(image.seed))
        part.replace(target)
    return len(batch)


@cache
def _drawing_version() -> str:
    """Return a checksum of the code that draws: when it changes, older files count as missing."""
    total = 0
    for source in sorted(Path(__file__).parent.glob("*.py")):
        total = crc32(source.read_bytes(), total)
    return f"{total:08x}"


def _mark(seed: int) -> bytes:
    return f"dxr_dash demo, drawing {_drawing_version()}, image seed {seed}".encode()


def _is_complete(path: Path, seed: int) -> bool:
    """Say whether a file is this very image, written to its end."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return _mark(seed) + b"\xff" in content[:256] and content.endswith(b"\xff\xd9")


def _row(image: WorldImage) -> tuple[str, ...]:
    scene: Scene = plan(image.kind, image.face, image.seed)
    face = "yes" if image.face else "no"
    facts = (scene.mood, scene.background, scene.light, scene.colour, scene.occluder)
    return (image.path, image.kind, face, *facts, f"{scene.turn_deg:.1f}", f"{2 * scene.size:.2f}")


def _write_table(target: Path, images: list[WorldImage]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_row(image) for image in images)
    content = text.getvalue().encode()
    if not target.exists() or target.read_bytes() != content:
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(content)
        part.replace(target)
    return target
