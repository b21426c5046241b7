"""What a query set retrieves in place of itself: values that are over-represented among its nearest gallery images.

The images that one member retrieves resemble each other, so they are not draws of their own: a random set with three
strollers would "retrieve strollers" thirty times over. Each member therefore has one vote, split among the images that
it retrieves, and an image that several members retrieve belongs to the nearest of them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.bootstrap import Resampled, image_weights, interval, resample_pulls
from dxr_dash.records import (
    BoolArray,
    DoubleArray,
    Estimate,
    FloatArray,
    Instead,
    IntArray,
    OwnValue,
    SetDistances,
)

SAME_IMAGES = 0.7  # shared by two values, of all that either has: the second says nothing new
ROUNDING = 1e-9  # of a sum of votes
DIVERSE = 0.5  # a set in which one value is more frequent has no kinds of its own to retrieve


@dataclass(frozen=True)
class Values:
    """One way to sort the gallery: a column of metadata, or the clusters.

    Attributes:
        kind: the column's name, or "cluster".
        codes: (N,) whole numbers from 0; -1 is no value.
        names: of the codes.
    """

    kind: str
    codes: npt.NDArray[np.integer]
    names: Sequence[str]


@dataclass(frozen=True)
class Retrieved:
    """The distinct gallery images that a set retrieves, nearest first.

    Attributes:
        rows: (n,) gallery rows.
        members: (n,) place 0..q-1 among the asked members of the one that each belongs to, the nearest one.
        distances: (n,) float32 to that member.
    """

    rows: IntArray
    members: IntArray
    distances: FloatArray


def retrieved_images(found: SetDistances, *, k: int) -> Retrieved:
    """Collect the k nearest compared gallery images of each member, every image once; members are never among them.

    Args:
        found: distances of the set; must hold k neighbours per member, or all that were compared.
    """
    rows = found.nearest_rows[:, :k]
    far = found.nearest_distances[:, :k].ravel()
    members = np.repeat(np.arange(len(rows)), rows.shape[1])
    order = np.argsort(far, kind="stable")
    distinct, first = np.unique(rows.ravel()[order], return_index=True)
    again = np.argsort(first)  # np.unique sorts by row; nearest first again
    chosen = order[first[again]]
    return Retrieved(distinct[again], members[chosen], far[chosen])


def instead(
    found: SetDistances,
    sorts: Sequence[Values],
    occurrence: npt.NDArray[np.integer],
    *,
    k: int = settings.INSTEAD_AT,
    rate: float = settings.INSTEAD_RATE,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> tuple[tuple[Instead, ...], int]:
    """Find the values that a set retrieves more often than chance.

    Chance is the share of the images with the value in the compared gallery, or among the neighbours of any gallery
    image if that is larger: hubs are everybody's neighbours, and what is retrieved by everybody is not said of X.

    Args:
        found: distances of the set.
        sorts: of the whole gallery.
        occurrence: (N,) how many gallery images have this one among their nearest.
        k: nearest gallery images of each member to look at.
        rate: false discovery rate over all values of all sorts together.
        seed, draws, confidence: of the intervals of the lifts.

    Returns:
        At most ``settings.INSTEAD_SHOWN`` values, the one with the most images first; and how many were tested.

    Source:
        Benjamini and Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57
        (1995) 289-300. Rivals and others, "Enrichment or depletion of a GO category within a class of genes: which
        test?", Bioinformatics 23 (2007) 401-407 (the hypergeometric test).
    """
    near = retrieved_images(found, k=k)
    if not len(near.rows):
        return (), 0
    compared = np.ones(found.n_gallery, np.bool_)
    own = found.own_rows
    compared[own] = False
    each = np.bincount(near.members, minlength=len(found.asked))
    tested: list[_Tested] = []
    for one in sorts:
        tested += _tested(one, near, each, compared, np.asarray(occurrence))
    corrected = false_discovery_rates(np.array([one.p_value for one in tested]))
    kept = [
        (one, float(q_value))
        for one, q_value in zip(tested, corrected, strict=True)
        if q_value <= rate and one.n_found >= settings.INSTEAD_LEAST and one.lift >= settings.INSTEAD_LIFT
    ]
    kept = _distinct(kept, near)
    kept.sort(key=lambda pair: (-pair[0].n_found, pair[0].p_value))
    weights = image_weights(len(found.asked), draws, np.random.default_rng(seed))
    shown = [
        _described(one, q_value, near, each, own, weights, confidence)
        for one, q_value in kept[: settings.INSTEAD_SHOWN]
    ]
    return tuple(shown), len(tested)


def own_values(
    found: SetDistances,
    sorts: Sequence[Values],
    *,
    k: int = settings.INSTEAD_AT,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> tuple[OwnValue, ...]:
    """Find the sorts in which a diverse set retrieves not X, but each of its images its own kind.

    Only members from the gallery count, and only values that compared gallery images have: a set of every camera
    cannot retrieve another one. A set that mostly is of one kind is left to ``instead``.

    Returns:
        Those whose lower end is at least ``settings.INSTEAD_LIFT`` times chance, the largest share first.
    """
    asked = found.asked_items
    inside = np.flatnonzero(asked >= 0)
    compared = np.ones(found.n_gallery, np.bool_)
    compared[found.own_rows] = False
    result = []
    for one in sorts:
        codes = np.asarray(one.codes)
        in_gallery = np.bincount(codes[compared & (codes >= 0)], minlength=len(one.names))
        values = codes[asked[inside]]
        usable = (values >= 0) & (in_gallery[values] > 0)
        members, values = inside[usable], values[usable]
        frequent = np.bincount(values).max(initial=0)
        if len(members) < settings.MIN_QUERY_IMAGES or frequent > DIVERSE * len(members):
            continue
        shares = (codes[found.nearest_rows[members, :k]] == values[:, None]).mean(axis=1)
        chance = float(in_gallery[values].mean()) / int(np.count_nonzero(compared))
        without = (shares.sum() - shares) / (len(shares) - 1)
        weights = image_weights(len(shares), draws, np.random.default_rng(seed))
        low, high = interval(resample_pulls(float(shares.mean()), without, weights), confidence)
        if low >= settings.INSTEAD_LIFT * chance:
            share = Estimate(float(shares.mean()), low, high, chance)
            result.append(OwnValue(one.kind, share, len(members), len(np.unique(values))))
    return tuple(sorted(result, key=lambda one: -one.share.value))


def false_discovery_rates(p_values: npt.ArrayLike) -> DoubleArray:
    """Correct p-values for their number: the smallest false discovery rate at which each would be reported.

    Returns:
        (m,) float64, as ``scipy.stats.false_discovery_control`` gives them.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.minimum.accumulate(values[order] * len(values) / ranks), 1.0)
    return corrected


@dataclass(frozen=True)
class _Tested:
    """One value and what speaks for it."""

    sort: Values
    code: int
    n_found: int
    lift: float
    chance: float
    p_value: float


def _tested(
    sort: Values,
    near: Retrieved,
    each: IntArray,
    compared: npt.NDArray[np.bool_],
    occurrence: npt.NDArray[np.integer],
) -> list[_Tested]:
    from scipy.stats import hypergeom

    codes = np.asarray(sort.codes)
    n_codes = len(sort.names)
    known = compared & (codes >= 0)
    n_compared = int(np.count_nonzero(compared))
    in_gallery = np.bincount(codes[known], minlength=n_codes)
    as_neighbour = np.bincount(codes[known], weights=occurrence[known], minlength=n_codes)
    usual = as_neighbour / max(float(occurrence[compared].sum()), 1.0)
    chance = np.maximum(in_gallery / n_compared, usual)
    there = codes[near.rows]
    labelled = there >= 0
    n_found = np.bincount(there[labelled], minlength=n_codes)
    votes = np.bincount(there[labelled], weights=1.0 / each[near.members[labelled]], minlength=n_codes)
    n_votes = int(np.count_nonzero(each))
    # Whether a value is tested must not depend on what was retrieved: only on how many images have it.
    wanted = np.flatnonzero(in_gallery >= settings.INSTEAD_LEAST)
    whole = np.floor(votes[wanted] + ROUNDING)
    expected = np.minimum(np.ceil(chance[wanted] * n_compared - ROUNDING), n_compared)
    p_values = hypergeom.sf(whole - 1, n_compared, expected, n_votes)
    shares = n_found / len(near.rows)
    return [
        _Tested(
            sort,
            int(code),
            int(n_found[code]),
            float(shares[code] / chance[code]),
            float(chance[code]),
            float(p),
        )
        for code, p in zip(wanted, p_values, strict=True)
    ]


def _distinct(kept: list[tuple[_Tested, float]], near: Retrieved) -> list[tuple[_Tested, float]]:
    """Drop a value that names about the same retrieved images as one of an earlier sort: a label and its cluster."""
    result: list[tuple[_Tested, float]] = []
    named: list[BoolArray] = []
    for one, q_value in kept:
        images = np.asarray(one.sort.codes)[near.rows] == one.code
        if all((images & other).sum() < SAME_IMAGES * (images | other).sum() for other in named):
            result.append((one, q_value))
            named.append(images)
    return result


def _described(
    one: _Tested,
    q_value: float,
    near: Retrieved,
    each: IntArray,
    own: IntArray,
    weights: DoubleArray,
    confidence: float,
) -> Instead:
    codes = np.asarray(one.sort.codes)
    has_it = codes[near.rows] == one.code
    by_member = np.bincount(near.members[has_it], minlength=len(each)).astype(np.float64)
    low, high = _share_interval(by_member, each.astype(np.float64), weights, confidence)
    shown = np.flatnonzero(has_it)[: settings.INSTEAD_EXAMPLES]
    return Instead(
        kind=one.sort.kind,
        value=one.sort.names[one.code],
        code=one.code,
        n_found=one.n_found,
        n_retrieved=len(near.rows),
        n_members=int(np.count_nonzero(codes[own] == one.code)),
        n_known=len(own),
        lift=Estimate(one.lift, low / one.chance, high / one.chance, 1.0),
        p_value=one.p_value,
        q_value=q_value,
        examples=near.rows[shown],
        distances=near.distances[shown],
    )


def _share_interval(
    counts: DoubleArray, sizes: DoubleArray, weights: DoubleArray, confidence: float
) -> tuple[float, float]:
    """Give the interval of a share whose images come in groups, one for each member: members are resampled.

    Args:
        counts: (Q,) images of each member that have the value.
        sizes: (Q,) images of each member.
        weights: (B, Q) from ``image_weights``.
    """
    total, all_images = counts.sum(), sizes.sum()
    drawn = weights @ sizes
    draws = (weights @ counts)[drawn > 0] / drawn[drawn > 0]
    rest = all_images - sizes
    usable = rest > 0  # a single member that retrieves everything cannot be left out
    without = (total - counts)[usable] / rest[usable]
    pulls = (len(without) - 1) * (without.mean() - without) if len(without) else np.zeros(1)
    return interval(Resampled(float(total / all_images), draws, pulls, len(counts)), confidence)
