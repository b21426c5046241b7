"""Random numbers that depend on nothing but what they are asked for, inside compiled loops."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(inline="always")
def mix(value: Any) -> Any:
    """Mix 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
