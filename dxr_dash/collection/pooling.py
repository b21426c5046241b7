"""How the output of a layer becomes one vector per image.

A vector stays as it is. Of a transformer's tokens the first, the class token, is taken, and maps of features are
averaged over space, unless another way is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

POOLINGS = {
    "avg": "the mean over space or tokens",
    "max": "the maximum over space or tokens",
    "gem": "the generalised mean over space, p = 3",
    "flatten": "all values one after the other",
    "cls": "the class token",
}
"""What ``--layer NAME:POOLING`` may ask for.

Source of gem: Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 41 (2019).
"""

GEM_POWER = 3.0
GEM_LEAST = 1e-6  # smaller values count as this much: powers of negative numbers have no root

_MAP, _TOKENS = "over space", "over tokens"
_CHANNELS_LAST = ", channels last"
_MEANS = {"avg": "mean", "max": "maximum", "gem": "generalised mean (p = 3)"}
_DEFAULTS = {2: None, 3: "cls", 4: "avg"}  # by the number of axes
_FITTING = {2: (), 3: ("cls", "avg", "max", "flatten"), 4: ("avg", "max", "gem", "flatten")}


def fitting_poolings(shape: Sequence[int]) -> tuple[str, ...]:
    """Name the ways to pool an output of this shape, the batch included; the first is the usual one."""
    return _FITTING.get(len(shape), ())


def is_usual(shape: Sequence[int], asked: str) -> bool:
    """Say whether a way to pool is the one that an output of this shape is pooled in anyway."""
    return _DEFAULTS.get(len(shape)) == asked


def pooling_of(shape: Sequence[int], asked: str | None = None) -> str:
    """Say in words how an output of this shape becomes one vector per image; the words are kept in recipes.

    Where space is tells the shape: crops are square, so the two axes of equal length are it (Swin and its like
    keep channels last).

    Args:
        shape: of the output: (B, D), (B, T, D), (B, D, H, W) or (B, H, W, D).
        asked: one of ``POOLINGS``; None for the usual one.

    Raises:
        ValueError: the output is none of these, or cannot be pooled so.
    """
    if len(shape) not in _FITTING:
        raise ValueError(f"an output of shape {tuple(shape)} is no vector, token list or map")
    if asked is not None and asked not in _FITTING[len(shape)]:
        kind = {2: "one vector: there is nothing to pool", 3: "a list of tokens", 4: "a map of features"}
        raise ValueError(f"{asked} pooling does not fit: its output is {kind[len(shape)]}")
    asked = asked or _DEFAULTS[len(shape)]
    if asked is None:
        return "none"
    if asked in {"cls", "flatten"}:
        return {"cls": "class token", "flatten": "flatten"}[asked]
    if len(shape) == 3:
        return f"{_MEANS[asked]} {_TOKENS}"
    channels_last = shape[1] == shape[2] != shape[3]
    return f"{_MEANS[asked]} {_MAP}{_CHANNELS_LAST if channels_last else ''}"


def pool(output: Tensor, pooling: str) -> Tensor:
    """Turn an output into (B, D) in the way that ``pooling_of`` named."""
    if pooling == "none":
        return output
    if pooling == "class token":
        return output[:, 0]
    if pooling == "flatten":
        return output.flatten(1)
    space = (1,) if _TOKENS in pooling else (1, 2) if pooling.endswith(_CHANNELS_LAST) else (2, 3)
    if pooling.startswith(_MEANS["gem"]):
        # in float32 also where a GPU computes with half of it: cubes leave its range
        return output.float().clamp(min=GEM_LEAST).pow(GEM_POWER).mean(dim=space).pow(1 / GEM_POWER)
    return output.amax(dim=space) if pooling.startswith(_MEANS["max"]) else output.mean(dim=space)


def pooled_dims(shape: Sequence[int], asked: str | None = None) -> int:
    """Say how long the vector is that pooling an output of this shape gives."""
    pooling = pooling_of(shape, asked)
    if pooling == "flatten":
        dims = 1
        for axis in shape[1:]:
            dims *= axis
        return dims
    return shape[1] if len(shape) == 4 and not pooling.endswith(_CHANNELS_LAST) else shape[-1]
