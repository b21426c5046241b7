"""Networks by their usual names: which there are, what layers they have, and how to load one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from dxr_dash import settings
from dxr_dash.collection.controls import CONTROLS, PICTURES, Pictures, load_control
from dxr_dash.collection.definitions import RANDOM, Definition, defined_networks, definition
from dxr_dash.collection.layers import Tap
from dxr_dash.collection.pooling import POOLINGS, fitting_poolings, is_usual
from dxr_dash.collection.running import Backbone, Extractor, Head, Network
from dxr_dash.collection.weights import check_finite
from dxr_dash.errors import NetworkError

CLOSE_NAMES = 5  # offered in place of an unknown one


def network_names() -> list[str]:
    """Name every network that can be used: the bundled one, torchvision's classification networks, the controls."""
    return [*defined_networks(), *CONTROLS]


def layer_names(network: str) -> list[str]:
    """Name the layers of a network in the order of computation.

    Raises:
        NetworkError: there is no such network.
    """
    return list(CONTROLS[network][1] if network in CONTROLS else _known(network).layers())


def usual_layer(network: str) -> str:
    """Choose the layer that is meant when none is named: fc7 where there is one, else what the classifier reads.

    Raises:
        NetworkError: there is no such network.
    """
    if network in (settings.NETWORK, settings.BUNDLED_NETWORK):  # without loading torch
        return settings.LAYER
    names = layer_names(network)
    return next((one for one in (settings.LAYER, "penultimate") if one in names), names[0])


@lru_cache(maxsize=4)
def layer_shapes(network: str) -> Mapping[str, tuple[int, ...] | None]:
    """Find the shape of each layer's output for one image, without weights and without computing anything.

    Returns:
        For each layer (1, ...), the 1 being the batch; None where the output is no single array.

    Raises:
        NetworkError: there is no such network.
    """
    if network in CONTROLS:
        return {layer: (1, load_control(network, [layer]).n_dims) for layer in CONTROLS[network][1]}
    import torch

    known = _known(network)
    layers = known.layers()
    model = known.without_values().to("meta").eval()
    found: dict[Tap, tuple[int, ...] | None] = {}
    for tap in set(layers.values()):

        def seen(output: Any, tap: Tap = tap) -> None:
            found.setdefault(tap, tuple(output.shape) if hasattr(output, "shape") else None)

        module = model.get_submodule(tap.module)
        if tap.at == "input":
            module.register_forward_pre_hook(lambda _module, inputs, seen=seen: seen(inputs[0]))
        else:
            module.register_forward_hook(lambda _module, _inputs, output, seen=seen: seen(output))
    side = known.preset().crop_px
    with torch.inference_mode():
        model(torch.empty(1, 3, side, side, device="meta"))
    return {layer: found.get(tap) for layer, tap in layers.items()}


def checked_layer(network: str, layer: str) -> str:
    """Check a layer as it is typed, ``NAME`` or ``NAME:POOLING``; a pooling that is the usual one is dropped.

    Raises:
        NetworkError: there is no such network, layer or pooling, or the pooling does not fit the layer.
    """
    if network in CONTROLS:
        load_control(network, [layer])
        return layer
    name, pooling = split_layer(layer)
    _tap(network, name)
    needs_class_token = pooling in {None, "cls"} and not _known(network).has_class_token()
    if pooling is None and not needs_class_token:
        return name
    shape = layer_shapes(network)[name] or ()
    if needs_class_token and len(shape) == 3:
        raise NetworkError(
            f"{network} has no class token that could stand for all tokens of {name}.",
            f"Say how to pool them, such as `--layer {name}:avg`.",
        )
    if pooling is None:
        return name
    fitting = fitting_poolings(shape)
    if pooling not in fitting:
        raise NetworkError(
            f"The layer {name} of {network} cannot be pooled with {pooling!r}.",
            f"It takes {', '.join(fitting)}." if fitting else "It is one vector: name it without a pooling.",
        )
    return name if is_usual(shape, pooling) else layer


def split_layer(layer: str) -> tuple[str, str | None]:
    """Split ``pool5:max`` into a layer's name and a pooling; None without one."""
    name, colon, pooling = layer.rpartition(":")
    if not colon:
        return layer, None
    if pooling not in POOLINGS:
        raise NetworkError(f"There is no pooling {pooling!r}.", f"Use one of {', '.join(POOLINGS)}.")
    return name, pooling


def split_network(text: str) -> tuple[str, str]:
    """Split ``random:alexnet:pool5:max`` into the longest network that there is, and what follows it.

    Raises:
        NetworkError: it begins with no network.
    """
    parts = text.split(":")
    problem: NetworkError | None = None
    for n in range(len(parts), 0, -1):
        network = ":".join(parts[:n])
        try:
            if network in CONTROLS or definition(network) is not None:
                return network, ":".join(parts[n:])
        except NetworkError as error:  # timm:NAME:LAYER is no network of timm's, and timm:NAME is one
            problem = error
    raise problem or NetworkError(
        f"{text} does not begin with a network.",
        f"Write NETWORK:LAYER,LAYER. {_close(parts[0], network_names())}`dxr networks` lists all.",
    )


def before_training(network: str) -> str | None:
    """Name a network as it is before training; None for controls for depth and where nobody can make it."""
    name = f"random:{network}"
    return None if is_depth_control(network) or definition(name) is None else name


def is_depth_control(network: str) -> bool:
    """Say whether a network is a control for depth: it has learnt nothing, or it is none."""
    return network in CONTROLS or RANDOM.fullmatch(network) is not None


def _known(network: str) -> Definition:
    found = definition(network)
    if found is not None:
        return found
    names = network_names()
    raise NetworkError(
        f"There is no network {network}.",
        f"{_close(network, names)}`dxr networks` lists all.",
    )


def _close(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), names, n=CLOSE_NAMES)
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _tap(network: str, layer: str) -> Tap:
    layers = _known(network).layers()
    if layer in layers:
        return layers[layer]
    names = list(layers)
    known = (
        f"Its layers are {', '.join(names)}." if len(names) <= 40 else f"`dxr layers {network}` lists all."
    )
    raise NetworkError(f"{network} has no layer {layer}.", f"{_close(layer, names)}{known}")


class Loader:
    """Loads networks, each once however many of its layers are asked for."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._backbones: dict[tuple[str, Path | None], Backbone] = {}

    def load(
        self, network: str, layers: Sequence[str], *, weights: Path | None = None, crops: int = 1
    ) -> Extractor:
        """Make some layers of a network ready; the arguments are those of ``load_network``."""
        if network == PICTURES:
            return Pictures()
        if network in CONTROLS:
            return load_control(network, layers, weights=weights, crops=crops)
        heads = _heads(network, layers)
        key = (network, weights)
        if key not in self._backbones:
            known, device = _known(network), _found_device(self._device)
            model, name, sha256 = known.load(weights)
            check_finite(model, str(weights or name))
            self._backbones[key] = Backbone(network, model, known.preset(), (name, sha256), device)
        return Network(self._backbones[key], heads, crops=crops)


def load_network(
    network: str,
    layers: str | Sequence[str],
    *,
    weights: Path | None = None,
    device: str = "auto",
    crops: int = 1,
) -> Extractor:
    """Load a network, ready to run up to some layers.

    Args:
        network: one of ``network_names()``.
        layers: of ``layer_names(network)``, each alone or as ``NAME:POOLING``.
        weights: a file with a state dict; without it the bundled weights, or torchvision's default weights from
            torch's cache or the net.
        device: "auto" takes a GPU if there is one that torch can use; "cpu", "cuda" or "cuda:1" say it.
        crops: how many squares are cut from each image, one of ``preset.CROPS``.

    Raises:
        NetworkError: no such network, layer, pooling or device, or its weights cannot be had or do not fit.
    """
    layers = [layers] if isinstance(layers, str) else layers
    return Loader(device).load(network, layers, weights=weights, crops=crops)


def _heads(network: str, layers: Sequence[str]) -> list[Head]:
    split = [split_layer(layer) for layer in layers]
    return [Head(name, _tap(network, name), pooling) for name, pooling in split]


def _found_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise NetworkError(
            f"There is no GPU that torch can use for the device {device}.", "Use the device cpu."
        )
    return device
