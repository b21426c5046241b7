"""``thingsnet``: a small network of the AlexNet family that knows the kinds of the drawn world.

Five convolutions with ReLU and pooling, then three fully connected layers, named as in AlexNet. It
was trained on the kinds alone; see ``docs/thingsnet.md``. This file imports torch: import it late.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dxr_dash.errors import NetworkError

RESIZE_PX = 104
CROP_PX = 96
MEAN = (0.54, 0.49, 0.44)
STD = (0.25, 0.24, 0.23)
WEIGHTS_PATH = Path(__file__).with_name("thingsnet.safetensors")


# In the order of fc8. Written out, not taken from the demo: weights outlive a change of the drawn kinds.
KINDS_TRAINED: tuple[str, ...] = (
    "alarm clock", "backpack", "bell pepper", "boat", "bowling ball", "camera", "car",
    "cheese", "chest of drawers", "church", "coat hook", "cup", "door", "game controller",
    "house", "mailbox", "oven", "padlock", "power socket", "radio", "robot vacuum",
    "suitcase", "tap", "telephone", "toaster", "train", "tree stump", "washing machine",
)  # fmt: skip


def _convolution(channels_in: int, channels: int, kernel_px: int, stride: int = 1) -> nn.Sequential:
    # Not in place: a hook that reads one layer must not see the next one's values.
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel_px, stride=stride, padding=kernel_px // 2), nn.ReLU()
    )


def _connected(size_in: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(0.4), nn.Linear(size_in, size), nn.ReLU())


class Thingsnet(nn.Module):
    """The network; every layer is a submodule of its usual name.

    Attributes:
        conv1: (B, 32, 48, 48). pool1: (B, 32, 24, 24).
        conv2: (B, 64, 24, 24). pool2: (B, 64, 12, 12).
        conv3: (B, 96, 12, 12). conv4: (B, 96, 12, 12). conv5: (B, 96, 12, 12).
        pool5: (B, 96, 5, 5), seen by fc6 as 2400 values.
        fc6: (B, 384). fc7: (B, 256). fc8: (B, n_kinds) logits.
    """

    def __init__(self, n_kinds: int) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 32, 7, stride=2)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = _convolution(32, 64, 5)
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = _convolution(64, 96, 3)
        self.conv4 = _convolution(96, 96, 3)
        self.conv5 = _convolution(96, 96, 3)
        self.pool5 = nn.MaxPool2d(3, 2)
        self.fc6 = _connected(96 * 5 * 5, 384)
        self.fc7 = _connected(384, 256)
        self.fc8 = nn.Linear(256, n_kinds)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, n_kinds) logits.

        Args:
            images: (B, 3, CROP_PX, CROP_PX) RGB, scaled to 0..1, then less MEAN and divided by STD.
        """
        maps = self.pool2(self.conv2(self.pool1(self.conv1(images))))
        maps = self.pool5(self.conv5(self.conv4(self.conv3(maps))))
        logits: Tensor = self.fc8(self.fc7(self.fc6(torch.flatten(maps, 1))))
        return logits


def load_thingsnet(path: Path = WEIGHTS_PATH) -> Thingsnet:
    """Return the network with its trained weights, in evaluation mode, in float32 on the CPU.

    Raises:
        NetworkError: the weights file is missing, damaged, or of another network.
    """
    remedy = "Install dxr_dash again, or train it with `python scripts/train_thingsnet.py`."
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no dict
    except (OSError, SafetensorError) as error:
        raise NetworkError(f"The weights of thingsnet in {path} cannot be read: {error}.", remedy) from error
    network = Thingsnet(len(KINDS_TRAINED))
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise NetworkError(f"The weights in {path} belong to another network.", remedy) from error
    return network.eval()
