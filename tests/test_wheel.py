"""The package as others install it: a wheel in an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.builders import build, write_pictures

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_page_the_weights_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("dxr_dash/assets/") and name.endswith(".css") for name in names)
    assert any(name.startswith("dxr_dash/assets/") and name.endswith(".js") for name in names)
    assert "dxr_dash/collection/thingsnet.safetensors" in names
    assert {"dxr_dash/report/templates/report.html", "dxr_dash/report/templates/report.css"} <= set(names)
    assert all(name.startswith(("dxr_dash/", "dxr_dash-")) for name in names)
    assert wheel.stat().st_size < 8_000_000


def test_an_installed_wheel_builds_and_serves(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=True)
    folder = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin")
    install = [
        str(folder / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True)
    # torch and the others are gigabytes: they come from here, dxr itself (editable here) only from the wheel
    env = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    where = "import dxr_dash; print(dxr_dash.__file__)"
    found = subprocess.run(
        [str(folder / "python"), "-c", where],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)
    build(write_pictures(tmp_path / "images", 20), tmp_path / "pictures.dxr")
    command = [str(folder / "dxr"), "serve", str(tmp_path / "pictures.dxr"), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "http://" in line)
            address = next(word for word in line.split() if word.startswith("http://"))
            page = urllib.request.urlopen(address, timeout=60).read().decode()  # noqa: S310
            assert "dxr" in page
            layout = json.load(urllib.request.urlopen(f"{address.rstrip('/')}/_dash-layout", timeout=60))  # noqa: S310
            assert layout
            assets = [part.split('"')[0] for part in page.split('"/assets/')[1:]]
            assert any(name.split("?")[0].endswith(".css") for name in assets)
            for name in assets:
                with urllib.request.urlopen(f"{address.rstrip('/')}/assets/{name}", timeout=60) as answer:  # noqa: S310
                    assert answer.status == 200
        finally:
            server.terminate()
