"""Measure how long it takes to compare two neighbour graphs: ``python scripts/bench_disagreement.py [N ...]``.

The graphs are made up: random rows, every tenth image with many equal distances. The reference, in the same run, is one
set operation for each image in plain Python, on a sample and scaled up. CPU seconds, medians.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.disagreement import disagreement, shared_neighbours
from dxr_dash.records import FloatArray

REPEATS = 5
SAMPLE = 20_000


def made_up(n_images: int, seed: int) -> tuple[np.ndarray, FloatArray]:
    """Return the rows and distances of a graph."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, n_images, (n_images, settings.GRAPH_NEIGHBOURS)).astype(np.int32)
    far = np.sort(random.random(rows.shape, dtype=np.float32), axis=1)
    far[::10] = np.round(far[::10], 1)
    return rows, far


def by_sets(first: np.ndarray, second: np.ndarray, k: int) -> list[int]:
    """Count what each image's lists have in common, one after the other."""
    return [len(set(a) & set(b)) for a, b in zip(first[:, :k].tolist(), second[:, :k].tolist(), strict=True)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[60_000, 1_000_000])
    k = settings.DISAGREEMENT_AT
    for n_images in parser.parse_args().sizes:
        first, second = made_up(n_images, 0), made_up(n_images, 1)
        part = min(n_images, SAMPLE)
        whole, counts, sets = [], [], []
        for _ in range(REPEATS):
            start = time.process_time()
            disagreement(("first", "second"), (first, second), k=k)
            whole.append(time.process_time() - start)
            start = time.process_time()
            shared_neighbours(*first, *second, k)
            counts.append(time.process_time() - start)
            start = time.process_time()
            by_sets(first[0][:part], second[0][:part], k)
            sets.append((time.process_time() - start) * n_images / part)
        times = [statistics.median(one) for one in (whole, counts, sets)]
        print(
            f"{n_images} images: {times[0]:.2f} CPU s with order and means, {times[1]:.2f} the counts alone; "
            f"sets in Python {times[2]:.2f}; ratio {times[0] / times[2]:.2f}"
        )


if __name__ == "__main__":
    main()
