"""Features of the patches of images, kept in a collection: each of them costs a forward pass.

They are kept as the network gave them, so that spaces which differ in the recipe alone share them, and order by order,
so that a higher order adds its own patches only:

    benchmarks/patches1-STEP/gallery/       of the images of the collection, by row
    benchmarks/patches1-STEP/NAME-HASH/     of the cropped queries of a benchmark, in their order

STEP is the step that holds the features of the whole images: its name stands for the network, its weights and the
images' bytes, so what was made from others is never found. Each file ORDER-FIRST-HASH.npy holds (n, ORDER * ORDER, D)
float32 of up to IMAGES_AT_ONCE images; HASH is that of all its bytes.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from dxr_dash.collection.benchmarks.crops import FOLDER
from dxr_dash.collection.steps import atomic_write, clear_parts, discard, hash_file
from dxr_dash.records import FloatArray, IntArray

CODE = 1  # raised when a change of the patches, or of how they are prepared, changes features
IMAGES_AT_ONCE = 16  # in a file, and what a kill can lose


class PatchFiles:
    """The patches of some images in a fixed order; files that others write meanwhile are not seen."""

    def __init__(self, folder: Path, n_images: int) -> None:
        self.folder = folder
        self.n_images = n_images
        self._files: dict[tuple[int, int], Path] = {}
        for path in folder.glob("[!.]*.npy"):
            with suppress(ValueError, OSError):  # a name of another form, or what a power cut has left
                h, first = map(int, path.stem.split("-")[:2])
                if self._open(path).shape[:2] == (self.length(first), h * h):
                    self._files[h, first] = path

    def length(self, first: int) -> int:
        """Count the images of the file that begins with this one."""
        return min(IMAGES_AT_ONCE, self.n_images - first)

    def lacking(self, numbers: IntArray, order: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Find what is not there yet of some images up to an order: the first image of a file, and its orders."""
        for first in np.unique(numbers // IMAGES_AT_ONCE * IMAGES_AT_ONCE).tolist():
            orders = tuple(h for h in range(1, order + 1) if (h, first) not in self._files)
            if orders:
                yield first, orders

    def write(self, first: int, orders: Sequence[int], features: FloatArray) -> None:
        """Keep the (n, p, D) float32 features of the patches of some orders, one order after the other."""
        self.folder.mkdir(parents=True, exist_ok=True)
        start = 0
        for h in orders:
            out = io.BytesIO()
            np.save(out, features[:, start : start + h * h])
            start += h * h
            data = out.getvalue()
            path = self.folder / f"{h}-{first:08d}-{hashlib.blake2b(data, digest_size=16).hexdigest()}.npy"
            with atomic_write(path) as file:
                file.write(data)
            self._files[h, first] = path

    def read(self, numbers: IntArray, order: int) -> FloatArray:
        """Read the features of the patches of some images, all of which are there: (n, p, D) float32."""
        parts = []
        for h in range(1, order + 1):
            blocks: dict[int, FloatArray] = {}
            for number in numbers.tolist():
                first = number // IMAGES_AT_ONCE * IMAGES_AT_ONCE
                if first not in blocks:
                    blocks[first] = self._open(self._files[h, first])
            parts.append(
                np.stack([blocks[n // IMAGES_AT_ONCE * IMAGES_AT_ONCE][n % IMAGES_AT_ONCE] for n in numbers])
            )
        found: FloatArray = np.concatenate(parts, axis=1)
        return found

    @staticmethod
    def _open(path: Path) -> FloatArray:
        found: FloatArray = np.load(path, mmap_mode="r", allow_pickle=False)
        return found


def folder_of(collection: Path, step: str) -> Path:
    """Say where the patches lie whose features are of the kind that a step holds."""
    return collection / FOLDER / f"patches{CODE}-{step}"


def kept_bytes(collection: Path, step: str) -> int:
    """Say how much room these patches take."""
    return sum(path.stat().st_size for path in folder_of(collection, step).rglob("*.npy"))


def stale_patches(collection: Path, steps: Container[str]) -> list[Path]:
    """List the folders of patches whose step is none of these, or that an older dxr has cut."""
    found = sorted((collection / FOLDER).glob("patches*-*/"))
    return [
        path
        for path in found
        if not (path.name.startswith(f"patches{CODE}-") and path.name.partition("-")[2] in steps)
    ]


def forget_patches(collection: Path, steps: Container[str]) -> None:
    """Delete patches whose step is none of these, and what killed processes have left of any."""
    for left in (collection / FOLDER).glob(".patches*.part/"):
        shutil.rmtree(left, ignore_errors=True)
    for path in stale_patches(collection, steps):
        discard(path)
    for path in (collection / FOLDER).glob("patches*-*/*/"):
        clear_parts(path)


def altered_patches(collection: Path) -> list[Path]:
    """List the files of patches that are not as they were written."""
    found = sorted((collection / FOLDER).glob("patches*-*/*/[!.]*.npy"))
    return [path for path in found if hash_file(path) != path.stem.rpartition("-")[2]]
