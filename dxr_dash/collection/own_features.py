"""The features behind a space of vectors that were made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dxr_dash.collection.chain import Chain
from dxr_dash.collection.controls import PICTURES, Pictures
from dxr_dash.collection.decoding import WHOLE, Decoding
from dxr_dash.collection.features import Features, Gallery, held_dims, step_of
from dxr_dash.collection.gallery import Known
from dxr_dash.collection.images import FoundFile
from dxr_dash.collection.own_vectors import OwnVectors, read_vectors, write_own
from dxr_dash.collection.requests import OWN, OwnRequest, Source, again, feature_facts, features_recipe
from dxr_dash.collection.steps import fingerprint, hash_file
from dxr_dash.errors import ImagesError

CODE = 1  # raised when a change here or in own_vectors changes vectors


@dataclass
class OwnFeatures:
    """Vectors from a file, while they are brought up to date.

    Attributes:
        given: what the file holds; None where the finished collection's own copy will do, as far as is known.
        step: the step of the finished collection that holds them; None when there is none.
    """

    request: OwnRequest
    recipe: dict[str, Any]
    n_dims: int
    step: str | None
    given: OwnVectors | None
    _row_of: dict[bytes, int] = field(default_factory=dict)

    def match(self, files: Sequence[FoundFile], known: Known) -> None:
        """Find the vector of each image file, in the file given or else in the finished collection.

        Raises:
            ImagesError: paths or numbers do not fit, or there are new images, and the file has gone or changed.
        """
        if self.given is None:
            new = [file for file in files if file.path not in known.paths and file not in known.by_file]
            if not new and self.step is not None:
                self._row_of = known.paths
                return
            if not self.request.file.is_file() or hash_file(self.request.file) != self.recipe["content"]:
                raise ImagesError(
                    f"{self.request.space_id} has no vectors for {len(new)} new images, and "
                    f"{self.request.file}, which it was made from, has gone or changed.",
                    f"Give vectors for all images with `--vectors`, in a file named {self.request.file.name}.",
                )
            self.given = read_vectors(self.request.file)
        self._row_of = self.given.rows_of(files)

    def make(self, chain: Chain, gallery: Gallery) -> str:
        """Make the step that holds them in row order."""
        paths = [row.file.path for row in gallery.rows]

        def write(folder: Any) -> None:
            source: npt.NDArray[Any]
            if self.given is not None:
                source = self.given.vectors
            else:
                source = np.load(
                    chain.path(str(self.step)) / "vectors.npy", mmap_mode="r", allow_pickle=False
                )
            write_own(folder, source, np.array([self._row_of[path] for path in paths], np.int64))

        return chain.step("vectors", [self.recipe, fingerprint(*paths)], write)


def find_own(chain: Chain, request: OwnRequest, held: dict[str, dict[str, Any]]) -> OwnFeatures:
    """Find the vectors of a request; the file is read only if the collection does not hold them.

    Raises:
        ImagesError: the file cannot be read as vectors.
    """
    for facts in held.values():
        other = again(facts["request"])
        if isinstance(other, OwnRequest) and feature_facts(other) == feature_facts(request):
            step = step_of(facts)
            return OwnFeatures(request, features_recipe(facts["recipe"]), held_dims(chain, step), step, None)
    given = read_vectors(request.file)
    recipe = {
        "code": CODE,
        "network": OWN,
        "layer": request.name,
        "content": given.content,
        "matched": "by order" if given.paths is None else "by path",
    }
    return OwnFeatures(request, recipe, given.n_dims, None, given)


def pictures_only(chain: Chain, old: dict[str, Any] | None) -> Features:
    """What reads images for their thumbnails where no network does.

    Args:
        old: the finished collection's manifest, if it can be read: it holds thumbnails of its images.
    """
    nothing = Pictures()
    held, decoded = ("thumbnails", Decoding.of(old)) if old else (None, WHOLE)
    recipe = nothing.recipes[0] | chain.decoding
    return Features(Source(PICTURES, None, 1), PICTURES, recipe, nothing.n_dims, held, decoded)
