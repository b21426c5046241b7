"""Ask in words, where a feature space holds images and texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.collection import clip_networks
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import NearestToText


def nearest_to_text(
    collection: Collection, text: str, *, k: int = settings.NEIGHBOURS_SHOWN, space: str | None = None
) -> NearestToText:
    """Find the images nearest to words, in a space of a ``clip:`` network; by comparing with every image.

    Distances from words to images are of another scale than those between images, so they are not set against the
    baseline: no percentile, no verdict.

    Args:
        text: what is looked for; the network reads its first tokens alone, often 77.
        k: how many, at most.

    Raises:
        QueryError: no text, no such space, or one that knows no words.
        NetworkError: the network cannot be loaded, or has other weights now.
    """
    text = text.strip()
    if not text:
        raise QueryError("There is no text to ask with.", "Say in words what is looked for.")
    where = collection.space(space)
    _check_words(where, collection)
    held = where.request["weights"]
    vector = clip_networks.text_vector(
        where.network, Path(held) if held else None, text, where.recipe["weights_sha256"]
    )
    far = distances(vector, where.vectors, metric=where.metric)[0]
    rows = np.argsort(far, kind="stable")[: max(k, 0)]
    return NearestToText(text, where.id, rows, far[rows])


def knows_words(where: Space) -> bool:
    """Say whether a feature space holds texts beside images."""
    return where.network.startswith(clip_networks.PREFIX) and not set(where.recipe.get("steps", ())) - {"l2"}


def _check_words(where: Space, collection: Collection) -> None:
    if knows_words(where):
        return
    if not where.network.startswith(clip_networks.PREFIX):
        there = [one.id for one in collection.spaces.values() if one.network.startswith(clip_networks.PREFIX)]
        raise QueryError(
            f"{where.id} knows no words: its network was made for images alone.",
            f"Ask in {' or '.join(there)}."
            if there
            else "Add a space with `dxr build --network clip:ARCH/PRETRAINED --layer image`.",
        )
    raise QueryError(
        f"{where.id} has a recipe that was made for images: words would not fit into it.",
        "Ask in the space without the recipe.",
    )
