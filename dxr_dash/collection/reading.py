"""How finished files are opened: in place, never unpickled, and with our own words where they are not as written."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.steps import read_json
from dxr_dash.errors import CollectionError

Form = Mapping[str, Callable[[Any], bool]]  # of facts: what each of them must be


def open_array(
    path: Path, kind: str, shape: Sequence[int | None], *, rows: tuple[int, int] | None = None
) -> npt.NDArray[Any]:
    """Open a ``.npy`` file, memory-mapped and read-only.

    Args:
        kind: numpy's letter of what it holds: "i" whole numbers, "u" without a sign, "f" real ones.
        shape: None where any length will do.
        rows: of whole numbers, the least that may be and the first that may not; with it, all are read.

    Raises:
        CollectionError: it is missing or damaged.
    """
    with in_words(path):
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if found.dtype.kind != kind:
        raise damaged(path, f"it holds {found.dtype}")
    if len(found.shape) != len(shape) or any(
        wanted not in (None, size) for size, wanted in zip(found.shape, shape, strict=True)
    ):
        raise damaged(path, f"its shape is {found.shape}")
    if rows is not None and found.size and not rows[0] <= found.min() <= found.max() < rows[1]:
        raise damaged(path, f"its numbers are not those from {rows[0]} to {rows[1] - 1}")
    return found


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Open a Parquet file, memory-mapped.

    Args:
        columns: to be read, each of which it must have; all without.

    Raises:
        CollectionError: it is missing or damaged.
    """
    with in_words(path), path.open("rb") as file:  # Arrow takes no path that is not UTF-8
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return pq.read_table(pa.BufferReader(data), columns=columns)


def read_facts(path: Path, form: Form) -> dict[str, Any]:
    """Read a JSON file that says certain things.

    Raises:
        CollectionError: it is missing or damaged.
    """
    facts: dict[str, Any] = read_json(path)
    if not fits(facts, form):
        raise damaged(path, "it is not as dxr wrote it")
    return facts


def fits(facts: Any, form: Form) -> bool:
    """Say whether something is a dictionary of this form; it may hold more."""
    return isinstance(facts, dict) and all(check(facts.get(key)) for key, check in form.items())


def is_text(value: Any) -> bool:
    """Say whether it is a text."""
    return isinstance(value, str)


def is_texts(value: Any) -> bool:
    """Say whether it is a list of texts."""
    return isinstance(value, list) and all(map(is_text, value))


def is_whole(value: Any) -> bool:
    """Say whether it is a whole number, and no bool."""
    return type(value) is int


def is_number(value: Any) -> bool:
    """Say whether it is a number that fits into a float64."""
    return type(value) is float or (is_whole(value) and abs(value) < 2**53)


def or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Allow None, too."""
    return lambda value: value is None or check(value)


def texts(*keys: str) -> Callable[[Any], bool]:
    """Demand a dictionary of texts that has these keys."""
    return lambda value: (
        isinstance(value, dict) and value.keys() >= set(keys) and all(map(is_text, value.values()))
    )


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
