"""Measure how building grows with the number of images: ``python scripts/bench_scale.py --images 10000 1000000``.

Each size is built from made-up vectors by a process of its own (``synthetic.py``: the real graph, map, mosaic, trust,
clusters and baseline). Prints the seconds, CPU seconds, bytes and peak memory of each step, and the exponent of growth
of the whole: the slope of a line through the logarithms.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from drawing import standalone
from synthetic import synthetic

from dxr_dash.collection.chain import Chain
from dxr_dash.figures.theme import LIGHT, template

MADE_UP = (
    "thumbnails",
    "vectors",
    "gallery",
)  # of the benchmark; a build from images pays for decoding instead
SAMPLE_S = 0.05


def anonymous_bytes() -> int:
    """Say how much memory this process holds that is no file on the disk."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass
class MeasuredChain(Chain):
    """A build that measures its steps.

    Attributes:
        cpu: CPU seconds of each step, of all threads.
        peak: bytes of memory, memory-mapped files apart, at its highest in each step.
    """

    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's CPU seconds and memory to the report, too."""
        start, done = time.process_time(), threading.Event()

        def watch() -> None:
            while not done.wait(SAMPLE_S):
                self.peak[name] = max(self.peak.get(name, 0), anonymous_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with super().timed(name):
                yield
        finally:
            done.set()
            watcher.join()
            self.cpu[name] = time.process_time() - start


def measure(n_images: int, n_dims: int, folder: Path) -> dict[str, Any]:
    """Build one size in this process."""
    chain = synthetic(folder, n_images, n_dims, chain_type=MeasuredChain)
    assert isinstance(chain, MeasuredChain)  # noqa: S101 - tells the type checker
    sizes = {
        step.name.rpartition("-")[0]: sum(file.stat().st_size for file in step.iterdir())
        for step in (folder / "steps").iterdir()
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    space = next(iter(manifest["spaces"].values()))
    return {
        "images": n_images,
        "dims": n_dims,
        "graph": space["graph_method"],
        "recall": space["recall"],
        "wall": chain.seconds,
        "cpu": chain.cpu,
        "bytes": sizes,
        "peak": chain.peak,
    }


def in_a_process(n_images: int, n_dims: int, keep: Path | None) -> dict[str, Any]:
    """Build one size in a process of its own, as a user does."""
    holder = Path(tempfile.mkdtemp(prefix="dxr-bench-", dir=keep))
    folder = holder / f"made-up-{n_images}.dxr"
    try:
        command = [sys.executable, __file__, "--images", str(n_images), "--dims", str(n_dims), "--build"]
        done = subprocess.run([*command, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if keep is not None:
            shutil.rmtree(keep / folder.name, ignore_errors=True)
            folder.rename(keep / folder.name)
        return found
    finally:
        shutil.rmtree(holder)


def built(run: dict[str, Any], what: str) -> float:
    """Add up the steps that a build from vectors has; of bytes, all that lies on the disk."""
    return float(sum(value for name, value in run[what].items() if what == "bytes" or name not in MADE_UP))


def exponent(runs: list[dict[str, Any]], what: str) -> float:
    """Fit the slope of the logarithm over the logarithm of N."""
    n = np.log([run["images"] for run in runs])
    return float(np.polyfit(n, np.log([built(run, what) for run in runs]), 1)[0])


def tables(runs: list[dict[str, Any]]) -> str:
    """Write the tables for the docs."""
    steps = [name for name in runs[-1]["wall"] if name not in MADE_UP]
    head = "| Step, CPU s | " + " | ".join(f"{run['images']:,} x {run['dims']}" for run in runs) + " |"
    lines = [head, "|---" * (len(runs) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(f"{run['cpu'].get(name, 0):.1f}" for run in runs) + " |" for name in steps
    ]
    whole: dict[str, list[str]] = {
        "**all, CPU s**": [f"**{built(run, 'cpu'):.1f}**" for run in runs],
        "all, wall s": [f"{built(run, 'wall'):.1f}" for run in runs],
        "graph": [run["graph"] for run in runs],
        "recall@15": [f"{run['recall']:.4f}" for run in runs],
        "on the disk, MB": [f"{built(run, 'bytes') / 1e6:.0f}" for run in runs],
        "of it vectors, MB": [f"{run['bytes']['vectors'] / 1e6:.0f}" for run in runs],
        "memory at its highest, GB": [f"{max(run['peak'].values()) / 1e9:.2f}" for run in runs],
    }
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in whole.items()]
    if len(runs) > 1:
        lines.append("")
        grown = {name: exponent(runs, name) for name in ("cpu", "wall", "bytes")}
        lines.append(
            "Exponent of growth: " + ", ".join(f"{value:.2f} in {name}" for name, value in grown.items())
        )
    return "\n".join(lines)


def picture(runs: list[dict[str, Any]]) -> str:
    """Draw CPU seconds and megabytes over N, both logarithmic, as an SVG file."""
    figure = go.Figure()
    n = [run["images"] for run in runs]
    for name, values, colour in (
        ("CPU seconds of a build", [built(run, "cpu") for run in runs], LIGHT.sets[0]),
        ("megabytes on the disk", [built(run, "bytes") / 1e6 for run in runs], LIGHT.sets[1]),
    ):
        for mode in ("lines", "markers"):
            shown = mode == "lines"
            figure.add_scatter(
                x=n,
                y=values,
                name=name,
                mode=mode,
                showlegend=shown,
                line={"color": colour, "width": 2},
                marker_color=colour,
            )
    figure.update_layout(
        template=template(LIGHT), showlegend=True, margin={"l": 48, "r": 12, "t": 32, "b": 40}
    )
    seen = np.log10([value for trace in figure.data for value in trace.y])
    ends = np.log10([n[0], n[-1]])
    figure.update_xaxes(type="log", title="images", range=[ends[0] - 0.1, ends[1] + 0.1])
    figure.update_yaxes(type="log", range=[seen.min() - 0.1, seen.max() + 0.1])
    return standalone(figure, title="Growth with the number of images")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000]
    )
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument(
        "--json", type=Path, help="write the figures there; sizes that it has are not measured again"
    )
    parser.add_argument("--svg", type=Path, help="draw the growth there")
    parser.add_argument("--keep", type=Path, help="keep the collections in this folder")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.build:
        print(json.dumps(measure(chosen.images[0], chosen.dims, chosen.build)))
        return
    there = json.loads(chosen.json.read_text())["runs"] if chosen.json and chosen.json.exists() else []
    runs = [run for run in there if run["dims"] == chosen.dims and run["images"] in chosen.images]
    for n_images in chosen.images:
        if n_images in [run["images"] for run in runs]:
            continue
        runs.append(in_a_process(n_images, chosen.dims, chosen.keep))
        print(f"{n_images:,} images: {built(runs[-1], 'wall'):.1f} s", file=sys.stderr, flush=True)
        if chosen.json:  # after each size: hours are not lost with the last one
            chosen.json.write_text(json.dumps({"cores": os.cpu_count(), "runs": runs}, indent=1))
    runs.sort(key=lambda run: run["images"])
    print(tables(runs))
    if chosen.svg:
        chosen.svg.write_text(picture(runs))


if __name__ == "__main__":
    main()
