"""Measure how often the intervals of differences cover the truth, and how often a difference is told that is not there.

    python scripts/measure_paired.py            # about 8 minutes on one core
    python scripts/measure_paired.py --sets 50  # a quick look

Populations as in measure_coverage.py: their true values are known because the populations are at hand, and the
gallery is fixed. docs/statistics.md holds the table this prints.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dxr_dash.analysis.compared import is_told
from dxr_dash.analysis.paired import Side, difference, side
from dxr_dash.analysis.retrieval import auroc_matrix
from dxr_dash.analysis.set_distances import set_distances
from dxr_dash.records import Difference, DoubleArray, FloatArray, IntArray

N_GALLERY, N_POPULATION, D, N_CLUSTERS = 2000, 1200, 32, 30
SIZES = (5, 10, 20, 50, 100)
DRAWS = 1000


@dataclass(frozen=True)
class World:
    """A population of X and a gallery, in one feature space."""

    population: FloatArray
    gallery: FloatArray

    @property
    def auroc(self) -> float:
        """The true AUROC: that of the whole population."""
        found = set_distances(
            self.population, -1 - np.arange(len(self.population)), self.gallery, metric="cosine", k=1
        )
        return float(np.nanmean(auroc_matrix(found.within, found.n_less, found.n_equal, found.n_compared)))

    def side(self, members: IntArray, names: IntArray) -> Side:
        """Measure some of the population, by their names."""
        items = -1 - np.arange(len(members))
        found = set_distances(self.population[members], items, self.gallery, metric="cosine", k=1)
        return side(found, names.tolist())


Draw = Callable[[int, np.random.Generator], tuple[Side, Side]]


def cases(rng: np.random.Generator) -> list[tuple[str, float, Draw]]:
    """List what is compared: name, true difference of AUROC, and how to draw two sides of Q images."""
    centres = rng.standard_normal((N_CLUSTERS, D))
    gallery = centres[rng.integers(N_CLUSTERS, size=N_GALLERY)] + rng.standard_normal((N_GALLERY, D))
    anywhere = centres[rng.integers(N_CLUSTERS, size=N_POPULATION)]
    noise, x = rng.standard_normal((N_POPULATION, D)), rng.standard_normal(D)
    strength = x * rng.random((N_POPULATION, 1))

    def world(population: DoubleArray, space: DoubleArray | None = None) -> World:
        turned = (population, gallery) if space is None else (population @ space, gallery @ space)
        return World(turned[0].astype(np.float32), turned[1].astype(np.float32))

    weak = anywhere * 0.8 + strength * 1.2 + noise
    nothing, weakly, tight = world(anywhere + noise), world(weak), world(x * 1.5 + noise)
    groups = world(centres[rng.integers(4, size=N_POPULATION)] * 1.5 + x * 0.5 + noise * 0.7)
    # Two spaces that see the same images: each loses other directions, so that neither is better by much.
    half, other = np.eye(D)[:, : D // 2], np.eye(D)[:, D // 2 :]
    seen, unseen = world(weak, half), world(weak, other)
    full = world(weak)

    def apart(one: World, two: World) -> Draw:
        def draw(size: int, draws: np.random.Generator) -> tuple[Side, Side]:
            first, second = (draws.choice(N_POPULATION, size, replace=False) for _ in range(2))
            return one.side(first, first), two.side(second, second + N_POPULATION)

        return draw

    def overlapping(one: World, shares: float) -> Draw:
        def draw(size: int, draws: np.random.Generator) -> tuple[Side, Side]:
            drawn = draws.choice(N_POPULATION, 2 * size, replace=False)
            shared = int(shares * size)
            first, second = drawn[:size], np.concatenate([drawn[:shared], drawn[size : 2 * size - shared]])
            return one.side(first, first), one.side(second, second)

        return draw

    def two_spaces(one: World, two: World) -> Draw:
        def draw(size: int, draws: np.random.Generator) -> tuple[Side, Side]:
            members = draws.choice(N_POPULATION, size, replace=False)
            return one.side(members, members), two.side(members, members)

        return draw

    return [
        ("two sets: nothing, nothing", 0.0, apart(nothing, nothing)),
        ("two sets: weak class, weak class", 0.0, apart(weakly, weakly)),
        ("two sets: class, weak class", tight.auroc - weakly.auroc, apart(tight, weakly)),
        ("two sets: four groups, weak class", groups.auroc - weakly.auroc, apart(groups, weakly)),
        ("two sets of a weak class that share half", 0.0, overlapping(weakly, 0.5)),
        ("two spaces: half of the directions each", seen.auroc - unseen.auroc, two_spaces(seen, unseen)),
        ("two spaces: half, all of them", seen.auroc - full.auroc, two_spaces(seen, full)),
        ("two spaces: the same one turned", 0.0, two_spaces(full, world(weak, _turn(rng)))),
    ]


def _turn(rng: np.random.Generator) -> DoubleArray:
    """Return a rotation with a little noise: a space that differs, and is neither better nor worse."""
    turned: DoubleArray = np.linalg.qr(rng.standard_normal((D, D)))[0] + 0.02 * rng.standard_normal((D, D))
    return turned


def covers(found: Difference, truth: float) -> bool:
    """Say whether the interval of the AUROC's difference holds the true value."""
    return found.auroc.low <= truth <= found.auroc.high


def main() -> None:
    """Print coverage for each case and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=300, help="comparisons per row of the table")
    n_sets = parser.parse_args().sets
    rng = np.random.default_rng(0)
    print(
        "compared | Q | true difference | covered | too high | too low | width | told | "
        "mAP covered | told | precision covered | told"
    )
    for name, truth, draw in cases(rng):
        for size in SIZES:
            found = [difference(*draw(size, rng), seed=seed, draws=DRAWS) for seed in range(n_sets)]
            mean_ap = float(np.mean([one.mean_ap.value for one in found]))
            precision = float(np.mean([one.precision.value for one in found]))
            print(
                f"{name} | {size} | {truth:+.3f} | {np.mean([covers(one, truth) for one in found]):.3f} | "
                f"{np.mean([one.auroc.low > truth for one in found]):.3f} | "
                f"{np.mean([one.auroc.high < truth for one in found]):.3f} | "
                f"{np.mean([one.auroc.high - one.auroc.low for one in found]):.2f} | "
                f"{np.mean([is_told(one.auroc) for one in found]):.3f} | "
                f"{np.mean([one.mean_ap.low <= mean_ap <= one.mean_ap.high for one in found]):.3f} | "
                f"{np.mean([is_told(one.mean_ap) for one in found]):.3f} | "
                f"{np.mean([one.precision.low <= precision <= one.precision.high for one in found]):.3f} | "
                f"{np.mean([is_told(one.precision) for one in found]):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
