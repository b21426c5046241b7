"""The verdict: one table of thresholds, one fixed sentence per reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan

from dxr_dash import settings
from dxr_dash.records import AgainstControl, Estimate, Verdict

CHANCE = 0.5
YES_AUROC = 0.70
PARTLY_AUROC = 0.60
LIFT = 0.10
SOURCE_AUROC = 0.65
MIN_COMPARED = 20
FEW_IMAGES = 20
SMALL_GALLERY = 200

THRESHOLDS: Mapping[str, tuple[float, str]] = {
    "smallest set": (
        settings.MIN_QUERY_IMAGES,
        "with fewer images, in the set or in its control set: cannot tell",
    ),
    "smallest gallery": (MIN_COMPARED, "with fewer compared images: cannot tell"),
    "chance": (CHANCE, "lower end of either AUROC at or below this: not above chance, no"),
    "yes": (
        YES_AUROC,
        "lower end of the deciding AUROC from which on it is yes, given the lift; no only if the upper end is below",
    ),
    "lift": (LIFT, "lower end of the lift of mAP that a yes needs; with it, a low AUROC can still be partly"),
    "partly": (PARTLY_AUROC, "lower end of the deciding AUROC from which on the answer is partly"),
    "another source": (
        SOURCE_AUROC,
        "lower end, or 1 - upper end, of the AUROC between the relative distances of X and of the gallery from which "
        "on X is unlike the gallery: without a control set that is as unlike, cannot tell",
    ),
}
"""Value and meaning of every threshold. The deciding AUROC is the smaller of the one against the gallery and the
one against the control set; docs/statistics.md shows this table and says why."""


def thresholds_table() -> str:
    """Print THRESHOLDS as a Markdown table, for reports and the documentation."""
    rows = [f"| {name} | {value:g} | {meaning} |" for name, (value, meaning) in THRESHOLDS.items()]
    return "\n".join(["| Threshold | Value | Meaning |", "|---|---|---|", *rows])


class Reason(StrEnum):
    """Why a verdict is what it is."""

    FEW_IMAGES = "too few images"
    FEW_COMPARED = "too few compared"
    FEW_CONTROL = "too few images in the control set"
    CHANCE = "not above chance"
    THINGS = "the things, not X"
    CHANCE_CONTROL = "not above chance against control"
    WIDE_CHANCE_CONTROL = "too wide against control, chance included"
    SOURCE = "from another source"
    FOUND = "found"
    FOUND_CONTROL = "found against control"
    NOT_FIRST = "near, but not first"
    PART = "in part"
    PART_CONTROL = "in part against control"
    GROUPS = "in groups"
    WIDE = "too wide"
    WIDE_CONTROL = "too wide against control"
    WEAK = "little above chance"
    WEAK_CONTROL = "little above chance against control"


VERDICTS: Mapping[Reason, Verdict] = {
    Reason.FEW_IMAGES: Verdict.CANNOT_TELL,
    Reason.FEW_COMPARED: Verdict.CANNOT_TELL,
    Reason.FEW_CONTROL: Verdict.CANNOT_TELL,
    Reason.CHANCE: Verdict.NO,
    Reason.THINGS: Verdict.NO,
    Reason.CHANCE_CONTROL: Verdict.NO,
    Reason.WIDE_CHANCE_CONTROL: Verdict.CANNOT_TELL,
    Reason.SOURCE: Verdict.CANNOT_TELL,
    Reason.FOUND: Verdict.YES,
    Reason.FOUND_CONTROL: Verdict.YES,
    Reason.NOT_FIRST: Verdict.PARTLY,
    Reason.PART: Verdict.PARTLY,
    Reason.PART_CONTROL: Verdict.PARTLY,
    Reason.GROUPS: Verdict.PARTLY,
    Reason.WIDE: Verdict.CANNOT_TELL,
    Reason.WIDE_CONTROL: Verdict.CANNOT_TELL,
    Reason.WEAK: Verdict.NO,
    Reason.WEAK_CONTROL: Verdict.NO,
}

AGAINST = "against the control set {control} the AUROC is {control_auroc}"
OPEN_CONTROL = f"Cannot tell whether these features retrieve {{name}}: {AGAINST}, which leaves it open."
SENTENCES: Mapping[Reason, str] = {
    Reason.FEW_IMAGES: "Cannot tell whether these features retrieve {name}: the set has {images}, "
    "and an answer needs {least}.",
    Reason.FEW_COMPARED: "Cannot tell whether these features retrieve {name}: {compared} can be compared, "
    "and an answer needs {least_compared}.",
    Reason.FEW_CONTROL: "Cannot tell whether these features retrieve {name}: the control set {control} has "
    "{control_images}, and an answer needs {least}.",
    Reason.CHANCE: "No: these features do not retrieve {name}. The AUROC is {auroc}, where chance gives 0.50.",
    Reason.THINGS: f"No: these features do not retrieve {{name}}. They retrieve the things: {AGAINST}.",
    Reason.CHANCE_CONTROL: f"No: these features do not retrieve {{name}}: {AGAINST}, where chance gives 0.50.",
    Reason.WIDE_CHANCE_CONTROL: OPEN_CONTROL,
    Reason.SOURCE: "Cannot tell whether these features retrieve {name}: the AUROC is {deciding}, but a common source "
    "alone could explain it, for the images are unlike those of {unlike}. A control set from the same source would "
    "tell.",
    Reason.FOUND: "Yes: these features retrieve {name}. The AUROC is {auroc}.",
    Reason.FOUND_CONTROL: "Yes: these features retrieve {name}. The AUROC is {auroc}, and {control_auroc} "
    "against the control set {control}.",
    Reason.NOT_FIRST: "Partly: these features draw {name} together, but a search does not bring them to the "
    "top. The AUROC is {auroc}, the mean average precision {mean_ap}.",
    Reason.PART: "Partly: these features retrieve {name} better than chance, not reliably. "
    "The AUROC is {auroc}.",
    Reason.PART_CONTROL: "Partly: these features retrieve {name} better than the things alone explain, not "
    f"reliably: {AGAINST}.",
    Reason.GROUPS: "Partly: these features retrieve {name} in groups that lie apart. The AUROC is {auroc}, the "
    "mean average precision {mean_ap}.",
    Reason.WIDE: "Cannot tell whether these features retrieve {name}: the AUROC is {auroc}, which leaves it "
    "open.",
    Reason.WIDE_CONTROL: OPEN_CONTROL,
    Reason.WEAK: "No: these features hardly retrieve {name}. The AUROC is {auroc}: above chance, but too "
    "little to find them.",
    Reason.WEAK_CONTROL: f"No: these features hardly retrieve {{name}}: {AGAINST}, above chance, but too "
    "little to find them.",
}


@dataclass(frozen=True)
class Evidence:
    """What a verdict is decided on."""

    name: str
    n_images: int
    n_compared: int
    auroc: Estimate
    mean_ap: Estimate
    control: AgainstControl | None = None
    other_source: bool = False  # unlike the gallery, and unlike the control set

    @property
    def by_control(self) -> bool:
        """Whether the AUROC against the control set is the smaller one, on which the verdict rests."""
        return self.control is not None and not self.control.auroc.value > self.auroc.value

    @property
    def deciding(self) -> Estimate:
        """The smaller of the two AUROCs."""
        return self.control.auroc if self.control is not None and self.by_control else self.auroc

    @property
    def not_beyond_control(self) -> bool:
        """Whether the interval against the control set includes chance or lies below it."""
        return self.control is not None and self.control.auroc.low <= CHANCE

    @property
    def too_wide_for_control(self) -> bool:
        """Whether that interval reaches up to a yes as well."""
        return self.not_beyond_control and self.control is not None and self.control.auroc.high >= YES_AUROC

    @property
    def lifted(self) -> bool:
        """Whether the ranking brings members to its top."""
        return lift(self.mean_ap) >= LIFT


RULES: Sequence[tuple[Reason, Callable[[Evidence], bool]]] = (
    (Reason.FEW_IMAGES, lambda e: e.n_images < settings.MIN_QUERY_IMAGES),
    (Reason.FEW_COMPARED, lambda e: e.n_compared < MIN_COMPARED),
    (Reason.FEW_CONTROL, lambda e: e.control is not None and e.control.n_images < settings.MIN_QUERY_IMAGES),
    (Reason.WIDE, lambda e: isnan(e.auroc.low)),
    (Reason.CHANCE, lambda e: e.auroc.low <= CHANCE and e.auroc.high < YES_AUROC),
    (Reason.WIDE, lambda e: e.auroc.low <= CHANCE),
    (Reason.WIDE_CHANCE_CONTROL, lambda e: e.too_wide_for_control),
    (Reason.THINGS, lambda e: e.not_beyond_control and e.auroc.low >= PARTLY_AUROC),
    (Reason.CHANCE_CONTROL, lambda e: e.not_beyond_control),
    (Reason.SOURCE, lambda e: e.other_source and (e.deciding.low >= PARTLY_AUROC or e.lifted)),
    (Reason.FOUND, lambda e: e.deciding.low >= YES_AUROC and e.lifted and e.control is None),
    (Reason.FOUND_CONTROL, lambda e: e.deciding.low >= YES_AUROC and e.lifted),
    (Reason.NOT_FIRST, lambda e: e.deciding.low >= YES_AUROC),
    (Reason.PART_CONTROL, lambda e: e.deciding.low >= PARTLY_AUROC and e.by_control),
    (Reason.PART, lambda e: e.deciding.low >= PARTLY_AUROC),
    (Reason.GROUPS, lambda e: e.lifted and not e.by_control and e.auroc.high < YES_AUROC),
    (Reason.WIDE_CONTROL, lambda e: e.deciding.high >= YES_AUROC and e.by_control),
    (Reason.WIDE, lambda e: e.deciding.high >= YES_AUROC),
    (Reason.WEAK_CONTROL, lambda e: e.by_control),
    (Reason.WEAK, lambda _: True),
)
"""The first that holds is the reason. From the chance rules on, every lower end is above chance."""


def decide(evidence: Evidence) -> Reason:
    """Find the first reason of RULES that holds."""
    return next(reason for reason, holds in RULES if holds(evidence))


def lift(mean_ap: Estimate) -> float:
    """Give the lower end of mean average precision on a scale where chance is 0 and a perfect ranking 1."""
    if isnan(mean_ap.low):
        return float("nan")
    return (mean_ap.low - mean_ap.chance) / (1.0 - mean_ap.chance) if mean_ap.chance < 1.0 else 0.0


def sentence(reason: Reason, evidence: Evidence) -> str:
    """Say the verdict in its fixed words."""
    control = evidence.control
    return SENTENCES[reason].format(
        name=evidence.name,
        images=counted(evidence.n_images, "image"),
        least=counted(settings.MIN_QUERY_IMAGES, "image"),
        compared=counted(evidence.n_compared, "gallery image"),
        least_compared=f"{MIN_COMPARED:,}",
        auroc=written(evidence.auroc),
        deciding=written(evidence.deciding),
        unlike=f"the gallery and of the control set {control.name}" if control else "the gallery",
        mean_ap=f"{written(evidence.mean_ap)}, where chance gives {evidence.mean_ap.chance:.3g}",
        control=control.name if control else "",
        control_images=counted(control.n_images, "image") if control else "",
        control_auroc=written(control.auroc) if control else "",
    )


def as_it_stands(verdict: Verdict) -> str:
    """Say what near-duplicates would have made of a verdict."""
    end = "open" if verdict is Verdict.CANNOT_TELL else f'"{verdict}"'
    return f"Near-duplicates are counted once; as the set stands, the answer would be {end}."


def written(estimate: Estimate) -> str:
    """Write an estimate with its interval: "0.51 (0.48 to 0.54)"."""
    if isnan(estimate.value):
        return "unknown"
    if isnan(estimate.low):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def counted(n: int, noun: str) -> str:
    """Write a number with its noun: "1 image", "1,500 images"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
