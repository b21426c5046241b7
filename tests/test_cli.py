"""The command line as a user meets it: words, exit codes, JSON."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dxr_dash import api, settings
from dxr_dash.analysis import said
from dxr_dash.cli import cli
from dxr_dash.errors import CollectionError
from tests.builders import digest, write_pictures

NET = ["--network", "thingsnet"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    images = write_pictures(folder / "images", 60)
    (images / "lying.jpg").write_text("no picture")
    result = run("build", str(images), "--to", str(folder / "pictures.dxr"), *NET, "--labels", "folder")
    assert result.exit_code == 0, result.output
    return folder / "pictures.dxr"


@pytest.fixture
def target(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "pictures.dxr")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_every_command_explains_itself() -> None:
    for name in cli.commands:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 4
    for name in ("demo", "build", "serve", "query"):
        assert f"dxr {name}" in run("--help").output


def test_build_says_what_it_did_and_what_it_skipped(built: Path) -> None:
    images = built.parent / "images"
    again = run("build", str(images), "--to", str(built), *NET, "--labels", "folder")
    assert again.exit_code == 0
    assert "60 images, 0 of them read now, 0 removed, 1 files skipped" in again.output
    assert "lying.jpg: not an image" in again.output
    assert "Neighbour graph: 100.0% of the true neighbours" in again.output


def test_build_speaks_json(built: Path) -> None:
    result = run(
        "build", str(built.parent / "images"), "--to", str(built), *NET, "--labels", "folder", "--json"
    )
    report = json.loads(result.stdout)
    assert (report["n_images"], report["n_extracted"], report["graph_recall"]) == (60, 0, 1.0)
    assert report["skipped"][0]["path"] == "lying.jpg"


def test_errors_say_what_is_wrong_and_what_to_do_and_set_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("build", str(tmp_path / "empty"), "--to", str(tmp_path / "x.dxr"), *NET)
    assert result.exit_code == 1
    assert "holds no image" in result.output
    assert "dxr reads .jpg" in result.output
    assert not (tmp_path / "x.dxr").exists()
    result = run("serve", str(tmp_path / "x.dxr"))
    assert result.exit_code == 1
    assert "holds no finished collection. " in result.output.replace("\n     ", " ")
    result = run("build", str(tmp_path / "nowhere"), "--to", str(tmp_path / "x.dxr"), *NET)
    assert (result.exit_code, "is not a folder" in result.output) == (1, True)
    result = run("build", str(tmp_path / "empty"), "--to", str(tmp_path / "x.dxr"), "--network", "alexnett")
    assert (result.exit_code, "alexnet" in result.output) == (1, True)
    assert run("build").exit_code == 2


def test_query_prints_the_answer_of_the_page_and_keeps_the_set(target: Path) -> None:
    reds, blues = (str(target.parent.parent / "x") for _ in range(2))
    images = api.open_collection(target).images_root
    reds, blues = str(images / "red"), str(images / "blue")
    result = run("query", str(target), reds, "--name", "reds", "--control", blues)
    assert result.exit_code == 0, result.output
    opened = api.open_collection(target)
    assert [one.name for one in opened.query_sets.values()] == ["reds, control", "reds"]
    found = api.answer(opened, "reds")
    assert found.sentence in result.output
    assert f"{found.auroc.value:.3f} ({found.auroc.low:.3f} to {found.auroc.high:.3f}" in result.output
    beside = api.findings(opened, "reds")
    assert beside.among_random is not None
    assert beside.probe is not None
    assert said.p_value(beside.among_random) in result.output
    assert said.among_random(beside.among_random) in result.output
    assert f"linear probe        {beside.probe.auroc.value:.3f}" in result.output
    assert all(said.instead(one) in result.output for one in beside.instead)
    assert found.hubs is not None
    assert said.hubs(found.hubs) in result.output
    assert beside.scaled is not None
    assert f"AUROC by CSLS       {beside.scaled.auroc.value:.3f}" in result.output
    assert (said.without_hubs(beside.scaled, found.verdict) in result.output) == (
        beside.scaled.verdict is not found.verdict
    )
    assert all(f"Mind: {warning}" in result.output for warning in found.warnings)
    again = json.loads(run("query", str(target), "--name", "reds", "--json").stdout)
    assert again["findings"] == json.loads(json.dumps(beside.as_dict()))
    assert again["sentence"] == found.sentence
    assert again["mean_ap"]["value"] == pytest.approx(found.mean_ap.value)
    assert again["control"]["name"] == "reds, control"


def test_query_again_replaces_the_set_of_that_name(target: Path) -> None:
    images = api.open_collection(target).images_root
    run("query", str(target), str(images / "red"), "--name", "colour")
    run("query", str(target), str(images / "blue"), "--name", "colour")
    (one,) = api.open_collection(target).query_sets.values()
    assert one.outside[0].startswith("0002")


def test_a_query_that_is_refused_changes_no_set(target: Path, tmp_path: Path) -> None:
    images = api.open_collection(target).images_root
    reds, blues, greens = (str(images / name) for name in ("red", "blue", "green"))
    assert run("query", str(target), reds, "--name", "reds", "--control", blues).exit_code == 0
    before = digest(target)
    (tmp_path / "empty").mkdir()
    for words in (
        (str(tmp_path / "none"), "--name", "reds", "--control", greens),
        (greens, "--name", "reds", "--control", str(tmp_path / "empty")),
        (greens, "--name", "reds", "--control", blues, "--space", "none"),
        ("--name", "none", "--control", greens),
    ):
        assert run("query", str(target), *words).exit_code == 1
        assert digest(target) == before
    assert run("query", str(target), "--name", "reds", "--control", greens).exit_code == 0
    opened = api.open_collection(target)
    assert api.find_query_set(opened, "reds").control in opened.query_sets
    assert len(opened.query_sets) == 2


def test_a_name_that_no_disk_takes_and_a_seed_that_is_none_are_refused_in_words(tmp_path: Path) -> None:
    for words in (
        ["info", "x" * 300],
        ["check", "x" * 300],
        ["build", "y" * 300, "--to", str(tmp_path / "x.dxr")],
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert result.output.startswith("dxr: ")
        assert isinstance(result.exception, SystemExit)
    for seed in ("-1", str(2**32), "one"):
        assert run("build", str(tmp_path), "--to", str(tmp_path / "x.dxr"), "--seed", seed).exit_code == 2
    with pytest.raises(CollectionError, match="is no seed"):
        api.build(tmp_path, tmp_path / "x.dxr", seed=-1)


def test_a_host_that_is_none_is_refused_in_words(target: Path) -> None:
    result = run("serve", str(target), "--host", "nonexistent.invalid", "--no-browser")
    assert (result.exit_code, "on nonexistent.invalid cannot be used" in result.output) == (1, True)
    result = run("serve", str(target), "--public-url", "http://[::1", "--no-browser")
    assert (result.exit_code, "is no address" in result.output) == (1, True)


def test_query_for_a_set_that_is_not_there_names_those_that_are(target: Path) -> None:
    result = run("query", str(target), "--name", "nobody")
    assert (result.exit_code, "It has: none yet." in result.output) == (1, True)


def test_info_and_check_speak_words_and_json(target: Path) -> None:
    assert "60 images" in run("info", str(target)).output
    facts = json.loads(run("info", str(target), "--json").stdout)
    assert facts["spaces"][0]["id"] == "thingsnet.fc7"
    assert facts["skipped"][0]["path"] == "lying.jpg"
    layouts = facts["spaces"][0]["layouts"]
    assert [one["name"] for one in layouts] == ["umap", "tsne"]
    for one, layout in zip(layouts, api.open_collection(target).space().layouts.values(), strict=True):
        assert one["trustworthiness"] == layout.trustworthiness
        assert one["neighbours_kept"] == layout.neighbours_kept
        words = f"layout {layout.title}: trustworthiness@15 {layout.trustworthiness:.3f}, neighbours kept@15 "
        assert f"{words}{layout.neighbours_kept:.3f}, mosaic of" in run("info", str(target)).output
    assert "--tsne" in run("build", "--help").output
    assert run("check", str(target)).exit_code == 0
    next(target.glob("steps/map-*/coordinates.npy")).write_bytes(b"")
    damaged = run("check", str(target), "--json")
    assert damaged.exit_code == 1
    assert "coordinates.npy has 0 bytes" in json.loads(damaged.stdout)["damage"][0]


def test_networks_and_layers_are_listed() -> None:
    assert {"alexnet", "vgg16", "resnet50", "thingsnet"} <= set(run("networks").output.split())
    assert {"conv1", "pool5", "fc6", "fc7", "fc8"} <= set(run("layers", "alexnet").output.split())


def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 800)
    target = tmp_path / "pictures.dxr"
    command = [sys.executable, "-m", "dxr_dash", "build", str(images), "--to", str(target), *NET]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(target.glob("journal/*/*.parquet")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command again" in words
    assert "Traceback" not in words
    report = json.loads(run(*command[3:], "--json").stdout)
    assert report["n_images"] == 800
    assert report["n_extracted"] < 800


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dxr_dash.cli import cache_folder

    monkeypatch.setenv("DXR_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("DXR_CACHE")
    assert cache_folder().name == "dxr"
    assert settings.VERSION
