"""Why two gallery images match in a feature space: heat maps over both."""

from __future__ import annotations

import io
from itertools import chain

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.why import occluded, occlusion_map, similarity_parts
from dxr_dash.api.query_sets import checked_rows
from dxr_dash.collection.feature_maps import (
    UInt8Array,
    check_decomposable,
    feature_maps,
    read_original,
    seen_box,
    shrunk,
)
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import FloatArray, HeatMap, Match, OnProgress, silent


def why_similar(collection: Collection, first: int, second: int, *, space: str | None = None) -> Match:
    """Split the cosine similarity of two images over the places of each, exactly.

    Only for layers that are averaged over space; ``what_hiding_does`` works for any.

    Args:
        first, second: gallery rows.

    Returns:
        Two maps, each of which sums to the similarity.

    Raises:
        QueryError: no such row or space, or the similarity of this space is no sum over places.
        CollectionError: an original image has gone or changed.
        NetworkError: the network cannot be had any more.
    """
    where = collection.space(space)
    check_decomposable(where)
    rows = _pair(collection, first, second)
    pictures = [read_original(collection, row) for row in rows]
    maps = feature_maps(where, pictures)
    heat = similarity_parts(maps[0], maps[1])
    boxes = [seen_box(where, picture.size) for picture in pictures]
    return Match(
        rows,
        where.id,
        "similarity",
        float(heat[0].sum()),
        (HeatMap(heat[0], boxes[0]), HeatMap(heat[1], boxes[1])),
    )


def what_hiding_does(
    collection: Collection,
    first: int,
    second: int,
    *,
    space: str | None = None,
    cells: int = settings.OCCLUSION_CELLS,
    on_progress: OnProgress = silent,
) -> Match:
    """Hide one patch after the other of each of two images, and see how much farther from the other it gets.

    Works in every feature space that can be asked with images from outside. Patches lie on the whole image: where the
    network does not look, hiding changes nothing.

    Args:
        first, second: gallery rows.
        cells: patches along each side.

    Returns:
        Two maps: by how much the distance grows, in the metric of the space.

    Raises:
        QueryError: no such row or space, or a number of cells outside 1..``settings.OCCLUSION_MOST_CELLS``.
        CollectionError: an original image has gone or changed.
        NetworkError: the network cannot be had any more.
    """
    where = collection.space(space)
    rows = _pair(collection, first, second)
    if not 1 <= cells <= settings.OCCLUSION_MOST_CELLS:
        raise QueryError(
            f"{cells} cells along each side were asked for.", f"Use 1 to {settings.OCCLUSION_MOST_CELLS}."
        )
    pictures = [shrunk(where, read_original(collection, row)) for row in rows]
    hidden = [list(occluded(picture, cells=cells)) for picture in pictures]
    vectors = _embedded(where, [*pictures, *chain(*hidden)], on_progress)
    whole, parts = vectors[:2], np.split(vectors[2:], [len(hidden[0])])
    value = float(distances(whole[:1], whole[1:], metric=where.metric)[0, 0])
    maps = []
    for place, picture in enumerate(pictures):
        found = distances(whole[1 - place : 2 - place], parts[place], metric=where.metric)[0]
        shape = (min(cells, picture.shape[0]), min(cells, picture.shape[1]))
        maps.append(HeatMap(occlusion_map(found, value, shape), (0.0, 0.0, 1.0, 1.0)))
    return Match(rows, where.id, "distance", value, (maps[0], maps[1]))


def _pair(collection: Collection, first: int, second: int) -> tuple[int, int]:
    one, other = checked_rows(collection, [first, second]).tolist()
    return one, other


def _embedded(where: Space, pictures: list[UInt8Array], on_progress: OnProgress) -> FloatArray:
    """Compute vectors as those of query images are: the same steps, whatever made the space."""
    files = []
    for number, picture in enumerate(pictures):
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "BMP")  # lossless and as quick as copying
        files.append((str(number), out.getvalue()))
    found = embed_outside(files, [where], on_progress=on_progress)
    return found.vectors[where.fingerprint]
