"""What is known of the images beside their pixels: a label, and any further columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.errors import ImagesError

LABEL = "label"
PATH_COLUMNS = ("path", "file", "filename", "file_name", "image")
RESERVED = {"path", "path_bytes", "content", "bytes", "mtime_ns", "width", "height"}


def folder_labels(paths: Sequence[str]) -> pd.DataFrame:
    """Label each image with the name of the folder it lies in; images at the top have none."""
    parents = [folder.rpartition("/")[2] for folder, _, _ in (path.rpartition("/") for path in paths)]
    return pd.DataFrame({LABEL: [name or None for name in parents]}, dtype="string")


def read_metadata(file: Path, label_column: str | None) -> pd.DataFrame:
    """Read a CSV or Parquet table of metadata and check it, before any image is read.

    Returns:
        A table with a unique index of paths; the label column is named "label" and comes first, if there is one.

    Raises:
        ImagesError: the file cannot be read, or lacks a column of paths or the label column.
    """
    try:
        table = _parquet(file) if file.suffix.lower() == ".parquet" else pd.read_csv(file, dtype="string")
    except ImagesError:
        raise
    except Exception as error:  # readers raise nearly everything on broken data
        raise ImagesError(
            f"The table of labels {file} cannot be read: {error}.", "Give a CSV or Parquet file."
        ) from None
    names = ", ".join(map(str, table.columns))
    path_column = next((name for name in PATH_COLUMNS if name in table.columns), None)
    if path_column is None:
        raise ImagesError(
            f"{file} has no column of image paths; its columns are {names}.",
            "Name the column of paths, relative to the image folder, `path`.",
        )
    if label_column is not None and label_column not in table.columns:
        raise ImagesError(
            f"{file} has no column `{label_column}`; its columns are {names}.",
            "Name one with --label-column.",
        )
    if label_column == path_column:
        raise ImagesError(f"`{path_column}` of {file} holds the paths, not labels.", "Name another column.")
    table = table.dropna(subset=[path_column]).drop_duplicates(path_column).set_index(path_column)
    label_column = label_column or (LABEL if LABEL in table.columns else None)
    if label_column is not None:
        label = table.pop(label_column)
        table = _renamed(table, {*RESERVED, LABEL})
        table.insert(0, LABEL, label)
        return table
    return _renamed(table, RESERVED)


def _parquet(file: Path) -> pd.DataFrame:
    """Read a Parquet table of values that can be shown as text."""
    for field in pq.read_schema(file):
        if pa.types.is_nested(field.type) or "binary" in str(field.type):
            raise ImagesError(
                f"The column `{field.name}` of {file} holds {field.type}, which is no text.",
                "Turn it into text or numbers, or leave it out.",
            )
    table = pd.read_parquet(file)
    for name in table.columns[[isinstance(kind, pd.CategoricalDtype) for kind in table.dtypes]]:
        table[name] = table[name].astype(table[name].cat.categories.dtype)
    return table


def _renamed(table: pd.DataFrame, reserved: set[str]) -> pd.DataFrame:
    """Give columns whose names are needed otherwise another one, which no other column has."""
    names = [str(name) for name in table.columns]
    for place, name in enumerate(names):
        while names[place] in reserved or names[place] in names[:place] + names[place + 1 :]:
            if names[place] not in reserved and name not in reserved:
                break  # the other one of the pair makes way
            names[place] += "_given"
    return table.set_axis(names, axis="columns")


def join_metadata(table: pd.DataFrame, paths: Sequence[str], source: Path) -> pd.DataFrame:
    """Put metadata rows in the order of the images; images without one have missing values.

    Raises:
        ImagesError: not a single image is in the table.
    """
    known = table.index.intersection(pd.Index(paths))
    if len(known) == 0:
        example = next(iter(table.index), "nothing")
        raise ImagesError(
            f"None of the {len(paths)} images is named in {source}: "
            f"it names {example!r}, the folder holds {paths[0]!r}.",
            "Paths in the table must be relative to the image folder, with forward slashes.",
        )
    return table.reindex(list(paths)).reset_index(drop=True)
