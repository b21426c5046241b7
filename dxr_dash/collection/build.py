"""The chain: images -> features -> neighbour graph -> map, each step kept for good once it is done."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash import settings
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.collection.extraction import Extracted, extract
from dxr_dash.collection.gallery import (
    Blobs,
    Contents,
    Known,
    Labels,
    Row,
    contents_of,
    gallery_table,
    journal_thumbnails,
    journal_vectors,
    old_vectors,
    skipped_table,
    table_fingerprint,
    write_thumbnails,
    write_vectors,
)
from dxr_dash.collection.images import FoundFile, find_images
from dxr_dash.collection.journal import Journal
from dxr_dash.collection.map2d import cluster, map_coordinates, representatives
from dxr_dash.collection.neighbours import NeighbourGraph, graph_recall, k_occurrence, neighbour_graph
from dxr_dash.collection.networks import Network, load_network
from dxr_dash.collection.pack import Pack
from dxr_dash.collection.query_sets import forget_removed
from dxr_dash.collection.steps import fingerprint, locked, new_step, read_json, write_json
from dxr_dash.collection.store import MANIFEST, STEPS, listed_steps, read_manifest
from dxr_dash.errors import CollectionError, ImagesError, NetworkError
from dxr_dash.records import BuildReport, FloatArray, OnProgress, Skipped, silent

JOURNAL = "journal"


@dataclass
class Chain:
    """One build of one collection: what it was asked for, and where it has got to."""

    root: Path
    folder: Path
    name: str
    seed: int
    on_progress: OnProgress
    seconds: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, made_from: list[Any], write: Callable[[Path], None]) -> str:
        """Make one step, unless it has been made from the same things before; return its folder's name."""
        step = f"{name}-{fingerprint(name, made_from)[:12]}"
        folder = self.folder / STEPS / step
        if not folder.is_dir():
            with self.timed(name), new_step(folder) as part:
                write(part)
        return step

    def path(self, step: str) -> Path:
        """Say where a finished step lies."""
        return self.folder / STEPS / step

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's time to the report."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass
class Request:
    """One feature space that is asked for; its network is loaded only if an image needs it."""

    network: str
    layer: str
    weights: Path | None
    known: dict[str, Any] | None = None

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that decides which vectors come out, as far as it shows without loading the network."""
        if self.known is not None:
            return self.known
        if self.weights is not None and not self.weights.is_file():
            raise NetworkError(
                f"The weights file {self.weights} does not exist.", "Give the path of a file with --weights."
            )
        stat = self.weights.stat() if self.weights else None
        return {
            "network": self.network,
            "layer": self.layer,
            "weights": str(self.weights.resolve()) if self.weights else None,
            "weights_stamp": [stat.st_size, stat.st_mtime_ns] if stat else None,
            "torch": version("torch"),
            "torchvision": version("torchvision"),
            "dxr": settings.VERSION,
        }

    @cached_property
    def loaded(self) -> Network:
        """The network, ready to run."""
        return load_network(self.network, self.layer, weights=self.weights)

    @property
    def space_id(self) -> str:
        """The name of the space in the collection."""
        return f"{self.network}.{self.layer}"


@dataclass
class SpaceWork:
    """One feature space while it is brought up to date.

    Attributes:
        recipe: all that decides the vectors.
        vectors_step: the step of the finished collection that holds its vectors; None when there is none.
    """

    request: Request
    recipe: dict[str, Any]
    n_dims: int
    vectors_step: str | None
    journal: Journal = field(init=False)

    @classmethod
    def of(cls, request: Request, old: dict[str, Any] | None) -> SpaceWork:
        """Find out what the collection holds of a space; the network is loaded only if that cannot be told without."""
        held = old["spaces"].get(request.space_id) if old else None
        if held is not None and (held["request"] == request.facts or held["recipe"] == request.loaded.recipe):
            return cls(request, held["recipe"], held["n_dims"], held["steps"]["vectors"])
        return cls(request, request.loaded.recipe, request.loaded.n_dims, None)


def build(
    root: Path,
    folder: Path,
    *,
    network: str = settings.NETWORK,
    layer: str = settings.LAYER,
    weights: Path | None = None,
    labels: Labels | None = None,
    name: str | None = None,
    seed: int = settings.SEED,
    on_progress: OnProgress = silent,
) -> BuildReport:
    """Make a collection from a folder of images, or bring it up to date.

    Everything that is unchanged since the last build is kept: an image costs something only when it is new or
    changed. A build that was interrupted goes on where it stopped, and ends with the same bytes.

    Args:
        root: the folder of images.
        folder: the collection, NAME.dxr.
        labels: where labels and metadata come from.
        name: shown on the page; left out, the folder's name.
        seed: of the graph, the map, the clusters and the baseline.

    Raises:
        ImagesError: there is no usable image, or labels do not fit; an existing collection stays as it was.
        NetworkError: network, layer or weights cannot be had; raised before any image is read.
        CollectionError: the folder is something else, or another process is changing it.
    """
    created = _check_places(root, folder)
    try:
        with locked(folder):
            chain = Chain(root.resolve(), folder, name or folder.stem, seed, on_progress)
            return _run(chain, Request(network, layer, weights), labels or Labels())
    except BaseException:
        if created and not (folder / MANIFEST).exists() and not (folder / JOURNAL).exists():
            shutil.rmtree(folder, ignore_errors=True)  # nothing worth keeping: leave nothing behind
        raise


def _run(chain: Chain, request: Request, labels: Labels) -> BuildReport:
    """Read what is new, then make every step that is missing."""
    old = read_manifest(chain.folder)
    spaces = _spaces_wanted(old, request)  # loads the networks of new ones: errors about weights come first
    table_of_labels = labels.read()
    with chain.timed("finding images"):
        found = find_images(chain.root)
    if not found.files:
        raise ImagesError(
            f"{chain.root} holds no image: {found.n_other} other files, {len(found.skipped)} unreadable places.",
            f"dxr reads {', '.join(settings.IMAGE_SUFFIXES)}.",
        )
    known = Known.read(chain.folder, old)
    n_extracted = sum(_extract(chain, space, found.files, known) for space in spaces)
    rows = known.rows(found.files)
    skipped = skipped_table(found.skipped, known.skips(found.files))
    if not rows:
        if old is None:
            shutil.rmtree(chain.folder / JOURNAL, ignore_errors=True)
        first = "; ".join(f"{line['path']}: {line['skipped']}" for line in skipped.slice(0, 3).to_pylist())
        raise ImagesError(
            f"None of the {len(found.files)} files in {chain.root} is a usable image ({first}).",
            "Give others.",
        )
    manifest = _finish(chain, spaces, rows, skipped, labels, table_of_labels, known, old)
    _tidy(chain.folder, manifest)
    return BuildReport(
        folder=chain.folder,
        n_images=len(rows),
        n_extracted=n_extracted,
        n_removed=known.n_removed(found.files),
        skipped=tuple(Skipped(line["path"], line["skipped"]) for line in skipped.to_pylist()),
        graph_recall=manifest["spaces"][request.space_id]["recall"],
        seconds=chain.seconds,
    )


def _spaces_wanted(old: dict[str, Any] | None, request: Request) -> list[SpaceWork]:
    """List the feature spaces to bring up to date: those that exist, then the one asked for."""
    requests = []
    for facts in (old["spaces"] if old else {}).values():
        asked = facts["request"]
        weights = Path(asked["weights"]) if asked["weights"] else None
        requests.append(Request(asked["network"], asked["layer"], weights, asked))
    wanted = [*(one for one in requests if one.space_id != request.space_id), request]
    return [SpaceWork.of(one, old) for one in wanted]


def _extract(chain: Chain, space: SpaceWork, files: list[FoundFile], known: Known) -> int:
    """Run the images that need it through the network, keeping each batch as it is done; return how many."""
    space.journal = Journal(chain.folder / JOURNAL / fingerprint(space.recipe)[:12], space.n_dims)
    have = known.add(space.journal) | (set(known.contents) if space.vectors_step else set())
    todo = [file for file in files if known.needs(file, have)]
    n_run = 0
    if todo:
        with chain.timed("reading images"):
            for batch in extract(
                chain.root, todo, space.request.loaded, known=have.__contains__, on_progress=chain.on_progress
            ):
                kept = [_finite(one) for one in batch]
                space.journal.append(kept)
                known.take(kept)
                have.update(one.content for one in kept if one.vector is not None and one.content)
                n_run += sum(one.vector is not None for one in kept)
    return n_run


def _finite(one: Extracted) -> Extracted:
    """Refuse vectors that no distance can be computed from."""
    if one.vector is None or np.isfinite(one.vector).all():
        return one
    return replace(one, vector=None, thumbnail=None, skipped="its features are not finite numbers")


def _finish(
    chain: Chain,
    spaces: list[SpaceWork],
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
    contents_key = fingerprint(contents.tobytes())

    def write_gallery(part: Path) -> None:
        pq.write_table(table, part / "images.parquet", compression="zstd")
        pq.write_table(skipped, part / "skipped.parquet", compression="zstd")

    def thumbnail_sources() -> Iterator[tuple[Contents, Blobs]]:
        if old is not None:
            yield before, Pack(chain.path(old["thumbnails"]), "thumbnails")
        for space in spaces:
            yield from journal_thumbnails(space.journal)

    def write_space_vectors(space: SpaceWork) -> Callable[[Path], None]:
        def sources() -> Iterator[tuple[Contents, FloatArray]]:
            if space.vectors_step:
                yield from old_vectors(chain.path(space.vectors_step), before)
            yield from journal_vectors(space.journal)

        return lambda part: write_vectors(part, contents, space.n_dims, sources(), chain.on_progress)

    thumbnail_settings = [settings.THUMBNAIL_PX, settings.THUMBNAIL_QUALITY]
    manifest = {
        "format": settings.FORMAT,
        "name": chain.name,
        "images_root": str(chain.root),
        "n_images": len(rows),
        "gallery": chain.step(
            "gallery", [table_fingerprint(table), table_fingerprint(skipped)], write_gallery
        ),
        "thumbnails": chain.step(
            "thumbnails",
            [contents_key, thumbnail_settings],
            lambda part: write_thumbnails(part, contents, thumbnail_sources),
        ),
        "spaces": {
            space.request.space_id: chain_of_space(
                chain, space, chain.step("vectors", [space.recipe, contents_key], write_space_vectors(space))
            )
            for space in spaces
        },
        "default_space": spaces[-1].request.space_id,
    }
    manifest["fingerprint"] = fingerprint(manifest)
    if manifest != old:
        write_json(chain.folder / MANIFEST, manifest)
    return manifest


def chain_of_space(chain: Chain, space: SpaceWork, vectors_step: str) -> dict[str, Any]:
    """Make one feature space's graph, map, clusters and baseline from its vectors; return its part of the manifest."""
    metric, seed = settings.METRIC, chain.seed
    vectors = np.load(chain.path(vectors_step) / "vectors.npy", mmap_mode="r")

    def write_graph(part: Path) -> None:
        graph = neighbour_graph(
            vectors,
            metric=metric,
            n_neighbours=settings.GRAPH_NEIGHBOURS,
            seed=seed,
            on_progress=chain.on_progress,
        )
        recall_at = min(settings.RECALL_AT, graph.rows.shape[1])
        recall = graph_recall(
            vectors, graph, metric=metric, k=recall_at, sample=settings.RECALL_SAMPLE, seed=seed
        )
        np.save(part / "neighbours.npy", graph.rows)
        np.save(part / "distances.npy", graph.distances)
        np.save(part / "k_occurrence.npy", k_occurrence(graph, recall_at))
        write_json(
            part / "graph.json", {"recall": recall, "recall_at": recall_at, "graph_method": graph.method}
        )

    graph_settings = [
        metric,
        settings.GRAPH_NEIGHBOURS,
        settings.EXACT_GRAPH_LIMIT,
        seed,
        version("pynndescent"),
    ]
    graph_step = chain.step("graph", [vectors_step, graph_settings], write_graph)
    graph_folder = chain.path(graph_step)
    graph_facts = read_json(graph_folder / "graph.json")
    graph = NeighbourGraph(
        np.load(graph_folder / "neighbours.npy"),
        np.load(graph_folder / "distances.npy"),
        graph_facts["graph_method"],
    )

    def write_map(part: Path) -> None:
        coordinates = map_coordinates(
            vectors,
            graph,
            metric=metric,
            n_neighbours=settings.MAP_NEIGHBOURS,
            min_distance=settings.MAP_MIN_DISTANCE,
            seed=seed,
            on_progress=chain.on_progress,
        )
        np.save(part / "coordinates.npy", coordinates)

    def write_clusters(part: Path) -> None:
        chain.on_progress("clusters", 0, 0)
        clusters = cluster(graph, n_neighbours=settings.MAP_NEIGHBOURS, seed=seed)
        np.save(part / "clusters.npy", clusters)
        np.save(part / "representatives.npy", representatives(vectors, clusters, metric=metric))

    def write_baseline(part: Path) -> None:
        chain.on_progress("baseline", 0, 0)
        n_pairs, limit = settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT
        found = baseline_distances(vectors, metric=metric, n_pairs=n_pairs, all_pairs_limit=limit, seed=seed)
        np.save(part / "baseline.npy", found)

    map_settings = [settings.MAP_NEIGHBOURS, settings.MAP_MIN_DISTANCE, seed, version("umap-learn")]
    baseline_settings = [metric, settings.BASELINE_PAIRS, settings.BASELINE_ALL_PAIRS_LIMIT, seed]
    return {
        "request": space.request.facts,
        "recipe": space.recipe,
        "metric": metric,
        "n_dims": space.n_dims,
        **graph_facts,
        "steps": {
            "vectors": vectors_step,
            "graph": graph_step,
            "map": chain.step("map", [graph_step, map_settings], write_map),
            "clusters": chain.step("clusters", [graph_step, seed, version("scikit-network")], write_clusters),
            "baseline": chain.step("baseline", [vectors_step, baseline_settings], write_baseline),
        },
    }


def _tidy(folder: Path, manifest: dict[str, Any]) -> None:
    """Delete what the manifest no longer names."""
    kept = set(listed_steps(manifest))
    for path in (folder / STEPS).iterdir():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(folder / JOURNAL, ignore_errors=True)
    forget_removed(folder)


def _check_places(root: Path, folder: Path) -> bool:
    """Refuse folders that cannot be meant; make the collection's folder and say whether it is new."""
    if not root.is_dir():
        raise ImagesError(f"{root} is not a folder.", "Give the folder that holds the images.")
    if folder.suffix != settings.SUFFIX:
        raise CollectionError(
            f"{folder} does not end in {settings.SUFFIX}.", f"Name it {folder.name}{settings.SUFFIX}."
        )
    created = not folder.exists()
    try:
        ours = any((folder / name).exists() for name in (MANIFEST, JOURNAL, STEPS))
        if not created and not ours and any(folder.iterdir()):
            raise CollectionError(f"{folder} holds other files.", "Give a new name, or empty it.")
        (folder / STEPS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(
            f"{folder} cannot be used: {error.strerror}.", "Give a folder that you may write to."
        ) from None
    return created
