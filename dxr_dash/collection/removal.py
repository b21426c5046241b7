"""Remove feature spaces from a finished collection; killed at any moment, it is the old collection or the new one.

The note ``.removing.json`` says what is to go. Then the manifest is replaced, then all is deleted that the note names
and the manifest no longer does, the note last. Whoever changes the collection next ends what a kill has left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dxr_dash.collection.benchmarks.crops import kept_vectors
from dxr_dash.collection.benchmarks.patch_files import forget_patches, stale_patches
from dxr_dash.collection.manifest import (
    MANIFEST,
    STEPS,
    finished_manifest,
    is_step,
    listed_steps,
    manifest_fingerprint,
    read_manifest,
)
from dxr_dash.collection.networks import is_depth_control
from dxr_dash.collection.query_sets import forget_vectors, vectors_of_spaces
from dxr_dash.collection.reading import is_texts, read_facts
from dxr_dash.collection.requests import build_options
from dxr_dash.collection.scans import forget_stale, no_scan, stale_scans
from dxr_dash.collection.steps import discard, disk_in_words, locked, write_json
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import Removal

NOTE = ".removing.json"


def remove_spaces(folder: Path, spaces: Sequence[str], *, dry_run: bool = False) -> Removal:
    """Remove feature spaces and all that rests on them alone; images, query sets and other spaces stay as they are.

    Steps that other spaces are made from stay, too. Pages that have the collection open go on with what they opened.

    Args:
        spaces: ids, at least one.
        dry_run: only say what would go.

    Raises:
        QueryError: there is no such space, or it cannot be spared: the only one, or the one that is shown first.
        CollectionError: there is no finished collection, it is being changed, or a scan of it is at work.
    """
    manifest = finished_manifest(folder)  # before a lock makes a file in a folder that may be none of ours
    if dry_run:
        return _what_goes(folder, manifest, _checked(folder, manifest, spaces))
    with disk_in_words(folder), locked(folder), no_scan(folder):
        ended = end_removal(folder)
        manifest = finished_manifest(folder)
        going = _checked(folder, manifest, [one for one in spaces if one not in ended])
        found = _what_goes(folder, manifest, going)
        if going:
            after = _without(manifest, going)
            facts = {
                "spaces": going,
                "steps": _only_of(manifest, going),
                "vectors": sorted(_fingerprints(manifest) - _fingerprints(after)),
            }
            write_json(folder / NOTE, facts)
            write_json(folder / MANIFEST, after)
            end_removal(folder)
    return found


def end_removal(folder: Path) -> tuple[str, ...]:
    """Delete what a removal has left, if one was killed; return the spaces that it removed.

    To be called by the holder of the collection's lock. A space that is there, never removed or built again since,
    loses nothing.

    Raises:
        CollectionError: the note is damaged, or the disk or another process is in the way; the next call goes on.
    """
    if not (folder / NOTE).exists():
        return ()
    manifest = read_manifest(folder)
    try:
        note = read_facts(folder / NOTE, _NOTE)
    except CollectionError as error:
        raise CollectionError(error.problem, "Delete it, then run the same command again.") from None
    if manifest is None:
        return ()
    kept = listed_steps(manifest)
    for step in note["steps"]:
        if step not in kept and is_step(step):
            discard(folder / STEPS / step)
    lost = set(note["vectors"]) - _fingerprints(manifest)
    for path in kept_vectors(folder, lost):
        path.unlink(missing_ok=True)
    forget_vectors(folder, lost)
    forget_stale(folder, kept)
    forget_patches(folder, kept)
    (folder / NOTE).unlink(missing_ok=True)
    return tuple(one for one in note["spaces"] if one not in manifest["spaces"])


_NOTE = dict.fromkeys(("spaces", "steps", "vectors"), is_texts)


def _checked(folder: Path, manifest: Mapping[str, Any], spaces: Sequence[str]) -> list[str]:
    """Return the spaces in the order of the manifest.

    Raises:
        QueryError: one is not there, or none would be left, or not the one that is shown first.
    """
    held: dict[str, Any] = manifest["spaces"]
    for one in spaces:
        if one not in held:
            raise QueryError(f"{folder} has no feature space {one!r}.", f"It has {', '.join(held)}.")
    left = [one for one in held if one not in spaces]
    first = manifest["default_space"]
    if not left:
        raise QueryError(
            f"Without {' and '.join(held)} no feature space would be left in {folder}.",
            "Keep one; or add another with `dxr build` first; or delete the folder.",
        )
    if first in spaces:
        other = next((one for one in left if not is_depth_control(held[one]["recipe"]["network"])), None)
        options = build_options(held[other]["request"]) if other else "--network NETWORK --layer LAYER"
        raise QueryError(
            f"{first} is the feature space that {folder} shows first.",
            f"Run the `dxr build` command that made it with `{options}`, which is then shown first; then remove it.",
        )
    return [one for one in held if one in spaces]


def _without(manifest: Mapping[str, Any], going: Sequence[str]) -> dict[str, Any]:
    left = {key: facts for key, facts in manifest["spaces"].items() if key not in going}
    after = {**manifest, "spaces": left}
    return {**after, "fingerprint": manifest_fingerprint(after)}


def _only_of(manifest: dict[str, Any], going: Sequence[str]) -> list[str]:
    kept = listed_steps(_without(manifest, going))
    return [step for step in listed_steps(manifest) if step not in kept]


def _fingerprints(manifest: Mapping[str, Any]) -> set[str]:
    """What names the vectors of each space wherever they lie, as ``store.Space.fingerprint`` has it."""
    return {facts["steps"]["vectors"].rpartition("-")[2] for facts in manifest["spaces"].values()}


def _what_goes(folder: Path, manifest: dict[str, Any], going: Sequence[str]) -> Removal:
    after, steps = _without(manifest, going), _only_of(manifest, going)
    lost = _fingerprints(manifest) - _fingerprints(after)
    asked = {"spaces": {one: manifest["spaces"][one] for one in going}}
    named = listed_steps({**manifest, **asked})[3:]
    sizes: Counter[str] = Counter()
    for kind, path in (
        *((step.partition("-")[0], folder / STEPS / step) for step in steps),
        *(("scans", path) for path in stale_scans(folder, listed_steps(after)) if going),
        *(("query sets", path) for path in vectors_of_spaces(folder, lost)),
        *(("benchmarks", path) for path in kept_vectors(folder, lost)),
        *(("benchmarks", path) for path in stale_patches(folder, listed_steps(after)) if going),
    ):
        sizes[kind] += sum(_file_sizes(path))
    return Removal(
        tuple(going),
        dict(sizes),
        tuple(dict.fromkeys(step.partition("-")[0] for step in named if step not in steps)),
        tuple(build_options(manifest["spaces"][one]["request"]) for one in going),
        tuple(after["spaces"]),
    )


def _file_sizes(path: Path) -> Iterator[int]:
    for file in path.rglob("*") if path.is_dir() else [path]:
        with suppress(OSError):  # a step that somebody has deleted by hand
            if file.is_file():
                yield file.stat().st_size
