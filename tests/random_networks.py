"""Networks with random weights, made the way torchvision makes its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import models

from dxr_dash.collection.running import Extractor

SMALL = "squeezenet1_1"  # 5 MB
MakeWeights = Callable[[str], Path]


def weights_maker(folder: Path) -> MakeWeights:
    """Return a function that gives the file of a network's random weights, made once."""

    def make(network: str) -> Path:
        file = folder / f"{network}.pth"
        if not file.exists():
            torch.save(plain_model(network).state_dict(), file)
        return file

    return make


@lru_cache(maxsize=1)
def plain_model(network: str) -> torch.nn.Module:
    """Build a network as torchvision does for its own weights, with random ones."""
    torch.manual_seed(0)
    options = {"googlenet": {"transform_input": True, "init_weights": False}}.get(network, {})
    model: torch.nn.Module = models.get_model(network, weights=None, **options)
    for name, buffer in model.named_buffers():  # as if trained: batch normalisation does something
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    return model.eval()


def batch_of(network: Extractor, n_images: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    size = network.prepare(Image.new("RGB", (9, 9))).shape[-1]
    return np.random.default_rng(seed).integers(0, 256, (n_images, 3, size, size), np.uint8)
