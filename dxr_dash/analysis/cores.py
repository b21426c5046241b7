"""How many processors this process may use, and who uses them."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

P = TypeVar("P")
T = TypeVar("T")


def n_cores() -> int:
    """Count them: a container or taskset may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Turns:
    """Lets some threads at a time work, first come, first served; used as ``with turns:``.

    The semaphores of ``threading`` have no order: a thread that gives its turn back and asks for the next one at once
    gets it before those that wait have woken up, and a question with many passes keeps all others waiting.
    """

    def __init__(self, n_at_once: int) -> None:
        self._free = n_at_once
        self._waiting: deque[threading.Lock] = deque()  # each opens when its turn has come
        self._change = threading.Lock()

    def __enter__(self) -> None:
        with self._change:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            mine.acquire()
        except BaseException:  # Ctrl-C while it waits
            with self._change:
                waits = mine in self._waiting
                if waits:
                    self._waiting.remove(mine)
            if not waits:
                self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with self._change:
            if self._waiting:
                self._waiting.popleft().release()  # handed on: nobody comes between
            else:
                self._free += 1


passes = Turns(n_cores())
"""Held by whoever compares a set with the gallery: each such pass uses every core and holds hundreds of megabytes, so
many at once would take no less time and far more memory. Nobody who holds it waits for it again."""
_limit = threading.Lock()
_going: list[Any] = []  # one for each pass; the first one knows how it was before
_libraries: dict[int, ThreadpoolController] = {}  # by how many modules there were then


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on the thread that asks for them, while any pass goes on: passes may overlap."""
    with _limit:
        _going.append(_going[0] if _going else _blas().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _limit:
            before = _going.pop()
            if not _going:
                before.restore_original_limits()


def _blas() -> ThreadpoolController:
    """Find the libraries that are loaded; again only after an import, since it takes four milliseconds."""
    n_modules = len(sys.modules)
    if n_modules not in _libraries:
        _libraries.clear()
        _libraries[n_modules] = ThreadpoolController()
    return _libraries[n_modules]


_parts = Turns(n_cores())
"""Held by each part that is worked on side by side, whoever asked for it: a part may hold a hundred megabytes."""


def side_by_side(work: Callable[[P], T], parts: Iterable[P]) -> list[T]:
    """Work on parts, one a core; return the results in the order of the parts.

    Threads of a BLAS wait for each other in a busy loop, which beside other work costs as much as the products do.
    The work must spend its time outside the interpreter, and must not work side by side itself.
    """

    def in_turn(part: P) -> T:
        with _parts:
            return work(part)

    with one_blas_thread(), ThreadPoolExecutor(n_cores()) as threads:
        return list(threads.map(in_turn, parts))
