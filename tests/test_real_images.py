"""The lists of real images that show X and its control; the images themselves are never in the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import SHARED

DATA = Path(__file__).parent / "data"
LISTS = ("faces", "things")


def names(of: str) -> list[str]:
    lines = (DATA / f"{of}.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def folder(of: str) -> Path:
    """The folder that the first line of a list names."""
    first = (DATA / f"{of}.txt").read_text().splitlines()[0]
    return SHARED.parents[1] / first.rpartition(" In ")[2].rstrip(".")


def test_x_and_its_control_are_as_many_and_share_no_image() -> None:
    faces, things = names("faces"), names("things")
    assert len(set(faces)) == len(faces) == len(set(things)) == len(things) == 40
    assert not set(faces) & set(things)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared images are not here")
@pytest.mark.parametrize("of", LISTS)
def test_every_image_of_the_lists_is_there(of: str) -> None:
    assert folder(of).parent == SHARED
    assert [name for name in names(of) if not (folder(of) / name).is_file()] == []
