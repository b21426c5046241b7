"""How many processors this process may use, and who uses them."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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


class _Blas:
    """Holds the linear algebra libraries to one thread while anybody wants it.

    Limits of threadpoolctl that overlap undo each other: the first to end gives the threads back under the hands of
    the others, and the last one restores the single thread that it found. So all of dxr takes this one.
    """

    def __init__(self) -> None:
        self._change = threading.Lock()
        self._n_inside = 0
        # each knows how it was before; there is a second one where a library was loaded meanwhile
        self._limits: list[Any] = []
        # looked for again after an import only: it takes four milliseconds
        self._libraries: ThreadpoolController | None = None
        self._n_modules = 0

    def __enter__(self) -> None:
        with self._change:
            n_modules = len(sys.modules)
            if self._libraries is None or self._n_modules != n_modules:
                self._libraries, self._n_modules = ThreadpoolController(), n_modules
            elif self._limits:
                self._n_inside += 1
                return
            self._limits.append(self._libraries.limit(limits=1, user_api="blas"))
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._n_inside -= 1
            while self._limits and not self._n_inside:
                self._limits.pop().restore_original_limits()


one_blas_thread = _Blas()
"""Keeps matrix products on the thread that asks for them: ``with one_blas_thread:``, by many threads at once, one
inside the other, as they like. A library that is loaded inside is held from the next time that anybody enters."""


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

    with one_blas_thread, ThreadPoolExecutor(n_cores()) as threads:
        return list(threads.map(in_turn, parts))
