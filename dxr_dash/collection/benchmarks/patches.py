"""Cut the images and queries of a benchmark into patches, and run those that are not kept yet through the network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.benchmarks.crops import Crop, crops_fingerprint
from dxr_dash.collection.benchmarks.patch_files import PatchFiles, folder_of, forget_patches
from dxr_dash.collection.feature_maps import read_original
from dxr_dash.collection.images import read_image
from dxr_dash.collection.manifest import listed_steps
from dxr_dash.collection.outside import readers_of
from dxr_dash.collection.patches import cut_patches
from dxr_dash.collection.steps import disk_in_words, locked
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import CollectionError, NetworkError
from dxr_dash.records import FloatArray, IntArray, OnProgress


@dataclass(frozen=True)
class PatchedImages:
    """Images in a fixed order: how to open each, and the files that their patches are kept in."""

    pictures: Sequence[Callable[[], Image.Image]]
    files: PatchFiles


def gallery_patches(collection: Collection, where: Space) -> PatchedImages:
    """Give the images of a collection, by row."""
    pictures = [partial(read_original, collection, row) for row in range(len(collection))]
    folder = folder_of(collection.folder, where.features_step) / "gallery"
    return PatchedImages(pictures, PatchFiles(folder, len(pictures)))


def crop_patches(
    collection: Collection, where: Space, benchmark: str, crops: Sequence[Crop]
) -> PatchedImages:
    """Give the cropped queries of a benchmark."""
    pictures = [partial(read_image, crop.png) for crop in crops]
    name = f"{benchmark}-{crops_fingerprint(crops)}"
    folder = folder_of(collection.folder, where.features_step) / name
    return PatchedImages(pictures, PatchFiles(folder, len(pictures)))


def make_patches(
    collection: Collection,
    where: Space,
    wanted: Sequence[tuple[PatchedImages, IntArray, int]],
    on_progress: OnProgress,
) -> None:
    """Make the features of patches that are not kept yet. Stopped, the same call goes on where it was.

    Args:
        wanted: images, which of them, and up to which order.

    Raises:
        NetworkError: the network cannot be had any more, there is none, or it gives no finite numbers.
        CollectionError: there is no room, an original image has gone or changed, or another process is changing the
            collection.
    """
    # the queries may be images of the gallery: nothing is made twice
    lacking: dict[tuple[int, int], set[int]] = {}
    for place, (images, numbers, order) in enumerate(wanted):
        same = next(first for first, one in enumerate(wanted[: place + 1]) if one[0] is images)
        for first, orders in images.files.lacking(numbers, order):
            lacking.setdefault((same, first), set()).update(orders)
    todo = [(wanted[place][0], first, tuple(sorted(orders))) for (place, first), orders in lacking.items()]
    if not todo:
        return
    on_progress("loading the network", 0, 0)
    (reader,) = readers_of([where])
    ((_, columns),) = reader.spaces
    sizes = [images.files.length(first) * sum(h * h for h in orders) for images, first, orders in todo]
    n_bytes = sum(sizes) * (columns.stop - columns.start) * np.dtype(np.float32).itemsize
    _check_room(collection, n_bytes)
    step = f"making patches, {_size(n_bytes)}"
    done = 0
    workers = ThreadPoolExecutor(n_cores())
    with disk_in_words(collection.folder), locked(collection.folder), workers:
        forget_patches(collection.folder, listed_steps(collection.manifest))
        for images, first, orders in todo:
            pictures = images.pictures[first : first + images.files.length(first)]
            inputs = [
                one
                for some in workers.map(partial(cut_patches, reader.network, orders), pictures)
                for one in some
            ]
            parts = []
            for start in range(0, len(inputs), settings.BATCH_IMAGES):
                on_progress(step, done + start, sum(sizes))
                batch = np.stack(inputs[start : start + settings.BATCH_IMAGES])
                parts.append(reader.network.forward(batch)[:, columns])
            done += len(inputs)
            images.files.write(first, orders, _checked(where, np.concatenate(parts), len(pictures)))
        on_progress(step, done, sum(sizes))


def _checked(where: Space, features: FloatArray, n_images: int) -> FloatArray:
    if not np.isfinite(features).all():
        raise NetworkError(
            f"{where.network} gives values for a patch that are not finite numbers.", "Measure another layer."
        )
    return features.reshape(n_images, -1, features.shape[1])


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _check_room(collection: Collection, n_bytes: int) -> None:
    free = shutil.disk_usage(collection.folder).free
    if n_bytes > free:
        raise CollectionError(
            f"The patches need {_size(n_bytes)}, and the disk that holds {collection.folder} has "
            f"{_size(free)} left.",
            "Make room, keep the collection elsewhere with --to, or cut into patches of a lower order.",
        )
