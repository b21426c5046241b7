"""Do these features retrieve X? The answer to one query set, with everything that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.baseline import closer_than, dkw_bound
from dxr_dash.analysis.bootstrap import image_weights, interval, pair_estimate, resample_pulls
from dxr_dash.analysis.cautions import cautions, copies_matter, pairs_matter
from dxr_dash.analysis.duplicates import NearlySame, counted_once, nearly_same
from dxr_dash.analysis.leave_one_out import mean_ap_without, precision_without, recall_without
from dxr_dash.analysis.retrieval import (
    auroc_matrix,
    average_precision,
    chance_average_precision,
    chance_first_hit,
    first_hit_rank,
    known_item_ranking,
    precision_at,
    recall_at,
)
from dxr_dash.analysis.verdict import VERDICTS, Evidence, as_it_stands, decide, sentence
from dxr_dash.errors import QueryError
from dxr_dash.records import (
    AgainstControl,
    Answer,
    Basis,
    BoolArray,
    CountedOnce,
    DoubleArray,
    Estimate,
    FloatArray,
    Hubs,
    IntArray,
    MemberMeasures,
    Proof,
    SetDistances,
    Shift,
    Verdict,
)

PROOF_IMAGES = 12
UNKNOWN = float("nan")

Control = tuple[str, int, FloatArray]
"""Name, number of images C, and (q, C) distances from each asked member."""


def answer(
    name: str,
    distances: SetDistances,
    baseline_sorted: FloatArray,
    *,
    control: Control | None = None,
    near: NearlySame | None = None,
    shift: Shift | None = None,
    hubs: Hubs | None = None,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
    brief: bool = False,
) -> Answer:
    """Answer for one query set.

    Where near-duplicates could change the answer the verdict is that of the set with each of them counted once.

    Args:
        name: what the set is called; it stands in the sentence.
        distances: of the set.
        baseline_sorted: (M,) float32, ascending.
        control: name, number of images C, and (q, C) float32 distances from each asked member to each control image.
            The control set must share no image with the query set.
        near: what is nearly the same image in the set and in the gallery; found from the distances alone unless given.
        shift: how unlike the gallery the set is, where that is known.
        hubs: how much of what it retrieves is near to everything, where that is known.
        seed: same seed, same intervals.
        draws: of the bootstrap.
        confidence: of the intervals.
        brief: leave out precision, recall and first hit, which are then NaN: no verdict rests on them, and a scan
            that asks for thousands of values does not show them.

    Returns:
        The answer. With fewer than three images, or nothing to compare with, the verdict is "cannot tell" and
        what cannot be estimated is NaN.

    Raises:
        QueryError: the control distances do not belong to this set.
    """
    same = near or nearly_same(distances)
    other_source = shift is not None and shift.unexplained
    measure = partial(
        measured,
        name,
        other_source=other_source,
        seed=seed,
        draws=draws,
        confidence=confidence,
        brief=brief,
    )
    found = measure(distances, control)
    reason = decide(found.evidence)
    verdict, said = VERDICTS[reason], sentence(reason, found.evidence)
    once = None
    if pairs_matter(distances, same) or copies_matter(distances, same):
        left, stays = counted_once(distances, same)
        few = control_of(control, np.isin(distances.asked, stays))
        again = measure(left, few)
        once_reason = decide(again.evidence)
        once = CountedOnce(
            n_images=len(left.items),
            n_compared=left.n_compared,
            n_left_out=len(distances.items) - len(left.items),
            n_copied=int(np.count_nonzero(same.copied)),
            copies=same.copies,
            auroc=again.evidence.auroc,
            mean_ap=again.evidence.mean_ap,
            precision=again.precision,
            control=again.evidence.control,
            verdict=VERDICTS[once_reason],
        )
        if once.verdict is not verdict:
            said = f"{sentence(once_reason, again.evidence)} {as_it_stands(verdict)}"
            verdict = once.verdict
    return Answer(
        name=name,
        verdict=verdict,
        sentence=said,
        n_images=len(distances.items),
        n_compared=distances.n_compared,
        n_asked=len(distances.asked),
        auroc=found.evidence.auroc,
        mean_ap=found.evidence.mean_ap,
        precision=found.precision,
        precision_at=max(1, min(settings.PRECISION_AT, len(distances.items) - 1)),
        recall=found.recall,
        first_hit=found.first_hit,
        control=found.evidence.control,
        members=found.members,
        proofs=_proofs(distances, found.members, baseline_sorted),
        warnings=cautions(
            distances,
            baseline_sorted,
            confidence,
            near=same,
            once=once,
            shift=shift,
            hubs=hubs,
            bare=control is None and verdict in (Verdict.YES, Verdict.PARTLY),
        ),
        basis=_basis(distances, baseline_sorted, draws, confidence, seed),
        once=once,
        shift=shift,
        hubs=hubs,
    )


@dataclass(frozen=True)
class Measured:
    """The measures of one set of distances, and what a verdict is decided on."""

    evidence: Evidence
    precision: Estimate
    recall: Estimate
    first_hit: Estimate
    members: MemberMeasures


def measured(
    name: str,
    distances: SetDistances,
    control: Control | None,
    *,
    other_source: bool = False,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
    brief: bool = False,
) -> Measured:
    """Measure a set by its distances, or by what stands in for them; arguments and errors as for ``answer``."""
    rng = np.random.default_rng(seed)
    n_asked = len(distances.asked)
    pairs = auroc_matrix(distances.within, distances.n_less, distances.n_equal, distances.n_compared)
    weights = image_weights(n_asked, draws, rng)
    strange_weights = image_weights(n_asked + 1, draws, rng)
    auroc = _auroc(distances, pairs, weights, strange_weights, confidence)
    members = member_measures(distances, pairs, brief=brief)
    mean_ap, precision, recall, first_hit = _over_the_set(
        distances, members, weights, confidence, brief=brief
    )
    against = _against(control, distances, weights, strange_weights, confidence, rng)
    n_images = len(distances.items)
    evidence = Evidence(name, n_images, distances.n_compared, auroc, mean_ap, against, other_source)
    return Measured(evidence, precision, recall, first_hit, members)


def control_of(control: Control | None, queries: BoolArray) -> Control | None:
    """Keep the control distances of some of the asked members."""
    return None if control is None else (control[0], control[1], control[2][queries])


def member_measures(distances: SetDistances, pairs: DoubleArray, *, brief: bool = False) -> MemberMeasures:
    """Measure the known-item test of each member that was asked with.

    Args:
        distances: of the set.
        pairs: (q, Q) from ``auroc_matrix``.
        brief: leave out precision and recall, which are then NaN.
    """
    counts = (distances.within, distances.n_less, distances.n_equal)
    unknown = np.full(len(distances.asked), UNKNOWN)
    return MemberMeasures(
        items=distances.asked_items,
        auroc=_row_means(pairs),
        average_precision=average_precision(*counts),
        precision=unknown if brief else precision_at(*counts, k=settings.PRECISION_AT),
        recall=unknown if brief else recall_at(*counts, k=settings.RECALL_FIRST),
        first_hit=first_hit_rank(*counts),
    )


def _over_the_set(
    distances: SetDistances, members: MemberMeasures, weights: DoubleArray, confidence: float, *, brief: bool
) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Give mean average precision, precision, recall and first hit over the set, each with interval and chance."""
    n_others = len(distances.items) - 1
    if n_others < 1:
        unknown = Estimate(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
        return unknown, unknown, unknown, unknown
    n_ranked = distances.n_compared + n_others
    counts = (distances.within, distances.n_less, distances.n_equal)
    chances = (
        chance_average_precision(n_others, n_ranked),
        n_others / n_ranked,
        min(settings.RECALL_FIRST, n_ranked) / n_ranked,
    )
    values = [float(one.mean()) for one in (members.average_precision, members.precision, members.recall)]
    ends = [(UNKNOWN, UNKNOWN)] * 3
    if n_others > 1:  # two images are one pair: nothing to resample
        without = [mean_ap_without(*counts)]
        if not brief:
            without.append(precision_without(*counts, k=settings.PRECISION_AT))
            without.append(recall_without(*counts, k=settings.RECALL_FIRST))
        targets = np.delete(np.arange(len(distances.items)), distances.asked)
        ends = [
            interval(resample_pulls(value, one[distances.asked], weights, targets=one[targets]), confidence)
            for value, one in zip(values, without, strict=False)
        ] + ends[len(without) :]
    found = [Estimate(*parts) for parts in zip(values, *zip(*ends, strict=True), chances, strict=True)]
    hit = _median(members.first_hit, confidence)
    return found[0], found[1], found[2], Estimate(*hit, chance_first_hit(n_others, n_ranked))


def _median(ranks: IntArray, confidence: float) -> tuple[float, float, float]:
    """Give the median of ranks, and the two ranks that hold the true one by the binomial distribution.

    Source:
        Conover, Practical Nonparametric Statistics, 3rd ed. (1999), section 3.2.
    """
    from scipy.stats import binom  # half a second that only an answer should cost

    ascending = np.sort(ranks)
    n = len(ascending)
    middle = float(np.median(ascending))
    first = int(
        binom.ppf((1.0 - confidence) / 2.0, n, 0.5)
    )  # this rank is the first that may be the lower end
    if first < 1:
        return middle, UNKNOWN, UNKNOWN
    return middle, float(ascending[first - 1]), float(ascending[n - first])


def _basis(distances: SetDistances, baseline: FloatArray, draws: int, confidence: float, seed: int) -> Basis:
    n_images = distances.n_gallery
    everything = baseline.size == n_images * (n_images - 1) // 2
    return Basis(
        n_baseline=int(baseline.size),
        all_pairs=everything,
        baseline_bound=0.0 if everything else dkw_bound(baseline.size, confidence),
        n_draws=draws,
        confidence=confidence,
        seed=seed,
    )


def control_shares(within: FloatArray, to_control: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Compare the distances between members with those to control images; ties count half.

    Args:
        within: (q, Q), NaN from an image to itself.
        to_control: (q, C).

    Returns:
        (q, Q) float64, [q, m] = share of control images that are farther from q than m, NaN from an image to itself;
        and (C,) float64, the share of pairs (q, m) whose m is nearer to q than this control image.
    """
    n_queries, n_control = to_control.shape
    matrix = np.full(within.shape, np.nan)
    shares = np.zeros(n_control)
    others_of_all = ~np.isnan(within)
    for query in range(n_queries):
        others = within[query, others_of_all[query]]
        controls = np.sort(to_control[query])
        not_farther = np.searchsorted(controls, others) + np.searchsorted(controls, others, side="right")
        matrix[query, others_of_all[query]] = 1.0 - not_farther / (2.0 * n_control)
        others.sort()
        shares += np.searchsorted(others, to_control[query]) / 2.0
        shares += np.searchsorted(others, to_control[query], side="right") / 2.0
    n_pairs = int(np.count_nonzero(others_of_all))
    return matrix, shares / n_pairs if n_pairs else np.full(n_control, np.nan)


def _auroc(
    distances: SetDistances,
    pairs: DoubleArray,
    weights: DoubleArray,
    strange_weights: DoubleArray,
    confidence: float,
) -> Estimate:
    if pairs.shape[1] < 2 or distances.n_compared == 0:
        return Estimate(UNKNOWN, UNKNOWN, UNKNOWN, 0.5)
    value = float(np.nanmean(pairs))
    if len(pairs) < 3:
        return Estimate(value, UNKNOWN, UNKNOWN, 0.5)
    return pair_estimate(distances.among_asked(pairs), weights, strange_weights, confidence, value=value)


def _against(
    control: Control | None,
    distances: SetDistances,
    weights: DoubleArray,
    strange_weights: DoubleArray,
    confidence: float,
    rng: np.random.Generator,
) -> AgainstControl | None:
    if control is None:
        return None
    name, n_control, to_control = control
    n_queries = len(distances.asked)
    if to_control.shape != (n_queries, n_control):
        raise QueryError(
            f"The distances to the control set {name} have shape {to_control.shape}, "
            f"not ({n_queries}, {n_control}).",
            "Measure them from every image that is asked with to every control image.",
        )
    if n_control == 0:
        raise QueryError(f"The control set {name} is empty.", "Choose another, or none.")
    if n_queries < 3:
        return AgainstControl(name, n_control, Estimate(UNKNOWN, UNKNOWN, UNKNOWN, 0.5))
    matrix, shares = control_shares(distances.within, to_control)
    found = pair_estimate(
        distances.among_asked(matrix),
        weights,
        strange_weights,
        confidence,
        value=float(np.nanmean(matrix)),
        control_shares=shares,
        control_weights=image_weights(n_control, len(weights), rng),
    )
    return AgainstControl(name, n_control, found)


def _row_means(pairs: DoubleArray) -> DoubleArray:
    """Average over the others; a row without others, or without a gallery, is NaN, and numpy need not warn."""
    known = ~np.isnan(pairs)
    n_known = known.sum(axis=1)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    means: DoubleArray = np.divide(sums, n_known, out=np.full(len(pairs), np.nan), where=n_known > 0)
    return means


def _proofs(distances: SetDistances, members: MemberMeasures, baseline: FloatArray) -> tuple[Proof, ...]:
    """Show the best, the median and the worst member by average precision; all of them when fewer than three."""
    held = distances.nearest_rows.shape[1]
    length = PROOF_IMAGES if held >= distances.n_compared else min(PROOF_IMAGES, held)
    order = np.argsort(-members.average_precision, kind="stable")
    shown = dict.fromkeys((0, (len(order) - 1) // 2, len(order) - 1))  # in this order, none twice
    if len(order) < 3:
        shown = dict.fromkeys(range(len(order)))
    chosen = order[list(shown)]
    items, values, hits = known_item_ranking(distances.of_asked(chosen), k=length)
    return tuple(
        Proof(
            item=int(members.items[query]),
            average_precision=float(members.average_precision[query]),
            first_hit=int(members.first_hit[query]),
            ranking=items[place],
            distances=values[place],
            percentiles=closer_than(values[place], baseline),
            hits=hits[place],
        )
        for place, query in enumerate(chosen)
    )
