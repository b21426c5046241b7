"""Labels from folders, against the standard library's own parsing."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from dxr_dash.collection.labels import folder_labels

name = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text not in (".", "..")
)


@given(st.lists(st.lists(name, min_size=1, max_size=4).map("/".join), max_size=5))
def test_the_label_is_the_folder_an_image_lies_in(paths: list[str]) -> None:
    found = folder_labels(paths)["label"].fillna("").tolist()
    assert found == [PurePosixPath(path).parent.name for path in paths]
