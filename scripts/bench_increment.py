"""Measure what growing costs beside building: ``python scripts/bench_increment.py IMAGES``.

IMAGES is a folder or a tar archive of images, such as CIFAR-10's 60,000. All but 1 % of them are built into a
collection in a temporary folder; that 1 % is added, then another 1 % removed. Each is a command of its own, imports
included. At the end the collection is laid out afresh, to compare. Prints the table of docs/performance.md, "Growing".
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from dxr_dash import api
from dxr_dash.collection.store import Collection
from dxr_dash.records import FloatArray

SHARE = 0.01  # of the images that come, and go


@dataclass(frozen=True)
class Run:
    """One command: what it took, and the collection after it."""

    name: str
    wall_s: float
    cpu_s: float
    steps_s: dict[str, float]
    kept: Path

    @property
    def collection(self) -> Collection:
        """Open it."""
        return api.open_collection(self.kept)


def main() -> None:
    """Build, add, remove, lay out afresh, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a folder, or a tar archive")
    parser.add_argument("--images", dest="most", type=int, default=60_000, help="so many of them, at most")
    parser.add_argument("--network", default="thingsnet")
    parser.add_argument("--tsne", action="store_true", help="with a t-SNE layout")
    parser.add_argument("--json", type=Path, help="write the seconds there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = unpacked(chosen.images, folder / "all", chosen.most)
        n_changed = max(1, round(SHARE * len(files)))
        move(files[n_changed:], folder / "all", folder / "images")
        options = ["--network", chosen.network, *(["--tsne"] if chosen.tsne else [])]
        runs = [run("build", folder, options)]
        move(files[:n_changed], folder / "all", folder / "images")
        runs.append(run("add 1 %", folder, options))
        move(files[-n_changed:], folder / "images", folder / "gone")
        runs.append(run("remove 1 %", folder, options))
        runs.append(run("afresh", folder, [*options, "--fresh"]))
        print(table(runs))
    if chosen.json:
        facts = {one.name: {"wall": one.wall_s, "cpu": one.cpu_s, "steps": one.steps_s} for one in runs}
        chosen.json.write_text(json.dumps(facts, indent=1))


def unpacked(source: Path, target: Path, most: int) -> list[Path]:
    """Bring images into a folder of their own; list them, in an order of chance that is always the same."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        with tarfile.open(source) as archive:
            archive.extractall(target, filter="data")
    files = sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())
    random.Random(0).shuffle(files)  # noqa: S311 - not for secrets
    return files[:most]


def move(names: list[Path], source: Path, target: Path) -> None:
    """Move files to the same places below another folder."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).rename(target / name)


def run(name: str, folder: Path, options: list[str]) -> Run:
    """Run one `dxr build`, and keep a copy of what it made."""
    target = folder / "measured.dxr"
    command = [sys.executable, "-m", "dxr_dash", "build", str(folder / "images"), "--to", str(target)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([*command, *options, "--json"], check=True, stdout=subprocess.PIPE)
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    kept = folder / f"{name.split(maxsplit=1)[0]}.dxr"
    shutil.copytree(target, kept)
    print(f"{name}: {cpu_s:.1f} CPU s, {wall_s:.1f} s", file=sys.stderr, flush=True)
    return Run(name, wall_s, cpu_s, json.loads(done.stdout)["seconds"], kept)


def table(runs: list[Run]) -> str:
    """Put it all beside each other."""
    steps = list(dict.fromkeys(step for one in runs for step in one.steps_s))
    lines = [["", *(one.name for one in runs)], ["---"] * (len(runs) + 1)]
    lines.append(["images", *(f"{len(one.collection):,}" for one in runs)])
    lines += [
        [step, *(f"{one.steps_s[step]:.1f}" if step in one.steps_s else "" for one in runs)] for step in steps
    ]
    lines.append(["**whole command, wall s**", *(f"{one.wall_s:.1f}" for one in runs)])
    lines.append(["**whole command, CPU s**", *(f"{one.cpu_s:.1f}" for one in runs)])
    lines.append(["CPU, of building", *(f"{one.cpu_s / runs[0].cpu_s:.3f}" for one in runs)])
    lines.append(["wall, of building", *(f"{one.wall_s / runs[0].wall_s:.3f}" for one in runs)])
    lines.append(["recall", *(f"{one.collection.space().recall:.3f}" for one in runs)])
    for layout in runs[0].collection.space().layouts:
        shown = [one.collection.space().layout(layout) for one in runs]
        title = shown[0].title
        lines.append([f"{title}: trustworthiness", *(f"{one.trustworthiness:.4f}" for one in shown)])
        lines.append([f"{title}: neighbours kept", *(f"{one.neighbours_kept:.4f}" for one in shown)])
        lines.append(
            [f"{title}: mosaic moved by, cells", *(f"{one.mosaic.displacement:.1f}" for one in shown)]
        )
        pairs = list(pairwise(runs))
        lines.append([f"{title}: old images moved", "", *(f"{moved(*two, layout):.3f}" for two in pairs)])
        lines.append([f"{title}: old cells changed", "", *(f"{recelled(*two, layout):.3f}" for two in pairs)])
        new = set(runs[1].collection.paths.to_pylist()) - set(runs[0].collection.paths.to_pylist())
        lines.append([f"{title}: neighbours kept by the added", *(kept(one, layout, new) for one in runs)])
    last, fresh = runs[-2].collection.space(), runs[-1].collection.space()
    same = float((last.neighbour_distances == fresh.neighbour_distances).mean())
    lines.append(["distances as afresh", "", "", f"{same:.6f}", ""])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shared(before: Run, after: Run) -> tuple[list[int], list[int]]:
    rows = {path: row for row, path in enumerate(before.collection.paths.to_pylist())}
    found = [(rows[path], row) for row, path in enumerate(after.collection.paths.to_pylist()) if path in rows]
    was, now = zip(*found, strict=True)
    return list(was), list(now)


def moved(before: Run, after: Run, layout: str) -> float:
    """Share of the images in both whose coordinates are no longer the same, bit for bit."""
    was, now = _shared(before, after)
    places: list[FloatArray] = [one.collection.space().layout(layout).coordinates for one in (before, after)]
    return float((places[0][was] != places[1][now]).any(axis=1).mean())


def recelled(before: Run, after: Run, layout: str) -> float:
    """Share of the images in both that are in another cell of the mosaic, counted from the map's own corner."""
    was, now = _shared(before, after)
    places = [one.collection.space().layout(layout).positions for one in (before, after)]
    cell = before.collection.space().layout(layout).mosaic.cell
    return float((np.abs(places[0][was] - places[1][now]) > cell / 2).any(axis=1).mean())


def kept(one: Run, layout: str, paths: set[str]) -> str:
    """Mean share of neighbours that the map keeps for some images."""
    rows = [row for row, path in enumerate(one.collection.paths.to_pylist()) if path in paths]
    return f"{one.collection.space().layout(layout).kept[rows].mean():.4f}" if rows else ""


if __name__ == "__main__":
    main()
