"""Prepare what the other scripts need, with nothing but Python: a virtual environment, the package, a browser."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "installed.txt"
OLDEST = (3, 11)
FIREFOX_NAMES = ("firefox-esr", "firefox")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def tool(name: str) -> str:
    """Path of a program in the virtual environment."""
    return str(BIN / (name + (".exe" if os.name == "nt" else "")))


def prepare(*, dev: bool) -> None:
    """Make the virtual environment and install dxr, in editable form; does nothing when that is done already."""
    if sys.version_info < OLDEST:
        sys.exit(f"dxr needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}.")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    done = STAMP.read_text().split() if STAMP.exists() else []
    if wanted in done and (not dev or "dev" in done):
        return
    if not (BIN / Path(tool("python")).name).exists():
        print(f"Making the virtual environment {VENV} ...", flush=True)
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit(
                "Python cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"
            )
    dev = dev or "dev" in done
    print("Installing dxr and what it needs (torch is large: several GB, some minutes) ...", flush=True)
    what = f"{ROOT}[dev]" if dev else str(ROOT)
    command = [
        tool("python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--editable",
        what,
    ]
    if subprocess.run(command, check=False).returncode:
        sys.exit(
            "The installation failed; pip says above why. Run the same command again once that is mended."
        )
    STAMP.write_text(" ".join([wanted, *(["dev"] if dev else [])]))


def chromium() -> str | None:
    """Path of a Chromium or Chrome on this machine."""
    named = os.environ.get("DXR_CHROMIUM")
    return named or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def firefox() -> str | None:
    """Path of a Firefox on this machine."""
    named = os.environ.get("DXR_FIREFOX")
    return named or next((path for name in FIREFOX_NAMES if (path := shutil.which(name))), None)


def prepare_browsers() -> None:
    """See that there are browsers for the tests: install them where that is possible, else say what to do.

    Without Firefox the tests that want it as well are skipped, and say so.
    """
    wanted = [name for name, path in (("chromium", chromium()), ("firefox-esr", firefox())) if path is None]
    if wanted and shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {' and '.join(wanted)} ...", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update"], check=False, **quiet)  # type: ignore[call-overload]
        for name in wanted:  # Ubuntu has no firefox-esr: that must not cost Chromium
            install = ["apt-get", "install", "--yes", "--no-install-recommends", name]
            subprocess.run(install, check=False, **quiet)  # type: ignore[call-overload]
    if not chromium():
        sys.exit(
            "The tests of the page need Chromium or Chrome. "
            "Install it (Debian or Ubuntu: sudo apt-get install chromium), "
            "or name one with DXR_CHROMIUM=/path/to/chrome, then run this command again."
        )
