"""What a benchmark asks with when that is a part of an image: cut out once, its vectors kept in the collection."""

from __future__ import annotations

import io
import os
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.collection.benchmarks.files import Benchmark, Query
from dxr_dash.collection.images import UnreadableImage, read_file, read_image
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.steps import atomic_write, fingerprint
from dxr_dash.collection.store import Collection, Space
from dxr_dash.collection.walk import FoundFile
from dxr_dash.errors import BenchmarkError
from dxr_dash.records import FloatArray, OnProgress, silent

FOLDER = "benchmarks"


@dataclass(frozen=True)
class Crop:
    """The part of an image that a query asks with, as a PNG file."""

    name: str
    png: bytes


def query_crops(found: Benchmark, on_progress: OnProgress = silent) -> list[Crop]:
    """Cut out what the queries of a benchmark ask with; an empty list when they ask with whole images.

    Pixels are those that a person sees: turned upright where the file says so. The box is rounded as Pillow rounds
    it, which the revisited benchmarks' program uses, and ends where the image ends.

    Raises:
        BenchmarkError: an image cannot be read, or a box lies outside its image.
    """
    crops = []
    for number, query in enumerate(found.queries):
        if query.box is not None:
            on_progress("cutting out the queries", number, len(found.queries))
            crops.append(Crop(query.name, _cut(found.root, found.files[query.image], query)))
    return crops


def _cut(root: Path, file: FoundFile, query: Query) -> bytes:
    try:
        image = read_image(read_file(root, file))
    except UnreadableImage as error:
        raise BenchmarkError(
            f"The query image {root / os.fsdecode(file.path)} cannot be read: {error}.",
            "Get that file again.",
        ) from None
    left, top, right, bottom = (round(side) for side in query.box or (0, 0, *image.size))
    box = (max(0, left), max(0, top), min(image.width, right), min(image.height, bottom))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise BenchmarkError(
            f"The box of the query {query.name} lies outside its image of {image.width} x {image.height} pixels.",
            "Use the images as they were published, not copies of another size.",
        )
    out = io.BytesIO()
    image.crop(box).save(out, "PNG", compress_level=1)
    return out.getvalue()


def crop_vectors(
    collection: Collection, where: Space, benchmark: str, crops: list[Crop], on_progress: OnProgress
) -> FloatArray:
    """Compute the (q, D) float32 vectors of crops with the network that made a space; those known are read.

    Raises:
        NetworkError: the network cannot be had any more.
    """
    path = collection.folder / FOLDER / f"{benchmark}-{crops_fingerprint(crops)}.{where.fingerprint}.npy"
    with suppress(OSError, ValueError):
        kept: FloatArray = np.load(path, allow_pickle=False)
        if kept.shape == (len(crops), where.n_dims):
            return kept
    outside = embed_outside([(crop.name, crop.png) for crop in crops], [where], on_progress=on_progress)
    if outside.skipped:
        first = outside.skipped[0]
        raise BenchmarkError(
            f"The query {first.path} cannot be used: {first.reason}.", "Get its image again."
        )
    vectors = outside.vectors[where.fingerprint]
    with suppress(OSError):  # of a collection that may not be written to they are computed again next time
        path.parent.mkdir(exist_ok=True)
        _forget_old(path.parent, benchmark, collection)
        with atomic_write(path) as file:
            np.save(file, vectors)
    return vectors


def crops_fingerprint(crops: Sequence[Crop]) -> str:
    """Name the queries of a benchmark after all that their vectors depend on, the network left out."""
    return fingerprint(settings.VERSION, *(part for crop in crops for part in (crop.name, crop.png)))[:12]


def kept_vectors(folder: Path, fingerprints: Container[str]) -> list[Path]:
    """List the files of vectors that a collection keeps for benchmarks in some feature spaces."""
    found = sorted((folder / FOLDER).glob("*.npy"))
    return [path for path in found if path.stem.rpartition(".")[2] in fingerprints]


def _forget_old(folder: Path, benchmark: str, collection: Collection) -> None:
    """Remove vectors whose feature space is no more."""
    spaces = {space.fingerprint for space in collection.spaces.values()}
    for path in folder.glob(f"{benchmark}-*.npy"):
        if path.stem.rpartition(".")[2] not in spaces:
            path.unlink(missing_ok=True)
