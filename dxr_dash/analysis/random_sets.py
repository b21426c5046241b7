"""How often a random set does as well: the AUROC of X among those of random gallery sets of the same size.

Two distances that share an image are not two observations, so no formula gives the p-value of an AUROC between the
members of a set. Random sets share images in just the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis.cores import side_by_side
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.set_distances import within_distances
from dxr_dash.errors import QueryError
from dxr_dash.records import AmongRandomSets, DoubleArray, FloatArray, IntArray

TABLE_NUMBERS = (
    4_194_304  # float32 distances to the reference images in memory at once, for each core: 16 MiB
)


def among_random_sets(
    query_vectors: npt.NDArray[np.floating],
    items: npt.ArrayLike,
    vectors: npt.NDArray[np.floating],
    random: RandomAurocs,
) -> AmongRandomSets | None:
    """Compare the AUROC of a set with those of random gallery sets of its size.

    A set larger than ``settings.RANDOM_SET_IMAGES`` is represented by as many of its members, drawn at random, and a
    random set by as many of its own.

    Args:
        query_vectors: (Q, D) float32.
        items: (Q,) a gallery row, or negative for an image from outside.
        vectors: (N, D), may be memory-mapped.
        random: from ``random_aurocs``, with the same vectors and as many images.

    Returns:
        The comparison, one-sided: only random sets that are at least as near to themselves count. None when there
        are no random sets to compare with.

    Raises:
        QueryError: the random sets have another size.

    Source:
        Phipson and Smyth, "Permutation P-values Should Never Be Zero", Statistical Applications in Genetics and
        Molecular Biology 9 (2010) 39: (1 + b) / (1 + B) is exact when random sets are drawn with replacement.
    """
    members = np.asarray(items, np.int64)
    if random.n_images != len(members):
        raise QueryError(
            f"The random sets have {random.n_images} images, and the query set {len(members)}.",
            "Draw random sets of the same size.",
        )
    if not len(random.aurocs):
        return None
    taken = np.random.default_rng(random.seed).permutation(len(members))[: settings.RANDOM_SET_IMAGES]
    chosen = query_vectors[taken]
    to_reference = distances(chosen, vectors[random.reference], metric=random.metric)
    compared = ~np.isin(random.reference, members[members >= 0])
    value = set_auroc(within_distances(chosen, random.metric), to_reference[:, compared])
    if np.isnan(value):
        return None
    as_extreme = int(np.count_nonzero(random.aurocs >= value - settings.SAME_AUROC))
    return AmongRandomSets(
        p_value=(1 + as_extreme) / (1 + len(random.aurocs)),
        auroc=value,
        n_as_extreme=as_extreme,
        n_sets=len(random.aurocs),
        n_images=len(taken),
        n_reference=len(random.reference),
        largest=float(random.aurocs.max()),
    )


@dataclass(frozen=True)
class RandomAurocs:
    """What random gallery sets of one size have as AUROC; the same for every query set of that size.

    Attributes:
        aurocs: (B,) float64.
        reference: (R,) gallery rows that stand for the gallery, ascending; all of them in a small gallery.
    """

    aurocs: DoubleArray
    reference: IntArray
    n_images: int
    metric: str
    seed: int


def random_aurocs(
    vectors: npt.NDArray[np.floating],
    n_images: int,
    *,
    metric: str,
    seed: int,
    n_sets: int = settings.RANDOM_SETS,
    n_reference: int = settings.REFERENCE_IMAGES,
    table_numbers: int = TABLE_NUMBERS,
) -> RandomAurocs:
    """Measure the AUROC of random gallery sets, from the distances of the drawn rows alone.

    The gallery is represented by the same R random rows for X and for every random set. That changes the measure, and
    for all sets alike: under the null hypothesis X is one more random set, so the p-value stays exact. Cost: at most
    B * q * (q + R) distances, where q is Q, but at most ``settings.RANDOM_SET_IMAGES``; never N * N.

    Args:
        vectors: (N, D), may be memory-mapped.
        n_images: Q of each set.
        seed: of the sets and of the reference rows.
        n_sets: B.
        n_reference: R; the whole gallery when it has no more images.
        table_numbers: distances held at once by each core.

    Returns:
        No AUROC when the gallery cannot hold a set of two images and an image to compare with.
    """
    n_gallery = len(vectors)
    rng = np.random.default_rng(seed)
    reference = np.sort(rng.choice(n_gallery, min(n_reference, n_gallery), replace=False))
    if n_images < 2 or n_gallery <= n_images:
        return RandomAurocs(np.empty(0), reference, n_images, metric, seed)
    sets = np.stack([rng.choice(n_gallery, n_images, replace=False) for _ in range(n_sets)])
    chosen = sets[:, : settings.RANDOM_SET_IMAGES]
    reference_vectors = vectors[reference]
    at_once = max(1, table_numbers // (chosen.shape[1] * len(reference)))

    def measured(start: int) -> list[float]:
        some = chosen[start : start + at_once]
        rows, places = np.unique(some, return_inverse=True)  # in a small gallery many sets share a row
        table = distances(vectors[rows], reference_vectors, metric=metric)
        found = []
        for i, place in enumerate(places.reshape(some.shape)):
            compared = ~np.isin(reference, sets[start + i])
            within = within_distances(vectors[some[i]], metric)
            found.append(set_auroc(within, table[place][:, compared]))
        return found

    aurocs = np.concatenate(side_by_side(measured, range(0, n_sets, at_once)))
    return RandomAurocs(aurocs[~np.isnan(aurocs)], reference, n_images, metric, seed)


def set_auroc(within: FloatArray, to_compared: FloatArray) -> float:
    """Give the chance that a member is nearer to a member than a compared image is; ties count half.

    Args:
        within: (Q, Q) float32, NaN on the diagonal.
        to_compared: (Q, M) float32 distances to images that are not in the set.

    Returns:
        In 0..1; NaN when there is nothing to compare.
    """
    n_images, n_compared = len(to_compared), int(to_compared.shape[1])
    if n_images < 2 or n_compared == 0:
        return float("nan")
    from dxr_dash.analysis import kernels  # brings numba

    members = np.sort(within, axis=1)[:, :-1]  # NaN, the image itself, sorts last
    not_farther = kernels.halves_not_farther(np.sort(to_compared, axis=1), members)
    return 1.0 - not_farther / (2.0 * n_compared * n_images * (n_images - 1))
