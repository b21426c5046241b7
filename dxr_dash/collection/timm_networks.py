"""Networks of timm, by its names: ``timm:resnet50.a1_in1k``, ``timm:vit_small_patch14_dinov2.lvd142m``.

Source: Wightman, "PyTorch Image Models", github.com/huggingface/pytorch-image-models.
"""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxr_dash.collection.hub import hub_file, need
from dxr_dash.collection.layers import PENULTIMATE, Tap
from dxr_dash.collection.preset import Preset
from dxr_dash.collection.weights import put_weights, weights_from_file
from dxr_dash.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor, nn

PREFIX = "timm:"
FILES = ("model.safetensors", "pytorch_model.bin")  # of a repository, as timm itself looks for them
FILTERS = ("checkpoint_filter_fn", "pretrained_filter_fn", "_filter_fn")  # what timm's modules call theirs
CLOSE = 5


def check_name(network: str) -> None:
    """Check that timm is there and knows the network.

    Raises:
        NetworkError: it is not, or does not.
    """
    need(network)
    import timm

    name = network.removeprefix(PREFIX)
    architecture, _, tag = name.partition(".")
    tagged = timm.list_models(f"{architecture}.*", pretrained=True)
    if timm.is_model(architecture) and (not tag or name in tagged):
        return
    known = tagged or timm.list_models(pretrained=True)
    near = difflib.get_close_matches(name, known, n=CLOSE) or known[:CLOSE]
    raise NetworkError(
        f"timm has no network {name}.",
        f"Did you mean {' or '.join(PREFIX + one for one in near)}? "
        "`python -c 'import timm; print(timm.list_models(pretrained=True))'` lists all.",
    )


@lru_cache(maxsize=4)
def layers(network: str) -> Mapping[str, Tap]:
    """List the stages that timm itself names, and what the classifier sees."""
    model = without_values(network)
    stages = getattr(model, "feature_info", None) or []
    facts = stages.get_dicts() if hasattr(stages, "get_dicts") else stages
    paths = dict(model.named_modules())
    found = {one["module"]: Tap(one["module"]) for one in facts if one["module"] in paths}
    return found | {PENULTIMATE: Tap("")}  # the whole network: it is built without a classifier


def has_class_token(network: str) -> bool:
    """Say whether the first of a network's tokens, where it has any, stands for the whole image."""
    return bool(getattr(without_values(network), "num_prefix_tokens", 1))


def without_values(network: str) -> nn.Module:
    """Build a network whose parameters have shapes but no values."""
    import torch

    with torch.device("meta"):
        return untrained(network)


def untrained(network: str) -> nn.Module:
    """Build a network with random values, without its classifier: its output is what the classifier would see."""
    import timm

    model: nn.Module = timm.create_model(network.removeprefix(PREFIX), pretrained=False, num_classes=0)
    return model


@lru_cache(maxsize=4)
def preset(network: str) -> Preset:
    """Take from timm's own data configuration how a network wants its images.

    Raises:
        NetworkError: it wants them in a way that dxr does not know.
    """
    import timm

    wanted = timm.data.resolve_model_data_config(without_values(network))
    channels, height, width = wanted["input_size"]
    known = wanted["crop_mode"] in {"center", "squash"} and wanted["interpolation"] in {"bilinear", "bicubic"}
    if not known or channels != 3 or height != width:
        raise NetworkError(
            f"{network} wants images that dxr cannot prepare: {channels} x {height} x {width}, "
            f"{wanted['crop_mode']}, {wanted['interpolation']}.",
            "Choose another network, or give vectors of your own with `--vectors FILE`.",
        )
    return Preset(
        math.floor(height / wanted["crop_pct"]),
        height,
        wanted["interpolation"],
        tuple(wanted["mean"]),
        tuple(wanted["std"]),
        squash=wanted["crop_mode"] == "squash",
    )


def load(network: str, weights: Path | None) -> tuple[nn.Module, str, str]:
    """Build a network with its weights from the hub, or from a file; see ``definitions.Definition.load``."""
    model = untrained(network)
    facts: dict[str, Any] = model.pretrained_cfg  # type: ignore[assignment]
    repository: str = facts.get("hf_hub_id") or ""
    if weights is None and not repository:
        raise NetworkError(
            f"{network} has no weights on the Hugging Face hub.", "Give a file with `--weights FILE`."
        )
    file = weights or hub_file(
        network, repository, [facts["hf_hub_filename"]] if facts.get("hf_hub_filename") else FILES
    )
    state, name, sha256 = weights_from_file(file)
    _put(model, state, network, str(weights or f"{repository}/{file.name}"))
    return model, name if weights else f"{repository}/{file.name}", sha256


def _put(model: nn.Module, state: Mapping[str, Tensor], network: str, source: str) -> None:
    """Give a network its weights, less those of its classifier."""
    import timm
    import torch

    with torch.device("meta"):
        whole = timm.create_model(network.removeprefix(PREFIX), pretrained=False)
    classifier = set(whole.state_dict()) - set(model.state_dict())

    def put(state: Mapping[str, Tensor]) -> None:
        body = {key: value for key, value in state.items() if key not in classifier}
        put_weights(model, body, network=network, source=source, maker="timm")

    try:
        put(state)
    except NetworkError:
        # not in timm's own form, but perhaps in one that it knows how to bring into it
        module = sys.modules[type(model).__module__]
        to_own_form = next((getattr(module, name) for name in FILTERS if hasattr(module, name)), None)
        brought = None
        if to_own_form is not None:
            with suppress(Exception):  # whatever stops it, the file is of another kind
                brought = to_own_form(dict(state), model)
        if not isinstance(brought, Mapping):
            raise
        put(brought)
