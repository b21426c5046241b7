r"""Where disk and numbers meet: what a notebook imports, and what the command line and the page call.

import dxr_dash as dxr
photos = dxr.open_collection("photos.dxr")
faces, skipped = dxr.add_query_set(photos, "faces in things", images="FACES/")
found = dxr.answer(photos, faces.id)
print(found.sentence, found.table, sep="\n")
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import answer as answers
from dxr_dash.analysis import set_distances as passes
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.distribution import distance_axis, distribution
from dxr_dash.analysis.polygon import inside_polygon
from dxr_dash.collection import query_sets as sets
from dxr_dash.collection.build import build as build_chain
from dxr_dash.collection.gallery import Labels
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.collection.steps import write_json
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import (
    Answer,
    BuildReport,
    Distribution,
    DoubleArray,
    FloatArray,
    IntArray,
    Neighbours,
    OnProgress,
    SetDistances,
    Skipped,
    silent,
)

NEIGHBOURS_KEPT = 64  # of each member; more than any view shows
ANSWERS_KEPT = 64
_embedding = threading.Lock()  # one network at a time: two would only fight for the same cores


def build(
    images: Path | str,
    folder: Path | str,
    *,
    network: str = settings.NETWORK,
    layer: str = settings.LAYER,
    weights: Path | str | None = None,
    labels: str | Path | None = None,
    label_column: str | None = None,
    name: str | None = None,
    seed: int = settings.SEED,
    tsne: bool = False,
    on_progress: OnProgress = silent,
) -> BuildReport:
    """Make a collection from a folder of images, or bring it up to date.

    Args:
        images: the folder of images.
        folder: the collection, NAME.dxr.
        labels: "folder" for the name of each image's folder, or a CSV or Parquet file with a column ``path``.
        label_column: the column of that file to use as label; left out, ``label`` if there is one.
        tsne: draw the t-SNE layout, too, however many images there are; small collections have it anyway.

    Raises:
        ImagesError, NetworkError, CollectionError: as ``collection.build.build`` says.
    """
    from_folder = labels == "folder"
    source = Labels(from_folder, None if from_folder or labels is None else Path(labels), label_column)
    return build_chain(
        Path(images),
        Path(folder),
        network=network,
        layer=layer,
        weights=Path(weights) if weights else None,
        labels=source,
        name=name,
        seed=seed,
        tsne=tsne,
        on_progress=on_progress,
    )


def build_demo(folder: Path | str, *, fresh: bool = False, on_progress: OnProgress = silent) -> Collection:
    """Draw the demo's world, build its collection and add its query sets; what is there already is kept.

    Args:
        folder: where the images and the collection ``demo.dxr`` go.
        fresh: build the collection again even if it is there.

    Returns:
        The open collection, with three query sets: faces in things, things without faces (its control), and one
        kind of thing, which is easy.
    """
    folder = Path(folder)
    target, ready = folder / "demo.dxr", folder / "ready.json"
    if fresh:
        shutil.rmtree(target, ignore_errors=True)
        ready.unlink(missing_ok=True)
    if ready.exists():
        with suppress(CollectionError):  # of an older dxr, or damaged: the build below makes what is missing
            return open_collection(target)
    from dxr_dash import demo

    images = folder / "images"
    table = demo.write_world(
        images,
        seed=settings.SEED,
        on_progress=lambda done, total: on_progress("drawing the demo", done, total),
    )
    build(
        images,
        target,
        network=settings.BUNDLED_NETWORK,
        labels=table,
        label_column="kind",
        name="a drawn world of things",
        on_progress=on_progress,
    )
    collection = open_collection(target)
    if not collection.query_sets:
        _add_demo_sets(collection)
    write_json(ready, {"version": settings.VERSION})
    return collection


def _add_demo_sets(collection: Collection) -> None:
    """Add X, its control (as many of each kind, without a face) and the easy set."""
    kinds, faces = collection.column("label"), collection.column("face")
    has_face = faces.codes == faces.categories.index("yes")
    draw = np.random.default_rng(settings.SEED)
    plain = []
    for code in range(len(kinds.categories)):
        without = np.flatnonzero((kinds.codes == code) & ~has_face)
        n_faces = int(np.count_nonzero((kinds.codes == code) & has_face))
        plain += draw.choice(without, min(n_faces, len(without)), replace=False).tolist()
    easy = kinds.categories.index(settings.DEMO_EASY_KIND)
    things, _ = add_query_set(collection, "faces in things", rows=np.flatnonzero(has_face).tolist())
    control, _ = add_query_set(collection, "things without faces", rows=plain)
    set_control(collection, things.id, control.id)
    name = f"every {settings.DEMO_EASY_KIND}"
    add_query_set(collection, name, rows=np.flatnonzero(kinds.codes == easy).tolist())


def open_collection(folder: Path | str) -> Collection:
    """Open a collection for reading; its arrays stay on the disk until they are used.

    Raises:
        CollectionError: the folder is no finished collection, is damaged, or was made by another dxr.
    """
    return Collection(Path(folder))


def nearest(
    collection: Collection,
    query: Sequence[int] | str,
    *,
    k: int = settings.NEIGHBOURS_SHOWN,
    space: str | None = None,
) -> Neighbours:
    """Find the images truly nearest to an image, to several, or to a query set; by comparing with every image.

    Args:
        query: gallery rows, or a query set's id. With several images, an image counts as near as it is to the
            nearest of them. The query's own rows are left out, by row: a duplicate of the query is a neighbour.
        k: how many, at most.

    Raises:
        QueryError: there is no such row, set or space.
    """
    where = collection.space(space)
    if isinstance(query, str):
        found = set_distances(collection, query, space=space)
        items = found.items
    else:
        items = checked_rows(collection, query)
        found = passes.set_distances(
            where.vectors[items], items, where.vectors, metric=where.metric, k=1, n_bins=1
        )
    far = found.set_distance.copy()
    far[items[items >= 0]] = np.inf
    rows = np.argsort(far, kind="stable")[: min(k, int(np.isfinite(far).sum()))]
    return Neighbours(
        rows, far[rows], closer_than(far[rows], where.baseline), items[found.nearest_member[rows]]
    )


def row_distances(
    collection: Collection, row: int, rows: Sequence[int], *, space: str | None = None
) -> tuple[FloatArray, DoubleArray]:
    """Measure the true distances from one image to others: (n,) distances, (n,) baseline percentiles in 0..1."""
    where = collection.space(space)
    others = checked_rows(collection, rows)
    found = distances(
        where.vectors[checked_rows(collection, [row])], where.vectors[others], metric=where.metric
    )[0]
    return found, closer_than(found, where.baseline)


def set_distances(collection: Collection, query_set: str, *, space: str | None = None) -> SetDistances:
    """Measure a query set against the whole gallery in one pass; the last ones are kept.

    Raises:
        QueryError: there is no such set or space.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    return _measured(collection, where, one.id, one.rows, one.outside)


@lru_cache(maxsize=ANSWERS_KEPT)
def _measured(
    collection: Collection, where: Space, query_set: str, _rows: tuple[int, ...], _outside: tuple[str, ...]
) -> SetDistances:
    one = find_query_set(collection, query_set)
    return passes.set_distances(
        query_vectors(one, where),
        one.items,
        where.vectors,
        metric=where.metric,
        k=NEIGHBOURS_KEPT,
    )


def answer(
    collection: Collection, query_set: str, *, control: str | None = None, space: str | None = None
) -> Answer:
    """Answer "do these features retrieve X?" for a query set.

    Args:
        control: id of the control set; left out, the one stored with the query set, if any.

    Raises:
        QueryError: there is no such set or space, or the set has no image.
    """
    where = collection.space(space)
    one = find_query_set(collection, query_set)
    other = find_query_set(collection, control) if control else collection.query_sets.get(one.control or "")
    if other is not None and other.id == one.id:
        raise QueryError(f"{one.name} cannot be its own control.", "Choose another set.")
    key = (other.id, other.name, other.rows, other.outside) if other else None
    return _answered(collection, where, (one.id, one.name, one.rows, one.outside), key)


@lru_cache(maxsize=ANSWERS_KEPT)
def _answered(
    collection: Collection,
    where: Space,
    one: tuple[str, str, tuple[int, ...], tuple[str, ...]],
    other: tuple[str, str, tuple[int, ...], tuple[str, ...]] | None,
) -> Answer:
    against = None
    if other is not None:
        query, control = find_query_set(collection, one[0]), find_query_set(collection, other[0])
        members = query_vectors(query, where)
        own = ~np.isin(
            control.items, query.rows
        )  # an image cannot be X and its control; negative items never match
        controls = query_vectors(control, where)[own]
        if not len(controls):
            raise QueryError(
                f"Every image of {control.name} is in {query.name}, too.", "Choose another control set."
            )
        against = (other[1], len(controls), distances(members, controls, metric=where.metric))
    return answers.answer(
        one[1],
        set_distances(collection, one[0], space=where.id),
        where.baseline,
        control=against,
        seed=settings.SEED,
        draws=settings.BOOTSTRAP_DRAWS,
        confidence=settings.CONFIDENCE,
    )


def distributions(
    collection: Collection,
    query_sets: Sequence[str],
    *,
    space: str | None = None,
    items: Sequence[tuple[str, int]] = (),
) -> list[tuple[str | None, Distribution]]:
    """Bin and smooth distances on one shared axis.

    Args:
        query_sets: ids; each gives "to gallery" and "within".
        items: (set id, item) of single members whose own distances to the gallery are wanted too.

    Returns:
        Pairs of set id and distribution; the baseline first, with None.
    """
    where = collection.space(space)
    measured = {key: set_distances(collection, key, space=space) for key in query_sets}
    edges = distance_axis(where.baseline[-1:], binned=[one.edges for one in measured.values()])
    found: list[tuple[str | None, Distribution]] = [
        (None, distribution("baseline", edges=edges, values=where.baseline))
    ]
    for key, one in measured.items():
        pairs = one.within[np.triu_indices(len(one.items), 1)]
        found.append(
            (key, distribution("to gallery", edges=edges, counts=one.to_gallery, counts_edges=one.edges))
        )
        found.append((key, distribution("within", edges=edges, values=pairs)))
    for key, item in items:
        one = measured[key] if key in measured else set_distances(collection, key, space=space)
        place = np.flatnonzero(one.items == item)
        if len(place) == 0:
            raise QueryError(f"Image {item} is not in the query set.", "Reload the page.")
        counts = one.to_gallery[place]
        found.append((key, distribution(f"image {item}", edges=edges, counts=counts, counts_edges=one.edges)))
    return found


def add_query_set(
    collection: Collection,
    name: str,
    *,
    rows: Sequence[int] = (),
    images: Sequence[tuple[str, bytes]] | Path | str = (),
    control: str | None = None,
    on_progress: OnProgress = silent,
) -> tuple[QuerySet, tuple[Skipped, ...]]:
    """Keep a query set in the collection: gallery rows, images from outside, or both.

    Args:
        name: 1 to 80 characters.
        rows: gallery rows of members.
        images: a folder or file, or (name, bytes of the file) pairs. They are embedded with the collection's own
            networks; a bad file is left out and named.
        control: id of the control set.

    Returns:
        The set, and the files that were left out.

    Raises:
        QueryError: the name does not do, or there is no such row or control set.
        UploadError: no row, and no image that can be read.
        NetworkError: the collection's network cannot be loaded.
    """
    name = sets.checked_name(name)
    members = np.unique(checked_rows(collection, rows))
    if control is not None:
        find_query_set(collection, control)
    with _embedding:
        spaces = list(collection.spaces.values())
        outside = embed_outside(images, spaces, any_rows=len(members) > 0, on_progress=on_progress)
    query_id = sets.write_query_set(
        collection.folder,
        name,
        gallery=collection.manifest["gallery"],
        rows=members,
        members=collection.table.select(["path_bytes", "content"]).take(members),
        outside=outside.names,
        images=outside.files,
        thumbnails=outside.thumbnails,
        vectors=outside.vectors,
        control=control,
    )
    return find_query_set(collection, query_id), tuple(outside.skipped)


def find_query_set(collection: Collection, query_set: str) -> QuerySet:
    """Find a query set by its id, or by its name when no id fits.

    Raises:
        QueryError: there is no such set.
    """
    known = collection.query_sets
    if query_set in known:
        return known[query_set]
    named = [one for one in known.values() if one.name == query_set]
    if len(named) == 1:
        return named[0]
    there = ", ".join(one.name for one in known.values()) or "none yet"
    raise QueryError(f"{collection.name} has no query set {query_set!r}.", f"It has: {there}.")


def rename_query_set(collection: Collection, query_set: str, name: str) -> None:
    """Give a query set another name."""
    sets.change_query_set(find_query_set(collection, query_set), name=sets.checked_name(name))


def set_control(collection: Collection, query_set: str, control: str | None) -> None:
    """Choose the control set of a query set, or none."""
    one = find_query_set(collection, query_set)
    other = find_query_set(collection, control) if control is not None else None
    if other is not None and other.id == one.id:
        raise QueryError(f"{one.name} cannot be its own control.", "Choose another set.")
    sets.change_query_set(one, control=other.id if other else None)


def remove_query_set(collection: Collection, query_set: str) -> None:
    """Remove a query set; ``restore_query_set`` brings it back until the next build."""
    sets.remove_query_set(collection.folder, query_set)


def restore_query_set(collection: Collection, query_set: str) -> None:
    """Bring back a query set that was removed."""
    sets.restore_query_set(collection.folder, query_set)


def rows_in_polygon(
    collection: Collection,
    polygon: npt.ArrayLike,
    *,
    space: str | None = None,
    layout: str | None = None,
    mosaic: bool = False,
) -> IntArray:
    """Find the images that lie inside a polygon drawn on the map: (n,) rows, ascending.

    Args:
        polygon: (P, 2) corners in map coordinates, P >= 3; it closes itself.
        layout: "umap" or "tsne"; left out, UMAP.
        mosaic: whether the images lie in the cells of the mosaic; then the centres of their cells count.

    Raises:
        QueryError: it is no polygon, or there is no such space or layout.
    """
    where = collection.space(space).layout(layout)
    return inside_polygon(where.positions if mosaic else where.coordinates, polygon)


def query_vectors(one: QuerySet, where: Space) -> FloatArray:
    """Read the (Q, D) float32 vectors of a set's members, in the order of its items.

    Outside images that this feature space has not seen yet are embedded now, and kept.
    """
    inside = where.vectors[np.asarray(one.rows, np.int64)]
    if not one.outside:
        return inside
    outside = one.outside_vectors(where.fingerprint)
    if outside is None:
        images = list(zip(one.outside, one.outside_images(), strict=True))
        with _embedding:
            outside = embed_outside(images, [where]).vectors[where.fingerprint]
        sets.keep_outside_vectors(one, where.fingerprint, outside)
    return np.concatenate([inside, outside])


def checked_rows(collection: Collection, rows: Sequence[int] | IntArray) -> IntArray:
    """Check gallery rows that came from outside.

    Raises:
        QueryError: one of them does not exist.
    """
    found = np.asarray(rows, np.int64).reshape(-1)
    if len(found) and (found.min() < 0 or found.max() >= len(collection)):
        raise QueryError(
            "An image was asked for that is not in the collection.",
            f"Rows go from 0 to {len(collection) - 1}.",
        )
    return found
