"""Several layers of a network from one pass, each pooled in several ways: shapes and values of a plain pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from torchvision import models

from dxr_dash import settings
from dxr_dash.cli import cli
from dxr_dash.collection.definitions import definition
from dxr_dash.collection.layers import Tap
from dxr_dash.collection.networks import checked_layer, layer_names, layer_shapes, load_network
from dxr_dash.collection.pooling import (
    GEM_LEAST,
    POOLINGS,
    fitting_poolings,
    pool,
    pooled_dims,
    pooling_of,
)
from dxr_dash.errors import NetworkError
from tests.bad_images import noise

N_IMAGES = 2


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "BATCH_IMAGES", N_IMAGES)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def plain_outputs(network: str, taps: set[Tap]) -> dict[Tap, torch.Tensor]:
    """What hooks see in one unabridged pass of torchvision's own network, prepared by torchvision's preset.

    In the order of memory that dxr uses: other kernels add in another order, which moves the last bits.
    """
    form = definition(f"random:{network}")
    assert form is not None
    model, _, _ = form.load(None)
    model.eval().to(memory_format=torch.channels_last)
    seen: dict[Tap, torch.Tensor] = {}

    def keep(tap: Tap, output: Any) -> None:
        if hasattr(output, "shape"):
            seen.setdefault(tap, output.clone())

    for tap in taps:
        module = model.get_submodule(tap.module)
        if tap.at == "input":
            module.register_forward_pre_hook(lambda _m, inputs, tap=tap: keep(tap, inputs[0]))
        else:
            module.register_forward_hook(lambda _m, _i, output, tap=tap: keep(tap, output))
    preset = models.get_model_weights(network).DEFAULT.transforms()
    with torch.inference_mode():
        pixels = torch.stack([preset(noise((300, 260), seed=seed)) for seed in range(N_IMAGES)])
        model(pixels.to(memory_format=torch.channels_last))
    return seen


def pooled_plainly(output: np.ndarray[Any, Any], way: str, channels: int) -> np.ndarray[Any, Any]:
    """Pool as the words say, in NumPy and float64; ``channels`` is the axis of the channels."""
    wide: np.ndarray[Any, Any] = output.astype(np.float64)
    space = tuple(axis for axis in range(1, wide.ndim) if axis != channels)
    if way == "cls":
        return wide[:, 0]
    if way == "flatten":
        return wide.reshape(len(wide), -1)
    if way == "gem":
        return np.asarray(np.cbrt((np.maximum(wide, GEM_LEAST) ** 3).mean(axis=space)))
    return np.asarray(wide.max(axis=space) if way == "max" else wide.mean(axis=space))


@pytest.mark.parametrize(
    "network",
    ["alexnet", "vgg11", "resnet18", "densenet121", "googlenet", "mobilenet_v3_small", "squeezenet1_1", "swin_t",
     "vit_b_32"],
)  # fmt: skip
def test_every_layer_in_every_pooling_is_that_of_a_plain_pass_all_from_one_pass(network: str) -> None:
    shapes = {name: shape for name, shape in layer_shapes(network).items() if shape is not None}
    form = definition(network)
    assert form is not None
    taps = form.layers()
    asked = [
        (name, way)
        for name, shape in shapes.items()
        for way in (fitting_poolings(shape) or (None,))
        if pooled_dims(shape, way) < 100_000
    ]
    loaded = load_network(
        f"random:{network}", [name if way is None else f"{name}:{way}" for name, way in asked], device="cpu"
    )
    batch = np.stack([loaded.prepare(noise((300, 260), seed=seed)) for seed in range(N_IMAGES)])
    vectors = loaded.forward(batch)
    seen = plain_outputs(network, set(taps.values()))
    assert vectors.shape == (N_IMAGES, sum(loaded.widths))
    first = 0
    for (name, way), width in zip(asked, loaded.widths, strict=True):
        output = seen[taps[name]].numpy()
        assert output.shape[1:] == shapes[name][1:]
        channels_last = output.ndim == 4 and output.shape[1] == output.shape[2] != output.shape[3]
        channels = 1 if output.ndim == 4 and not channels_last else output.ndim - 1
        expected = output if way is None else pooled_plainly(output, way, channels)
        found = vectors[:, first : first + width]
        assert found.shape == expected.shape, (name, way)
        assert np.abs(found - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max()), (name, way)
        first += width


def test_layers_of_one_pass_have_the_bits_that_each_has_alone() -> None:
    layers = ["fc7", "conv3:max", "pool5", "conv1", "pool5:flatten", "fc7"]
    together = load_network("thingsnet", layers, device="cpu")
    batch = np.stack([together.prepare(noise((120, 100), seed=seed)) for seed in range(5)])
    parts = np.split(together.forward(batch), np.cumsum(together.widths)[:-1], axis=1)
    for layer, part, recipe in zip(layers, parts, together.recipes, strict=True):
        alone = load_network("thingsnet", layer, device="cpu")
        assert (alone.forward(batch) == part).all()
        assert alone.recipes == (recipe,)


def test_shapes_need_no_weights_and_are_known_for_every_network() -> None:
    assert layer_shapes("alexnet")["pool5"] == (1, 256, 6, 6)
    assert layer_shapes("vgg16")["conv5_3"] == (1, 512, 14, 14)
    assert layer_shapes("vit_h_14")["penultimate"] == (1, 1280)
    assert layer_shapes("thingsnet")["fc7"] == (1, 256)
    assert list(layer_shapes("resnet152")) == layer_names("resnet152")


@given(st.sampled_from([(2, 7), (2, 5, 6), (2, 6, 4, 4), (2, 4, 4, 6), (1, 3, 1, 1)]), st.data())
def test_the_length_of_a_pooled_vector_is_known_from_the_shape(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    way = data.draw(st.sampled_from([None, *fitting_poolings(shape)]))
    assert pool(torch.ones(shape), pooling_of(shape, way)).shape == (shape[0], pooled_dims(shape, way))


@given(st.lists(st.floats(0, 100), min_size=16, max_size=16))
def test_the_generalised_mean_lies_between_mean_and_maximum(values: list[float]) -> None:
    maps = torch.tensor(values).reshape(1, 1, 4, 4)
    mean, gem, most = (
        float(pool(maps, pooling_of(maps.shape, way)).flatten()[0]) for way in ("avg", "gem", "max")
    )
    assert mean * (1 - 1e-5) <= gem + 1e-5
    assert gem <= most * (1 + 1e-5) + 1e-5


def test_a_pooling_that_is_the_usual_one_makes_no_other_space() -> None:
    assert checked_layer("alexnet", "pool5:avg") == "pool5"
    assert checked_layer("alexnet", "pool5:max") == "pool5:max"
    assert checked_layer("vit_b_32", "encoder:cls") == "encoder"
    assert checked_layer("vit_b_32", "encoder:avg") == "encoder:avg"


def test_poolings_that_do_not_fit_are_refused_with_those_that_do() -> None:
    with pytest.raises(NetworkError, match=r"no pooling 'mean'\. Use one of avg, max, gem, flatten, cls\."):
        checked_layer("alexnet", "pool5:mean")
    with pytest.raises(NetworkError, match=r"fc7 of alexnet cannot be pooled with 'max'\. It is one vector"):
        checked_layer("alexnet", "fc7:max")
    with pytest.raises(
        NetworkError, match=r"cannot be pooled with 'gem'\. It takes cls, avg, max, flatten\."
    ):
        checked_layer("vit_b_32", "encoder:gem")
    with pytest.raises(NetworkError, match="no layer pool7"):
        checked_layer("alexnet", "pool7:max")
    assert set(POOLINGS) == {way for shape in ((1, 2, 3), (1, 2, 3, 3)) for way in fitting_poolings(shape)}


def test_random_networks_are_seeded_and_take_no_weights(tmp_path: Any) -> None:
    first, again, other = (
        load_network(name, "fc7", device="cpu")
        for name in ("random:thingsnet", "random:thingsnet:0", "random:thingsnet:1")
    )
    batch = np.stack([first.prepare(noise((120, 100)))])
    assert (first.forward(batch) == again.forward(batch)).all()
    assert (first.forward(batch) != other.forward(batch)).any()
    assert first.recipes[0]["weights"] == "random, seed 0"
    assert first.recipes[0]["weights_sha256"] != other.recipes[0]["weights_sha256"]
    with pytest.raises(NetworkError, match=r"weights file means nothing to it.*the network thingsnet"):
        load_network("random:thingsnet", "fc7", weights=tmp_path / "x.pth")
    with pytest.raises(NetworkError, match="no network random:alexnt"):
        load_network("random:alexnt", "fc7")
    before = torch.random.get_rng_state()
    load_network("random:thingsnet", "fc7", device="cpu")
    assert (torch.random.get_rng_state() == before).all()


def test_the_command_lists_layers_with_shapes_and_lengths() -> None:
    shown = CliRunner().invoke(cli, ["layers", "alexnet"]).output
    assert "256 x 6 x 6" in shown
    assert "avg 256, max 256, gem 256, flatten 9216" in shown
    listed = {
        one["layer"]: one
        for one in json.loads(CliRunner().invoke(cli, ["layers", "alexnet", "--json"]).output)
    }
    assert listed["fc7"] == {"layer": "fc7", "shape": [4096], "dimensions": 4096}
    assert listed["pool5"]["dimensions"]["flatten"] == 9216
    assert CliRunner().invoke(cli, ["layers", "alexnt"]).exit_code != 0
