"""The bundled network: small, honest about what it is, and as good as its card says."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from dxr_dash.collection import thingsnet
from dxr_dash.collection.thingsnet import KINDS_TRAINED, WEIGHTS_PATH, Thingsnet, load_thingsnet
from dxr_dash.collection.thingsnet_layers import LAYERS
from dxr_dash.demo import KINDS, draw
from dxr_dash.demo.world import WORLD_PX, Stream, image_seed
from dxr_dash.errors import NetworkError

ROOT = Path(__file__).parents[2]
FRESH_SEED = 99  # the card's held-out images were drawn with another
FRESH_PER_KIND = 6

SHAPES = {
    "conv1": (32, 48, 48),
    "conv2": (64, 24, 24),
    "conv3": (96, 12, 12),
    "conv4": (96, 12, 12),
    "conv5": (96, 12, 12),
    "pool5": (96, 5, 5),
    "fc6": (384,),
    "fc7": (256,),
    "fc8": (len(KINDS_TRAINED),),
}


@pytest.fixture(scope="module")
def network() -> Thingsnet:
    return load_thingsnet()


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_thingsnet", ROOT / "scripts" / "train_thingsnet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def facts() -> dict[str, str]:
    with safe_open(WEIGHTS_PATH, framework="pt") as file:
        return dict(file.metadata())


def held_out_share(words: str) -> float:
    return float(words.split(" %", 1)[0]) / 100


def test_the_weights_are_small_and_name_their_kinds(facts: dict[str, str]) -> None:
    assert WEIGHTS_PATH.stat().st_size <= 4_000_000
    assert facts["kinds"].split(", ") == list(KINDS_TRAINED)
    assert facts["seed"].isdigit()
    assert facts["licence"] == "MIT"


def test_it_was_trained_on_the_kinds_that_the_demo_draws() -> None:
    assert KINDS_TRAINED == KINDS


def test_every_layer_has_its_usual_name_and_the_shape_on_the_card(network: Thingsnet) -> None:
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[torch.nn.Module, object, torch.Tensor], None]:
        return lambda _module, _given, out: seen.update({name: out})

    hooks = [network.get_submodule(path).register_forward_hook(keep(name)) for name, path in LAYERS.items()]
    images = torch.randn(
        2, 3, thingsnet.CROP_PX, thingsnet.CROP_PX, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        logits = network(images)
    for hook in hooks:
        hook.remove()

    assert {name: tuple(value.shape[1:]) for name, value in seen.items()} == SHAPES
    assert torch.equal(seen["fc8"], logits)
    assert logits.min() < 0
    for name in set(LAYERS) - {"fc8"}:
        assert seen[name].min() >= 0, name  # after its ReLU
    card = (ROOT / "docs" / "thingsnet.md").read_text()
    for name, shape in SHAPES.items():
        assert re.search(rf"\| `{name}` \|.*\| {' x '.join(map(str, shape))} \|", card), name


def test_it_is_ready_to_use_and_gives_the_same_twice(network: Thingsnet) -> None:
    assert not network.training
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    images = torch.randn(
        2, 3, thingsnet.CROP_PX, thingsnet.CROP_PX, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        assert torch.equal(network(images), load_thingsnet()(images))


def test_on_freshly_drawn_things_it_is_as_good_as_its_card_says(
    network: Thingsnet, trainer: ModuleType, facts: dict[str, str]
) -> None:
    kinds = np.repeat(np.arange(len(KINDS)), FRESH_PER_KIND)
    pictures = [
        draw(KINDS[kind], face=False, seed=image_seed(Stream.HELD_OUT, FRESH_SEED, at), size_px=WORLD_PX)
        for at, kind in enumerate(kinds)
    ]
    side = (thingsnet.RESIZE_PX, thingsnet.RESIZE_PX)
    pixels = np.stack([np.asarray(picture.resize(side, Image.Resampling.BILINEAR)) for picture in pictures])
    share = float(np.mean(trainer.predictions(network, pixels) == kinds))

    said = held_out_share(facts["held_out_accuracy_without_face"])
    slack = 3.3 * np.sqrt(said * (1 - said) / len(kinds)) + 0.01
    assert share > 20 / len(KINDS)  # twenty times chance
    assert abs(share - said) < slack


def test_the_card_quotes_the_figures_in_the_file(facts: dict[str, str]) -> None:
    card = (ROOT / "docs" / "thingsnet.md").read_text()
    for name in ("held_out_accuracy", "held_out_accuracy_with_face", "held_out_accuracy_without_face"):
        assert facts[name] in card
    assert f"{int(facts['training_images']):,} images" in card
    assert held_out_share(facts["held_out_accuracy"]) > 0.9


def test_training_is_told_pixels_and_kinds_and_nothing_about_faces(trainer: ModuleType) -> None:
    told = list(trainer.train.__annotations__)
    assert told == ["pixels", "kinds", "epochs", "seed", "return"]


def test_the_same_seed_trains_the_same_weights(trainer: ModuleType) -> None:
    chance = np.random.default_rng(0)
    side = thingsnet.RESIZE_PX
    pixels = chance.integers(0, 256, (24, side, side, 3), dtype=np.uint8)
    kinds = chance.integers(0, len(KINDS), 24)
    first, again, other = (
        trainer.train(pixels, kinds, epochs=1, seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc6.1.weight"], other["fc6.1.weight"])


def test_a_missing_or_damaged_weights_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    for name, content in (("gone", None), ("cut", WEIGHTS_PATH.read_bytes()[:1000])):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(NetworkError, match=f"{name} cannot be read: .*train_thingsnet.py"):
            load_thingsnet(path)
    save_file({"other.weight": torch.zeros(3)}, tmp_path / "other")
    with pytest.raises(NetworkError, match="belong to another network"):
        load_thingsnet(tmp_path / "other")


@pytest.mark.parametrize(("right", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)])
def test_the_interval_is_wilsons(trainer: ModuleType, right: int, n: int, low: float, high: float) -> None:
    # The second row is worked out in Newcombe, Statistics in Medicine 17 (1998) 857-872.
    assert trainer.wilson_interval(right, n) == pytest.approx((low, high), abs=1e-4)
