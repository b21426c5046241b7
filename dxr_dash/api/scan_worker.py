"""Runs the scans of an open collection beside everything else: one at a time, in a process of low priority."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from dxr_dash.api.scans import checked_by, kept_scan, running_scan, scan_cost, scan_key
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from dxr_dash.records import Scan, ScanStatus

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 5.0
_SOONEST_S = 1.0  # a rate from less is a guess
_UNEXPECTED = ("The scan ended unexpectedly.", "Its lines are kept: start it again; dxr's log says more.")


@dataclass
class _Run:
    """A process at work, and where it began."""

    process: subprocess.Popen[bytes]
    key: str
    by: str
    space: str
    began: float | None = None  # when its first line came: what comes before is no part of the rate
    done: float = 0.0  # cost of the lines that were there then


class ScanWorker:
    """The scans that one server runs; safe to share between threads."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._failed: dict[str, tuple[str, str]] = {}  # key: problem, remedy

    def start(self, by: str, *, space: str | None = None) -> None:
        """Begin a scan, or go on with one; nothing happens if it is at work or has ended.

        Raises:
            QueryError: its values cannot be scanned, or another scan is at work.
        """
        where = self._collection.space(space)
        by = checked_by(self._collection, by)
        key = scan_key(self._collection, by, space=where.id)
        with self._lock:
            self._settle()
            if self._run is not None and self._run.key != key:
                raise QueryError(
                    f"The scan by {_name(self._run.by)} is at work.", "Wait until it has ended, or stop it."
                )
            if self._run is not None or kept_scan(self._collection, by, space=where.id).is_done:
                return
            self._failed.pop(key, None)
            command = [
                sys.executable,
                "-m",
                "dxr_dash.api.scan_process",
                str(self._collection.folder.resolve()),
            ]
            command += [self._collection.fingerprint, by, where.id]
            paths = (str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")]))
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # closed when this process ends
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
            self._run = _Run(process, key, by, where.id)

    def stop(self) -> None:
        """End the scan at work; its lines are kept."""
        with self._lock:
            if self._run is not None:
                _end(self._run.process)
                self._run = None

    close = stop

    def status(self, by: str, *, space: str | None = None) -> tuple[Scan, ScanStatus]:
        """Read the lines of a scan and say what becomes of it.

        Raises:
            QueryError: its values cannot be scanned.
        """
        where = self._collection.space(space)
        key = scan_key(self._collection, by, space=where.id)
        with self._lock:
            self._settle()  # before the lines are read: those of a scan that has ended are all there
            run = self._run
            problem, remedy = self._failed.get(key, ("", ""))
        found = kept_scan(self._collection, by, space=where.id)
        other = "" if run is None or run.key == key else _name(run.by)
        if found.is_done:
            return found, ScanStatus("done", other=other)
        if run is not None and run.key == key:
            return found, ScanStatus("running", can_stop=True, seconds_left=self._seconds_left(run, found))
        if running_scan(self._collection) == key:
            return found, ScanStatus("running")
        if problem:
            return found, ScanStatus("failed", other=other, problem=problem, remedy=remedy)
        return found, ScanStatus("stopped" if found.lines else "none", other=other)

    def _seconds_left(self, run: _Run, found: Scan) -> float | None:
        """Guess from what the lines have cost since the first of them came."""
        now, (done, in_all) = time.monotonic(), scan_cost(self._collection, found)
        if run.began is None:
            if found.lines:
                run.began, run.done = now, done
            return None
        if done <= run.done or now - run.began < _SOONEST_S:
            return None
        return (in_all - done) / (done - run.done) * (now - run.began)

    def _settle(self) -> None:
        """Note how a scan has ended, if it has."""
        run = self._run
        if run is None or run.process.poll() is None:
            return
        self._run = None
        said = run.process.communicate()[0]
        if run.process.returncode == 0:
            return
        try:
            words = json.loads(said)
            self._failed[run.key] = words["problem"], words["remedy"]
        except (ValueError, KeyError):
            self._failed[run.key] = _UNEXPECTED


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _name(by: str) -> str:
    return by.removeprefix("column:")
