"""How many processors this process may use, and who uses them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def n_cores() -> int:
    """Count them: a container or taskset may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


passes = threading.BoundedSemaphore(n_cores())
"""Held by whoever compares a set with the gallery: each such pass uses every core and holds hundreds of megabytes, so
many at once would take no less time and far more memory. Nobody who holds it waits for it again."""
_limit = threading.Lock()
_going: list[threadpool_limits] = []  # one for each pass; the first one knows how it was before


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on the thread that asks for them, while any pass goes on: passes may overlap."""
    with _limit:
        _going.append(threadpool_limits(1, "blas") if not _going else _going[0])
    try:
        yield
    finally:
        with _limit:
            before = _going.pop()
            if not _going:
                before.restore_original_limits()
