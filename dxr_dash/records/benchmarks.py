"""What a standard benchmark measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dxr_dash.records.arrays import DoubleArray, IntArray, plain
from dxr_dash.records.measures import Estimate


@dataclass(frozen=True)
class BenchmarkPart:
    """One part of a published benchmark: the whole, or its easy, medium or hard ground truth.

    Attributes:
        name: empty for the whole.
        measures: by name as published ("mAP", "mP@10", "N-S"): the mean over queries, with interval and chance.
        per_query: by the same names, (q,) float64; NaN for a query without a relevant image in this part.
        n_relevant: (q,) int64.
        n_queries: that have a relevant image.
    """

    name: str
    measures: dict[str, Estimate]
    per_query: dict[str, DoubleArray]
    n_relevant: IntArray
    n_queries: int


@dataclass(frozen=True)
class BenchmarkReport:
    """What a feature space reaches on a published benchmark.

    Attributes:
        title: the benchmark's usual name.
        folder: the collection that the features are kept in.
        n_images: that are ranked.
        queries: (q,) names.
        n_groups: groups of queries that share relevant images; the intervals resample these.
        published: figures from the literature for comparison, by where they come from.
        notes: what may make the figures differ from published ones.
        n_patches, n_query_patches: that each image and each query was cut into; 1 and 1: whole images.
    """

    benchmark: str
    title: str
    folder: Path
    space: str
    metric: str
    n_images: int
    queries: tuple[str, ...]
    n_groups: int
    parts: tuple[BenchmarkPart, ...]
    published: dict[str, float]
    notes: tuple[str, ...]
    n_patches: int
    n_query_patches: int

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values that JSON can hold; a value that is not known is None."""
        found: dict[str, Any] = plain({**asdict(self), "folder": str(self.folder)})
        return found
