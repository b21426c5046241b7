"""Which module of a network a layer's usual name means.

Usual names mean what the 2015 tool and the papers of its time meant: the values *after* the layer's ReLU (and
batch normalisation, where there is one). The last layer (fc8, fc) gives the raw class scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

PENULTIMATE = "penultimate"  # what the classifier sees: in every network the input of its last layer


@dataclass(frozen=True)
class Tap:
    """Where a network is tapped.

    Attributes:
        module: path of the submodule.
        at: "output" of the module, or its "input".
    """

    module: str
    at: str = "output"


def usual_layers(network: str, model: nn.Module) -> dict[str, Tap]:
    """List the layers of a torchvision network by their usual names, in the order of computation.

    Args:
        network: its torchvision name.
        model: the network itself; its parameters may be without values.

    Returns:
        For AlexNet, VGG and ResNet kinds the names used in papers; for every other network the paths of the
        modules that its forward pass goes through in turn; at the end of both, ``penultimate``.
    """
    if network == "alexnet" or network.startswith("vgg"):
        layers = _sequential_layers(network, model)
    elif network.startswith(("resnet", "resnext", "wide_resnet")):
        layers = _resnet_layers(model)
    else:
        layers = {path: Tap(path) for path in _stages(model)}
    layers[PENULTIMATE] = Tap(_last_layer(model), "input")
    return layers


def _sequential_layers(network: str, model: nn.Module) -> dict[str, Tap]:
    # AlexNet counts its five convolutions through; VGG counts them within each block, a block ends with a pool
    layers: dict[str, Tap] = {}
    block, conv = 1, 0
    for path, module in model.get_submodule("features").named_children():
        kind = type(module).__name__
        conv += kind == "Conv2d"
        if kind == "ReLU":
            layers[f"conv{conv}" if network == "alexnet" else f"conv{block}_{conv}"] = Tap(f"features.{path}")
        elif kind == "MaxPool2d":
            layers[f"pool{conv if network == 'alexnet' else block}"] = Tap(f"features.{path}")
            if network != "alexnet":
                block, conv = block + 1, 0
    relus = [
        f"classifier.{path}"
        for path, module in model.get_submodule("classifier").named_children()
        if type(module).__name__ == "ReLU"
    ]
    return layers | {"fc6": Tap(relus[0]), "fc7": Tap(relus[1]), "fc8": Tap(_last_layer(model))}


def _resnet_layers(model: nn.Module) -> dict[str, Tap]:
    layers = {"conv1": Tap("relu")}  # called once at the top, after the first convolution's normalisation
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        blocks = model.get_submodule(stage).named_children()
        layers |= {f"{stage}.{path}": Tap(f"{stage}.{path}") for path, _ in blocks}
        layers[stage] = Tap(stage)
    return layers | {"avgpool": Tap("avgpool"), "fc": Tap("fc")}


def _stages(model: nn.Module) -> Iterator[str]:
    """Go through the modules that run one after the other: the top level, and inside plain sequences."""
    from torch import nn

    def within(prefix: str, module: nn.Module) -> Iterator[str]:
        for name, child in module.named_children():
            path = prefix + name
            if type(child) in {nn.Sequential, nn.ModuleList} or name == "encoder":
                yield from within(path + ".", child)
            if type(child) is not nn.ModuleList and not isinstance(child, nn.Dropout):
                yield path

    yield from within("", model)


def _last_layer(model: nn.Module) -> str:
    from torch import nn

    paths: list[str] = [
        path for path, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    return paths[-1]
