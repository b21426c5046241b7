"""Measure scans: ``python scripts/bench_scan.py NAME.dxr`` for a collection of ``scripts/synthetic.py --labelled``.

Each scan is a process of its own, as a user starts it, beside its floors in the same run: the same products as one
float32 matrix product a value, and the gallery read once for each value. Both in seconds of one core, since other work
on the machine changes walls, not these. Kept lines are thrown away first. What a click costs is measured, too, alone
and while a scan is at work.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dxr_dash import api, settings
from dxr_dash.collection.store import Collection

ROOT = Path(__file__).resolve().parent.parent
CLICKS = 40
MOST_TIMED = 50  # values whose products are timed; the others are like them


def floors(collection: Collection, by: str) -> dict[str, float]:
    """Time on one core what no scan can do without: the products, and the way of the vectors through the memory."""
    vectors = collection.space().vectors
    held = np.array(vectors)
    sizes = [min(one, settings.ANSWER_QUERIES) for one in sizes_of(collection, by)]
    some = sizes if len(sizes) <= MOST_TIMED else sizes[:: len(sizes) // MOST_TIMED]
    queries = np.random.default_rng(0).permutation(len(held))
    with threadpool_limits(1, "blas"):
        start = time.process_time()
        for place, size in enumerate(some):
            rows = np.take(queries, range(place * 97, place * 97 + size), mode="wrap")
            np.matmul(held[rows], held.T)
        product = (time.process_time() - start) * sum(sizes) / sum(some)
        start = time.process_time()
        for _ in range(5):
            held.sum()
        read = (time.process_time() - start) / 5
    return {"float32 products": product, "reading": read * len(sizes)}


def sizes_of(collection: Collection, by: str) -> list[int]:
    """Count the images of each value that is measured."""
    codes = collection.column(by).codes
    sizes = np.bincount(codes[codes >= 0])
    return [int(size) for size in sizes if size >= settings.MIN_QUERY_IMAGES]


def scanned(folder: Path, by: str) -> dict[str, Any]:
    """Scan from nothing; say the seconds of the wall and of the processors."""
    shutil.rmtree(folder / "scans", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "dxr_dash", "scan", str(folder), "--by", by, "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "verdicts": json.loads(done.stdout)["verdicts"]}


def clicks(folder: Path, by: str | None) -> dict[str, float]:
    """Time rankings of images, which is what a click asks for; while a scan is at work, if ``by`` is given."""
    collection = api.open_collection(folder)
    worker = api.ScanWorker(collection)
    if by is not None:
        shutil.rmtree(folder / "scans", ignore_errors=True)
        worker.start(by)
        while not worker.status(by)[0].lines:
            time.sleep(0.05)
    api.ranking(collection, 0)
    took = []
    for row in np.random.default_rng(1).integers(1, len(collection), CLICKS).tolist():
        start = time.perf_counter()
        api.ranking(collection, row)
        took.append(1000 * (time.perf_counter() - start))
    worker.close()
    return {"median": statistics.median(took), "p95": float(np.quantile(took, 0.95))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--by", action="append", choices=["label", "kind"], help="left out: both")
    chosen = parser.parse_args()
    collection = api.open_collection(chosen.collection)
    for by in chosen.by or ("label", "kind"):
        runs = []
        for _ in range(chosen.repeats):
            floor = floors(collection, by)  # in turn with the scan: the machine is not always as fast
            runs.append({**scanned(chosen.collection, by), **floor})
        wall, cpu, product, read = (
            statistics.median(run[name] for run in runs)
            for name in ("wall", "cpu", "float32 products", "reading")
        )
        ratio = statistics.median(run["cpu"] / max(run["float32 products"], run["reading"]) for run in runs)
        print(f"by {by}: {len(sizes_of(collection, by))} values, {runs[0]['verdicts']}")
        print(f"  wall {wall:.1f} s, processors {cpu:.1f} s; of {chosen.repeats} runs the median")
        print(
            f"  floor: float32 products {product:.1f} s, reading {read:.1f} s; processors / floor {ratio:.2f}",
            flush=True,
        )
    for name, by in (("nothing else", None), ("a scan at work", "kind")):
        took = clicks(chosen.collection, by)
        print(
            f"ranking of an image, {name}: median {took['median']:.1f} ms, p95 {took['p95']:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
