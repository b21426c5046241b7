"""What is known of the images beside their pixels: a label, and any further columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dxr_dash.collection.given_files import check_regular
from dxr_dash.collection.walk import display_path
from dxr_dash.errors import ImagesError

LABEL = "label"
PATH_COLUMNS = ("path", "file", "filename", "file_name", "image")
RESERVED = {"path", "path_bytes", "content", "bytes", "mtime_ns", "width", "height"}
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz")


def folder_labels(paths: Sequence[str]) -> pd.DataFrame:
    """Label each image with the name of the folder it lies in; images at the top have none."""
    parents = [folder.rpartition("/")[2] for folder, _, _ in (path.rpartition("/") for path in paths)]
    return pd.DataFrame({LABEL: [name or None for name in parents]}, dtype="string")


def read_metadata(file: Path, label_column: str | None) -> pd.DataFrame:
    """Read a CSV or Parquet table of metadata and check it, before any image is read.

    Returns:
        A table with a unique index of paths; the label column is named "label" and comes first, if there is one.

    Raises:
        ImagesError: the file cannot be read, lacks a column of paths or the label column, or has one whose values
            cannot be shown.
    """
    check_regular(file, "--labels", ImagesError)
    if file.suffix.lower() in COMPRESSED:  # a small file could fill the memory
        raise ImagesError(f"The table of labels {file} is compressed.", "Unpack it, or give a Parquet file.")
    try:
        # pandas would unpack by the name's ending; what is left to it is read as it is
        table = (
            _parquet(file)
            if file.suffix.lower() == ".parquet"
            else pd.read_csv(file, dtype="string", compression=None)
        )
    except ImagesError:
        raise
    except Exception as error:  # readers raise nearly everything on broken data
        raise ImagesError(
            f"The table of labels {file} cannot be read: {_first_line(error)}.", "Give a CSV or Parquet file."
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
    table = table.dropna(subset=[path_column])
    table.index = pd.Index(table.pop(path_column).astype("string").str.removeprefix("./"))
    table = table.loc[~table.index.duplicated()]
    label_column = label_column or (LABEL if LABEL in table.columns else None)
    if label_column is not None:
        label = table.pop(label_column)
        table = _renamed(table, {*RESERVED, LABEL})
        table.insert(0, LABEL, label)
        return table
    return _renamed(table, RESERVED)


def _parquet(file: Path) -> pd.DataFrame:
    """Read a Parquet table of values that can be shown as text, in Arrow's types: no whole number is rounded."""
    table = pq.read_table(file, partitioning=None)  # the names of folders above it are no columns
    columns = {
        name: _showable(file, name, table.column(name))
        for name in table.column_names
        if not name.startswith("__index_level_")  # pandas' own count of rows
    }
    held: pd.DataFrame = pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)
    return held


def _showable(file: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Prove that the values of a column can be counted and shown, as an open collection does with them."""
    remedy = "Turn it into text or numbers, or leave it out."
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_nested(kind) or "binary" in str(kind) or isinstance(kind, pa.BaseExtensionType):
            raise ImagesError(f"The column `{name}` of {file} holds {kind}, which is no text.", remedy)
        if pa.types.is_null(kind) or "string" in str(kind):
            column = column.cast(pa.large_string())
        if pa.types.is_floating(kind):  # no number is no value
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        pc.count_distinct(column)
        column.cast(pa.string())
        column.unique().to_pylist()  # Python knows fewer years than Arrow, and only text that is UTF-8
    except ImagesError:
        raise
    except Exception as error:  # Arrow, zoneinfo and datetime raise nearly everything
        raise ImagesError(
            f"The column `{name}` of {file} holds {column.type} that cannot be shown: {_first_line(error)}.",
            remedy,
        ) from None
    return column


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _renamed(table: pd.DataFrame, reserved: set[str]) -> pd.DataFrame:
    """Give columns whose names are needed otherwise another one, which no other column has."""
    taken = reserved.union(table.columns)
    names = {}
    for name in reserved.intersection(table.columns):
        names[name] = f"{name}_given"
        while names[name] in taken:
            names[name] += "_given"
    return table.rename(columns=names)


def join_metadata(table: pd.DataFrame, paths: Sequence[str], source: Path) -> pd.DataFrame:
    """Put metadata rows in the order of the images; images without one have missing values.

    Args:
        paths: as ``display_path`` shows them; the table may name them so, or as they are.

    Raises:
        ImagesError: not a single image is in the table.
    """
    images = pd.Index(paths)
    shown = table.index.map(_displayed)
    if len(shown.intersection(images)) > len(table.index.intersection(images)):
        table = table.set_axis(shown)
    if not table.index.isin(images).any():
        example = next(iter(table.index), "nothing")
        raise ImagesError(
            f"None of the {len(paths)} images is named in {source}: "
            f"it names {example!r}, the folder holds {paths[0]!r}.",
            "Paths in the table must be relative to the image folder, with forward slashes.",
        )
    return table.reindex(list(paths)).reset_index(drop=True)


def _displayed(path: str) -> str:
    return display_path(path.encode("utf-8", "surrogateescape"))
