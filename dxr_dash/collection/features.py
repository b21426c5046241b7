"""The features behind the spaces: which there are already, and one pass over the images for those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dxr_dash.collection.chain import Chain
from dxr_dash.collection.decoding import WHOLE, Decoding
from dxr_dash.collection.extraction import Extracted, extract
from dxr_dash.collection.gallery import Contents, Known, Row, journal_vectors, old_vectors, write_vectors
from dxr_dash.collection.images import FoundFile
from dxr_dash.collection.journal import Journal
from dxr_dash.collection.networks import Loader
from dxr_dash.collection.requests import Request, Source, again, feature_facts, network_recipe
from dxr_dash.collection.steps import fingerprint
from dxr_dash.records import FloatArray

JOURNAL = "journal"


@dataclass(frozen=True)
class Gallery:
    """The gallery as it will be, and the contents of the finished collection's."""

    rows: list[Row]
    contents: Contents
    before: Contents


@dataclass
class Features:
    """The vectors of one layer, while they are brought up to date.

    Attributes:
        source, layer: where they come from.
        recipe: all that decides them, from the network's side.
        n_dims: D.
        step: the step of the finished collection that holds them; None when there is none.
        decoded: how images were decoded for that step.
        have: hashes of the image files whose vectors are there.
    """

    source: Source
    layer: str
    recipe: dict[str, Any]
    n_dims: int
    step: str | None
    decoded: Decoding = WHOLE
    have: set[str] = field(default_factory=set)
    journal: Journal = field(init=False)

    def open(self, folder: Path, known: Known) -> None:
        """Find out what there is already, in the finished collection and of an unfinished build."""
        self.journal = Journal(folder / JOURNAL / fingerprint(self.recipe)[:12], self.n_dims)
        self.have = known.add(self.journal) | (self._held(known) if self.step else set())

    @property
    def decoding(self) -> Decoding:
        """How images are decoded now."""
        return Decoding.of(self.recipe)

    def _held(self, known: Known) -> set[str]:
        """Take what the finished collection holds, less what would now be decoded at another size."""
        now, then = self.decoding, self.decoded
        if now == then:
            return set(known.contents)
        sizes = ((content, known.sizes[content]) for content in known.contents)
        return {content for content, size in sizes if now.reductions(*size) == then.reductions(*size)}

    def make(self, chain: Chain, gallery: Gallery) -> str:
        """Make the step that holds them in row order."""

        def sources() -> Iterator[tuple[Contents, FloatArray]]:
            yield from journal_vectors(self.journal)
            if self.step:
                yield from old_vectors(chain.vectors(self.step), gallery.before)

        return chain.step(
            "vectors",
            [self.recipe, fingerprint(gallery.contents.tobytes())],
            lambda part: write_vectors(part, gallery.contents, self.n_dims, sources(), chain.on_progress),
        )


def find_features(
    chain: Chain, requests: Sequence[Request], held: dict[str, dict[str, Any]], loader: Loader
) -> list[Features]:
    """Find the features of each request; requests for the same features get the same object.

    A network is loaded only if its recipe cannot be told without.

    Args:
        held: the spaces of the finished collection, as far as their files are there.
    """
    found: dict[str, Features] = {}
    result = []
    for request in requests:
        key = fingerprint(feature_facts(request))
        if key not in found:
            found[key] = _features(chain, request, held, loader)
        same = fingerprint(found[key].recipe)  # the same weights from two places
        found[key] = found.setdefault(same, found[key])
        result.append(found[key])
    return result


def _features(chain: Chain, request: Request, held: dict[str, dict[str, Any]], loader: Loader) -> Features:
    found: dict[str, Any] | None
    for facts in held.values():
        if "weights" in facts["request"] and feature_facts(again(facts["request"])) == feature_facts(request):
            recipe, n_dims, found = network_recipe(facts["recipe"]), held_dims(chain, step_of(facts)), facts
            break
    else:
        loaded = request.source.load(loader, [request.layer])
        recipe, n_dims = loaded.recipes[0], loaded.widths[0]
        found = next((facts for facts in held.values() if network_recipe(facts["recipe"]) == recipe), None)
    step, decoded = (step_of(found), Decoding.of(found["recipe"])) if found else (None, WHOLE)
    return Features(request.source, request.layer, recipe | chain.decoding, n_dims, step, decoded)


def held_dims(chain: Chain, step: str) -> int:
    """D of the vectors that a step of the finished collection holds."""
    return int(chain.vectors(step).shape[1])


def step_of(space: dict[str, Any]) -> str:
    """The step that holds the features behind a space."""
    return str(space["steps"].get("features", space["steps"]["vectors"]))


def read_images(
    chain: Chain,
    root: Path,
    features: Sequence[Features],
    files: list[FoundFile],
    known: Known,
    loader: Loader,
) -> int:
    """Run the images that need it through the networks, keeping each batch as it is done.

    All layers that an image lacks are read in one pass, network by network.

    Returns:
        How many images were run, once for each network.
    """
    distinct = list({id(one): one for one in features}.values())
    for one in distinct:
        one.open(chain.folder, known)
    n_run = 0
    for source in dict.fromkeys(one.source for one in distinct):
        group = [one for one in distinct if one.source == source]
        passes: dict[tuple[int, ...], list[FoundFile]] = {}
        for file in files:
            lacking = tuple(place for place, one in enumerate(group) if known.needs(file, one.have))
            if lacking:
                passes.setdefault(lacking, []).append(file)
        for lacking, todo in passes.items():
            n_run += _pass(chain, root, [group[place] for place in lacking], todo, known, loader)
    return n_run


def _pass(
    chain: Chain, root: Path, features: list[Features], todo: list[FoundFile], known: Known, loader: Loader
) -> int:
    network = features[0].source.load(loader, [one.layer for one in features])
    ends = np.cumsum(network.widths)
    n_run = 0
    with chain.timed("reading images"):
        try:
            for batch in extract(
                root,
                todo,
                network,
                known=lambda content: all(content in one.have for one in features),
                decoding=features[0].decoding,
                on_progress=chain.on_progress,
            ):
                for one, end in zip(features, ends, strict=True):
                    one.journal.append([_part(result, slice(end - one.n_dims, end)) for result in batch])
                known.take(batch)
                run = [result.content for result in batch if result.vector is not None]
                for one in features:
                    one.have.update(run)
                n_run += len(run)
        finally:  # Ctrl-C loses nothing that is done
            for one in features:
                one.journal.flush()
    return n_run


def _part(result: Extracted, columns: slice) -> Extracted:
    """What of an image belongs to one layer."""
    return result if result.vector is None else replace(result, vector=result.vector[columns])
