"""What makes each network: its form, its layers, how it wants images, and where its weights come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxr_dash import settings
from dxr_dash.collection import clip_networks, thingsnet_layers, timm_networks
from dxr_dash.collection.layers import PENULTIMATE, Tap, usual_layers
from dxr_dash.collection.preset import Preset
from dxr_dash.collection.weights import (
    file_sha256,
    published_weights,
    put_weights,
    state_sha256,
    weights_from_file,
)
from dxr_dash.errors import NetworkError

if TYPE_CHECKING:
    from torch import nn

THINGSNET = settings.BUNDLED_NETWORK
OVERFEAT = "overfeat"
RANDOM = re.compile(
    r"random:((?:(?:timm|clip):)?[\w./-]+)(?::([0-9]{1,9}))?"
)  # random:alexnet, random:alexnet:7


@dataclass(frozen=True)
class Definition:
    """A network.

    Attributes:
        layers: its layers by their usual names, in the order of computation.
        without_values: builds it with parameters that have shapes but no values yet: quick, and no memory.
        preset: how it wants its images.
        before_training: builds it with random values, drawn from torch's generator.
        load: builds it with its weights, or those of a file; returns it, the weights' name and their SHA-256.
        has_class_token: whether the first of a transformer's tokens stands for the whole image.
    """

    layers: Callable[[], Mapping[str, Tap]]
    without_values: Callable[[], nn.Module]
    preset: Callable[[], Preset]
    before_training: Callable[[], nn.Module]
    load: Callable[[Path | None], tuple[nn.Module, str, str]]
    has_class_token: Callable[[], bool] = lambda: True


def defined_networks() -> list[str]:
    """Name every network with a definition, less the random ones: the bundled one, torchvision's, OverFeat."""
    from torchvision import models

    return [THINGSNET, *models.list_models(module=models), OVERFEAT]


def definition(network: str) -> Definition | None:
    """Find a network; None if there is none of that name.

    Raises:
        NetworkError: the package that it comes from is not installed, or knows none of that name.
    """
    if random := RANDOM.fullmatch(network):
        form = definition(random[1])
        return form and replace(
            form, load=partial(_load_random, network, form, random[1], int(random[2] or 0))
        )
    if network == THINGSNET:
        return Definition(
            _thingsnet_layers, _thingsnet_untrained, _thingsnet_preset, _thingsnet_untrained, _load_thingsnet
        )
    if network == OVERFEAT:
        return Definition(
            _overfeat_layers, _overfeat_without_values, _overfeat_preset, _overfeat_untrained, _load_overfeat
        )
    if (form := _optional(network)) is not None:
        return form
    if network in defined_networks():
        return Definition(
            partial(_torchvision_layers, network),
            partial(_torchvision_without_values, network),
            partial(_torchvision_preset, network),
            partial(_torchvision_untrained, network),
            partial(_load_torchvision, network),
        )
    return None


def _optional(network: str) -> Definition | None:
    """Find a network of timm or open_clip."""
    if network.startswith(timm_networks.PREFIX):
        timm_networks.check_name(network)
        return Definition(
            partial(timm_networks.layers, network),
            partial(timm_networks.without_values, network),
            partial(timm_networks.preset, network),
            partial(timm_networks.untrained, network),
            partial(timm_networks.load, network),
            partial(timm_networks.has_class_token, network),
        )
    if network.startswith(clip_networks.PREFIX):
        clip_networks.check_name(network)
        return Definition(
            partial(clip_networks.layers, network),
            partial(clip_networks.without_values, network),
            partial(clip_networks.preset, network),
            partial(clip_networks.untrained, network),
            partial(clip_networks.load, network),
        )
    return None


@lru_cache(maxsize=128)
def _torchvision_layers(network: str) -> Mapping[str, Tap]:
    return usual_layers(network, _torchvision_without_values(network))


def _torchvision_options(network: str) -> dict[str, Any]:
    from torchvision import models

    if network in {"googlenet", "inception_v3"}:
        return {"transform_input": True, "aux_logits": False, "init_weights": False}
    if network.startswith("vit_"):
        return {"image_size": models.get_model_weights(network).DEFAULT.meta["min_size"][0]}
    return {}


def _torchvision_without_values(network: str) -> nn.Module:
    import torch
    from torch.overrides import TorchFunctionMode
    from torchvision import models

    class ParametersWithoutValues(TorchFunctionMode):
        # Not torch.device("meta"): RegNet and Swin compute with small tensors while they are built. Layers make
        # their parameters with torch.empty, and initialising what has no values costs nothing.
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if func is torch.empty:
                kwargs["device"] = "meta"
            return func(*args, **kwargs)

    with ParametersWithoutValues():
        model: nn.Module = models.get_model(network, weights=None, **_torchvision_options(network))
    return model


def _torchvision_untrained(network: str) -> nn.Module:
    from torchvision import models

    model: nn.Module = models.get_model(network, weights=None, **_torchvision_options(network))
    return model


def _torchvision_preset(network: str) -> Preset:
    from torchvision import models

    given = models.get_model_weights(network).DEFAULT.transforms()
    return Preset(
        given.resize_size[0],
        given.crop_size[0],
        given.interpolation.value,
        tuple(given.mean),
        tuple(given.std),
    )


def _load_torchvision(network: str, weights: Path | None) -> tuple[nn.Module, str, str]:
    from torchvision import models

    default = models.get_model_weights(network).DEFAULT
    state, name, sha256 = weights_from_file(weights) if weights else published_weights(network, default)
    model = _torchvision_without_values(network)
    put_weights(model, state, network=network, source=str(weights or name))
    return model, name, sha256


def _thingsnet_layers() -> Mapping[str, Tap]:
    layers = {name: Tap(module) for name, module in thingsnet_layers.LAYERS.items()}
    return layers | {PENULTIMATE: Tap("fc8", "input")}


def _thingsnet_untrained() -> nn.Module:
    from dxr_dash.collection import thingsnet

    return thingsnet.Thingsnet(len(thingsnet.KINDS_TRAINED))


def _thingsnet_preset() -> Preset:
    from dxr_dash.collection import thingsnet

    mean, std = tuple(thingsnet.MEAN), tuple(thingsnet.STD)
    return Preset(thingsnet.RESIZE_PX, thingsnet.CROP_PX, "bilinear", mean, std)


def _load_thingsnet(weights: Path | None) -> tuple[nn.Module, str, str]:
    from dxr_dash.collection import thingsnet

    model = thingsnet.load_thingsnet()
    name = THINGSNET
    if weights:
        state, name, _ = weights_from_file(weights)
        put_weights(model, state, network=THINGSNET, source=str(weights))
    return model, name, state_sha256(model)


def _overfeat_layers() -> Mapping[str, Tap]:
    from dxr_dash.collection import overfeat

    return {name: Tap(name) for name in overfeat.LAYERS} | {PENULTIMATE: Tap("fc8", "input")}


def _overfeat_without_values() -> nn.Module:
    import torch

    with torch.device("meta"):
        return _overfeat_untrained()


def _overfeat_untrained() -> nn.Module:
    from dxr_dash.collection import overfeat

    return overfeat.Overfeat()


def _overfeat_preset() -> Preset:
    from dxr_dash.collection import overfeat

    return Preset(overfeat.INPUT_PX, overfeat.INPUT_PX, "bilinear", (overfeat.MEAN,) * 3, (overfeat.STD,) * 3)


def _load_overfeat(weights: Path | None) -> tuple[nn.Module, str, str]:
    if weights is None:
        raise NetworkError(
            "The weights of overfeat are not part of dxr and are not downloaded.",
            "Give the file net_weight_0 of the OverFeat release with `--weights FILE`, or ask for random:overfeat.",
        )
    from dxr_dash.collection import overfeat

    return overfeat.load_overfeat(weights), weights.name, file_sha256(weights)


def _load_random(
    network: str, form: Definition, name: str, seed: int, weights: Path | None
) -> tuple[nn.Module, str, str]:
    """Initialise a network as it is before training; the same seed gives the same values."""
    import torch

    if weights is not None:
        raise NetworkError(
            f"{network} has random weights, so a weights file means nothing to it.",
            f"Leave out `--weights`, or use the network {name}.",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = form.before_training()
    return model, f"random, seed {seed}", state_sha256(model)
