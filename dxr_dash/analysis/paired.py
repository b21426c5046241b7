"""Is one query set retrieved better than another, or better in one feature space than in another?

Both sides may hold the same images: all of them where one set is looked at in two spaces, some where two sets
overlap. What an image does to one side it then does to the other, so it must be drawn for both at once: the
difference of two intervals would be far too wide for the same images, and wrong for shared ones.
docs/statistics.md gives the measured coverage.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.bootstrap import STRANGER, Resampled, image_weights, interval
from dxr_dash.analysis.leave_one_out import mean_ap_without, precision_without
from dxr_dash.analysis.retrieval import (
    auroc_matrix,
    average_precision,
    chance_average_precision,
    precision_at,
)
from dxr_dash.errors import QueryError
from dxr_dash.records import Difference, DoubleArray, Estimate, IntArray, SetDistances

UNKNOWN = float("nan")
NOT_KNOWN = Estimate(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
DRAWN_AT_ONCE = 4_000_000  # weights in memory: draws times images
ROUNDING = 1e-12


@dataclass(frozen=True)
class Side:
    """What a comparison needs of one query set in one feature space.

    Attributes:
        images: Q names; the same name on both sides is the same image, and no name stands twice on one.
        auroc: (Q, Q) the chance that member m is nearer to q than a gallery image is; the diagonal is never
            looked at.
        means: of each other measure, its value on all images and what chance gives.
        without: of each, (Q,) float64 its value without each image; None with fewer than three images.
    """

    images: tuple[Hashable, ...]
    auroc: DoubleArray
    means: dict[str, tuple[float, float]]
    without: dict[str, DoubleArray]

    def __len__(self) -> int:
        return len(self.images)


def side(distances: SetDistances, images: Sequence[Hashable]) -> Side:
    """Take from a set's distances what a comparison needs.

    Args:
        distances: of the set.
        images: Q names of the members, in the order of the distances' items.

    Raises:
        QueryError: the names do not fit the set, or one stands twice.
    """
    n_images = len(distances.items)
    if len(images) != n_images or len(set(images)) != n_images:
        raise QueryError(
            f"{len(set(images))} different names were given for {n_images} images.", "Name each image once."
        )
    pairs = auroc_matrix(distances.n_less, distances.n_equal, distances.n_compared)
    arrays = (distances.within, distances.n_less, distances.n_equal)
    n_ranked = distances.n_compared + n_images - 1
    means: dict[str, tuple[float, float]] = {}
    without: dict[str, DoubleArray] = {}
    if n_images > 2:
        k = settings.PRECISION_AT
        means["mean_ap"] = (
            float(average_precision(*arrays).mean()),
            chance_average_precision(n_images - 1, n_ranked),
        )
        means["precision"] = (float(precision_at(*arrays, k=k).mean()), (n_images - 1) / n_ranked)
        without["mean_ap"] = mean_ap_without(*arrays)
        without["precision"] = precision_without(*arrays, k=k)
    return Side(tuple(images), pairs, means, without)


def difference(
    one: Side,
    reference: Side,
    *,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> Difference:
    """Measure how much better one side is retrieved than the reference, with intervals.

    Images are resampled, as for one set; an image of both sides has the same weight on both. Sides that share
    no image are drawn independently, each with as many images as it has; sides that share some are drawn from
    their union, so that the size of either varies a little from draw to draw.

    A bootstrap cannot see what a sample lacks. So the AUROC's interval is computed a second time with a
    stranger on either side, one more image whose AUROC with every other is 0.5, and reaches as far as any of
    them. Where both sides hold the same images, the stranger is one image of both.

    Args:
        one: what is compared.
        reference: what it is compared with.
        seed: same seed, same intervals.
        draws: of the bootstrap.
        confidence: of each interval, taken alone.

    Returns:
        Value of one minus value of the reference, of each measure; its chance is the difference of their chance
        values, which is not 0 for mAP and precision of sets of different size. With fewer than three images on
        a side, or nothing to compare with, NaN.
    """
    n_shared = len(set(one.images) & set(reference.images))
    if min(len(one), len(reference)) < 3 or np.isnan(one.auroc[0, 1] + reference.auroc[0, 1]):
        return Difference(NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, n_shared)
    auroc, rest = _draws(one, reference, seed, draws)
    low, high = interval(auroc, confidence)
    tails = [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]
    for strange in _with_strangers(one, reference):
        drawn, _ = _draws(*strange, seed, draws)
        ends = np.quantile(drawn.draws, tails)
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    found = {"auroc": Estimate(auroc.value, low, high, 0.0)}
    for name, resampled in rest.items():
        chance = one.means[name][1] - reference.means[name][1]
        found[name] = Estimate(resampled.value, *interval(resampled, confidence), chance)
    return Difference(**found, n_shared=n_shared)


def _draws(one: Side, reference: Side, seed: int, draws: int) -> tuple[Resampled, dict[str, Resampled]]:
    """Resample the difference of every measure, the AUROC in full and the others to first order."""
    places, n_union = _union(one, reference)
    fewer = min(len(one), len(reference))
    sides = (one, reference)
    values = [_mean(side.auroc) for side in sides]
    pulls = [_pulls(_auroc_without(side.auroc)) for side in sides]
    names = [name for name in one.means if name in reference.means]
    rest_pulls = {name: [_pulls(side.without[name]) for side in sides] for name in names}
    auroc_draws = []
    rest_draws: dict[str, list[DoubleArray]] = {name: [] for name in names}
    for weights in _weights(one, reference, places, n_union, seed, draws):
        auroc_draws.append(_drawn(one.auroc, weights[0]) - _drawn(reference.auroc, weights[1]))
        for name in names:
            moved = [w @ pull / len(pull) for w, pull in zip(weights, rest_pulls[name], strict=True)]
            rest_draws[name].append(moved[0] - moved[1])
    drawn = np.concatenate(auroc_draws)
    value = values[0] - values[1]
    auroc = Resampled(
        value, _snapped(drawn[np.isfinite(drawn)], value), _joined(pulls, places, n_union), fewer
    )
    rest = {}
    for name in names:
        value = one.means[name][0] - reference.means[name][0]
        moved_to = np.clip(_snapped(value + np.concatenate(rest_draws[name]), value), -1.0, 1.0)
        rest[name] = Resampled(value, moved_to, _joined(rest_pulls[name], places, n_union), fewer)
    return auroc, rest


def _snapped(draws: DoubleArray, value: float) -> DoubleArray:
    """Set draws to the value where rounding alone parts them: an interval counts the draws below it."""
    return np.where(np.abs(draws - value) < ROUNDING, value, draws)


def _union(one: Side, reference: Side) -> tuple[tuple[IntArray, IntArray], int]:
    """Number the images of both sides: the places of each side's images, and how many images there are."""
    number = {image: place for place, image in enumerate(dict.fromkeys((*one.images, *reference.images)))}
    places = [np.array([number[image] for image in side.images], np.int64) for side in (one, reference)]
    return (places[0], places[1]), len(number)


def _weights(
    one: Side,
    reference: Side,
    places: tuple[IntArray, IntArray],
    n_union: int,
    seed: int,
    draws: int,
) -> Iterator[tuple[DoubleArray, DoubleArray]]:
    """Yield blocks of draws: (b, Q) weights of the images of each side."""
    first, second = np.random.default_rng(seed).spawn(2)  # so that blocks do not change what is drawn
    apart = n_union == len(one) + len(reference)
    step = max(1, DRAWN_AT_ONCE // n_union)
    for start in range(0, draws, step):
        block = min(step, draws - start)
        if apart:
            yield image_weights(len(one), block, first), image_weights(len(reference), block, second)
        else:
            both = image_weights(n_union, block, first)
            yield both[:, places[0]], both[:, places[1]]


def _with_strangers(one: Side, reference: Side) -> Iterator[tuple[Side, Side]]:
    if set(one.images) == set(reference.images):
        yield _and_stranger(one), _and_stranger(reference)
    else:
        yield _and_stranger(one), reference
        yield one, _and_stranger(reference)


def _and_stranger(side: Side) -> Side:
    n = len(side)
    auroc = np.full((n + 1, n + 1), STRANGER)
    auroc[:n, :n] = side.auroc
    return Side((*side.images, _STRANGER), auroc, {}, {})


_STRANGER = object()  # equal to no image's name


def _off(auroc: DoubleArray) -> DoubleArray:
    off = auroc.copy()
    np.fill_diagonal(off, 0.0)
    return off


def _mean(auroc: DoubleArray) -> float:
    n = len(auroc)
    return float(_off(auroc).sum() / (n * (n - 1)))


def _drawn(auroc: DoubleArray, weights: DoubleArray) -> DoubleArray:
    """Average over the pairs of each draw; NaN for a draw without a pair."""
    pairs = np.square(weights.sum(axis=1)) - np.square(weights).sum(axis=1)
    sums = ((weights @ _off(auroc)) * weights).sum(axis=1)
    means: DoubleArray = np.divide(sums, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return means


def _auroc_without(auroc: DoubleArray) -> DoubleArray:
    n, off = len(auroc), _off(auroc)
    without: DoubleArray = (off.sum() - off.sum(axis=0) - off.sum(axis=1)) / ((n - 1) * (n - 2))
    return without


def _pulls(without: DoubleArray) -> DoubleArray:
    pulls: DoubleArray = (len(without) - 1) * (without.mean() - without)
    return pulls


def _joined(pulls: Sequence[DoubleArray], places: tuple[IntArray, IntArray], n_union: int) -> DoubleArray:
    """Add up what each image does to the difference: (n_union,), in units of the difference."""
    joined = np.zeros(n_union)
    joined[places[0]] += pulls[0] / len(pulls[0])
    joined[places[1]] -= pulls[1] / len(pulls[1])
    return joined
