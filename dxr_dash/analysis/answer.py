"""Do these features retrieve X? The answer to one query set, with everything that carries it."""

from __future__ import annotations

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.baseline import closer_than
from dxr_dash.analysis.bootstrap import image_weights, interval, pair_estimate, resample_pulls
from dxr_dash.analysis.cautions import cautions
from dxr_dash.analysis.leave_one_out import mean_ap_without, precision_without
from dxr_dash.analysis.retrieval import (
    auroc_matrix,
    average_precision,
    chance_average_precision,
    first_hit_rank,
    known_item_ranking,
    precision_at,
)
from dxr_dash.analysis.verdict import VERDICTS, Evidence, decide, sentence
from dxr_dash.errors import QueryError
from dxr_dash.records import AgainstControl, Answer, DoubleArray, Estimate, FloatArray, Proof, SetDistances

PROOF_IMAGES = 12
UNKNOWN = float("nan")


def answer(
    name: str,
    distances: SetDistances,
    baseline_sorted: FloatArray,
    *,
    control: tuple[str, int, FloatArray] | None = None,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> Answer:
    """Answer for one query set.

    Args:
        name: what the set is called; it stands in the sentence.
        distances: of the set.
        baseline_sorted: (M,) float32, ascending.
        control: name, number of images C, and (Q, C) float32 distances from each member to each control image.
            The control set must share no image with the query set.
        seed: same seed, same intervals.
        draws: of the bootstrap.
        confidence: of the intervals.

    Returns:
        The answer. With fewer than three images, or nothing to compare with, the verdict is "cannot tell" and
        what cannot be estimated is NaN.

    Raises:
        QueryError: the control distances do not belong to this set.
    """
    rng = np.random.default_rng(seed)
    n_images = len(distances.items)
    pairs = auroc_matrix(distances.n_less, distances.n_equal, distances.n_compared)
    sorted_arrays = (distances.within, distances.n_less, distances.n_equal)
    weights = image_weights(n_images, draws, rng)
    strange_weights = image_weights(n_images + 1, draws, rng)
    auroc = _auroc(pairs, weights, strange_weights, confidence)
    per_image_ap = average_precision(*sorted_arrays)
    n_ranked = distances.n_compared + n_images - 1
    mean_ap = precision = Estimate(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    if n_images > 1:
        chance_ap = chance_average_precision(n_images - 1, n_ranked)
        mean_ap = Estimate(float(per_image_ap.mean()), UNKNOWN, UNKNOWN, chance_ap)
        per_image_precision = precision_at(*sorted_arrays, k=settings.PRECISION_AT)
        precision = Estimate(float(per_image_precision.mean()), UNKNOWN, UNKNOWN, (n_images - 1) / n_ranked)
    if n_images > 2:  # two images are one pair: nothing to resample
        mean_ap = _with_interval(mean_ap, mean_ap_without(*sorted_arrays), weights, confidence)
        without = precision_without(*sorted_arrays, k=settings.PRECISION_AT)
        precision = _with_interval(precision, without, weights, confidence)
    against = _against(control, distances.within, weights, strange_weights, confidence, rng)
    evidence = Evidence(name, n_images, distances.n_compared, auroc, mean_ap, against)
    reason = decide(evidence)
    return Answer(
        name=name,
        verdict=VERDICTS[reason],
        sentence=sentence(reason, evidence),
        n_images=n_images,
        n_compared=distances.n_compared,
        auroc=auroc,
        mean_ap=mean_ap,
        precision=precision,
        control=against,
        items=distances.items,
        per_image_auroc=_row_means(pairs),
        per_image_ap=per_image_ap,
        proofs=_proofs(distances, per_image_ap, baseline_sorted),
        warnings=cautions(distances, baseline_sorted, confidence),
    )


def control_shares(within: FloatArray, to_control: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Compare the distances between members with those to control images; ties count half.

    Args:
        within: (Q, Q), NaN on the diagonal.
        to_control: (Q, C).

    Returns:
        (Q, Q) float64, [q, m] = share of control images that are farther from q than m, NaN on the diagonal;
        and (C,) float64, the share of pairs (q, m) whose m is nearer to q than this control image.
    """
    n_images, n_control = to_control.shape
    matrix = np.full((n_images, n_images), np.nan)
    shares = np.zeros(n_control)
    for query in range(n_images):
        others = np.delete(within[query], query)
        controls = np.sort(to_control[query])
        not_farther = np.searchsorted(controls, others) + np.searchsorted(controls, others, side="right")
        matrix[query, np.arange(n_images) != query] = 1.0 - not_farther / (2.0 * n_control)
        others.sort()
        shares += np.searchsorted(others, to_control[query]) / 2.0
        shares += np.searchsorted(others, to_control[query], side="right") / 2.0
    return matrix, shares / (n_images * (n_images - 1)) if n_images > 1 else np.full(n_control, np.nan)


def _auroc(
    pairs: DoubleArray, weights: DoubleArray, strange_weights: DoubleArray, confidence: float
) -> Estimate:
    n_images = len(pairs)
    if n_images < 2 or np.isnan(pairs[0, 1]):
        return Estimate(UNKNOWN, UNKNOWN, UNKNOWN, 0.5)
    if n_images < 3:
        return Estimate(float(np.nanmean(pairs)), UNKNOWN, UNKNOWN, 0.5)
    return pair_estimate(pairs, weights, strange_weights, confidence)


def _with_interval(
    estimate: Estimate, without: DoubleArray, weights: DoubleArray, confidence: float
) -> Estimate:
    low, high = interval(resample_pulls(estimate.value, without, weights), confidence)
    return Estimate(estimate.value, low, high, estimate.chance)


def _against(
    control: tuple[str, int, FloatArray] | None,
    within: FloatArray,
    weights: DoubleArray,
    strange_weights: DoubleArray,
    confidence: float,
    rng: np.random.Generator,
) -> AgainstControl | None:
    if control is None:
        return None
    name, n_control, to_control = control
    n_images = len(within)
    if to_control.shape != (n_images, n_control):
        raise QueryError(
            f"The distances to the control set {name} have shape {to_control.shape}, "
            f"not ({n_images}, {n_control}).",
            "Measure them from every image of the query set to every control image.",
        )
    if n_control == 0:
        raise QueryError(f"The control set {name} is empty.", "Choose another, or none.")
    if n_images < 3:
        return AgainstControl(name, n_control, Estimate(UNKNOWN, UNKNOWN, UNKNOWN, 0.5))
    matrix, shares = control_shares(within, to_control)
    found = pair_estimate(
        matrix,
        weights,
        strange_weights,
        confidence,
        control_shares=shares,
        control_weights=image_weights(n_control, len(weights), rng),
    )
    return AgainstControl(name, n_control, found)


def _row_means(pairs: DoubleArray) -> DoubleArray:
    """Average over the others; a row without others, or without a gallery, is NaN, and numpy need not warn."""
    n_images = len(pairs)
    if n_images < 2:
        return np.full(n_images, np.nan)
    off = pairs.copy()
    np.fill_diagonal(off, 0.0)
    result: DoubleArray = off.sum(axis=1) / (n_images - 1)
    return result


def _proofs(distances: SetDistances, per_image_ap: DoubleArray, baseline: FloatArray) -> tuple[Proof, ...]:
    """Show the best, the median and the worst member by average precision; all of them when fewer than three."""
    held = distances.nearest_rows.shape[1]
    length = PROOF_IMAGES if held >= distances.n_compared else min(PROOF_IMAGES, held)
    items, values, hits = known_item_ranking(distances, k=length)
    first = first_hit_rank(distances.within, distances.n_less, distances.n_equal)
    order = np.argsort(-per_image_ap, kind="stable")
    shown = dict.fromkeys((0, (len(order) - 1) // 2, len(order) - 1))  # in this order, none twice
    if len(order) < 3:
        shown = dict.fromkeys(range(len(order)))
    return tuple(
        Proof(
            item=int(distances.items[query]),
            average_precision=float(per_image_ap[query]),
            first_hit=int(first[query]),
            ranking=items[query],
            distances=values[query],
            percentiles=closer_than(values[query], baseline),
            hits=hits[query],
        )
        for query in order[list(shown)]
    )
