"""Measure a feature space with the published protocol of a standard benchmark, on the user's copy of its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial as fixed
from itertools import chain
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis import benchmarks as protocol
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.patches import n_patches
from dxr_dash.api.benchmark_patches import patch_blocks
from dxr_dash.api.collections import build, open_collection
from dxr_dash.api.patches import check_number
from dxr_dash.collection.benchmarks import Benchmark, listed, query_crops, read_benchmark
from dxr_dash.collection.benchmarks.crops import crop_vectors
from dxr_dash.collection.benchmarks.files import image_name
from dxr_dash.collection.recipes import Recipe
from dxr_dash.collection.requests import Request
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
    recipe: str = "",
    space: str | None = None,
    patches: int = 1,
    query_patches: int | None = None,
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
        recipe: steps that features are taken through, as for ``build``.
        space: measure this feature space of the collection as it is; network, layer, weights and recipe do not count.
        patches: up to which order images are cut into patches; the distance is then ``mean_nearest`` of these.
        query_patches: the same for queries; left out, ``patches``. With 1 and 1 whole images are compared.
        partial: go on although images or queries lack, or relevant images cannot be read: those count as never found.

    Raises:
        BenchmarkError: a file of the copy is missing or odd, which is found before any work starts; or the
            collection lacks an image, because it cannot be read.
        ImagesError, NetworkError, CollectionError, QueryError: as for ``build``, ``Collection.space`` and
            ``make_patches``; or a number of patches is too small or too large.
    """
    query_patches = patches if query_patches is None else query_patches
    check_number(patches, "order", settings.PATCH_MOST_ORDER)
    check_number(query_patches, "order of the queries", settings.PATCH_MOST_ORDER)
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
            recipe=recipe,
            name=found.title,
            on_progress=on_progress,
        )
        # not the collection's first: a control for depth never takes the first place from another space
        space = Request.checked(
            network, layer, Path(weights) if weights else None, Recipe.parse(recipe)
        ).space_id
    collection = open_collection(folder)
    where = collection.space(space)
    images, rows, notes = _ranked(found, collection, partial=partial)
    asked_rows = rows[[images[query.image] for query in found.queries if query.box is None]]
    if patches == query_patches == 1:
        asked = (
            crop_vectors(collection, where, name, crops, on_progress) if crops else where.vectors[asked_rows]
        )
        blocks = _whole_blocks(where, rows, asked, on_progress)
    else:
        blocks = patch_blocks(
            collection, where, name, crops, rows, asked_rows, patches, query_patches, on_progress
        )
    parts, groups = _measure(found, images, len(rows), blocks, on_progress)
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
        n_patches=n_patches(patches),
        n_query_patches=n_patches(query_patches),
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


def _whole_blocks(
    where: Space, rows: IntArray, asked: FloatArray, on_progress: OnProgress
) -> Iterator[FloatArray]:
    """Measure the distances of whole images, (b, M) for some of the queries at a time."""
    gallery = where.vectors if len(rows) == len(where.vectors) else where.vectors[rows]
    for start in range(0, len(asked), QUERIES_AT_ONCE):
        on_progress("ranking", start, len(asked))
        yield distances(asked[start : start + QUERIES_AT_ONCE], gallery, metric=where.metric)


def _measure(
    found: Benchmark,
    images: dict[str, int],
    n_images: int,
    blocks: Iterable[FloatArray],
    on_progress: OnProgress,
) -> tuple[tuple[BenchmarkPart, ...], IntArray]:
    """Rank for every query and score each part of the ground truth; also return the groups of queries.

    Args:
        n_images: M, that are ranked.
        blocks: (b, M) distances, the queries in their order.
    """

    def places(names: frozenset[str]) -> IntArray:
        return np.array(sorted(images[name] for name in names if name in images), np.int64)

    part_names = list(found.queries[0].parts)
    seen = [
        np.unique(np.concatenate([places(truth.relevant) for truth in query.parts.values()]))
        for query in found.queries
    ]
    groups = protocol.sharing_groups(seen, n_images)
    ranks: dict[str, list[IntArray]] = {part: [] for part in part_names}
    for query, values in zip(found.queries, chain.from_iterable(blocks), strict=True):
        for part, truth in query.parts.items():
            ranks[part].append(protocol.positions(values, places(truth.relevant), places(truth.junk)))
    on_progress("resampling the queries", 0, 0)
    parts = []
    for part in part_names:
        truths = [query.parts[part] for query in found.queries]
        n_relevant = np.array([len(truth.relevant) for truth in truths], np.int64)
        n_ranked = np.array([n_images - len(places(truth.junk)) for truth in truths], np.int64)
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
