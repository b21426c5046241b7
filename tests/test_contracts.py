"""Promises that hold over the whole package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dxr_dash
from dxr_dash import errors, settings
from dxr_dash.cli import cli

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "dxr_dash").rglob("*.py"))


@pytest.mark.parametrize("module", ["dxr_dash", "dxr_dash.cli", "dxr_dash.api"])
def test_importing_is_light(module: str) -> None:
    heavy = {"torch", "torchvision", "umap", "openTSNE", "pynndescent", "numba", "dash", "plotly", "sklearn"}
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert heavy.isdisjoint(loaded)


def test_every_public_name_can_be_fetched() -> None:
    for name in dxr_dash.__all__:
        assert getattr(dxr_dash, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dxr_dash.nothing  # noqa: B018


def test_no_code_unpickles_or_evaluates() -> None:
    forbidden = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert forbidden.isdisjoint(alias.name.split(".")[0] for alias in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in {"eval", "exec"}, path
                keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert keywords.get("allow_pickle", "False") == "False", path
                if name == "torch.load":
                    assert keywords.get("weights_only") == "True", path


def test_nothing_loads_torch_umap_or_pynndescent_at_import() -> None:
    lazily = {"torch", "torchvision", "umap", "openTSNE", "pynndescent", "sklearn", "sknetwork"}
    # themselves imported only where torch is needed
    allowed = {"thingsnet.py", "overfeat.py", "layers.py", "running.py"}
    for path in SOURCES:
        if path.name in allowed:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                assert lazily.isdisjoint(alias.name.split(".")[0] for alias in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in lazily, path


def test_every_error_of_ours_has_a_remedy() -> None:
    ours = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.DxrError)
    }
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).split(".")[-1] in ours
                and path.name != "errors.py"
            ):
                assert len(node.args) == 2, f"{path}:{node.lineno}"


def test_the_readme_names_every_command_and_the_version_is_one() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in cli.commands:
        assert f"dxr {name}" in readme, name
    assert dxr_dash.__version__ == settings.VERSION
    for path in re.findall(r"\]\((?!http|#)([^)]+)\)", readme):
        assert (ROOT / path.partition("#")[0]).exists(), path
