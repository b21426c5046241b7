"""Oxford 5k and Paris 6k: four text files a query, as their authors published them."""

from __future__ import annotations

import math
from pathlib import Path

from dxr_dash.collection.benchmarks.files import (
    Box,
    GroundTruth,
    Images,
    Query,
    checked_truth,
    image_name,
    read_text,
)
from dxr_dash.errors import BenchmarkError

QUERY = "_query.txt"
OXFORD_PREFIX = "oxc1_"  # before the image's name in Oxford's query files, and nowhere else


def read_landmarks(data: Path, _images: Images, _name: str) -> GroundTruth:
    """Read NAME_query.txt, NAME_good.txt, NAME_ok.txt and NAME_junk.txt of every query NAME.

    Good and ok images are relevant, junk images are taken out of the ranking. The query's own image is in the
    gallery and usually among the good ones: it stays there, as in the authors' program.

    Args:
        data: holds the files itself, or one of its folders does.

    Raises:
        BenchmarkError: no such folder or more than one, or a file that is missing or odd.
    """
    folder = _folder(data)
    queries = []
    for path in sorted(folder.glob(f"*{QUERY}")):
        name = path.name.removesuffix(QUERY)
        good, ok, junk = (_names(folder / f"{name}_{kind}.txt") for kind in ("good", "ok", "junk"))
        image, box = _query_line(path)
        queries.append(Query(name, image, box, {"": checked_truth(name, good | ok, junk)}))
    return GroundTruth(tuple(queries))


def _folder(data: Path) -> Path:
    folders = sorted({path.parent for pattern in (f"*{QUERY}", f"*/*{QUERY}") for path in data.glob(pattern)})
    if len(folders) == 1:
        return folders[0]
    if not folders:
        raise BenchmarkError(
            f"{data} holds no ground truth: no file that ends in {QUERY}.",
            "Unpack it into a folder there, such as gt_files_170407.",
        )
    names = ", ".join(str(folder.relative_to(data)) for folder in folders)
    raise BenchmarkError(f"{data} holds more than one ground truth: {names}.", "Keep one of them there.")


def _names(path: Path) -> frozenset[str]:
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    for name in names:
        if len(name.split()) != 1:
            raise BenchmarkError(
                f"{path} has a line that is no name of an image: {name[:60]!r}.",
                "Get the published one again.",
            )
    return frozenset(image_name(name) for name in names)


def _query_line(path: Path) -> tuple[str, Box]:
    words = read_text(path).split()
    try:
        image, left, top, right, bottom = words[0], *map(float, words[1:])
    except (ValueError, IndexError):
        image, left, top, right, bottom = "", *[math.nan] * 4
    box = (left, top, right, bottom)
    if not (all(map(math.isfinite, box)) and left < right and top < bottom):
        raise BenchmarkError(
            f"{path} does not hold an image's name and a box: left, top, right, bottom.",
            "Get the published one again.",
        )
    return image_name(image.removeprefix(OXFORD_PREFIX)), box
