"""Hubs, images that are near to everything; and distances that take them into account.

In many dimensions some images are among the nearest of very many others, and a query finds them whatever it asks for.
Local scaling divides that out: what counts is how near an image is compared with how near it is to others anyway.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.answer import Control, control_of, measured
from dxr_dash.analysis.cores import side_by_side
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.duplicates import NearlySame, counted_once, counts_among
from dxr_dash.analysis.shift import means_of
from dxr_dash.analysis.verdict import VERDICTS, decide
from dxr_dash.records import Answer, DoubleArray, FloatArray, Hubs, LocalScaling, SetDistances

HUB_DEVIATIONS = 2.0  # a k-occurrence this many standard deviations above the mean makes a hub
BLOCK_ROWS = 8_192
SCALING = {"cosine": "CSLS", "euclidean": "NICDM"}


def hubs(
    found: SetDistances, occurrence: npt.NDArray[np.integer], *, k: int = settings.INSTEAD_AT
) -> Hubs | None:
    """Measure how many of the places among a set's nearest gallery images hubs take.

    Args:
        found: distances of the set.
        occurrence: (N,) how many gallery images have this one among their nearest.
        k: nearest gallery images of each member to look at.

    Returns:
        None where there is nothing to look at.

    Source:
        Radovanović, Nanopoulos and Ivanović, "Hubs in Space", JMLR 11 (2010) 2487-2531: the skewness of the
        k-occurrence, and hubs as what lies two standard deviations above its mean.
    """
    counts = np.asarray(occurrence, np.float64)
    nearest = found.nearest_rows[:, :k]
    deviation = float(counts.std())
    if nearest.size == 0 or deviation == 0:
        return None
    is_hub = counts > counts.mean() + HUB_DEVIATIONS * deviation
    return Hubs(
        skewness=float(np.mean(((counts - counts.mean()) / deviation) ** 3)),
        share=float(is_hub[nearest].mean()),
        usual=float(counts[is_hub].sum() / counts.sum()),
        n_hubs=int(is_hub.sum()),
        k=nearest.shape[1],
    )


def local_scales(graph_distances: npt.NDArray[np.floating]) -> DoubleArray:
    """Give how near each image is to its nearest others: (n,) mean distance, 0 for an image alone.

    Args:
        graph_distances: (n, K) nearest first; inf where none was found.
    """
    return np.nan_to_num(means_of(np.asarray(graph_distances[:, : settings.SCALING_AT])), nan=0.0)


def scaled_keys(far: npt.NDArray[np.floating], scales: npt.NDArray[np.floating], metric: str) -> FloatArray:
    """Order images for a query by local scaling; the query's own scale is the same for all and left out.

    Args:
        far: (q, n) distances.
        scales: (n,) of those images, from ``local_scales``.
        metric: cosine by CSLS, 2 d - r; Euclidean by NICDM, d / sqrt(r).

    Returns:
        (q, n) float32, small is near; it may be negative. NaN stays.

    Source:
        Conneau, Lample, Ranzato, Denoyer and Jégou, "Word Translation without Parallel Data", ICLR (2018), section
        2.3. Schnitzer, Flexer, Schedl and Widmer, "Local and Global Scaling Reduce Hubs in Space", JMLR 13 (2012)
        2871-2902, section 3.1 (NICDM).
    """
    wide = np.asarray(far, np.float64)
    if metric == "cosine":
        keys: DoubleArray = 2.0 * wide - scales
    else:
        roots = np.broadcast_to(np.sqrt(scales), wide.shape)
        keys = np.divide(wide, roots, out=np.where(wide > 0, np.inf, wide), where=roots > 0)
    return keys.astype(np.float32)


def scaled(
    found: SetDistances,
    asked_vectors: FloatArray,
    vectors: npt.NDArray[np.floating],
    *,
    member_scales: DoubleArray,
    gallery_scales: DoubleArray,
    metric: str,
) -> SetDistances:
    """Count the known-item test of a set again, with images ordered by local scaling, in one pass over the gallery.

    Args:
        found: distances of the set.
        asked_vectors: (q, D) of the members that were asked with.
        vectors: (N, D), may be memory-mapped.
        member_scales: (Q,).
        gallery_scales: (N,).

    Returns:
        The record with keys in place of the distances between members, and with their counts; the rest is as it was.
    """
    within = scaled_keys(found.within, member_scales, metric)
    compared = np.ones(found.n_gallery, np.bool_)
    compared[found.own_rows] = False
    order = np.argsort(within, axis=1)
    ascending = np.take_along_axis(within, order, axis=1)  # what is looked up in order is found much faster
    counts = np.zeros((2, *within.shape), np.int64)
    adding = threading.Lock()

    def count(start: int) -> None:
        part = np.flatnonzero(compared[start : start + BLOCK_ROWS]) + start
        if not len(part):
            return
        far = distances(asked_vectors, vectors[start : start + BLOCK_ROWS], metric=metric)
        found = counts_among(scaled_keys(far[:, part - start], gallery_scales[part], metric), ascending)
        with adding:
            counts[...] += found

    side_by_side(count, range(0, len(vectors), BLOCK_ROWS))
    n_less, n_equal = np.empty_like(counts)
    np.put_along_axis(n_less, order, counts[0], axis=1)
    np.put_along_axis(n_equal, order, counts[1], axis=1)
    return replace(found, within=within, n_less=n_less, n_equal=n_equal)


def by_local_scaling(
    answer: Answer,
    keys: SetDistances,
    control: Control | None,
    near: NearlySame,
    *,
    metric: str,
    seed: int = settings.SEED,
    draws: int = settings.BOOTSTRAP_DRAWS,
    confidence: float = settings.CONFIDENCE,
) -> LocalScaling:
    """Answer again by distances that take hubs into account; near-duplicates and source count as they did.

    Args:
        answer: by the distances as they are.
        keys: from ``scaled``.
        control: as for ``answer``, with keys in place of distances.
        near: as for ``answer``, with keys in place of distances.
    """
    if answer.once is not None:
        keys, _ = counted_once(keys, near)
        control = control_of(control, np.isin(answer.members.items, keys.items))
    found = measured(
        answer.name,
        keys,
        control,
        other_source=answer.shift is not None and answer.shift.unexplained,
        seed=seed,
        draws=draws,
        confidence=confidence,
    )
    evidence = found.evidence
    return LocalScaling(
        name=SCALING[metric],
        auroc=evidence.auroc,
        mean_ap=evidence.mean_ap,
        precision=found.precision,
        control=evidence.control,
        verdict=VERDICTS[decide(evidence)],
        n_images=len(keys.items),
    )
