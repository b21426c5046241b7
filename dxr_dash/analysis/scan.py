"""One line of a scan: what an answer says, and what stands for a set that is too small to ask with."""

from __future__ import annotations

from math import isnan, nan

from dxr_dash import settings
from dxr_dash.analysis.verdict import CHANCE, VERDICTS, Evidence, decide, sentence
from dxr_dash.records import Answer, Estimate, IntArray, ScanLine

UNKNOWN = Estimate(nan, nan, nan, nan)


def answered_line(code: int, value: str, rows: IntArray, found: Answer) -> ScanLine:
    """Take what a line shows from the answer for all images with one value.

    Args:
        rows: of these images.
        found: the answer; its proofs name the members that find the others best and worst.
    """
    proofs = [proof.item for proof in found.proofs]
    return ScanLine(
        code=code,
        value=value,
        n_images=len(rows),
        n_compared=found.n_compared,
        n_asked=found.n_asked,
        verdict=found.verdict,
        sentence=found.sentence,
        auroc=found.auroc,
        mean_ap=found.mean_ap,
        lift=lift(found.mean_ap),
        warnings=found.warnings,
        examples=tuple(dict.fromkeys((*proofs[:1], *proofs[-1:]))),
    )


def unmeasured_line(code: int, value: str, name: str, rows: IntArray, n_gallery: int) -> ScanLine:
    """Say of a value with too few images that nothing can be said; it costs nothing."""
    auroc = Estimate(nan, nan, nan, CHANCE)
    evidence = Evidence(name, len(rows), n_gallery - len(rows), auroc, UNKNOWN)
    reason = decide(evidence)
    return ScanLine(
        code=code,
        value=value,
        n_images=evidence.n_images,
        n_compared=evidence.n_compared,
        n_asked=0,
        verdict=VERDICTS[reason],
        sentence=sentence(reason, evidence),
        auroc=auroc,
        mean_ap=UNKNOWN,
        lift=UNKNOWN,
        warnings=(),
        examples=tuple(int(row) for row in rows[: settings.SCAN_EXAMPLES]),
    )


def lift(mean_ap: Estimate) -> Estimate:
    """Put mean average precision, with its interval, on a scale where chance is 0 and a perfect ranking 1."""
    chance = mean_ap.chance
    if isnan(mean_ap.value) or chance >= 1.0:
        return UNKNOWN
    ends = [(end - chance) / (1.0 - chance) for end in (mean_ap.value, mean_ap.low, mean_ap.high)]
    value, low, high = ends
    return Estimate(value, low, high, 0.0)
