from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dxr_dash import api
from dxr_dash.collection import hub
from dxr_dash.collection.networks import checked_layer, layer_names, layer_shapes, load_network
from dxr_dash.collection.requests import Request
from dxr_dash.errors import NetworkError
from tests.bad_images import noise
from tests.builders import write_pictures

timm = pytest.importorskip("timm", reason="the extra dxr-dash[timm] is not installed")

SMALL = ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"]


def random_model(name: str) -> Any:
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False).eval()


def weights_of(name: str, folder: Path) -> Path:
    from safetensors.torch import save_file

    file = folder / f"{name}.safetensors"
    save_file(random_model(name).state_dict(), file)
    return file


@pytest.mark.parametrize("name", SMALL)
def test_vectors_are_what_timm_itself_gives_before_its_classifier(name: str, tmp_path: Path) -> None:
    model = random_model(name)
    facts = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**facts, is_training=False)
    images = [noise((90 + 30 * seed, 130), seed) for seed in range(3)]
    with torch.inference_mode():
        maps = model.forward_features(torch.stack([transform(image) for image in images]))
        expected = model.forward_head(maps, pre_logits=True).numpy()
    network = load_network(f"timm:{name}", "penultimate", weights=weights_of(name, tmp_path), device="cpu")
    found = network.forward(np.stack([network.prepare(image) for image in images]))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", SMALL)
def test_stages_are_those_that_timm_names(name: str, tmp_path: Path) -> None:
    model = random_model(name)
    named = [one["module"] for one in getattr(model.feature_info, "info", model.feature_info)]
    layers = layer_names(f"timm:{name}")
    assert layers == [*[one for one in named if one in dict(model.named_modules())], "penultimate"]
    assert len(layers) >= 4
    shapes = layer_shapes(f"timm:{name}")
    network = load_network(f"timm:{name}", layers, weights=weights_of(name, tmp_path), device="cpu")
    assert all(shapes[layer] for layer in layers)
    seen: list[torch.Tensor] = []
    model.get_submodule(layers[1]).register_forward_hook(lambda _m, _i, output: seen.append(output))
    image = noise((160, 160), 1)
    with torch.inference_mode():
        model(timm.data.create_transform(**timm.data.resolve_model_data_config(model))(image)[None])
    pooled = seen[0][:, 0] if seen[0].ndim == 3 else seen[0].mean(dim=(2, 3))
    start = network.widths[0]
    found = network.forward(network.prepare(image)[None])[:, start : start + network.widths[1]]
    np.testing.assert_allclose(found, pooled.numpy(), rtol=0, atol=2e-6 * max(1.0, float(pooled.abs().max())))


def test_a_squashed_image_is_prepared_as_timm_does() -> None:
    name = "convnext_small.fb_in22k_ft_in1k_384"
    facts = timm.data.resolve_data_config(pretrained_cfg=timm.models.get_pretrained_cfg(name).to_dict())
    assert facts["crop_mode"] == "squash"
    from dxr_dash.collection.timm_networks import preset

    image = noise((300, 170), 3)
    wanted = preset(f"timm:{name}")
    mean, std = torch.tensor(wanted.mean).view(3, 1, 1), torch.tensor(wanted.std).view(3, 1, 1)
    pixels = (torch.tensor(wanted.prepare(image).copy()) / 255 - mean) / std
    expected = timm.data.create_transform(**facts, is_training=False)(image)
    torch.testing.assert_close(pixels, expected, rtol=0, atol=2e-6)


def test_a_network_without_a_class_token_asks_how_to_pool() -> None:
    network = "timm:vit_base_patch16_siglip_224.webli"
    with pytest.raises(NetworkError, match=r"no class token.*--layer blocks\.3:avg"):
        checked_layer(network, "blocks.3")
    assert checked_layer(network, "blocks.3:avg") == "blocks.3:avg"
    assert checked_layer("timm:test_vit", "blocks.3") == "blocks.3"


def test_dinov2_is_known_with_its_layers_and_size() -> None:
    from dxr_dash.collection.timm_networks import preset

    network = "timm:vit_small_patch14_dinov2.lvd142m"
    assert layer_shapes(network)["penultimate"] == (1, 384)
    assert preset(network).crop_px == 518


def test_an_unknown_name_or_tag_is_refused_with_what_is_close() -> None:
    with pytest.raises(
        NetworkError, match=r"no network resnet18\.a1_in2k\. Did you mean timm:resnet18\.a1_in1k"
    ):
        layer_names("timm:resnet18.a1_in2k")
    with pytest.raises(NetworkError, match=r"no network resnot50\. Did you mean timm:"):
        layer_names("timm:resnot50")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = weights_of("test_resnet", tmp_path)
    with pytest.raises(NetworkError, match=r"does not fit timm:test_vit: it has no .* saved from timm's"):
        load_network("timm:test_vit", "penultimate", weights=file)


def test_weights_fit_whatever_the_classifier_that_came_with_them(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    file = tmp_path / "fine-tuned.safetensors"
    save_file(timm.create_model("test_vit", num_classes=7).state_dict(), file)
    assert load_network("timm:test_vit", "penultimate", weights=file).n_dims == 64


def test_weights_that_cannot_be_had_are_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkError, match=r"weights of timm:test_vit are not in the cache.*--weights FILE"):
        load_network("timm:test_vit", "penultimate")


def test_weights_in_the_cache_of_the_hub_are_used_without_a_net(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    repository = timm.models.get_pretrained_cfg("test_vit").hf_hub_id
    commit = "0" * 40
    held = tmp_path / f"models--{repository.replace('/', '--')}"
    (held / "snapshots" / commit).mkdir(parents=True)
    (held / "refs").mkdir()
    (held / "refs" / "main").write_text(commit)
    weights_of("test_vit", tmp_path).rename(held / "snapshots" / commit / "model.safetensors")
    network = load_network("timm:test_vit", "penultimate", device="cpu")
    assert network.recipes[0]["weights"] == f"{repository}/model.safetensors"
    assert len(network.recipes[0]["weights_sha256"]) == 64


def test_a_collection_is_built_with_it_and_asked_with_images_from_outside(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "photos", 12)
    file = weights_of("test_vit", tmp_path)
    folder = tmp_path / "photos.dxr"
    api.build(images, folder, network="timm:test_vit", layer=["penultimate", "blocks.5:avg"], weights=file)
    opened = api.open_collection(folder)
    assert list(opened.spaces) == ["timm:test_vit.penultimate", "timm:test_vit.blocks.5:avg"]
    found, _ = api.add_query_set(opened, "one", images=[("a.jpg", next(images.rglob("*.jpg")).read_bytes())])
    for space in opened.spaces.values():
        far = np.abs(space.vectors - found.outside_vectors(space.fingerprint)).max(axis=1)  # type: ignore[operator]
        assert far.min() == 0


def test_its_version_is_part_of_what_decides_the_vectors() -> None:
    facts = Request("timm:test_vit", "penultimate").facts
    assert facts["timm"] == timm.__version__


def test_random_weights_are_a_control_of_it_too() -> None:
    image = Image.new("RGB", (160, 160), "red")
    vectors = []
    for seed in ("", ":1", ""):
        network = load_network(f"random:timm:test_resnet{seed}", "penultimate", device="cpu")
        vectors.append(network.forward(network.prepare(image)[None]))
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert not np.array_equal(vectors[0], vectors[1])


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages: dict[str, Any] = {"timm": ("dxr_no_such_module", "timm"), "clip": hub.PACKAGES["clip"]}
    monkeypatch.setattr(hub, "PACKAGES", packages)
    with pytest.raises(
        NetworkError, match=r'timm:resnet18 needs the package timm.*pip install "dxr-dash\[timm\]"'
    ):
        checked_layer("timm:resnet18", "penultimate")
