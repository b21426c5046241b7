"""What is kept in memory between calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cachetools import LRUCache, cached

ANSWERS_KEPT = 64
RANKINGS_KEPT = 32  # 8 bytes an image each

Asked = int | str | tuple[str, int]
"""What a ranking asks with: a gallery row, a query set's id, or (set id, place) of one of its outside images."""
F = TypeVar("F", bound=Callable[..., Any])


def kept(n_results: int) -> Callable[[F], F]:
    """Keep the last results of a slow function; of several threads that ask for the same one, one computes it."""
    keep = cached(LRUCache(n_results), condition=threading.Condition())
    return cast("Callable[[F], F]", keep)
