from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.collection.images import (
    FoundFile,
    display_path,
    find_images,
    read_file,
)
from dxr_dash.errors import ImagesError
from dxr_dash.records import Skipped
from tests.bad_images import (
    ODD_NAMES,
    folder_for_everybody,
    without_permission,
    write_odd_names,
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


def paths(root: Path) -> list[bytes]:
    return [file.path for file in find_images(root).files]


# Finding


def test_images_are_found_in_all_folders_sorted_by_path_with_size_and_time(tmp_path: Path) -> None:
    for name in ("b/z.png", "b/a/1.JPG", "a.webp", "c.tiff", "notes.txt", "b/Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = find_images(tmp_path)
    assert [file.path for file in found.files] == [b"a.webp", b"b/a/1.JPG", b"b/z.png", b"c.tiff"]
    about = (tmp_path / "a.webp").stat()
    assert found.files[0] == FoundFile(b"a.webp", 6, about.st_mtime_ns)
    assert (found.skipped, found.n_other) == ([], 2)


def test_hidden_names_and_collections_are_left_out(tmp_path: Path) -> None:
    for name in (".hidden/a.jpg", "cats.dxr/a.jpg", "CATS.DXR/a.jpg", ".a.jpg", "seen/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_images(tmp_path)
    assert [file.path for file in found.files] == [b"seen/a.jpg"]
    assert found.n_other == 0


def test_names_of_any_bytes_are_found_as_they_are(tmp_path: Path) -> None:
    write_odd_names(tmp_path)
    found = find_images(tmp_path)
    assert [file.path for file in found.files] == sorted(ODD_NAMES)
    assert len({read_file(tmp_path, file) for file in found.files}) == len(ODD_NAMES)


def test_every_folder_is_read_once_however_links_go_round(tmp_path: Path) -> None:
    (tmp_path / "z" / "deep").mkdir(parents=True)
    (tmp_path / "z" / "deep" / "1.jpg").touch()
    (tmp_path / "z" / "deep" / "up").symlink_to("../..")
    (tmp_path / "z" / "self").symlink_to(".")
    (tmp_path / "a").symlink_to("z")  # sorts before the real folder, which still gives the path
    (tmp_path / "b").symlink_to("c")
    (tmp_path / "c").symlink_to("b")
    found = find_images(tmp_path)
    assert [file.path for file in found.files] == [b"z/deep/1.jpg"]
    assert [(one.path, one.reason) for one in found.skipped] == [
        ("b", "a link that leads back to itself"),
        ("c", "a link that leads back to itself"),
    ]


def test_links_to_files_and_folders_outside_are_followed_and_broken_ones_named(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "1.jpg").write_bytes(b"12345")
    (root / "linked").symlink_to(outside)
    (root / "linked too").symlink_to(outside)
    (root / "file.jpg").symlink_to(outside / "1.jpg")
    (root / "gone.jpg").symlink_to(outside / "2.jpg")
    found = find_images(root)
    assert [(file.path, file.size) for file in found.files] == [(b"file.jpg", 5), (b"linked/1.jpg", 5)]
    assert found.skipped == [Skipped("gone.jpg", "a broken link: it points to nothing")]


def test_a_folder_that_may_not_be_read_is_skipped_and_the_rest_is_found(open_folder: Path) -> None:
    (open_folder / "closed").mkdir()
    (open_folder / "1.jpg").touch()
    with without_permission(open_folder / "closed"):
        found = find_images(open_folder)
    assert [file.path for file in found.files] == [b"1.jpg"]
    assert found.skipped == [Skipped("closed", "no permission to read the folder")]


def test_a_root_that_is_no_readable_folder_is_an_error(open_folder: Path) -> None:
    with pytest.raises(ImagesError, match="There is no folder"):
        find_images(open_folder / "nowhere")
    (open_folder / "file").touch()
    with pytest.raises(ImagesError, match="is a file, not a folder"):
        find_images(open_folder / "file")
    with (
        without_permission(open_folder),
        pytest.raises(ImagesError, match=r"cannot be read \(permission denied\)"),
    ):
        find_images(open_folder)


def test_thousands_of_files_in_one_folder_are_found(tmp_path: Path) -> None:
    for number in range(5_000):
        (tmp_path / f"{number:05}.jpg").touch()
    assert paths(tmp_path) == [b"%05d.jpg" % number for number in range(5_000)]


# Names


def test_a_path_is_shown_in_one_line_of_valid_text() -> None:
    assert display_path(b"plain name.jpg") == "plain name.jpg"
    assert display_path("žluťoučký 花 🙂.jpg".encode()) == "žluťoučký 花 🙂.jpg"
    assert display_path(b"a\nb\tc\x00\x7f") == r"a\nb\tc\x00\x7f"
    assert display_path(b"caf\xe9.jpg") == r"caf\xe9.jpg"
    assert display_path(rb"back\slash") == r"back\\slash"
    assert display_path("\u0085\u2028\u202egpj".encode()) == r"\u0085\u2028\u202egpj"


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_shown_paths_are_valid_text_without_control_characters_and_differ_if_the_paths_do(
    one: bytes, other: bytes
) -> None:
    shown = display_path(one)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert (shown == display_path(other)) == (one == other)
