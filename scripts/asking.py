"""Ask with sets that no collection holds: the same functions in the same order as `dxr_dash.api`, on arrays alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dxr_dash import settings
from dxr_dash.analysis import shift as shifts
from dxr_dash.analysis.answer import answer
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.duplicates import nearly_same, usual_distance
from dxr_dash.analysis.hubs import by_local_scaling, hubs, local_scales, scaled, scaled_keys
from dxr_dash.analysis.set_distances import asked_members, set_distances
from dxr_dash.collection.neighbours import NeighbourGraph, k_occurrence, neighbour_graph
from dxr_dash.records import Answer, DoubleArray, FloatArray, IntArray, LocalScaling

METRIC = settings.METRIC
HELD = 64  # neighbours of each member


@dataclass(frozen=True)
class Gallery:
    """A gallery in memory, with what a collection keeps of it."""

    vectors: FloatArray
    rows: npt.NDArray[np.int32]
    far: FloatArray
    baseline: FloatArray
    occurrence: npt.NDArray[np.int32]
    usual: float
    relative: DoubleArray
    scales: DoubleArray

    @classmethod
    def of(
        cls, vectors: FloatArray, rows: npt.NDArray[np.int32] | None = None, far: FloatArray | None = None
    ) -> Gallery:
        """Prepare vectors; their neighbour graph is searched for unless it is given."""
        if rows is None or far is None:
            graph = neighbour_graph(
                vectors, metric=METRIC, n_neighbours=settings.GRAPH_NEIGHBOURS, seed=settings.SEED
            )
            rows, far = graph.rows, graph.distances
        occurrence = k_occurrence(NeighbourGraph(rows, far, "given"), settings.RECALL_AT)
        return cls(
            vectors,
            rows,
            far,
            baseline_distances(vectors, metric=METRIC),
            occurrence,
            usual_distance(far, settings.SEED),
            shifts.gallery_distances(rows, far, settings.SEED),
            local_scales(far),
        )


def ask(
    gallery: Gallery,
    queries: FloatArray,
    items: IntArray,
    *,
    seed: int,
    draws: int,
    scaling: bool = False,
) -> tuple[Answer, LocalScaling | None]:
    """Answer for a set of gallery rows (items >= 0) or of images from outside (items < 0).

    Args:
        queries: (Q, D).
        scaling: whether to answer by local scaling, too.
    """
    found = set_distances(
        queries, items, gallery.vectors, metric=METRIC, k=HELD, asked=asked_members(len(items), seed)
    )
    asked = queries[found.asked]
    near = nearly_same(found, usual=gallery.usual, metric=METRIC)
    if len(near.copies):
        near = replace(near, to_copies=distances(asked, gallery.vectors[near.copies], metric=METRIC))
    moved = None
    if (items < 0).all():
        relative = shifts.outside_distances(
            found.nearest_rows, found.nearest_distances, gallery.far, near.copies
        )
        moved = shifts.shift(relative, gallery.relative, seed=seed, draws=draws)
    one = answer(
        "X",
        found,
        gallery.baseline,
        near=near,
        shift=moved,
        hubs=hubs(found, gallery.occurrence),
        seed=seed,
        draws=draws,
    )
    if not scaling:
        return one, None
    own = gallery.scales[items] if (items >= 0).all() else local_scales(found.nearest_distances)
    keys = scaled(
        found, asked, gallery.vectors, member_scales=own, gallery_scales=gallery.scales, metric=METRIC
    )
    if near.to_copies is not None:
        near = replace(near, to_copies=scaled_keys(near.to_copies, gallery.scales[near.copies], METRIC))
    return one, by_local_scaling(one, keys, None, near, metric=METRIC, seed=seed, draws=draws)
