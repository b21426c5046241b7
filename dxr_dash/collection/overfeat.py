"""OverFeat's fast model, whose weights lie in one raw file, ``net_weight_0``. This file imports torch: import it late.

Source: Sermanet, Eigen, Zhang, Mathieu, Fergus and LeCun, "OverFeat: Integrated Recognition, Localization and
Detection using Convolutional Networks", ICLR 2014, table 1; the layout of the file from the loaders that others have
published for it. What could not be checked without the original file is listed in ``docs/features.md``.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dxr_dash.errors import NetworkError

INPUT_PX = 231
MEAN = 118.380948 / 255  # of all three colours
STD = 61.896913 / 255
LAYERS = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8")

# In the order of the file: for each layer the weights, then the biases
SHAPES: dict[str, tuple[int, int, int, int]] = {
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 96, 5, 5),
    "conv3": (512, 256, 3, 3),
    "conv4": (1024, 512, 3, 3),
    "conv5": (1024, 1024, 3, 3),
    "fc6": (3072, 1024, 6, 6),
    "fc7": (4096, 3072, 1, 1),
    "fc8": (1000, 4096, 1, 1),
}
N_PARAMETERS = sum(prod(shape) + shape[0] for shape in SHAPES.values())
N_BYTES = 4 * N_PARAMETERS
LARGE_N_BYTES = 4 * 144_656_488  # of net_weight_1, the accurate model
LARGEST = (
    1e3  # no weight of a trained network comes near: the file is of another byte order, or something else
)


def _convolution(name: str, stride: int = 1, padding: int = 0) -> nn.Sequential:
    out, into, side, _ = SHAPES[name]
    return nn.Sequential(nn.Conv2d(into, out, side, stride=stride, padding=padding), nn.ReLU())


class Overfeat(nn.Module):
    """The network; every layer is a submodule of its usual name. Fully connected layers are convolutions, as there."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _convolution("conv1", stride=4)  # 56 x 56
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = _convolution("conv2")  # 24 x 24
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = _convolution("conv3", padding=1)  # 12 x 12
        self.conv4 = _convolution("conv4", padding=1)
        self.conv5 = _convolution("conv5", padding=1)
        self.pool5 = nn.MaxPool2d(2)  # 6 x 6
        self.fc6 = nn.Sequential(*_convolution("fc6"), nn.Flatten(1))
        self.fc7 = nn.Sequential(nn.Unflatten(1, (3072, 1, 1)), *_convolution("fc7"), nn.Flatten(1))
        self.fc8 = nn.Sequential(nn.Unflatten(1, (4096, 1, 1)), nn.Conv2d(4096, 1000, 1), nn.Flatten(1))

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 1000) class scores of (B, 3, INPUT_PX, INPUT_PX) images, less MEAN and divided by STD."""
        for name in LAYERS:
            images = self.get_submodule(name)(images)
        return images


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Find the one convolution of each layer that has weights."""
    return {
        name: next(part for part in model.get_submodule(name).modules() if isinstance(part, nn.Conv2d))
        for name in SHAPES
    }


def read_weights(file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Read the raw file: weights and biases of each layer, as views of one array.

    Raises:
        NetworkError: there is no such file, or it cannot be this one.
    """
    remedy = "Give the file net_weight_0 of the OverFeat release with --weights."
    if not file.is_file():
        raise NetworkError(f"There is no weights file {file}.", remedy)
    size = file.stat().st_size
    if size == LARGE_N_BYTES:
        raise NetworkError(f"{file} is of the size of net_weight_1, OverFeat's accurate model.", remedy)
    if size != N_BYTES:
        raise NetworkError(f"{file} has {size:,} bytes, where net_weight_0 has {N_BYTES:,}.", remedy)
    values = np.fromfile(file, "<f4")
    largest = max(float(values.max()), -float(values.min()))  # NaN stays NaN
    if not largest <= LARGEST:
        raise NetworkError(f"{file} holds values such as no trained network has (up to {largest:g}).", remedy)
    found, start = {}, 0
    for name, shape in SHAPES.items():
        end = start + prod(shape)
        weight = torch.from_numpy(values[start:end].reshape(shape))
        start, end = end, end + shape[0]
        found[name] = (weight, torch.from_numpy(values[start:end]))
        start = end
    return found


def load_overfeat(file: Path) -> Overfeat:
    """Return the network with the weights of a file, in evaluation mode, in float32 on the CPU."""
    weights = read_weights(file)
    with torch.device("meta"):
        model = Overfeat()
    for name, convolution in convolutions(model).items():
        weight, bias = weights[name]
        convolution.weight, convolution.bias = nn.Parameter(weight), nn.Parameter(bias)
    return model.eval()
