"""Several feature spaces of one collection: what they share, what they cost, and what survives an interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dxr_dash import api
from dxr_dash.collection import features
from dxr_dash.collection.extraction import extract
from dxr_dash.collection.networks import load_network
from dxr_dash.errors import NetworkError
from dxr_dash.records import BuildReport
from tests.builders import digest, picture, write_pictures

N_IMAGES = 70
LAYERS = ("fc7", "pool5:max", "conv3")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images"), N_IMAGES)


@pytest.fixture(scope="module")
def built(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("built") / "pictures.dxr"
    api.build(images, target, network="thingsnet", layer=LAYERS)
    return target


class Passes:
    """Counts the forward passes of a build: of how many layers, over how many images."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[int, int]] = []

        def counted(root, files, network, **options):  # type: ignore[no-untyped-def]
            self.seen.append((len(network.widths), len(files)))
            return extract(root, files, network, **options)

        monkeypatch.setattr(features, "extract", counted)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    return Passes(monkeypatch)


def build(images: Path, target: Path, *layers: str, **options: object) -> BuildReport:
    return api.build(images, target, network="thingsnet", layer=layers, **options)  # type: ignore[arg-type]


def steps_of(target: Path) -> dict[str, dict[str, str]]:
    spaces = json.loads((target / "manifest.json").read_text())["spaces"]
    return {key: facts["steps"] for key, facts in spaces.items()}


def test_several_layers_are_several_spaces_with_the_vectors_that_each_layer_has_alone(
    images: Path, built: Path
) -> None:
    collection = api.open_collection(built)
    assert list(collection.spaces) == ["thingsnet.fc7", "thingsnet.pool5:max", "thingsnet.conv3"]
    assert collection.default_space == "thingsnet.fc7"
    for layer in LAYERS:
        alone = load_network("thingsnet", layer, device="cpu")
        space = collection.space(f"thingsnet.{layer}")
        prepared = [alone.prepare(Image.open(images / path)) for path in collection.paths.to_pylist()[:3]]
        assert (space.vectors[:3] == alone.forward(np.stack(prepared))).all()
        assert space.vectors.shape == (N_IMAGES, alone.n_dims)


def test_layers_asked_for_together_or_one_after_the_other_are_the_same_collection(
    images: Path, built: Path, tmp_path: Path
) -> None:
    target = tmp_path / "pictures.dxr"
    for layer in reversed(LAYERS):
        build(images, target, layer)
    assert steps_of(target) == steps_of(built)
    found, expected = digest(target), digest(built)
    assert (
        found | {"manifest.json": expected["manifest.json"]} == expected
    )  # which lists the spaces as they came


def test_all_layers_of_a_network_are_read_in_one_pass(images: Path, tmp_path: Path, passes: Passes) -> None:
    some = write_pictures(tmp_path / "images", 6)
    target = tmp_path / "some.dxr"
    assert build(some, target, "fc7", "pool5", "fc6").n_extracted == 6
    assert passes.seen == [(3, 6)]
    picture(100).save(some / "red" / "new.jpg")
    assert build(some, target, "fc7").n_extracted == 1  # the others are kept up to date
    assert passes.seen[1:] == [(3, 1)]
    picture(101).save(some / "red" / "newer.jpg")
    assert build(some, target, "conv5").n_extracted == 8
    assert sorted(passes.seen[2:]) == [(1, 7), (4, 1)]  # old images: the new layer alone
    assert build(some, target, "conv5", "fc7").n_extracted == 0
    assert len(passes.seen) == 4


KILLED = """
import os, signal, sys
from pathlib import Path
from dxr_dash import api
from dxr_dash.collection import journal
append, left = journal.Journal.append, [int(sys.argv[3])]
journal.PART_IMAGES = 1  # each batch at once
def dying(self, batch):
    append(self, batch)
    left[0] -= 1
    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)
journal.Journal.append = dying
api.build(Path(sys.argv[1]), Path(sys.argv[2]), network="thingsnet", layer=sys.argv[4:])
"""


@pytest.mark.parametrize("n_appended", [2, 4, 6])
def test_a_build_killed_between_two_layers_of_a_batch_ends_with_the_same_bytes(
    n_appended: int, images: Path, built: Path, tmp_path: Path, passes: Passes
) -> None:
    target = tmp_path / "pictures.dxr"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(images), str(target), str(n_appended), *LAYERS], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    build(images, target, *LAYERS)
    batches, layers = divmod(n_appended, 3)
    left = N_IMAGES - 32 * batches
    expected = [(3 - layers, 32), (3, left - 32)] if layers else [(3, left)]
    assert sorted(passes.seen) == sorted(expected)
    assert digest(target) == digest(built)


def test_a_build_killed_with_more_layers_than_are_asked_for_then_is_not_lost(
    images: Path, tmp_path: Path
) -> None:
    target = tmp_path / "pictures.dxr"
    subprocess.run([sys.executable, "-c", KILLED, str(images), str(target), "6", *LAYERS], check=False)
    assert build(images, target, "conv3").n_extracted == N_IMAGES - 64
    assert list(api.open_collection(target).spaces) == ["thingsnet.conv3"]


def test_outside_images_are_run_once_for_all_layers(built: Path, tmp_path: Path) -> None:
    collection = api.open_collection(built)
    path = tmp_path / "given.png"
    picture(500).save(path)
    one, _ = api.add_query_set(collection, "one from outside", images=path)
    for space in collection.spaces.values():
        found = one.outside_vectors(space.fingerprint)
        alone = load_network("thingsnet", space.request["layer"], device="cpu")
        assert found is not None
        assert (found == alone.forward(np.stack([alone.prepare(picture(500))]))).all()
    api.remove_query_set(collection, one.id)


def test_controls_for_depth_are_spaces_like_any_other(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    api.build(images, target, network="tiny", layer="pixels32")
    api.build(images, target, network="colour", layer=["lab", "hsv"])
    api.build(images, target, network="random:thingsnet", layer="fc7")
    collection = api.open_collection(target)
    assert list(collection.spaces) == [
        "tiny.pixels32", "colour.lab", "colour.hsv", "random:thingsnet.fc7",
    ]  # fmt: skip
    assert [space.n_dims for space in collection.spaces.values()] == [3072, 648, 192, 256]
    name = images / collection.paths.to_pylist()[0]
    one, _ = api.add_query_set(collection, "a copy from outside", images=name)
    for space in collection.spaces.values():
        found = one.outside_vectors(space.fingerprint)
        assert found is not None
        assert np.abs(found[0] - space.vectors[0]).max() == 0


def test_a_control_for_depth_is_not_shown_in_place_of_what_it_controls(images: Path, tmp_path: Path) -> None:
    target = tmp_path / "pictures.dxr"
    for network, shown in (
        ("tiny", "tiny.pixels32"),
        ("thingsnet", "thingsnet.fc7"),
        ("colour", "thingsnet.fc7"),
    ):
        api.build(images, target, network=network)
        assert api.open_collection(target).default_space == shown


def test_layers_that_are_not_there_are_named_before_anything_is_read(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for network, layer, words in [
        ("thingsnet", "fc9", "no layer fc9"),
        ("thingsnet", "fc7:max", "cannot be pooled"),
        ("tiny", "pixels31", "tiny has no layer pixels31"),
        ("tiny", "pixels32:max", "they are not pooled"),
    ]:
        with pytest.raises(NetworkError, match=words):
            api.build(
                images,
                tmp_path / "x.dxr",
                network=network,
                layer=["fc7"] * (network == "thingsnet") + [layer],
            )
    assert not (tmp_path / "x.dxr").exists()
