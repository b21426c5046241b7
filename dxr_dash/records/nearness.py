"""Who is near to whom, and how far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dxr_dash.records.arrays import DoubleArray, FloatArray, IntArray, Number


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
class SelectionDistances:
    """How far apart the images of a selection are, measured on a sample.

    Attributes:
        within: (3,) float64 quartiles of the distances between two of them; NaN for fewer than two.
        to_others: (3,) float64 quartiles of the distances from them to images outside; NaN where there are none.
        n_members, n_others: how many of each were measured.
    """

    within: DoubleArray
    to_others: DoubleArray
    n_members: int
    n_others: int


@dataclass(frozen=True)
class Reranked:
    """The images nearest to one image, in the order of multi-patch matching.

    Attributes:
        space: id of the feature space.
        rows: (k,) gallery rows, nearest first.
        distances: (k,) float32, in the metric of the space: the mean over the query's patches of the distance to the
            image's nearest patch.
        ranks_before: (k,) int64, 1 = the nearest by the vectors of whole images.
        n_patches, n_query_patches: of each image, and of the query.
    """

    space: str
    rows: IntArray
    distances: FloatArray
    ranks_before: IntArray
    n_patches: int
    n_query_patches: int


@dataclass(frozen=True)
class Reranking:
    """How far a re-ranking is that the page waits for.

    Attributes:
        step: what it does, in words; empty: it waits for its turn.
        done, total: images that have been compared, and all; 0 of 0 before the first.
        ahead: how many others come first.
        seconds_left: until it is done; None where that cannot be told yet.
    """

    step: str
    done: int
    total: int
    ahead: int
    seconds_left: float | None


@dataclass(frozen=True)
class NearestToText:
    """The images nearest to words, nearest first.

    Attributes:
        text: the words.
        space: id of the feature space.
        rows: (k,) gallery rows.
        distances: (k,) float32, in the metric of the space; not to be compared with distances between images.
    """

    text: str
    space: str
    rows: IntArray
    distances: FloatArray


@dataclass(frozen=True)
class Ranking:
    """Images in the order of their distance from a query, nearest first; the query itself is left out by row.

    Attributes:
        items: (R,) int32; a set's own members are in it, each at its distance to the nearest other member.
        distances: (R,) float32, ascending; equal ones in the order of gallery rows, then outside images.
        n_all: how many are ranked in all; R, or more where only the first ranks were asked for.
    """

    items: npt.NDArray[np.int32]
    distances: FloatArray
    n_all: int


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

    Of a very large set a random sample of the members counts, as if there were no others.

    Attributes:
        distances: (N,) float32, for every gallery row the distance to the nearest *other* member; NaN without one.
        members: (N,) int64, position 0..Q-1 of that member; -1 where there is none.
        within: (Q,) float32, for every member that counts the distance to the nearest other one; NaN without one.
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

    def of_asked(self, queries: IntArray) -> SetDistances:
        """Leave only some of the members that were asked with, by their places 0..q-1."""
        names = ("asked", "within", "n_less", "n_equal", "to_gallery", "nearest_rows", "nearest_distances")
        return replace(self, nearest_members=None, **{name: getattr(self, name)[queries] for name in names})

    def among_asked(self, matrix: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Cut from a (q, Q) matrix the (q, q) part between asked members."""
        return matrix[:, self.asked]


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


ImageKey = int | tuple[str, int]


@dataclass(frozen=True)
class HeatMap:
    """How much each place of an image has to do with a match.

    Attributes:
        values: (H, W) float64, row 0 at the top.
        box: left, top, right, bottom of the map on the upright image, as shares of its width and height. A network
            looks at a square from the middle; the rest of the image has no values.
    """

    values: DoubleArray
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Match:
    """Where the likeness of two images comes from.

    Attributes:
        images: the two: a gallery row, or a query set's id and the place of its outside image.
        space: id of the feature space.
        measure: "similarity", when each map sums to ``value``; "distance", when a map says by how much the distance
            of the two grows when a place is hidden.
        value: the similarity or the distance of the two.
        maps: one of each image.
    """

    images: tuple[ImageKey, ImageKey]
    space: str
    measure: str
    value: float
    maps: tuple[HeatMap, HeatMap]
