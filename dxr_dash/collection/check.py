"""Whether every file of a collection is as it was written; and what mends it where one is not."""

from __future__ import annotations

from pathlib import Path

from dxr_dash.collection.benchmarks.patch_files import altered_patches
from dxr_dash.collection.query_sets import QUERIES, read_facts
from dxr_dash.collection.scans import finished_scans
from dxr_dash.collection.steps import damaged_files
from dxr_dash.collection.store import STEPS, finished_manifest, listed_steps
from dxr_dash.errors import CollectionError


def check(folder: Path) -> list[str]:
    """Compare every file with its recorded size and hash.

    Returns:
        What is wrong, one line each, with what mends it; empty when all is well.

    Raises:
        CollectionError: there is no finished collection, or its manifest cannot be read.
    """
    manifest = finished_manifest(folder)
    found = []
    for step in listed_steps(manifest):
        path = folder / STEPS / step
        if not path.is_dir():
            found.append(f"{path} is missing. Run the `dxr build` command again that made the collection.")
        found += _lines(
            path, f"Delete {path} and run the `dxr build` command again that made the collection."
        )
    for path in sorted((folder / QUERIES).glob("[!.]*/")):
        found += _lines(path, f"Delete {path} and save the query set again.", is_set=True)
    for path in finished_scans(folder):
        found += _lines(path, f"Delete {path} and run `dxr scan {folder}` again.")
    for path in altered_patches(folder):
        found.append(f"{path} has been altered. Delete it; `dxr benchmark --patches` makes it again.")
    return found


def _lines(folder: Path, remedy: str, *, is_set: bool = False) -> list[str]:
    found = damaged_files(folder) if folder.is_dir() else []
    if is_set:
        try:
            read_facts(folder)
        except CollectionError as error:
            found.append(error.problem.rstrip("."))
    return [f"{problem}. {remedy}" for problem in found]
