"""Comparisons as a notebook and the command line see them, on a real small collection with two feature spaces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import dxr_dash as dxr
from dxr_dash import api
from dxr_dash.cli import cli
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from tests.builders import build, picture, write_pictures

FC7, POOL = "thingsnet.fc7", "thingsnet.pool5"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    images = write_pictures(folder / "images", 60)
    target = folder / "pictures.dxr"
    build(images, target, labels="folder", layer=POOL.split(".")[1])
    build(images, target, labels="folder")
    collection = api.open_collection(target)
    things, _ = api.add_query_set(collection, "things", rows=range(20, 40))
    api.add_query_set(collection, "faces", rows=range(20), control=things.id)
    api.add_query_set(collection, "both", rows=range(10, 30))
    return target


@pytest.fixture
def collection(built: Path, tmp_path: Path) -> Collection:
    return api.open_collection(shutil.copytree(built, tmp_path / built.name))


def test_each_line_is_the_answer_and_the_reference_is_the_control_set(collection: Collection) -> None:
    found = dxr.compare(collection, ["faces", "things", "both"])
    assert [one.name for one in found.lines] == ["faces", "things", "both"]
    assert found.reference == 1
    for place, one in enumerate(found.lines):
        answer = api.answer(collection, one.query_set)
        assert (one.auroc, one.mean_ap, one.precision) == (answer.auroc, answer.mean_ap, answer.precision)
        assert (one.verdict, one.sentence, one.control) == (answer.verdict, answer.sentence, answer.control)
        assert (one.difference is None) == (place == 1) == (not one.said)
        if one.difference is not None:
            expected = answer.auroc.value - found.lines[1].auroc.value
            assert one.difference.auroc.value == pytest.approx(expected)
    assert found.lines[0].control is not None
    assert [one.difference.n_shared for one in found.lines if one.difference] == [0, 10]


def test_one_set_in_two_spaces_shares_all_its_images(collection: Collection) -> None:
    found = dxr.compare(collection, ["faces"], spaces=[FC7, POOL])
    assert [(one.name, one.space) for one in found.lines] == [("faces", FC7), ("faces", POOL)]
    assert found.reference == 0
    differs = found.lines[1].difference
    assert differs is not None
    assert differs.n_shared == 20
    assert differs.mean_ap.chance == 0
    assert FC7 in found.lines[1].said
    assert POOL in found.lines[1].said


def test_sets_in_several_spaces_are_compared_with_one_of_them(collection: Collection) -> None:
    found = dxr.compare(
        collection, ["faces", "things"], spaces=[FC7, POOL], reference="faces", reference_space=POOL
    )
    assert len(found.lines) == 4
    assert found.reference == 1
    assert "things in thingsnet.fc7" in found.lines[2].said
    assert "faces in thingsnet.pool5" in found.lines[2].said


def test_the_same_outside_image_in_two_sets_is_one_image(collection: Collection, tmp_path: Path) -> None:
    files = []
    for seed in range(8):
        picture(500 + seed).save(tmp_path / f"{seed}.png")
        files.append((f"{seed}.png", (tmp_path / f"{seed}.png").read_bytes()))
    one, _ = api.add_query_set(collection, "one", images=[*files[:6], ("copy.png", files[0][1])])
    other, _ = api.add_query_set(collection, "other", images=[(f"x{name}", data) for name, data in files[3:]])
    found = dxr.compare(collection, [one.id, other.id])
    assert [line.n_images for line in found.lines] == [7, 5]
    assert found.lines[1].difference is not None
    assert found.lines[1].difference.n_shared == 3


def test_what_cannot_be_compared_is_refused(collection: Collection) -> None:
    with pytest.raises(QueryError, match="No query set was named"):
        dxr.compare(collection, [])
    with pytest.raises(QueryError, match="no query set 'nobody'"):
        dxr.compare(collection, ["nobody"])
    with pytest.raises(
        QueryError, match=r"The reference, both in thingsnet\.fc7, is not among what is compared"
    ):
        dxr.compare(collection, ["faces", "things"], reference="both")
    with pytest.raises(QueryError, match=r"no feature space|has no"):
        dxr.compare(collection, ["faces"], spaces=["nothing.fc7"])


def test_a_set_of_two_images_has_a_line_without_a_difference_to_tell(collection: Collection) -> None:
    few, _ = api.add_query_set(collection, "few", rows=[1, 2])
    found = dxr.compare(collection, [few.id, "faces", "things"])
    assert found.reference != 0  # a set that nothing can be compared with is no usual reference
    found = dxr.compare(collection, [few.id, "faces"], reference=few.id)
    said = found.lines[1].said
    assert said.startswith("faces and few cannot be compared: each needs three images or more")
    assert json.loads(json.dumps(found.as_dict()))["lines"][1]["difference"]["auroc"]["value"] is None


def test_the_table_has_a_line_for_each(collection: Collection) -> None:
    table = dxr.compare(collection, ["faces", "things"]).table
    assert table["set"].tolist() == ["faces", "things"]
    assert np.isfinite(table["AUROC difference"][0])
    assert np.isnan(table["AUROC difference"][1])


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_prints_what_the_notebook_sees(built: Path) -> None:
    found = dxr.compare(api.open_collection(built), ["faces", "things"])
    text = run("compare", str(built), "faces", "things")
    assert f"things: {found.lines[1].verdict}, the reference" in text
    assert found.lines[0].said in text
    assert f"{found.lines[0].auroc.value:.3f} ({found.lines[0].auroc.low:.3f}" in text
    assert "AUROC over control" in text
    assert run("compare", str(built)).count("images    ") == 3  # without names, all


def test_the_command_speaks_json_and_knows_spaces(built: Path) -> None:
    text = run("compare", str(built), "faces", "--space", FC7, "--space", POOL, "--json")
    lines = json.loads(text)["lines"]
    assert [one["space"] for one in lines] == [FC7, POOL]
    assert lines[1]["difference"]["n_shared"] == 20
    assert f"faces in {POOL}: " in run("compare", str(built), "faces", "--space", FC7, "--space", POOL)


def test_the_command_says_what_is_missing(built: Path) -> None:
    result = CliRunner().invoke(cli, ["compare", str(built), "nobody"])
    assert result.exit_code == 1
    assert "has no query set 'nobody'" in result.output
    assert "It has: " in result.output


def test_distances_in_one_space_are_those_of_each_set(collection: Collection) -> None:
    baseline, groups = api.compared_distributions(collection, [("faces", FC7), ("things", FC7)])
    measured = api.set_distances(collection, "faces")
    pairs = measured.within[np.triu_indices(20, 1)]
    within, to_gallery = groups[0]
    assert within.n == 190
    assert to_gallery.n == 20 * 40
    assert within.quantiles == pytest.approx(tuple(np.quantile(pairs, [0.05, 0.25, 0.5, 0.75, 0.95])))
    assert {part.centres.tobytes() for part in (baseline, within, to_gallery)} == {baseline.centres.tobytes()}


def test_distances_in_two_spaces_stand_among_the_random_pairs_of_each(collection: Collection) -> None:
    baseline, groups = api.compared_distributions(collection, [("faces", FC7), ("faces", POOL)])
    assert baseline.quantiles == pytest.approx((0.05, 0.25, 0.5, 0.75, 0.95), abs=0.005)
    for space, (within, to_gallery) in zip((FC7, POOL), groups, strict=True):
        measured = api.set_distances(collection, "faces", space=space)
        base = collection.space(space).baseline
        pairs = measured.within[np.triu_indices(20, 1)]
        assert within.quantiles[2] == pytest.approx((base < np.median(pairs)).mean(), abs=0.01)
        assert to_gallery.n == 20 * 40
        assert 0 <= to_gallery.quantiles[0] < to_gallery.quantiles[4] <= 1


def test_the_control_picture_holds_what_the_answer_compares(collection: Collection) -> None:
    found = api.control_distributions(collection, "faces")
    assert {name: one.n for name, one in found.items()} == {
        "within": 190,
        "to control": 400,
        "to gallery": 20 * 40,
        "control within": 190,
        "baseline": len(collection.space().baseline),
    }
    assert api.control_distributions(collection, "things") == {}
