"""Recipes: what they say, that spaces which differ in them alone share features, and that queries get the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from dxr_dash import api, settings
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.preset import Preset
from dxr_dash.collection.recipes import Recipe, apply_steps, write_processed
from dxr_dash.collection.requests import build_options
from dxr_dash.errors import NetworkError, QueryError
from dxr_dash.records import silent
from tests.bad_images import noise
from tests.builders import digest, picture, write_pictures

N_IMAGES = 40
WHITENED = "l2,pca:8:whiten,power:0.5,l2"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images"), N_IMAGES)


def features(n: int = 60, n_dims: int = 12) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    random = np.random.default_rng(0)
    return (random.normal(size=(n, n_dims)) @ random.normal(size=(n_dims, n_dims)) + 3).astype(np.float32)


# The text


def test_a_recipe_is_read_and_written() -> None:
    recipe = Recipe.parse(" crops:10, L2,pca:128:whiten,power:.5,l2 ")
    assert recipe == Recipe(10, ("l2", "pca:128:whiten", "power:0.5", "l2"))
    assert str(recipe) == "crops:10,l2,pca:128:whiten,power:0.5,l2"
    assert recipe.suffix == "+crops:10+l2+pca:128:whiten+power:0.5+l2"
    assert Recipe.parse(None) == Recipe.parse("") == Recipe()
    assert Recipe().suffix == str(Recipe()) == ""


STEPS = st.sampled_from(["l2", "pca:3", "pca:17:whiten", "power:0.25", "power:1"])


@given(st.sampled_from([1, 2, 5, 10]), st.lists(STEPS, max_size=5))
def test_what_is_written_reads_the_same(crops: int, steps: list[str]) -> None:
    recipe = Recipe(crops, tuple(steps))
    assert Recipe.parse(str(recipe)) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("l3", r"There is no step 'l3'\. A recipe is made of crops:N, l2, pca:K"),
        ("pca:0", "no step 'pca:0'"),
        ("pca:128:white", "no step"),
        ("power:5", "power:5 cannot be used. Use a power above 0 and up to 4, such as power:0.5"),
        ("power:0", "power above 0"),
        ("l2,crops:10", "crops:10 cannot be used here. Put it first; N is one of 1, 2, 5, 10"),
        ("crops:3", "Put it first"),
    ],
)
def test_a_step_that_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        Recipe.parse(text)


def test_too_many_components_are_refused_before_anything_is_read(images: Path, tmp_path: Path) -> None:
    for n_components, words in [(40, "of 40 images with 256 dimensions. Use pca:39 at most"), (9, None)]:
        recipe = f"pca:{n_components},pca:{n_components}"
        if words is None:
            Recipe.parse(recipe).check_fits(40, 256)
            continue
        with pytest.raises(NetworkError, match=words):
            api.build(images, tmp_path / "x.dxr", network="thingsnet", recipe=recipe)
        assert not (tmp_path / "x.dxr").exists()


# Numbers


def test_the_gallery_ends_white_and_others_go_the_same_way(tmp_path: Path) -> None:
    given_, other = features(), features()[:7] + 0.25
    write_processed(tmp_path, given_, ["pca:5:whiten"], seed=0, on_progress=silent)
    vectors = np.load(tmp_path / "vectors.npy")
    assert np.allclose(np.cov(vectors.T), np.eye(5), atol=1e-3)
    assert np.allclose(apply_steps(tmp_path, given_, ["pca:5:whiten"]), vectors, atol=1e-6)
    assert apply_steps(tmp_path, other, ["pca:5:whiten"]).shape == (7, 5)


def test_each_pca_learns_from_what_the_steps_before_it_give(tmp_path: Path) -> None:
    steps = ["l2", "pca:6", "power:0.5", "pca:3:whiten", "l2"]
    write_processed(tmp_path, features(), steps, seed=0, on_progress=silent)
    before = apply_steps(tmp_path, features(), steps[:3])
    assert np.allclose(np.load(tmp_path / "3-pca-mean.npy"), before.mean(axis=0), atol=1e-6)
    assert np.allclose(np.linalg.norm(np.load(tmp_path / "vectors.npy"), axis=1), 1, atol=1e-6)


def test_a_large_gallery_is_learnt_from_a_seeded_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PCA_IMAGES", 30)
    means = []
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        (tmp_path / name).mkdir()
        write_processed(tmp_path / name, features(), ["pca:2"], seed=seed, on_progress=silent)
        means.append(np.load(tmp_path / name / "0-pca-mean.npy"))
    assert (means[0] == means[1]).all()
    assert (means[0] != means[2]).any()


# Crops


def test_crops_are_those_of_torchvision() -> None:
    preset = Preset(72, 64, "bilinear", (0, 0, 0), (1, 1, 1))
    image = noise((120, 90))
    resized = transforms.functional.resize(image, 72)
    ten = [np.asarray(one).transpose(2, 0, 1) for one in transforms.TenCrop(64)(resized)]
    order = [4, 0, 1, 2, 3]  # torchvision puts the middle last
    expected = [ten[place] for place in order] + [ten[place][..., ::-1] for place in order]
    assert (preset.prepare(image, 10) == np.stack(expected)).all()
    assert (preset.prepare(image, 5) == np.stack(expected[:5])).all()
    assert (preset.prepare(image, 2) == np.stack([expected[0], expected[5]])).all()
    assert (preset.prepare(image) == expected[0]).all()
    assert preset.prepare(noise((1, 9_000)), 10).shape == (10, 3, 64, 64)


def test_features_of_crops_are_the_mean_of_each() -> None:
    many = load_network("thingsnet", ["fc7", "pool5"], device="cpu", crops=10)
    one = load_network("thingsnet", ["fc7", "pool5"], device="cpu")
    pictures = [noise((120, 100), seed=seed) for seed in range(5)]
    crops = np.stack([many.prepare(image) for image in pictures])
    expected = np.stack([one.forward(crops[place]).mean(axis=0, dtype=np.float64) for place in range(5)])
    assert (many.forward(crops) == expected.astype(np.float32)).all()
    assert many.recipes[0] == {**one.recipes[0], "crops": 10}


# Spaces


def test_spaces_that_differ_in_the_recipe_alone_share_one_pass(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    assert api.build(images, target, network="thingsnet", layer="fc7").n_extracted == N_IMAGES
    assert api.build(images, target, network="thingsnet", layer="fc7", recipe=WHITENED).n_extracted == 0
    assert api.build(images, target, network="thingsnet", layer="fc7", recipe="l2").n_extracted == 0
    collection = api.open_collection(target)
    ids = ["thingsnet.fc7", "thingsnet.fc7+l2+pca:8:whiten+power:0.5+l2", "thingsnet.fc7+l2"]
    assert list(collection.spaces) == ids
    plain, whitened, unit = collection.spaces.values()
    assert len({space.fingerprint for space in collection.spaces.values()}) == 3
    assert np.allclose(
        unit.vectors, plain.vectors / np.linalg.norm(plain.vectors, axis=1)[:, None], atol=1e-6
    )
    assert whitened.vectors.shape == (N_IMAGES, 8)
    assert (whitened.process(plain.vectors) == whitened.vectors).all()
    assert "--recipe l2,pca:8:whiten,power:0.5,l2" in build_options(whitened.request)
    before = digest(target)
    api.build(images, target, network="thingsnet", layer="fc7", recipe="l2")
    assert digest(target) == before
    assert api.check(collection.folder) == []


def test_a_recipe_can_come_first_and_the_plain_space_after_it(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    api.build(images, target, network="thingsnet", layer=["fc7", "fc6"], recipe=WHITENED)
    assert api.build(images, target, network="thingsnet", layer="fc6").n_extracted == 0
    assert (
        api.build(images, target, network="thingsnet", layer="fc6", recipe="crops:2").n_extracted == N_IMAGES
    )
    assert api.open_collection(target).default_space == "thingsnet.fc6+crops:2"


def test_images_from_outside_get_the_same_steps(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    for recipe in (None, WHITENED, "crops:10,l2"):
        api.build(images, target, network="thingsnet", layer="fc7", recipe=recipe)
    collection = api.open_collection(target)
    copy = images / collection.paths.to_pylist()[11]
    one, _ = api.add_query_set(collection, "a copy", images=copy)
    for space in collection.spaces.values():
        vectors = one.outside_vectors(space.fingerprint)
        assert vectors is not None
        assert np.allclose(vectors[0], space.vectors[11], atol=1e-6)
        found = api.nearest(collection, one.id, k=1, space=space.id)
        assert found.rows.tolist() == [11]
        assert found.distances[0] < 1e-6


def test_a_gallery_that_has_changed_much_is_learnt_from_anew(images: Path, tmp_path: Path) -> None:
    some = write_pictures(tmp_path / "images", 4)
    target = tmp_path / "some.dxr"
    api.build(some, target, network="thingsnet", layer="fc7", recipe="pca:2:whiten")
    picture(700).save(some / "red" / "new.jpg")
    assert api.build(some, target, network="thingsnet", layer="fc7", recipe="pca:2:whiten").n_extracted == 1
    api.build(some, tmp_path / "fresh" / "some.dxr", network="thingsnet", layer="fc7", recipe="pca:2:whiten")
    assert digest(target) == digest(tmp_path / "fresh" / "some.dxr")


def test_images_that_are_all_the_same_have_no_components(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(8):
        Image.new("RGB", (40, 40), "white").save(tmp_path / "images" / f"{number}.png")
    with pytest.raises(
        QueryError, match=r"vary in 0 directions, fewer than the 2 of pca\. These images are all alike"
    ):
        api.build(tmp_path / "images", tmp_path / "same.dxr", network="thingsnet", recipe="pca:2")
