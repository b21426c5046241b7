"""One query set through feature spaces: at which layer does it become retrievable?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from dxr_dash.analysis import swept
from dxr_dash.api.comparisons import compare, difference_between
from dxr_dash.api.query_sets import find_query_set
from dxr_dash.collection.build import add_spaces
from dxr_dash.collection.layers import PENULTIMATE
from dxr_dash.collection.networks import (
    before_training,
    checked_layer,
    is_depth_control,
    layer_names,
    split_layer,
    split_network,
)
from dxr_dash.collection.requests import OWN, Request
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import NetworkError, QueryError
from dxr_dash.records import OnProgress, Sweep, SweepAnswer, SweptSpace, silent

PLAIN_CONTROLS = (("tiny", "pixels32"), ("colour", "lab"))


def sweep(
    folder: Path | str,
    query_set: str,
    *,
    layers: Sequence[str] = (),
    networks: Sequence[str] = (),
    controls: bool = False,
    on_progress: OnProgress = silent,
) -> Sweep:
    """Ask for one query set in many feature spaces, layer by layer; spaces that are missing are built first.

    Args:
        folder: the collection.
        query_set: id or name.
        layers: each as "alexnet:conv1,conv2,pool5:max", layers of one network.
        networks: of these, every layer; but ``penultimate``, which is one of the others by another name.
        controls: ask the controls for depth, too: tiny images, colours, and of each network the same layers as they
            are before training.

    Returns:
        The sweep over the spaces named; without any, over all that the collection holds.

    Raises:
        QueryError: there is no such set, or it is empty.
        NetworkError, ImagesError, CollectionError: as ``collection.build.add_spaces`` says, before any image is read.
    """
    opened = Collection(Path(folder))
    if not len(find_query_set(opened, query_set)):
        raise QueryError(f"The query set {query_set} has no images left.", "Add images, or ask for another.")
    asked = [pair for text in layers for pair in split_layers(text)]
    asked += [(network, layer) for network in networks for layer in _all_layers(network)]
    named = [(network, checked_layer(network, layer)) for network, layer in asked]
    wanted = [_space_id(*one) for one in named] or list(opened.spaces)
    added = [*named, *(_controls(named or _of_networks(opened)) if controls else ())]
    if add_spaces(opened.folder, added, on_progress=on_progress) is not None:
        opened = Collection(opened.folder)
    wanted += [_space_id(*one) for one in added]
    return swept_spaces(opened, query_set, list(dict.fromkeys(wanted)), on_progress=on_progress)


def swept_spaces(
    collection: Collection, query_set: str, spaces: Sequence[str], *, on_progress: OnProgress = silent
) -> Sweep:
    """Ask for one query set in spaces that the collection holds; the order of ``spaces`` is that of networks alone."""
    key = find_query_set(collection, query_set).id
    ordered = in_depth_order([collection.space(one) for one in spaces])
    lines: list[SweptSpace] = []
    for done, space in enumerate(ordered):
        on_progress("asking", done, len(ordered))
        found = compare(collection, [key], spaces=[space.id]).lines[0]
        before = lines[-1] if lines and lines[-1].network == space.network else None
        if before is not None:
            differs = difference_between(collection, (key, space.id), (key, before.space))
            found = replace(found, difference=differs)
        layer = space.id[len(space.network) + 1 :]
        lines.append(SweptSpace(space.network, layer, is_depth_control(space.network), found))
    on_progress("asking", len(ordered), len(ordered))
    depth = [one for one in lines if one.is_control]
    deep = [one for one in lines if not one.is_control] or lines
    answers = tuple(
        _answer(collection, list(group), depth if depth != deep else [])
        for _, group in groupby(deep, key=lambda one: one.network)
    )
    first = lines[0].found
    control = first.control.name if first.control else ""
    return Sweep(key, first.name, first.n_images, control, tuple(lines), answers)


def _answer(
    collection: Collection, lines: Sequence[SweptSpace], controls: Sequence[SweptSpace]
) -> SweepAnswer:
    key, name, network = lines[0].found.query_set, lines[0].found.name, lines[0].network
    verdicts = [one.found.verdict for one in lines]
    place = swept.first_retrieving(verdicts)
    over = (
        ()
        if place is None
        else tuple(
            (one.space, difference_between(collection, (key, lines[place].space), (key, one.space)))
            for one in controls
        )
    )
    layers = [(one.layer, one.found.verdict) for one in lines]
    sentence = swept.becomes_retrievable(name, network, layers, over)
    return SweepAnswer(network, None if place is None else lines[place].space, over, sentence)


def in_depth_order(spaces: Sequence[Space]) -> list[Space]:
    """Sort spaces: controls for depth first, networks as they come, the layers of each as they are computed."""
    networks = list(dict.fromkeys(one.network for one in spaces))
    return sorted(
        spaces,
        key=lambda one: (
            not is_depth_control(one.network),
            networks.index(one.network),
            _depth(one),
            one.id,
        ),
    )


def _depth(space: Space) -> float:
    """Say how many layers come before; of vectors from elsewhere nothing is known."""
    if space.network == OWN:
        return 0.0
    names = _layers(space.network)
    layer = split_layer(space.request["layer"])[0]
    if layer == PENULTIMATE:
        return len(names) - 2.5  # it is listed last, and comes before the last layer
    return float(names.index(layer)) if layer in names else 0.0


@lru_cache(maxsize=64)
def _layers(network: str) -> tuple[str, ...]:
    try:
        return tuple(layer_names(network))
    except NetworkError:  # the space is there; what made it is no longer installed
        return ()


def _space_id(network: str, layer: str) -> str:
    return Request(network, layer).space_id


def _all_layers(network: str) -> list[str]:
    return [layer for layer in layer_names(network) if layer != PENULTIMATE]


def _of_networks(collection: Collection) -> list[tuple[str, str]]:
    """Name the networks and layers that a collection holds, recipes aside."""
    return [(one.network, one.request["layer"]) for one in collection.spaces.values() if one.network != OWN]


def _controls(named: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Name the controls for depth that belong to layers of networks."""
    random = {network: before_training(network) for network, _ in named}
    untrained = [(name, layer) for network, layer in named if (name := random[network]) is not None]
    return [*PLAIN_CONTROLS, *dict.fromkeys(untrained)]


def split_layers(text: str) -> list[tuple[str, str]]:
    """Read "random:alexnet:pool5:max,fc7" as a network and its layers.

    Raises:
        NetworkError: no network is named, or no layer.
    """
    first, *others = (part.strip() for part in text.split(","))
    network, layer = split_network(first)
    if not layer or not all(others):
        raise NetworkError(
            f"{text} names no layer of {network}.",
            f"Write {network}:LAYER,LAYER; `dxr layers {network}` lists them.",
        )
    return [(network, one) for one in (layer, *others)]
