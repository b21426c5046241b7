"""Feature spaces as they are asked for: what is known of them before any network is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dxr_dash import settings
from dxr_dash.collection.networks import Loader, checked_layer
from dxr_dash.collection.recipes import Recipe
from dxr_dash.collection.running import Extractor
from dxr_dash.errors import NetworkError

PLAIN = Recipe()


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
    """One feature space that is asked for.

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
        if weights is not None and not weights.is_file():
            raise NetworkError(
                f"The weights file {weights} does not exist.", "Give the path of a file with --weights."
            )
        return cls(network, checked_layer(network, layer), weights.resolve() if weights else None, recipe)

    @classmethod
    def again(cls, facts: Mapping[str, Any]) -> Request:
        """Ask for a space that the collection holds, in the words that are kept of it."""
        weights = Path(facts["weights"]) if facts["weights"] else None
        return cls(facts["network"], facts["layer"], weights, Recipe.parse(facts.get("recipe")), facts)

    @property
    def space_id(self) -> str:
        """The name of the space in the collection."""
        return f"{self.network}.{self.layer}{self.recipe.suffix}"

    @property
    def source(self) -> Source:
        """What to load for it."""
        return Source(self.network, self.weights, self.recipe.crops)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """All that decides which vectors come out, as far as it shows without loading the network."""
        if self.held is not None:
            return self.held
        stat = self.weights.stat() if self.weights else None
        return {
            "network": self.network,
            "layer": self.layer,
            "weights": str(self.weights) if self.weights else None,
            "weights_stamp": [stat.st_size, stat.st_mtime_ns] if stat else None,
            "torch": version("torch"),
            "torchvision": version("torchvision"),
            "dxr": settings.VERSION,
        } | ({"recipe": str(self.recipe)} if str(self.recipe) else {})

    @cached_property
    def feature_facts(self) -> dict[str, Any]:
        """The same of the features alone, whatever is done to them afterwards."""
        plain = Recipe(self.recipe.crops)
        facts = {key: value for key, value in self.facts.items() if key != "recipe"}
        return facts | ({"recipe": str(plain)} if str(plain) else {})


def features_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a space's recipe what decides the features behind it: less what is done to them afterwards."""
    return {key: value for key, value in recipe.items() if key != "steps"}
