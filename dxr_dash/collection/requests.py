"""Feature spaces as they are asked for: what is known of them before any network is loaded."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dxr_dash import settings
from dxr_dash.collection.decoding import REDUCED
from dxr_dash.collection.given_files import check_regular
from dxr_dash.collection.hub import PACKAGES, extra_of
from dxr_dash.collection.networks import Loader, checked_layer
from dxr_dash.collection.recipes import Recipe
from dxr_dash.collection.running import Extractor
from dxr_dash.errors import ImagesError, NetworkError

PLAIN = Recipe()
OWN = "own"  # stands for the network where there is none


@dataclass(frozen=True)
class Source:
    """What one pass over the images needs: all layers of one source are read in the same pass."""

    network: str
    weights: Path | None
    crops: int

    def load(self, loader: Loader, layers: Sequence[str]) -> Extractor:
        """Make some of its layers ready."""
        return loader.load(self.network, layers, weights=self.weights, crops=self.crops)


@dataclass(frozen=True)
class Request:
    """One feature space of a network that is asked for.

    Attributes:
        layer: NAME, or NAME:POOLING where the pooling is not the usual one.
        held: what the collection has written down of this request before; None when it is new.
    """

    network: str
    layer: str
    weights: Path | None = None
    recipe: Recipe = PLAIN
    held: Mapping[str, Any] | None = None

    @classmethod
    def checked(cls, network: str, layer: str, weights: Path | None, recipe: Recipe) -> Request:
        """Check a request by a person.

        Raises:
            NetworkError: there is no such network, layer, pooling or file.
        """
        if weights is not None:
            check_regular(weights, "--weights", NetworkError)
        return cls(network, checked_layer(network, layer), weights.resolve() if weights else None, recipe)

    @property
    def space_id(self) -> str:
        """The name of the space in the collection."""
        network = self.network.replace(
            "/", "."
        )  # of clip:ARCH/PRETRAINED; a slash would part an address in two
        return f"{network}.{self.layer}{self.recipe.suffix}"

    @property
    def source(self) -> Source:
        """What to load for it."""
        return Source(self.network, self.weights, self.recipe.crops)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """All that decides which vectors come out, as far as it shows without loading the network."""
        if self.held is not None:
            return self.held
        return (
            {
                "network": self.network,
                "layer": self.layer,
                "weights": str(self.weights) if self.weights else None,
                "weights_stamp": _stamp(self.weights) if self.weights else None,
                "torch": version("torch"),
                "torchvision": version("torchvision"),
                "dxr": settings.VERSION,
            }
            | _optional_version(self.network)
            | _said(self.recipe)
        )


@dataclass(frozen=True)
class OwnRequest:
    """One feature space of vectors that were made elsewhere."""

    file: Path
    recipe: Recipe = PLAIN
    held: Mapping[str, Any] | None = None

    @classmethod
    def checked(cls, file: Path, recipe: Recipe) -> OwnRequest:
        """Check a request by a person.

        Raises:
            ImagesError: there is no such file.
            NetworkError: the recipe is of no use without a network.
        """
        check_regular(file, "--vectors", ImagesError)
        if recipe.crops != 1:
            raise NetworkError("Vectors of your own know no crops.", "Leave out `crops` in the recipe.")
        return cls(file.resolve(), recipe)

    @property
    def name(self) -> str:
        """What the file is called, in characters that do in every place."""
        return re.sub(r"[^\w.-]+", "-", self.file.stem) or "vectors"

    @property
    def space_id(self) -> str:
        """The name of the space in the collection."""
        return f"{OWN}.{self.name}{self.recipe.suffix}"

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """All that decides which vectors come out, as far as it shows without reading the file."""
        if self.held is not None:
            return self.held
        facts = {OWN: str(self.file), "stamp": _stamp(self.file), "dxr": settings.VERSION}
        return facts | _said(self.recipe)


def again(facts: Mapping[str, Any]) -> Request | OwnRequest:
    """Ask for a space that the collection holds, in the words that are kept of it."""
    recipe = Recipe.parse(facts.get("recipe"))
    if OWN in facts:
        return OwnRequest(Path(facts[OWN]), recipe, facts)
    weights = Path(facts["weights"]) if facts["weights"] else None
    return Request(facts["network"], facts["layer"], weights, recipe, facts)


def build_options(request: Mapping[str, Any]) -> str:
    """Say what of `dxr build` asks for a feature space, from what is kept of how it was asked for."""
    recipe = f" --recipe {request['recipe']}" if request.get("recipe") else ""
    if OWN in request:
        return f"--vectors {shlex.quote(request[OWN])}{recipe}"
    weights = f" --weights {shlex.quote(request['weights'])}" if request.get("weights") else ""
    return f"--network {request['network']} --layer {request['layer']}{weights}{recipe}"


def feature_facts(request: Request | OwnRequest) -> dict[str, Any]:
    """Keep of a request's facts what decides its features, whatever is done to them afterwards."""
    facts = {key: value for key, value in request.facts.items() if key != "recipe"}
    return facts | _said(Recipe(request.recipe.crops))


def _optional_version(network: str) -> dict[str, str]:
    extra = extra_of(network)
    return {extra: version(PACKAGES[extra][1])} if extra else {}


def _said(recipe: Recipe) -> dict[str, str]:
    return {"recipe": str(recipe)} if str(recipe) else {}


def _stamp(file: Path) -> list[int]:
    about = file.stat()
    return [about.st_size, about.st_mtime_ns]


def features_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a space's recipe what decides the features behind it: less what is done to them afterwards."""
    return {key: value for key, value in recipe.items() if key != "steps"}


def network_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a space's recipe what its network decides: less how images are decoded, too."""
    return {key: value for key, value in features_recipe(recipe).items() if key != REDUCED}
