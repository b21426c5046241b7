"""The same images, settings, seed and versions: the same bytes, on any number of cores and threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dxr_dash import api
from tests.builders import digest, write_pictures

N_IMAGES = 300  # for fewer, the linear algebra library takes one thread, however many it has
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")
# a machine with as many cores, as far as Python can tell
BUILD = """
import os, sys
n_cores, images, target = int(sys.argv[1]), *sys.argv[2:]
os.cpu_count = lambda: n_cores
os.sched_getaffinity = lambda _pid: set(range(n_cores))
from dxr_dash.cli import cli
usual = ["build", images, "--to", target, "--name", "same", "--network", "thingsnet"]
for space in ([], ["--layer", "pool5", "--recipe", "l2,pca:8:whiten,l2"]):
    cli([*usual, *space], standalone_mode=False)
"""


def build_on(n_cores: int, images: Path, target: Path) -> dict[str, str]:
    """Build two spaces in a process of their own; return the hashes of all files."""
    env = {**os.environ, **{f"{name}_NUM_THREADS": str(n_cores) for name in LIBRARIES}}
    subprocess.run([sys.executable, "-c", BUILD, str(n_cores), images, target], env=env, check=True)
    return digest(target)


def test_a_collection_is_the_same_on_any_number_of_cores(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", N_IMAGES)
    one = build_on(1, images, tmp_path / "1.dxr")
    for n_cores in (2, 4):
        target = tmp_path / f"{n_cores}.dxr"
        assert build_on(n_cores, images, target) == one
        assert api.open_collection(target).fingerprint == api.open_collection(tmp_path / "1.dxr").fingerprint
