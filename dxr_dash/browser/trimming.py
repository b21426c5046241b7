"""Give memory back to the system: what one large answer has freed is else kept by the C library for the next one."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable

EVERY_S = 30.0


class Trimmer:
    """Gives back free memory every now and then until it is closed; where the C library cannot, does nothing.

    glibc hands arrays of up to 32 MiB out of its own pools and returns little of them: after hours, a server of 60,000
    images held 0.3 to 1 GB that nothing used (docs/survives.md).
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._over = threading.Event()
        if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
            threading.Thread(target=self._run, args=(trim, every_s), name="trimming", daemon=True).start()

    def _run(self, trim: Callable[[int], int], every_s: float) -> None:
        while not self._over.wait(every_s):
            trim(0)  # ctypes lets go of the interpreter meanwhile

    def close(self) -> None:
        """End."""
        self._over.set()
