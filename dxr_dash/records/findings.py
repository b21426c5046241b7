"""What stands beside an answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dxr_dash.records.arrays import FloatArray, IntArray, plain
from dxr_dash.records.measures import Estimate, LocalScaling


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
