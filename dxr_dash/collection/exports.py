"""Tables for other programs: CSV, Parquet and JSON files."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.steps import atomic_write
from dxr_dash.errors import ReportError

SUFFIXES = (".csv", ".parquet", ".json")
# what spreadsheets run: a sign, perhaps full-width, behind what they pass over
_FORMULA = re.compile(r"[\s\"'\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def check_target(target: Path, *, suffixes: Collection[str] = SUFFIXES, force: bool = False) -> None:
    """Refuse a file that cannot be written, before the work for it begins.

    Args:
        suffixes: the forms that can be written.
        force: write over a file that is there.

    Raises:
        ReportError: its suffix is none of these, its folder is missing or cannot be written to, or it is there already.
    """
    if target.suffix.lower() not in suffixes:
        raise ReportError(f"{target} has no suffix that dxr can write.", f"Use one of {', '.join(suffixes)}.")
    if not target.parent.is_dir():
        raise ReportError(f"{target.parent} is not a folder.", "Make it first, or choose another place.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise ReportError(f"{target.parent} cannot be written to.", "Choose another place.")
    if target.is_dir():
        raise ReportError(f"{target} is a folder.", "Choose another name.")
    if target.exists() and not force:
        raise ReportError(
            f"{target} is there already.", "Choose another name, or write over it with `--force`."
        )


def write_rows(target: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write a table in the form that the file's suffix names, whole or not at all.

    Args:
        target: a file that ``check_target`` takes.

    Raises:
        ReportError: it cannot be written.
    """
    try:
        with atomic_write(target) as file:
            if target.suffix.lower() == ".parquet":
                pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), file)
            elif target.suffix.lower() == ".json":
                file.write((json.dumps([without_nan(row) for row in rows], indent=2) + "\n").encode())
            else:
                file.write(_csv(rows, schema.names).encode())
    except OSError as error:
        raise ReportError(
            f"{target} cannot be written: {error.strerror or error}.", "Choose another place."
        ) from None


def without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put None in the place of numbers that JSON has no word for."""
    return {
        key: None if isinstance(one, float) and not math.isfinite(one) else one for key, one in row.items()
    }


def _csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Write a value so that a spreadsheet reads text as text."""
    if isinstance(value, float):
        return "" if not math.isfinite(value) else repr(value)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return harmless(value) if isinstance(value, str) else value


def harmless(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula: a label may be called "=1+1"."""
    return f"'{text}" if _FORMULA.match(text) else text
