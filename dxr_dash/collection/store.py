"""One open collection: everything is read in place, nothing is written.

The folder NAME.dxr holds

    manifest.json                what the collection is made of; replaced last, so it never names unfinished files
    steps/gallery-*/             images.parquet (one line an image, in row order), skipped.parquet
    steps/thumbnails-*/          thumbnails.bin, thumbnails.offsets.npy
    steps/swatches-*/            swatches.npy (N, 8, 8, 3) uint8
    steps/vectors-*/             vectors.npy (N, D) float32, as the network gave them
    steps/processed-*/           vectors.npy (N, D) float32, after the steps of a recipe; *-pca-mean.npy,
                                 *-pca-components.npy, *-pca-deviations.npy: what the step of that place has learnt
    steps/graph-*/               neighbours.npy (N, K) int32, distances.npy (N, K) float32, k_occurrence.npy,
                                 graph.json; further_neighbours.npy, further_distances.npy: columns in reserve
    steps/map-*/, tsne-*/        coordinates.npy (N, 2) float32
    steps/mosaic-*/              cells.npy (N,) int32, mosaic.json; one for each layout
    steps/honesty-*/             kept.npy (N,) float32, honesty.json; one for each layout
    steps/clusters-*/            clusters.npy (N,) int32, representatives.npy (C,) int64
    steps/baseline-*/            baseline.npy (M,) float32, ascending
    queries/ID/                  one query set each (query_sets.py)
    benchmarks/                  vectors of cropped queries (benchmarks/crops.py) and of patches (patch_files.py)
    scans/KEY/                   one scan each (scans.py)
    journal/                     batches of a build that has not finished
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dxr_dash import settings
from dxr_dash.collection.labels import LABEL, RESERVED
from dxr_dash.collection.layouts import TITLES, TSNE, UMAP, Layout, grown_since
from dxr_dash.collection.manifest import STEPS, finished_manifest, listed_steps
from dxr_dash.collection.pack import Pack
from dxr_dash.collection.query_sets import QuerySet, ReadSets, read_query_sets
from dxr_dash.collection.reading import (
    damaged,
    open_array,
    read_table,
)
from dxr_dash.collection.recipes import apply_steps
from dxr_dash.collection.requests import build_options
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import FloatArray, Grown, IntArray, Skipped

MOST_CATEGORIES = 256  # values of a column that can still be told apart on the map
MAINLY = 0.4  # share of a cluster that one label must have to name it


@dataclass(frozen=True)
class Column:
    """One column of metadata: (N,) int32 codes into the categories; -1 where the value is missing."""

    codes: npt.NDArray[np.int32]
    categories: tuple[str, ...]


class Space:
    """One feature space of an open collection; arrays are opened, memory-mapped, when first used."""

    def __init__(
        self, space_id: str, facts: dict[str, Any], steps: Path, n_images: int, label: Column | None
    ) -> None:
        self.id = space_id
        self.n_images = n_images
        self.recipe: dict[str, Any] = facts["recipe"]
        self.network: str = self.recipe["network"]
        self.layer: str = self.recipe["layer"]
        self.metric: str = facts["metric"]
        self.n_dims: int = facts["n_dims"]
        self.recall: float | None = facts["recall"]
        self.recall_at: int = facts["recall_at"]
        self.graph_method: str = facts["graph_method"]
        self.fingerprint: str = facts["steps"]["vectors"].rpartition("-")[2]
        self.features_step: str = facts["steps"].get("features", facts["steps"]["vectors"])
        self.step_names: tuple[str, ...] = tuple(facts["steps"].values())
        self.request: dict[str, Any] = facts["request"]
        self.grown: Grown | None = grown_since(facts)
        self._steps = {name: steps / folder for name, folder in facts["steps"].items()}
        self._folder = steps.parent
        self._label = label
        self.layouts: dict[str, Layout] = {
            name: Layout(
                name, {step: steps / folder for step, folder in facts["layouts"][name].items()}, n_images
            )
            for name in TITLES
            if name in facts["layouts"]
        }

    def _open(
        self, step: str, name: str, kind: str, *shape: int | None, rows: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        return open_array(self._steps[step] / f"{name}.npy", kind, shape, rows=rows)

    @cached_property
    def vectors(self) -> FloatArray:
        """(N, D) float32: the network's features, taken through the steps of the space's recipe."""
        return self._open("vectors", "vectors", "f", self.n_images, self.n_dims)

    def process(self, features: FloatArray) -> FloatArray:
        """Take (n, D') float32 features of other images through the steps that the gallery went through."""
        return apply_steps(self._steps["vectors"], features, self.recipe.get("steps", ()))

    @cached_property
    def neighbours(self) -> npt.NDArray[np.int32]:
        """(N, K) int32 gallery rows, nearest first, the image itself left out; -1 = none."""
        return self._open("graph", "neighbours", "i", self.n_images, None, rows=(-1, self.n_images))

    @cached_property
    def neighbour_distances(self) -> FloatArray:
        """(N, K) float32, of ``neighbours``; inf = none."""
        return self._open("graph", "distances", "f", self.n_images, None)

    @cached_property
    def k_occurrence(self) -> npt.NDArray[np.int32]:
        """(N,) int32: how many images have this one among their ``recall_at`` nearest."""
        return self._open("graph", "k_occurrence", "i", self.n_images)

    @property
    def coordinates(self) -> FloatArray:
        """(N, 2) float32 of the map, which is the UMAP layout; no unit."""
        return self.layouts[UMAP].coordinates

    def layout(self, name: str | None = None) -> Layout:
        """Find a layout, "umap" or "tsne"; UMAP without a name.

        Raises:
            QueryError: the space has no such layout.
        """
        wanted = UMAP if name is None else name
        if wanted in self.layouts:
            return self.layouts[wanted]
        if wanted == TSNE:
            raise QueryError(
                f"{self.id} has no t-SNE layout yet.",
                f"Add it with `dxr build IMAGES --to {self._folder} {build_options(self.request)} --tsne`.",
            )
        raise QueryError(f"{self.id} has no layout {wanted!r}.", f"It has {', '.join(self.layouts)}.")

    @cached_property
    def clusters(self) -> npt.NDArray[np.int32]:
        """(N,) int32, 0 the largest."""
        return self._open("clusters", "clusters", "i", self.n_images, rows=(0, len(self.representatives)))

    @cached_property
    def representatives(self) -> IntArray:
        """(C,) int64: the row that stands for each cluster."""
        return self._open("clusters", "representatives", "i", None, rows=(0, self.n_images))

    @cached_property
    def baseline(self) -> FloatArray:
        """(M,) float32 distances of random gallery pairs, ascending."""
        return self._open("baseline", "baseline", "f", None)

    @cached_property
    def cluster_names(self) -> tuple[str, ...]:
        """(C,) names: the label that much of the cluster has, if one does, and the number from 1."""
        n_clusters = len(self.representatives)
        names = [f"cluster {number}" for number in range(1, n_clusters + 1)]
        if self._label is not None:
            known = self._label.codes >= 0
            counts = np.zeros((n_clusters, len(self._label.categories)), np.int64)
            np.add.at(counts, (self.clusters[known], self._label.codes[known]), 1)
            sizes = np.bincount(self.clusters, minlength=n_clusters)
            for number in range(n_clusters):
                first = int(counts[number].argmax()) if counts.shape[1] else 0
                if counts.shape[1] and counts[number, first] >= MAINLY * sizes[number]:
                    names[number] = f"{self._label.categories[first]} ({number + 1})"
        return tuple(names)


class Collection:
    """One open collection. Reading only; safe to share between threads.

    Raises:
        CollectionError: the folder is no collection, is damaged, or was made by a newer dxr.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = manifest = finished_manifest(folder)
        self.name: str = manifest["name"]
        self.fingerprint: str = manifest["fingerprint"]
        self.images_root = Path(manifest["images_root"])
        self._steps = folder / STEPS
        missing = [step for step in listed_steps(manifest) if not (self._steps / step).is_dir()]
        if missing:
            raise CollectionError(
                f"{folder} is damaged: {STEPS}/{missing[0]} is missing.",
                "Run the `dxr build` command again that made it.",
            )
        self._thumbnails = Pack(self._steps / manifest["thumbnails"], "thumbnails", len(self))
        self._read_sets: ReadSets = {}

    def __len__(self) -> int:
        return int(self.manifest["n_images"])

    @property
    def has_images(self) -> bool:
        """False for a collection of vectors alone: its thumbnails are placeholders."""
        return bool(self.manifest["images_root"])

    @cached_property
    def table(self) -> pa.Table:
        """One line an image, in row order: where it lies, its size, its label and metadata."""
        path = self._steps / self.manifest["gallery"] / "images.parquet"
        table = read_table(path)
        if len(table) != len(self) or not RESERVED.issubset(table.column_names):
            raise damaged(path, f"it is not the table of {len(self)} images")
        return table

    @cached_property
    def skipped(self) -> tuple[Skipped, ...]:
        """The files that were not taken in, and why."""
        path = self._steps / self.manifest["gallery"] / "skipped.parquet"
        table = read_table(path, ["path", "skipped"])
        return tuple(Skipped(line["path"], line["skipped"]) for line in table.to_pylist())

    @cached_property
    def spaces(self) -> dict[str, Space]:
        """The feature spaces, by id."""
        label = self.column(LABEL) if LABEL in self.columns else None
        return {
            key: Space(key, facts, self._steps, len(self), label)
            for key, facts in self.manifest["spaces"].items()
        }

    @property
    def default_space(self) -> str:
        """The id of the space to show first."""
        return str(self.manifest["default_space"])

    def space(self, space_id: str | None = None) -> Space:
        """Find a feature space; the default one without a name.

        Raises:
            QueryError: the collection has no such space.
        """
        wanted = self.default_space if space_id is None else space_id
        if wanted not in self.spaces:
            raise QueryError(
                f"{self.name} has no feature space {wanted!r}.",
                f"It has {', '.join(self.spaces)}; `dxr build` adds others.",
            )
        return self.spaces[wanted]

    @cached_property
    def paths(self) -> pa.ChunkedArray:
        """(N,) texts: where each image lies below the image folder, ready to be shown."""
        return self.table.column("path")

    def path(self, row: int) -> str:
        """Say where an image lies, below the image folder, ready to be shown."""
        return str(self.paths[row].as_py())

    @cached_property
    def metadata_columns(self) -> tuple[str, ...]:
        """Every column that came with the images, "label" first."""
        return tuple(name for name in self.table.column_names if name not in RESERVED)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Those that can colour the map: at least two values, and few enough to tell apart."""
        return tuple(
            name
            for name in self.metadata_columns
            if not pa.types.is_null(self.table.field(name).type)  # nothing in it, and no count of that
            and 1 < pc.count_distinct(self.table.column(name)).as_py() <= MOST_CATEGORIES
        )

    def column(self, name: str) -> Column:
        """Read one metadata column as categories, sorted by name.

        Raises:
            QueryError: the collection has no such column.
        """
        if name not in self.metadata_columns:
            raise QueryError(
                f"{self.name} has no column {name!r}.",
                f"It has {', '.join(self.metadata_columns) or 'none'}.",
            )
        texts = self.table.column(name).cast(pa.string())
        categories = sorted(value for value in texts.unique().to_pylist() if value is not None)
        codes = pc.fill_null(pc.index_in(texts, value_set=pa.array(categories, pa.string())), -1)
        return Column(codes.to_numpy().astype(np.int32), tuple(categories))

    def metadata(self, row: int) -> dict[str, str]:
        """All that is known of an image beside its pixels; missing values are left out."""
        values = {name: self.table.column(name)[row].as_py() for name in self.metadata_columns}
        return {name: str(value) for name, value in values.items() if value is not None}

    def label(self, row: int) -> str:
        """An image's label, or an empty text."""
        return str(self.table.column(LABEL)[row].as_py() or "") if LABEL in self.metadata_columns else ""

    def image_size(self, row: int) -> tuple[int, int]:
        """Width and height of the image itself, in pixels; 0 where there is none."""
        return int(self.table.column("width")[row].as_py()), int(self.table.column("height")[row].as_py())

    def thumbnail(self, row: int) -> bytes:
        """An image's thumbnail, a JPEG file.

        Raises:
            QueryError: there is no such row.
        """
        if not 0 <= row < len(self):
            raise QueryError(f"There is no image {row}.", f"Rows go from 0 to {len(self) - 1}.")
        return self._thumbnails[row]

    @cached_property
    def swatches(self) -> npt.NDArray[np.uint8]:
        """(N, 8, 8, 3) uint8 RGB: the central square of each thumbnail, averaged to 8 x 8 pixels."""
        path = self._steps / self.manifest["swatches"] / "swatches.npy"
        return open_array(path, "u", (len(self), settings.SWATCH_PX, settings.SWATCH_PX, 3))

    def hold(self) -> Collection:
        """Open every file now, so that a build that replaces them meanwhile takes nothing from under us."""
        held: list[object] = [self.table, self.skipped, self.swatches]
        for space in self.spaces.values():
            held += [space.vectors, space.neighbours, space.neighbour_distances, space.k_occurrence]
            held += [space.baseline, space.clusters, space.representatives]
            for layout in space.layouts.values():
                held += [layout.coordinates, layout.mosaic, layout.kept, layout.trustworthiness]
        return self

    @property
    def query_sets(self) -> dict[str, QuerySet]:
        """The query sets by id, oldest first, as they are on the disk now."""
        return read_query_sets(
            self.folder, self.manifest["gallery"], len(self), self._find_rows, self._read_sets
        )

    def _find_rows(self, members: pa.Table) -> IntArray:
        """Find moved members again: (n,) rows by path and content, then by content; -1 when the image has gone."""
        by_content = pc.index_in(
            members.column("content"), value_set=self.table.column("content").combine_chunks()
        )
        by_path = pc.index_in(
            members.column("path_bytes"), value_set=self.table.column("path_bytes").combine_chunks()
        )
        rows = np.asarray(pc.fill_null(by_path, -1)).astype(np.int64)
        others = np.asarray(pc.fill_null(by_content, -1)).astype(np.int64)
        kept = np.asarray(self.table.column("content").to_pylist(), dtype=object)
        same = np.array(
            [
                row >= 0 and kept[row] == content
                for row, content in zip(rows, members.column("content").to_pylist(), strict=True)
            ],
            bool,
        )
        return np.where(same, rows, others)
