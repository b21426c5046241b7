"""Run a network as far as the layers that are asked for, all of them in one pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from dxr_dash import settings
from dxr_dash.collection.layers import Tap
from dxr_dash.collection.pooling import pool, pooled_dims, pooling_of
from dxr_dash.collection.preset import Preset, UInt8Array
from dxr_dash.errors import NetworkError
from dxr_dash.records import FloatArray

if TYPE_CHECKING:
    from torch import Tensor, nn

CODE = 1  # raised when a change here, in layers, pooling or preset changes vectors


class Stopped(Exception):  # noqa: N818 - a way out, not an error
    """The forward pass was asked to stop."""


class _Reached(Exception):  # noqa: N818 - a way out, not an error
    """Ends the forward pass at the last layer: whatever lies behind is never computed, in any architecture."""


def never() -> bool:
    """Never stop."""
    return False


class Extractor(Protocol):
    """What turns images into vectors: a network, or something simpler. Several threads may use it at once.

    Attributes:
        device: where it runs.
        n_dims: the length of all its vectors together.
        recipes: for each of its layers all that decides which vectors come out, as JSON values.
        widths: for each of its layers D, the length of a vector.
    """

    device: str
    n_dims: int
    recipes: tuple[dict[str, Any], ...]
    widths: tuple[int, ...]

    def prepare(self, image: Image.Image) -> UInt8Array:
        """Turn an RGB image into numbers of one shape, wherever it came from."""
        ...

    def prepare_patch(self, image: Image.Image) -> UInt8Array:
        """Turn all of an RGB image into the numbers of one square, (3, H, W): nothing is cut off."""
        ...

    def forward(self, batch: UInt8Array, *, stopped: Callable[[], bool] = never) -> FloatArray:
        """Turn (B, ...) prepared images into (B, n_dims) float32: the layers' vectors side by side."""
        ...


@dataclass(frozen=True)
class Head:
    """One layer that is asked for.

    Attributes:
        layer: its usual name.
        tap: where it is.
        pooling: how its output becomes one vector, one of ``POOLINGS``; None for the usual way.
    """

    layer: str
    tap: Tap
    pooling: str | None = None


@dataclass
class _Pass:
    """One forward pass of one thread: what is still wanted of it, and what has been found."""

    wanted: dict[Tap, list[tuple[int, str | None]]]  # places in ``found`` and poolings; None: only the shape
    stopped: Callable[[], bool]
    found: dict[int, Any]


class Backbone:
    """A loaded network that can be tapped at any of its layers. Several threads may use it at once.

    Attributes:
        network: its name.
        preset: how images are prepared.
        weights: name and SHA-256 of its weights.
        device: where it runs, "cpu" or "cuda".
    """

    def __init__(
        self, network: str, model: nn.Module, preset: Preset, weights: tuple[str, str], device: str
    ) -> None:
        import torch

        self.network = network
        self.preset = preset
        self.weights = weights
        self.device = device
        self._thread = threading.local()
        self._shapes: dict[Tap, tuple[int, ...]] = {}
        model.eval().requires_grad_(requires_grad=False)
        # channels last takes a third to two fifths less time, on CPUs too
        self._model = model.to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(preset.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(preset.std, device=device).view(3, 1, 1)
        for module in self._model.modules():
            module.register_forward_pre_hook(self._stop_if_asked)

    def shapes(self, taps: Sequence[Tap]) -> list[tuple[int, ...]]:
        """Find the shapes of some outputs for one image, by running a black one.

        Raises:
            ValueError, AttributeError: a module gives no single output, or the pass does not go through it.
        """
        unknown = [tap for tap in dict.fromkeys(taps) if tap not in self._shapes]
        for tap in unknown:
            self._tap(tap)
        if unknown:
            black = np.zeros((1, 3, self.preset.crop_px, self.preset.crop_px), np.uint8)
            outputs = self.run(black, [(tap, None) for tap in unknown])
            self._shapes |= {tap: tuple(output.shape) for tap, output in zip(unknown, outputs, strict=True)}
        return [self._shapes[tap] for tap in taps]

    def run(
        self,
        batch: UInt8Array,
        wanted: Sequence[tuple[Tap, str | None]],
        *,
        stopped: Callable[[], bool] = never,
    ) -> list[Tensor]:
        """Run (B, 3, H, W) uint8 images up to the last of some layers.

        Args:
            wanted: where, and how to pool there, as ``pooling_of`` says it; None for the output itself.

        Returns:
            What was wanted, in that order, (B, D) where it was pooled.

        Raises:
            Stopped: because ``stopped`` said so.
            ValueError: the pass does not go through one of the layers.
        """
        import torch

        by_tap: dict[Tap, list[tuple[int, str | None]]] = {}
        for place, (tap, pooling) in enumerate(wanted):
            by_tap.setdefault(tap, []).append((place, pooling))
        self._thread.now = now = _Pass(by_tap, stopped, {})
        kind = self.device.partition(":")[0]
        with torch.inference_mode(), _mixed_precision() if kind == "cuda" else nullcontext():
            pixels = torch.from_numpy(batch).to(self.device)
            pixels = pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)
            try:
                self._model(pixels.sub_(self._mean).div_(self._std))
            except _Reached:
                return [now.found[place] for place in range(len(wanted))]
        raise ValueError("the forward pass does not go through it")

    def _tap(self, tap: Tap) -> None:
        """Hook a layer in; its hook does nothing in passes that do not want it."""
        tapped = self._model.get_submodule(tap.module)
        if tap.at == "input":
            tapped.register_forward_pre_hook(lambda _module, inputs: self._reached(tap, inputs[0]))
        else:
            tapped.register_forward_hook(lambda _module, _inputs, output: self._reached(tap, output))

    def _reached(self, tap: Tap, output: Tensor) -> None:
        now: _Pass = self._thread.now
        wanted = now.wanted.pop(tap, None)  # a module may be called again: its first output counts
        if wanted is None:
            return
        for place, pooling in wanted:
            pooled = output if pooling is None else pool(output, pooling)
            # modules behind may change an output in place
            now.found[place] = pooled.clone() if now.wanted else pooled
        if not now.wanted:
            raise _Reached

    def _stop_if_asked(self, _module: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        if self._thread.now.stopped():
            raise Stopped


class Network:
    """Some layers of a network. Several threads may use it at once.

    Attributes:
        recipes: for each layer all that decides which vectors come out, as JSON values. Not the device: the CPU's
            float32 and mixed precision on a GPU agree but for rounding, so that what one made the other can be
            asked.
        widths: for each layer D, the length of a vector.
        n_dims: their sum.
        crops: how many squares are cut from each image; their vectors are averaged.
    """

    def __init__(self, backbone: Backbone, heads: Sequence[Head], *, crops: int = 1) -> None:
        """Get ready.

        Raises:
            NetworkError: a layer does not give one vector per image, or cannot be pooled as asked.
        """
        self.device = backbone.device
        self.preset = backbone.preset
        self.crops = crops
        self._backbone = backbone
        with suppress(
            ValueError, AttributeError
        ):  # one pass for all; where it fails, the layer is found below
            backbone.shapes([head.tap for head in heads])
        parts = [self._part(head) for head in heads]
        self._wanted: list[tuple[Tap, str | None]] = [
            (head.tap, part[0]) for head, part in zip(heads, parts, strict=True)
        ]
        self.widths = tuple(part[1] for part in parts)
        self.n_dims = sum(self.widths)
        self.recipes = tuple(self._recipe(head, part[0]) for head, part in zip(heads, parts, strict=True))

    def _part(self, head: Head) -> tuple[str, int]:
        try:
            shape = self._backbone.shapes([head.tap])[0]
            return pooling_of(shape, head.pooling), pooled_dims(shape, head.pooling)
        except (ValueError, AttributeError) as error:
            problem = f"The layer {head.layer} of {self._backbone.network} cannot be used: {error}."
            raise NetworkError(problem, "Choose another layer or pooling.") from error

    def _recipe(self, head: Head, pooling: str) -> dict[str, Any]:
        preset, weights = self.preset, self._backbone.weights
        more: dict[str, Any] = {"crops": self.crops} if self.crops > 1 else {}
        if preset.squash:
            more["squash"] = True
        return more | {
            "code": CODE,
            "network": self._backbone.network,
            "layer": head.layer,
            "module": head.tap.module,
            "at": head.tap.at,
            "pooling": pooling,
            "weights": weights[0],
            "weights_sha256": weights[1],
            "resize_px": preset.resize_px,
            "crop_px": preset.crop_px,
            "interpolation": preset.interpolation,
            "mean": list(preset.mean),
            "std": list(preset.std),
        }

    def prepare(self, image: Image.Image) -> UInt8Array:
        """Resize and crop an RGB image as the network wants it: (3, H, W) uint8, or (P, 3, H, W) of several crops."""
        return self.preset.prepare(image, self.crops)

    def prepare_patch(self, image: Image.Image) -> UInt8Array:
        """Squash an RGB image to the square that the network sees: (3, H, W) uint8."""
        return self.preset.squashed(image)

    def maps(self, batch: UInt8Array) -> FloatArray:
        """Compute the first layer's output for (B, 3, H, W) uint8 images as it is before pooling, in float32."""
        (output,) = self._backbone.run(batch, [(self._wanted[0][0], None)])
        maps: FloatArray = output.float().cpu().numpy()
        return maps

    def forward(self, batch: UInt8Array, *, stopped: Callable[[], bool] = never) -> FloatArray:
        """Compute the vectors of prepared images; nothing behind the last layer is computed.

        The network always sees full batches of ``settings.BATCH_IMAGES``, filled up with black: kernels for
        other sizes add in another order, so the last bits of a vector would depend on how many came along.

        Args:
            batch: (B, 3, H, W) or (B, P, 3, H, W) uint8, any B.
            stopped: asked between modules; True ends the pass.

        Returns:
            (B, n_dims) float32: the layers' vectors side by side.

        Raises:
            Stopped: because ``stopped`` said so.
        """
        size = settings.BATCH_IMAGES
        pixels = np.moveaxis(batch, -3, -1).reshape(-1, *batch.shape[-2:], 3)
        vectors = np.empty((len(pixels), self.n_dims), np.float32)
        for start in range(0, len(pixels), size):
            part = pixels[start : start + size]
            full = np.zeros((size, *part.shape[1:]), np.uint8)
            full[: len(part)] = part
            found = self._backbone.run(full.transpose(0, 3, 1, 2), self._wanted, stopped=stopped)
            first = 0
            for width, pooled in zip(self.widths, found, strict=True):
                vectors[start : start + size, first : first + width] = (
                    pooled[: len(part)].float().cpu().numpy()
                )
                first += width
        if batch.ndim == 4:
            return vectors
        crops = vectors.reshape(*batch.shape[:2], self.n_dims)
        averaged: FloatArray = crops.mean(axis=1, dtype=np.float64).astype(np.float32)
        return averaged


@contextmanager
def _mixed_precision() -> Iterator[None]:
    import torch

    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with exact, torch.autocast("cuda", torch.float16):
        yield
