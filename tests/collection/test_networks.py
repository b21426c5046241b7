from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import models

from dxr_dash import settings
from dxr_dash.collection.layers import Tap, usual_layers
from dxr_dash.collection.networks import layer_names, load_network, network_names, usual_layer
from dxr_dash.collection.pooling import pool, pooling_of
from dxr_dash.collection.preset import Preset
from dxr_dash.collection.running import Backbone, Head, Network, Stopped
from dxr_dash.errors import NetworkError
from tests.bad_images import noise
from tests.random_networks import SMALL, MakeWeights, batch_of, plain_model, weights_maker


@pytest.fixture(scope="module")
def make_weights(tmp_path_factory: pytest.TempPathFactory) -> MakeWeights:
    return weights_maker(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill batches up to 4 images only, where more would but take time."""
    monkeypatch.setattr(settings, "BATCH_IMAGES", 4)


def reference(network: str, state: dict[str, Any], module: str, images: list[Image.Image]) -> torch.Tensor:
    """What torchvision's own preset and an unabridged forward pass give at the output of a module."""
    model = plain_model(network)
    model.load_state_dict(state)
    preset = models.get_model_weights(network).DEFAULT.transforms()
    return output_of(model, module, torch.stack([preset(image) for image in images]))


def output_of(model: torch.nn.Module, module: str, pixels: torch.Tensor) -> torch.Tensor:
    """The output of a module in an unabridged forward pass."""
    seen: list[torch.Tensor] = []
    hook = model.get_submodule(module).register_forward_hook(
        lambda _m, _i, output: seen.append(output.clone())
    )
    with torch.inference_mode():
        model(pixels)
    hook.remove()
    return seen[0]


# Names


def test_the_bundled_network_and_all_classification_networks_are_listed_and_no_others() -> None:
    names = network_names()
    assert names[0] == "thingsnet"
    assert {"alexnet", "vgg16", "resnet18", "resnet50", "vit_b_16", "swin_t", "regnet_y_400mf"} <= set(names)
    assert not [name for name in names if "rcnn" in name or "raft" in name or "quantized" in name]
    assert names[1:-3] == models.list_models(module=models)
    assert names[-3:] == ["overfeat", "tiny", "colour"]


def test_layers_have_their_usual_names_in_order() -> None:
    assert layer_names("alexnet") == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8", "penultimate",
    ]  # fmt: skip
    vgg = layer_names("vgg16")
    assert [vgg[0], vgg[1], vgg[2], vgg[-6], vgg[-5:]] == [
        "conv1_1", "conv1_2", "pool1", "conv5_3", ["pool5", "fc6", "fc7", "fc8", "penultimate"],
    ]  # fmt: skip
    assert sum(name.startswith("conv") for name in vgg) == 13
    assert layer_names("vgg16_bn") == vgg
    assert [name for name in layer_names("resnet50") if "." not in name] == [
        "conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc", "penultimate",
    ]  # fmt: skip
    assert {"conv1", "conv5", "pool5", "fc6", "fc7", "fc8"} <= set(layer_names("thingsnet"))


@pytest.mark.parametrize(
    "network",
    ["convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "maxvit_t", "mnasnet0_5",
     "mobilenet_v2", "regnet_x_400mf", "shufflenet_v2_x0_5", "squeezenet1_0", "swin_v2_t", "vit_b_16"],
)  # fmt: skip
def test_every_other_family_has_its_stages_and_penultimate(network: str) -> None:
    names = layer_names(network)
    assert names[-1] == "penultimate"
    assert len(names) == len(set(names)) > 5


def test_an_unknown_network_or_layer_is_named_with_what_is_close() -> None:
    with pytest.raises(NetworkError, match=r"no network alexnt\. Did you mean alexnet\?.*`dxr networks`"):
        load_network("alexnt", "fc7")
    with pytest.raises(
        NetworkError, match=r"alexnet has no layer fc77\. Did you mean .*fc7.*Its layers are conv1, "
    ):
        load_network("alexnet", "fc77")
    with pytest.raises(
        NetworkError,
        match=r"no layer features\.99\. Did you mean features\.\d.*`dxr layers efficientnet_v2_l`",
    ):
        load_network("efficientnet_v2_l", "features.99")
    with pytest.raises(NetworkError, match="no network"):
        layer_names("fasterrcnn_resnet50_fpn")


def test_importing_the_module_does_not_import_torch() -> None:
    code = (
        "import sys, dxr_dash.collection.extraction; assert not {'torch', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


# Vectors


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("network", "layer", "module", "n_dims"),
    [
        ("alexnet", "fc7", "classifier.5", 4096),
        ("alexnet", "conv2", "features.4", 192),
        ("resnet18", "conv1", "relu", 64),
        ("resnet18", "layer3", "layer3", 256),
        ("resnet18", "penultimate", "avgpool", 512),
        (SMALL, "penultimate", "features", 512),
        ("mobilenet_v3_small", "penultimate", "classifier.1", 1024),
        ("regnet_y_400mf", "trunk_output", "trunk_output", 440),
        ("googlenet", "penultimate", "avgpool", 1024),
    ],
)
def test_vectors_are_those_of_torchvisions_preset_and_a_plain_forward_pass(
    network: str, layer: str, module: str, n_dims: int, make_weights: MakeWeights
) -> None:
    tapped = load_network(network, layer, weights=make_weights(network), device="cpu")
    images = [noise((300, 260)), noise((231, 400), seed=1)]
    vectors = tapped.forward(np.stack([tapped.prepare(image) for image in images]))
    output = reference(network, torch.load(make_weights(network), weights_only=True), module, images)
    expected = pool(output, pooling_of(output.shape)).flatten(1).numpy()
    assert vectors.shape == (2, n_dims)
    assert vectors.dtype == np.float32
    assert tapped.n_dims == n_dims
    assert np.abs(vectors - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())
    assert np.abs(vectors - expected).max() <= 1e-5 * np.abs(expected).max()


def test_transformers_give_their_class_token_or_the_mean_over_space() -> None:
    torch.manual_seed(0)
    vit = models.VisionTransformer(64, 16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=32)
    swin = models.SwinTransformer([4, 4], 20, [1, 1], [2, 2], [4, 4])
    preset = Preset(70, 64, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    for model, layer, module, n_dims in [
        (vit, "penultimate", "encoder.ln", 24),
        (vit, "conv_proj", "conv_proj", 24),
        (vit, "encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_0", 24),
        (swin, "features.0.0", "features.0.0", 20),
        (swin, "features.1", "features.1", 20),
        (swin, "penultimate", "flatten", 40),
    ]:
        plain = copy.deepcopy(model).eval()
        tap = usual_layers("any", model)[layer]
        backbone = Backbone("any", copy.deepcopy(model), preset, ("none", "0"), "cpu")
        tapped = Network(backbone, [Head(layer, tap)])
        batch = batch_of(tapped, 3)
        output = output_of(plain, module, (torch.from_numpy(batch) / 255 - 0.5) / 0.25)
        if output.ndim == 3:
            expected = output[:, 0]
        else:
            space = [axis for axis in range(1, output.ndim) if output.shape[axis] != n_dims]
            expected = output.mean(dim=space) if space else output
        assert np.allclose(tapped.forward(batch), expected.numpy(), atol=1e-5)


def test_a_layer_whose_output_is_no_vector_is_refused() -> None:
    class Pair(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return pixels, pixels

    preset = Preset(70, 64, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    with pytest.raises(NetworkError, match=r"The layer 0 of pair cannot be used.*Choose another layer"):
        Network(
            Backbone("pair", torch.nn.Sequential(Pair()), preset, ("none", "0"), "cpu"), [Head("0", Tap("0"))]
        )
    unused = torch.nn.Module()
    unused.add_module("never", torch.nn.ReLU())
    unused.forward = lambda pixels: pixels
    with pytest.raises(NetworkError, match="the forward pass does not go through it"):
        Network(Backbone("unused", unused, preset, ("none", "0"), "cpu"), [Head("never", Tap("never"))])


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    network=st.sampled_from(["alexnet", "resnet50", "efficientnet_b2", "vit_h_14"]),
)
@hypothesis.settings(max_examples=40)
def test_images_are_prepared_bit_for_bit_as_torchvision_does(width: int, height: int, network: str) -> None:
    hypothesis.assume(max(width, height) <= 32 * min(width, height))
    theirs = models.get_model_weights(network).DEFAULT.transforms()
    ours = Preset(
        theirs.resize_size[0], theirs.crop_size[0], theirs.interpolation.value, (0, 0, 0), (1, 1, 1)
    )
    theirs.mean, theirs.std = [0, 0, 0], [1, 1, 1]
    image = noise((width, height), seed=width)
    prepared = ours.prepare(image)
    assert prepared.dtype == np.uint8
    assert (prepared == (theirs(image) * 255).round().numpy().astype(np.uint8)).all()


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (2, 9_000), (50, 1_601)])
def test_strips_are_prepared_without_enlarging_all_of_them(size: tuple[int, int]) -> None:
    preset = Preset(256, 224, "bilinear", (0, 0, 0), (1, 1, 1))
    image = noise(size)
    prepared = preset.prepare(image)
    assert prepared.shape == (3, 224, 224)
    if max(size) < 10_000:  # the whole can be had: it differs by rounding
        width, height = (256 * side // min(size) for side in size)
        whole = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (round((side - 224) / 2) for side in whole.size)
        expected = np.asarray(whole.crop((left, top, left + 224, top + 224))).transpose(2, 0, 1)
        assert np.abs(prepared.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(
    ("network", "layer"), [("alexnet", "fc7"), ("resnet18", "avgpool"), ("thingsnet", "fc7")]
)
def test_an_images_bits_do_not_depend_on_its_place_its_companions_or_their_number(
    network: str, layer: str, make_weights: MakeWeights
) -> None:
    weights = None if network == "thingsnet" else make_weights(network)
    loaded = load_network(network, layer, weights=weights, device="cpu")
    batch = batch_of(loaded, settings.BATCH_IMAGES)
    vectors = loaded.forward(batch)
    assert (loaded.forward(batch[7:8])[0] == vectors[7]).all()  # alone, at another place
    others = np.concatenate(
        [batch_of(loaded, 3, seed=2), batch[::-1]]
    )  # shifted, reversed, over a full batch
    assert (loaded.forward(others)[3:] == vectors[::-1]).all()
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1 if n_threads > 1 else 2)
    try:
        assert (loaded.forward(batch) == vectors).all()
    finally:
        torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("small_batches")
def test_nothing_behind_the_layer_is_computed(make_weights: MakeWeights) -> None:
    loaded: Any = load_network("alexnet", "fc7", weights=make_weights("alexnet"), device="cpu")
    called: list[str] = []
    for name, module in loaded._backbone._model.named_modules():
        module.register_forward_pre_hook(lambda _m, _i, name=name: called.append(name))
    loaded.forward(batch_of(loaded, 1))
    assert called[-1] == "classifier.5"
    assert "classifier.6" not in called


def test_no_vectors_of_no_images() -> None:
    loaded = load_network("thingsnet", "fc7", device="cpu")
    assert loaded.forward(batch_of(loaded, 0)).shape == (0, loaded.n_dims)


def test_a_forward_pass_can_be_stopped_and_the_network_used_again() -> None:
    loaded = load_network("thingsnet", "fc7", device="cpu")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        loaded.forward(batch_of(loaded, 1), stopped=lambda: next(asked))
    assert loaded.forward(batch_of(loaded, 1)).shape == (1, loaded.n_dims)


def test_the_recipe_says_network_layer_and_weights(make_weights: MakeWeights, tmp_path: Path) -> None:
    same = load_network(SMALL, "penultimate", weights=make_weights(SMALL), device="cpu")
    again = load_network(SMALL, "penultimate", weights=make_weights(SMALL), device="cpu")
    layer = load_network(SMALL, "features.3", weights=make_weights(SMALL), device="cpu")
    state = torch.load(make_weights(SMALL), weights_only=True)
    state["classifier.1.bias"] += 1
    torch.save(state, tmp_path / f"{SMALL}.pth")
    weights = load_network(SMALL, "penultimate", weights=tmp_path / f"{SMALL}.pth", device="cpu")
    recipes = [one.recipes[0] for one in (same, layer, weights)]
    assert same.recipes == again.recipes
    assert recipes == json.loads(json.dumps(recipes))
    assert len({json.dumps(one) for one in recipes}) == 3
    assert recipes[0]["weights_sha256"] == hashlib.sha256(make_weights(SMALL).read_bytes()).hexdigest()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_asking_for_a_gpu_where_there_is_none_is_an_error() -> None:
    with pytest.raises(NetworkError, match="no GPU that torch can use"):
        load_network("thingsnet", "fc7", device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_with_mixed_precision_agrees_with_the_cpu(make_weights: MakeWeights) -> None:
    on_cpu = load_network("resnet18", "avgpool", weights=make_weights("resnet18"), device="cpu")
    on_gpu = load_network("resnet18", "avgpool", weights=make_weights("resnet18"), device="cuda")
    batch = batch_of(on_cpu, 5)
    exact, mixed = on_cpu.forward(batch), on_gpu.forward(batch)
    assert on_cpu.recipes == on_gpu.recipes
    assert np.abs(exact - mixed).max() <= 0.01 * np.abs(exact).max()
    assert (on_gpu.forward(batch[3:4])[0] == mixed[3]).all()


@pytest.mark.parametrize(
    ("network", "layer"),
    [("alexnet", "fc7"), ("thingsnet", "fc7"), ("vgg11", "fc7"), ("resnet18", "penultimate")]
    + [("tiny", "pixels32"), ("colour", "lab")],
)
def test_every_network_has_a_layer_that_is_meant_when_none_is_named(network: str, layer: str) -> None:
    assert usual_layer(network) == layer
    assert layer in layer_names(network)
