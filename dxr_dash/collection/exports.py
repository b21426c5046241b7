"""Tables for other programs: CSV, Parquet and JSON files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.steps import atomic_write
from dxr_dash.errors import CollectionError

SUFFIXES = (".csv", ".parquet", ".json")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written, before the work for it begins.

    Raises:
        CollectionError: its suffix is none of ours, or its folder is not there.
    """
    if target.suffix.lower() not in SUFFIXES:
        raise CollectionError(
            f"{target} has no suffix that dxr can write.", f"Use one of {', '.join(SUFFIXES)}."
        )
    if not target.parent.is_dir():
        raise CollectionError(f"The folder {target.parent} does not exist.", "Make it, or name another.")


def write_rows(target: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write a table in the form that the file's suffix names; an older file is replaced as a whole.

    Raises:
        CollectionError: it cannot be written.
    """
    check_target(target)
    try:
        with atomic_write(target) as file:
            if target.suffix.lower() == ".parquet":
                pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), file)
            elif target.suffix.lower() == ".json":
                file.write((json.dumps([without_nan(row) for row in rows], indent=2) + "\n").encode())
            else:
                file.write(_csv(rows, schema.names).encode())
    except OSError as error:
        raise CollectionError(
            f"{target} cannot be written: {error.strerror}.", "Name another file with -o."
        ) from None


def without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put None in the place of numbers that JSON has no word for."""
    return {
        key: None if isinstance(one, float) and not math.isfinite(one) else one for key, one in row.items()
    }


def _csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Write a value so that a spreadsheet reads text as text: a label may be called "=1+1"."""
    if isinstance(value, float):
        return "" if not math.isfinite(value) else repr(value)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
