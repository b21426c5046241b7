"""Recipes: what is done to a layer's output before vectors are compared, step by step, as a short text.

    crops:10,l2,pca:128:whiten,power:0.5,l2

``crops`` comes first, if at all: it decides how often the network looks at an image. All other steps start from
extracted features, so spaces that differ in them alone share one forward pass. What a step has learnt from the
gallery (the components of ``pca``) lies beside the vectors and is applied to images from outside.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dxr_dash import settings
from dxr_dash.analysis.post_processing import Pca, fit_pca, signed_power, unit_length
from dxr_dash.collection.preset import CROPS
from dxr_dash.collection.reading import open_array
from dxr_dash.collection.shared_images import Shared
from dxr_dash.collection.steps import new_vectors
from dxr_dash.errors import DxrError, NetworkError
from dxr_dash.records import FloatArray, OnProgress

CODE = 1  # raised when a change here or in analysis.post_processing changes vectors
ROWS_AT_ONCE = 4_096
MOST_POWER = 4  # more leaves single precision

STEPS = {
    "crops:N": "look at N squares of each image (2, 5 or 10) and average their features",
    "l2": "give each vector length 1",
    "pca:K": "keep the K principal components of the gallery",
    "pca:K:whiten": "and give each of them variance 1",
    "power:A": "raise the size of each value to the power A, its sign kept",
}
"""How a step is written, and what it does."""

_PCA = re.compile(r"pca:([1-9][0-9]{0,4})(:whiten)?")
_POWER = re.compile(r"power:([0-9]*\.?[0-9]+)")
_CROPS = re.compile(r"crops:([0-9]+)")


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes:
        crops: how many squares of each image the network looks at.
        steps: the steps after extraction, each as it is written.
    """

    crops: int = 1
    steps: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Recipe:
        """Read a recipe as a person types it; None and the empty text are the plain one.

        Raises:
            NetworkError: a step is unknown, or stands where it cannot.
        """
        crops, steps = 1, []
        for place, part in enumerate(
            part.strip().lower() for part in (text or "").split(",") if part.strip()
        ):
            if found := _CROPS.fullmatch(part):
                if place or int(found[1]) not in CROPS:
                    allowed = ", ".join(map(str, CROPS))
                    raise NetworkError(
                        f"{part} cannot be used here.", f"Put it first; N is one of {allowed}."
                    )
                crops = int(found[1])
            else:
                steps.append(_checked_step(part))
        return cls(crops, tuple(steps))

    def __str__(self) -> str:
        return ",".join(self._parts)

    @property
    def suffix(self) -> str:
        """What a space's id says of it: empty for the plain recipe."""
        return "".join(f"+{part}" for part in self._parts)

    @property
    def _parts(self) -> list[str]:
        return [f"crops:{self.crops}"] * (self.crops > 1) + list(self.steps)

    def check_fits(self, n_images: int, n_dims: int) -> None:
        """Check what can be told before any image is read.

        Raises:
            NetworkError: pca asks for more components than there can be.
        """
        for step in self.steps:
            if found := _PCA.fullmatch(step):
                n_components = int(found[1])
                most = min(n_images - 1, n_dims)
                if n_components > most:
                    raise NetworkError(
                        f"{step} asks for {n_components} components of {n_images} images with {n_dims} dimensions.",
                        f"Use pca:{most} at most." if most > 0 else "Leave it out.",
                    )
                n_dims = n_components


def _checked_step(part: str) -> str:
    if part == "l2":
        return part
    if _PCA.fullmatch(part):
        return part
    found = _POWER.fullmatch(part)
    if found and 0 < float(found[1]) <= MOST_POWER:
        return f"power:{float(found[1]):g}"
    if found:
        raise NetworkError(
            f"{part} cannot be used.", f"Use a power above 0 and up to {MOST_POWER}, such as power:0.5."
        )
    raise NetworkError(
        f"There is no step {part!r}.", f"A recipe is made of {', '.join(STEPS)}, with commas between."
    )


def write_processed(
    folder: Path, features: FloatArray, steps: Sequence[str], *, seed: int, on_progress: OnProgress
) -> None:
    """Take the gallery through the steps: write ``vectors.npy`` and what the steps have learnt.

    Args:
        features: (N, D) float32, as extracted; memory-mapped, read in blocks.
        seed: of the sample that pca learns from in a large gallery.
    """
    for place, step in enumerate(steps):
        if found := _PCA.fullmatch(step):
            on_progress("principal components", 0, 0)
            sample = _sample(len(features), features.shape[1], seed)
            learnt = fit_pca(apply_steps(folder, features[sample], steps[:place]), int(found[1]))
            for name in ("mean", "components", "deviations"):
                np.save(folder / f"{place}-pca-{name}.npy", getattr(learnt, name))
    n_dims = apply_steps(folder, features[:1], steps).shape[1]
    vectors = new_vectors(folder / "vectors.npy", len(features), n_dims)
    for start in range(0, len(features), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        vectors[rows] = apply_steps(folder, features[rows], steps)
        on_progress("processing features", min(start + ROWS_AT_ONCE, len(features)), len(features))
    vectors.flush()


def write_joined(
    folder: Path, features: FloatArray, steps: Sequence[str], before: Path, shared: Shared
) -> None:
    """Write what ``write_processed`` does for a gallery that has changed a little, without learning anew.

    Args:
        before: the folder of the finished gallery's vectors: what its steps have learnt stays.
        shared: the images that stay; their vectors are copied.
    """
    for learnt in sorted(before.glob("*-pca-*.npy")):
        shutil.copyfile(learnt, folder / learnt.name)
    old = open_array(before / "vectors.npy", "f", (shared.n_before, None))
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", "w+", np.float32, (len(features), old.shape[1])
    )
    for start in range(0, len(shared.now), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        vectors[shared.now[part]] = old[shared.before[part]]
    for start in range(0, shared.n_new, ROWS_AT_ONCE):
        rows = shared.new[start : start + ROWS_AT_ONCE]
        vectors[rows] = apply_steps(folder, features[rows], steps)
    vectors.flush()


def apply_steps(folder: Path, features: FloatArray, steps: Sequence[str]) -> FloatArray:
    """Take (n, D) features through the steps, with what they have learnt from the gallery."""
    vectors = np.asarray(features, np.float32)
    for place, step in enumerate(steps):
        if step == "l2":
            vectors = unit_length(vectors)
        elif found := _POWER.fullmatch(step):
            vectors = signed_power(vectors, float(found[1]))
        elif found := _PCA.fullmatch(step):
            vectors = _learnt(folder, place).apply(vectors, whiten=found[2] is not None)
        else:
            raise DxrError(
                f"The step {step!r} of this collection is not known.", "Install the dxr that made it."
            )
    return vectors


def _learnt(folder: Path, place: int) -> Pca:
    mean, components, deviations = (
        np.array(open_array(folder / f"{place}-pca-{name}.npy", "f", shape))
        for name, shape in (("mean", (None,)), ("components", (None, None)), ("deviations", (None,)))
    )
    return Pca(mean, components, deviations)


def _sample(n_images: int, n_dims: int, seed: int) -> slice | np.ndarray:
    most = settings.PCA_IMAGES if n_dims <= settings.PCA_MATRIX else settings.PCA_MATRIX
    if n_images <= most:
        return slice(None)
    return np.sort(np.random.default_rng(seed).choice(n_images, most, replace=False))
