"""Distances between the queries and the images of a benchmark by their patches, a block of queries at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dxr_dash.analysis.distances import Reference
from dxr_dash.analysis.patches import mean_nearest, n_patches
from dxr_dash.collection.benchmarks import Crop
from dxr_dash.collection.benchmarks.patch_files import IMAGES_AT_ONCE
from dxr_dash.collection.benchmarks.patches import PatchedImages, crop_patches, gallery_patches, make_patches
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import FloatArray, IntArray, OnProgress

QUERY_NUMBERS = 16_777_216  # in the float64 vectors of a block of queries: 128 MiB
QUERY_PATCHES = 16_384  # in a block of queries, however short the vectors are


def patch_blocks(
    collection: Collection,
    where: Space,
    name: str,
    crops: Sequence[Crop],
    rows: IntArray,
    asked_rows: IntArray,
    order: int,
    query_order: int,
    on_progress: OnProgress,
) -> Iterator[FloatArray]:
    """Cut images and queries into patches, and compare each query with each image.

    Args:
        name: of the benchmark.
        crops: what the queries ask with; empty where these are whole images.
        rows: (M,) gallery rows that are ranked.
        asked_rows: (q,) gallery rows that ask, where there are no crops.

    Yields:
        (b, M) float32 distances as ``mean_nearest`` defines them, the queries in their order.

    Raises:
        NetworkError, CollectionError: as for ``make_patches``.
    """
    gallery = gallery_patches(collection, where)
    asked, numbers = gallery, asked_rows
    if crops:
        asked, numbers = crop_patches(collection, where, name, crops), np.arange(len(crops))
    make_patches(collection, where, [(gallery, rows, order), (asked, numbers, query_order)], on_progress)

    def vectors(images: PatchedImages, some: IntArray, up_to: int) -> FloatArray:
        features = images.files.read(some, up_to)
        found = where.process(features.reshape(-1, features.shape[2]))
        return found.reshape(len(some), -1, found.shape[1])

    n_asked = n_patches(query_order)
    at_once = max(1, min(QUERY_NUMBERS // where.n_dims, QUERY_PATCHES) // n_asked)
    total = -(-len(numbers) // at_once) * len(rows)
    for place, start in enumerate(range(0, len(numbers), at_once)):
        some = numbers[start : start + at_once]
        reference = Reference.of(vectors(asked, some, query_order).reshape(-1, where.n_dims), where.metric)
        far = np.empty((len(some), len(rows)), np.float32)
        for first in range(0, len(rows), IMAGES_AT_ONCE):
            on_progress("comparing patches", place * len(rows) + first, total)
            block = slice(first, first + IMAGES_AT_ONCE)
            far[:, block] = mean_nearest(reference, n_asked, vectors(gallery, rows[block], order))
        yield far
