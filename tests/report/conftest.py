"""One small collection with hostile names, and reports on its sets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dxr_dash import api
from dxr_dash.collection.store import Collection
from dxr_dash.report import make_report
from dxr_dash.report.record import Report
from tests.builders import build, picture, write_pictures

HOSTILE_SET = '</title><script>alert("set")</script>'
HOSTILE_FILES = (
    "=cmd|'C calc'!A0.jpg",
    "@SUM(1+1).jpg",
    "-1+2.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "{{ 7*7 }} & .jpg",
    "שלום.jpg",
)
N_IMAGES = 150
N_LARGE = 84  # members: more than a page lists


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the collection; nothing may change it."""
    folder = tmp_path_factory.mktemp("report")
    images = write_pictures(folder / "images", N_IMAGES)
    target = folder / "small world.dxr"
    build(images, target, labels="folder", name="a <small> world")
    opened = api.open_collection(target)
    outside = folder / "outside"
    outside.mkdir()
    for number, name in enumerate(HOSTILE_FILES):
        picture(900 + number).save(outside / name, quality=90)
    control, _ = api.add_query_set(opened, "plain ones", rows=range(60, 80))
    one, _ = api.add_query_set(opened, HOSTILE_SET, rows=range(0, 36, 2), images=outside)
    api.set_control(opened, one.id, control.id)
    api.add_query_set(opened, "large", rows=range(N_LARGE))
    return target


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture(scope="session")
def collection(made: Path) -> Collection:
    return api.open_collection(made)


@pytest.fixture(scope="session")
def report(collection: Collection) -> Report:
    """A report on the hostile set, with a control set."""
    return make_report(collection, [HOSTILE_SET], note="<i>by</i> Ada")


@pytest.fixture(scope="session")
def two(collection: Collection) -> Report:
    """A report on two sets, one of them large."""
    return make_report(collection, ["large", "plain ones"])
