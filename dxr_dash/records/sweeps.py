"""One query set through feature spaces, in the order of depth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dxr_dash.records.arrays import plain
from dxr_dash.records.comparisons import ComparedLine, Comparison, Difference

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SweptSpace:
    """One feature space of a sweep.

    Attributes:
        network, layer: as the space's id has them; the layer with pooling and recipe.
        is_control: whether it is a control for depth: pixels, colours, or a network that learnt nothing.
        found: the set in this space; its difference is that to the space before of the same network, if any.
    """

    network: str
    layer: str
    is_control: bool
    found: ComparedLine

    @property
    def space(self) -> str:
        """Its id."""
        return self.found.space


@dataclass(frozen=True)
class SweepAnswer:
    """At which layer of one network a query set becomes retrievable.

    Attributes:
        space: id of the first space whose verdict is yes, else partly; None where there is neither.
        over_controls: of each control for depth, its space's id and how much better ``space`` retrieves the set.
        sentence: the answer in fixed words.
    """

    network: str
    space: str | None
    over_controls: tuple[tuple[str, Difference], ...]
    sentence: str


@dataclass(frozen=True)
class Sweep:
    """One query set through feature spaces.

    Attributes:
        query_set, name, n_images: of the set.
        control: name of its control set; empty without one.
        spaces: controls for depth first, then network by network; the layers of each in the order of computation.
        answers: one for each network that is no control for depth; of the controls where there is nothing else.
    """

    query_set: str
    name: str
    n_images: int
    control: str
    spaces: tuple[SweptSpace, ...]
    answers: tuple[SweepAnswer, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One line for each space: verdict, measures, and AUROC against the space before of the same network."""
        found = Comparison(tuple(one.found for one in self.spaces), 0).table
        found.insert(1, "control for depth", [one.is_control for one in self.spaces])
        return found

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values that JSON can hold; a value that is not known is None."""
        found: dict[str, Any] = plain(asdict(self))
        return found
