"""What a collection survives while others use it; the long drills are scripts/drill_kill.py and drill_disk.py."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from dxr_dash import api
from dxr_dash.browser import respond, urls
from dxr_dash.browser.server import create_app
from dxr_dash.browser.state import Selection
from dxr_dash.collection.steps import LOCK, atomic_write, discard, locked
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError
from tests.builders import build, digest, picture, write_pictures

N_IMAGES = 24


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    images = write_pictures(tmp_path / "images", N_IMAGES)
    build(images, tmp_path / "x.dxr", labels="folder")
    return images, tmp_path / "x.dxr"


def use_page(client: FlaskClient, collection: Collection) -> None:
    """Ask for a bit of everything that the page shows."""
    version, space = urls.version(collection), collection.default_space
    for address in (f"/thumbnails/{version}/0.jpg", f"/coordinates/{version}/{space}/umap/points.f32"):
        assert client.get(address).status_code == 200
    state = Selection.default(collection)
    assert respond.distances_of(collection, state)
    assert respond.neighbours_of(collection, Selection.parse({**state.dump(), "focus": 3}, collection))
    assert len(collection.thumbnail(N_IMAGES - 1)) > 100
    assert np.isfinite(collection.space().coordinates).all()
    assert client.get("/").status_code == 200


def test_a_running_page_goes_on_while_its_collection_is_built_again(made: tuple[Path, Path]) -> None:
    images, target = made
    collection = api.open_collection(target)
    client = create_app(collection).server.test_client()
    shutil.rmtree(images / "red")
    picture(900).save(images / "blue" / "new.jpg")
    build(images, target, labels="folder")
    assert not (target / "steps" / collection.manifest["gallery"]).exists()
    use_page(client, collection)
    one, _ = api.add_query_set(collection, "saved on the old page", rows=[0, 1, 2])
    kept = api.find_query_set(api.open_collection(target), one.id)
    assert len(kept) + kept.n_missing == 3
    assert api.check(target) == []


def test_a_running_page_needs_no_images_and_lets_its_collection_be_copied(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    images, target = made
    collection = api.open_collection(target)
    client = create_app(collection).server.test_client()
    shutil.rmtree(images)
    use_page(client, collection)
    shutil.copytree(target, tmp_path / "copy.dxr")
    assert digest(tmp_path / "copy.dxr") == digest(target)
    target.rename(tmp_path / "moved.dxr")
    use_page(client, collection)
    assert len(api.open_collection(tmp_path / "moved.dxr")) == N_IMAGES
    with pytest.raises(CollectionError, match=r"x\.dxr"):
        api.add_query_set(collection, "nowhere", rows=[0])


def test_many_may_save_a_set_of_the_same_name_at_once(made: tuple[Path, Path]) -> None:
    collection = api.open_collection(made[1])
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda row: api.add_query_set(collection, "same", rows=[row])[0], range(16)))
    assert len({one.id for one in saved}) == 16
    assert sorted(one.rows for one in collection.query_sets.values()) == [(row,) for row in range(16)]
    assert sorted(one.order for one in collection.query_sets.values()) == list(range(16))


def test_a_stale_lock_is_taken_over_and_a_live_one_names_its_holder(tmp_path: Path) -> None:
    hold = f"""
import sys
from pathlib import Path
from dxr_dash.collection.steps import locked
with locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CollectionError, match=rf"by process {holder.pid}, since \d{{4}}-\d\d-\d\d "):
            locked(tmp_path).__enter__()
        holder.send_signal(signal.SIGKILL)
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert {path.name for path in tmp_path.iterdir()} <= {LOCK}


def test_the_next_write_deletes_the_part_of_a_killed_one_and_leaves_that_of_a_live_one(
    tmp_path: Path,
) -> None:
    target = tmp_path / "a.json"
    (tmp_path / ".a.json.0123abcd.part").write_bytes(b"half")
    (tmp_path / ".b.json.0123abcd.part").write_bytes(b"of another file")
    with atomic_write(target) as slow:
        slow.write(b"slow")
        with atomic_write(target) as quick:
            quick.write(b"quick")
        assert target.read_bytes() == b"quick"
    assert target.read_bytes() == b"slow"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.json.0123abcd.part", "a.json"]


def test_a_folder_is_never_half_deleted_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "map-1"
    folder.mkdir()
    (folder / "coordinates.npy").write_bytes(b"1")

    def killed(path: Path, **_options: object) -> None:
        if path.exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            discard(folder)
    assert [path.name for path in tmp_path.iterdir()] == [".map-1.part"]
    discard(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot promise room for a file")
def test_a_full_disk_is_said_in_words_and_the_old_state_stays(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, target = made
    before = digest(target)
    picture(901).save(images / "red" / "new.jpg")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(CollectionError, match=r"The disk that holds .* is full\. Make room, then run"):
            build(images, target, labels="folder")
    assert api.check(target) == []
    after = {name: content for name, content in digest(target).items() if not name.startswith("journal")}
    assert after.items() >= before.items()
    assert build(images, target, labels="folder").n_extracted == 0  # kept in the journal


def test_asking_twice_with_the_same_images_changes_nothing(made: tuple[Path, Path], tmp_path: Path) -> None:
    collection = api.open_collection(made[1])
    faces = write_pictures(tmp_path / "faces", 5, first_seed=50)
    first, _ = api.replace_query_set(collection, "x", images=faces)
    before = digest(made[1])
    assert api.replace_query_set(collection, "x", images=faces)[0].id == first.id
    assert digest(made[1]) == before
    (faces / "red" / "0000.jpg").unlink()
    second, _ = api.replace_query_set(collection, "x", images=faces)
    assert list(collection.query_sets) == [second.id] != [first.id]
