"""Vectors that were made elsewhere: read from a file, checked, and matched with images by path or by order."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.collection.given_files import check_regular
from dxr_dash.collection.images import FoundFile, display_path
from dxr_dash.collection.labels import PATH_COLUMNS
from dxr_dash.collection.steps import hash_file, new_vectors
from dxr_dash.errors import ImagesError
from dxr_dash.records import FloatArray

VECTOR_NAMES = ("vectors", "vector", "embeddings", "embedding", "features", "feature")
SUFFIXES = (".npy", ".npz", ".parquet")
ROWS_AT_ONCE = 16_384
NAMED = 3  # paths in a message


@dataclass(frozen=True)
class OwnVectors:
    """The content of a file of vectors.

    Attributes:
        file: where it lies.
        content: hash of its bytes.
        vectors: (n, D) numbers, perhaps memory-mapped.
        paths: (n,) texts, each once; None where the file names none, and rows go by order.
    """

    file: Path
    content: str
    vectors: npt.NDArray[Any]
    paths: tuple[str, ...] | None

    @property
    def n_dims(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    def files(self) -> list[FoundFile]:
        """Stand in for images where there are none: a name for each row, in the order of names."""
        digits = len(str(len(self.vectors)))
        names = self.paths or [f"{row:0{digits}d}" for row in range(1, len(self.vectors) + 1)]
        return sorted((FoundFile(_encoded(name), 0, 0) for name in names), key=lambda one: one.path)

    def rows_of(self, files: Sequence[FoundFile]) -> dict[bytes, int]:
        """Find the row of each file, by order or by path: as it is, or as ``display_path`` shows it.

        Args:
            files: all that were found, in the order of their paths.

        Raises:
            ImagesError: paths or numbers do not fit.
        """
        if self.paths is None:
            if len(files) != len(self.vectors):
                raise ImagesError(
                    f"{self.file} holds {len(self.vectors)} vectors without paths, but there are {len(files)} image "
                    "files: they cannot be matched by order.",
                    "Give one vector for each file, in the order of their paths, or a file with a column `path`.",
                )
            return {file.path: row for row, file in enumerate(files)}
        row_of = {path: row for row, path in enumerate(self.paths)}
        shown = {file.path.decode("utf-8", "surrogateescape"): file.path for file in files}
        if shown.keys() != row_of.keys():
            shown = {display_path(file.path): file.path for file in files}
        unknown = [path for path in row_of if path not in shown]
        if unknown:
            raise ImagesError(
                f"{_some(unknown)} of {self.file} {_are(unknown)} not among the {len(files)} image files"
                + (f", such as {next(iter(shown))!r}." if shown else "."),
                "Paths must be relative to the image folder, with forward slashes.",
            )
        without = [path for path in shown if path not in row_of]
        if without:
            raise ImagesError(
                f"{self.file} has no vector for {len(without)} of {len(files)} image files: {_some(without)}.",
                "Give a vector for each image, or leave these images out of the folder.",
            )
        return {path: row_of[name] for name, path in shown.items()}


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def read_vectors(file: Path) -> OwnVectors:
    """Read a file of vectors and check it.

    ``.npy``: an (n, D) array. ``.npz``: an (n, D) array named ``vectors``, or the only one with two axes; perhaps
    ``paths``, a text array. ``.parquet``: a column of lists named ``vector`` or ``embedding``, or the only one; perhaps
    a column ``path``. Nothing is unpickled.

    Raises:
        ImagesError: there is no such file, it cannot be read, or what it holds cannot serve as vectors.
    """
    check_regular(file, "--vectors", ImagesError)
    readers = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
    if file.suffix.lower() not in readers:
        raise ImagesError(f"{file} is of no kind that vectors are read from.", f"Give {', '.join(SUFFIXES)}.")
    try:
        vectors, paths = readers[file.suffix.lower()](file)
    except ImagesError:
        raise
    except Exception as error:  # readers raise nearly everything on broken data
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        if re.search("pickle|Python objects", str(error)):
            reason = "it holds Python objects"
        raise ImagesError(
            f"{file} cannot be read as vectors: {reason.rstrip('.')}.",
            "Save an (n, D) array of numbers with numpy.save, and paths as a text array: np.array(paths, dtype=str).",
        ) from None
    _check(file, vectors)
    if paths is not None:
        paths = tuple(path.removeprefix("./") for path in paths)
        _check_paths(file, paths, len(vectors))
    return OwnVectors(file, hash_file(file), vectors, paths)


Read = tuple[npt.NDArray[Any], tuple[str, ...] | None]


def _read_npy(file: Path) -> Read:
    return np.load(file, mmap_mode="r", allow_pickle=False), None


def _read_npz(file: Path) -> Read:
    # opened here, since numpy leaves a damaged file open
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
        shapes = _declared(held.zip)
        named = next((name for name in VECTOR_NAMES if name in shapes), None)
        flat = [name for name, (shape, _) in shapes.items() if len(shape) == 2]
        if named is None and len(flat) != 1:
            raise ImagesError(
                f"{file} holds the arrays {', '.join(shapes) or 'none'}, and it is not clear which are the vectors.",
                "Name the (n, D) array `vectors`.",
            )
        path_name = next((name for name in ("paths", *PATH_COLUMNS) if name in shapes), None)
        wanted = [named or flat[0], *([path_name] if path_name else [])]
        for name in wanted:
            if shapes[name][1] > settings.NPZ_MAX_BYTES:
                raise ImagesError(
                    f"The array `{name}` of {file} is of {shapes[name][1]:,} bytes; unpacked into memory, "
                    f"{settings.NPZ_MAX_BYTES:,} are the most.",
                    "Save the vectors as .npy, which is read in place, in the order of the images.",
                )
        vectors, *paths = (held[name] for name in wanted)
    return vectors, tuple(map(str, paths[0].reshape(-1).tolist())) if paths else None


def _declared(packed: zipfile.ZipFile) -> dict[str, tuple[tuple[int, ...], int]]:
    """Read the shape and the bytes of each array as its first bytes declare them; none is unpacked whole."""
    found = {}
    for member in packed.namelist():
        with packed.open(member) as opened:
            # any other version is of records, and its header may be of gigabytes
            if member.endswith(".npy") and np.lib.format.read_magic(opened) == (1, 0):
                shape, _, kind = np.lib.format.read_array_header_1_0(opened)
                found[member.removesuffix(".npy")] = shape, math.prod(shape) * kind.itemsize
    return found


def _read_parquet(file: Path) -> Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    lists = [
        field.name
        for field in schema
        if pa.types.is_list(field.type)
        or pa.types.is_large_list(field.type)
        or pa.types.is_fixed_size_list(field.type)
    ]
    named = next((name for name in VECTOR_NAMES if name in lists), lists[0] if len(lists) == 1 else None)
    if named is None:
        raise ImagesError(
            f"{file} has no column of vectors; its columns are {', '.join(schema.names)}.",
            "Name the column of lists of numbers `vector`.",
        )
    path_column = next((name for name in PATH_COLUMNS if name in schema.names), None)
    wanted = [named, *([path_column] if path_column else [])]
    table = pq.read_table(file, columns=wanted, partitioning=None)  # no other column is unpacked
    column = table.column(named).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    lengths = (
        set(column.value_lengths().to_pylist()) if not pa.types.is_fixed_size_list(column.type) else set()
    )
    if None in lengths or column.null_count:
        raise ImagesError(f"{file} has rows without a vector.", "Leave these rows out, and their images.")
    if len(lengths) > 1:
        raise ImagesError(
            f"The vectors in {file} are of {len(lengths)} lengths, {min(lengths)} to {max(lengths)}.",
            "All must have the same length.",
        )
    values = column.flatten()
    if values.null_count:
        raise ImagesError(f"The vectors in {file} have missing values.", "Give a number in every place.")
    vectors = np.asarray(values).reshape(len(column), -1) if len(column) else np.empty((0, 0))
    if path_column is None:
        return vectors, None
    paths = table.column(path_column).to_pylist()
    if any(path is None for path in paths):
        raise ImagesError(f"{file} has rows without a path.", "Leave these rows out.")
    return vectors, tuple(map(str, paths))


def _check(file: Path, vectors: npt.NDArray[Any]) -> None:
    if vectors.dtype.kind not in "fiu":
        raise ImagesError(
            f"The array in {file} holds {vectors.dtype}, not numbers.",
            "Give floating-point or whole numbers.",
        )
    if vectors.ndim != 2:
        shape = " x ".join(map(str, vectors.shape))
        raise ImagesError(
            f"The array in {file} has the shape {shape}, not n x D.", "Give one row for each image."
        )
    if 0 in vectors.shape:
        raise ImagesError(f"{file} holds no vectors.", "Give one row for each image.")
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        bad = ~np.isfinite(_narrow(vectors[start : start + ROWS_AT_ONCE])).all(axis=1)
        if bad.any():
            raise ImagesError(
                f"Row {start + int(bad.argmax())} of {file} (counted from 0) holds a value that is no finite number "
                "in single precision.",
                "Replace or leave out such rows; distances from them have no meaning.",
            )


def _narrow(vectors: npt.NDArray[Any]) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is found as not finite
        return np.asarray(vectors).astype(np.float32)


def _check_paths(file: Path, paths: tuple[str, ...], n_vectors: int) -> None:
    if len(paths) != n_vectors:
        raise ImagesError(
            f"{file} holds {n_vectors} vectors, but {len(paths)} paths.", "Give one path for each vector."
        )
    for path in paths:
        try:
            _encoded(path)
        except UnicodeEncodeError:
            raise ImagesError(f"{file} names {path!r}, which no file can be called.", "Correct it.") from None
    if len(set(paths)) < len(paths):
        seen: set[str] = set()
        twice = next(path for path in paths if path in seen or seen.add(path))  # type: ignore[func-returns-value]
        raise ImagesError(f"{file} names {twice!r} twice.", "Give each image one vector.")


def write_own(folder: Path, source: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> None:
    """Write ``vectors.npy``, (N, D) float32: some rows of a file, in the order of the gallery."""
    vectors = new_vectors(folder / "vectors.npy", len(rows), source.shape[1])
    for start in range(0, len(rows), ROWS_AT_ONCE):
        places = rows[start : start + ROWS_AT_ONCE]
        vectors[start : start + ROWS_AT_ONCE] = _narrow(source[places])
    vectors.flush()
