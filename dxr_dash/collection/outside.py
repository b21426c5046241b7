"""Query images from outside the collection: read, shrunk and embedded like the gallery's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.collection.images import (
    UnreadableImage,
    display_path,
    find_images,
    read_file,
    read_image,
    thumbnail,
)
from dxr_dash.collection.networks import Network, load_network
from dxr_dash.collection.store import Space
from dxr_dash.errors import ImagesError, NetworkError, UploadError
from dxr_dash.records import FloatArray, OnProgress, Skipped


@dataclass(frozen=True)
class Outside:
    """The readable ones among the images that were given, and what was wrong with the others."""

    names: tuple[str, ...]
    files: tuple[bytes, ...]
    pictures: tuple[Image.Image, ...]
    thumbnails: tuple[bytes, ...]
    skipped: tuple[Skipped, ...]


def read_outside(images: Sequence[tuple[str, bytes]] | Path | str, *, any_rows: bool) -> Outside:
    """Read images given as bytes, or lying in a folder.

    Args:
        images: (name, bytes of the file) pairs, a folder, or one file.
        any_rows: the query set has gallery members already, so no image at all will do, too.

    Raises:
        ImagesError: the folder does not exist.
        UploadError: not one image can be read.
    """
    given, skipped = _files(Path(images)) if isinstance(images, Path | str) else (list(images), [])
    names, files, pictures, thumbnails = [], [], [], []
    for name, data in given:
        shown = display_path(name.encode("utf-8", "surrogateescape"))
        try:
            picture = read_image(data, max_pixels=settings.UPLOAD_MAX_PIXELS)
        except UnreadableImage as error:
            skipped.append(Skipped(shown, str(error)))
            continue
        names.append(shown)
        files.append(data)
        pictures.append(picture)
        thumbnails.append(thumbnail(picture))
    if not names and (skipped or not any_rows):
        reasons = "; ".join(f"{one.path}: {one.reason}" for one in skipped[:3])
        raise UploadError(
            f"There is no image to ask with{f' ({reasons})' if reasons else ''}.",
            "Give at least one readable image.",
        )
    return Outside(tuple(names), tuple(files), tuple(pictures), tuple(thumbnails), tuple(skipped))


def embed(space: Space, pictures: Sequence[Image.Image], on_progress: OnProgress) -> FloatArray:
    """Compute the (n, D) float32 vectors of images in a space of the collection, with the network that made it.

    Raises:
        NetworkError: the network's weights cannot be had any more, or are others than they were.
    """
    on_progress("loading the network", 0, 0)
    network = _network(space.network, space.layer, space.request["weights"])
    if network.recipe != space.recipe:
        raise NetworkError(
            f"The weights of {space.network} are not those that {space.id} was made with.",
            "Build the collection again with `dxr build`, or bring the old weights back.",
        )
    found = np.empty((len(pictures), space.n_dims), np.float32)
    for start in range(0, len(pictures), settings.BATCH_IMAGES):
        on_progress("reading images", start, len(pictures))
        batch = np.stack(
            [network.prepare(picture) for picture in pictures[start : start + settings.BATCH_IMAGES]]
        )
        found[start : start + len(batch)] = network.forward(batch)
    return found


@lru_cache(maxsize=2)
def _network(network: str, layer: str, weights: str | None) -> Network:
    return load_network(network, layer, weights=Path(weights) if weights else None)


def _files(path: Path) -> tuple[list[tuple[str, bytes]], list[Skipped]]:
    if path.is_file():
        return [(path.name, path.read_bytes())], []
    if not path.is_dir():
        raise ImagesError(f"{path} does not exist.", "Give a folder of images, or one image.")
    found = find_images(path)
    given, skipped = [], list(found.skipped)
    for file in found.files:
        try:
            given.append((file.path.decode("utf-8", "surrogateescape"), read_file(path, file)))
        except UnreadableImage as error:
            skipped.append(Skipped(display_path(file.path), str(error)))
    return given, skipped
