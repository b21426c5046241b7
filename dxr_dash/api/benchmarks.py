"""Measure a feature space with the published protocol of a standard benchmark, on the user's copy of its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial as fixed
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import benchmarks as protocol
from dxr_dash.analysis.distances import distances
from dxr_dash.api.collections import build, open_collection
from dxr_dash.collection.benchmarks import Benchmark, listed, query_crops, read_benchmark
from dxr_dash.collection.benchmarks.crops import crop_vectors
from dxr_dash.collection.benchmarks.files import image_name
from dxr_dash.collection.store import Collection, Space
from dxr_dash.errors import BenchmarkError
from dxr_dash.records import (
    BenchmarkPart,
    BenchmarkReport,
    DoubleArray,
    FloatArray,
    IntArray,
    OnProgress,
    silent,
)

QUERIES_AT_ONCE = 256


def benchmark(
    name: str,
    data: Path | str,
    folder: Path | str,
    *,
    network: str = settings.NETWORK,
    layer: str = settings.LAYER,
    weights: Path | str | None = None,
    space: str | None = None,
    partial: bool = False,
    on_progress: OnProgress = silent,
) -> BenchmarkReport:
    """Measure how well features retrieve on a published benchmark; docs/benchmarks.md has the protocols.

    The images become a collection like any other, so that nothing is extracted twice, a second network adds a feature
    space, and the result can be looked at on the page.

    Args:
        name: one of ``collection.benchmarks.BENCHMARKS``.
        data: the folder with the user's copy of images and ground truth.
        folder: the collection, NAME.dxr; made or brought up to date, unless ``space`` is given.
        space: measure this feature space of the collection as it is; network, layer and weights do not count.
        partial: go on although images or queries lack, or relevant images cannot be read: those count as never found.

    Raises:
        BenchmarkError: a file of the copy is missing or odd, which is found before any work starts; or the
            collection lacks an image, because it cannot be read.
        ImagesError, NetworkError, CollectionError, QueryError: as for ``build`` and ``Collection.space``.
    """
    data, folder = Path(data), Path(folder)
    on_progress("reading the ground truth", 0, 0)
    found = read_benchmark(name, data, partial=partial)
    crops = query_crops(found, on_progress)
    if space is None:
        build(
            found.root,
            folder,
            network=network,
            layer=layer,
            weights=weights,
            name=found.title,
            on_progress=on_progress,
        )
    collection = open_collection(folder)
    where = collection.space(space)
    images, rows, notes = _ranked(found, collection, partial=partial)
    if crops:
        asked = crop_vectors(collection, where, name, crops, on_progress)
    else:
        asked = where.vectors[rows[[images[query.image] for query in found.queries]]]
    parts, groups = _measure(found, where, images, rows, asked, on_progress)
    return BenchmarkReport(
        benchmark=name,
        title=found.title,
        folder=folder,
        space=where.id,
        metric=where.metric,
        n_images=len(rows),
        queries=tuple(query.name for query in found.queries),
        n_groups=int(groups.max(initial=-1)) + 1,
        parts=parts,
        published=found.published if not notes else {},
        notes=found.notes + notes,
    )


def _ranked(
    found: Benchmark, collection: Collection, *, partial: bool
) -> tuple[dict[str, int], IntArray, tuple[str, ...]]:
    """Find the benchmark's images in a collection.

    Returns:
        The place of each image among those ranked, their gallery rows (M,), and what is to be said of those that
        the collection does not have: files that cannot be read.
    """
    wanted = set(found.images)
    images: dict[str, int] = {}
    rows: list[int] = []
    for row, path in enumerate(collection.table.column("path_bytes").to_pylist()):
        name = image_name(os.fsdecode(path))
        if name in wanted:
            if name in images:
                raise BenchmarkError(
                    f"{collection.folder} has two images named {name}.", f"Build it from {found.root}."
                )
            images[name] = len(rows)
            rows.append(row)
    lacking = sorted(wanted - images.keys())
    if not lacking:
        return images, np.array(rows, np.int64), ()
    reasons = {image_name(one.path): one.reason for one in collection.skipped}
    words = f"{listed(lacking)} ({reasons.get(lacking[0], 'not in the collection')})"
    relevant = set().union(*(truth.relevant for query in found.queries for truth in query.parts.values()))
    asked = {query.image for query in found.queries if query.box is None}
    if asked.intersection(lacking) or (relevant.intersection(lacking) and not partial):
        raise BenchmarkError(
            f"{len(lacking):,} images of {found.title} are not in {collection.folder}: {words}.",
            f"Get those files again, and build the collection from {found.root}.",
        )
    said = f"{len(lacking):,} images that cannot be read are not ranked: {words}."
    return images, np.array(rows, np.int64), (said,)


def _measure(
    found: Benchmark,
    where: Space,
    images: dict[str, int],
    rows: IntArray,
    asked: FloatArray,
    on_progress: OnProgress,
) -> tuple[tuple[BenchmarkPart, ...], IntArray]:
    """Rank for every query and score each part of the ground truth; also return the groups of queries."""

    def places(names: frozenset[str]) -> IntArray:
        return np.array(sorted(images[name] for name in names if name in images), np.int64)

    whole = len(rows) == len(where.vectors)
    gallery = where.vectors if whole else where.vectors[rows]
    part_names = list(found.queries[0].parts)
    n_queries = len(found.queries)
    seen = [
        np.unique(np.concatenate([places(truth.relevant) for truth in query.parts.values()]))
        for query in found.queries
    ]
    groups = protocol.sharing_groups(seen, len(rows))
    ranks: dict[str, list[IntArray]] = {part: [] for part in part_names}
    for start in range(0, n_queries, QUERIES_AT_ONCE):
        on_progress("ranking", start, n_queries)
        block = slice(start, start + QUERIES_AT_ONCE)
        found_at = distances(asked[block], gallery, metric=where.metric)
        for query, values in zip(found.queries[block], found_at, strict=True):
            for part, truth in query.parts.items():
                ranks[part].append(protocol.positions(values, places(truth.relevant), places(truth.junk)))
    on_progress("resampling the queries", 0, 0)
    parts = []
    for part in part_names:
        truths = [query.parts[part] for query in found.queries]
        n_relevant = np.array([len(truth.relevant) for truth in truths], np.int64)
        n_ranked = np.array([len(rows) - len(places(truth.junk)) for truth in truths], np.int64)
        scores = _scores(found, ranks[part], n_relevant, n_ranked)
        parts.append(
            BenchmarkPart(
                name=part,
                measures={
                    measure: protocol.mean_over_queries(
                        values,
                        groups,
                        chance=float(np.mean(chance[n_relevant > 0])) if n_relevant.any() else float("nan"),
                        bounds=(0.0, 4.0 if found.n_s else 1.0),
                        confidence=settings.CONFIDENCE,
                        draws=settings.BOOTSTRAP_DRAWS,
                        seed=settings.SEED,
                    )
                    for measure, (values, chance) in scores.items()
                },
                per_query={measure: values for measure, (values, _) in scores.items()},
                n_relevant=n_relevant,
                n_queries=int(np.count_nonzero(n_relevant)),
            )
        )
    return tuple(parts), groups


def _scores(
    found: Benchmark, ranks: Sequence[IntArray], n_relevant: IntArray, n_ranked: IntArray
) -> dict[str, tuple[DoubleArray, DoubleArray]]:
    """Score each query: by name of the measure, (q,) values and what chance gives."""
    sizes = list(zip(n_relevant.tolist(), n_ranked.tolist(), strict=True))

    def all_of(
        score: Callable[[IntArray, int], float], chance: Callable[[int, int], float]
    ) -> tuple[DoubleArray, DoubleArray]:
        values = [score(one, n) for one, n in zip(ranks, n_relevant.tolist(), strict=True)]
        return np.array(values), np.array([chance(*size) for size in sizes])

    if found.n_s:
        return {"N-S": all_of(lambda one, _: protocol.n_s_score(one), lambda _, n: protocol.chance_n_s(n))}
    scores = {"mAP": all_of(protocol.trapezoid_ap, protocol.chance_trapezoid_ap)}
    for k in found.precision_at:
        scores[f"mP@{k}"] = all_of(
            fixed(protocol.precision_at, k=k), fixed(protocol.chance_precision_at, k=k)
        )
    return scores
