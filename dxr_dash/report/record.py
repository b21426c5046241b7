"""What a report holds, before it is a page, JSON or a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dxr_dash.records import Answer, Distribution, Findings, IntArray, RankCurve


@dataclass(frozen=True)
class Members:
    """The images of one query set.

    Attributes:
        items: (Q,) a gallery row, or -1 - i for outside image i.
        names: untrusted text: the path below the image folder, or the name of the file that was given.
        contents: hash of each file's bytes (BLAKE2b, 128 bits, hexadecimal).
        fingerprint: hash of the sorted contents: the same for the same images under any names, in any order.
    """

    id: str
    name: str
    colour: int
    items: IntArray
    names: tuple[str, ...]
    contents: tuple[str, ...]
    n_missing: int
    fingerprint: str


@dataclass(frozen=True)
class Picture:
    """One image to show: untrusted name and label, and its thumbnail, a JPEG file."""

    name: str
    label: str
    thumbnail: bytes


@dataclass(frozen=True)
class Group:
    """The distances of one kind, for the one picture that shows all of them.

    Attributes:
        of: "gallery", "set" or "control": whose distances these are.
    """

    of: str
    distribution: Distribution


@dataclass(frozen=True)
class Section:
    """All that is said of one query set.

    Attributes:
        groups: distances on one shared axis; the baseline first.
        curves: of the set, and of its control set.
        references: distances of the baseline that the curves are compared with, by what they say.
        pictures: by item, of every image of the set and the gallery that is shown.
        control_pictures: a few images of the control set.
        shown: members whose pictures stand for the set.
    """

    members: Members
    control: Members | None
    answer: Answer
    findings: Findings
    groups: tuple[Group, ...]
    curves: tuple[RankCurve, ...]
    references: tuple[tuple[float, str], ...]
    shown: tuple[int, ...]
    pictures: Mapping[int, Picture]
    control_pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Report:
    """One report: sections, and what they share.

    Attributes:
        collection: name, folder, number of images and fingerprint.
        space: what the feature space is made with, its fingerprint and its graph's recall.
        settings: every setting of the numbers, by its name in ``dxr_dash.settings``.
        thresholds: value and meaning of each threshold of the verdict.
        versions: of dxr, Python and the packages that the numbers pass through.
        build: the command that makes the collection; IMAGES and FILE stand for paths of another machine.
        asks: the commands that keep query sets of images from outside; FOLDER stands for the folder of each.
        command: the command that makes this report again.
        note: the reader's own words: who, when, what for. Nothing else in a report depends on when it was made.
    """

    collection: Mapping[str, Any]
    space: Mapping[str, Any]
    settings: Mapping[str, Any]
    thresholds: Mapping[str, tuple[float, str]]
    versions: Mapping[str, str]
    build: str
    asks: tuple[str, ...]
    command: str
    note: str
    sections: tuple[Section, ...]
