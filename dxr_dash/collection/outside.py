"""Query images from outside the collection: read, shrunk and embedded like the gallery's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection.decoding import Decoding
from dxr_dash.collection.images import (
    FoundFile,
    UnreadableImage,
    display_path,
    find_images,
    read_file,
    read_image,
    thumbnail,
)
from dxr_dash.collection.networks import Loader
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.requests import Request, Source, again, network_recipe
from dxr_dash.collection.running import Extractor
from dxr_dash.collection.store import Space
from dxr_dash.errors import ImagesError, NetworkError, UploadError
from dxr_dash.records import FloatArray, OnProgress, Skipped, silent


@dataclass
class Outside:
    """The readable ones among the images that were given, and what was wrong with the others.

    Attributes:
        vectors: (n, D) float32 by space fingerprint.
    """

    names: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    thumbnails: list[bytes] = field(default_factory=list)
    vectors: dict[str, FloatArray] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)


def embed_outside(
    images: Sequence[tuple[str, bytes]] | Path | str,
    spaces: Sequence[Space],
    *,
    any_rows: bool = False,
    on_progress: OnProgress = silent,
) -> Outside:
    """Read images from outside and compute their vectors, with the networks that made the spaces.

    Decoded pictures are let go one by one: five hundred large photographs would not fit into memory together.

    Args:
        images: (name, bytes of the file) pairs, a folder, or one file.
        spaces: feature spaces of the collection.
        any_rows: the query set has gallery members already, so no image at all will do, too.

    Raises:
        ImagesError: the folder does not exist, or holds too much for a query set.
        NetworkError: a network's weights cannot be had any more, or are others than they were.
        UploadError: not one image can be read.
    """
    given, skipped = _files(Path(images)) if isinstance(images, Path | str) else (list(images), [])
    found = Outside(skipped=skipped)
    if not given and any_rows:
        return found
    on_progress("loading the network", 0, 0)
    readers = readers_of(spaces)
    parts: dict[str, list[FloatArray]] = {}

    def take(one: tuple[str, bytes]) -> tuple[bytes, list[UInt8Array]] | str:
        try:
            pictures = {
                px: read_image(one[1], max_pixels=settings.UPLOAD_MAX_PIXELS, least_px=px)
                for px in {reader.least_px for reader in readers}
            }
        except UnreadableImage as error:
            return str(error)
        prepared = [reader.network.prepare(pictures[reader.least_px]) for reader in readers]
        return thumbnail(pictures[min(pictures)]), prepared

    with ThreadPoolExecutor(n_cores()) as workers:  # Pillow decodes outside the interpreter's lock
        for start in range(0, len(given), settings.BATCH_IMAGES):
            on_progress("reading images", start, len(given))
            batch = given[start : start + settings.BATCH_IMAGES]
            inputs = []
            for (name, data), result in zip(batch, workers.map(take, batch), strict=True):
                shown = display_path(name.encode("utf-8", "surrogateescape"))
                if isinstance(result, str):
                    found.skipped.append(Skipped(shown, result))
                    continue
                found.names.append(shown)
                found.files.append(data)
                found.thumbnails.append(result[0])
                inputs.append(result[1])
            for place, reader in enumerate(readers if inputs else ()):
                features = reader.network.forward(np.stack([one[place] for one in inputs]))
                for space, columns in reader.spaces:
                    parts.setdefault(space.fingerprint, []).append(space.process(features[:, columns]))
    if not found.names:
        reasons = "; ".join(f"{one.path}: {one.reason}" for one in found.skipped[:3])
        raise UploadError(
            f"There is no image to ask with{f' ({reasons})' if reasons else ''}.",
            "Give at least one readable image.",
        )
    found.vectors = {key: np.concatenate(arrays) for key, arrays in parts.items()}
    return found


@dataclass(frozen=True)
class Reader:
    """One network, the size that JPEGs are decoded at for it, and where in its vectors each space finds its own."""

    network: Extractor
    least_px: int
    spaces: list[tuple[Space, slice]]


def readers_of(spaces: Sequence[Space]) -> list[Reader]:
    """Load what the spaces need: each network once, with all of its layers that are wanted.

    Spaces of vectors that were made elsewhere have no network; only where all are of that kind is it an error.
    """
    asked = [(space, again(space.request)) for space in spaces]
    pairs = [(space, request) for space, request in asked if isinstance(request, Request)]
    if not pairs:
        raise NetworkError(
            f"{spaces[0].id} holds vectors that were made elsewhere: there is no network that could turn other "
            "images into such vectors.",
            "Ask with images of the collection, or add a feature space with `dxr build IMAGES --network NETWORK`.",
        )
    readers = []
    for source in dict.fromkeys(request.source for _, request in pairs):
        mine = [pair for pair in pairs if pair[1].source == source]
        layers = tuple(dict.fromkeys(request.layer for _, request in mine))
        network = _network(source, layers)
        ends = np.cumsum(network.widths).tolist()
        columns = {
            layer: slice(end - width, end)
            for layer, end, width in zip(layers, ends, network.widths, strict=True)
        }
        for space, request in mine:
            if network.recipes[layers.index(request.layer)] != network_recipe(space.recipe):
                raise NetworkError(
                    f"The weights of {space.network} are not those that {space.id} was made with.",
                    "Build the collection again with `dxr build`, or bring the old weights back.",
                )
        least_px = Decoding.of(mine[0][0].recipe).features_px
        readers.append(
            Reader(network, least_px, [(space, columns[request.layer]) for space, request in mine])
        )
    return readers


@lru_cache(maxsize=2)
def _network(source: Source, layers: tuple[str, ...]) -> Extractor:
    return source.load(Loader(), layers)


def _files(path: Path) -> tuple[list[tuple[str, bytes]], list[Skipped]]:
    if not path.is_dir():
        try:
            data = read_file(path.parent, FoundFile(os.fsencode(path.name), 0, 0))
        except UnreadableImage as error:
            if not os.path.lexists(path):
                raise ImagesError(
                    f"{path} does not exist.", "Give a folder of images, or one image."
                ) from None
            return [], [Skipped(display_path(os.fsencode(path.name)), error.reason)]
        return [(path.name, data)], []
    found = find_images(path)
    n_bytes = sum(file.size for file in found.files)
    if len(found.files) > settings.QUERY_MAX_IMAGES or n_bytes > settings.QUERY_MAX_BYTES:
        raise ImagesError(
            f"{path} holds {len(found.files)} images of {n_bytes / 2**20:.0f} MiB; "
            f"a query set takes {settings.QUERY_MAX_IMAGES} of {settings.QUERY_MAX_BYTES / 2**20:.0f} MiB.",
            "Give fewer, or build a collection of them.",
        )
    given, skipped = [], list(found.skipped)
    for file in found.files:
        try:
            given.append((file.path.decode("utf-8", "surrogateescape"), read_file(path, file)))
        except UnreadableImage as error:
            skipped.append(Skipped(display_path(file.path), str(error)))
    return given, skipped
