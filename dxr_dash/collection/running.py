"""Prepare images for a network, and run it as far as one layer."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from dxr_dash import settings
from dxr_dash.collection.layers import Tap, pool, pooling_of
from dxr_dash.errors import NetworkError
from dxr_dash.records import FloatArray

if TYPE_CHECKING:
    from torch import Tensor, nn

CODE = 1  # raised when a change here, in layers or in pixels changes vectors

# An image this many times as long as wide is cropped before it is enlarged: resized whole, a strip of
# 1 x 60,000 pixels would take 12 GB.
LONGEST_RESIZED_WHOLE = 32

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preset:
    """How a network wants its images; the numbers of torchvision's preset for its weights.

    Attributes:
        resize_px: length of the shorter side.
        crop_px: side of the square then cut from the middle.
        interpolation: "bilinear" or "bicubic".
        mean, std: per colour, of values in 0..1.
    """

    resize_px: int
    crop_px: int
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, image: Image.Image) -> UInt8Array:
        """Resize and crop an RGB image, bit for bit as torchvision does.

        Returns:
            (3, H, W) uint8, a view of an (H, W, 3) array.
        """
        width, height = image.size
        short, long = min(width, height), max(width, height)
        longer = int(self.resize_px * long / short)
        size = (self.resize_px, longer) if width <= height else (longer, self.resize_px)
        left, top = (round((side - self.crop_px) / 2) for side in size)
        right, bottom = left + self.crop_px, top + self.crop_px
        filter_ = Image.Resampling.BICUBIC if self.interpolation == "bicubic" else Image.Resampling.BILINEAR
        if long > LONGEST_RESIZED_WHOLE * short:
            x, y = width / size[0], height / size[1]
            box = (left * x, top * y, min(right * x, width), min(bottom * y, height))
            cut = image.resize((self.crop_px, self.crop_px), filter_, box=box)
        else:
            resized = image if size == image.size else image.resize(size, filter_)
            cut = resized.crop((left, top, right, bottom))
        return np.asarray(cut).transpose(2, 0, 1)


class Stopped(Exception):  # noqa: N818 - a way out, not an error
    """The forward pass was asked to stop."""


class _Reached(Exception):  # noqa: N818 - a way out, not an error
    """Ends the forward pass at the layer: whatever lies behind is never computed, in any architecture."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


def _never() -> bool:
    return False


class Network:
    """A network, run as far as one layer. Several threads may use it at once.

    Attributes:
        network: its name.
        layer: the layer's usual name.
        n_dims: D, the length of a vector.
        recipe: all that decides which vectors come out, as JSON values. Not the device: the CPU's float32 and
            mixed precision on a GPU agree but for rounding, so that what one made the other can be asked.
        fingerprint: hash of the recipe, hexadecimal.
        preset: how images are prepared.
        device: where it runs, "cpu" or "cuda".
    """

    def __init__(
        self,
        network: str,
        layer: str,
        model: nn.Module,
        tap: Tap,
        preset: Preset,
        weights: tuple[str, str],
        device: str,
    ) -> None:
        """Get ready.

        Args:
            network: its name.
            layer: the layer's usual name.
            model: the network itself, on the CPU.
            tap: where the layer is.
            preset: how images are prepared.
            weights: name and SHA-256 of the weights.
            device: where to run.

        Raises:
            NetworkError: the layer does not give one vector per image.
        """
        import torch

        self.network = network
        self.layer = layer
        self.preset = preset
        self.device = device
        self._thread = threading.local()
        model.eval().requires_grad_(requires_grad=False)
        # channels last takes a third to two fifths less time, on CPUs too
        self._model = model.to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(preset.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(preset.std, device=device).view(3, 1, 1)
        self._hook(tap)
        try:
            output = self._output(np.zeros((1, 3, preset.crop_px, preset.crop_px), np.uint8))
            self._pooling = pooling_of(output)
        except (ValueError, AttributeError) as error:
            problem = f"The layer {layer} of {network} cannot be used: {error}."
            raise NetworkError(problem, "Choose another layer.") from error
        self.n_dims = int(pool(output, self._pooling).shape[1])
        self.recipe: dict[str, Any] = {
            "code": CODE,
            "network": network,
            "layer": layer,
            "module": tap.module,
            "at": tap.at,
            "pooling": self._pooling,
            "weights": weights[0],
            "weights_sha256": weights[1],
            "resize_px": preset.resize_px,
            "crop_px": preset.crop_px,
            "interpolation": preset.interpolation,
            "mean": list(preset.mean),
            "std": list(preset.std),
        }
        text = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"))
        self.fingerprint = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def prepare(self, image: Image.Image) -> UInt8Array:
        """Resize and crop an RGB image as the network wants it: (3, H, W) uint8."""
        return self.preset.prepare(image)

    def forward(self, batch: UInt8Array, *, stopped: Callable[[], bool] = _never) -> FloatArray:
        """Compute the vectors of prepared images; nothing behind the layer is computed.

        The network always sees full batches of ``settings.BATCH_IMAGES``, filled up with black: kernels for
        other sizes add in another order, so the last bits of a vector would depend on how many came along.

        Args:
            batch: (B, 3, H, W) uint8, any B.
            stopped: asked between modules; True ends the pass.

        Returns:
            (B, D) float32.

        Raises:
            Stopped: because ``stopped`` said so.
        """
        size = settings.BATCH_IMAGES
        vectors = np.empty((len(batch), self.n_dims), np.float32)
        self._thread.stopped = stopped
        for start in range(0, len(batch), size):
            part = batch[start : start + size]
            full = np.zeros((size, *part.shape[2:], 3), np.uint8).transpose(0, 3, 1, 2)
            full[: len(part)] = part
            pooled = pool(self._output(full), self._pooling)[: len(part)]
            vectors[start : start + size] = pooled.float().cpu().numpy()
        return vectors

    def maps(self, batch: UInt8Array) -> FloatArray:
        """Compute the layer's output for (B, 3, H, W) uint8 images as it is before pooling, in float32."""
        self._thread.stopped = _never
        output: FloatArray = self._output(batch).float().cpu().numpy()
        return output

    def _output(self, batch: UInt8Array) -> Tensor:
        """Run (B, 3, H, W) uint8 images up to the layer."""
        import torch

        kind = self.device.partition(":")[0]
        with torch.inference_mode(), _mixed_precision() if kind == "cuda" else nullcontext():
            pixels = torch.from_numpy(batch).to(self.device)
            pixels = pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)
            try:
                self._model(pixels.sub_(self._mean).div_(self._std))
            except _Reached as reached:
                return reached.output
        raise ValueError("the forward pass does not go through it")

    def _hook(self, tap: Tap) -> None:
        for module in self._model.modules():
            module.register_forward_pre_hook(self._stop_if_asked)
        tapped = self._model.get_submodule(tap.module)
        if tap.at == "input":
            tapped.register_forward_pre_hook(_stop_before)
        else:
            tapped.register_forward_hook(_stop_after)

    def _stop_if_asked(self, _module: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        if getattr(self._thread, "stopped", _never)():
            raise Stopped


@contextmanager
def _mixed_precision() -> Iterator[None]:
    import torch

    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with exact, torch.autocast("cuda", torch.float16):
        yield


def _stop_before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    raise _Reached(inputs[0])


def _stop_after(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
    raise _Reached(output)
