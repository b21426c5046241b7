"""Measure how often random sets get a finding they should not: ``measure_findings.py NAME.dxr --sets 200``.

Prints the tables of docs/statistics.md, "Random sets must not get a finding". The collection is only read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.instead import Values, instead
from dxr_dash.analysis.probe import negative_rows, probe
from dxr_dash.analysis.random_sets import among_random_sets, random_aurocs
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.api import open_collection
from dxr_dash.records import Estimate

LEVEL = 0.05
DRAWS = 300
NEAR = Estimate(0.5, 0.45, 0.55, 0.5)  # of a set that is not retrieved


def main() -> None:
    """Measure one collection and print a line of the table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 40, 150])
    chosen = parser.parse_args()
    collection = open_collection(chosen.collection)
    where = collection.space()
    columns = [(name, collection.column(name)) for name in collection.columns]
    sorts = [Values(name, column.codes, column.categories) for name, column in columns]
    sorts.append(Values("cluster", np.asarray(where.clusters), where.cluster_names))
    vectors = np.array(where.vectors)
    print("| Collection | Q | p at most 0.05 | false instead | probe too high | readable but not near |")
    print("|---|---|---|---|---|---|")
    for size in chosen.sizes:
        counts = np.zeros(4)
        for seed in range(chosen.sets):
            # other random sets for each: those of one draw would all err together
            random = random_aurocs(
                vectors, size, metric=where.metric, seed=1000 + seed, n_sets=99, n_reference=300
            )
            rows = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
            found = set_distances(
                vectors[rows], rows, vectors, metric=where.metric, k=settings.INSTEAD_AT, n_bins=1
            )
            among = among_random_sets(vectors[rows], rows, vectors, random)
            line = probe(
                vectors[rows],
                vectors[negative_rows(len(vectors), rows, 600, seed)],
                None,
                retrieved=NEAR,
                retrieved_control=None,
                seed=seed,
                draws=DRAWS,
            )
            counts[0] += among is not None and among.p_value <= LEVEL
            counts[1] += bool(instead(found, sorts, where.k_occurrence, draws=DRAWS)[0])
            counts[2] += line is not None and line.auroc.low > 0.5
            counts[3] += line is not None and line.readable_not_near
        shares = " | ".join(f"{share:.3f}" for share in counts / chosen.sets)
        print(f"| {collection.name} | {size} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
