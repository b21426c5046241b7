"""Measures with their intervals, and what belongs to an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dxr_dash.records.arrays import BoolArray, DoubleArray, FloatArray, IntArray


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
