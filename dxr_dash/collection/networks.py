"""Networks by their usual names: load one, prepare images for it, and run it as far as one layer."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxr_dash import settings
from dxr_dash.collection.layers import PENULTIMATE, Tap, usual_layers
from dxr_dash.collection.running import Network, Preset
from dxr_dash.collection.weights import published_weights, put_weights, state_sha256, weights_from_file
from dxr_dash.errors import NetworkError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Network", "layer_names", "load_network", "network_names"]

THINGSNET = settings.BUNDLED_NETWORK
CLOSE_NAMES = 5  # offered in place of an unknown one


def network_names() -> list[str]:
    """Name every network that can be used: the bundled one and torchvision's classification networks."""
    from torchvision import models

    return [THINGSNET, *models.list_models(module=models)]


def layer_names(network: str) -> list[str]:
    """Name the layers of a network in the order of computation.

    Raises:
        NetworkError: there is no such network.
    """
    return list(_layers(_known(network)))


@lru_cache(maxsize=128)
def _layers(network: str) -> Mapping[str, Tap]:
    if network == THINGSNET:
        from dxr_dash.collection import thingsnet

        layers = {name: Tap(module) for name, module in thingsnet.LAYERS.items()}
        return layers | {PENULTIMATE: Tap("fc8", "input")}
    return usual_layers(network, _empty(network))


def _known(network: str) -> str:
    names = network_names()
    if network in names:
        return network
    raise NetworkError(
        f"There is no network {network}.",
        f"{_close(network, names)}`dxr networks` lists all.",
    )


def _close(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), names, n=CLOSE_NAMES)
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _tap(network: str, layer: str) -> Tap:
    layers = _layers(network)
    if layer in layers:
        return layers[layer]
    names = list(layers)
    known = (
        f"Its layers are {', '.join(names)}." if len(names) <= 40 else f"`dxr layers {network}` lists all."
    )
    raise NetworkError(f"{network} has no layer {layer}.", f"{_close(layer, names)}{known}")


def _empty(network: str) -> nn.Module:
    """Build a torchvision network whose parameters have shapes but no values yet: quick, and no memory."""
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

    settings_of_weights: dict[str, Any] = {}
    if network in {"googlenet", "inception_v3"}:
        settings_of_weights = {"transform_input": True, "aux_logits": False, "init_weights": False}
    elif network.startswith("vit_"):
        settings_of_weights = {"image_size": models.get_model_weights(network).DEFAULT.meta["min_size"][0]}
    with ParametersWithoutValues():
        model: nn.Module = models.get_model(network, weights=None, **settings_of_weights)
    return model


def load_network(network: str, layer: str, *, weights: Path | None = None, device: str = "auto") -> Network:
    """Load a network, ready to run up to a layer.

    Args:
        network: one of ``network_names()``.
        layer: one of ``layer_names(network)``.
        weights: a file with a state dict; without it the bundled weights, or torchvision's default weights from
            torch's cache or the net.
        device: "auto" takes a GPU if there is one that torch can use; "cpu", "cuda" or "cuda:1" say it.

    Raises:
        NetworkError: no such network, layer or device, or its weights cannot be had or do not fit.
    """
    tap = _tap(_known(network), layer)
    device = _device(device)
    if network == THINGSNET:
        model, preset, name, sha256 = _thingsnet(weights)
    else:
        model, preset, name, sha256 = _torchvision(network, weights)
    return Network(network, layer, model, tap, preset, (name, sha256), device)


def _torchvision(network: str, weights: Path | None) -> tuple[nn.Module, Preset, str, str]:
    from torchvision import models

    default = models.get_model_weights(network).DEFAULT
    state, name, sha256 = weights_from_file(weights) if weights else published_weights(network, default)
    model = _empty(network)
    put_weights(model, state, network=network, source=str(weights or name))
    given = default.transforms()
    preset = Preset(
        given.resize_size[0],
        given.crop_size[0],
        given.interpolation.value,
        tuple(given.mean),
        tuple(given.std),
    )
    return model, preset, name, sha256


def _thingsnet(weights: Path | None) -> tuple[nn.Module, Preset, str, str]:
    from dxr_dash.collection import thingsnet

    model = thingsnet.load_thingsnet()
    name = THINGSNET
    if weights:
        state, name, _ = weights_from_file(weights)
        put_weights(model, state, network=THINGSNET, source=str(weights))
    preset = Preset(
        thingsnet.RESIZE_PX, thingsnet.CROP_PX, "bilinear", tuple(thingsnet.MEAN), tuple(thingsnet.STD)
    )
    return model, preset, name, state_sha256(model)


def _device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise NetworkError(
            f"There is no GPU that torch can use for the device {device}.", "Use the device cpu."
        )
    return device
