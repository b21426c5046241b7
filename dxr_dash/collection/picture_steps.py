"""The pictures that stand for the images: thumbnails, placeholders where there are no images, and swatches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dxr_dash import settings
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.decoding import REDUCED
from dxr_dash.collection.gallery import Blobs, Contents, write_thumbnails
from dxr_dash.collection.labels import LABEL
from dxr_dash.collection.pack import Pack, write_pack
from dxr_dash.collection.placeholders import CODE as PLACEHOLDER_CODE
from dxr_dash.collection.placeholders import placeholders
from dxr_dash.collection.shared_images import Shared
from dxr_dash.collection.steps import fingerprint
from dxr_dash.collection.swatches import make_swatches


def thumbnails_step(
    chain: Chain,
    table: pa.Table,
    contents: Contents,
    sources: Callable[[], Iterable[tuple[Contents, Blobs]]],
) -> str:
    """Put the thumbnails in row order, or draw placeholders.

    Args:
        table: the gallery.
        contents, sources: as ``write_thumbnails`` takes them.
    """
    made_from: list[Any]
    if chain.root is not None:
        key = fingerprint(contents.tobytes())
        made_from = [key, [settings.THUMBNAIL_PX, settings.THUMBNAIL_QUALITY]]
        made_from += [chain.decoding] if chain.reduced else []
        return chain.step("thumbnails", made_from, lambda part: write_thumbnails(part, contents, sources))
    names = table.column("path").to_pylist()
    labels = table.column(LABEL).to_pylist() if LABEL in table.column_names else [None] * len(names)
    shown = ["" if label is None else str(label) for label in labels]
    made_from = [
        names,
        shown,
        settings.THUMBNAIL_PX,
        settings.THUMBNAIL_QUALITY,
        PLACEHOLDER_CODE,
        version("pillow"),
    ]
    return chain.step(
        "thumbnails",
        made_from,
        lambda part: write_pack(part, "thumbnails", placeholders(names, shown, chain.on_progress)),
    )


def swatches_step(chain: Chain, thumbnails: str, old: dict[str, Any] | None, shared: Shared) -> str:
    """Average the thumbnails of new images, and take over the swatches of those that stay.

    Args:
        thumbnails: their step.
        old: the finished collection's manifest.
        shared: the images that stay.
    """

    def write(part: Path) -> None:
        pictures = Pack(chain.path(thumbnails), "thumbnails")
        if old is None or not _stay(chain, old):
            found = make_swatches(pictures, on_progress=chain.on_progress)
        else:
            found = np.empty((shared.n_now, settings.SWATCH_PX, settings.SWATCH_PX, 3), np.uint8)
            found[shared.now] = chain.open(old["swatches"], "swatches", "u", (None, *found.shape[1:]))[
                shared.before
            ]
            new = shared.new
            found[new] = make_swatches([pictures[row] for row in new.tolist()], on_progress=chain.on_progress)
        np.save(part / "swatches.npy", found)

    return chain.step("swatches", _swatches_key(thumbnails), write)


def _swatches_key(thumbnails: str) -> list[Any]:
    return [thumbnails, settings.SWATCH_PX, "box", version("pillow")]


def _stay(chain: Chain, old: dict[str, Any]) -> bool:
    """Say whether the finished collection's swatches are those of the same pictures now; placeholders change."""
    found = old.get("swatches", "")
    same = found == chain.name_of("swatches", _swatches_key(old["thumbnails"])) and chain.has(found)
    same = same and old.get(REDUCED, 0) == chain.reduced  # else the thumbnails are others
    return same and chain.root is not None and bool(old["images_root"])
