"""Whether every file of a collection is as it was written; and what mends it where one is not."""

from __future__ import annotations

import os
from pathlib import Path

from dxr_dash.collection.benchmarks.patch_files import altered_patches
from dxr_dash.collection.manifest import STEPS, finished_manifest, listed_steps
from dxr_dash.collection.query_sets import QUERIES, UNLISTED, read_facts
from dxr_dash.collection.scans import JOURNAL, SCANS
from dxr_dash.collection.steps import damaged_files, stray_files
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
    for path in (folder / QUERIES, folder / SCANS):
        found += _no_folder(path)
    for path in sorted((folder / QUERIES).glob("[!.]*")):
        found += _no_folder(path)
        found += _lines(path, f"Delete {path} and save the query set again.", is_set=True)
    for path in sorted((folder / SCANS).glob("[!.]*")):
        if path.suffix != JOURNAL:
            found += _no_folder(path)
            found += _lines(path, f"Delete {path} and run `dxr scan {folder}` again.")
    for path in altered_patches(folder):
        found.append(f"{path} has been altered. Delete it; `dxr benchmark --patches` makes it again.")
    return found


def _lines(folder: Path, remedy: str, *, is_set: bool = False) -> list[str]:
    if not folder.is_dir():
        return []
    found = damaged_files(folder)
    if is_set:
        try:
            read_facts(folder)
        except CollectionError as error:
            found.append(error.problem.rstrip("."))
    strays = stray_files(folder, UNLISTED if is_set else "")
    return [
        *(f"{problem}. {remedy}" for problem in found),
        *(f"{path} is none of the files that dxr wrote there. Move it elsewhere." for path in strays),
    ]


def _no_folder(path: Path) -> list[str]:
    if os.path.lexists(path) and not path.is_dir():
        return [
            f"{path} is no folder. Delete it: what it held is lost, and the collection is of use without."
        ]
    return []
