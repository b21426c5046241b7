"""What each place of an image has to do with its vector, before all are one; and the image itself."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.why import similarity_parts
from dxr_dash.collection.controls import Control
from dxr_dash.collection.images import FoundFile, UnreadableImage, read_file, read_image
from dxr_dash.collection.networks import Loader
from dxr_dash.collection.requests import Request, Source, again, network_recipe
from dxr_dash.collection.running import Network
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import CollectionError, NetworkError, QueryError
from dxr_dash.records import DoubleArray

UInt8Array = npt.NDArray[np.uint8]

CHANNELS_LAST = "mean over space, channels last"
SEEN_SLACK_PX = 3  # resizing mixes the pixels at the edge with those beyond it
AVERAGED = ("mean over space", CHANNELS_LAST)


def undecomposable(where: Space) -> str:
    """Say why the similarity of a space is no sum over places; empty where it is one.

    Its layer is not averaged over space, its vectors are changed afterwards, or its metric is not cosine.
    """
    recipe = where.recipe
    over_places = recipe.get("pooling") in AVERAGED or recipe.get("control", False)
    if not over_places or recipe.get("steps") or recipe.get("crops", 1) != 1:
        return "the features of its layer are not averaged over the places of an image, and left at that"
    return "" if where.metric == "cosine" else f"its metric is {where.metric}"


def read_original(collection: Collection, row: int, *, least_px: int = 0) -> Image.Image:
    """Read a gallery image as it was when the collection was built, upright and RGB.

    Args:
        least_px: what ``images.decode`` takes.

    Raises:
        CollectionError: the file has gone, cannot be read, or has changed.
        QueryError: the collection is one of vectors alone.
    """
    if not collection.has_images:
        raise QueryError(
            f"{collection.name} holds vectors without images: there is nothing to look into.",
            "Give the images with `dxr build IMAGES --to COLLECTION --vectors FILE`.",
        )
    line = collection.table.slice(row, 1).select(["path_bytes", "content"]).to_pylist()[0]
    try:
        data = read_file(collection.images_root, FoundFile(line["path_bytes"], 0, 0))
        if hashlib.blake2b(data, digest_size=16).hexdigest() != line["content"]:
            raise UnreadableImage("it has changed since the collection was built")
        return read_image(data, least_px=least_px)
    except UnreadableImage as error:
        raise CollectionError(
            f"The image {collection.path(row)} cannot be used: {error}.",
            "Run the `dxr build` command again that made the collection.",
        ) from None


def exact_parts(where: Space, first: Image.Image, second: Image.Image) -> tuple[DoubleArray, DoubleArray]:
    """Split the similarity of two images over the places of each, in a space that is not ``undecomposable``.

    Returns:
        As ``analysis.why.similarity_parts``; for controls for depth as ``pixel_parts`` and ``bin_parts``.

    Raises:
        NetworkError: the network's weights cannot be had any more, or are others than they were.
    """
    network = _network_of(where)
    if isinstance(network, Control):
        return network.parts(first, second)
    side = network.preset.crop_px
    batch = np.zeros((settings.BATCH_IMAGES, side, side, 3), np.uint8)  # full: as when the vectors were made
    for place, picture in enumerate((first, second)):
        batch[place] = network.prepare(picture).transpose(1, 2, 0)
    maps = network.maps(batch.transpose(0, 3, 1, 2))[:2]
    if where.recipe["pooling"] == CHANNELS_LAST:
        maps = maps.transpose(0, 3, 1, 2)
    return similarity_parts(maps[0], maps[1])


def _network_of(where: Space) -> Network | Control:
    request = again(where.request)
    network = _network(request.source, request.layer) if isinstance(request, Request) else None
    if network is None or network.recipes[0] != network_recipe(where.recipe):
        raise NetworkError(
            f"The weights of {where.network} are not those that {where.id} was made with.",
            "Build the collection again with `dxr build`, or bring the old weights back.",
        )
    return network


@lru_cache(maxsize=1)
def _network(source: Source, layer: str) -> Network | Control | None:
    network = source.load(Loader(), [layer])
    return network if isinstance(network, Network | Control) else None


def seen_box(where: Space, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Say which part of an image of this width and height the network sees: left, top, right, bottom as shares.

    The shorter side is resized to ``resize_px``, both where images are squashed, and a square of ``crop_px`` cut from
    the middle. Controls for depth see the whole image.
    """
    if where.recipe.get("control"):
        return 0.0, 0.0, 1.0, 1.0
    side = where.recipe["resize_px"]
    width, height = (side, side) if where.recipe.get("squash") else _resized(size, side)
    crop = where.recipe["crop_px"]
    left, top = (round((length - crop) / 2) for length in (width, height))
    return left / width, top / height, (left + crop) / width, (top + crop) / height


def unseen(where: Space, picture: UInt8Array, cell: tuple[slice, slice]) -> bool:
    """Say whether a part of a picture lies where the network surely does not look, so that hiding it changes nothing.

    Args:
        picture: (H, W, 3), as ``shrunk`` gives it.
        cell: rows and columns of pixels.
    """
    if "crop_px" not in where.recipe or where.recipe.get("crops", 1) != 1:
        return False
    height, width = picture.shape[:2]
    left, top, right, bottom = seen_box(where, (width, height))
    down, across = cell
    return bool(
        across.stop <= left * width - SEEN_SLACK_PX
        or across.start >= right * width + SEEN_SLACK_PX
        or down.stop <= top * height - SEEN_SLACK_PX
        or down.start >= bottom * height + SEEN_SLACK_PX
    )


def shrunk(where: Space, picture: Image.Image) -> UInt8Array:
    """Shrink a picture to the size at which the network would cut its square from it; a smaller one stays.

    The network then finds nothing left to shrink: the vector is that of the picture itself.

    Returns:
        (H, W, 3) uint8.
    """
    short = where.recipe.get("resize_px", settings.OCCLUSION_PX)
    if min(picture.size) > short:
        bicubic = where.recipe.get("interpolation") == "bicubic"
        filter_ = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
        picture = picture.resize(_resized(picture.size, short), filter_)
    return np.asarray(picture)


def _resized(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Give width and height once the shorter side is ``short``, rounded as ``Preset.prepare`` rounds."""
    width, height = size
    longer = int(short * max(size) / min(size))
    return (short, longer) if width <= height else (longer, short)
