from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dxr_dash import settings
from dxr_dash.collection.images import (
    MOST_SCANS,
    FoundFile,
    UnreadableImage,
    decode,
    display_path,
    find_images,
    read_file,
    read_image,
    thumbnail,
)
from tests.bad_images import (
    bad_files,
    encoded,
    folder_for_everybody,
    good_modes,
    noise,
    oriented,
    png_declaring,
    quarters,
    without_permission,
    write_bad_folder,
)

FACES = Path(__file__).parents[3] / "shared" / "data" / "facespics"
SMALL = [encoded(noise((17, 13)), name) for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


def file_of(root: Path, name: str) -> FoundFile:
    return FoundFile(os.fsencode(name), 0, 0)


def reason_of(data: bytes, **options: int) -> str:
    with pytest.raises(UnreadableImage) as refused:
        read_image(data, **options)
    return refused.value.reason


# Reading files


def test_a_file_is_read_to_the_last_byte(tmp_path: Path) -> None:
    for data in (b"", b"1", os.urandom(5_000_001)):
        (tmp_path / "1.jpg").write_bytes(data)
        assert read_file(tmp_path, find_images(tmp_path).files[0]) == data


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone.jpg", "the file vanished after it was found"),
        ("file.jpg/inside.jpg", "the file vanished after it was found"),
        ("folder.jpg", "a folder, not a file"),
        ("pipe.jpg", "not a regular file"),
        ("heavy.jpg", "too large: 257 MB, the limit is 256 MB"),
    ],
)
def test_what_became_unreadable_after_it_was_found_has_its_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")  # nobody writes to it: reading it would wait for ever
    with (tmp_path / "heavy.jpg").open("wb") as heavy:
        heavy.truncate(settings.MAX_IMAGE_BYTES + 1)
    with pytest.raises(UnreadableImage) as refused:
        read_file(tmp_path, file_of(tmp_path, name))
    assert refused.value.reason == reason


def test_a_file_that_may_not_be_read_has_its_reason(open_folder: Path) -> None:
    (open_folder / "1.jpg").write_bytes(encoded(noise()))
    with without_permission(open_folder / "1.jpg"), pytest.raises(UnreadableImage) as refused:
        read_file(open_folder, file_of(open_folder, "1.jpg"))
    assert refused.value.reason == "no permission to read the file"


def test_a_link_that_was_turned_on_itself_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").symlink_to("1.jpg")
    with pytest.raises(
        UnreadableImage, match=r"the file cannot be read \(too many levels of symbolic links\)"
    ):
        read_file(tmp_path, file_of(tmp_path, "1.jpg"))


# Decoding


@pytest.mark.parametrize("name", bad_files())
def test_every_bad_file_is_refused_with_its_reason(name: str) -> None:
    data, reason = bad_files()[name]
    assert reason_of(data) == reason


def test_the_bad_folder_gives_exactly_its_reasons_and_its_good_images(tmp_path: Path) -> None:
    reasons = write_bad_folder(tmp_path / "bad")
    found = find_images(tmp_path / "bad")
    said = {one.path: one.reason for one in found.skipped}
    good = []
    for file in found.files:
        try:
            read_image(read_file(tmp_path / "bad", file))
        except UnreadableImage as error:
            said[display_path(file.path)] = error.reason
        else:
            good.append(file.path)
    assert said == reasons
    assert good == [b"folder.jpg/good.png", b"good.webp", b"round/good.jpg"]
    assert found.n_other == 1


@pytest.mark.parametrize("name", good_modes())
def test_every_mode_comes_out_as_the_rgb_that_a_person_sees(name: str) -> None:
    data, colour = good_modes()[name]
    image = read_image(data)
    assert (image.mode, image.size, image.info) == ("RGB", (12, 10), {})
    assert np.abs(np.asarray(image).astype(int) - colour).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_comes_out_upright_and_only_once(format_: str, orientation: int) -> None:
    exact: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}
    image = read_image(oriented(orientation, format_, **exact.get(format_, {})))
    corners = np.asarray(image)[[4, 4, 27, 27], [4, 27, 4, 27]].astype(int)
    assert np.abs(corners - np.asarray(quarters())[[4, 4, 27, 27], [4, 27, 4, 27]]).max() <= 8


def test_16_bit_grey_keeps_its_range_and_other_deep_grey_is_stretched() -> None:
    ramp = np.linspace(0, 65_535, 256).reshape(16, 16)
    sixteen = read_image(encoded(Image.fromarray(ramp.astype(np.uint16)), "PNG"))
    assert np.asarray(sixteen)[..., 0].ravel().tolist() == list(range(256))
    dim = read_image(encoded(Image.fromarray((ramp / 16).astype(np.uint16)), "TIFF"))
    assert np.asarray(dim).max() == 16  # 12 bits in a 16-bit file stay as dark as they are
    for wide in (ramp * 1_000, -ramp, ramp / 65_535 - 7):
        stretched = read_image(encoded(Image.fromarray(wide.astype(np.float32)), "TIFF"))
        assert (np.asarray(stretched).min(), np.asarray(stretched).max()) == (0, 255)
    holes = np.array([[np.nan, -np.inf], [0.5, np.inf]], np.float32)
    image = read_image(encoded(Image.fromarray(holes), "TIFF"))
    assert np.asarray(image)[..., 0].tolist() == [[0, 0], [128, 255]]


def test_the_pixel_limit_is_checked_on_what_the_header_says_before_anything_is_decoded() -> None:
    begin = time.perf_counter()
    assert (
        reason_of(png_declaring(10_001, 10_000))
        == "too large: 10001 x 10000 pixels, the limit is 100 megapixels"
    )
    assert time.perf_counter() - begin < 1
    assert reason_of(encoded(noise((20, 11))), max_pixels=219) == (
        "too large: 20 x 11 pixels, the limit is 0.000219 megapixels"
    )
    assert read_image(encoded(noise((20, 11))), max_pixels=220).size == (20, 11)


def test_only_the_formats_that_dxr_reads_reach_a_decoder() -> None:
    for format_ in ("PPM", "TGA", "ICO", "PCX", "SGI", "EPS", "PDF", "DDS"):
        assert reason_of(encoded(noise(), format_)) == "not an image: its content is not a format dxr reads"


def in_scans(n_scans: int, between: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan is there again and again; more bytes before each."""
    out = io.BytesIO()
    Image.new("L", (64, 64), 128).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + (between + data[last:-2]) * n_scans + data[-2:]


def test_a_jpeg_of_very_many_scans_is_refused_before_it_costs_hours() -> None:
    few = in_scans(MOST_SCANS // 2)
    assert decode(few)[0].size == (64, 64)
    assert decode(few + b"\xff\xda" * 1000)[0].size == (64, 64)  # behind the picture: a film, say
    comment = b"\xff\xfe" + (2 + 2000).to_bytes(2, "big") + b"\xff\xda" * 1000
    assert decode(few[:2] + comment + few[2:])[0].size == (64, 64)
    # fillers and what a decoder passes over hide none of them
    for between in (b"", b"\xff\xff\xff", b"\x00junk", b"\xff\x00", b"\xff\xd0", comment):
        with pytest.raises(UnreadableImage, match="scans"):
            decode(in_scans(MOST_SCANS + 1, between))


def test_no_warning_of_pillow_gets_out_of_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # every image here is then said to be a bomb
    cut_exif = encoded(noise((12, 10)), "TIFF")[:-60]
    half_transparent = good_modes()["palette, entries half transparent.png"][0]

    def read(data: bytes) -> None:
        with contextlib.suppress(UnreadableImage):
            read_image(data)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, [encoded(noise((12, 10))), cut_exif, half_transparent, *SMALL] * 20))
        assert warnings.filters == before
    assert caught == []


@given(st.binary(max_size=300), st.sampled_from([data[:12] for data in SMALL] + [b""]))
def test_random_bytes_are_refused_or_read_and_nothing_else(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(UnreadableImage):
        read_image(head + tail, max_pixels=1_000_000)


@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=9),
)
def test_altered_images_are_refused_or_read_soon_and_nothing_else(
    data: bytes, changes: list[tuple[float, int]]
) -> None:
    altered = bytearray(data)
    for place, value in changes:
        altered[int(place * len(altered))] = value
    begin = time.perf_counter()
    with contextlib.suppress(UnreadableImage):
        read_image(bytes(altered), max_pixels=1_000_000)
    assert time.perf_counter() - begin < 5


@given(st.sampled_from(SMALL), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused_or_read_and_nothing_else(data: bytes, share: float) -> None:
    with contextlib.suppress(UnreadableImage):
        read_image(data[: int(share * len(data))], max_pixels=1_000_000)


@pytest.mark.skipif(not FACES.is_dir(), reason="the shared images are not here")
def test_all_real_images_of_the_2015_collection_are_read() -> None:
    found = find_images(FACES)
    assert len(found.files) == 850
    assert not found.skipped
    assert {read_image(read_file(FACES, file)).mode for file in found.files[::10]} == {"RGB"}


# Thumbnails


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, 200), (128, 64)),
        ((200, 400), (64, 128)),
        ((50, 30), (50, 30)),
        ((1, 60_000), (1, 128)),
        ((60_000, 1), (128, 1)),
        ((129, 128), (128, 127)),
    ],
)
def test_a_thumbnail_keeps_the_shape_within_its_limit_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    small = Image.open(io.BytesIO(thumbnail(Image.new("RGB", size))))
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", expected)


def test_a_thumbnail_looks_like_the_image_and_holds_nothing_but_pixels() -> None:
    image = quarters(256)
    image.info = {"comment": b"secret", "exif": b"secret", "icc_profile": b"secret", "dpi": (1, 1)}
    data = thumbnail(image)
    assert b"secret" not in data
    assert image.info["comment"] == b"secret"
    small = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert (
        np.abs(
            small[[20, 20, 107, 107], [20, 107, 20, 107]]
            - [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255,) * 3]
        ).max()
        <= 3
    )


def test_thumbnails_of_the_same_pixels_are_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from tests.bad_images import noise; from dxr_dash.collection.images import thumbnail;"
        "sys.stdout.buffer.write(thumbnail(noise((300, 200))))"
    )
    root = Path(__file__).parents[2]
    other = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True).stdout
    assert other == thumbnail(noise((300, 200)))
