"""Revisited Oxford and Paris: one file of ground truth, read as JSON.

The authors publish it as a pickle, a program that runs when it is read: dxr reads none, not even with an unpickler
that allows few names. The user turns the file into JSON once, with a command that docs/benchmarks.md gives.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from dxr_dash.collection.benchmarks.files import (
    Box,
    GroundTruth,
    Images,
    Query,
    checked_truth,
    image_name,
    read_text,
)
from dxr_dash.errors import BenchmarkError

KINDS = ("easy", "hard", "junk")
PARTS = {  # name: relevant, and taken out
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}


def read_revisited(data: Path, _images: Images, name: str) -> GroundTruth:
    """Read gnd_NAME.json: the names of ranked images and queries, and per query box, easy, hard and junk images.

    Raises:
        BenchmarkError: it is missing or not as published.
    """
    path = data / f"gnd_{name}.json"
    if not path.exists() and path.with_suffix(".pkl").exists():
        raise BenchmarkError(
            f"{data} holds gnd_{name}.pkl, a pickle, which dxr does not read: reading one runs what it says.",
            f"Turn it into gnd_{name}.json with the command in docs/benchmarks.md, if you trust its source.",
        )
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise _odd(path, f"it is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise _odd(path, "it holds no 'gnd', 'imlist' and 'qimlist'")
    images, asked = _names(path, found, "imlist"), _names(path, found, "qimlist")
    facts = found.get("gnd")
    if (
        not isinstance(facts, list)
        or len(facts) != len(asked)
        or not all(isinstance(one, dict) for one in facts)
    ):
        raise _odd(path, f"'gnd' is not a list of {len(asked)} objects, one for each of 'qimlist'")
    return GroundTruth(
        tuple(_query(path, name, images, one) for name, one in zip(asked, facts, strict=True)), images
    )


def _names(path: Path, found: dict[str, Any], key: str) -> tuple[str, ...]:
    names = found.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(one, str) and one for one in names):
        raise _odd(path, f"{key!r} is not a list of names")
    short = tuple(image_name(one) if "." in one else one for one in names)
    if len(set(short)) != len(short):
        raise _odd(path, f"{key!r} has a name twice")
    return short


def _query(path: Path, name: str, images: tuple[str, ...], facts: dict[str, Any]) -> Query:
    kinds = {}
    for kind in KINDS:
        places = facts.get(kind)
        if not isinstance(places, list) or not all(_is_place(place, len(images)) for place in places):
            raise _odd(path, f"{kind!r} of the query {name} is not a list of places in 'imlist'")
        kinds[kind] = frozenset(images[int(place)] for place in places)
    parts = {
        part: checked_truth(
            name,
            frozenset().union(*(kinds[kind] for kind in relevant)),
            frozenset().union(*(kinds[kind] for kind in out)),
        )
        for part, (relevant, out) in PARTS.items()
    }
    return Query(name, name, _box(path, name, facts.get("bbx")), parts)


def _is_place(place: Any, n_images: int) -> bool:
    whole = type(place) is int or (type(place) is float and place.is_integer())  # NumPy may have held floats
    return whole and 0 <= place < n_images


def _box(path: Path, name: str, box: Any) -> Box:
    if not isinstance(box, list) or not all(
        type(side) in {int, float} and math.isfinite(side) for side in box
    ):
        box = []
    if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
        raise _odd(path, f"'bbx' of the query {name} is not left, top, right, bottom")
    left, top, right, bottom = map(float, box)
    return left, top, right, bottom


def _odd(path: Path, what: str) -> BenchmarkError:
    return BenchmarkError(
        f"{path} is not as published: {what}.", "Make it again with the command in docs/benchmarks.md."
    )
