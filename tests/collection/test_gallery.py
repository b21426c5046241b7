"""Vectors and thumbnails of many sources, brought into the order of the gallery."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.collection.gallery import Blobs, Contents, contents_of, write_thumbnails, write_vectors
from dxr_dash.collection.pack import Pack, write_pack
from dxr_dash.collection.steps import fingerprint
from dxr_dash.errors import CollectionError
from dxr_dash.records import silent

NAMES = [fingerprint(number) for number in range(9)]

# which images each source has; the gallery's own, some of them twice, are drawn from all of these
source = st.lists(st.sampled_from(NAMES), max_size=9)
sources = st.lists(st.tuples(source, st.booleans()), min_size=1, max_size=4)


def blob(name: str, place: int) -> bytes:
    """Give each source other bytes of another length for the same image, as another version of Pillow would."""
    return name[: 1 + int(name[-1], 16)].encode() * (place + 1)


@given(sources, st.data())
def test_each_row_gets_what_the_first_source_has_whatever_else_the_sources_hold(
    drawn: list[tuple[list[str], bool]], data: st.DataObject
) -> None:
    had = sorted({name for names, _ in drawn for name in names})
    gallery = data.draw(st.lists(st.sampled_from(had), min_size=1, max_size=12)) if had else []
    first = {
        name: place for place, (names, _) in reversed(list(enumerate(drawn))) for name in reversed(names)
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given_sources: list[tuple[Contents, Blobs]] = []
        for number, (names, packed) in enumerate(drawn):
            listed = [blob(name, number) for name in names]
            blobs: Blobs = listed
            if packed:
                (folder / f"{number}").mkdir()
                write_pack(folder / f"{number}", "thumbnails", listed)
                blobs = Pack(folder / f"{number}", "thumbnails")
            given_sources.append((contents_of(names), blobs))
        if not gallery:
            return
        write_thumbnails(folder, contents_of(gallery), lambda: given_sources)
        found = Pack(folder, "thumbnails")
        assert [found[row] for row in range(len(found))] == [blob(name, first[name]) for name in gallery]
        vectors = [
            (contents_of(names), np.array([[NAMES.index(name), number] for name in names], np.float32))
            for number, (names, _) in enumerate(drawn)
            if names
        ]
        write_vectors(folder, contents_of(gallery), 2, vectors, silent)
        np.testing.assert_array_equal(
            np.load(folder / "vectors.npy"), [[NAMES.index(name), first[name]] for name in gallery]
        )


def test_an_image_that_no_source_has_is_an_error_in_words(tmp_path: Path) -> None:
    held = contents_of(NAMES[:2])
    with pytest.raises(CollectionError, match="1 images are missing"):
        write_thumbnails(tmp_path, contents_of(NAMES[:3]), lambda: [(held, [b"a", b"b"])])
