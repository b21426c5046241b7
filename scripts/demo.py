"""Set up dxr and open its demo: ``python3 scripts/demo.py``. Arguments are handed on to ``dxr demo``."""

from __future__ import annotations

import subprocess
import sys

import environment

if __name__ == "__main__":
    environment.prepare(dev=False)
    try:
        sys.exit(subprocess.call([environment.tool("dxr"), "demo", *sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(130)
