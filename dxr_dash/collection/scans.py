"""Scans: one line of answer for each value of a column, kept so that none is ever computed twice.

While a scan runs, ``scans/KEY.jsonl`` grows by a line of JSON for each value; the first line says what is scanned. When
it has ended, the folder ``scans/KEY/`` appears whole: lines.parquet and scan.json. The key is a fingerprint of all that
the numbers depend on, so a scan of other features, labels or rules is never found, and the next build removes it.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import pyarrow as pa

from dxr_dash.collection.exports import without_nan
from dxr_dash.collection.reading import read_table
from dxr_dash.collection.steps import (
    LOCK,
    atomic_write,
    discard,
    disk_in_words,
    fingerprint,
    new_step,
    read_json,
    write_json,
    write_table,
)
from dxr_dash.errors import CollectionError

SCANS = "scans"
LINES = "lines.parquet"
JOURNAL = ".jsonl"
FACTS = "scan.json"
RUNNING = ".running"  # holds the key of the scan at work, as long as the lock is held
FLUSH_S = 1.0  # what a power cut can lose

Row = dict[str, Any]

_NUMBERS = [
    f"{name}{end}" for name in ("auroc", "mean_ap", "lift") for end in ("", "_low", "_high", "_chance")
]
SCHEMA = pa.schema(
    {
        "code": pa.int32(),
        "value": pa.string(),
        "n_images": pa.int64(),
        "n_compared": pa.int64(),
        "n_asked": pa.int64(),
        "verdict": pa.string(),
        **dict.fromkeys(_NUMBERS, pa.float64()),
        "sentence": pa.string(),
        "warnings": pa.list_(pa.string()),
        "examples": pa.list_(pa.int64()),
    }
)


def scan_key(facts: Mapping[str, Any]) -> str:
    """Name a scan after everything that its numbers depend on."""
    return fingerprint(dict(facts))[:20]


def read_rows(folder: Path, key: str) -> list[Row]:
    """Read the lines that a scan has so far, in the order they were written; none if it never ran.

    A scan at work may be read at any time, by any process.
    """
    whole = folder / SCANS / key / LINES
    if not whole.exists():  # it has not ended
        with suppress(FileNotFoundError, NotADirectoryError):
            return _read_journal(_journal(folder, key))[0]
    return _read_lines(whole) if whole.exists() else []  # or ended between the two looks


def _read_lines(whole: Path) -> list[Row]:
    return list(read_table(whole).to_pylist())


def running_key(folder: Path) -> str | None:
    """Say which scan of this collection is at work, in whatever process; None when none is."""
    try:
        key = (folder / SCANS / RUNNING).read_text()
    except OSError:
        return None
    lock = filelock.FileLock(folder / SCANS / LOCK)
    try:
        lock.acquire(timeout=0)
    except (filelock.Timeout, OSError):
        return key
    lock.release()  # its process was killed
    return None


@contextmanager
def scan_at_work(folder: Path, facts: Mapping[str, Any]) -> Iterator[ScanJournal]:
    """Hold the collection's one place for a scan; yield where its lines go.

    Raises:
        CollectionError: another scan is at work, or nothing can be written.
    """
    scans = folder / SCANS
    with disk_in_words(scans), _alone(scans, f"Another scan of {folder} is at work."):
        journal = None
        try:
            key = scan_key(facts)
            for left in scans.glob(".*.part"):  # by a kill
                _delete(left)
            _forget_older(scans, key, facts)
            with atomic_write(scans / RUNNING) as file:
                file.write(key.encode())
            journal = ScanJournal(folder, key, facts)
            yield journal
        finally:
            if journal is not None:
                journal.close()
            (scans / RUNNING).unlink(missing_ok=True)


@contextmanager
def no_scan(folder: Path) -> Iterator[None]:
    """Keep scans of a collection from being at work while what they rest on is taken away.

    Raises:
        CollectionError: one is at work.
    """
    scans = folder / SCANS
    if scans.is_dir():
        with _alone(scans, f"A scan of {folder} is at work."):
            yield
    else:
        yield


@contextmanager
def _alone(scans: Path, problem: str) -> Iterator[None]:
    """Hold the one place for a scan; the operating system lets go when the process ends."""
    scans.mkdir(exist_ok=True)
    lock = filelock.FileLock(scans / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise CollectionError(problem, "Wait until it has ended, or stop it.") from None
    try:
        yield
    finally:
        lock.release()


def settle(folder: Path, facts: Mapping[str, Any]) -> None:
    """End a scan whose lines are all there, if a kill came between; not while another is at work."""
    if (folder / SCANS / RUNNING).exists() or _journal(folder, scan_key(facts)).exists():
        with suppress(CollectionError, OSError), scan_at_work(folder, facts) as journal:
            journal.finish()


class ScanJournal:
    """The lines of one scan while it is at work; only the holder of the lock may have one."""

    def __init__(self, folder: Path, key: str, facts: Mapping[str, Any]) -> None:
        self.target = folder / SCANS / key
        self.facts = dict(facts)
        self.rows: list[Row] = []
        self._path = _journal(folder, key)
        self._file: BinaryIO | None = None
        if (self.target / LINES).exists():
            self.rows = _read_lines(self.target / LINES)
            self._path.unlink(missing_ok=True)
            return
        good = 0
        with suppress(FileNotFoundError):
            self.rows, good = _read_journal(self._path)
        self._file = self._path.open("r+b" if self._path.exists() else "w+b")
        self._file.truncate(good)  # a line that a kill has cut
        self._file.seek(good)
        if good == 0:
            self._write(self.facts)
        self._flushed = time.monotonic()

    def append(self, rows: Iterable[Row]) -> None:
        """Keep lines for good."""
        for row in rows:
            self.rows.append(row)
            self._write(row)

    def finish(self) -> None:
        """Turn the journal into the finished scan: the lines in the order of their codes."""
        if self._file is None:
            return
        rows = sorted(self.rows, key=lambda row: int(row["code"]))
        with new_step(self.target) as part:
            write_table(part / LINES, pa.Table.from_pylist(rows, SCHEMA))
            write_json(part / FACTS, self.facts)
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Flush what is there and let go of the file."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def _write(self, value: Mapping[str, Any]) -> None:
        if self._file is None:
            raise ValueError("The scan has ended.")
        self._file.write(json.dumps(without_nan(value), ensure_ascii=True).encode() + b"\n")
        self._file.flush()  # others read along
        if time.monotonic() - getattr(self, "_flushed", 0.0) > FLUSH_S:
            os.fsync(self._file.fileno())
            self._flushed = time.monotonic()


def forget_stale(folder: Path, steps: Sequence[str]) -> None:
    """Delete the scans of steps that the collection no longer has.

    Args:
        steps: names of all steps that it has.
    """
    for left in (folder / SCANS).glob(".*.part"):
        _delete(left)
    for path in stale_scans(folder, steps):
        _delete(path)


def stale_scans(folder: Path, steps: Collection[str]) -> list[Path]:
    """List the scans, finished or not, of steps that are none of these."""
    return [
        path
        for path, facts in _kept(folder / SCANS)
        if facts is None or not set(facts.get("steps", ())).issubset(steps)
    ]


def _forget_older(scans: Path, key: str, facts: Mapping[str, Any]) -> None:
    """Delete scans of the same values in the same space that were made of something else, or by older rules."""
    same = [facts["by"], facts["space"]]
    for path, kept in _kept(scans):
        if path.stem != key and (kept is None or [kept.get("by"), kept.get("space")] == same):
            _delete(path)


def _kept(scans: Path) -> Iterator[tuple[Path, Row | None]]:
    """List every scan with what it is of; None where that cannot be read."""
    for path in sorted(scans.glob("*")) if scans.is_dir() else []:
        if path.name.startswith("."):
            continue
        facts = None
        with suppress(OSError, ValueError, CollectionError):
            if path.is_dir():
                facts = read_json(path / FACTS)
            else:
                with path.open("rb") as file:
                    facts = json.loads(file.readline())
        yield path, facts if isinstance(facts, dict) else None


def _delete(path: Path) -> None:
    if path.is_dir() and path.name.startswith("."):
        shutil.rmtree(path, ignore_errors=True)
    elif path.is_dir():
        discard(path)  # `dxr check` would take half of it for damage
    else:
        with suppress(OSError):
            path.unlink()


def _journal(folder: Path, key: str) -> Path:
    return folder / SCANS / f"{key}{JOURNAL}"


def _read_journal(path: Path) -> tuple[list[Row], int]:
    """Read the whole lines of a journal, and how many bytes they take; what a kill has cut does not count."""
    rows: list[Row] = []
    good = 0
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True)):
        if not line.endswith(b"\n"):
            break
        try:
            row = json.loads(line)
        except ValueError:  # a power cut may leave zeros
            break
        if not isinstance(row, dict) or (number and not row.keys() >= set(SCHEMA.names)):
            break
        good += len(line)
        if number:
            rows.append({**row, **{key: math.nan for key in _NUMBERS if row[key] is None}})
    return rows, good
