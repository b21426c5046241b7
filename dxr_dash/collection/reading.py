"""How finished files are opened: in place, never unpickled, and with our own words where they are not as written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.errors import CollectionError


def open_array(path: Path) -> npt.NDArray[Any]:
    """Open a ``.npy`` file, memory-mapped and read-only.

    Raises:
        CollectionError: it is missing or damaged.
    """
    with in_words(path):
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Open a Parquet file, memory-mapped.

    Raises:
        CollectionError: it is missing or damaged.
    """
    with in_words(path):
        return pq.read_table(path, columns=columns, memory_map=True)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into our error."""
    try:
        yield
    except FileNotFoundError:
        raise CollectionError(
            f"{path} is missing: the collection has been built again since it was opened, or is damaged.",
            "Open it again; if that does not help, `dxr check` says what to do.",
        ) from None
    except (OSError, ValueError, EOFError, OverflowError, pa.ArrowException) as error:
        raise damaged(path, next(iter(str(error).splitlines()), type(error).__name__)) from None


def damaged(path: Path, why: str) -> CollectionError:
    """Say that a file is not as it was written."""
    return CollectionError(f"{path} is damaged ({why}).", "Run `dxr check`: it says what to do.")
