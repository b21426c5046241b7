"""Get a network's weights: from torchvision's cache or site, or from a file, checked before use."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import sys
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from dxr_dash import settings
from dxr_dash.collection.given_files import check_regular
from dxr_dash.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor, nn

_SHOWN = 3  # names of parameters in a message

# Keys of torchvision's DenseNet files, which were written before dots in module names were forbidden
_OLD_DENSENET_KEY = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
)


def published_weights(network: str, weights: Any) -> tuple[dict[str, Tensor], str, str]:
    """Load torchvision's published weights of a network, from torch's cache or over the net.

    Args:
        network: its torchvision name.
        weights: a torchvision ``WeightsEnum`` member.

    Returns:
        The state dict, the name of its file, and the file's SHA-256.

    Raises:
        NetworkError: the file is not in the cache and cannot be downloaded, or it is damaged.
    """
    import torch

    name = Path(urlparse(weights.url).path).name
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not file.exists():
        _download(network, weights, file)
    sha256 = file_sha256(file)
    promised = re.search(r"-([0-9a-f]{8,})\.", name)
    if promised and not sha256.startswith(promised[1]):
        raise NetworkError(
            f"{file} is damaged: its SHA-256 begins with {sha256[:8]}, not with {promised[1]}.",
            "Delete it to have it downloaded again, or give another file with `--weights FILE`.",
        )
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True, map_location="cpu")
    except Exception as error:
        raise NetworkError(
            f"{file} cannot be read: {first_line(error)}.", "Delete it and try again."
        ) from error
    return dict(state), name, sha256


def _download(network: str, weights: Any, file: Path) -> None:
    reason = unreachable(weights.url)
    if reason is None:
        try:
            # torch prints the address to stdout, which belongs to the command's result
            with contextlib.redirect_stdout(sys.stderr), _stalling_ends():
                weights.get_state_dict(
                    progress=sys.stderr.isatty(), check_hash=True, weights_only=True, map_location="cpu"
                )
        except Exception as error:  # of the net, of the hash, or of unpickling
            reason = first_line(error)
        else:
            return
    raise NetworkError(
        f"The weights of {network} are not here and cannot be downloaded ({reason}): "
        f"there is no file {file.name} in {file.parent}.",
        f"Put {file.name} from {weights.url} into that folder, give a file with `--weights FILE`, or use the "
        f"bundled network with `--network {settings.BUNDLED_NETWORK}`.",
    )


@contextlib.contextmanager
def _stalling_ends() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(settings.DOWNLOAD_STALL_S)  # the only way to tell torch's download
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def unreachable(url: str) -> str | None:
    """Say why an address does not answer, soon; None if it does.

    torch sets no time limit, and looking up a name obeys none: so the question is asked in a thread that is left
    behind if it hangs.
    """
    answer: list[str | None] = []

    def ask() -> None:
        try:
            headers = {"User-Agent": "torch.hub"}
            request = urllib.request.Request(url, method="HEAD", headers=headers)  # noqa: S310 - torchvision's
            with urllib.request.urlopen(request, timeout=settings.DOWNLOAD_ANSWER_S):  # noqa: S310
                answer.append(None)
        except (OSError, ValueError) as error:
            answer.append(first_line(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(settings.DOWNLOAD_ANSWER_S)
    return answer[0] if answer else f"no answer within {settings.DOWNLOAD_ANSWER_S:g} s"


def weights_from_file(file: Path) -> tuple[dict[str, Tensor], str, str]:
    """Load a state dict from a .safetensors file, or from a .pth or .pt file without running code from it.

    Checkpoints that hold the state dict under "state_dict" or "model", or whose keys begin with "module.", are
    understood.

    Returns:
        The state dict, the name of its file, and the file's SHA-256.

    Raises:
        NetworkError: there is no such file, or it holds no state dict.
    """
    check_regular(file, "--weights", NetworkError)
    try:
        held = _load(file)
        sha256 = file_sha256(file)
    except Exception as error:  # torch and safetensors raise many kinds
        raise NetworkError(
            f"{file} cannot be read as weights: {first_line(error)}.",
            "Give a state dict saved with torch.save(model.state_dict(), FILE) or as .safetensors.",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if (
        not isinstance(held, Mapping)
        or not held
        or not all(hasattr(value, "shape") for value in held.values())
    ):
        raise NetworkError(
            f"{file} holds no state dict, but {_kind(held)}.",
            "Give a file saved with torch.save(model.state_dict(), FILE) or as .safetensors.",
        )
    state = {str(key): value for key, value in held.items()}
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state, file.name, sha256


def _load(file: Path) -> Any:
    if file.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of, it also raises
        return torch.load(file, map_location="cpu", weights_only=True)


def _kind(held: object) -> str:
    if isinstance(held, Mapping):
        return "a table of other things" if held else "nothing"
    return f"a {type(held).__name__}"


def put_weights(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    network: str,
    source: str,
    maker: str = "torchvision",
) -> None:
    """Give a network its weights, all of them and no others.

    Args:
        model: the network; its parameters may be without values ("meta").
        state: parameter name -> values; auxiliary training classifiers (GoogLeNet, Inception) are left out.
        network: its name, for messages.
        source: name of the file, for messages.
        maker: whose form the weights should have, for messages.

    Raises:
        NetworkError: a parameter is missing, not one of the network's, of another shape, or no dense tensor of
            real numbers.
    """
    state = {_new_key(key): value for key, value in state.items() if not key.startswith(("aux", "AuxLogits"))}
    wanted = model.state_dict()
    # files from before PyTorch 1.0 lack the batch counters, which are of no use here
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    foreign = [key for key in state if key not in wanted]
    misshapen = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    remedy = f"Give weights saved from {maker}'s {network}, or name the network that {source} belongs to."
    if missing or foreign:
        said = [f"has no {_some(missing)}"] * bool(missing) + [f"has also {_some(foreign)}"] * bool(foreign)
        raise NetworkError(f"{source} does not fit {network}: it {' and '.join(said)}.", remedy)
    if misshapen:
        key = misshapen[0]
        problem = f"{key} is {_shape(state[key])} there and {_shape(wanted[key])} in the network"
        raise NetworkError(f"{source} does not fit {network}: {problem}.", remedy)
    _check_dense({key: state[key] for key in wanted if key in state}, wanted, source)
    model.load_state_dict(state, strict=False, assign=True)
    model.float()


def _check_dense(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    import torch

    for key, values in state.items():
        dense = values.layout == torch.strided and not values.is_meta and not values.is_quantized
        if not dense or values.is_complex() or (wanted[key].is_floating_point() > values.is_floating_point()):
            form = "meta" if values.is_meta else str(values.layout).removeprefix("torch.")
            raise NetworkError(
                f"{key} in {source} is a {form} tensor of {str(values.dtype).removeprefix('torch.')}.",
                "Give dense tensors of real floating-point numbers.",
            )


def check_finite(model: nn.Module, source: str) -> None:
    """Refuse weights that no features could be computed with.

    Raises:
        NetworkError: a parameter or buffer holds a value that is no finite number.
    """
    for key, values in model.state_dict().items():
        if not values.isfinite().all():
            raise NetworkError(
                f"{key} in {source} holds a value that is no finite number.",
                "Give the weights of a training that did not diverge.",
            )


def _new_key(key: str) -> str:
    old = _OLD_DENSENET_KEY.match(key)
    return old[1] + old[2] if old else key


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"


def first_line(error: BaseException) -> str:
    """Say in one line what an error says, without a full stop."""
    reason = (
        error.reason if type(error) is urllib.error.URLError else error
    )  # not HTTPError: its text has the code
    words = getattr(reason, "strerror", None) or str(reason)
    return (words.strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def file_sha256(file: Path) -> str:
    """Hash a file's bytes, as hexadecimal text."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def state_sha256(model: nn.Module) -> str:
    """Hash a network's parameters and buffers: names, shapes and values, as hexadecimal text."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
