"""What a finished collection's manifest says, and of what form that must be."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from dxr_dash import settings
from dxr_dash.collection.layouts import GROWN, UMAP
from dxr_dash.collection.reading import Form, fits, is_number, is_text, is_whole, or_none, texts
from dxr_dash.collection.steps import fingerprint, read_json
from dxr_dash.errors import CollectionError

MANIFEST = "manifest.json"
STEPS = "steps"
LAYOUT_STEPS = {"coordinates", "mosaic", "honesty"}
GRAPH_FACTS: Form = {"recall": or_none(is_number), "recall_at": is_whole, "graph_method": is_text}
_STEP = re.compile(r"[a-z]+-[0-9a-f]+")  # what becomes the name of a folder, also of one that is deleted


def is_step(value: Any) -> bool:
    """Say whether it can be the name of a step's folder."""
    return is_text(value) and _STEP.fullmatch(value) is not None


_SPACE_FACTS: Form = {
    **GRAPH_FACTS,
    "request": lambda value: isinstance(value, dict),
    "recipe": lambda value: fits(value, {"network": is_text, "layer": is_text}),
    "metric": is_text,
    "n_dims": is_whole,
    "steps": lambda value: (
        texts("vectors", "graph", "clusters", "baseline")(value) and all(map(is_step, value.values()))
    ),
    "layouts": or_none(  # there was a time without
        lambda value: (
            isinstance(value, dict)
            and all(texts("coordinates")(one) and all(map(is_step, one.values())) for one in value.values())
        )
    ),
    GROWN: or_none(
        lambda value: (
            fits(value, dict.fromkeys(("images", "new", "removed"), is_whole))
            and isinstance(value.get("key"), list)
            and isinstance(value.get("layouts"), list)
        )
    ),
}
_FACTS: Form = {
    "name": is_text,
    "images_root": is_text,
    "n_images": lambda value: is_whole(value) and value > 0,
    "gallery": is_step,
    "thumbnails": is_step,
    "swatches": or_none(is_step),  # there was a time without
    "spaces": lambda value: (
        isinstance(value, dict) and all(fits(one, _SPACE_FACTS) for one in value.values())
    ),
    "default_space": is_text,
}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read a collection's manifest; None when there is none yet.

    Raises:
        CollectionError: it is damaged, or of a form that this dxr does not know.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    mend = f"Delete {path} and run the `dxr build` command again that made it: what is intact is kept."
    try:
        manifest = read_json(path)
    except CollectionError as error:
        raise CollectionError(error.problem, mend) from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if type(found) is int and found > settings.FORMAT:
        raise CollectionError(
            f"{folder} has format {found}, of a newer dxr; this is dxr {settings.VERSION}, which reads format "
            f"{settings.FORMAT}.",
            "Get the newer one with `pip install --upgrade dxr-dash`, or build into another folder with `dxr build`.",
        )
    if type(found) is int and found < settings.FORMAT:
        raise CollectionError(
            f"{folder} has format {found}, of an older dxr; this is dxr {settings.VERSION}, which reads format "
            f"{settings.FORMAT}.",
            f"Build it again into another folder: `dxr build IMAGES --to {folder.with_suffix('.new.dxr')}`.",
        )
    if (
        type(found) is not int
        or manifest.get("fingerprint") != manifest_fingerprint(manifest)
        or not fits(manifest, _FACTS)
        or manifest["default_space"] not in manifest["spaces"]
    ):
        raise CollectionError(f"{path} is damaged (it is not as dxr wrote it).", mend)
    return dict(manifest)


def manifest_fingerprint(manifest: dict[str, Any]) -> str:
    """Hash all that a manifest says."""
    return fingerprint({key: value for key, value in manifest.items() if key != "fingerprint"})


def finished_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a collection that is finished, and made by a dxr that made all there is now.

    Raises:
        CollectionError: it is not.
    """
    manifest = read_manifest(folder)
    if manifest is None and (folder / STEPS).is_dir():
        raise CollectionError(
            f"{folder} holds no finished collection: its build was stopped, or is at work.",
            "Run the same `dxr build` command again; it goes on where it stopped.",
        )
    if manifest is None:
        raise CollectionError(
            f"{folder} holds no finished collection.",
            f"Make one with `dxr build IMAGES --to {folder}`, or `dxr demo`.",
        )
    lacking = lacking_steps(manifest)
    if lacking:
        raise CollectionError(
            f"{folder} was made by an older dxr: it has no {lacking[0]} yet.",
            "Run the `dxr build` command again that made it; features are kept, only what is missing is made.",
        )
    return manifest


def lacking_steps(manifest: dict[str, Any]) -> list[str]:
    """Say what a manifest lacks that a collection now has; a build adds it. Empty when it is complete."""
    lacking = [name for name in ("gallery", "thumbnails", "swatches") if name not in manifest]
    layouts = [facts.get("layouts", {}).get(UMAP, {}) for facts in manifest["spaces"].values()]
    if not all(LAYOUT_STEPS.issubset(steps) for steps in layouts):
        lacking.append("mosaic")
    return lacking


def listed_steps(manifest: dict[str, Any]) -> list[str]:
    """Name the step folders that a manifest refers to, each once."""
    steps = [manifest["gallery"], manifest["thumbnails"], manifest["swatches"]]
    for facts in manifest["spaces"].values():
        steps += facts["steps"].values()
        for layout in facts["layouts"].values():
            steps += layout.values()
    return list(Counter(steps))
