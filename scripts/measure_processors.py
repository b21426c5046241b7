"""What of a collection depends on the processor that built it?

    python scripts/measure_processors.py IMAGES

IMAGES is a folder of images. A collection of two spaces is built from them with the bundled network, each time in a
process of its own: as usual; on other numbers of cores, as far as Python and the libraries can tell; and on a processor
of 2008, whose instructions the libraries are told to keep to. One table says what is the same as usual and how far the
rest is off.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dxr_dash import api
from dxr_dash.collection.steps import hash_file
from dxr_dash.collection.store import Collection

LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")
OLD = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "NUMBA_CPU_NAME": "nehalem",
}
EMPTY: Mapping[str, str] = {}
SET = "x"
BUILD = """
import os, sys
n_cores, images, target = int(sys.argv[1]), *sys.argv[2:]
if n_cores:
    os.cpu_count = lambda: n_cores
    os.sched_getaffinity = lambda _pid: set(range(n_cores))
from dxr_dash.cli import cli
usual = ["build", images, "--to", target, "--name", "same", "--network", "thingsnet"]
for space in ([], ["--layer", "pool5", "--recipe", "l2,pca:8:whiten,l2"]):
    cli([*usual, *space], standalone_mode=False)
"""


def build(images: Path, target: Path, *, n_cores: int = 0, env: Mapping[str, str] = EMPTY) -> Collection:
    """Build the two spaces; 0 cores are as many as there are."""
    limits = {f"{name}_NUM_THREADS": str(n_cores) for name in LIBRARIES} if n_cores else {}
    subprocess.run(
        [sys.executable, "-c", BUILD, str(n_cores), images, target],
        env={**os.environ, **limits, **env},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return api.open_collection(target)


def compared(usual: Collection, other: Collection) -> list[str]:
    """Say for each space how far another build is from the usual one."""
    lines = []
    files = [path.relative_to(usual.folder) for path in sorted(usual.folder.glob("steps/*/*"))]
    same = sum(hash_file(usual.folder / file) == hash_file(other.folder / file) for file in files)
    fingerprint = "same" if usual.fingerprint == other.fingerprint else "another"
    for name in usual.spaces:
        one, two = usual.space(name), other.space(name)
        lengths = np.linalg.norm(one.vectors, axis=1)
        off = (np.linalg.norm(np.subtract(one.vectors, two.vectors), axis=1) / lengths).max()
        rows = np.mean(np.all(np.equal(one.neighbours, two.neighbours), axis=1))
        moved = np.abs(one.coordinates - two.coordinates).max() / np.abs(one.coordinates).max()
        kept = [f"{100 * (space.layout('umap').neighbours_kept or 0):.0f}" for space in (one, two)]
        answers = [api.answer(found, SET, space=name).auroc.value for found in (usual, other)]
        lines.append(
            f"{fingerprint} | {same} of {len(files)} | {name} | {off:.1e} | {100 * rows:.1f} % | {moved:.2f} | "
            f"{' and '.join(kept)} % | {abs(answers[0] - answers[1]):.1e} |"
        )
    return lines


def main() -> None:
    """Build, compare, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("images", type=Path)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found = {"usual": build(images, place / "usual.dxr")}
        found |= {f"{n} cores": build(images, place / f"{n}.dxr", n_cores=n) for n in (1, 2, 4, 8)}
        found["processor of 2008"] = build(images, place / "old.dxr", env=OLD)
        for one in found.values():
            api.add_query_set(one, SET, rows=range(0, len(one), 10))
        print(
            "| built on | fingerprint | same files | space | features off by | same neighbours | map moved by | "
            "neighbours kept | AUROC off by |\n|---|---|---|---|---|---|---|---|---|"
        )
        for name, one in found.items():
            for line in compared(found["usual"], one):
                print(f"| {name} | {line}", flush=True)


if __name__ == "__main__":
    main()
