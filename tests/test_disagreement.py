"""Two spaces of one collection, as a notebook and the command line compare them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import dxr_dash as dxr
from dxr_dash import api
from dxr_dash.cli import cli
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError
from tests.builders import build, digest, write_pictures

FIRST, SECOND = "thingsnet.fc7", "tiny.pixels32"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("disagree")
    images, target = write_pictures(root / "images", 60), root / "pictures.dxr"
    build(images, target)
    api.build(images, target, network="tiny", layer="pixels32")
    return target


@pytest.fixture(scope="module")
def collection(folder: Path) -> Collection:
    return api.open_collection(folder)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def nearest(vectors: np.ndarray, k: int) -> list[set[int]]:
    """The k nearest of every image by brute force, cosine."""
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    far = 1 - unit @ unit.T
    np.fill_diagonal(far, np.inf)
    return [set(np.argsort(line)[:k].tolist()) for line in far]


@pytest.mark.parametrize("k", [1, 4, 15])
def test_it_agrees_with_brute_force_over_the_vectors(collection: Collection, k: int) -> None:
    found = dxr.disagreement(collection, FIRST, SECOND, k=k)
    lists = [nearest(np.asarray(collection.space(one).vectors), k) for one in (FIRST, SECOND)]
    shares = np.array([len(a & b) / k for a, b in zip(*lists, strict=True)])
    np.testing.assert_allclose(found.shares, shares, rtol=1e-6)
    assert found.chance == pytest.approx(k / 59)
    assert found.mind == ""  # a graph of so few images is exact
    swapped = dxr.disagreement(collection, SECOND, FIRST, k=k)
    np.testing.assert_array_equal(swapped.shares, found.shares)
    np.testing.assert_array_equal(swapped.order, found.order)


def test_the_table_has_a_line_for_each_image(collection: Collection) -> None:
    found = dxr.disagreement(collection, FIRST, SECOND)
    table = found.table
    assert table["row"].tolist() == found.order.tolist()
    assert table["share in common"].is_monotonic_increasing


def test_an_images_neighbours_in_both_are_marked_where_they_are_the_same(collection: Collection) -> None:
    (a, a_too), (b, b_too) = api.neighbours_in_both(collection, 7, FIRST, SECOND)
    assert a.tolist() == collection.space(FIRST).neighbours[7, :15].tolist()
    assert set(a[a_too].tolist()) == set(b[b_too].tolist()) == set(a.tolist()) & set(b.tolist())
    with pytest.raises(QueryError):
        api.neighbours_in_both(collection, 60, FIRST, SECOND)


def test_a_space_is_not_compared_with_itself_or_with_none(collection: Collection) -> None:
    with pytest.raises(QueryError, match="nothing to disagree about with itself"):
        dxr.disagreement(collection, FIRST, FIRST)
    with pytest.raises(QueryError, match=r"no feature space 'alexnet\.fc7'"):
        dxr.disagreement(collection, FIRST, "alexnet.fc7")
    with pytest.raises(QueryError, match="k is 31, but the graphs hold 30"):
        dxr.disagreement(collection, FIRST, SECOND, k=31)


def test_one_image_alone_disagrees_with_nobody(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 1)
    build(images, tmp_path / "one.dxr")
    api.build(images, tmp_path / "one.dxr", network="tiny", layer="pixels32")
    with pytest.raises(QueryError, match="single image"):
        dxr.disagreement(api.open_collection(tmp_path / "one.dxr"), FIRST, SECOND)


def test_laying_a_map_over_another_changes_nothing_that_is_stored(
    folder: Path, collection: Collection
) -> None:
    before = digest(folder)
    found = api.alignment(collection, FIRST, SECOND)
    moved = found.moved(collection.space(SECOND).coordinates)
    assert moved.mean(axis=0) == pytest.approx(collection.space(FIRST).coordinates.mean(axis=0), abs=1e-3)
    there = api.alignment(collection, FIRST, SECOND, layouts=("tsne", "umap"))
    assert there.shift.tolist() != found.shift.tolist()
    assert digest(folder) == before


def test_the_command_prints_the_figures_and_the_images(folder: Path, collection: Collection) -> None:
    found = dxr.disagreement(collection, FIRST, SECOND)
    result = run("disagree", str(folder), FIRST, SECOND, "--show", "3")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == found.sentence
    assert len(lines) == 4
    row = int(found.order[0])
    assert lines[1].split() == [f"{100 * found.shares[row]:.0f}", "%", "row", str(row), collection.path(row)]


def test_the_command_speaks_to_scripts(folder: Path, collection: Collection, tmp_path: Path) -> None:
    found = dxr.disagreement(collection, FIRST, SECOND, k=5)
    target = tmp_path / "differ.csv"
    result = run(
        "disagree", str(folder), FIRST, SECOND, "--k", "5", "--json", "--show", "2", "-o", str(target)
    )
    said = json.loads(result.output)
    assert said["k"] == 5
    assert said["mean"] == pytest.approx(found.mean)
    assert [one["row"] for one in said["most_different"]] == found.order[:2].tolist()
    assert said["most_different"][0]["path"] == collection.path(int(found.order[0]))
    with target.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["row"]) for line in lines] == found.order.tolist()
    np.testing.assert_allclose([float(line["share"]) for line in lines], found.shares[found.order], rtol=1e-6)


def test_the_command_refuses_in_words(folder: Path, tmp_path: Path) -> None:
    result = run("disagree", str(folder), FIRST, "nowhere")
    assert result.exit_code == 1
    assert "no feature space 'nowhere'" in result.output
    result = run("disagree", str(folder), FIRST, SECOND, "-o", str(tmp_path / "differ.doc"))
    assert result.exit_code == 1
    assert "no suffix" in result.output
    (tmp_path / "labels.csv").write_text("path,label")
    result = run("disagree", str(folder), FIRST, SECOND, "-o", str(tmp_path / "labels.csv"))
    assert result.exit_code == 1
    assert "is there already" in result.output
    assert (tmp_path / "labels.csv").read_text() == "path,label"
