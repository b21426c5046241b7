"""How many processors this process may use."""

from __future__ import annotations

import os


def n_cores() -> int:
    """Count them: a container or taskset may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
