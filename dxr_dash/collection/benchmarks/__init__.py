"""Read the user's own copy of a published benchmark: its images, its queries and what is relevant to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dxr_dash.collection.benchmarks.crops import Crop, query_crops
from dxr_dash.collection.benchmarks.files import Benchmark, GroundTruth, Images, Query, Truth, listed
from dxr_dash.collection.benchmarks.grouped import read_holidays, read_ukbench
from dxr_dash.collection.benchmarks.landmarks import read_landmarks
from dxr_dash.collection.benchmarks.revisited import read_revisited
from dxr_dash.errors import BenchmarkError

__all__ = ["BENCHMARKS", "Benchmark", "Crop", "Query", "Truth", "listed", "query_crops", "read_benchmark"]

RAZAVIAN = "OverFeat, Razavian et al. 2014"


@dataclass(frozen=True)
class Published:
    """What is known of a benchmark before its files are looked at.

    Attributes:
        title: its usual name.
        pictures: the benchmark whose images it uses; the two can share a collection.
        read: finds the queries and what is relevant to each.
        n_images: how many images the published folder holds; empty where the ground truth lists them itself.
        n_queries: of the published ground truth.
        precision_at: k of the precisions that its authors report.
        n_s: whether it is scored by the N-S score; else by average precision.
        figures: CNN, CNN-ss and CNNaug-ss of table 7 of "CNN Features off-the-shelf", as printed there: mAP, and
            recall among the first four, in percent.
    """

    title: str
    pictures: str
    read: Callable[[Path, Images, str], GroundTruth]
    n_images: tuple[int, ...]
    n_queries: int
    precision_at: tuple[int, ...] = ()
    n_s: bool = False
    figures: tuple[float, float, float] | None = None


BENCHMARKS = {
    "holidays": Published(
        "INRIA Holidays", "holidays", read_holidays, (1491,), 500, figures=(64.2, 76.9, 84.3)
    ),
    "oxford5k": Published("Oxford 5k", "oxford5k", read_landmarks, (5063,), 55, figures=(32.2, 55.6, 68.0)),
    "paris6k": Published("Paris 6k", "paris6k", read_landmarks, (6412, 6392), 55, figures=(49.5, 69.7, 79.5)),
    "roxford5k": Published("Revisited Oxford", "oxford5k", read_revisited, (), 70, (1, 5, 10)),
    "rparis6k": Published("Revisited Paris", "paris6k", read_revisited, (), 70, (1, 5, 10)),
    "ukbench": Published(
        "UKBench", "ukbench", read_ukbench, (10200,), 10200, n_s=True, figures=(76.0, 86.9, 91.1)
    ),
}


def read_benchmark(name: str, data: Path, *, partial: bool = False) -> Benchmark:
    """Read a benchmark's ground truth and find its images; nothing is decoded yet.

    Args:
        name: one of ``BENCHMARKS``.
        data: the folder that holds images and ground truth; docs/benchmarks.md shows the layout.
        partial: take a copy that lacks images or queries. Relevant images that lack count as never found.

    Raises:
        BenchmarkError: no such benchmark, or a file is missing, odd, or one too many.
        ImagesError: the folder cannot be read.
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"There is no benchmark {name!r}.", f"dxr knows {', '.join(BENCHMARKS)}.")
    about = BENCHMARKS[name]
    images = Images.find(data)
    truth = about.read(data, images, name)
    notes = _check(about, images, truth, partial=partial)
    ranked = truth.images or tuple(images.files)
    figures = {} if about.figures is None or notes else _figures(about)
    return Benchmark(
        name,
        about.title,
        images.root,
        images.files,
        tuple(name for name in ranked if name in images.files),
        truth.queries,
        about.precision_at,
        about.n_s,
        figures,
        notes,
    )


def _figures(about: Published) -> dict[str, float]:
    scale = 4.0 if about.n_s else 1.0
    # the paper searches patches where objects lie at other places and scales, and jitters the images of the others
    more = "spatial search" if about.read is read_landmarks else "jittered images"
    words = ("one vector an image", more, f"{more}, PCA-whitening and power")
    return {
        f"{RAZAVIAN}, {word}": scale * figure / 100
        for word, figure in zip(words, about.figures or (), strict=False)
    }


def _check(about: Published, images: Images, truth: GroundTruth, *, partial: bool) -> tuple[str, ...]:
    """Compare a copy with what was published.

    Returns:
        What lacks, in sentences; nothing of a full copy.
    """
    problems = []
    if about.n_images and len(images.files) not in about.n_images:
        words = " or ".join(f"{number:,}" for number in about.n_images)
        problems.append(f"{images.root} holds {len(images.files):,} images; {about.title} has {words}.")
    if len(truth.queries) != about.n_queries:
        problems.append(
            f"The ground truth has {len(truth.queries):,} queries; {about.title} has {about.n_queries:,}."
        )
    ranked = set() if truth.images is None else set(truth.images)
    named = ranked.union(*(one.relevant for query in truth.queries for one in query.parts.values()))
    problems += images.lacks(named, "images that the ground truth names")
    if problems and not partial:
        raise BenchmarkError(
            problems[0],
            "Complete the copy; or add --partial and measure what is there, not to be compared with published figures.",
        )
    asked = images.lacks({query.image for query in truth.queries}, "query images")
    if asked:
        raise BenchmarkError(asked[0], "Complete the copy.")
    return tuple(problems)
