"""What a build has extracted so far, batch by batch, so that stopping it loses at most the last batch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.extraction import Extracted
from dxr_dash.collection.steps import atomic_write

FACTS = ["path_bytes", "bytes", "mtime_ns", "content", "width", "height", "skipped", "has_vector"]


class Journal:
    """A folder of Parquet files, one a batch, in the order they were finished."""

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

    def append(self, batch: Sequence[Extracted]) -> None:
        """Keep a batch for good."""
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
            for one in batch
        ]
        columns = pa.Table.from_pylist(rows, self.schema.remove(self.schema.get_field_index("vector")))
        vectors = pa.array([one.vector for one in batch], self.schema.field("vector").type)
        with atomic_write(self.folder / f"{self._next:08d}.parquet") as file:
            pq.write_table(
                columns.append_column("vector", vectors), file, compression="none", use_dictionary=False
            )
        self._next += 1

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read the batches back, oldest first; a file that a power cut has damaged counts as not written."""
        for part in sorted(self.folder.glob("*.parquet")):
            try:
                yield pq.read_table(part, columns=columns)
            except (pa.ArrowException, OSError):
                part.unlink()

    def remove(self) -> None:
        """Forget everything: the collection has it now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def vectors_of(table: pa.Table) -> np.ndarray:
    """Read a journal batch's vectors as (n, D) float32; every row must have one."""
    column = table.column("vector").combine_chunks()
    return np.asarray(column.flatten()).reshape(len(table), -1)
