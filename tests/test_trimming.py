"""Memory that is free goes back to the system while a page is served."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

HOLE = """
import ctypes, sys, time
from pathlib import Path
from dxr_dash.browser.trimming import Trimmer
def held_mb():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(2_000)]
for one in blocks:
    ctypes.memset(one, 1, 100_000)
for one in blocks[:-1]:
    libc.free(one)
before = held_mb()
trimmer = Trimmer(0.01)
end = time.monotonic() + 60
while held_mb() > before - 150 and time.monotonic() < end:
    pass
print(before - held_mb())
trimmer.close()
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library"
)
def test_a_hole_below_something_that_stays_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HOLE], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 150
