"""What is known of the images beside their pixels: a label, and any further columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from dxr_dash.errors import ImagesError

LABEL = "label"
PATH_COLUMNS = ("path", "file", "filename", "file_name", "image")
RESERVED = {"path", "path_bytes", "content", "bytes", "mtime_ns", "width", "height"}


def folder_labels(paths: Sequence[str]) -> pd.DataFrame:
    """Label each image with the name of the folder it lies in; images at the top have none."""
    parents = [PurePosixPath(path).parent.name for path in paths]
    return pd.DataFrame({LABEL: [name or None for name in parents]}, dtype="string")


def read_metadata(file: Path, label_column: str | None) -> pd.DataFrame:
    """Read a CSV or Parquet table of metadata and check it, before any image is read.

    Returns:
        A table with a unique index of paths; the label column is named "label" and comes first, if there is one.

    Raises:
        ImagesError: the file cannot be read, or lacks a column of paths or the label column.
    """
    try:
        table = (
            pd.read_parquet(file) if file.suffix.lower() == ".parquet" else pd.read_csv(file, dtype="string")
        )
    except (OSError, ValueError) as error:
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
    table = table.dropna(subset=[path_column]).drop_duplicates(path_column).set_index(path_column)
    label_column = label_column or (LABEL if LABEL in table.columns else None)
    if label_column is not None:
        table.insert(0, LABEL, table.pop(label_column))
    return table.rename(columns={name: f"{name}_given" for name in table.columns if name in RESERVED})


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
