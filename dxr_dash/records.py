"""The frozen records that pass between disk, numbers, pictures and screen.

Array letters: N gallery images, Q query images, q of them that are asked with, D dimensions, K neighbours held, k
neighbours asked for, B draws. A *row* is an image's place in the gallery. An *item* names an image of a query or of
its ranking in one integer: a gallery row when it is >= 0, the outside image ``-1 - item`` of the query set otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

OnProgress = Callable[[str, int, int], None]
"""Called as (step, done, total) while long work goes on; total 0 means not known yet."""


def silent(_step: str, _done: int, _total: int) -> None:
    """Take progress and show nothing."""


@dataclass(frozen=True)
class Skipped:
    """A file that was not taken into the collection, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    folder: Path
    n_images: int
    n_extracted: int
    n_removed: int
    skipped: tuple[Skipped, ...]
    graph_recall: float | None
    seconds: dict[str, float] = field(default_factory=dict)  # by step, in the order they ran


@dataclass(frozen=True)
class Mosaic:
    """Every image in its own cell of a grid over the map.

    Attributes:
        cells: (N,) int32, each image's cell: row-major, row 0 at the top.
        columns, rows: of the grid; columns * rows >= N.
        cell: side of a cell, in map coordinates.
        left, top: map coordinates of the grid's top left corner; y grows upwards.
        displacement: mean distance of an image from its cell's centre, in cells.
        method: "exact", or "windows" for the approximation.
    """

    cells: npt.NDArray[np.int32]
    columns: int
    rows: int
    cell: float
    left: float
    top: float
    displacement: float
    method: str


@dataclass(frozen=True)
class Neighbours:
    """The images nearest to one image or to a query set, nearest first.

    Attributes:
        rows: (k,) gallery rows.
        distances: (k,) float32, in the metric of the feature space. For a set: the distance to its nearest member.
        percentiles: (k,) float64 in 0..1: the share of baseline pairs that are farther apart.
        members: (k,) item of the query that is nearest; for one image, that image.
    """

    rows: IntArray
    distances: FloatArray
    percentiles: DoubleArray
    members: IntArray


@dataclass(frozen=True)
class Ranking:
    """Every image in the order of its distance from a query, nearest first; the query itself is left out by row.

    Attributes:
        items: (R,) int32; a set's own members are in it, each at its distance to the nearest other member.
        distances: (R,) float32, ascending; equal ones in the order of gallery rows, then outside images.
    """

    items: npt.NDArray[np.int32]
    distances: FloatArray


@dataclass(frozen=True)
class RankCurve:
    """How far the image at each rank is.

    Attributes:
        ranks: (n,) int64, 1-based, ascending: the sample that the curve is drawn through.
        distances: (n,) float64; for a set the median over its members, each with a ranking of its own.
        low, high: (n,) float64 quartiles over the members; None for one image.
        n_ranked: R, the last rank.
        n_members: members that the curve was computed from; 1 for one image.
        beyond: the first rank that is farther than the nearest 1 % of random pairs; R + 1 where none is, 0
            where there is no baseline.
    """

    ranks: IntArray
    distances: DoubleArray
    low: DoubleArray | None
    high: DoubleArray | None
    n_ranked: int
    n_members: int
    beyond: int


@dataclass(frozen=True)
class NearestMembers:
    """How near every image is to a query set.

    Attributes:
        distances: (N,) float32, for every gallery row the distance to the nearest *other* member; NaN without one.
        members: (N,) int64, position 0..Q-1 of that member; -1 where there is none.
        within: (Q,) float32, for every member the distance to the nearest other one; NaN without one.
    """

    distances: FloatArray
    members: IntArray
    within: FloatArray


@dataclass(frozen=True)
class SetDistances:
    """All that one query set's distances say about it, without an array of N x Q.

    "Compared" gallery images are those that are not members of the set themselves. A large set is asked with q of its
    Q members; all of them are still to be found.

    Attributes:
        items: (Q,) the members, as items.
        asked: (q,) positions 0..Q-1 of the members that were asked with, ascending; all of a set that is not large.
        within: (q, Q) float32 distances from the asked members to all; NaN from an image to itself.
        n_less: (q, Q) int64, [q, m] = compared gallery images strictly nearer to q than member m is.
        n_equal: (q, Q) int64, [q, m] = compared gallery images exactly as far from q as member m is.
        n_compared: how many gallery images were compared, M.
        edges: (n_bins + 1,) float32 edges of the histogram bins.
        to_gallery: (q, n_bins) int64 histogram of the distances from each asked member to the compared images.
        nearest_rows: (q, k) compared gallery rows nearest to each asked member, nearest first.
        nearest_distances: (q, k) float32.
        nearest_members: None unless all members were asked.
    """

    items: IntArray
    asked: IntArray
    within: FloatArray
    n_less: IntArray
    n_equal: IntArray
    n_compared: int
    edges: FloatArray
    to_gallery: IntArray
    nearest_rows: IntArray
    nearest_distances: FloatArray
    nearest_members: NearestMembers | None

    @property
    def asked_items(self) -> IntArray:
        """(q,) the members that were asked with, as items."""
        return self.items[self.asked]

    @property
    def own_rows(self) -> IntArray:
        """The gallery rows that are members."""
        return self.items[self.items >= 0]

    @property
    def n_gallery(self) -> int:
        """N."""
        return self.n_compared + len(self.own_rows)

    def among_asked(self, matrix: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Cut from a (q, Q) matrix the (q, q) part between asked members."""
        return matrix[:, self.asked]


@dataclass(frozen=True)
class Estimate:
    """A measure with its interval and the value that chance alone gives."""

    value: float
    low: float
    high: float
    chance: float


class Verdict(StrEnum):
    """The four answers to "do these features retrieve X?"."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Proof:
    """One query image and what it retrieves: the evidence beside the numbers.

    The ranking is that of the known-item test: the other members hidden among the compared gallery images.

    Attributes:
        item: the query image.
        average_precision: of its ranking.
        first_hit: rank of the first other member, 1 = nearest.
        ranking: (k,) items, nearest first.
        distances: (k,) float32.
        percentiles: (k,) float64 in 0..1: the share of baseline pairs that are farther apart.
        hits: (k,) whether the image is a member of the set.
    """

    item: int
    average_precision: float
    first_hit: int
    ranking: IntArray
    distances: FloatArray
    percentiles: DoubleArray
    hits: BoolArray


@dataclass(frozen=True)
class AgainstControl:
    """The query set against its control set: chance is 0.5, "it retrieves the things, not X"."""

    name: str
    n_images: int
    auroc: Estimate


@dataclass(frozen=True)
class MemberMeasures:
    """The known-item test of each member that was asked with.

    Attributes:
        items: (q,) the members, as items.
        auroc: (q,) float64.
        average_precision: (q,) float64.
        precision: (q,) float64.
        recall: (q,) float64.
        first_hit: (q,) int64, rank of the first other member; 0 when there is none.
    """

    items: IntArray
    auroc: DoubleArray
    average_precision: DoubleArray
    precision: DoubleArray
    recall: DoubleArray
    first_hit: IntArray


@dataclass(frozen=True)
class CountedOnce:
    """The answer with near-duplicates counted once: one image of each kind stays, and no copy of one in the gallery.

    Attributes:
        n_images: members that stay.
        n_compared: gallery images that stay.
        n_left_out: members that are nearly the same as one that stays.
        n_copied: members with a copy in the gallery; of a large set, of those that were asked with.
        copies: (c,) gallery rows of those copies.
        auroc, mean_ap, precision: of what stays.
        control: the same against the control set.
        verdict: on what stays.
    """

    n_images: int
    n_compared: int
    n_left_out: int
    n_copied: int
    copies: IntArray
    auroc: Estimate
    mean_ap: Estimate
    precision: Estimate
    control: AgainstControl | None
    verdict: Verdict


@dataclass(frozen=True)
class Shift:
    """How unlike the gallery's own images those of a set are.

    Compared are distances to the nearest gallery images, relative to what is usual there: 1 is as for gallery images.

    Attributes:
        auroc: chance that an image of the set is relatively farther than a gallery image; 0.5 for images like it.
        control: chance that it is relatively farther than an image of the control set; None without one.
        n_images: of the set that come from outside.
        n_gallery: gallery images that stand for the gallery.
        unlike_gallery: whether the set differs from the gallery for certain.
        unexplained: whether it does, and differs from its control set as well.
        edges: (n_bins + 1,) ascending, evenly spaced in their logarithm.
        gallery, members: (n_bins,) counts; the first and the last bin hold what lies beyond.
        control_counts: (n_bins,); None without a control set.
    """

    auroc: Estimate
    control: Estimate | None
    n_images: int
    n_gallery: int
    unlike_gallery: bool
    unexplained: bool
    edges: DoubleArray
    gallery: IntArray
    members: IntArray
    control_counts: IntArray | None


@dataclass(frozen=True)
class Hubs:
    """How much of what a set retrieves are hubs, images that are near to everything.

    Attributes:
        skewness: of the k-occurrence in the whole feature space; 0 without hubs.
        share: of the k nearest gallery images of each member, those that are hubs.
        usual: the same share for any gallery image.
        n_hubs: in the gallery.
        k: nearest images that were looked at.
    """

    skewness: float
    share: float
    usual: float
    n_hubs: int
    k: int


@dataclass(frozen=True)
class LocalScaling:
    """The answer by distances that take hubs into account.

    Attributes:
        name: "CSLS" or "NICDM".
        auroc, mean_ap, precision, control: as in the answer.
        verdict: by these.
        n_images: members that they are of: near-duplicates once, where the answer counts them once.
    """

    name: str
    auroc: Estimate
    mean_ap: Estimate
    precision: Estimate
    control: AgainstControl | None
    verdict: Verdict
    n_images: int


@dataclass(frozen=True)
class Basis:
    """What the numbers of an answer rest on.

    Attributes:
        n_baseline: random gallery pairs of the baseline.
        all_pairs: whether these are all pairs there are: then nothing was sampled.
        baseline_bound: with the given confidence no percentile is off by more; 0 for all pairs.
        n_draws: of the bootstrap.
        confidence: of intervals and bound.
        seed: of everything that is drawn.
    """

    n_baseline: int
    all_pairs: bool
    baseline_bound: float
    n_draws: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class Answer:
    """Do these features retrieve X? In fixed words, with the numbers and images that say so.

    Attributes:
        sentence: the answer in fixed words.
        n_images: Q. n_compared: M gallery images. n_asked: q members that the measures are averaged over.
        auroc: chance that a member is nearer to a member than a gallery image is; ties count half.
        mean_ap: mean average precision of the known-item test.
        precision: precision at ``settings.PRECISION_AT`` (or at the number of relevant images, if fewer).
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


def plain(value: Any) -> Any:
    """Turn records, arrays and numbers into what JSON can hold; a value that is not known becomes None."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


@dataclass(frozen=True)
class AmongRandomSets:
    """The AUROC of a query set among those of random gallery sets of the same size.

    Attributes:
        p_value: (1 + random sets that are at least as near to themselves) / (1 + random sets).
        auroc: of the query set, against the reference images.
        n_sets: B, random sets.
        n_images: of each set that were compared: Q, or fewer of a large set.
        n_reference: gallery images that stand for the gallery; all of them in a small one.
        largest: AUROC of the best random set.
    """

    p_value: float
    auroc: float
    n_as_extreme: int
    n_sets: int
    n_images: int
    n_reference: int
    largest: float


@dataclass(frozen=True)
class Instead:
    """A value that is over-represented among what a query set retrieves in place of itself.

    Attributes:
        kind: "cluster", or the name of a column; "label" is one.
        value: of the column, or the cluster's name: untrusted text.
        code: the number of the value, or of the cluster.
        n_found: distinct retrieved images that have it.
        n_retrieved: distinct retrieved images.
        n_members: gallery members of the query set that have it themselves.
        n_known: gallery members of the query set.
        lift: share of the retrieved images over the share that any image retrieves; chance is 1.
        p_value: hypergeometric, one vote for each member.
        q_value: the p-value after Benjamini and Hochberg.
        examples: (n,) retrieved gallery rows with the value, nearest first.
        distances: (n,) float32, of the examples to the member that retrieves them.
    """

    kind: str
    value: str
    code: int
    n_found: int
    n_retrieved: int
    n_members: int
    n_known: int
    lift: Estimate
    p_value: float
    q_value: float
    examples: IntArray
    distances: FloatArray


@dataclass(frozen=True)
class OwnValue:
    """How often the images of a query set retrieve images with their own value: their own kind in place of X.

    Attributes:
        kind: the column, or "cluster".
        share: of the retrieved images with the value of the image that retrieves them, averaged over the members.
        n_images: members that have a value; images from outside have none.
        n_values: distinct values among them.
    """

    kind: str
    share: Estimate
    n_images: int
    n_values: int


@dataclass(frozen=True)
class Probe:
    """How well a line separates a query set: cross-validated AUROC of a linear classifier on the same vectors.

    Attributes:
        auroc: on held-out images, X against gallery images.
        control: the same against the control set; None without one.
        n_images: of X.
        n_negatives: gallery images that stand for the gallery.
        n_control: images of the control set.
        n_folds: of the cross-validation.
        readable_not_near: whether a line separates X although its neighbours are not X.
    """

    auroc: Estimate
    control: Estimate | None
    n_images: int
    n_negatives: int
    n_control: int
    n_folds: int
    readable_not_near: bool


@dataclass(frozen=True)
class Findings:
    """What stands beside an answer: how surprising it is, what is retrieved instead, what a line can read.

    Attributes:
        among_random: None when there is no random set to compare with.
        instead: the most over-represented values, those with the most images first.
        own: values that members share with what they retrieve, though not with each other.
        n_values: values that were tested.
        probe: None with too few images.
        scaled: the answer by local scaling; None with too few images.
    """

    among_random: AmongRandomSets | None
    instead: tuple[Instead, ...]
    own: tuple[OwnValue, ...]
    n_values: int
    probe: Probe | None
    scaled: LocalScaling | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values that JSON can hold; a value that is not known is None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


@dataclass(frozen=True)
class Distribution:
    """The distribution of one group of distances, ready to draw: binned and smoothed, never the raw values.

    Attributes:
        name: "baseline", "to gallery" or "within", or an image's name.
        n: number of distances.
        centres: (n_bins,) bin centres on the shared axis.
        density: (n_bins,) histogram, integrates to 1 over the axis.
        smooth: (n_bins,) Gaussian-smoothed density on the same axis, integrates to 1.
        quantiles: the 5, 25, 50, 75 and 95 % quantiles.
    """

    name: str
    n: int
    centres: DoubleArray
    density: DoubleArray
    smooth: DoubleArray
    quantiles: tuple[float, float, float, float, float]
