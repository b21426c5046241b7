"""Packages that are optional, and weights from the Hugging Face hub: from its cache, or downloaded and kept there."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from dxr_dash.collection.weights import first_line, unreachable
from dxr_dash.errors import NetworkError

PACKAGES = {"timm": ("timm", "timm"), "clip": ("open_clip", "open_clip_torch")}
"""Extra -> the module that it brings, and the distribution that holds it."""


def extra_of(network: str) -> str | None:
    """Say which extra a network belongs to, by its prefix; ``random:`` before it counts not."""
    extra = network.removeprefix("random:").partition(":")[0]
    return extra if extra in PACKAGES and ":" in network.removeprefix("random:") else None


def need(network: str) -> None:
    """Make sure that the package of an optional network is there.

    Raises:
        NetworkError: it is not installed.
    """
    extra = extra_of(network)
    if extra is None or importlib.util.find_spec(PACKAGES[extra][0]) is not None:
        return
    raise NetworkError(
        f"{network} needs the package {PACKAGES[extra][1]}, which is not installed.",
        f'Install it with `pip install "dxr-dash[{extra}]"`.',
    )


def hub_file(network: str, repository: str, names: Sequence[str]) -> Path:
    """Find a file of a repository in the hub's cache, or download it into there.

    Args:
        network: its name, for messages.
        repository: OWNER/NAME, or OWNER/NAME@REVISION.
        names: of the file, the first that the repository has is taken.

    Raises:
        NetworkError: it is not in the cache and cannot be downloaded.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    owner_and_name, _, revision = repository.partition("@")
    for name in names:
        try:
            return Path(
                hf_hub_download(owner_and_name, name, revision=revision or None, local_files_only=True)
            )
        except LocalEntryNotFoundError:
            continue
    page = f"{constants.ENDPOINT}/{owner_and_name}"
    # asked for first, because the hub's own client tries again and again
    reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else unreachable(page)
    for name in names if reason is None else ():
        try:
            return Path(hf_hub_download(owner_and_name, name, revision=revision or None))
        except EntryNotFoundError:
            reason = f"it has no {' or '.join(names)}"
        except Exception as error:  # of the net, of the hub's client, of the disk
            reason = first_line(error)
            break
    raise NetworkError(
        f"The weights of {network} are not in the cache of the Hugging Face hub and cannot be downloaded ({reason}).",
        f"Get {names[0]} from {page} on a machine that can, and give it with `--weights FILE`.",
    )
