"""Measure distances: ``python scripts/bench_distances.py [--images 1000000] [--dims 512] [--json FILE]``.

Query sets of 1, 10, 100 and 1,000 made-up gallery images against all vectors, memory-mapped, page cache warm:
histogram, quantiles, the 64 nearest and the ranks of all members in one pass, beside two floors of the same run:
reading the vectors, and multiplying them in float32. Then one image against all, and the baseline. Medians; CPU
seconds of all threads together, since the wall of a busy machine says little.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numba
import numpy as np
import numpy.typing as npt
from synthetic import vectors as write_vectors
from threadpoolctl import threadpool_limits

from dxr_dash.analysis import kernels
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.cores import n_cores
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.gallery_pass import _Worker
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import DoubleArray, FloatArray, SetDistances

SIZES = (1, 10, 100, 1000)
PARTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "float32 products": (_Worker, ("_narrow_keys",)),
    "lookup between thresholds, too near ones measured again": (kernels, ("count", "leave_out")),
    "the 64 nearest": (kernels, ("keep_nearest",)),
    "ordering the thresholds": (kernels, ("make_cells",)),
}
SHARES = (0.01, 0.25, 0.5, 0.75, 0.99)
NEAREST = 64
PARTS_FROM = 10  # images: one alone takes another loop
TILE = 2_048


def timed(act: Callable[[], object], repeats: int) -> dict[str, float]:
    """Measure some alternating runs after one that does not count."""
    act()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def read(vectors: FloatArray) -> None:
    """Read every number once, all cores, in blocks that are not kept: the largest of each."""
    with ThreadPoolExecutor(n_cores()) as threads:
        list(threads.map(lambda at: vectors[at : at + TILE * 8].max(), range(0, len(vectors), TILE * 8)))


def copy(vectors: FloatArray) -> None:
    """Copy the vectors block by block, all cores, into a place that stays in the cache."""

    def one(at: int) -> None:
        held = np.empty((256, vectors.shape[1]), vectors.dtype)
        for row in range(at, min(at + TILE * 8, len(vectors)), 256):
            block = vectors[row : row + 256]
            held[: len(block)] = block

    with ThreadPoolExecutor(n_cores()) as threads:
        list(threads.map(one, range(0, len(vectors), TILE * 8)))


def multiply(queries: FloatArray, vectors: FloatArray) -> None:
    """Multiply in float32, in the tiles of the pass, one BLAS thread a core; the products are not looked at."""

    def one(at: int) -> None:
        block = vectors[at : at + TILE]
        for first in range(0, len(queries), 256):
            part = queries[first : first + 256]
            _ = block @ part.T if len(part) <= 64 else part @ block.T

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_cores()) as threads:
        list(threads.map(one, range(0, len(vectors), TILE)))


def parts(ask: Callable[[], object], n_pairs: int) -> dict[str, float]:
    """Say where a pass spends its time, in nanoseconds of one core for each pair; the clocks cost some as well."""
    spent: dict[str, float] = dict.fromkeys([*PARTS, "keys measured again, of 100"], 0.0)

    def clocked(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            start = time.thread_time()
            result = work(*args)
            spent[name] += (time.thread_time() - start) * 1e9 / n_pairs
            if work.__name__ == "count":
                spent["keys measured again, of 100"] += 100 * result / n_pairs
            return result

        return run

    with ExitStack() as stack:
        for name, (owner, works) in PARTS.items():
            for work in works:
                stack.enter_context(patch.object(owner, work, clocked(name, getattr(owner, work))))
        start = time.process_time()
        ask()
        whole = (time.process_time() - start) * 1e9 / n_pairs
    rest = whole - sum(spent[name] for name in PARTS)
    return {"whole pass": whole, **spent, "everything else": rest}


def least_of_counting(n: int = 1 << 22) -> float:
    """Time a histogram of 512 even bins of float32 keys that is nothing else, in nanoseconds of one core for each."""
    keys = np.random.default_rng(0).random(n, np.float32)
    counts, places = np.zeros(512, np.int32), np.empty(n, np.uint32)
    least_histogram(keys, places, counts)
    start = time.thread_time()
    least_histogram(keys, places, counts)
    return (time.thread_time() - start) * 1e9 / n


@numba.njit(nogil=True)
def least_histogram(keys: Any, places: Any, counts: Any) -> None:
    """Count keys of 0..1 in even bins."""
    kernels.in_grid(keys, np.float32(512), np.float32(511), places)
    for place in places:
        counts[place] += 1


def quantiles(found: SetDistances, shares: npt.ArrayLike) -> DoubleArray:
    """Read quantiles off the histogram: (q, n), each at most one bin away from that of all N distances."""
    below = np.cumsum(found.to_gallery, axis=1) / found.n_compared
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    return np.stack([middle[np.searchsorted(one, shares)] for one in below]).astype(np.float64)


def of_sets(vectors: FloatArray, sizes: list[int], repeats: int) -> list[dict[str, Any]]:
    """Measure query sets beside their floors."""
    found = []
    reading, copying = timed(lambda: read(vectors), repeats), timed(lambda: copy(vectors), repeats)
    for size in sizes:
        rows = np.sort(np.random.default_rng(size).choice(len(vectors), size, replace=False))
        queries = np.array(vectors[rows])

        def ask(rows: Any = rows, queries: Any = queries) -> SetDistances:
            one = set_distances(
                queries, rows, vectors, metric="cosine", k=NEAREST, with_nearest_members=False
            )
            quantiles(one, SHARES)
            return one

        times = repeats if size <= 100 else max(1, repeats // 5)
        multiplying = timed(lambda queries=queries: multiply(queries, vectors), times)  # type: ignore[misc]
        pass_ = timed(ask, times)
        floor = max(reading["cpu"], multiplying["cpu"])
        found.append(
            {
                "queries": size,
                "read": reading,
                "copy": copying,
                "multiply": multiplying,
                "gflops_a_core": 2e-9 * size * vectors.size / multiplying["cpu"],
                "pass": pass_,
                "ratio": pass_["cpu"] / floor,
                "parts": parts(ask, size * len(vectors)) if size >= PARTS_FROM else {},
            }
        )
        print(
            f"| {size:,} | {reading['cpu']:.3f} | {multiplying['cpu']:.3f} | {pass_['cpu']:.3f} | {pass_['wall']:.3f} "
            f"| {found[-1]['ratio']:.2f} |",
            flush=True,
        )
    return found


def main() -> None:
    """Make vectors in a temporary folder, measure, print the rows of the table in docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        write_vectors(chosen.images, chosen.dims, 0, path)
        held = np.load(path, mmap_mode="r")
        print(
            "| Images in the set | reading, CPU s | float32 products, CPU s | pass, CPU s | wall s | ratio |"
        )
        print("|---|---|---|---|---|---|")
        found: dict[str, Any] = {
            "images": chosen.images,
            "dims": chosen.dims,
            "sets": of_sets(held, [one for one in chosen.sizes if one < chosen.images], chosen.repeats),
            "ranking": timed(lambda: distances(held[:1], held, metric="cosine"), chosen.repeats),
            "baseline": timed(lambda: baseline_distances(held, metric="cosine"), chosen.repeats),
        }
    for name, what in (("ranking", "distances of one image to all"), ("baseline", "baseline")):
        print(f"{what}: {found[name]['cpu']:.3f} CPU s, {found[name]['wall']:.3f} s")
    print("\nNanoseconds of one core for a pair:")
    with_parts = [one for one in found["sets"] if one["parts"]]
    print("| Images in the set | " + " | ".join(str(one["queries"]) for one in with_parts) + " |")
    for name in with_parts[0]["parts"] if with_parts else ():
        print(f"| {name} | " + " | ".join(f"{one['parts'][name]:.1f}" for one in with_parts) + " |")
    found["least histogram, ns"] = least_of_counting()
    print(f"a histogram of 512 even bins, and nothing else: {found['least histogram, ns']:.1f} ns a key")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
