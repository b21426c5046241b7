"""dxr: do deep features retrieve X?

Importing this package is cheap: torch, umap and dash are loaded by the functions that need them.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from dxr_dash.errors import DxrError
from dxr_dash.settings import VERSION

# torch multiplies by MKL, which on some processors rounds otherwise with another number of threads; in this mode it
# never does. It has to be said before MKL is first used.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

if TYPE_CHECKING:
    from dxr_dash.api import (
        add_query_set,
        answer,
        benchmark,
        build,
        build_demo,
        compare,
        disagreement,
        findings,
        nearest,
        nearest_to_text,
        open_collection,
        rank_curve,
        ranking,
        rerank,
        scan,
        sweep,
        what_hiding_does,
        why_similar,
    )

__version__ = VERSION

__all__ = [
    "DxrError",
    "__version__",
    "add_query_set",
    "answer",
    "benchmark",
    "build",
    "build_demo",
    "compare",
    "disagreement",
    "findings",
    "nearest",
    "nearest_to_text",
    "open_collection",
    "rank_curve",
    "ranking",
    "rerank",
    "scan",
    "sweep",
    "what_hiding_does",
    "why_similar",
]


def __getattr__(name: str) -> Any:
    """Fetch a public name from ``dxr_dash.api`` when it is first used: numpy and pyarrow load then, not before."""
    if name in __all__:
        return getattr(importlib.import_module("dxr_dash.api"), name)
    raise AttributeError(f"module 'dxr_dash' has no attribute {name!r}")
