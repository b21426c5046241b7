"""Names of arrays, progress, and plain values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

OnProgress = Callable[[str, int, int], None]
"""Called as (step, done, total) while long work goes on; total 0 means not known yet."""


def silent(_step: str, _done: int, _total: int) -> None:
    """Take progress and show nothing."""


def plain(value: Any) -> Any:
    """Turn records, arrays and numbers into what JSON can hold; a value that is not known becomes None."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
