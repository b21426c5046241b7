"""Query sets and feature spaces beside each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dxr_dash.records.arrays import plain
from dxr_dash.records.measures import AgainstControl, Estimate, Verdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Difference:
    """How much better one query set is retrieved than another, or in one feature space than in another.

    Each estimate is value minus value; its chance is chance minus chance: 0 for the AUROC, and for the others
    where both sides have as many images.

    Attributes:
        n_shared: images that both sides hold; they were resampled together.
    """

    auroc: Estimate
    mean_ap: Estimate
    precision: Estimate
    recall: Estimate
    n_shared: int


@dataclass(frozen=True)
class ComparedLine:
    """One query set in one feature space, beside others.

    Attributes:
        query_set: its id.
        space: id of the feature space.
        verdict, sentence, measures, control, warnings: as its answer says.
        difference: to the reference; None for the reference itself.
        said: the difference in fixed words; empty for the reference.
    """

    query_set: str
    name: str
    space: str
    n_images: int
    n_compared: int
    verdict: Verdict
    sentence: str
    auroc: Estimate
    mean_ap: Estimate
    precision: Estimate
    recall: Estimate
    control: AgainstControl | None
    warnings: tuple[str, ...]
    difference: Difference | None
    said: str


@dataclass(frozen=True)
class Comparison:
    """Query sets, in one feature space or in several, and how they differ from one of them.

    Attributes:
        lines: in the order that was asked for; of each set, its spaces one after the other.
        reference: place of the line that the others are compared with.
    """

    lines: tuple[ComparedLine, ...]
    reference: int

    @property
    def table(self) -> pd.DataFrame:
        """One line for each query set and space: size, verdict, measures, and AUROC against the reference."""
        import pandas as pd

        lines = [
            {
                "set": one.name,
                "space": one.space,
                "images": one.n_images,
                "verdict": str(one.verdict),
                **_columns("AUROC", one.auroc),
                **_columns("mAP", one.mean_ap),
                **_columns("precision", one.precision),
                **_columns("recall", one.recall),
                **_columns("AUROC over control", one.control.auroc if one.control else None),
                **_columns("AUROC difference", one.difference.auroc if one.difference else None),
            }
            for one in self.lines
        ]
        return pd.DataFrame(lines)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values that JSON can hold; a value that is not known is None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def _columns(name: str, estimate: Estimate | None) -> dict[str, float]:
    nothing = float("nan")
    known = estimate or Estimate(nothing, nothing, nothing, nothing)
    return {name: known.value, f"{name}, low": known.low, f"{name}, high": known.high}
