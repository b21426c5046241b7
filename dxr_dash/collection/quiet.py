"""Keep Pillow's warnings from getting out while images are decoded, in any thread."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# warnings.catch_warnings swaps a list that all threads share: two decoding threads would restore each other's
# state. One filter that lasts while anybody decodes needs no swapping.
_FILTER: tuple[Any, ...] = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_lock = threading.Lock()
_depth = 0


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore every warning that Pillow's modules give while the block runs; blocks may overlap."""
    global _depth  # noqa: PLW0603 - the warning filters are global too
    with _lock:
        _depth += 1
        _put()
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                _take()


def _put() -> None:
    # asked each time, not only at depth 0: someone's catch_warnings may have taken ours away with its own
    if _FILTER not in _filters():
        _filters().insert(0, _FILTER)
        _forget_cached()


def _take() -> None:
    if _FILTER in _filters():
        _filters().remove(_FILTER)
        _forget_cached()


def _filters() -> list[tuple[Any, ...]]:
    return warnings.filters  # type: ignore[return-value]


def _forget_cached() -> None:
    # as warnings.filterwarnings does: tell the C side that cached decisions are stale
    for name in ("_filters_mutated", "_filters_mutated_lock_held"):  # Python <= 3.13, later
        if hasattr(warnings, name):
            getattr(warnings, name)()
            break
