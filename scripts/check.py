"""Set up dxr and check everything: ``python3 scripts/check.py``. Arguments are handed on to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import environment


def main() -> int:
    """Run every check, also after one has failed; return the exit code."""
    environment.prepare(dev=True)
    environment.prepare_browsers()
    checks = {
        "format": [environment.tool("ruff"), "format", "--check", "."],
        "lint": [environment.tool("ruff"), "check", "."],
        "types": [environment.tool("mypy")],
        "import rules": [environment.tool("lint-imports")],
        "tests": [
            environment.tool("pytest"),
            *(sys.argv[1:] or ["--numprocesses", "2", "--dist", "loadfile"]),
        ],
    }
    env = {**os.environ, "DXR_CHROMIUM": environment.chromium() or ""}
    failed = []
    for name, command in checks.items():
        print(f"== {name}", flush=True)
        start = time.monotonic()
        if subprocess.run(command, cwd=environment.ROOT, env=env, check=False).returncode:
            failed.append(name)
        print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
