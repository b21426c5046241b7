"""Large JPEG files: decoded smaller, in a collection that was begun so, and never in one that was not."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash import api, settings
from dxr_dash.collection.decoding import Decoding
from dxr_dash.collection.extraction import Extracted, extract
from dxr_dash.collection.images import (
    UnreadableImage,
    decode,
    find_images,
    read_image,
    reduction,
    thumbnail,
)
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.outside import embed_outside
from dxr_dash.records import FloatArray, silent
from tests.bad_images import encoded, oriented
from tests.builders import build, change_manifest, digest, picture, write_pictures

LEAST_PX = settings.REDUCED_LEAST * settings.REDUCED_SIDE_PX
LARGE = (2 * LEAST_PX + 16, 2 * LEAST_PX)
N_SMALL, N_LARGE = 40, 3


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 4_000))
def test_a_jpeg_is_decoded_as_much_smaller_as_keeps_its_side_and_its_place(
    width: int, height: int, least_px: int
) -> None:
    short = min(width, height)
    fitting = [n for n in (1, 2, 4, 8) if width % n == height % n == 0 and (n == 1 or short / n >= least_px)]
    assert reduction(width, height, least_px) == reduction(height, width, least_px) == max(fitting)
    assert reduction(width, height, 0) == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_what_is_decoded_smaller_is_the_same_picture(mode: str, options: dict[str, Any]) -> None:
    data = encoded(picture(3, 640, 480).convert(mode), quality=95, **options)
    whole = decode(data)
    assert whole[1] == 1
    for least_px, times in ((240, 2), (120, 4), (119, 4), (60, 8), (481, 1), (241, 1)):
        image, found = decode(data, least_px=least_px)
        assert (found, image.mode, image.size) == (times, "RGB", (640 // times, 480 // times))
        mean = np.asarray(whole[0].reduce(times), np.float64)
        assert np.abs(np.asarray(image, np.float64) - mean).mean() < 3


def test_it_is_turned_upright_and_the_first_of_several_pictures_too() -> None:
    data = oriented(6)
    sides = read_image(data).size
    smaller, times = decode(data, least_px=min(sides) // 2)
    assert times == 2
    assert smaller.size == (sides[0] // 2, sides[1] // 2)
    mean = np.asarray(read_image(data).reduce(2), np.float64)
    assert np.abs(np.asarray(smaller, np.float64) - mean).mean() < 10  # turned otherwise, it is above 100
    several = encoded(picture(1, 64, 48), "MPO", save_all=True, append_images=[picture(2, 64, 48)])
    first, times = decode(several, least_px=24)
    assert (times, first.size) == (2, (32, 24))
    assert np.abs(np.asarray(first, float) - np.asarray(read_image(several).reduce(2), float)).mean() < 3


def lossless(width: int, height: int) -> bytes:
    """Write a lossless JPEG file of middle grey, which no decoder makes smaller: all differences are zero bits."""

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    frame = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    codes = bytes([0, 1, *[0] * 15, 0])
    scan = segment(0xDA, bytes([1, 1, 0, 1, 0, 0])) + bytes(width * height // 8)
    return b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, codes) + scan + b"\xff\xd9"


def test_what_cannot_be_decoded_smaller_is_decoded_whole() -> None:
    for data in (encoded(picture(0, 64, 48), "PNG"), encoded(picture(0, 64, 48), "WEBP"), lossless(64, 48)):
        image, times = decode(data, least_px=12)
        assert (times, image.size) == (1, (64, 48))
    assert read_image(lossless(64, 48), least_px=12).getextrema() == ((128, 128),) * 3


def test_a_broken_file_has_the_same_reason_at_every_size() -> None:
    whole = encoded(picture(0, 640, 480))
    for data in (whole[: len(whole) // 2], whole[:700] + bytes(100), b"\xff\xd8\xff" + bytes(50)):
        with pytest.raises(UnreadableImage) as usual:
            read_image(data)
        with pytest.raises(UnreadableImage) as smaller:
            read_image(data, least_px=60)
        assert smaller.value.reason == usual.value.reason


def test_every_network_makes_the_same_thumbnail(tmp_path: Path) -> None:
    write_large(tmp_path, 1)
    picture(1, *LARGE).save(tmp_path / "whole.png")
    network = load_network("thingsnet", "fc7", device="cpu")

    def run(decoding: Decoding) -> list[Extracted]:
        files = find_images(tmp_path).files
        batches = extract(
            tmp_path, files, network, known=lambda _: False, decoding=decoding, on_progress=silent
        )
        return [one for batch in batches for one in batch]

    usual = run(Decoding(LEAST_PX, LEAST_PX))
    of_large_images = run(Decoding(2 * LEAST_PX + 1, LEAST_PX))
    assert [one.thumbnail for one in usual] == [one.thumbnail for one in of_large_images]
    assert [(one.width, one.height) for one in usual] == [LARGE, LARGE]
    data = (tmp_path / "large0.jpg").read_bytes()
    assert usual[0].thumbnail == thumbnail(read_image(data, least_px=LEAST_PX))
    for found, least_px in ((usual, LEAST_PX), (of_large_images, 0)):
        prepared = network.prepare(read_image(data, least_px=least_px))
        np.testing.assert_array_equal(found[0].vector, network.forward(prepared[None])[0])


def write_large(folder: Path, n_images: int) -> None:
    for number in range(n_images):
        picture(500 + number, *LARGE).save(folder / f"large{number}.jpg", quality=80)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_pictures(tmp_path_factory.mktemp("large") / "images", N_SMALL)
    write_large(folder, N_LARGE)
    return folder


@pytest.fixture(scope="module")
def new(images: Path) -> Path:
    build(images, images.parent / "new" / "pictures.dxr")
    return images.parent / "new" / "pictures.dxr"


@pytest.fixture(scope="module")
def begun_before(images: Path) -> Path:
    """A collection as dxr made it before: no word of how images are decoded, and all of them whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "REDUCED_LEAST", 0)
        build(images, images.parent / "old" / "pictures.dxr")
    return images.parent / "old" / "pictures.dxr"


@pytest.fixture
def old(begun_before: Path, tmp_path: Path) -> Path:
    shutil.copytree(begun_before, tmp_path / "pictures.dxr")
    return tmp_path / "pictures.dxr"


def row_of(target: Path, name: str) -> int:
    return int(api.open_collection(target).paths.to_pylist().index(name))


def vector_of(data: bytes, least_px: int) -> FloatArray:
    network = load_network("thingsnet", "fc7", device="cpu")
    prepared = network.prepare(read_image(data, least_px=least_px))
    vectors: FloatArray = network.forward(prepared[None])
    return np.asarray(vectors[0])


@pytest.mark.parametrize(("kind", "least_px"), [("new", LEAST_PX), ("begun_before", 0)])
def test_images_and_uploads_are_decoded_as_the_collection_was_begun(
    kind: str, least_px: int, images: Path, request: pytest.FixtureRequest
) -> None:
    target: Path = request.getfixturevalue(kind)
    opened = api.open_collection(target)
    data = (images / "large0.jpg").read_bytes()
    row = row_of(target, "large0.jpg")
    np.testing.assert_array_equal(opened.space().vectors[row], vector_of(data, least_px))
    assert opened.thumbnail(row) == thumbnail(read_image(data, least_px=least_px))
    outside = embed_outside([("sent.jpg", data)], [opened.space()])
    np.testing.assert_array_equal(outside.vectors[opened.space().fingerprint][0], opened.space().vectors[row])
    assert (vector_of(data, 0) != vector_of(data, LEAST_PX)).any()  # else this shows nothing
    assert opened.table.slice(row, 1).select(["width", "height"]).to_pylist() == [
        {"width": LARGE[0], "height": LARGE[1]}
    ]


def test_a_collection_begun_before_reads_nothing_anew_and_decodes_new_images_whole(
    old: Path, images: Path, tmp_path: Path
) -> None:
    before = digest(old)
    assert build(images, old).n_extracted == 0
    assert digest(old) == before
    more = tmp_path / "images"
    shutil.copytree(images, more)
    picture(900, *LARGE).save(more / "newcomer.jpg")
    # by a newer dxr: the network is loaded, and only its recipe tells that the vectors are those
    change_manifest(old, lambda facts: facts["spaces"]["thingsnet.fc7"]["request"].update(dxr="0.1.0"))
    assert build(more, old).n_extracted == 1
    assert build(more, old, recipe="l2").n_extracted == 0
    assert build(more, old, layer="fc6").n_extracted == N_SMALL + N_LARGE + 1
    opened = api.open_collection(old)
    assert "reduced" not in opened.manifest
    row = row_of(old, "newcomer.jpg")
    expected = vector_of((more / "newcomer.jpg").read_bytes(), 0)
    for space in opened.spaces.values():
        assert "reduced" not in space.recipe
    np.testing.assert_array_equal(opened.space("thingsnet.fc7").vectors[row], expected)


def test_fresh_reads_only_the_large_ones_anew_and_ends_as_from_nothing(
    old: Path, new: Path, images: Path
) -> None:
    assert build(images, old, fresh=True).n_extracted == N_LARGE
    assert digest(old) == digest(new)
    assert build(images, old, fresh=True).n_extracted == 0
