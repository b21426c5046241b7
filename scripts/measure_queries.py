"""Measure what a person waits for in a collection that is there: ``python scripts/measure_queries.py NAME.dxr``.

The collection must have labels. It is not changed: the work is done on a copy in a temporary folder.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dxr_dash import api
from dxr_dash.collection.walk import find_images

REPEATS = 5
N_FILES = 100_000
SET_IMAGES = 500


def seconds(work: Callable[[int], object]) -> float:
    """Median of a few runs; each gets its number, so that nothing is answered from memory."""
    times = []
    for number in range(REPEATS):
        start = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    source = parser.parse_args().collection
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(source, Path(scratch) / source.name)
        opened = api.open_collection(folder)
        label = opened.column("label")
        (x0, y0), (x1, y1) = np.quantile(opened.space().coordinates, (0.3, 0.7), axis=0)
        box = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

        saved = list[str]()

        def answer(number: int) -> None:
            rows = np.flatnonzero(label.codes == number % len(label.categories))
            rows = rows[: SET_IMAGES + number]  # random sets serve all sets of one size
            one, _ = api.add_query_set(opened, f"set {number}", rows=rows.tolist())
            api.answer(opened, one.id)
            saved.append(one.id)

        print(f"{len(opened)} images, median of {REPEATS}")
        print(f"open: {1000 * seconds(lambda _: api.open_collection(folder)):.1f} ms")
        print(f"true neighbours of an image: {seconds(lambda row: api.nearest(opened, [row])):.2f} s")
        print(f"lasso: {1000 * seconds(lambda _: api.rows_in_polygon(opened, box)):.0f} ms")
        print(f"save and answer a set of {SET_IMAGES}: {seconds(answer):.1f} s")
        print(f"what stands beside it: {seconds(lambda number: api.findings(opened, saved[number])):.1f} s")
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(N_FILES):
            (Path(scratch) / f"{number}.jpg").touch()
        print(f"find {N_FILES} files in one folder: {seconds(lambda _: find_images(Path(scratch))):.2f} s")


if __name__ == "__main__":
    main()
