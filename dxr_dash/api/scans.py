"""What do these features retrieve at all? Every value of a column, or every cluster, as query set."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores, one_blas_thread
from dxr_dash.analysis.scan import answered_line, unmeasured_line
from dxr_dash.api.answers import answer_rows
from dxr_dash.api.query_sets import add_query_set
from dxr_dash.collection import scans
from dxr_dash.collection.labels import LABEL
from dxr_dash.collection.query_sets import LONGEST_NAME, QuerySet, checked_name
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import QueryError
from dxr_dash.records import IntArray, OnProgress, Scan, ScanChoice, ScanLine, scan_line, scan_row, silent

CLUSTER = "cluster"
COST_OF_ANY = 40.0  # of a value, in images: what a pass over the gallery costs whatever is asked for
COLUMN = "column:"  # and the column's name: a column may itself be called "cluster"


def scan(
    collection: Collection,
    by: str | None = None,
    *,
    space: str | None = None,
    on_progress: OnProgress = silent,
    n_threads: int | None = None,
) -> Scan:
    """Ask for every value of a column, or for every cluster, whether the features retrieve it.

    Each line is what ``answer`` says of the query set of all images with the value. Lines are kept in the collection
    as they come: a scan that was interrupted goes on where it stopped, and one that has ended costs nothing.

    Args:
        by: name of a column, "cluster" for the clusters, or "column:NAME"; left out, the label, or the clusters of
            a collection without labels.
        n_threads: how many values are measured at once; left out, one for each core.

    Raises:
        QueryError: there is no such column or space, or its values cannot be scanned.
        CollectionError: another scan is at work, or the collection cannot be written.
    """
    where = collection.space(space)
    by = checked_by(collection, by)
    kept = kept_scan(collection, by, space=where.id)
    if kept.is_done:
        scans.settle(collection.folder, _facts(collection, where, by))
        return kept
    values = _values(collection, where, by)
    step = f"scanning {by.removeprefix(COLUMN)}"
    with scans.scan_at_work(collection.folder, _facts(collection, where, by)) as journal:
        have = {row["code"] for row in journal.rows}
        todo = [one for one in values if one.code not in have]
        on_progress(step, len(have), len(values))
        for done, line in enumerate(_measured(where, todo, len(collection), n_threads), start=len(have) + 1):
            journal.append([scan_row(line)])
            on_progress(step, done, len(values))
        journal.finish()
    return kept_scan(collection, by, space=where.id)


def kept_scan(collection: Collection, by: str, *, space: str | None = None) -> Scan:
    """Read the lines that are there already, without computing any; it may be at work meanwhile.

    Raises:
        QueryError: there is no such column or space, or its values cannot be scanned.
    """
    where = collection.space(space)
    by = checked_by(collection, by)
    rows = scans.read_rows(collection.folder, scan_key(collection, by, space=where.id))
    lines = sorted(map(scan_line, rows), key=lambda line: line.code)
    return Scan(by, where.id, len(_values(collection, where, by)), tuple(lines))


def scan_key(collection: Collection, by: str, *, space: str | None = None) -> str:
    """Name a scan after everything that its numbers depend on."""
    return scans.scan_key(_facts(collection, collection.space(space), checked_by(collection, by)))


def running_scan(collection: Collection) -> str | None:
    """Return the key of the scan that is at work in this collection, in whatever process."""
    return scans.running_key(collection.folder)


def scan_cost(collection: Collection, found: Scan) -> tuple[float, float]:
    """Weigh the lines of a scan by what they cost: those that are there, and all."""
    values = _values(collection, collection.space(found.space), found.by)
    costs = {
        one.code: COST_OF_ANY + min(len(one.rows), settings.ANSWER_QUERIES)
        for one in values
        if len(one.rows) >= settings.MIN_QUERY_IMAGES
    }
    return sum(costs.get(line.code, 0.0) for line in found.lines), sum(costs.values())


def scan_choices(collection: Collection, *, space: str | None = None) -> tuple[ScanChoice, ...]:
    """List what the collection can be scanned by, the label first and the clusters last."""
    where = collection.space(space)
    columns = [f"{COLUMN}{name}" for name in collection.metadata_columns if not _refusal(collection, name)]
    found = []
    for by in (*columns, CLUSTER):
        values = _values(collection, where, by)
        n_measured = sum(len(one.rows) >= settings.MIN_QUERY_IMAGES for one in values)
        name = "clusters" if by == CLUSTER else by.removeprefix(COLUMN)
        found.append(ScanChoice(by, name, len(values), n_measured))
    return tuple(found)


def checked_by(collection: Collection, by: str | None) -> str:
    """Say what is meant as "cluster" or "column:NAME".

    Raises:
        QueryError: there is no such column, or its values cannot be scanned.
    """
    if by is None:
        labelled = LABEL in collection.metadata_columns and not _refusal(collection, LABEL)
        return f"{COLUMN}{LABEL}" if labelled else CLUSTER
    if by == CLUSTER:
        return by
    name = by.removeprefix(COLUMN)
    if by in collection.metadata_columns:  # a column may be called "column:x"
        name = by
    if name not in collection.metadata_columns:
        there = ", ".join((*collection.metadata_columns, "the clusters"))
        raise QueryError(f"{collection.name} has no column {name!r} to scan by.", f"It has {there}.")
    refusal = _refusal(collection, name)
    if refusal:
        raise QueryError(refusal, "Scan by another column, or by cluster.")
    return f"{COLUMN}{name}"


def open_scan_line(
    collection: Collection, by: str, code: int, *, space: str | None = None
) -> tuple[QuerySet, bool]:
    """Make the query set of a line, or find the one that an earlier call made.

    Returns:
        The set, and whether it was made now.

    Raises:
        QueryError: there is no such line.
    """
    by = checked_by(collection, by)
    values = _values(collection, collection.space(space), by)
    one = next((value for value in values if value.code == code), None)
    if one is None or not len(one.rows):
        raise QueryError(f"There is no line {code} in this scan.", "Reload the page.")
    rows = tuple(one.rows.tolist())
    sets = list(collection.query_sets.values())
    for number in range(1, len(sets) + 2):
        name = one.name if number == 1 else f"{one.name[: LONGEST_NAME - 6].rstrip()} ({number})"
        named = [other for other in sets if other.name == name]
        for other in named:
            if other.rows == rows and not other.outside:
                return other, False
        if not named:
            return add_query_set(collection, name, rows=rows)[0], True
    raise QueryError(f"The name {one.name} is taken.", "Rename or remove a query set.")


@dataclass(frozen=True, eq=False)
class _Value:
    """One value, or one cluster: its images, ascending, and what its query set is called."""

    code: int
    value: str
    name: str
    rows: IntArray


@lru_cache(maxsize=8)
def _values(collection: Collection, where: Space, by: str) -> tuple[_Value, ...]:
    """Sort the gallery by value; an image without one is in none."""
    if by == CLUSTER:
        codes, texts = np.asarray(where.clusters), where.cluster_names
        names = [text if text.startswith("cluster") else f"cluster: {text}" for text in texts]
    else:
        column = collection.column(by.removeprefix(COLUMN))
        codes, texts = column.codes, column.categories
        names = [f"{by.removeprefix(COLUMN)}: {text}" for text in texts]
    order = np.argsort(codes, kind="stable").astype(np.int64)
    ends = np.searchsorted(codes[order], np.arange(len(texts) + 1))
    return tuple(
        _Value(code, text, _as_name(names[code]), order[ends[code] : ends[code + 1]])
        for code, text in enumerate(texts)
    )


def _as_name(text: str) -> str:
    """Turn a value into a name that a query set may have."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return checked_name(line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1].rstrip()}…")


def _measured(where: Space, todo: list[_Value], n_gallery: int, n_threads: int | None) -> Iterator[ScanLine]:
    """Measure values side by side, one on each core: threads inside a matrix product would wait for each other."""

    def line(one: _Value) -> ScanLine:
        if len(one.rows) < settings.MIN_QUERY_IMAGES:
            return unmeasured_line(one.code, one.value, one.name, one.rows, n_gallery)
        return answered_line(one.code, one.value, one.rows, answer_rows(where, one.name, one.rows))

    with one_blas_thread, ThreadPoolExecutor(n_threads or n_cores(), "scan") as threads:
        try:
            yield from threads.map(line, todo)
        finally:
            threads.shutdown(cancel_futures=True)


def _refusal(collection: Collection, name: str) -> str:
    """Say why a column cannot be scanned by; empty when it can."""
    column = _column_sizes(collection, name)
    if len(column) > settings.SCAN_MOST_VALUES:
        return f"The column {name!r} has {len(column):,} values; a scan takes at most {settings.SCAN_MOST_VALUES:,}."
    if not (column >= settings.MIN_QUERY_IMAGES).any():
        return f"No value of the column {name!r} has {settings.MIN_QUERY_IMAGES} images or more."
    return ""


@lru_cache(maxsize=64)
def _column_sizes(collection: Collection, name: str) -> IntArray:
    column = collection.column(name)
    return np.bincount(column.codes[column.codes >= 0], minlength=len(column.categories))


def _facts(collection: Collection, where: Space, by: str) -> dict[str, Any]:
    """List everything that the numbers depend on."""
    used = (
        *("SEED", "BOOTSTRAP_DRAWS", "CONFIDENCE", "MIN_QUERY_IMAGES", "PRECISION_AT", "RECALL_FIRST"),
        *("ANSWER_QUERIES", "ANSWER_PAIRS", "ANSWER_FEWEST", "SCAN_EXAMPLES"),
    )
    return {
        "by": by,
        "space": where.id,
        "n_values": len(_values(collection, where, by)),
        "steps": [collection.manifest["gallery"], *where.step_names],
        "settings": {name: getattr(settings, name) for name in used},
        "rules": _rules(),
        "libraries": {name: version(name) for name in ("numpy", "scipy")},
    }


@lru_cache(maxsize=1)
def _rules() -> str:
    """Hash the code that makes the numbers: a line must equal the answer that a click on it opens."""
    digest = blake2b(settings.VERSION.encode(), digest_size=16)
    sources = [one for one in files("dxr_dash.analysis").iterdir() if one.name.endswith(".py")]
    for one in sorted(sources, key=lambda one: one.name):
        digest.update(one.name.encode() + one.read_bytes())
    return digest.hexdigest()
