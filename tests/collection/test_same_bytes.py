"""The same images, settings, seed and versions: the same bytes, on any number of cores and threads."""

from __future__ import annotations

import importlib.util
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dxr_dash import api
from tests.builders import digest, write_pictures

N_IMAGES = 300  # for fewer, the linear algebra library takes one thread, however many it has
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measure() -> Any:
    """The script that measures the same on photographs."""
    path = ROOT / "scripts" / "measure_processors.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("same") / "images", N_IMAGES)


@pytest.fixture(scope="module")
def one(measure: Any, images: Path) -> Any:
    return measure.build(images, images.parent / "1.dxr", n_cores=1)


def test_a_collection_is_the_same_on_any_number_of_cores_and_beside_another_build(
    measure: Any, images: Path, one: Any
) -> None:
    def build(n_cores: int) -> Any:
        return measure.build(images, images.parent / f"{n_cores}.dxr", n_cores=n_cores)

    with ThreadPoolExecutor(2) as both:  # two processes at once
        for more in both.map(build, (2, 4)):
            assert digest(more.folder) == digest(one.folder)
            assert more.fingerprint == one.fingerprint


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="knows older processors of x86 only"
)
def test_on_an_older_processor_features_differ_by_rounding_and_answers_do_not(
    measure: Any, images: Path, one: Any
) -> None:
    old = measure.build(images, images.parent / "old.dxr", n_cores=1, env=measure.OLD)
    assert old.fingerprint == one.fingerprint
    for name in one.spaces:
        ours, theirs = one.space(name), old.space(name)
        off = np.linalg.norm(np.subtract(ours.vectors, theirs.vectors), axis=1)
        assert (off <= 1e-5 * np.linalg.norm(ours.vectors, axis=1)).all()
        assert np.equal(ours.neighbours, theirs.neighbours).mean() > 0.99
    for found in (one, old):
        api.add_query_set(found, "x", rows=range(0, N_IMAGES, 10))
    assert api.answer(old, "x").auroc.value == pytest.approx(api.answer(one, "x").auroc.value, abs=1e-4)
    assert api.answer(old, "x").verdict is api.answer(one, "x").verdict
