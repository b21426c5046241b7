"""Tiny collections for the tests: a few coloured pictures, and what the tests do with them again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dxr_dash import api, settings
from dxr_dash.collection.manifest import MANIFEST, manifest_fingerprint
from dxr_dash.records import BuildReport

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def picture(seed: int, width: int = 72, height: int = 56) -> Image.Image:
    """Draw a few coloured shapes; another seed gives another picture."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        radius = int(random.integers(4, 20))
        colour = tuple(random.integers(0, 256, 3).tolist())
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image


def write_pictures(folder: Path, n_images: int, *, first_seed: int = 0) -> Path:
    """Write ``n_images`` JPEG files, in three subfolders by turns."""
    for number in range(n_images):
        path = folder / ("red", "green", "blue")[number % 3] / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(first_seed + number).save(path, quality=90)
    return folder


def build(images: Path, target: Path, **options: object) -> BuildReport:
    """Build with the bundled network, which needs no download."""
    return api.build(images, target, network=settings.BUNDLED_NETWORK, **options)  # type: ignore[arg-type]


def change_manifest(target: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a collection's manifest says, as another dxr would have written it."""
    manifest = json.loads((target / MANIFEST).read_text())
    change(manifest)
    manifest["fingerprint"] = manifest_fingerprint(manifest)
    (target / MANIFEST).write_text(json.dumps(manifest))


def digest(folder: Path) -> dict[str, str]:
    """Hash every file of a collection, but for the lock."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".lock")
    }
