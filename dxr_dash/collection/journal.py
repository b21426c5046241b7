"""What a build has extracted so far, so that stopping it loses next to nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.extraction import Extracted
from dxr_dash.collection.steps import atomic_write

FACTS = ["path_bytes", "bytes", "mtime_ns", "content", "width", "height", "skipped", "has_vector"]


PART_S = 0.25  # of work that a kill loses at most, beside the batch it interrupts
PART_IMAGES = 1_024  # in one file, at most: they wait in memory


class Journal:
    """A folder of Parquet files, each of some batches, in the order they were finished.

    Not one a batch: a million images would be 30,000 files, to be listed and opened again and again.
    """

    def __init__(self, folder: Path, n_dims: int) -> None:
        self.folder = folder
        self.schema = pa.schema(
            {
                "path_bytes": pa.binary(),
                "bytes": pa.int64(),
                "mtime_ns": pa.int64(),
                "content": pa.string(),
                "width": pa.int32(),
                "height": pa.int32(),
                "skipped": pa.string(),
                "has_vector": pa.bool_(),
                "thumbnail": pa.binary(),
                "vector": pa.list_(pa.float32(), n_dims),
            }
        )
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*.part"):
            leftover.unlink()
        self._next = 1 + max((int(part.stem) for part in folder.glob("*.parquet")), default=-1)
        self._waiting: list[Extracted] = []
        self._written = time.monotonic()

    def append(self, batch: Sequence[Extracted]) -> None:
        """Keep a batch, for good from the next ``flush`` on; a long-awaited one comes by itself."""
        self._waiting += batch
        if len(self._waiting) >= PART_IMAGES or time.monotonic() - self._written >= PART_S:
            self.flush()

    def flush(self) -> None:
        """Write down what has been appended."""
        if not self._waiting:
            return
        rows = [
            {
                "path_bytes": one.file.path,
                "bytes": one.file.size,
                "mtime_ns": one.file.mtime_ns,
                "content": one.content or None,
                "width": one.width,
                "height": one.height,
                "skipped": one.skipped,
                "has_vector": one.vector is not None,
                "thumbnail": one.thumbnail,
            }
            for one in self._waiting
        ]
        columns = pa.Table.from_pylist(rows, self.schema.remove(self.schema.get_field_index("vector")))
        vectors = pa.array([one.vector for one in self._waiting], self.schema.field("vector").type)
        with atomic_write(self.folder / f"{self._next:08d}.parquet") as file:
            pq.write_table(
                columns.append_column("vector", vectors), file, compression="none", use_dictionary=False
            )
        self._next += 1
        self._waiting.clear()
        self._written = time.monotonic()

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read the batches back, oldest first; a file that a power cut has damaged counts as not written."""
        for part in sorted(self.folder.glob("*.parquet")):
            try:
                with part.open("rb") as file:  # Arrow takes no path that is not UTF-8
                    table = pq.read_table(file, columns=columns)
            except (pa.ArrowException, OSError):
                part.unlink()
            else:
                yield table

    def remove(self) -> None:
        """Forget everything: the collection has it now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def vectors_of(table: pa.Table) -> np.ndarray:
    """Read a journal batch's vectors as (n, D) float32; every row must have one."""
    column = table.column("vector").combine_chunks()
    return np.asarray(column.flatten()).reshape(len(table), -1)
