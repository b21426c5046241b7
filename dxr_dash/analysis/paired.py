"""Is one query set retrieved better than another, or better in one feature space than in another?

Both sides may hold the same images: all of them where one set is looked at in two spaces, some where two sets
overlap. What an image does to one side it then does to the other, so it must be drawn for both at once: the
difference of two intervals would be far too wide for the same images, and wrong for shared ones.
docs/statistics.md gives the measured coverage.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.answer import member_measures
from dxr_dash.analysis.bootstrap import STRANGER, Resampled, image_weights, interval, normal_deviates
from dxr_dash.analysis.leave_one_out import mean_ap_without, precision_without, recall_without
from dxr_dash.analysis.retrieval import auroc_matrix, chance_average_precision
from dxr_dash.errors import QueryError
from dxr_dash.records import Difference, DoubleArray, Estimate, IntArray, SetDistances

UNKNOWN = float("nan")
NOT_KNOWN = Estimate(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
DRAWN_AT_ONCE = 4_000_000  # weights in memory: draws times images
ROUNDING = 1e-12


@dataclass(frozen=True)
class FirstOrder:
    """A measure, and what each image does to it.

    Attributes:
        value: on all images.
        chance: what chance gives.
        pulls: (q,) float64, how much the measure would fall without each asked image; they sum to 0.
        others: (Q - q,) the same of the images that only are to be found.
    """

    value: float
    chance: float
    pulls: DoubleArray
    others: DoubleArray


@dataclass(frozen=True)
class Side:
    """What a comparison needs of one query set in one feature space.

    Attributes:
        images: q names of the images that were asked with; the same name on both sides is the same image.
        others: Q - q names of the images of a large set that only are to be found.
        value: AUROC of the set.
        auroc: (q, q) the chance that asked image m is nearer to q than a gallery image is; the diagonal is never
            looked at.
        measures: mean_ap, precision and recall; none with fewer than three images.
    """

    images: tuple[Hashable, ...]
    others: tuple[Hashable, ...]
    value: float
    auroc: DoubleArray
    measures: Mapping[str, FirstOrder]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def everything(self) -> set[Hashable]:
        """The names of all images."""
        return {*self.images, *self.others}


def side(distances: SetDistances, images: Sequence[Hashable]) -> Side:
    """Take from a set's distances what a comparison needs.

    Args:
        distances: of the set.
        images: Q names of the members, in the order of the distances' items.

    Raises:
        QueryError: the names do not fit the set, or one stands twice.
    """
    n_images, asked = len(distances.items), distances.asked
    if len(images) != n_images or len(set(images)) != n_images:
        raise QueryError(
            f"{len(set(images))} different names were given for {n_images} images.", "Name each image once."
        )
    others = np.delete(np.arange(n_images), asked)
    counts = (distances.within, distances.n_less, distances.n_equal)
    pairs = auroc_matrix(*counts, distances.n_compared)
    known = pairs[~np.isnan(pairs)]
    return Side(
        images=tuple(images[place] for place in asked.tolist()),
        others=tuple(images[place] for place in others.tolist()),
        value=float(known.mean()) if known.size else UNKNOWN,
        auroc=distances.among_asked(pairs),
        measures=_measures(distances, pairs, others) if len(asked) > 2 else {},
    )


def _measures(distances: SetDistances, pairs: DoubleArray, others: IntArray) -> dict[str, FirstOrder]:
    members = member_measures(distances, pairs)
    counts = (distances.within, distances.n_less, distances.n_equal)
    n_others = len(distances.items) - 1
    n_ranked = distances.n_compared + n_others
    chances = (
        chance_average_precision(n_others, n_ranked),
        n_others / n_ranked,
        min(settings.RECALL_FIRST, n_ranked) / n_ranked,
    )
    without = (
        mean_ap_without(*counts),
        precision_without(*counts, k=settings.PRECISION_AT),
        recall_without(*counts, k=settings.RECALL_FIRST),
    )
    values = (members.average_precision, members.precision, members.recall)
    names = ("mean_ap", "precision", "recall")
    return {
        name: FirstOrder(
            float(value.mean()), chance, _pulls(left_out[distances.asked]), _centred(left_out[others])
        )
        for name, value, chance, left_out in zip(names, values, chances, without, strict=True)
    }


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
    their union, so that the size of either varies a little from draw to draw. Of large sets the images that were
    asked with are drawn, and what the others do is added as a normal deviate.

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
    n_shared = len(one.everything & reference.everything)
    if min(len(one), len(reference)) < 3 or np.isnan(one.value + reference.value):
        return Difference(NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, n_shared)
    auroc, rest = _draws(one, reference, seed, draws)
    low, high = interval(auroc, confidence)
    tails = [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]
    for strange in _with_strangers(one, reference):
        drawn, _ = _draws(*strange, seed, draws)
        ends = np.quantile(drawn.draws, tails)
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    value = one.value - reference.value
    moved = value - auroc.value  # 0 but for large sets, whose AUROC is taken over more pairs than are drawn
    found = {"auroc": Estimate(value, max(-1.0, low + moved), min(1.0, high + moved), 0.0)}
    for name, resampled in rest.items():
        chance = one.measures[name].chance - reference.measures[name].chance
        found[name] = Estimate(resampled.value, *interval(resampled, confidence), chance)
    return Difference(**found, n_shared=n_shared)


def _draws(one: Side, reference: Side, seed: int, draws: int) -> tuple[Resampled, dict[str, Resampled]]:
    """Resample the difference of every measure, the AUROC in full and the others to first order."""
    places, n_union = _union(one, reference)
    fewer = min(len(one), len(reference))
    sides = (one, reference)
    names = [name for name in one.measures if name in reference.measures]
    auroc_draws = []
    moves: dict[str, list[DoubleArray]] = {name: [] for name in names}
    for weights in _weights(one, reference, places, n_union, seed, draws):
        auroc_draws.append(_drawn(one.auroc, weights[0]) - _drawn(reference.auroc, weights[1]))
        for name in names:
            moved = [w @ side.measures[name].pulls for w, side in zip(weights, sides, strict=True)]
            moves[name].append(moved[0] - moved[1])
    drawn = np.concatenate(auroc_draws)
    value = _mean(one.auroc) - _mean(reference.auroc)
    pulls = [_pulls(_auroc_without(side.auroc)) for side in sides]
    auroc = Resampled(
        value, _snapped(drawn[np.isfinite(drawn)], value), _joined(pulls, places, n_union), fewer
    )
    rest = {}
    for name in names:
        both = (one.measures[name], reference.measures[name])
        value = both[0].value - both[1].value
        moved_to = value + np.concatenate(moves[name])
        moved_to += normal_deviates(_spread_of_others(one, reference, name), len(moved_to))
        pulls = [measure.pulls for measure in both]
        rest[name] = Resampled(
            value, np.clip(_snapped(moved_to, value), -1.0, 1.0), _joined(pulls, places, n_union), fewer
        )
    return auroc, rest


def _spread_of_others(one: Side, reference: Side, name: str) -> float:
    """Add up, image by image, what the images do to the difference that were not asked with."""
    total: dict[Hashable, float] = {}
    for sign, side in ((1.0, one), (-1.0, reference)):
        for image, pull in zip(side.others, side.measures[name].others.tolist(), strict=True):
            total[image] = total.get(image, 0.0) + sign * pull
    return float(np.sqrt(np.square(list(total.values())).sum())) if total else 0.0


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
    return Side((*side.images, _STRANGER), (), side.value, auroc, {})


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
    """Turn values without each of n images into what each does to the value: jackknife influences over n."""
    return _centred(without) * (len(without) - 1) / len(without)


def _centred(without: DoubleArray) -> DoubleArray:
    centred: DoubleArray = without.mean() - without if without.size else without
    return centred


def _joined(pulls: Sequence[DoubleArray], places: tuple[IntArray, IntArray], n_union: int) -> DoubleArray:
    """Add up what each image does to the difference: (n_union,)."""
    joined = np.zeros(n_union)
    joined[places[0]] += pulls[0]
    joined[places[1]] -= pulls[1]
    return joined
