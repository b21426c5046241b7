"""Readable but not near: can a line separate X, whether or not its neighbours are X?

A linear classifier may use the few directions of a feature space that know of X; a distance uses all of them. So a
space can hold X, and yet a search in it finds something else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.bootstrap import STRANGER, Resampled, image_weights, interval
from dxr_dash.analysis.cores import side_by_side
from dxr_dash.analysis.distances import same_rows
from dxr_dash.analysis.verdict import PARTLY_AUROC, YES_AUROC
from dxr_dash.records import (
    AgainstControl,
    BoolArray,
    DoubleArray,
    Estimate,
    FloatArray,
    IntArray,
    Probe,
    Verdict,
)

LONGEST_FIT = 200  # steps of the solver; what it has by then ranks as well
TOLERANCE = 1e-3


def probe(
    members: FloatArray,
    negatives: FloatArray,
    control: FloatArray | None,
    *,
    alike: BoolArray | None = None,
    retrieved: Estimate,
    retrieved_control: AgainstControl | None,
    verdict: Verdict | None = None,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> Probe | None:
    """Measure by cross-validation how well a linear classifier tells X from the gallery and from the control set.

    Args:
        members: (Q, D) of X.
        negatives: (n, D) of gallery images that are not X.
        control: (C, D), sharing no image with X; None without a control set.
        alike: (Q, Q) pairs of members that are nearly the same image; they go into one fold.
        retrieved: the AUROC of retrieval, X against the gallery.
        retrieved_control: the same against the control set.
        verdict: on retrieval; where that cannot be told, neither can it be told that X is readable but not near.
        seed: of folds and intervals. In every feature space an image is in the same fold.

    Returns:
        The measures; None when X or the negatives are fewer than ``settings.MIN_QUERY_IMAGES``.
    """
    least = settings.MIN_QUERY_IMAGES
    if len(members) < least or len(negatives) < least:
        return None
    places = folds(members, seed, alike)
    n_folds = len(np.unique(places))
    auroc = _probed(members, negatives, places, seed, draws, confidence)
    against = None
    if control is not None and len(control) >= least:
        against = _probed(members, control, places, seed, draws, confidence)
    near = retrieved if retrieved_control is None else retrieved_control.auroc
    far = auroc if retrieved_control is None else against
    return Probe(
        auroc=auroc,
        control=against,
        n_images=len(members),
        n_negatives=len(negatives),
        n_control=0 if against is None or control is None else len(control),
        n_folds=n_folds,
        readable_not_near=verdict is not Verdict.CANNOT_TELL
        and far is not None
        and readable_not_near(far, near),
    )


def readable_not_near(line: Estimate, retrieved: Estimate) -> bool:
    """Say whether a line separates X although its neighbours are not X.

    The line must reach what a yes needs, for certain more than "hardly" and more than retrieval, which must exclude a
    yes. An unknown end holds nothing.
    """
    reached = line.value >= YES_AUROC and line.low >= PARTLY_AUROC
    return reached and line.low > retrieved.high and retrieved.high < YES_AUROC


def negative_rows(n_gallery: int, members: IntArray, n_images: int, seed: int) -> IntArray:
    """Choose the gallery images that stand for the gallery: (n,) rows, ascending; all that are not X when few.

    The same rows in every feature space.

    Args:
        members: gallery rows of X, which are left out.
        n_images: how many, at most.
    """
    order = np.random.default_rng(seed).permutation(n_gallery)
    return np.sort(order[~np.isin(order, members)][:n_images])


def folds(vectors: npt.NDArray[np.floating], seed: int, alike: BoolArray | None = None) -> IntArray:
    """Deal images into folds of equal size; copies of one image go where the first of them goes.

    A copy in another fold would be learnt by heart and then recognised.

    Args:
        vectors: (n, D); identical ones are copies.
        alike: (n, n) further pairs that count as copies.

    Returns:
        (n,) int64 from 0. Without copies it depends on n and the seed alone.
    """
    n_images = len(vectors)
    dealt = np.random.default_rng(seed).permutation(n_images) % min(settings.PROBE_FOLDS, n_images)
    first, group = same_rows(vectors)
    leader = first[group]
    if alike is not None and alike.any():
        from scipy.sparse.csgraph import connected_components

        pairs = alike.copy()
        pairs[np.arange(n_images), leader] = True
        _, part = connected_components(pairs, directed=False)
        _, first = np.unique(part, return_index=True)
        leader = first[part]
    result: IntArray = dealt[leader].astype(np.int64)
    return result


def held_out_shares(
    positives: FloatArray, negatives: FloatArray, places: IntArray, negative_places: IntArray
) -> tuple[DoubleArray, DoubleArray]:
    """Rank held-out images by a linear classifier that has not seen their fold.

    Scores of two folds come from two classifiers and are never compared: a positive is compared with the negatives of
    its own fold.

    Args:
        positives: (P, D).
        negatives: (n, D).
        places: (P,) folds.
        negative_places: (n,) folds.

    Returns:
        (P,) share of the negatives of its fold that score below each positive, ties half; and (n,) share of the
        positives of its fold that score above each negative. NaN where a fold has none of the other kind.
    """
    above = np.full(len(positives), np.nan)
    below = np.full(len(negatives), np.nan)

    def held_out(fold: int) -> None:
        ours, theirs = places == fold, negative_places == fold
        if ours.all() or theirs.all() or not theirs.any():
            return
        scores = _scores(
            positives[~ours], negatives[~theirs], np.concatenate([positives[ours], negatives[theirs]])
        )
        high, low = scores[: np.count_nonzero(ours)], scores[np.count_nonzero(ours) :]
        above[ours] = _shares_below(high, low)
        below[theirs] = 1.0 - _shares_below(low, high)

    side_by_side(held_out, np.unique(places))
    return above, below


def _probed(
    positives: FloatArray, negatives: FloatArray, places: IntArray, seed: int, draws: int, confidence: float
) -> Estimate:
    above, below = held_out_shares(positives, negatives, places, folds(negatives, seed + 1))
    above, below = above[~np.isnan(above)], below[~np.isnan(below)]
    if len(above) < 2 or len(below) < 2:
        return Estimate(float("nan"), float("nan"), float("nan"), 0.5)
    # Classifiers of different folds learn from mostly the same images: their errors are not independent.
    n_folds = len(np.unique(places))
    widening = float(np.sqrt(1.0 + n_folds / (n_folds - 1)))
    return _estimate(above, below, widening, np.random.default_rng(seed), draws, confidence)


def _estimate(
    above: DoubleArray,
    below: DoubleArray,
    widening: float,
    rng: np.random.Generator,
    draws: int,
    confidence: float,
) -> Estimate:
    """Estimate the AUROC with an interval that resamples images of both kinds, to first order.

    As for retrieval, the lower end is also computed with a stranger in X, and the lower of the two ends holds.

    Args:
        widening: factor of the deviations, for what the folds have in common.

    Source:
        Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003) 239-281: the variance
        over J folds is 1 / J + 1 / (J - 1) of that of one fold, not 1 / J.
        DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating
        Characteristic Curves", Biometrics 44 (1988) 837-845: the two kinds of shares are its structural components.
    """
    n, n_negatives = len(above), len(below)
    value = float(above.mean())
    negative_pulls = below - below.mean()
    moved = image_weights(n_negatives, draws, rng) @ negative_pulls * (widening / n_negatives)
    drawn = image_weights(n, draws, rng) @ (above - value) * (widening / n)
    pulls = np.concatenate([(above - value) / n, negative_pulls / n_negatives])
    fewer = min(n, n_negatives)
    found = Resampled(value, np.clip(value + drawn + moved, 0.0, 1.0), pulls, fewer)
    low, high = interval(found, confidence)
    strange = np.append(above, STRANGER)
    strange_draws = (
        image_weights(n + 1, draws, rng) @ (strange - strange.mean()) * (widening / (n + 1)) + moved
    )
    strange_draws += strange.mean()
    strange_low = float(np.quantile(strange_draws, (1.0 - confidence) / 2.0))
    return Estimate(value, max(0.0, min(low, strange_low)), high, 0.5)


def _scores(positives: FloatArray, negatives: FloatArray, held_out: FloatArray) -> DoubleArray:
    """Learn on two kinds, each with half of the weight, and score held-out images: (h,) float64."""
    from sklearn.linear_model import LogisticRegression

    learnt = np.concatenate([positives, negatives]).astype(np.float64)
    middle = learnt.mean(axis=0)
    learnt -= middle
    length = float(np.sqrt(np.einsum("ij,ij->", learnt, learnt) / len(learnt)))
    if not length > 0:
        return np.zeros(len(held_out))
    kinds = np.repeat([1, 0], [len(positives), len(negatives)])
    model = LogisticRegression(
        C=settings.PROBE_C, class_weight="balanced", max_iter=LONGEST_FIT, tol=TOLERANCE
    )
    model.fit(learnt / length, kinds)
    scores: DoubleArray = model.decision_function((held_out - middle) / length)
    return scores


def _shares_below(scores: DoubleArray, others: DoubleArray) -> DoubleArray:
    """Give for each score the share of the others that are lower; ties count half."""
    ascending = np.sort(others)
    lower = np.searchsorted(ascending, scores) + np.searchsorted(ascending, scores, side="right")
    shares: DoubleArray = lower / (2.0 * len(others))
    return shares
