"""What every benchmark is made of: image files by name, queries, and what is relevant to each."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dxr_dash.collection.walk import FoundFile, display_path, find_images
from dxr_dash.errors import BenchmarkError

PICTURES = (
    "jpg",
    "full",
    "images",
)  # folders in which the published archives, or most copies, have the images
NAMES_SHOWN = 3
LARGEST_TRUTH_BYTES = 64 * 1024 * 1024  # the largest published file of ground truth has less than 1 MB

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """What is relevant to a query, and what is to be taken out of its ranking: names of images."""

    relevant: frozenset[str]
    junk: frozenset[str]


@dataclass(frozen=True)
class Query:
    """One query of a benchmark.

    Attributes:
        name: its own name.
        image: name of the image that is asked with.
        box: left, top, right, bottom in pixels: the part of the image that is asked with; None for all of it.
        parts: by name of the part ("easy", ...); one with an empty name where there is only one.
    """

    name: str
    image: str
    box: Box | None
    parts: dict[str, Truth]


@dataclass(frozen=True)
class GroundTruth:
    """What a benchmark's ground truth says.

    Attributes:
        images: names of the ranked images; None: all that are there.
    """

    queries: tuple[Query, ...]
    images: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Benchmark:
    """A benchmark that is ready to be measured.

    Attributes:
        root: the folder of its images.
        files: all of them, by name.
        images: names of those that are ranked and there.
        precision_at, n_s: how it is scored, as in ``Published``.
        published: figures from the literature, by where they come from; none for a copy that lacks something.
        notes: what lacks, in sentences.
    """

    name: str
    title: str
    root: Path
    files: dict[str, FoundFile]
    images: tuple[str, ...]
    queries: tuple[Query, ...]
    precision_at: tuple[int, ...]
    n_s: bool
    published: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Images:
    """The image files of a benchmark, by file name without ending: ground truths name them so."""

    root: Path
    files: dict[str, FoundFile]

    @classmethod
    def find(cls, data: Path) -> Images:
        """Find the images in ``data``, or in the one of its folders that usually holds them.

        Raises:
            BenchmarkError: there is none, two have one name, or a file is empty or cannot be looked at.
            ImagesError: the folder cannot be read.
        """
        if not data.is_dir():
            raise BenchmarkError(f"{data} is not a folder.", "Give the folder of the benchmark with --data.")
        root = next((data / name for name in PICTURES if (data / name).is_dir()), data)
        found = find_images(root)
        if found.skipped:
            first = found.skipped[0]
            raise BenchmarkError(f"{root}/{first.path}: {first.reason}.", "Mend the copy.")
        files: dict[str, FoundFile] = {}
        for file in found.files:
            name = image_name(os.fsdecode(file.path))
            if name in files:
                both = f"{display_path(files[name].path)} and {display_path(file.path)}"
                raise BenchmarkError(
                    f"{root} holds two images of one name: {both}.", "Keep one of them in that folder."
                )
            if file.size == 0:
                raise BenchmarkError(f"{root}/{display_path(file.path)} is empty.", "Get that file again.")
            files[name] = file
        if not files:
            raise BenchmarkError(f"{root} holds no image.", "Unpack the benchmark's images there.")
        return cls(root, files)

    def lacks(self, names: Collection[str], what: str) -> list[str]:
        """Say in a sentence which of ``names`` are not there; an empty list when all are."""
        missing = sorted(name for name in names if name not in self.files)
        if not missing:
            return []
        return [f"{len(missing):,} {what} are not in {self.root}: {listed(missing)}."]


def image_name(path: str) -> str:
    """Give the name that ground truths use for an image: its file's, without folders and ending."""
    return PurePosixPath(path).stem


def listed(names: Sequence[str]) -> str:
    """List names for a sentence; of many the first few."""
    shown = ", ".join(display_path(os.fsencode(name)) for name in names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else shown


def checked_truth(query: str, relevant: Collection[str], junk: Collection[str]) -> Truth:
    """Refuse an image that is both relevant and junk: programs disagree on which of the two wins.

    Raises:
        BenchmarkError: there is one.
    """
    both = sorted(set(relevant) & set(junk))
    if both:
        raise BenchmarkError(
            f"The ground truth of the query {query} calls {listed(both)} both relevant and junk.",
            "Get the published ground truth again.",
        )
    return Truth(frozenset(relevant), frozenset(junk))


def read_text(path: Path) -> str:
    """Read a file of the ground truth.

    Raises:
        BenchmarkError: it is missing, too large, or not text.
    """
    try:
        if path.stat().st_size > LARGEST_TRUTH_BYTES:
            raise BenchmarkError(f"{path} is too large for a ground truth.", "Get the published one again.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(
            f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}.",
            "Unpack the published ground truth there.",
        ) from None
    except UnicodeDecodeError:
        raise BenchmarkError(f"{path} is not a text file.", "Get the published one again.") from None
