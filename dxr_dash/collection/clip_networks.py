"""Networks of open_clip that put images and texts into one space: ``clip:ViT-B-32/laion2b_s34b_b79k``.

Sources: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; Ilharco et
al., "OpenCLIP", github.com/mlfoundations/open_clip.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxr_dash.collection.hub import hub_file, need
from dxr_dash.collection.layers import Tap
from dxr_dash.collection.preset import Preset
from dxr_dash.collection.weights import file_sha256, first_line
from dxr_dash.errors import NetworkError
from dxr_dash.records import FloatArray

if TYPE_CHECKING:
    from torch import nn

PREFIX = "clip:"
IMAGE = "image"  # the layer: an image's place in the space that texts share
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
CLOSE = 5


def _parts(network: str) -> tuple[str, str]:
    architecture, _, pretrained = network.removeprefix(PREFIX).partition("/")
    return architecture, pretrained


def check_name(network: str) -> None:
    """Check that open_clip is there and knows the network; without /PRETRAINED it takes a weights file.

    Raises:
        NetworkError: it is not, or does not.
    """
    need(network)
    import open_clip

    architecture, pretrained = _parts(network)
    if architecture not in open_clip.list_models():
        known = [f"{PREFIX}{one}" for one in open_clip.list_models()]
        near = difflib.get_close_matches(network, known, n=CLOSE) or known[:CLOSE]
        raise NetworkError(f"open_clip has no network {architecture}.", f"Did you mean {' or '.join(near)}?")
    if pretrained and not open_clip.get_pretrained_cfg(architecture, pretrained):
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        raise NetworkError(
            f"open_clip has no weights {pretrained} for {architecture}.",
            f"It has {', '.join(tags)}."
            if tags
            else f"Name it {PREFIX}{architecture} and give `--weights FILE`.",
        )


def layers(_network: str) -> Mapping[str, Tap]:
    """Name the one layer: what the image tower gives."""
    return {IMAGE: Tap("")}


def both_towers(network: str) -> Any:
    """Build a network for images and texts with random values."""
    import open_clip
    import torch

    architecture, pretrained = _parts(network)
    facts = open_clip.get_pretrained_cfg(architecture, pretrained) if pretrained else {}
    wanted = {key: facts[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in facts}
    logging.disable(
        logging.WARNING
    )  # it would warn of the random values that the weights are about to replace
    try:
        return open_clip.create_model(
            architecture,
            load_weights=False,
            pretrained_text=False,
            device=torch.get_default_device(),
            force_quick_gelu=bool(facts.get("quick_gelu")),  # as these weights were trained
            force_preprocess_cfg=wanted,
        )
    finally:
        logging.disable(logging.NOTSET)


def untrained(network: str) -> nn.Module:
    """Build the image tower with random values."""
    tower: nn.Module = both_towers(network).visual
    return tower


def without_values(network: str) -> nn.Module:
    """Build the image tower; its parameters have shapes but no values."""
    import torch

    with torch.device("meta"):
        return untrained(network)


@lru_cache(maxsize=4)
def preset(network: str) -> Preset:
    """Take from open_clip how the network wants its images.

    Raises:
        NetworkError: it wants them in a way that dxr does not know.
    """
    import open_clip
    import torch

    with torch.device("meta"):
        wanted = open_clip.get_model_preprocess_cfg(both_towers(network))
    size = wanted["size"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1 or wanted["resize_mode"] not in {"shortest", "squash"}:
        raise NetworkError(
            f"{network} wants images that dxr cannot prepare: {size}, {wanted['resize_mode']}.",
            "Choose another network, or give vectors of your own with `--vectors FILE`.",
        )
    side = sides.pop()
    mean, std = tuple(wanted["mean"]), tuple(wanted["std"])
    return Preset(side, side, wanted["interpolation"], mean, std, squash=wanted["resize_mode"] == "squash")


def load(network: str, weights: Path | None) -> tuple[nn.Module, str, str]:
    """Build the image tower with its weights; see ``definitions.Definition.load``."""
    model, name, sha256 = load_both(network, weights)
    return model.visual, name, sha256


def load_both(network: str, weights: Path | None) -> tuple[Any, str, str]:
    """Build a network for images and texts with its weights from the hub, or from a file.

    Returns:
        The network, the weights' name, and their SHA-256.

    Raises:
        NetworkError: they cannot be had, or do not fit.
    """
    import open_clip

    file, name = (weights, weights.name) if weights else _published(network)
    if not file.is_file() or file.suffix in {".npz", ".npy"}:
        raise NetworkError(
            f"{file} is no weights file of open_clip.", "Give a .safetensors, .pt or .bin file."
        )
    model = both_towers(network)
    try:
        open_clip.load_checkpoint(model, str(file), strict=True, weights_only=True)
    except Exception as error:  # of reading, of converting, of fitting
        raise NetworkError(
            f"{file} does not fit {network}: {first_line(error)}.",
            "Give weights of both towers, saved from open_clip's network of this name.",
        ) from error
    return model.eval(), name, file_sha256(file)


def _published(network: str) -> tuple[Path, str]:
    import open_clip

    architecture, pretrained = _parts(network)
    if not pretrained:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture))
        raise NetworkError(
            f"{network} does not say which weights.",
            f"Name them, {network}/PRETRAINED ({tags or 'none are published'}), or give `--weights FILE`.",
        )
    held = open_clip.get_pretrained_cfg(architecture, pretrained).get("hf_hub", "")
    repository, _, named = held.rpartition("/")
    file = hub_file(network, repository, [named] if named else FILES)
    return file, f"{repository}/{file.name}"


def text_vector(network: str, weights: Path | None, text: str, sha256: str) -> FloatArray:
    """Put a text into the space of a network's images.

    Args:
        sha256: of the weights that the images were run with.

    Returns:
        (1, D) float32, of length 1.

    Raises:
        NetworkError: the weights cannot be had, or are others.
    """
    import torch

    model, tokenizer, found = _texts(network, weights)
    if found != sha256:
        raise NetworkError(
            f"The weights of {network} are not those that the images were run with.",
            "Build the collection again with `dxr build`, or bring the old weights back.",
        )
    with torch.inference_mode():
        vector: FloatArray = model.encode_text(tokenizer([text]), normalize=True).float().numpy()
    return vector


@lru_cache(maxsize=1)
def _texts(network: str, weights: Path | None) -> tuple[Any, Any, str]:
    import open_clip

    model, _, sha256 = load_both(network, weights)
    try:
        return model, open_clip.get_tokenizer(_parts(network)[0]), sha256
    except Exception as error:  # a tokenizer may have to be downloaded, or need a further package
        raise NetworkError(
            f"The tokenizer of {network} cannot be had: {first_line(error)}.",
            "Choose a network with its own.",
        ) from error
