"""Why two images match in a feature space: heat maps over both."""

from __future__ import annotations

import io
import threading

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.why import grid_cells, occluded, occlusion_map
from dxr_dash.api.query_sets import checked_rows, find_query_set
from dxr_dash.collection.decoding import Decoding
from dxr_dash.collection.feature_maps import (
    UInt8Array,
    exact_parts,
    read_original,
    seen_box,
    shrunk,
    undecomposable,
    unseen,
)
from dxr_dash.collection.images import UnreadableImage, read_image, thumbnail
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import DxrError, QueryError
from dxr_dash.records import FloatArray, HeatMap, ImageKey, Match, OnProgress, silent

_looking = threading.Lock()  # the network is loaded once, and two would only fight for the same cores


def why_match(
    collection: Collection,
    first: ImageKey,
    second: ImageKey,
    *,
    space: str | None = None,
    on_progress: OnProgress = silent,
) -> Match:
    """Say why two images match, in the way that fits the space: exactly where that can be, else by hiding places.

    Args, Raises: as ``why_similar`` and ``what_hiding_does`` have them.
    """
    with _looking:
        if undecomposable(collection.space(space)):
            return what_hiding_does(collection, first, second, space=space, on_progress=on_progress)
        on_progress("loading the network", 0, 0)
        return why_similar(collection, first, second, space=space)


def why_similar(
    collection: Collection, first: ImageKey, second: ImageKey, *, space: str | None = None
) -> Match:
    """Split the cosine similarity of two images over the places of each, exactly.

    Only for layers that are averaged over space, tiny images and colours; ``what_hiding_does`` works for any space.

    Args:
        first, second: gallery rows, or (query set, place) of outside images.

    Returns:
        Two maps, each of which sums to the similarity.

    Raises:
        QueryError: no such image or space, or the similarity of this space is no sum over places.
        CollectionError: an original image has gone or changed.
        NetworkError: the network cannot be had any more.
    """
    where = collection.space(space)
    if why_not := undecomposable(where):
        raise QueryError(
            f"The similarity in {where.id} is no sum over places: {why_not}.",
            "Hide places one by one instead, or use a convolutional layer.",
        )
    pictures = _pictures(collection, where, first, second)
    heat = exact_parts(where, *pictures)
    boxes = [seen_box(where, picture.size) for picture in pictures]
    return Match(
        (first, second),
        where.id,
        "similarity",
        float(heat[0].sum()),
        (HeatMap(heat[0], boxes[0]), HeatMap(heat[1], boxes[1])),
    )


def what_hiding_does(
    collection: Collection,
    first: ImageKey,
    second: ImageKey,
    *,
    space: str | None = None,
    cells: int = settings.OCCLUSION_CELLS,
    on_progress: OnProgress = silent,
) -> Match:
    """Hide one patch after the other of each of two images, and see how much farther from the other it gets.

    Works in every feature space that can be asked with images from outside. Patches lie on the whole image: where the
    network does not look, hiding changes nothing, and is not tried.

    Args:
        first, second: gallery rows, or (query set, place) of outside images.
        cells: patches along each side.

    Returns:
        Two maps: by how much the distance grows, in the metric of the space.

    Raises:
        QueryError: no such image or space, or a number of cells outside 1..``settings.OCCLUSION_MOST_CELLS``.
        CollectionError: an original image has gone or changed.
        NetworkError: the network cannot be had any more.
    """
    where = collection.space(space)
    if not 1 <= cells <= settings.OCCLUSION_MOST_CELLS:
        raise QueryError(
            f"{cells} cells along each side were asked for.", f"Use 1 to {settings.OCCLUSION_MOST_CELLS}."
        )
    pictures = [shrunk(where, picture) for picture in _pictures(collection, where, first, second)]
    asked = [
        [not unseen(where, picture, cell) for cell in grid_cells(*picture.shape[:2], cells=cells)]
        for picture in pictures
    ]
    hidden = [
        one
        for picture, seen in zip(pictures, asked, strict=True)
        for one, worth in zip(occluded(picture, cells=cells), seen, strict=True)
        if worth
    ]
    vectors = _embedded(where, [*pictures, *hidden], on_progress)
    whole, parts = vectors[:2], np.split(vectors[2:], [sum(asked[0])])
    value = float(distances(whole[:1], whole[1:], metric=where.metric)[0, 0])
    maps = []
    for place, picture in enumerate(pictures):
        found = np.full(len(asked[place]), value, np.float32)
        found[asked[place]] = distances(whole[1 - place : 2 - place], parts[place], metric=where.metric)[0]
        shape = (min(cells, picture.shape[0]), min(cells, picture.shape[1]))
        maps.append(HeatMap(occlusion_map(found, float(np.float32(value)), shape), (0.0, 0.0, 1.0, 1.0)))
    return Match((first, second), where.id, "distance", value, (maps[0], maps[1]))


def large_picture(collection: Collection, image: ImageKey) -> bytes:
    """Make a JPEG file of an image for the page from its original; the thumbnail where that has gone.

    Raises:
        QueryError: no such image.
    """
    try:
        return thumbnail(opened(collection, image), longer_px=settings.LARGE_PICTURE_PX)
    except DxrError:
        if isinstance(image, int):
            return collection.thumbnail(image)
        return find_query_set(collection, image[0]).thumbnail(image[1])


def _pictures(
    collection: Collection, where: Space, first: ImageKey, second: ImageKey
) -> tuple[Image.Image, Image.Image]:
    """Read two originals as they were read for a space."""
    checked_rows(collection, [one for one in (first, second) if isinstance(one, int)])
    least_px = Decoding.of(where.recipe).features_px
    return opened(collection, first, least_px), opened(collection, second, least_px)


def opened(collection: Collection, image: ImageKey, least_px: int = 0) -> Image.Image:
    """Read an original, of the gallery or of a query set."""
    if isinstance(image, int):
        checked_rows(collection, [image])
        return read_original(collection, image, least_px=least_px)
    one = find_query_set(collection, image[0])
    try:
        data = one.outside_image(image[1])
        return read_image(data, max_pixels=settings.UPLOAD_MAX_PIXELS, least_px=least_px)
    except UnreadableImage as error:
        raise QueryError(f"{one.outside[image[1]]} cannot be read: {error}.", "Add it again.") from error


def _embedded(where: Space, pictures: list[UInt8Array], on_progress: OnProgress) -> FloatArray:
    """Compute vectors as those of query images are: the same steps, whatever made the space."""
    files = []
    for number, picture in enumerate(pictures):
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "BMP")  # lossless and as quick as copying
        files.append((str(number), out.getvalue()))

    def tell(step: str, done: int, total: int) -> None:
        on_progress("hiding places" if total else step, done, total)

    found = embed_outside(files, [where], on_progress=tell)
    return found.vectors[where.fingerprint]
