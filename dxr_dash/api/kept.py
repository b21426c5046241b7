"""What is kept in memory between calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
from cachetools import LRUCache, cached
from cachetools.keys import hashkey

BYTES_KEPT = 2**30  # of all results together: what a server holds however many people ask
LEAST_BYTES = 2**18  # a result counts at least so much, so that small ones have an end, too

Asked = int | str | tuple[str, int]
"""What a ranking asks with: a gallery row, a query set's id, or (set id, place) of one of its outside images."""
F = TypeVar("F", bound=Callable[..., Any])


def kept(function: F) -> F:
    """Keep the last results of a slow function; of several threads that ask for the same one, one computes it.

    All functions share the room, and what was asked for longest ago goes first. The last result is always kept.
    """
    key = partial(hashkey, function)
    return cast("F", cached(_results, key=key, condition=_change)(function))


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


def _share(result: object) -> int:
    return min(max(bytes_of(result), LEAST_BYTES), BYTES_KEPT)


_results: LRUCache[Any, Any] = LRUCache(BYTES_KEPT, getsizeof=_share)
_change = threading.Condition()
