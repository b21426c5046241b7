"""What could overturn a verdict, in full sentences."""

from __future__ import annotations

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.baseline import dkw_bound
from dxr_dash.analysis.duplicates import NearlySame
from dxr_dash.analysis.verdict import FEW_IMAGES, SMALL_GALLERY, counted, written
from dxr_dash.records import CountedOnce, FloatArray, Hubs, SetDistances, Shift, Verdict

LARGE_BOUND = 0.01  # error of a percentile that could be seen


def cautions(
    distances: SetDistances,
    baseline_sorted: FloatArray,
    confidence: float,
    *,
    near: NearlySame,
    once: CountedOnce | None = None,
    shift: Shift | None = None,
    hubs: Hubs | None = None,
    bare: bool = False,
) -> tuple[str, ...]:
    """Collect the warnings that go with an answer.

    Args:
        distances: of the query set.
        baseline_sorted: (M,) float32, ascending.
        confidence: for the bound on the baseline.
        near: what is nearly the same image in the set and the gallery.
        once: the answer with that counted once.
        shift: how unlike the gallery the set is.
        hubs: how much of what it retrieves is near to everything.
        bare: whether the set is said to be retrieved, in part at least, without a control set.
    """
    found = [
        _few_images(distances),
        _pairs_in_set(distances, near),
        _copies_in_gallery(distances, near),
        _counted_once(once),
        _other_source(shift) or (_from_outside(distances) if bare else ""),
        _hubs(hubs) if len(distances.asked) >= settings.HUB_MEMBERS else "",
        _small_gallery(distances),
        _rough_baseline(distances, baseline_sorted, confidence),
    ]
    return tuple(warning for warning in found if warning)


def pairs_matter(distances: SetDistances, near: NearlySame) -> bool:
    """Say whether so many members are nearly the same as another that it could change the answer."""
    n_near = int(np.count_nonzero(near.pairs.any(axis=1)))
    return n_near >= max(1.0, settings.SAME_MEMBERS * len(distances.asked))


def copies_matter(distances: SetDistances, near: NearlySame) -> bool:
    """Say whether so many members have a copy in the gallery that it could change the answer."""
    n_copied = int(np.count_nonzero(near.copied))
    return n_copied >= max(1.0, settings.COPIED_MEMBERS * len(distances.asked))


def _few_images(distances: SetDistances) -> str:
    n_images = len(distances.items)
    if n_images >= FEW_IMAGES:
        return ""
    return (
        f"The set has only {counted(n_images, 'image')}: one more or one less can change the answer. "
        f"{FEW_IMAGES} or more make it steady."
    )


def _pairs_in_set(distances: SetDistances, near: NearlySame) -> str:
    if not pairs_matter(distances, near):
        return ""
    are = "pair of images is" if near.n_pairs == 1 else "pairs of images are"
    return (
        f"Within the set {near.n_pairs:,} {are} nearly the same: such pairs find each other whatever the features "
        "know about the rest. Keep one image of each."
    )


def _copies_in_gallery(distances: SetDistances, near: NearlySame) -> str:
    if not copies_matter(distances, near):
        return ""
    n_copied = int(np.count_nonzero(near.copied))
    have = "image of the set has" if n_copied == 1 else "images of the set have"
    return (
        f"{n_copied:,} {have} a copy in the gallery, or nearly one, that is not in the set: it counts as not X. "
        "Add the copies to the set or leave their images out."
    )


def _counted_once(once: CountedOnce | None) -> str:
    if once is None:
        return ""
    control = f", and against the control set {written(once.control.auroc)}" if once.control else ""
    return (
        f"With near-duplicates counted once, {counted(once.n_images, 'image')} against {once.n_compared:,} of the "
        f"gallery, the AUROC is {written(once.auroc)}{control}, the mean average precision "
        f"{written(once.mean_ap)}: {verdict_word(once.verdict)}."
    )


def verdict_word(verdict: Verdict) -> str:
    """Write a verdict inside a sentence: "that is a yes"."""
    return "that leaves it open" if verdict is Verdict.CANNOT_TELL else f"that says {verdict}"


def _other_source(shift: Shift | None) -> str:
    if shift is None or not shift.unlike_gallery:
        return ""
    way = "farther from" if shift.auroc.value > shift.auroc.chance else "nearer to"
    said = (
        f"The images from outside lie {way} their nearest gallery images than gallery images do (chance 0.50, found "
        f"{written(shift.auroc)}): they may come from another source, and a common source alone can make them find "
        "each other."
    )
    if not shift.unexplained:
        return f"{said} The control set is as unlike the gallery, so it takes that into account."
    remedy = "from the same source"
    return f"{said} {'Choose a control set' if shift.control is None else 'The control set is not'} {remedy}."


def _from_outside(distances: SetDistances) -> str:
    """Mind what the distances of images from outside cannot show: calibration has a set of this kind."""
    items = distances.items
    if np.count_nonzero(items < 0) < settings.SOURCE_OUTSIDE * len(items):
        return ""
    return (
        "The images come from outside, and there is no control set: if they share a source or a style that gallery "
        "images do not have, that alone can make them find each other, and distances do not always show it. A "
        "control set from the same source would."
    )


def _hubs(hubs: Hubs | None) -> str:
    if hubs is None or hubs.share < settings.HUB_SHARE:
        return ""
    return (
        f"Hubs take {100 * hubs.share:.0f} % of the places among the {hubs.k} nearest gallery images of each member "
        f"({100 * hubs.usual:.0f} % for any image): {counted(hubs.n_hubs, 'image')} that are near to many others "
        "whatever is asked. Distances by local scaling show what remains without them."
    )


def _small_gallery(distances: SetDistances) -> str:
    if distances.n_compared >= SMALL_GALLERY:
        return ""
    return (
        f"Only {counted(distances.n_compared, 'gallery image')} could be compared: in a larger collection the "
        "set is harder to find."
    )


def _rough_baseline(distances: SetDistances, baseline: FloatArray, confidence: float) -> str:
    n_images = distances.n_gallery
    if baseline.size == n_images * (n_images - 1) // 2:  # every pair: nothing was sampled
        return ""
    bound = dkw_bound(baseline.size, confidence)
    if bound <= LARGE_BOUND:
        return ""
    return (
        f"The baseline is {counted(baseline.size, 'random pair')}: its percentiles can be off by "
        f"{100 * bound:.1f} points (with {100 * confidence:.0f} % confidence)."
    )
