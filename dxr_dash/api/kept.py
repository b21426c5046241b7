"""What is kept in memory between calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

import numpy as np
from cachetools import LRUCache, cached

ANSWERS_KEPT = 64
RANKINGS_KEPT = 32  # 8 bytes an image each
BYTES_KEPT = 2**29  # of the results of one function

Asked = int | str | tuple[str, int]
"""What a ranking asks with: a gallery row, a query set's id, or (set id, place) of one of its outside images."""
F = TypeVar("F", bound=Callable[..., Any])


def kept(n_results: int) -> Callable[[F], F]:
    """Keep the last results of a slow function; of several threads that ask for the same one, one computes it.

    Args:
        n_results: as for ``last_results``.
    """
    keep = cached(last_results(n_results), condition=threading.Condition())
    return cast("Callable[[F], F]", keep)


def last_results(n_results: int) -> LRUCache[Any, Any]:
    """Make a place for the last results of something slow; it has no lock of its own.

    Args:
        n_results: at most so many; fewer, where they are large, but always the last one.
    """

    def share(result: object) -> int:
        return min(max(bytes_of(result), BYTES_KEPT // n_results), BYTES_KEPT)

    return LRUCache(BYTES_KEPT, getsizeof=share)


def bytes_of(result: object) -> int:
    """Add up the arrays in a result; files that are mapped take no memory."""
    if isinstance(result, np.memmap):
        return 0
    if isinstance(result, np.ndarray):
        return result.nbytes if result.base is None else bytes_of(result.base)
    if is_dataclass(result) and not isinstance(result, type):
        return sum(bytes_of(getattr(result, one.name)) for one in fields(result))
    if isinstance(result, Mapping):
        return sum(map(bytes_of, result.values()))
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        return sum(map(bytes_of, result))
    return 0
