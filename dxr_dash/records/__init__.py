"""The frozen records that pass between disk, numbers, pictures and screen.

Array letters: N gallery images, Q query images, q of them that are asked with, D dimensions, K neighbours held, k
neighbours asked for, B draws. A *row* is an image's place in the gallery. An *item* names an image of a query or of
its ranking in one integer: a gallery row when it is >= 0, the outside image ``-1 - item`` of the query set otherwise.
"""

from __future__ import annotations

from dxr_dash.records.answers import Answer
from dxr_dash.records.arrays import (
    BoolArray,
    DoubleArray,
    FloatArray,
    IntArray,
    Number,
    OnProgress,
    plain,
    silent,
)
from dxr_dash.records.benchmarks import BenchmarkPart, BenchmarkReport
from dxr_dash.records.building import BuildReport, Grown, Mosaic, Removal, Skipped
from dxr_dash.records.comparisons import ComparedLine, Comparison, Difference
from dxr_dash.records.disagreements import Alignment, Disagreement
from dxr_dash.records.findings import AmongRandomSets, Findings, Instead, OwnValue, Probe
from dxr_dash.records.measures import (
    AgainstControl,
    Basis,
    CountedOnce,
    Estimate,
    Hubs,
    LocalScaling,
    MemberMeasures,
    Proof,
    Shift,
    Verdict,
)
from dxr_dash.records.nearness import (
    Distribution,
    HeatMap,
    ImageKey,
    Match,
    NearestMembers,
    NearestToText,
    Neighbours,
    RankCurve,
    Ranking,
    Reranked,
    Reranking,
    SelectionDistances,
    SetDistances,
)
from dxr_dash.records.scans import Scan, ScanChoice, ScanLine, ScanStatus, scan_line, scan_row
from dxr_dash.records.sweeps import Sweep, SweepAnswer, SweptSpace

__all__ = [
    "AgainstControl",
    "Alignment",
    "AmongRandomSets",
    "Answer",
    "Basis",
    "BenchmarkPart",
    "BenchmarkReport",
    "BoolArray",
    "BuildReport",
    "ComparedLine",
    "Comparison",
    "CountedOnce",
    "Difference",
    "Disagreement",
    "Distribution",
    "DoubleArray",
    "Estimate",
    "Findings",
    "FloatArray",
    "Grown",
    "HeatMap",
    "Hubs",
    "ImageKey",
    "Instead",
    "IntArray",
    "LocalScaling",
    "Match",
    "MemberMeasures",
    "Mosaic",
    "NearestMembers",
    "NearestToText",
    "Neighbours",
    "Number",
    "OnProgress",
    "OwnValue",
    "Probe",
    "Proof",
    "RankCurve",
    "Ranking",
    "Removal",
    "Reranked",
    "Reranking",
    "Scan",
    "ScanChoice",
    "ScanLine",
    "ScanStatus",
    "SelectionDistances",
    "SetDistances",
    "Shift",
    "Skipped",
    "Sweep",
    "SweepAnswer",
    "SweptSpace",
    "Verdict",
    "plain",
    "scan_line",
    "scan_row",
    "silent",
]
