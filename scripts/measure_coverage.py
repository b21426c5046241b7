"""Measure how often the intervals cover the truth, and how often random sets get a verdict they must not get.

    python scripts/measure_coverage.py            # about 10 minutes on 2 cores
    python scripts/measure_coverage.py --sets 50  # a quick look

X is drawn from populations whose true values are known because the population itself is at hand. The gallery is
fixed: an answer speaks about the collection at hand. docs/statistics.md holds the table this prints.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np

from dxr_dash.analysis.answer import answer
from dxr_dash.analysis.baseline import baseline_distances
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.retrieval import auroc_matrix
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.analysis.verdict import VERDICTS, Evidence, decide
from dxr_dash.records import DoubleArray, Estimate, FloatArray, IntArray

N_GALLERY, N_POPULATION, D, N_CLUSTERS = 3000, 1500, 32, 30
SIZES = (5, 10, 20, 50, 100)


def populations(centres: DoubleArray, rng: np.random.Generator) -> Iterator[tuple[str, FloatArray]]:
    """Yield populations of X images, from a tight class to no class at all."""
    n = N_POPULATION
    x = rng.standard_normal(D)
    anywhere = centres[rng.integers(N_CLUSTERS, size=n)]
    noise = rng.standard_normal((n, D))
    yield "no class: like the gallery", (anywhere + noise).astype(np.float32)
    yield "weak class", (anywhere * 0.8 + x * 1.2 * rng.random((n, 1)) + noise).astype(np.float32)
    yield "class", (x * 1.5 + noise).astype(np.float32)
    yield "four groups", (centres[rng.integers(4, size=n)] * 1.5 + x * 0.5 + noise * 0.7).astype(np.float32)
    strangers = rng.random((n, 1)) < 0.1
    yield "class, 10 % strangers", np.where(strangers, anywhere + noise, x * 1.5 + noise).astype(np.float32)


def covers(estimate: Estimate, truth: float) -> bool:
    """Say whether the interval holds the true value."""
    return estimate.low <= truth <= estimate.high


def measure_coverage(
    gallery: FloatArray, centres: DoubleArray, n_sets: int, rng: np.random.Generator
) -> None:
    """Print coverage and mean width for each population and size."""
    baseline = baseline_distances(gallery, metric="cosine")
    print(
        "population | Q | true AUROC | covered | too high | too low | width | mAP covered | precision covered | "
        "control covered | verdicts without control"
    )
    for name, population in populations(centres, rng):
        everything = set_distances(population, -1 - np.arange(N_POPULATION), gallery, metric="cosine", k=1)
        pairs = auroc_matrix(everything.within, everything.n_less, everything.n_equal, everything.n_compared)
        truth = float(np.nanmean(pairs))
        for size in SIZES:
            found = []
            for seed in range(n_sets):
                rows = rng.choice(N_POPULATION, 2 * size, replace=False)
                one, other = population[rows[:size]], population[rows[size:]]
                measured = set_distances(one, -1 - np.arange(size), gallery, metric="cosine", k=12)
                # The control comes from the same population: the truth is 0.5 exactly.
                control = ("C", size, distances(one, other, metric="cosine"))
                found.append(answer("X", measured, baseline, control=control, seed=seed))
            areas = [one.auroc for one in found]
            controls = [one.control.auroc for one in found if one.control]
            mean_ap = float(np.mean([one.mean_ap.value for one in found]))
            precision = float(np.mean([one.precision.value for one in found]))
            evidence = [Evidence("X", size, N_GALLERY, one.auroc, one.mean_ap) for one in found]
            verdicts = Counter(str(VERDICTS[decide(one)]) for one in evidence)
            print(
                f"{name} | {size} | {truth:.3f} | {np.mean([covers(one, truth) for one in areas]):.3f} | "
                f"{np.mean([one.low > truth for one in areas]):.3f} | "
                f"{np.mean([one.high < truth for one in areas]):.3f} | "
                f"{np.mean([one.high - one.low for one in areas]):.2f} | "
                f"{np.mean([covers(one.mean_ap, mean_ap) for one in found]):.3f} | "
                f"{np.mean([covers(one.precision, precision) for one in found]):.3f} | "
                f"{np.mean([covers(one, 0.5) for one in controls]):.3f} | {dict(verdicts)}",
                flush=True,
            )


def measure_random_sets(name: str, gallery: FloatArray, n_sets: int, rng: np.random.Generator) -> None:
    """Print the verdicts that random gallery sets get."""
    baseline = baseline_distances(gallery, metric="cosine")
    for size in (5, 20, 100):
        verdicts: Counter[str] = Counter()
        for seed in range(n_sets):
            rows: IntArray = rng.choice(len(gallery), size, replace=False)
            found = set_distances(gallery[rows], rows, gallery, metric="cosine", k=12)
            verdicts[str(answer("X", found, baseline, seed=seed, draws=1000).verdict)] += 1
        print(f"{name} | {size} | {n_sets} | {dict(verdicts)}", flush=True)


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=400, help="query sets per row of the tables")
    n_sets = parser.parse_args().sets
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((N_CLUSTERS, D))
    label = rng.integers(N_CLUSTERS, size=N_GALLERY)
    noise = rng.standard_normal((N_GALLERY, D))
    print("Random gallery sets: collection | Q | sets | verdicts")
    measure_random_sets("one cloud", noise.astype(np.float32), n_sets, rng)
    measure_random_sets("30 clusters", (centres[label] + 0.5 * noise).astype(np.float32), n_sets, rng)
    unequal = (centres[np.minimum(label, 2)] + 0.3 * noise).astype(np.float32)
    measure_random_sets("one cluster of 93 %, two small ones", unequal, n_sets, rng)
    lengths = rng.gamma(0.5, size=(N_GALLERY, 1)) + 0.05
    measure_random_sets("skewed cloud with hubs", (noise * lengths + 0.5).astype(np.float32), n_sets, rng)
    print()
    measure_coverage((centres[label] + noise).astype(np.float32), centres, n_sets, rng)


if __name__ == "__main__":
    main()
