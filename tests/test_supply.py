"""What the package stands on: dependencies of the versions that it states, and no secret in any file."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = {one for extra in PROJECT["optional-dependencies"].values() for one in extra}


@pytest.mark.parametrize("stated", sorted({*PROJECT["dependencies"], *OPTIONAL}))
def test_what_is_installed_is_of_a_version_that_is_stated(stated: str) -> None:
    wanted = Requirement(stated)
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        assert stated in OPTIONAL
        pytest.skip(f"{wanted.name} is not installed")
    assert wanted.specifier.contains(found, prereleases=True)


def secrets_in(folder: Path, names: list[str]) -> list[tuple[str, int, str]]:
    """Find what looks like a key, token or password: file, line, kind."""
    scan = pytest.importorskip(
        "detect_secrets", reason="detect-secrets is not installed: pip install '.[dev]'"
    )
    settings = pytest.importorskip("detect_secrets.settings")
    found = scan.SecretsCollection(root=str(folder))
    with settings.default_settings():
        for name in names:
            found.scan_file(name)
    return [(name, one.line_number, one.type) for name, one in found]


def test_no_file_holds_a_secret() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no clone: which files are ours is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [one for one in listed.stdout.split("\0") if one and not one.endswith(".min.js")]
    assert len(names) > 300
    assert secrets_in(ROOT, names) == []


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLQ"
    (tmp_path / "settings.py").write_text(f'aws_key = "{key}"\n')
    assert [line for _, line, _ in secrets_in(tmp_path, ["settings.py"])] != []
