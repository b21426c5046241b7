"""The gallery: which images it holds, in which order, and what is known of each already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.extraction import Extracted
from dxr_dash.collection.images import FoundFile, display_path
from dxr_dash.collection.journal import FACTS, Journal, vectors_of
from dxr_dash.collection.labels import RESERVED, folder_labels, join_metadata, read_metadata
from dxr_dash.collection.pack import Pack
from dxr_dash.collection.steps import fingerprint, new_vectors, reserve
from dxr_dash.errors import CollectionError
from dxr_dash.records import FloatArray, IntArray, OnProgress, Skipped

ROWS_AT_ONCE = 4_096
Contents = npt.NDArray[np.bytes_]  # (N,) S32: the hash of each image file's bytes
Blobs = Sequence[bytes] | Pack

SKIPPED_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "skipped": pa.string(),
        "path_bytes": pa.binary(),
        "bytes": pa.int64(),
        "mtime_ns": pa.int64(),
        "content": pa.string(),
    }
)


@dataclass(frozen=True)
class Row:
    """One image of the gallery."""

    file: FoundFile
    content: str
    width: int
    height: int


@dataclass(frozen=True)
class Labels:
    """Where labels and metadata come from: nowhere, the folder's name, or a CSV or Parquet file."""

    folder: bool = False
    file: Path | None = None
    column: str | None = None

    def read(self) -> pd.DataFrame | None:
        """Read and check the file of labels, if there is one, before any image is read."""
        return read_metadata(self.file, self.column) if self.file else None

    def join(self, table: pd.DataFrame | None, paths: Sequence[str]) -> pd.DataFrame | None:
        """Put what is known in the order of the images."""
        if table is not None and self.file is not None:
            return join_metadata(table, paths, self.file)
        return folder_labels(paths) if self.folder else None


@dataclass(frozen=True)
class HeldLabels(Labels):
    """The labels and metadata that a finished collection holds, types included.

    Attributes:
        gallery: its ``images.parquet``.
    """

    gallery: Path = Path()

    def read(self) -> pd.DataFrame:
        """Read all columns that do not come from the images themselves, by path."""
        table = pq.read_table(self.gallery)
        names = [name for name in table.column_names if name == "path" or name not in RESERVED]
        held: pd.DataFrame = table.select(names).to_pandas(types_mapper=pd.ArrowDtype).set_index("path")
        return held.loc[~held.index.duplicated()]

    def join(self, table: pd.DataFrame | None, paths: Sequence[str]) -> pd.DataFrame | None:
        """Put them in the order of the images."""
        if table is None or table.columns.empty:
            return None
        return table.reindex(list(paths)).reset_index(drop=True)


@dataclass
class Known:
    """What earlier builds, finished or not, have found out about files and their contents."""

    by_file: dict[FoundFile, str] = field(default_factory=dict)  # content
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # width, height in pixels, by content
    refused: dict[str, str] = field(default_factory=dict)  # reason, by content
    unread: dict[FoundFile, str] = field(
        default_factory=dict
    )  # reason; only of this build: they are tried again
    contents: list[str] = field(default_factory=list)  # of the finished gallery, in row order
    paths: dict[bytes, int] = field(default_factory=dict)  # of the finished gallery, with their rows

    @classmethod
    def read(cls, folder: Path, old: dict[str, Any] | None) -> Known:
        """Read what the finished collection knows; nothing when there is none."""
        known = cls()
        if old is None:
            return known
        step = folder / "steps" / old["gallery"]
        columns = ["path_bytes", "bytes", "mtime_ns", "content", "width", "height"]
        for path, size, mtime, content, width, height in _lines(step / "images.parquet", columns):
            known.by_file[FoundFile(path, size, mtime)] = content
            known.sizes[content] = (width, height)
            known.paths[path] = len(known.contents)
            known.contents.append(content)
        columns = ["path_bytes", "bytes", "mtime_ns", "content", "skipped"]
        for path, size, mtime, content, reason in _lines(step / "skipped.parquet", columns):
            if content is not None:
                known.by_file[FoundFile(path, size, mtime)] = content
                known.refused[content] = reason
        return known

    def add(self, journal: Journal) -> set[str]:
        """Read what an unfinished build knows; return the contents whose vectors it holds."""
        have = set()
        for part in journal.parts(FACTS):
            for path, size, mtime, content, width, height, reason, has_vector in _lines(part):
                if content is None:
                    continue
                self.by_file[FoundFile(path, size, mtime)] = content
                if reason is not None:
                    self.refused[content] = reason
                if has_vector:
                    self.sizes[content] = (width, height)
                    have.add(content)
        return have

    def take(self, batch: Sequence[Extracted]) -> None:
        """Learn what a batch has found."""
        for one in batch:
            if not one.content:
                self.unread[one.file] = one.skipped or "it could not be read"
                continue
            self.by_file[one.file] = one.content
            if one.skipped is not None:
                self.refused[one.content] = one.skipped
            if one.width is not None and one.height is not None:
                self.sizes[one.content] = (one.width, one.height)

    def take_names(self, files: Sequence[FoundFile]) -> None:
        """Learn that names stand for themselves, without an image: they are of no size."""
        for file in files:
            content = fingerprint(file.path)
            self.by_file[file] = content
            self.sizes[content] = (0, 0)

    def needs(self, file: FoundFile, have: set[str]) -> bool:
        """Say whether a file must be read: it is new, or its content has no vector yet."""
        content = self.by_file.get(file)
        return content is None or (content not in have and content not in self.refused)

    def rows(self, files: Sequence[FoundFile]) -> list[Row]:
        """List the usable images, in the order of ``files``."""
        contents = ((file, self.by_file.get(file)) for file in files)
        return [Row(file, one, *self.sizes[one]) for file, one in contents if one and one not in self.refused]

    def skips(self, files: Sequence[FoundFile]) -> list[dict[str, Any]]:
        """List the files that were not taken in, with their reasons."""
        found = []
        for file in files:
            content = self.by_file.get(file)
            reason = self.unread.get(file) if content is None else self.refused.get(content)
            if reason is not None:
                line = {
                    "path": display_path(file.path),
                    "skipped": reason,
                    "path_bytes": file.path,
                    "content": content,
                }
                found.append({**line, "bytes": file.size, "mtime_ns": file.mtime_ns})
        return found

    def n_removed(self, files: Sequence[FoundFile]) -> int:
        """Count the images of the finished gallery whose files have gone."""
        return len(self.paths.keys() - {file.path for file in files})


def skipped_table(places: Sequence[Skipped], files: Sequence[dict[str, Any]]) -> pa.Table:
    """List all that was not taken in: unreadable places first, then files."""
    lines = [{"path": one.path, "skipped": one.reason} for one in places]
    return pa.Table.from_pylist([*lines, *files], SKIPPED_SCHEMA)


def gallery_table(rows: Sequence[Row], labels: Labels, table_of_labels: pd.DataFrame | None) -> pa.Table:
    """Describe the gallery, one line an image, in row order."""
    paths = [display_path(row.file.path) for row in rows]
    columns = {
        "path": pa.array(paths, pa.string()),
        "path_bytes": pa.array([row.file.path for row in rows], pa.binary()),
        "content": pa.array([row.content for row in rows], pa.string()),
        "bytes": pa.array([row.file.size for row in rows], pa.int64()),
        "mtime_ns": pa.array([row.file.mtime_ns for row in rows], pa.int64()),
        "width": pa.array([row.width for row in rows], pa.int32()),
        "height": pa.array([row.height for row in rows], pa.int32()),
    }
    extra = labels.join(table_of_labels, paths)
    if extra is not None:
        columns |= {str(name): pa.Array.from_pandas(values) for name, values in extra.items()}
    return pa.table(columns)


def table_fingerprint(table: pa.Table) -> str:
    """Hash a table's names, types and values."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return fingerprint(sink.getvalue().to_pybytes())


def contents_of(contents: Iterable[str]) -> Contents:
    """Put content hashes into an (N,) S32 array, which sorts and compares quickly."""
    return np.array([content.encode() for content in contents], "S32")


def write_vectors(
    folder: Path,
    contents: Contents,
    n_dims: int,
    sources: Iterable[tuple[Contents, FloatArray]],
    on_progress: OnProgress,
) -> None:
    """Write ``vectors.npy``, (N, D) float32 in row order, from vectors that lie in other orders and places.

    Args:
        sources: where several have an image, the first one counts.

    Raises:
        CollectionError: a vector is in none of the sources.
    """
    vectors = new_vectors(folder / "vectors.npy", len(contents), n_dims)
    places = _Places(contents)
    for found, block in sources:
        source, rows = places.of(found)
        vectors[rows] = block[source]
        on_progress("storing features", places.n_filled, len(contents))
    places.check_filled()
    vectors.flush()


def write_thumbnails(
    folder: Path, contents: Contents, sources: Callable[[], Iterable[tuple[Contents, Blobs]]]
) -> None:
    """Write the pack ``thumbnails`` in row order.

    Args:
        sources: begins the list of sources anew; it is read twice, for the sizes and for the bytes, since a
            million thumbnails do not fit into memory. Where several have an image, the first one counts: two
            versions of Pillow, or of decoding, write other bytes.

    Raises:
        CollectionError: a thumbnail is in none of the sources.
    """
    places = _Places(contents)
    sizes = np.zeros(len(contents), np.int64)
    for found, blobs in sources():
        source, rows = places.of(found)
        if isinstance(blobs, Pack):
            sizes[rows] = np.diff(blobs.offsets)[source]
        else:
            sizes[rows] = [len(blobs[index]) for index in source]
    places.check_filled()
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    reserve(folder / "thumbnails.bin", int(offsets[-1]))
    packed = np.memmap(folder / "thumbnails.bin", np.uint8, "w+", shape=(int(offsets[-1]),))
    places.filled[:] = False  # once more from the start
    for found, blobs in sources():
        for first, last, row in _runs(*places.of(found)):
            blob = blobs.bytes_of(first, last) if isinstance(blobs, Pack) else b"".join(blobs[first:last])
            packed[offsets[row] : offsets[row + last - first]] = np.frombuffer(blob, np.uint8)
    packed.flush()
    np.save(folder / "thumbnails.offsets.npy", offsets)


def old_vectors(step: Path, contents: Contents) -> Iterator[tuple[Contents, FloatArray]]:
    """Read the finished collection's vectors, block by block."""
    vectors = np.load(step / "vectors.npy", mmap_mode="r")
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        yield contents[start : start + ROWS_AT_ONCE], vectors[start : start + ROWS_AT_ONCE]


def journal_vectors(journal: Journal) -> Iterator[tuple[Contents, FloatArray]]:
    """Read an unfinished build's vectors, batch by batch."""
    for part in journal.parts(["content", "has_vector", "vector"]):
        kept = part.filter(part.column("has_vector"))
        if len(kept):
            yield contents_of(kept.column("content").to_pylist()), vectors_of(kept)


def journal_thumbnails(journal: Journal) -> Iterator[tuple[Contents, Blobs]]:
    """Read an unfinished build's thumbnails, batch by batch."""
    for part in journal.parts(["content", "has_vector", "thumbnail"]):
        kept = part.filter(part.column("has_vector"))
        yield contents_of(kept.column("content").to_pylist()), kept.column("thumbnail").to_pylist()


def _lines(table: pa.Table | Path, columns: Sequence[str] | None = None) -> Iterator[tuple[Any, ...]]:
    """Go through a table, or a Parquet file, line by line."""
    found = pq.read_table(table, columns=columns) if isinstance(table, Path) else table
    return zip(*(column.to_pylist() for column in found.columns), strict=True)


def _runs(source: IntArray, rows: IntArray) -> Iterator[tuple[int, int, int]]:
    """Join what follows each other in both: (first, last + 1) of the source and the first row."""
    if not len(source):
        return
    begins = np.flatnonzero((np.diff(source, prepend=-2) != 1) | (np.diff(rows, prepend=-2) != 1))
    ends = np.append(begins[1:], len(source)) - 1
    for begin, end in zip(begins, ends, strict=True):
        yield int(source[begin]), int(source[end]) + 1, int(rows[begin])


class _Places:
    """Finds the gallery rows of contents, and keeps count of which rows are filled."""

    def __init__(self, contents: Contents) -> None:
        self.order = np.argsort(contents, kind="stable")
        self.ascending = contents[self.order]
        self.filled = np.zeros(len(contents), bool)

    @property
    def n_filled(self) -> int:
        return int(self.filled.sum())

    def of(self, found: Contents) -> tuple[IntArray, IntArray]:
        """Pair positions in ``found`` with the rows of the same content that no source has filled yet.

        One content may fill many rows, or none: an image may have been refused after it was read.
        """
        first = np.searchsorted(self.ascending, found, "left")
        n_rows = np.searchsorted(self.ascending, found, "right") - first
        source = np.repeat(np.arange(len(found)), n_rows)
        step = np.arange(len(source)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
        rows = self.order[np.repeat(first, n_rows) + step]
        empty = ~self.filled[rows]
        source, rows = source[empty], rows[empty]
        self.filled[rows] = True
        return source, rows

    def check_filled(self) -> None:
        if not self.filled.all():
            raise CollectionError(
                f"The features of {int((~self.filled).sum())} images are missing from the collection.",
                "Delete the collection's folder and build it again.",
            )
