"""INRIA Holidays and UKBench: the file names tell which images belong together."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from dxr_dash.collection.benchmarks.files import GroundTruth, Images, Query, Truth, listed
from dxr_dash.errors import BenchmarkError

HOLIDAYS_NAME = re.compile(r"[0-9]{6}")
UKBENCH_NAME = re.compile(r"ukbench([0-9]{5})")
UKBENCH_GROUP = 4


def read_holidays(_data: Path, images: Images, _name: str) -> GroundTruth:
    """Read INRIA Holidays: 100000.jpg asks for 100001.jpg, 100002.jpg and so on; itself it is left out.

    Raises:
        BenchmarkError: a file of another name, or a group without its query or with nothing but its query.
    """
    _check_names(images, HOLIDAYS_NAME, "six digits, as in 100000.jpg")
    groups: dict[str, set[str]] = defaultdict(set)
    for name in images.files:
        groups[name[:4]].add(name)
    queries = []
    for group, members in sorted(groups.items()):
        query = f"{group}00"
        if query not in members or len(members) < 2:
            lacking = query if query not in members else f"{group}01"
            raise BenchmarkError(
                f"{images.root} holds {listed(sorted(members))} but not {lacking}.", "Complete the copy."
            )
        truth = Truth(frozenset(members - {query}), frozenset({query}))
        queries.append(Query(query, query, None, {"": truth}))
    return GroundTruth(tuple(queries))


def read_ukbench(_data: Path, images: Images, _name: str) -> GroundTruth:
    """Read UKBench: each image asks for its group of four, ukbench00000 to ukbench00003 and so on; itself included.

    Raises:
        BenchmarkError: a file of another name, or a group that lacks an image.
    """
    _check_names(images, UKBENCH_NAME, "ukbench and five digits, as in ukbench00000.jpg")
    groups: dict[int, set[str]] = defaultdict(set)
    for name in images.files:
        groups[int(name[-5:]) // UKBENCH_GROUP].add(name)
    for number, members in sorted(groups.items()):
        whole = {f"ukbench{UKBENCH_GROUP * number + place:05d}" for place in range(UKBENCH_GROUP)}
        if members != whole:
            raise BenchmarkError(
                f"{images.root} lacks {listed(sorted(whole - members))}, of a group of four.",
                "Complete the copy.",
            )
    return GroundTruth(
        tuple(
            Query(
                name, name, None, {"": Truth(frozenset(groups[int(name[-5:]) // UKBENCH_GROUP]), frozenset())}
            )
            for name in sorted(images.files)
        )
    )


def _check_names(images: Images, pattern: re.Pattern[str], words: str) -> None:
    odd = sorted(name for name in images.files if not pattern.fullmatch(name))
    if odd:
        raise BenchmarkError(
            f"{images.root} holds images that are not of this benchmark: {listed(odd)}.",
            f"Its images are named with {words}; move the others away.",
        )
