"""Query sets: named images from the gallery, from outside, or both, kept in the collection.

Each is a folder ``queries/ID/`` that appears whole: query.json (name, control set, colour), members.parquet (gallery
members by path and content, so that they are found again after the gallery has changed), and for outside images
images.bin (the files as given), thumbnails.bin and vectors.<space fingerprint>.npy.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.collection.pack import Pack, write_pack
from dxr_dash.collection.steps import atomic_write, flush, new_step, read_json, write_json
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import FloatArray, IntArray

QUERIES = "queries"
REMOVED = ".removed"
N_COLOURS = 8
LONGEST_NAME = 80  # characters
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")


@dataclass(frozen=True)
class QuerySet:
    """A named set of images under study.

    Attributes:
        id: of letters, digits and dashes; names its folder.
        rows: gallery rows of the members that are in the gallery, ascending.
        outside: names of the members that are not.
        control: id of the control set, or None.
        colour: slot of the palette, the same as long as the set exists.
        n_missing: members that have left the gallery since.
    """

    id: str
    name: str
    rows: tuple[int, ...]
    outside: tuple[str, ...]
    control: str | None
    colour: int
    order: int
    n_missing: int
    folder: Path

    def __len__(self) -> int:
        return len(self.rows) + len(self.outside)

    @cached_property
    def items(self) -> IntArray:
        """(Q,) int64: gallery rows first, then -1 - i for outside image i."""
        return np.concatenate(
            [np.array(self.rows, np.int64), -1 - np.arange(len(self.outside), dtype=np.int64)]
        )

    def thumbnail(self, index: int) -> bytes:
        """The thumbnail of outside image ``index``, a JPEG file.

        Raises:
            QueryError: there is no such image.
        """
        return Pack(self.folder, "thumbnails")[self._checked(index)]

    def outside_image(self, index: int) -> bytes:
        """Outside image ``index`` as it was given.

        Raises:
            QueryError: there is no such image.
        """
        return Pack(self.folder, "images")[self._checked(index)]

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self.outside):
            raise QueryError(f"{self.name} has no outside image {index}.", "Reload the page.")
        return index

    def outside_images(self) -> list[bytes]:
        """The outside images as they were given, for feature spaces that come later."""
        pack = Pack(self.folder, "images")
        return [pack[index] for index in range(len(pack))]

    def outside_vectors(self, space_fingerprint: str) -> FloatArray | None:
        """The (n, D) float32 vectors of the outside images; None when this space has not seen them."""
        path = self.folder / f"vectors.{space_fingerprint}.npy"
        return np.load(path, allow_pickle=False) if path.exists() else None


def checked_name(name: str) -> str:
    """Tidy a name that a person typed.

    Raises:
        QueryError: nothing is left of it, or it is too long.
    """
    name = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise QueryError(f"The name has {len(name)} characters.", f"Use 1 to {LONGEST_NAME}.")
    return name


def write_query_set(
    folder: Path,
    name: str,
    *,
    gallery: str,
    rows: IntArray,
    members: pa.Table,
    outside: Sequence[str] = (),
    images: Sequence[bytes] = (),
    thumbnails: Sequence[bytes] = (),
    vectors: Mapping[str, FloatArray] | None = None,
    control: str | None = None,
) -> str:
    """Write a new query set into a collection and return its id.

    Args:
        gallery: name of the gallery step that ``rows`` belong to.
        members: path_bytes and content of the ``rows``.
        vectors: by space fingerprint, (n, D) float32 of the outside images.
    """
    queries = folder / QUERIES
    queries.mkdir(exist_ok=True)
    facts = [read_json(path) for path in _finished(queries)]
    used = [fact["colour"] for fact in facts]
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "query"
    taken = {path.name for path in (*queries.iterdir(), *(queries / REMOVED).glob("*"))}
    query_id = next(
        key
        for number in range(1, len(taken) + 2)
        if (key := slug if number == 1 else f"{slug}-{number}") not in taken
    )
    with new_step(queries / query_id, changing=("query.json",)) as part:
        np.save(part / "rows.npy", rows)
        pq.write_table(members, part / "members.parquet")
        if outside:
            write_pack(part, "images", images)
            write_pack(part, "thumbnails", thumbnails)
            for space_fingerprint, array in (vectors or {}).items():
                np.save(part / f"vectors.{space_fingerprint}.npy", array)
        write_json(
            part / "query.json",
            {
                "name": name,
                "gallery": gallery,
                "outside": list(outside),
                "control": control,
                "colour": min(range(N_COLOURS), key=lambda slot: (used.count(slot), slot)),
                "order": 1 + max((fact["order"] for fact in facts), default=-1),
            },
        )
    return query_id


def read_query_sets(
    folder: Path, gallery: str, find_rows: Callable[[pa.Table], IntArray]
) -> dict[str, QuerySet]:
    """Read every query set of a collection, oldest first.

    Args:
        gallery: name of the collection's gallery step.
        find_rows: finds members again that were stored for another gallery; -1 for those that have gone.
    """
    found = []
    for path in _finished(folder / QUERIES):
        facts = read_json(path)
        if facts["gallery"] == gallery:
            rows = np.load(path.parent / "rows.npy", allow_pickle=False)
        else:
            rows = _found_again(path.parent, gallery, find_rows)
        kept = tuple(sorted(int(row) for row in rows if row >= 0))
        found.append(
            QuerySet(
                path.parent.name, facts["name"], kept, tuple(facts["outside"]), facts["control"], facts["colour"],
                facts["order"], len(rows) - len(kept), path.parent,
            )
        )  # fmt: skip
    return {one.id: one for one in sorted(found, key=lambda one: (one.order, one.id))}


@lru_cache(maxsize=256)
def _found_again(folder: Path, _gallery: str, find_rows: Callable[[pa.Table], IntArray]) -> IntArray:
    """Find a set's members in a gallery that has changed; once for each gallery, since sets are read often."""
    return find_rows(pq.read_table(folder / "members.parquet"))


def _finished(queries: Path) -> list[Path]:
    """List the sets' query.json; a folder that begins with a dot is being written, was left by a kill, or removed."""
    return [path for path in queries.glob("*/query.json") if not path.parent.name.startswith(".")]


def change_query_set(query_set: QuerySet, **facts: Any) -> None:
    """Change a set's name or control set; its images stay as they are."""
    path = query_set.folder / "query.json"
    write_json(path, {**read_json(path), **facts})


def keep_outside_vectors(query_set: QuerySet, space_fingerprint: str, vectors: FloatArray) -> None:
    """Keep the vectors of a set's outside images for one more feature space."""
    with atomic_write(query_set.folder / f"vectors.{space_fingerprint}.npy") as file:
        np.save(file, vectors)


def remove_query_set(folder: Path, query_id: str) -> None:
    """Take a set out of sight; it can be restored until the next build.

    Raises:
        QueryError: there is no such set.
    """
    source, removed = folder / QUERIES / _checked_id(query_id), folder / QUERIES / REMOVED
    removed.mkdir(parents=True, exist_ok=True)
    _move(source, removed / query_id)


def restore_query_set(folder: Path, query_id: str) -> None:
    """Bring a removed set back.

    Raises:
        QueryError: it was not removed, or is gone for good.
    """
    _move(folder / QUERIES / REMOVED / _checked_id(query_id), folder / QUERIES / query_id)


def forget_removed(folder: Path) -> None:
    """Delete the removed sets for good."""
    shutil.rmtree(folder / QUERIES / REMOVED, ignore_errors=True)


def _checked_id(query_id: str) -> str:
    if not ID.fullmatch(query_id):  # it becomes a folder name: nothing but ours may pass
        raise QueryError(f"{query_id!r} names no query set.", "Reload the page.")
    return query_id


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:
        raise QueryError(f"There is no query set {source.name!r}.", "Reload the page.") from None
    except OSError as error:
        raise CollectionError(
            f"{source} cannot be moved: {error.strerror}.", "Make the collection's folder writable."
        ) from None
    flush(source.parent)
    flush(target.parent)
