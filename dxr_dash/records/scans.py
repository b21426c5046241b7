"""Every value of a column as query set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dxr_dash.records.measures import Estimate, Verdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScanLine:
    """The answer for the images with one value of a column, or of one cluster, in one line.

    A value of fewer than ``settings.MIN_QUERY_IMAGES`` images is not measured: "cannot tell", and NaN.

    Attributes:
        code: number of the value among the column's categories, or of the cluster.
        value: of the column, or the cluster's name: untrusted text.
        n_images: Q, all images with the value. n_compared: the other gallery images.
        n_asked: q, the images that the measures are averaged over; fewer than Q of a large value.
        sentence: the answer in fixed words.
        auroc, mean_ap: as in ``Answer``.
        lift: mean_ap on a scale where chance is 0 and a perfect ranking 1.
        warnings: what could overturn the verdict, as full sentences.
        examples: gallery rows: the images that find the others best and worst; of a value that is not measured,
            the first ones.
    """

    code: int
    value: str
    n_images: int
    n_compared: int
    n_asked: int
    verdict: Verdict
    sentence: str
    auroc: Estimate
    mean_ap: Estimate
    lift: Estimate
    warnings: tuple[str, ...]
    examples: tuple[int, ...]


@dataclass(frozen=True)
class ScanChoice:
    """Something that a collection can be scanned by.

    Attributes:
        by: "cluster", or "column:" and the name of the column.
        name: for people: the column's name, untrusted text, or "clusters".
        n_values: lines of the scan.
        n_measured: those with enough images to be asked with.
    """

    by: str
    name: str
    n_values: int
    n_measured: int


@dataclass(frozen=True)
class Scan:
    """What one feature space retrieves at all: a line for each value, in the order of their numbers.

    Attributes:
        by: "cluster", or "column:" and the name of the column.
        space: id of the feature space.
        n_values: how many lines there are when the scan has ended.
        lines: those that are there.
    """

    by: str
    space: str
    n_values: int
    lines: tuple[ScanLine, ...]

    @property
    def is_done(self) -> bool:
        """Whether every value has its line."""
        return len(self.lines) == self.n_values

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many values got each verdict."""
        return {one: sum(line.verdict == one for line in self.lines) for one in Verdict}

    @property
    def table(self) -> pd.DataFrame:
        """The lines as a table; measures have three columns each, with the ends of the interval."""
        import pandas as pd

        return pd.DataFrame([scan_row(line) for line in self.lines])


@dataclass(frozen=True)
class ScanStatus:
    """What becomes of a scan.

    Attributes:
        state: "none" (never begun), "running", "stopped", "failed" or "done".
        can_stop: whether this server runs it; another process may.
        seconds_left: None when it cannot be said yet.
        other: what is being scanned meanwhile, if anything: there is one scan at a time.
        problem, remedy: why it failed.
    """

    state: str
    can_stop: bool = False
    seconds_left: float | None = None
    other: str = ""
    problem: str = ""
    remedy: str = ""


_MEASURES = ("auroc", "mean_ap", "lift")


def scan_row(line: ScanLine) -> dict[str, Any]:
    """Lay a line out flat, as files have it; ``scan_line`` reads it back without loss."""
    row: dict[str, Any] = {
        "code": line.code,
        "value": line.value,
        "n_images": line.n_images,
        "n_compared": line.n_compared,
        "n_asked": line.n_asked,
        "verdict": str(line.verdict),
    }
    for name in _MEASURES:
        one: Estimate = getattr(line, name)
        row |= {
            name: one.value,
            f"{name}_low": one.low,
            f"{name}_high": one.high,
            f"{name}_chance": one.chance,
        }
    return row | {
        "sentence": line.sentence,
        "warnings": list(line.warnings),
        "examples": list(line.examples),
    }


def scan_line(row: Mapping[str, Any]) -> ScanLine:
    """Read back what ``scan_row`` wrote."""
    measures = {
        name: Estimate(*(float(row[f"{name}{end}"]) for end in ("", "_low", "_high", "_chance")))
        for name in _MEASURES
    }
    return ScanLine(
        code=int(row["code"]),
        value=row["value"],
        n_images=int(row["n_images"]),
        n_compared=int(row["n_compared"]),
        n_asked=int(row["n_asked"]),
        verdict=Verdict(row["verdict"]),
        sentence=row["sentence"],
        warnings=tuple(row["warnings"]),
        examples=tuple(int(one) for one in row["examples"]),
        **measures,
    )
