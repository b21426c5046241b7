"""The answer to one query set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dxr_dash.records.arrays import plain
from dxr_dash.records.measures import (
    AgainstControl,
    Basis,
    CountedOnce,
    Estimate,
    Hubs,
    MemberMeasures,
    Proof,
    Shift,
    Verdict,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answer:
    """Do these features retrieve X? In fixed words, with the numbers and images that say so.

    Attributes:
        sentence: the answer in fixed words.
        n_images: Q. n_compared: M gallery images. n_asked: q members that the measures are averaged over.
        auroc: chance that a member is nearer to a member than a gallery image is; ties count half.
        mean_ap: mean average precision of the known-item test.
        precision: precision at ``precision_at``.
        precision_at: ``settings.PRECISION_AT``, or the number of other members where that is less.
        recall: share of the other members among the first ``settings.RECALL_FIRST`` of the ranking.
        first_hit: median rank of the first other member, with its interval; chance is the median of a random order.
        members: of each asked member.
        proofs: best, median and worst member by average precision.
        warnings: what could overturn the verdict, as full sentences.
        basis: what the numbers rest on.
        once: the answer with near-duplicates counted once, on which the verdict then rests; None without any.
        shift: how unlike the gallery the set is; None for a set of gallery images.
        hubs: how much of what it retrieves is near to everything; None where it was not looked at.
    """

    name: str
    verdict: Verdict
    sentence: str
    n_images: int
    n_compared: int
    n_asked: int
    auroc: Estimate
    mean_ap: Estimate
    precision: Estimate
    precision_at: int
    recall: Estimate
    first_hit: Estimate
    control: AgainstControl | None
    members: MemberMeasures
    proofs: tuple[Proof, ...]
    warnings: tuple[str, ...]
    basis: Basis
    once: CountedOnce | None = None
    shift: Shift | None = None
    hubs: Hubs | None = None

    @property
    def table(self) -> pd.DataFrame:
        """The measures as a table: one line each, with value, interval and chance."""
        import pandas as pd

        lines = {
            "AUROC": self.auroc,
            "mAP": self.mean_ap,
            "precision": self.precision,
            "recall": self.recall,
            "first hit": self.first_hit,
        }
        if self.control is not None:
            lines["AUROC over control"] = self.control.auroc
        return pd.DataFrame({name: asdict(estimate) for name, estimate in lines.items()}).T

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values that JSON can hold; a value that is not known is None."""
        found: dict[str, Any] = plain(asdict(self))
        return found
