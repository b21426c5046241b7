"""Why two gallery images match, on a small collection with two feature spaces."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.why import GREY
from dxr_dash.browser.why_panel import shown
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, QueryError
from tests.builders import picture

CONV, FC = "thingsnet.conv4", "thingsnet.fc7"
CONTROLS = ("tiny.pixels32", "tiny.pixels8", "colour.lab", "colour.hsv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why")
    (folder / "images").mkdir()
    for number, size in enumerate([(72, 56), (300, 500), (640, 480), (129, 128), (90, 90), (40, 700)]):
        picture(number, *size).save(folder / "images" / f"{number}.png")
    for space in (*CONTROLS, CONV, FC):
        network, layer = space.split(".")
        api.build(folder / "images", folder / "why.dxr", network=network, layer=layer)
    return folder


@pytest.fixture
def collection(folder: Path) -> Collection:
    return api.open_collection(folder / "why.dxr")


def stored_distance(collection: Collection, space: str, first: int, second: int) -> float:
    where = collection.space(space)
    return float(distances(where.vectors[[first]], where.vectors[[second]], metric=where.metric)[0, 0])


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (3, 5), (4, 4)])
def test_both_maps_sum_to_the_similarity_of_the_stored_vectors(
    collection: Collection, pair: tuple[int, int]
) -> None:
    found = api.why_similar(collection, *pair, space=CONV)
    similarity = 1 - stored_distance(collection, CONV, *pair)
    assert found.value == pytest.approx(similarity, abs=1e-6)
    for one in found.maps:
        assert one.values.sum() == pytest.approx(similarity, abs=1e-6)
        assert one.values.size > 1
    assert (found.images, found.space, found.measure) == (pair, CONV, "similarity")


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (3, 5), (4, 4)])
@pytest.mark.parametrize("space", CONTROLS)
def test_both_maps_of_a_control_for_depth_sum_to_the_similarity_of_the_stored_vectors(
    collection: Collection, space: str, pair: tuple[int, int]
) -> None:
    found = api.why_match(collection, *pair, space=space)
    similarity = 1 - stored_distance(collection, space, *pair)
    assert found.measure == "similarity"
    side = {"tiny.pixels32": 32, "tiny.pixels8": 8}.get(space, 64)
    for one in found.maps:
        assert one.values.sum() == pytest.approx(similarity, abs=1e-6)
        assert one.values.shape == (side, side)
        assert one.box == (0.0, 0.0, 1.0, 1.0)
    said = " ".join(shown(collection, found)["lines"])
    words = "the one in the same place" if space.startswith("tiny") else "Pixels of one colour share"
    assert (words if found.value else "Nothing to see") in said


def test_a_colour_that_the_other_image_lacks_has_no_part(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    two = Image.new("RGB", (128, 64), (250, 10, 10))
    two.paste((10, 10, 250), (64, 0, 128, 64))
    two.save(tmp_path / "images" / "a.png")
    for name, colour in (("b", (250, 10, 10)), ("c", (10, 250, 10))):
        Image.new("RGB", (64, 64), colour).save(tmp_path / "images" / f"{name}.png")
    api.build(tmp_path / "images", tmp_path / "x.dxr", network="colour", layer="lab")
    found = api.why_similar(api.open_collection(tmp_path / "x.dxr"), 0, 1)
    assert not found.maps[0].values[:, 32:].any()
    np.testing.assert_allclose(found.maps[0].values[:, :32], np.sqrt(2) / 64**2)
    np.testing.assert_allclose(found.maps[1].values, np.sqrt(1 / 2) / 64**2)


def test_the_box_is_the_square_that_the_network_sees(collection: Collection) -> None:
    recipe = collection.space(CONV).recipe
    share = recipe["crop_px"] / recipe["resize_px"]
    upright = api.why_similar(collection, 1, 2, space=CONV).maps[0].box  # 300 x 500 pixels
    assert upright[2] - upright[0] == pytest.approx(share, abs=0.01)
    assert upright[3] - upright[1] == pytest.approx(share * 3 / 5, abs=0.01)
    assert (upright[0] + upright[2]) / 2 == pytest.approx(0.5, abs=0.01)
    assert (upright[1] + upright[3]) / 2 == pytest.approx(0.5, abs=0.01)


def test_a_space_without_places_is_refused_before_anything_is_read(collection: Collection) -> None:
    with pytest.raises(QueryError, match="is no sum over places: the features of its layer are not averaged"):
        api.why_similar(collection, 0, 1, space=FC)
    with pytest.raises(QueryError, match="not in the collection"):
        api.why_similar(collection, 0, 99, space=CONV)


@pytest.mark.parametrize("space", [CONV, FC])
def test_hiding_everything_leaves_the_distance_of_a_grey_image(collection: Collection, space: str) -> None:
    where = collection.space(space)
    found = api.what_hiding_does(collection, 1, 2, space=space, cells=1)
    assert found.value == pytest.approx(stored_distance(collection, space, 1, 2), abs=1e-6)
    for one, size, other in zip(found.maps, ((300, 500), (640, 480)), (2, 1), strict=True):
        out = io.BytesIO()
        Image.new("RGB", size, (GREY,) * 3).save(out, "PNG")
        grey = embed_outside([("grey", out.getvalue())], [where]).vectors[where.fingerprint]
        expected = distances(grey, where.vectors[[other]], metric=where.metric)[0, 0]
        assert one.values.shape == (1, 1)
        assert found.value + one.values[0, 0] == pytest.approx(expected, abs=1e-5)


def test_hiding_what_the_network_does_not_see_changes_nothing(collection: Collection) -> None:
    found = api.what_hiding_does(collection, 5, 4, space=FC, cells=7)  # 40 x 700: a strip
    values = found.maps[0].values
    assert values.shape == (7, 7)
    assert not values[[0, 1, 5, 6]].any()
    assert values[3].any()
    assert found.maps[0].box == (0.0, 0.0, 1.0, 1.0)


def test_odd_wishes_and_lost_images_are_told(collection: Collection, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=f"Use 1 to {settings.OCCLUSION_MOST_CELLS}"):
        api.what_hiding_does(collection, 0, 1, cells=99)
    path = folder / "images" / "3.png"
    shutil.move(path, tmp_path / "3.png")
    with pytest.raises(CollectionError, match=r"The image 3\.png cannot be used: the file vanished"):
        api.why_similar(collection, 3, 1, space=CONV)
    shutil.copy(folder / "images" / "0.png", path)
    with pytest.raises(CollectionError, match="has changed since the collection was built"):
        api.what_hiding_does(collection, 1, 3)
    shutil.move(tmp_path / "3.png", path)
    assert np.isfinite(api.why_similar(collection, 3, 1, space=CONV).value)
