"""Re-ranking by patches on a small collection, against a plain loop over patches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.spatial.distance import cdist

from dxr_dash import api, settings
from dxr_dash.cli import cli
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, NetworkError, QueryError, UploadError
from dxr_dash.records import FloatArray
from tests.builders import picture

N_IMAGES = 9
SPACES = ("thingsnet.fc7", "thingsnet.fc7+l2+pca:4+l2", "thingsnet.fc7+crops:2", "tiny.pixels8")


def image(number: int) -> Image.Image:
    """Draw an image whose sides are multiples of 12, so that patches of orders 1 to 3 begin at whole pixels."""
    return picture(number, 120 + 12 * number, 96)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rerank")
    (folder / "images").mkdir()
    for number in range(N_IMAGES):
        image(number).save(folder / "images" / f"{number}.png")
    for space in SPACES:
        name, *steps = space.split("+")
        network, layer = name.split(".")
        api.build(folder / "images", folder / "x.dxr", network=network, layer=layer, recipe=",".join(steps))
    return folder


@pytest.fixture
def collection(folder: Path) -> Collection:
    return api.open_collection(folder / "x.dxr")


def plain_patches(whole: Image.Image, order: int) -> list[Image.Image]:
    """Cut an image into patches, by hand."""
    found = []
    for h in range(1, order + 1):
        wide, high = whole.width // (h + 1), whole.height // (h + 1)
        for row in range(h):
            for column in range(h):
                corner = column * wide, row * high
                found.append(whole.crop((*corner, corner[0] + 2 * wide, corner[1] + 2 * high)))
    return found


def plain_vectors(collection: Collection, space: str, number: int, order: int) -> FloatArray:
    where = collection.space(space)
    network = load_network(where.network, where.layer, device="cpu")
    of_tiny = where.network == "tiny"
    side = 32 if of_tiny else where.recipe["crop_px"]
    how = Image.Resampling.BOX if of_tiny else Image.Resampling.BILINEAR
    vectors = [
        where.process(network.forward(np.asarray(patch.resize((side, side), how)).transpose(2, 0, 1)[None]))
        for patch in plain_patches(image(number), order)
    ]
    return np.concatenate(vectors)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("order", "query_order"), [(2, 2), (1, 3), (3, 1)])
def test_the_order_is_that_of_a_plain_loop(
    collection: Collection, space: str, order: int, query_order: int
) -> None:
    found = api.rerank(collection, 4, order=order, query_order=query_order, space=space)
    query = plain_vectors(collection, space, 4, query_order)
    rows = [row for row in range(N_IMAGES) if row != 4]
    far = np.array(
        [
            cdist(query, plain_vectors(collection, space, row, order), "cosine").min(axis=1).mean()
            for row in rows
        ]
    )
    assert sorted(found.rows.tolist()) == rows
    np.testing.assert_allclose(found.distances, np.sort(far), atol=1e-5)
    np.testing.assert_allclose(found.distances, [far[rows.index(row)] for row in found.rows], atol=1e-5)
    before = api.ranking(collection, 4, space=space).items
    assert (before[found.ranks_before - 1] == found.rows).all()
    assert (found.n_patches, found.n_query_patches) == (
        len(plain_patches(image(0), order)),
        len(plain_patches(image(0), query_order)),
    )


def test_a_detail_finds_the_image_that_it_was_cut_from(collection: Collection, tmp_path: Path) -> None:
    detail = plain_patches(image(6), 3)[10]
    detail.save(tmp_path / "detail.png")
    found = api.rerank(collection, tmp_path / "detail.png", order=3, query_order=1, space="thingsnet.fc7")
    assert len(found.rows) == N_IMAGES
    assert collection.path(int(found.rows[0])) == "6.png"
    assert found.distances[0] == pytest.approx(0, abs=1e-6)
    assert found.distances[1] > 1e-3


def test_only_the_first_are_looked_at_and_a_file_of_the_gallery_is_its_row(collection: Collection) -> None:
    seen: list[tuple[str, int, int]] = []
    by_row = api.rerank(collection, 2, first=3, space="tiny.pixels8")
    path = collection.images_root / collection.path(2)
    by_file = api.rerank(
        collection, path, first=3, space="tiny.pixels8", on_progress=lambda *one: seen.append(one)
    )
    assert set(by_row.rows) == set(api.ranking(collection, 2, space="tiny.pixels8").items[:3])
    assert (by_row.rows == by_file.rows).all()
    assert ("comparing patches", 0, 3) in seen


def test_an_outside_image_of_a_query_set_asks_like_its_file(collection: Collection, tmp_path: Path) -> None:
    picture(77).save(tmp_path / "given.png")
    one, _ = api.add_query_set(collection, "outside", rows=[0], images=tmp_path / "given.png")
    found = api.rerank(collection, (one.id, 0), space="tiny.pixels8")
    by_file = api.rerank(collection, tmp_path / "given.png", space="tiny.pixels8")
    assert found.rows.tolist() == by_file.rows.tolist()
    np.testing.assert_allclose(found.distances, by_file.distances, atol=1e-7)
    api.remove_query_set(collection, one.id)


def test_odd_wishes_are_refused_in_words(collection: Collection, folder: Path, tmp_path: Path) -> None:
    for wish, words in [
        ({"order": 0}, f"The order is 0. Use 1 to {settings.PATCH_MOST_ORDER}"),
        ({"query_order": 5}, "The order of the query is 5"),
        ({"first": 0}, "The number of images is 0"),
        ({"space": "tiny.pixels9"}, "no feature space"),
    ]:
        with pytest.raises(QueryError, match=words):
            api.rerank(collection, 0, **wish)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="not in the collection"):
        api.rerank(collection, 99)
    (tmp_path / "bad.png").write_text("no image")
    for name, words in [("bad.png", "not an image"), ("none.png", "does not exist")]:
        with pytest.raises(UploadError, match=words):
            api.rerank(collection, tmp_path / name)
    gone = folder / "images" / "3.png"
    shutil.move(gone, tmp_path / "3.png")
    with pytest.raises(CollectionError, match=r"The image 3\.png cannot be used"):
        api.rerank(collection, 0)
    shutil.move(tmp_path / "3.png", gone)


def test_vectors_from_elsewhere_have_no_patches(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(N_IMAGES, 4)))
    api.build(folder / "images", tmp_path / "own.dxr", vectors=tmp_path / "own.npy")
    with pytest.raises(NetworkError, match="no network"):
        api.rerank(api.open_collection(tmp_path / "own.dxr"), 0)


def test_the_command_lists_new_and_old_ranks(collection: Collection) -> None:
    words = [
        "rerank",
        str(collection.folder),
        str(collection.images_root / "2.png"),
        "--space",
        "tiny.pixels8",
    ]
    said = CliRunner().invoke(cli, words)
    assert said.exit_code == 0, said.output
    assert "The 8 nearest to" in said.output
    assert "by 14 patches of each and 14 of the query" in said.output
    found = api.rerank(collection, 2, space="tiny.pixels8")
    facts = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert [one["path"] for one in facts["nearest"]] == [collection.path(int(row)) for row in found.rows]
    assert [one["rank_before"] for one in facts["nearest"]] == found.ranks_before.tolist()
