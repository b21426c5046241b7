"""Near-duplicates, another source and hubs, as the answer for a real small collection knows them."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances
from dxr_dash.analysis.hubs import scaled_keys
from dxr_dash.collection.store import Collection
from dxr_dash.records import Verdict
from tests.builders import build, picture, write_pictures

N_IMAGES = 120


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = write_pictures(tmp_path_factory.mktemp("surroundings") / "images", N_IMAGES)
    build(images, images.parent / "pictures.dxr", labels="folder")
    return images.parent / "pictures.dxr"


@pytest.fixture
def collection(built: Path, tmp_path: Path) -> Collection:
    return api.open_collection(shutil.copytree(built, tmp_path / "pictures.dxr"))


def saved(image: Image.Image, quality: int = 75) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def copies(collection: Collection, rows: range) -> list[tuple[str, bytes]]:
    """Gallery images, saved again."""
    return [(f"{row}.jpg", saved(Image.open(collection.images_root / collection.path(row)))) for row in rows]


def stripes(n: int, first: int = 0) -> list[tuple[str, bytes]]:
    """Pictures of another kind than the collection's: black and white stripes, no two alike."""
    found = []
    for seed in range(first, first + n):
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:56, :72]
        angle = rng.random() * np.pi
        wave = np.sin((np.cos(angle) * rows + np.sin(angle) * columns) * (0.4 + 1.4 * rng.random()))
        found.append((f"stripes {seed}.jpg", saved(Image.fromarray(np.uint8(255 * (wave > 0))))))
    return found


def drawn(n: int, first: int = 500) -> list[tuple[str, bytes]]:
    """Pictures of the collection's own kind that are not in it."""
    return [(f"new {seed}.jpg", saved(picture(seed), 90)) for seed in range(first, first + n)]


def test_images_saved_again_are_known_in_the_gallery_and_in_the_set(collection: Collection) -> None:
    outside, _ = api.add_query_set(collection, "copies", images=copies(collection, range(12)))
    found = api.answer(collection, outside.id)
    assert found.once is not None
    assert (found.once.n_copied, found.once.copies.tolist()) == (12, list(range(12)))
    assert found.once.n_compared == N_IMAGES - 12
    assert any("12 images of the set have a copy in the gallery" in warning for warning in found.warnings)
    both, _ = api.add_query_set(collection, "both", rows=range(12), images=copies(collection, range(12)))
    found = api.answer(collection, both.id)
    assert found.once is not None
    assert (found.once.n_images, found.once.n_left_out, found.once.n_copied) == (12, 12, 0)
    assert any("12 pairs of images are nearly the same" in warning for warning in found.warnings)
    alone, _ = api.add_query_set(collection, "alone", rows=range(12))
    plain = api.answer(collection, alone.id)
    assert plain.once is None
    assert found.once.auroc.value == pytest.approx(plain.auroc.value)
    assert found.once.mean_ap.value == pytest.approx(plain.mean_ap.value)
    assert found.verdict is plain.verdict


def test_images_of_another_kind_are_from_another_source_until_a_control_set_is(
    collection: Collection,
) -> None:
    one, _ = api.add_query_set(collection, "stripes", images=stripes(20))
    found = api.answer(collection, one.id)
    assert found.shift is not None
    assert found.shift.unexplained
    assert (found.shift.n_images, found.shift.n_gallery) == (20, N_IMAGES)
    assert found.verdict is Verdict.CANNOT_TELL
    assert "a common source alone could explain it" in found.sentence
    other, _ = api.add_query_set(collection, "other stripes", images=stripes(20, 100))
    own, _ = api.add_query_set(collection, "pictures", rows=range(20))
    against_other = api.answer(collection, one.id, control=other.id)
    assert against_other.shift is not None
    assert against_other.shift.unlike_gallery
    assert not against_other.shift.unexplained
    assert "They retrieve the things" in against_other.sentence
    against_own = api.answer(collection, one.id, control=own.id)
    assert against_own.shift is not None
    assert against_own.shift.unexplained
    assert against_own.verdict is Verdict.CANNOT_TELL
    assert "of the gallery and of the control set pictures" in against_own.sentence


def test_images_of_the_collections_own_kind_are_not(collection: Collection) -> None:
    outside, _ = api.add_query_set(collection, "new", images=drawn(20))
    found = api.answer(collection, outside.id)
    assert found.shift is not None
    assert not found.shift.unlike_gallery
    assert not any("source" in warning for warning in found.warnings)
    saved_again, _ = api.add_query_set(collection, "copies", images=copies(collection, range(20)))
    again = api.answer(collection, saved_again.id).shift
    assert again is not None
    assert not again.unlike_gallery  # copies say nothing of a source


def test_a_set_of_the_gallery_has_no_source_of_its_own(collection: Collection) -> None:
    inside, _ = api.add_query_set(collection, "inside", rows=range(20))
    assert api.answer(collection, inside.id).shift is None
    mixed, _ = api.add_query_set(collection, "mixed", rows=range(20), images=stripes(6))
    assert api.answer(collection, mixed.id).shift is None  # few come from outside
    half, _ = api.add_query_set(collection, "half", rows=range(20), images=stripes(20))
    found = api.answer(collection, half.id)
    assert found.shift is not None
    assert (found.shift.n_images, found.shift.unlike_gallery) == (20, True)


def test_local_scaling_is_that_of_brute_force(collection: Collection) -> None:
    where = collection.space()
    control, _ = api.add_query_set(collection, "control", rows=range(30, 40), images=drawn(5, 700))
    one, _ = api.add_query_set(collection, "x", rows=range(10), images=drawn(6), control=control.id)
    found, plain = api.findings(collection, one.id).scaled, api.answer(collection, one.id)
    assert found is not None
    assert (found.name, found.n_images) == ("CSLS", 16)
    vectors = np.array(where.vectors)
    square = distances(vectors, vectors, metric="cosine")
    np.fill_diagonal(square, np.inf)
    gallery = np.sort(square, axis=1)[:, : settings.SCALING_AT].mean(axis=1, dtype=np.float64)

    def scales(query_set: str) -> np.ndarray:
        chosen = api.find_query_set(collection, query_set)
        own = api.query_vectors(chosen, where)
        far = np.sort(distances(own[len(chosen.rows) :], vectors, metric="cosine"), axis=1)
        outside = far[:, : settings.SCALING_AT].mean(axis=1, dtype=np.float64)
        return np.concatenate([gallery[list(chosen.rows)], outside])

    members = api.query_vectors(one, where)
    within = scaled_keys(distances(members, members, metric="cosine"), scales(one.id), "cosine")
    to_gallery = scaled_keys(distances(members, vectors[10:], metric="cosine"), gallery[10:], "cosine")
    controls = api.query_vectors(control, where)
    to_control = scaled_keys(distances(members, controls, metric="cosine"), scales(control.id), "cosine")
    assert found.control is not None
    for estimate, others in ((found.auroc, to_gallery), (found.control.auroc, to_control)):
        areas = [
            roc_auc_score(
                np.r_[np.ones(15), np.zeros(others.shape[1])], -np.r_[np.delete(within[q], q), others[q]]
            )
            for q in range(16)
        ]
        assert estimate.value == pytest.approx(np.mean(areas), abs=1e-9)
    assert plain.hubs is not None
    assert 0 <= plain.hubs.share <= 1


def test_everything_goes_into_json(collection: Collection) -> None:
    one, _ = api.add_query_set(collection, "stripes", images=stripes(10) + copies(collection, range(5)))
    answer, findings = api.answer(collection, one.id).as_dict(), api.findings(collection, one.id).as_dict()
    assert answer["once"]["n_images"] == 15
    assert answer["shift"]["members"] is not None
    assert answer["hubs"]["k"] == settings.INSTEAD_AT
    assert findings["scaled"]["verdict"] in list(Verdict)
