"""The chain: images -> features -> neighbour graph -> map, each step kept for good once it is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from dxr_dash import settings
from dxr_dash.collection.benchmarks.patch_files import forget_patches
from dxr_dash.collection.chain import Chain, DamagedStepError
from dxr_dash.collection.decoding import REDUCED
from dxr_dash.collection.features import JOURNAL, Features, Gallery, read_images
from dxr_dash.collection.gallery import (
    Blobs,
    Contents,
    HeldLabels,
    Known,
    Labels,
    Row,
    contents_of,
    gallery_table,
    journal_thumbnails,
    skipped_table,
    table_fingerprint,
)
from dxr_dash.collection.growing import Before
from dxr_dash.collection.images import Found, find_images
from dxr_dash.collection.layouts import grown_since
from dxr_dash.collection.manifest import MANIFEST, STEPS, listed_steps, manifest_fingerprint, read_manifest
from dxr_dash.collection.networks import Loader, is_depth_control
from dxr_dash.collection.own_features import OwnFeatures, pictures_only
from dxr_dash.collection.pack import Pack
from dxr_dash.collection.picture_steps import swatches_step, thumbnails_step
from dxr_dash.collection.query_sets import forget_removed
from dxr_dash.collection.reading import read_table
from dxr_dash.collection.recipes import Recipe
from dxr_dash.collection.removal import end_removal
from dxr_dash.collection.requests import OwnRequest, Request
from dxr_dash.collection.scans import forget_stale
from dxr_dash.collection.shared_images import shared_images
from dxr_dash.collection.spaces import SpaceWork, make_space, plan_spaces
from dxr_dash.collection.steps import (
    LOCK,
    clear_parts,
    discard,
    disk_in_words,
    locked,
    read_json,
    write_json,
    write_table,
)
from dxr_dash.errors import CollectionError, ImagesError
from dxr_dash.records import BuildReport, OnProgress, Skipped, silent

ENDING = ".ending"  # names the manifest of a build that has nothing left to do but to tidy up


def build(
    root: Path | None,
    folder: Path,
    *,
    network: str = settings.NETWORK,
    layers: Sequence[str] = (settings.LAYER,),
    weights: Path | None = None,
    recipe: str | None = None,
    vectors: Path | None = None,
    labels: Labels | None = None,
    name: str | None = None,
    seed: int = settings.SEED,
    tsne: bool = False,
    fresh: bool = False,
    on_progress: OnProgress = silent,
) -> BuildReport:
    """Make a collection from a folder of images, or bring it up to date.

    Everything that is unchanged since the last build is kept: an image costs something only when it is new or
    changed. A build that was interrupted goes on where it stopped, and ends with the same bytes.

    Args:
        root: the folder of images; with ``vectors`` it may be None: then the collection's own, or no images at all.
        folder: the collection, NAME.dxr.
        layers: of the network, each as NAME or NAME:POOLING; one feature space each, the first is shown first.
        recipe: what is done to their features, as ``recipes.Recipe`` reads it.
        vectors: a file of vectors that were made elsewhere, instead of a network's features.
        labels: where labels and metadata come from.
        name: shown on the page; left out, the folder's name.
        seed: of the graph, the layouts, the clusters and the baseline.
        tsne: draw the t-SNE layout however many images there are. It is drawn anyway up to
            ``settings.TSNE_LIMIT`` images, and for a space that has it already.
        fresh: lay everything out afresh, and decode large JPEG files as a new collection does. Left out, graph,
            layouts and clusters of a finished collection are grown: old images stay where they are until
            ``settings.GROWTH_LIMIT`` of them have come or gone; and JPEG files are decoded as they were.

    Raises:
        ImagesError: there is no usable image, or labels do not fit; an existing collection stays as it was.
        NetworkError: network, layer or weights cannot be had; raised before any image is read.
        CollectionError: the folder is something else, or another process is changing it.
    """
    if root is None and vectors is None:
        raise ImagesError(
            "There is nothing to build from.", "Give a folder of images, or vectors with --vectors."
        )
    steps = Recipe.parse(recipe)
    requests: list[Request | OwnRequest]
    if vectors is not None:
        requests = [OwnRequest.checked(vectors, steps)]
    else:
        requests = [Request.checked(network, layer, weights, steps) for layer in layers]
    _check_places(root, folder)
    chain = Chain(
        root.resolve() if root else None, folder, name or folder.stem, seed, tsne, on_progress, fresh
    )
    return _run_alone(chain, requests, labels or Labels())


def add_spaces(
    folder: Path, spaces: Sequence[tuple[str, str]], *, on_progress: OnProgress = silent
) -> BuildReport | None:
    """Add feature spaces to a finished collection, and leave all else as it is: images, labels, name, first space.

    The layers of one network share one pass over the images. Stopped, the same call goes on where it was.

    Args:
        spaces: networks and their layers; those that are there already cost nothing.

    Returns:
        What was done; None where every space was there.

    Raises:
        NetworkError: a network, layer or its weights cannot be had.
        ImagesError: the images are not there, or not those that the collection was built from.
        CollectionError: there is no finished collection, or another process is changing it.
    """
    requests = [Request.checked(network, layer, None, Recipe()) for network, layer in spaces]
    manifest = read_manifest(folder)
    if manifest is None:
        raise CollectionError(
            f"{folder} holds no finished collection.", f"Make one with `dxr build IMAGES --to {folder}`."
        )
    lacking = [request for request in requests if request.space_id not in manifest["spaces"]]
    if not lacking:
        _end_tidying(folder)
        return None
    if not manifest["images_root"]:
        raise ImagesError(
            f"{folder} holds vectors without images: no network can add {lacking[0].space_id}.",
            f"Give it the images with `dxr build IMAGES --to {folder}`.",
        )
    root = Path(manifest["images_root"])
    _check_root(root)
    labels = HeldLabels(gallery=folder / STEPS / manifest["gallery"] / "images.parquet")
    seed = manifest.get("seed", settings.SEED)  # collections of before 0.3 do not say
    chain = Chain(root, folder, manifest["name"], seed, False, on_progress)
    return _run_alone(chain, lacking, labels, first=manifest["default_space"])


def _run_alone(
    chain: Chain, requests: Sequence[Request | OwnRequest], labels: Labels, *, first: str | None = None
) -> BuildReport:
    """Build while no other process may, and leave nothing behind where nothing was made."""
    folder, nothing = chain.folder, False
    try:
        with disk_in_words(folder), locked(folder):
            try:
                while True:
                    try:
                        return _run(chain, requests, labels, first)
                    except DamagedStepError as damage:
                        chain.make_again(damage)
            finally:  # only while we hold the lock: another build may be at its first images
                kept = [*(folder / STEPS).glob("[!.]*"), folder / MANIFEST, folder / JOURNAL]
                nothing = not any(path.exists() for path in kept)
                if nothing:
                    shutil.rmtree(folder / STEPS, ignore_errors=True)
    finally:
        if nothing:
            (folder / LOCK).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()


def _run(
    chain: Chain, requests: Sequence[Request | OwnRequest], labels: Labels, first: str | None
) -> BuildReport:
    """Read what is new, then make every step that is missing.

    Args:
        first: the space to show first; with it, the gallery must be as it was. Left out, that of the first request.
    """
    manifest_before = read_manifest(chain.folder)
    if manifest_before is not None and _is_ending(chain.folder, manifest_before):
        _tidy(chain.folder, manifest_before)  # or what is journalled now would go with what has been built
    old = manifest_before if _readable(chain, manifest_before) else None
    if chain.root is None and manifest_before is not None and manifest_before["images_root"]:
        chain.root = Path(manifest_before["images_root"])
        _check_root(chain.root)
    anew = manifest_before is None or chain.fresh
    chain.reduced = settings.REDUCED_LEAST if anew else (manifest_before or {}).get(REDUCED, 0)
    loader = Loader()
    spaces = plan_spaces(  # loads the networks of new ones: errors about weights come first
        chain, manifest_before, readable=old is not None, requests=requests, loader=loader
    )
    table_of_labels = labels.read()
    known = Known.read(chain.folder, old)
    found = _find(chain, spaces, known)
    if first is not None:
        _check_unchanged(chain, found, known, old)
    for space in spaces:
        space.request.recipe.check_fits(len(found.files), space.features.n_dims)
    own = [space.features for space in spaces if isinstance(space.features, OwnFeatures)]
    features = list(
        {id(one.features): one.features for one in spaces if isinstance(one.features, Features)}.values()
    )
    for one in own:
        one.match(found.files, known)
    if chain.root is not None and not features:
        features = [pictures_only(chain, old)]
    n_extracted = read_images(chain, chain.root, features, found.files, known, loader) if chain.root else 0
    rows = known.rows(found.files)
    skipped = skipped_table(found.skipped, known.skips(found.files))
    if not rows:
        if manifest_before is None:
            shutil.rmtree(chain.folder / JOURNAL, ignore_errors=True)
        first = "; ".join(f"{line['path']}: {line['skipped']}" for line in skipped.slice(0, 3).to_pylist())
        raise ImagesError(
            f"None of the {len(found.files)} files in {chain.root} is a usable image ({first}).",
            "Give others.",
        )
    manifest = _finish(
        chain,
        spaces,
        features,
        first or _shown_first(requests[0].space_id, manifest_before),
        rows,
        skipped,
        labels,
        table_of_labels,
        known,
        old,
    )
    _tidy(chain.folder, manifest)
    return BuildReport(
        folder=chain.folder,
        n_images=len(rows),
        n_extracted=n_extracted,
        n_removed=known.n_removed(found.files),
        skipped=tuple(Skipped(line["path"], line["skipped"]) for line in skipped.to_pylist()),
        graph_recall=manifest["spaces"][requests[0].space_id]["recall"],
        grown=grown_since(manifest["spaces"][requests[0].space_id]),
        seconds=chain.seconds,
    )


def _readable(chain: Chain, manifest: dict[str, Any] | None) -> bool:
    """Say whether the finished collection can serve as a source: steps may be damaged, or deleted for that."""
    if manifest is None or not all(chain.has(manifest[step]) for step in ("gallery", "thumbnails")):
        return False
    chain.check(manifest["gallery"])
    return True


def _shown_first(asked: str, manifest: dict[str, Any] | None) -> str:
    """Choose the space that is shown first: the one asked for, but no control for depth instead of what it controls."""
    is_control = is_depth_control(asked.partition(".")[0])
    if manifest is not None and is_control:
        return str(manifest["default_space"])
    return asked


def _finish(
    chain: Chain,
    spaces: list[SpaceWork],
    features: Sequence[Features],
    default_space: str,
    rows: list[Row],
    skipped: pa.Table,
    labels: Labels,
    table_of_labels: pd.DataFrame | None,
    known: Known,
    old: dict[str, Any] | None,
) -> dict[str, Any]:
    """Make every step that is missing, then point the manifest at all of them at once."""
    table = gallery_table(rows, labels, table_of_labels)
    contents = contents_of(row.content for row in rows)
    before = contents_of(known.contents)
    gallery = Gallery(rows, contents, before)

    def write_gallery(part: Path) -> None:
        write_table(part / "images.parquet", table)
        write_table(part / "skipped.parquet", skipped)

    def thumbnail_sources() -> Iterator[tuple[Contents, Blobs]]:
        for one in features:
            yield from journal_thumbnails(one.journal)
        if old is not None:
            yield before, Pack(chain.path(old["thumbnails"]), "thumbnails")

    shared = shared_images(known.paths, before, [row.file.path for row in rows], contents)
    thumbnails = thumbnails_step(chain, table, contents, thumbnail_sources)
    manifest = {
        "format": settings.FORMAT,
        "name": chain.name,
        "images_root": str(chain.root) if chain.root else "",
        "n_images": len(rows),
        "gallery": chain.step(
            "gallery", [table_fingerprint(table), table_fingerprint(skipped)], write_gallery
        ),
        "thumbnails": thumbnails,
        "swatches": swatches_step(chain, thumbnails, old, shared),
        "spaces": {
            space.request.space_id: make_space(
                chain,
                space,
                space.features.make(chain, gallery),
                Before(old["spaces"], shared) if old else None,
            )
            for space in spaces
        },
        "default_space": default_space,
        "seed": chain.seed,
        **chain.decoding,
    }
    manifest["fingerprint"] = manifest_fingerprint(manifest)
    if manifest != read_manifest(chain.folder):
        write_json(chain.folder / ENDING, manifest["fingerprint"])
        write_json(chain.folder / MANIFEST, manifest)
    return manifest


def _is_ending(folder: Path, manifest: dict[str, Any]) -> bool:
    """Say whether the build that wrote a manifest was killed before it had tidied up."""
    with suppress(CollectionError):
        return bool(read_json(folder / ENDING) == manifest["fingerprint"])
    return False


def _end_tidying(folder: Path) -> None:
    """Tidy up after a build that was killed once its manifest was there; one at work does so itself."""
    if (folder / ENDING).exists():
        with suppress(CollectionError), disk_in_words(folder), locked(folder):
            manifest = read_manifest(folder)
            if manifest is not None and _is_ending(folder, manifest):
                _tidy(folder, manifest)


def _find(chain: Chain, spaces: Sequence[SpaceWork], known: Known) -> Found:
    """Find the images, or the names that stand for them."""
    if chain.root is None:
        given = [one.features.given for one in spaces if isinstance(one.features, OwnFeatures)]
        names = next((one.files() for one in reversed(given) if one is not None), None)
        files = sorted(known.by_file, key=lambda file: file.path) if names is None else names
        known.take_names(files)
        return Found(files, [], 0)
    with chain.timed("finding images"):
        found = find_images(chain.root)
    if not found.files:
        raise ImagesError(
            f"{chain.root} holds no image: {found.n_other} other files, {len(found.skipped)} unreadable places.",
            f"dxr reads {', '.join(settings.IMAGE_SUFFIXES)}.",
        )
    return found


def _check_unchanged(chain: Chain, found: Found, known: Known, old: dict[str, Any] | None) -> None:
    """Refuse images that are not those of the collection: labels and query sets are of what it was built from."""
    if old is None:
        raise CollectionError(
            f"{chain.folder} is damaged.", "Run the `dxr build` command again that made it."
        )
    skipped = read_table(chain.path(old["gallery"]) / "skipped.parquet", columns=["path_bytes"])
    passed_over = set(skipped.column("path_bytes").to_pylist())
    n_new = sum(file not in known.by_file and file.path not in passed_over for file in found.files)
    n_gone = known.n_removed(found.files)
    if n_new or n_gone:
        raise ImagesError(
            f"{chain.root} has changed since {chain.folder} was built: {n_new} images are new or changed, "
            f"{n_gone} gone.",
            "Run the `dxr build` command again that made it.",
        )


def _tidy(folder: Path, manifest: dict[str, Any]) -> None:
    """Delete what the manifest no longer names."""
    kept = set(listed_steps(manifest))
    for path in (folder / STEPS).iterdir():
        if path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in kept:
            discard(path)
    shutil.rmtree(folder / JOURNAL, ignore_errors=True)
    clear_parts(folder)
    forget_removed(folder)
    forget_stale(folder, list(kept))
    forget_patches(folder, kept)
    with suppress(CollectionError):  # what is in the way now, the next change ends
        end_removal(folder)
    (folder / ENDING).unlink(missing_ok=True)  # last: as long as it is there, there is something to tidy


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise ImagesError(f"{root} is not a folder.", "Give the folder that holds the images.")


def _check_places(root: Path | None, folder: Path) -> None:
    """Refuse folders that cannot be meant; make the collection's folder."""
    if root is not None:
        _check_root(root)
    if folder.suffix != settings.SUFFIX:
        raise CollectionError(
            f"{folder} does not end in {settings.SUFFIX}.", f"Name it {folder.name}{settings.SUFFIX}."
        )
    try:
        ours = any((folder / name).exists() for name in (MANIFEST, JOURNAL, STEPS))
        if folder.exists() and not ours and any(folder.iterdir()):
            raise CollectionError(f"{folder} holds other files.", "Give a new name, or empty it.")
        (folder / STEPS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(
            f"{folder} cannot be used: {error.strerror}.", "Give a folder that you may write to."
        ) from None
