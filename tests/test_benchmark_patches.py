"""Benchmarks by patches of the whole collection, against plain loops; what is kept, and that nothing is made twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.spatial.distance import cdist

from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.patches import n_patches, patch_boxes
from dxr_dash.api.benchmark_patches import patch_blocks
from dxr_dash.cli import cli
from dxr_dash.collection.benchmarks import query_crops, read_benchmark
from dxr_dash.collection.controls import Control
from dxr_dash.collection.images import read_image
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.store import Space
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import BenchmarkReport, FloatArray, silent
from tests.analysis.test_benchmarks import ap_by_definition
from tests.builders import digest, picture
from tests.miniatures import write_holidays, write_oxford, write_ukbench

NET, TINY = settings.BUNDLED_NETWORK, "tiny"
WHITE = "l2,pca:4:whiten,l2,power:2"


def measure(name: str, data: Path, folder: Path | None = None, **options: Any) -> BenchmarkReport:
    usual = {"network": TINY, "layer": "pixels8", "partial": True}
    return api.benchmark(name, data, folder or data.parent / "b.dxr", **{**usual, **options})


@pytest.fixture(scope="module")
def oxford(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_oxford(tmp_path_factory.mktemp("patches") / "oxford")


def plain_vectors(where: Space, image: Image.Image, order: int) -> FloatArray:
    """Cut an image, and run its patches one by one."""
    network = load_network(where.network, where.layer, device="cpu")
    boxes = patch_boxes(*image.size, range(1, order + 1))
    return np.concatenate(
        [where.process(network.forward(network.prepare_patch(image.crop(box))[None])) for box in boxes]
    )


@pytest.mark.parametrize(
    "network", [{}, {"recipe": WHITE}, {"network": NET, "layer": "fc7", "recipe": WHITE}]
)
@pytest.mark.parametrize(("order", "query_order"), [(3, 2), (1, 2)])
def test_figures_are_those_of_a_plain_loop_over_patches_of_images_and_of_cut_out_queries(
    oxford: Path, network: dict[str, Any], order: int, query_order: int
) -> None:
    report = measure("oxford5k", oxford, patches=order, query_patches=query_order, **network)
    truth = read_benchmark("oxford5k", oxford, partial=True)
    where = api.open_collection(report.folder).space(report.space)
    images = [
        plain_vectors(where, Image.open(oxford / "jpg" / f"{name}.jpg"), order) for name in truth.images
    ]
    for number, (query, crop) in enumerate(zip(truth.queries, query_crops(truth), strict=True)):
        asked = plain_vectors(where, read_image(crop.png), query_order)
        far = [cdist(asked, image, "cosine").min(axis=1).mean() for image in images]
        relevant, junk = (
            {truth.images.index(name) for name in names}
            for names in (query.parts[""].relevant, query.parts[""].junk)
        )
        expected = ap_by_definition(np.argsort(far, kind="stable").tolist(), relevant, junk)
        assert report.parts[0].per_query["mAP"][number] == pytest.approx(expected)
    assert (report.n_patches, report.n_query_patches) == (n_patches(order), n_patches(query_order))


def test_whole_images_that_ask_are_cut_like_the_gallery_and_any_block_of_them_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_ukbench(tmp_path / "ukbench")
    report = measure("ukbench", data, patches=2)
    collection = api.open_collection(report.folder)
    where = collection.space(report.space)
    vectors = [
        plain_vectors(where, Image.open(data / "full" / Path(p).name), 2)
        for p in collection.paths.to_pylist()
    ]
    expected = [[cdist(one, other, "cosine").min(axis=1).mean() for other in vectors] for one in vectors]
    rows = np.arange(12)
    for numbers in (1, 5 * 64 * 4, 2**24):
        monkeypatch.setattr("dxr_dash.api.benchmark_patches.QUERY_NUMBERS", numbers)
        blocks = list(patch_blocks(collection, where, "ukbench", [], rows, rows, 2, 2, silent))
        assert len(blocks) == {1: 12, 1280: 12 // (1280 // where.n_dims // 5 or 1)}.get(numbers, 1)
        np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-5)


def test_orders_1_and_1_are_the_figures_without_the_option(oxford: Path) -> None:
    whole = measure("roxford5k", oxford)
    assert measure("roxford5k", oxford, patches=1, query_patches=1).as_dict() == whole.as_dict()
    # a network that sees the whole image anyhow finds the same distances by the way of patches
    collection = api.open_collection(whole.folder)
    where, rows = collection.space(whole.space), np.arange(len(collection))
    (far,) = patch_blocks(collection, where, "", [], rows, rows, 1, 1, silent)
    np.testing.assert_array_equal(far, whole_distances(where))


def whole_distances(where: Space) -> FloatArray:
    return distances(where.vectors, where.vectors, metric=where.metric)


def test_a_detail_is_nearest_to_the_image_that_it_was_cut_from(tmp_path: Path) -> None:
    data = tmp_path / "holidays"
    (data / "jpg").mkdir(parents=True)
    for group in range(1000, 1006):
        whole = picture(group, 160, 120)
        whole.save(data / "jpg" / f"{group}01.png")
        whole.crop(patch_boxes(160, 120, [3])[group % 9]).save(data / "jpg" / f"{group}00.png")
    by_whole = measure("holidays", data, network=NET, layer="fc7").parts[0].measures["mAP"].value
    found = measure("holidays", data, network=NET, layer="fc7", patches=3, query_patches=1)
    assert by_whole < found.parts[0].measures["mAP"].value == 1.0


# What is kept


def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the patches that go through the network."""
    seen: list[int] = []
    before = Control.forward

    def counted(self: Control, batch: np.ndarray, **more: object) -> FloatArray:
        seen.append(len(batch))
        return before(self, batch, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Control, "forward", counted)
    return seen


def test_each_patch_is_made_once_for_all_orders_recipes_and_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_oxford(tmp_path / "oxford")
    measure("oxford5k", data)
    measure("oxford5k", data, recipe=WHITE)
    seen = forwards(monkeypatch)
    wishes: list[tuple[str, dict[str, Any], int]] = [
        ("oxford5k", {"patches": 2, "query_patches": 1}, 14 * 5 + 2),
        ("oxford5k", {"patches": 2, "query_patches": 1, "recipe": WHITE}, 0),
        ("oxford5k", {"patches": 3, "query_patches": 1}, 14 * 9),
        ("roxford5k", {"patches": 3, "query_patches": 2}, 2 * 5),
        ("oxford5k", {"patches": 1, "query_patches": 2}, 2 * 4),
    ]
    for name, options, made in wishes:
        measure(name, data, **options)
        assert sum(seen) == made
        seen.clear()


def test_queries_of_the_gallery_are_not_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_holidays(tmp_path / "holidays")
    measure("holidays", data)
    seen = forwards(monkeypatch)
    measure("holidays", data, patches=1, query_patches=2)
    assert sum(seen) == 9 * 5


KILLED = """
import os, signal, sys
from pathlib import Path
from dxr_dash import api
from dxr_dash.collection.benchmarks import patch_files
patch_files.IMAGES_AT_ONCE = 4
write, left = patch_files.PatchFiles.write, int(sys.argv[3])
def dying(self, *args):
    global left
    if left == 0:
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
    left -= 1
    write(self, *args)
patch_files.PatchFiles.write = dying
api.benchmark("holidays", sys.argv[1], sys.argv[2], network="tiny", layer="pixels8", patches=2, partial=True)
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_killed_it_goes_on_where_it_was_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("dxr_dash.collection.benchmarks.patch_files.IMAGES_AT_ONCE", 4)
    data = write_holidays(tmp_path / "holidays")
    measure("holidays", data, tmp_path / "a" / "x.dxr")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    whole = measure("holidays", data, tmp_path / "a" / "x.dxr", patches=2)
    command = [sys.executable, "-c", KILLED, str(data), str(tmp_path / "b" / "x.dxr"), "1", how]
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == -getattr(signal, how)
    assert len(list((tmp_path / "b").rglob("benchmarks/*/*/*.npy"))) == 2
    seen = forwards(monkeypatch)
    again = measure("holidays", data, tmp_path / "b" / "x.dxr", patches=2)
    assert sum(seen) == (9 - 4) * 5
    assert again.as_dict()["parts"] == whole.as_dict()["parts"]
    assert digest(tmp_path / "a" / "x.dxr" / "benchmarks") == digest(tmp_path / "b" / "x.dxr" / "benchmarks")


def test_other_images_are_cut_anew_and_damage_is_told_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_holidays(tmp_path / "holidays")
    folder = measure("holidays", data, patches=2).folder
    (before,) = (folder / "benchmarks").iterdir()
    files = sorted(before.rglob("*.npy"))
    assert api.check(folder) == []
    changed = bytearray(files[0].read_bytes())
    changed[-1] ^= 1
    files[0].write_bytes(changed)
    (line,) = api.check(folder)
    assert line == f"{files[0]} has been altered. Delete it; `dxr benchmark --patches` makes it again."
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:200])  # as a power cut may leave it
    seen = forwards(monkeypatch)
    again = measure("holidays", data, patches=2)
    assert sum(seen) == 9 * 5
    assert api.check(folder) == []
    picture(7).save(data / "jpg" / "100001.jpg")
    seen.clear()
    other = measure("holidays", data, patches=2)
    assert sum(seen) == 1 + 9 * 5
    (after,) = (folder / "benchmarks").iterdir()
    assert after.name != before.name
    assert other.parts[0].per_query["mAP"][0] < again.parts[0].per_query["mAP"][0]


def test_they_go_with_the_last_space_of_their_features_and_info_says_how_much_they_take(
    tmp_path: Path,
) -> None:
    data = write_holidays(tmp_path / "holidays")
    folder = measure("holidays", data, network=NET, layer="fc7").folder
    measure("holidays", data, recipe="l2,power:2")
    space = measure("holidays", data, patches=2).space
    white = f"{space}+l2+power:2"
    kept = sum(path.stat().st_size for path in folder.rglob("benchmarks/*/*/*.npy"))
    told = json.loads(CliRunner().invoke(cli, ["info", str(folder), "--json"]).stdout)["spaces"]
    assert {one["id"]: one["patches_bytes"] for one in told} == {space: kept, white: kept, f"{NET}.fc7": 0}
    assert "of patches of its features" in CliRunner().invoke(cli, ["info", str(folder)]).stdout
    assert "benchmarks" not in api.remove_spaces(folder, space).n_bytes
    assert list(folder.rglob("benchmarks/*/*/*.npy"))
    planned = api.remove_spaces(folder, white, dry_run=True)
    assert planned.n_bytes["benchmarks"] == kept
    assert api.remove_spaces(folder, white) == planned
    assert not list((folder / "benchmarks").iterdir())


def test_no_room_and_odd_orders_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_holidays(tmp_path / "holidays")
    with pytest.raises(QueryError, match=r"The order is 0\. Use 1 to 4"):
        measure("holidays", data, patches=0)
    with pytest.raises(QueryError, match=r"The order of the queries is 5\."):
        measure("holidays", data, query_patches=5)
    assert not (tmp_path / "b.dxr").exists()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(
        CollectionError, match=r"The patches need 0\.0 MB, and the disk .* has 0\.0 MB left\. Make"
    ):
        measure("holidays", data, patches=2)
    assert not (tmp_path / "b.dxr" / "benchmarks").exists()


def test_the_command_says_by_how_many_patches_and_how_much_it_keeps(oxford: Path) -> None:
    command = [
        "benchmark",
        "oxford5k",
        "--data",
        str(oxford),
        "--to",
        str(oxford.parent / "c.dxr"),
        "--partial",
    ]
    command += [
        "--network",
        TINY,
        "--layer",
        "pixels8",
        "--recipe",
        "l2",
        "--patches",
        "2",
        "--query-patches",
        "1",
    ]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    assert "14 images ranked for 2 queries, by 5 patches of each image and 1 of each query" in result.stdout
    assert "Oxford 5k, tiny.pixels8+l2, cosine" in result.stdout
    assert "making patches, 0.1 MB: " in result.stderr


def test_the_space_that_was_asked_for_is_measured_whatever_is_shown_first(tmp_path: Path) -> None:
    data = write_holidays(tmp_path / "holidays")
    assert measure("holidays", data, network=NET, layer="fc7").space == f"{NET}.fc7"
    assert measure("holidays", data).space == "tiny.pixels8"  # a control for depth is never shown first
