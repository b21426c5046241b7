"""Query sets: named images from the gallery, from outside, or both, kept in the collection.

Each is a folder ``queries/ID/`` that appears whole: query.json (name, control set, colour), members.parquet (gallery
members by path and content, so that they are found again after the gallery has changed), and for outside images
images.bin (the files as given), thumbnails.bin and vectors.<space fingerprint>.npy.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dxr_dash.analysis.cores import Turns
from dxr_dash.collection.pack import Pack, write_pack
from dxr_dash.collection.reading import (
    Form,
    damaged,
    is_text,
    is_texts,
    is_whole,
    open_array,
    or_none,
    read_table,
)
from dxr_dash.collection.reading import read_facts as read_json_facts
from dxr_dash.collection.steps import (
    FILES,
    atomic_write,
    clear_parts,
    discard,
    disk_in_words,
    fingerprint,
    flush,
    list_file,
    locked,
    new_step,
    read_json,
    write_json,
    write_table,
)
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import FloatArray, IntArray

log = logging.getLogger(__name__)

QUERIES = "queries"
FACTS = "query.json"
UNLISTED = r"query\.json|vectors\.[0-9a-f]+\.npy"  # files that change, or came later
MEMBERS = pa.schema({"path_bytes": pa.binary(), "content": pa.string()})
WAIT_S = 10.0  # for another process that changes the sets: a change takes a moment
_changing = Turns(1)  # threads of this process wait as long as it takes
_cleared: set[Path] = set()  # of what killed processes have left
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

    @cached_property
    def members(self) -> str:
        """Names the members: what is kept for a set hangs on it, since an id can be used again."""
        return fingerprint(self.items.tobytes(), list(self.outside))

    def thumbnail(self, index: int) -> bytes:
        """The thumbnail of outside image ``index``, a JPEG file.

        Raises:
            QueryError: there is no such image.
        """
        return Pack(self.folder, "thumbnails", len(self.outside))[self._checked(index)]

    def outside_image(self, index: int) -> bytes:
        """Outside image ``index`` as it was given.

        Raises:
            QueryError: there is no such image.
        """
        return Pack(self.folder, "images", len(self.outside))[self._checked(index)]

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self.outside):
            raise QueryError(f"{self.name} has no outside image {index}.", "Reload the page.")
        return index

    def outside_images(self) -> list[bytes]:
        """The outside images as they were given, for feature spaces that come later."""
        pack = Pack(self.folder, "images", len(self.outside))
        return [pack[index] for index in range(len(pack))]

    def outside_vectors(self, space_fingerprint: str, n_dims: int | None = None) -> FloatArray | None:
        """The (n, D) float32 vectors of the outside images; None when this space has not seen them.

        Args:
            n_dims: D of the space; left out, it is not checked.

        Raises:
            CollectionError: they are damaged.
        """
        path = self.folder / f"vectors.{space_fingerprint}.npy"
        return open_array(path, "f", (len(self.outside), n_dims)) if path.exists() else None


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
    with _held(folder) as queries:
        facts = [one for _, one in _finished(queries)]
        used = [fact["colour"] for fact in facts]
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "query"
        taken = {path.name for path in (*queries.iterdir(), *(queries / REMOVED).glob("*"))}
        query_id = next(
            key
            for number in range(1, len(taken) + 2)
            if (key := slug if number == 1 else f"{slug}-{number}") not in taken
        )
        with new_step(queries / query_id, changing=(FACTS,)) as part:
            np.save(part / "rows.npy", rows)
            write_table(part / "members.parquet", members)
            if outside:
                write_pack(part, "images", images)
                write_pack(part, "thumbnails", thumbnails)
                for space_fingerprint, array in (vectors or {}).items():
                    np.save(part / f"vectors.{space_fingerprint}.npy", array)
            _write_facts(
                part,
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


@contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Hold the query sets of a collection for a change, which takes a moment; forget what killed processes left.

    Raises:
        CollectionError: the disk does not take it.
    """
    queries = folder / QUERIES
    with disk_in_words(queries):
        queries.mkdir(exist_ok=True)
        with _changing, locked(queries, wait_s=WAIT_S):
            # once a process: with hundreds of sets it takes longer than the change
            if queries not in _cleared:
                for left in queries.glob(".*.part"):
                    shutil.rmtree(left, ignore_errors=True)
                for one in queries.glob("[!.]*/"):
                    clear_parts(one)
                _cleared.add(queries)
            yield queries


ReadSets = dict[tuple[Path, tuple[int, ...]], QuerySet]
"""What has been read, by its folder and the stamp of its files."""


def read_query_sets(
    folder: Path, gallery: str, n_images: int, find_rows: Callable[[pa.Table], IntArray], read: ReadSets
) -> dict[str, QuerySet]:
    """Read every query set of a collection, oldest first.

    Args:
        gallery: name of the collection's gallery step.
        n_images: in it.
        find_rows: finds members again that were stored for another gallery; -1 for those that have gone.
        read: by earlier calls with the same gallery; brought up to date. A set is read again only where a file of it
            has become another, since every question looks at all sets, and one that has gone is forgotten.
    """
    now: ReadSets = {}
    for path in sorted((folder / QUERIES).glob("[!.]*/")):
        key = path, _stamp(path)
        try:
            one = read.get(key)
            # one whose images have gone is empty, and a set all the same
            now[key] = _read(path, gallery, n_images, find_rows) if one is None else one
        except CollectionError as error:
            if path.is_dir():  # not removed since
                _pass_over(path, error.problem)
    read.update(now)
    for key in list(read):  # other threads may do the same
        if key not in now:
            read.pop(key, None)
    return {one.id: one for one in sorted(now.values(), key=lambda one: (one.order, one.id))}


def _read(folder: Path, gallery: str, n_images: int, find_rows: Callable[[pa.Table], IntArray]) -> QuerySet:
    facts = read_facts(folder)
    if facts["gallery"] == gallery:
        rows: IntArray = open_array(folder / "rows.npy", "i", (None,), rows=(0, n_images))
    else:
        members = read_table(folder / "members.parquet", MEMBERS.names)
        if members.schema.types != MEMBERS.types or members.column("content").null_count:
            raise damaged(folder / "members.parquet", "it is not as dxr wrote it")
        rows = find_rows(members)
    kept = np.sort(rows[rows >= 0]).astype(np.int64).tolist()
    return QuerySet(
        folder.name, facts["name"], tuple(kept), tuple(facts["outside"]), facts["control"], facts["colour"],
        facts["order"], len(rows) - len(kept), folder,
    )  # fmt: skip


def _stamp(folder: Path) -> tuple[int, ...]:
    """Tell the files of a set from others of their names: what is written again is another file of another time."""
    found: list[int] = []
    for name in (FACTS, "rows.npy"):
        with suppress(OSError):  # whoever reads it says that it is missing
            one = (folder / name).stat()
            found += (one.st_ino, one.st_mtime_ns, one.st_size)
    return tuple(found)


def _finished(queries: Path) -> list[tuple[Path, dict[str, Any]]]:
    """List the sets with their facts; a folder with a dot first is being written, was left by a kill, or removed."""
    found = []
    for path in sorted(queries.glob("[!.]*/")):
        try:
            found.append((path, read_facts(path)))
        except CollectionError as error:
            if path.is_dir():  # not removed since
                _pass_over(path, error.problem)
    return found


def read_facts(folder: Path) -> dict[str, Any]:
    """Read a set's query.json.

    Raises:
        CollectionError: it is missing or damaged.
    """
    path = folder / FACTS
    facts = read_json_facts(path, _FACTS)
    found = facts.pop("fingerprint", None)  # there was a time without
    if found not in (None, fingerprint(facts)):
        raise damaged(path, "it is not as dxr wrote it")
    return facts


def _write_facts(folder: Path, facts: dict[str, Any]) -> None:
    write_json(folder / FACTS, {**facts, "fingerprint": fingerprint(facts)})


_FACTS: Form = {
    "name": is_text,
    "gallery": is_text,
    "outside": is_texts,
    "control": or_none(is_text),
    "colour": lambda value: is_whole(value) and 0 <= value < N_COLOURS,
    "order": is_whole,
}


@lru_cache(maxsize=256)
def _pass_over(folder: Path, problem: str) -> None:
    """Say once that a set cannot be read; the others are of use without it."""
    log.warning("The query set %s is left out: %s Run `dxr check`.", folder.name, problem)


def change_query_set(query_set: QuerySet, **facts: Any) -> None:
    """Change a set's name or control set; its images stay as they are.

    Raises:
        CollectionError: the disk does not take it.
    """
    with _held(query_set.folder.parent.parent):
        _write_facts(query_set.folder, {**read_facts(query_set.folder), **facts})


def keep_outside_vectors(query_set: QuerySet, space_fingerprint: str, vectors: FloatArray) -> None:
    """Keep the vectors of a set's outside images for one more feature space, where the collection may be written."""
    target = query_set.folder / f"vectors.{space_fingerprint}.npy"
    with suppress(CollectionError), _held(query_set.folder.parent.parent):
        with atomic_write(target) as file:
            np.save(file, vectors)
        list_file(target)


def vectors_of_spaces(folder: Path, fingerprints: Collection[str]) -> list[Path]:
    """List the files of outside vectors that the sets, removed ones too, keep for some feature spaces."""
    return [
        path
        for pattern in ("[!.]*/vectors.*.npy", f"{REMOVED}/*/vectors.*.npy")
        for path in sorted((folder / QUERIES).glob(pattern))
        if path.stem.removeprefix("vectors.") in fingerprints
    ]


def forget_vectors(folder: Path, fingerprints: Collection[str]) -> None:
    """Delete the outside vectors that sets keep for feature spaces that are no more.

    Raises:
        CollectionError: another process holds the sets, or the disk does not take it.
    """
    if not vectors_of_spaces(folder, fingerprints):
        return
    with _held(folder):
        for path in vectors_of_spaces(folder, fingerprints):
            with suppress(CollectionError):  # a damaged list names the set damaged with the file or without
                listing = read_json(path.parent / FILES)
                if listing.pop(path.name, None) is not None:
                    write_json(
                        path.parent / FILES, listing
                    )  # first: a file that is listed may not be missing
            path.unlink(missing_ok=True)


def remove_query_set(folder: Path, query_id: str) -> None:
    """Take a set out of sight; it can be restored until the next build.

    Raises:
        QueryError: there is no such set.
    """
    _checked_id(query_id)
    with _held(folder) as queries:
        (queries / REMOVED).mkdir(exist_ok=True)
        _move(queries / query_id, queries / REMOVED / query_id)


def restore_query_set(folder: Path, query_id: str) -> None:
    """Bring a removed set back.

    Raises:
        QueryError: it was not removed, or is gone for good.
    """
    _checked_id(query_id)
    with _held(folder) as queries:
        _move(queries / REMOVED / query_id, queries / query_id)


def forget_removed(folder: Path) -> None:
    """Delete the removed sets for good; while another process changes the sets, they stay for the next build."""
    if (folder / QUERIES).is_dir():
        with suppress(CollectionError), _held(folder) as queries:
            discard(queries / REMOVED)


def _checked_id(query_id: str) -> None:
    if not ID.fullmatch(query_id):  # it becomes a folder name: nothing but ours may pass
        raise QueryError(f"{query_id!r} names no query set.", "Reload the page.")


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:
        raise QueryError(f"There is no query set {source.name!r}.", "Reload the page.") from None
    flush(source.parent)
    flush(target.parent)
