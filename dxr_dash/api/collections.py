"""Make and open collections."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.api.query_sets import add_query_set, set_control
from dxr_dash.collection.build import build as build_chain
from dxr_dash.collection.check import check as check_files
from dxr_dash.collection.gallery import Labels
from dxr_dash.collection.networks import usual_layer
from dxr_dash.collection.removal import remove_spaces as remove_from
from dxr_dash.collection.steps import write_json
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError
from dxr_dash.records import (
    BuildReport,
    OnProgress,
    Removal,
    silent,
)


def build(
    images: Path | str | None,
    folder: Path | str,
    *,
    network: str = settings.NETWORK,
    layer: str | Sequence[str] = (),
    weights: Path | str | None = None,
    recipe: str | None = None,
    vectors: Path | str | None = None,
    labels: str | Path | None = None,
    label_column: str | None = None,
    name: str | None = None,
    seed: int = settings.SEED,
    tsne: bool = False,
    fresh: bool = False,
    on_progress: OnProgress = silent,
) -> BuildReport:
    """Make a collection from a folder of images, or bring it up to date.

    Args:
        images: the folder of images; with ``vectors`` it may be None: then the collection's own, or no images at all.
        folder: the collection, NAME.dxr.
        layer: of the network, NAME or NAME:POOLING; of several each gives a feature space, from one pass over
            the images, and the first is shown first. Left out, fc7 where there is one, else what the classifier reads.
        recipe: what is done to the features, such as "l2,pca:128:whiten,l2" (docs/features.md).
        vectors: a .npy, .npz or .parquet file of vectors that were made elsewhere, instead of a network's features.
        labels: "folder" for the name of each image's folder, or a CSV or Parquet file with a column ``path``.
        label_column: the column of that file to use as label; left out, ``label`` if there is one.
        tsne: draw the t-SNE layout, too, however many images there are; small collections have it anyway.
        fresh: lay everything out afresh. Left out, images that were there before stay where they are on map and
            mosaic, and new ones find their places among them, until many have come or gone (docs/layouts.md). It also
            reads large JPEG files anew that an older dxr decoded whole (docs/performance.md).

    Raises:
        ImagesError, NetworkError, CollectionError: as ``collection.build.build`` says.
    """
    if not 0 <= seed <= settings.MOST_SEED:
        raise CollectionError(f"{seed} is no seed.", f"Give a number from 0 to {settings.MOST_SEED}.")
    from_folder = labels == "folder"
    layers = [layer] if isinstance(layer, str) else list(layer)
    if not layers and vectors is None:
        layers = [usual_layer(network)]
    source = Labels(from_folder, None if from_folder or labels is None else Path(labels), label_column)
    return build_chain(
        None if images is None else Path(images),
        Path(folder),
        network=network,
        layers=layers,
        weights=Path(weights) if weights else None,
        recipe=recipe,
        vectors=Path(vectors) if vectors else None,
        labels=source,
        name=name,
        seed=seed,
        tsne=tsne,
        fresh=fresh,
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


def remove_spaces(folder: Path | str, spaces: str | Sequence[str], *, dry_run: bool = False) -> Removal:
    """Remove feature spaces from a collection, and all that rests on them alone; everything else stays as it is.

    Args:
        spaces: the id of one, or several.
        dry_run: only say what would go.

    Raises:
        QueryError: there is no such space, or it is the only one or the one that is shown first.
        CollectionError: there is no finished collection, it is being changed, or a scan of it is at work.
    """
    names = [spaces] if isinstance(spaces, str) else list(spaces)
    return remove_from(Path(folder), names, dry_run=dry_run)


def open_collection(folder: Path | str) -> Collection:
    """Open a collection for reading; its arrays stay on the disk until they are used.

    Raises:
        CollectionError: the folder is no finished collection, is damaged, or was made by another dxr.
    """
    return Collection(Path(folder))


def check(folder: Path | str) -> list[str]:
    """Compare every file of a collection with its recorded size and hash.

    Returns:
        What is wrong, one line each, with what mends it; empty when all is well.

    Raises:
        CollectionError: there is no finished collection, or its manifest cannot be read.
    """
    return check_files(Path(folder))
