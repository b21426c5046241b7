"""Vectors of the patches of images, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image

from dxr_dash.analysis.patches import patch_boxes
from dxr_dash.collection.outside import readers_of
from dxr_dash.collection.preset import UInt8Array
from dxr_dash.collection.running import Extractor
from dxr_dash.collection.store import Space
from dxr_dash.records import FloatArray


def patch_vectors(
    where: Space, pictures: Sequence[Callable[[], Image.Image]], order: int, workers: ThreadPoolExecutor
) -> FloatArray:
    """Compute the vectors of the patches of images, with the network that made a space and the steps of its recipe.

    Each patch is squashed to the square that the network sees, once: crops of a recipe are not cut from patches.

    Args:
        pictures: each gives an RGB image when called; none is held longer than it takes to cut it.
        order: all patches up to this order.

    Returns:
        (n, p, D) float32.

    Raises:
        NetworkError: the network cannot be had any more, or there is none.
    """
    (reader,) = readers_of([where])
    ((_, columns),) = reader.spaces
    cut = partial(cut_patches, reader.network, range(1, order + 1))
    inputs = [patch for patches in workers.map(cut, pictures) for patch in patches]
    vectors = where.process(reader.network.forward(np.stack(inputs))[:, columns])
    return vectors.reshape(len(pictures), -1, vectors.shape[1])


def cut_patches(
    network: Extractor, orders: Iterable[int], open_picture: Callable[[], Image.Image]
) -> list[UInt8Array]:
    """Cut an image into the patches of some orders, each squashed to the square that the network sees."""
    picture = open_picture()
    return [network.prepare_patch(picture.crop(box)) for box in patch_boxes(*picture.size, orders)]
