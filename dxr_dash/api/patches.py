"""Re-rank the nearest images of a query by multi-patch matching."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import gcd
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.patches import n_patches, patch_distances
from dxr_dash.api.query_sets import checked_rows
from dxr_dash.api.rankings import first_ranks
from dxr_dash.api.why import opened
from dxr_dash.collection.feature_maps import read_original
from dxr_dash.collection.images import FoundFile, UnreadableImage, read_file, read_image
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.patches import patch_vectors
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError, UploadError
from dxr_dash.records import ImageKey, IntArray, OnProgress, Reranked, silent


def rerank(
    collection: Collection,
    query: ImageKey | Path,
    *,
    order: int = settings.PATCH_ORDER,
    query_order: int | None = None,
    first: int = settings.RERANKED,
    space: str | None = None,
    on_progress: OnProgress = silent,
) -> Reranked:
    """Take the images nearest to a query, and put them in the order of their patches' distance from its patches.

    Patches of these images alone are looked at, now, with the network that made the space; nothing is kept.

    Args:
        query: a gallery row, the (set, place) of an outside image, or a file; one of the gallery is its row.
        order: up to which order images of the gallery are cut into patches; 1 is the whole image alone.
        query_order: the same for the query; left out, ``order``. With ``order`` 1 it is jitter of the query alone.
        first: how many images, at most.

    Raises:
        QueryError: no such image or space, or a number that is too small or too large.
        UploadError: the file cannot be read.
        CollectionError: an original image has gone or changed.
        NetworkError: there is no network that made the space, or it cannot be had any more.
    """
    where = collection.space(space)
    query_order = order if query_order is None else query_order
    check_number(order, "order", settings.PATCH_MOST_ORDER)
    check_number(query_order, "order of the query", settings.PATCH_MOST_ORDER)
    check_number(first, "number of images", settings.RERANKED_MOST)
    if isinstance(query, Path):
        row = _row_of(collection, query)
        query = query if row is None else row
    open_query, rows = _nearest(collection, where, query, on_progress)
    rows = rows[:first]
    far = np.empty(len(rows), np.float32)
    with ThreadPoolExecutor(n_cores()) as workers:
        asked = patch_vectors(where, [open_query], query_order, workers)[0]
        # as few images as fill batches
        at_once = settings.BATCH_IMAGES // gcd(settings.BATCH_IMAGES, n_patches(order))
        for start in range(0, len(rows), at_once):
            on_progress("comparing patches", start, len(rows))
            some = rows[start : start + at_once]
            pictures = [partial(read_original, collection, row) for row in some.tolist()]
            found = patch_vectors(where, pictures, order, workers)
            far[start : start + len(some)] = patch_distances(asked, found, metric=where.metric)
    new = np.argsort(far, kind="stable")
    return Reranked(where.id, rows[new], far[new], new + 1, n_patches(order), n_patches(query_order))


def check_number(value: int, what: str, most: int) -> None:
    """Refuse a number that is too small or too large, in words."""
    if not 1 <= value <= most:
        raise QueryError(f"The {what} is {value}.", f"Use 1 to {most}.")


def _row_of(collection: Collection, path: Path) -> int | None:
    """Find the row of a file that lies in the gallery's folder; None when it does not, or was not taken in."""
    try:
        inside = path.resolve().relative_to(collection.images_root.resolve())
    except ValueError:
        return None
    if not collection.has_images:
        return None
    row = pc.index(collection.table.column("path_bytes"), os.fsencode(inside.as_posix())).as_py()
    return None if row < 0 else int(row)


def _nearest(
    collection: Collection, where: Space, query: ImageKey | Path, on_progress: OnProgress
) -> tuple[Callable[[], Image.Image], IntArray]:
    """Say how to open the query, and list the gallery by the distance of whole images from it."""
    if not isinstance(query, Path):
        checked_rows(collection, [query] if isinstance(query, int) else [])
        items = first_ranks(collection, query, space=where.id).items
        return partial(opened, collection, query), items[items >= 0].astype(np.int64)
    if not os.path.lexists(query):
        raise UploadError(f"{query} does not exist.", "Give the path of an image.")
    try:
        data = read_file(query.parent, FoundFile(os.fsencode(query.name), 0, 0))
        picture = read_image(data, max_pixels=settings.UPLOAD_MAX_PIXELS)
    except UnreadableImage as error:
        raise UploadError(f"{query} cannot be asked with: {error}.", "Give a readable image.") from None
    found = embed_outside([(query.name, data)], [where], on_progress=on_progress)
    far = distances(found.vectors[where.fingerprint], where.vectors, metric=where.metric)[0]
    return lambda: picture, np.argsort(far, kind="stable").astype(np.int64)
