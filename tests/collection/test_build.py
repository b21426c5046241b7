"""Building a collection: what it costs, what it survives, and that it always ends with the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dxr_dash import api
from dxr_dash.collection.build import add_spaces
from dxr_dash.collection.extraction import Extracted, extract
from dxr_dash.collection.images import FoundFile
from dxr_dash.collection.journal import Journal
from dxr_dash.collection.steps import locked
from dxr_dash.errors import CollectionError, ImagesError, NetworkError
from tests.builders import build, digest, picture, write_pictures

N_IMAGES = 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("built")
    images = write_pictures(folder / "images", N_IMAGES)
    build(images, folder / "pictures.dxr")
    return images, folder / "pictures.dxr"


@pytest.fixture
def copy(built: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The built collection and its images, for a test that changes them."""
    images, target = built
    shutil.copytree(target, tmp_path / "pictures.dxr")
    shutil.copytree(images, tmp_path / "images")  # keeps the times of the files
    return tmp_path / "images", tmp_path / "pictures.dxr"


def vectors_of(target: Path) -> np.ndarray:
    return np.array(api.open_collection(target).space().vectors)


def test_a_build_lists_every_image_in_the_order_of_its_path(built: tuple[Path, Path]) -> None:
    images, target = built
    collection = api.open_collection(target)
    expected = sorted(str(path.relative_to(images)) for path in images.rglob("*.jpg"))
    assert collection.paths.to_pylist() == expected
    assert collection.image_size(0) == (72, 56)
    assert collection.thumbnail(0)[:2] == b"\xff\xd8"
    assert collection.space().recall == 1.0


def test_the_same_build_twice_changes_nothing(copy: tuple[Path, Path]) -> None:
    images, target = copy
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*") if not path.name.startswith(".")}
    # the copied images lie elsewhere: the first build says so in the manifest, the second has nothing to do
    build(images, target)
    after_first = digest(target)
    report = build(images, target)
    assert report.n_extracted == 0
    assert digest(target) == after_first
    unchanged = [path for path in before if path.exists() and "steps" in path.parts and path.is_file()]
    assert len(unchanged) > 10
    assert all(path.stat().st_mtime_ns == before[path] for path in unchanged)


def test_two_builds_of_the_same_images_have_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    images, target = built
    build(images, tmp_path / "pictures.dxr")
    assert digest(tmp_path / "pictures.dxr") == digest(target)


def test_new_changed_and_removed_images_cost_only_themselves(copy: tuple[Path, Path], tmp_path: Path) -> None:
    images, target = copy
    picture(1000).save(images / "red" / "new.jpg")
    picture(1001).save(images / "blue" / "0002.jpg")
    (images / "green" / "0001.jpg").unlink()
    report = build(images, target)
    assert (report.n_extracted, report.n_removed, report.n_images) == (2, 1, N_IMAGES)
    assert build(images, target, fresh=True).n_extracted == 0
    build(images, tmp_path / "fresh" / "pictures.dxr")
    assert digest(target) == digest(tmp_path / "fresh" / "pictures.dxr")


def test_renamed_and_touched_images_are_not_extracted_again(copy: tuple[Path, Path]) -> None:
    images, target = copy
    (images / "red" / "0000.jpg").rename(images / "blue" / "moved.jpg")
    os.utime(images / "red" / "0003.jpg", ns=(1, 1))
    report = build(images, target)
    assert report.n_extracted == 0
    assert "blue/moved.jpg" in api.open_collection(target).paths.to_pylist()


def test_equal_files_have_equal_vectors_and_both_stay(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 40)
    shutil.copy(images / "red" / "0000.jpg", images / "twin.jpg")
    build(images, tmp_path / "twins.dxr")
    collection = api.open_collection(tmp_path / "twins.dxr")
    rows = [collection.paths.to_pylist().index(name) for name in ("red/0000.jpg", "twin.jpg")]
    vectors = collection.space().vectors
    assert (vectors[rows[0]] == vectors[rows[1]]).all()
    assert collection.space().neighbours[rows[0], 0] == rows[1]
    assert collection.space().neighbour_distances[rows[0], 0] == 0


KILLED_BUILD = """
import sys, os, signal
from pathlib import Path
from dxr_dash.collection import build, chain, journal
moment = sys.argv[3]
journal.PART_IMAGES = 1  # each batch at once
def die(*_args): os.kill(os.getpid(), signal.SIGKILL)
if moment.startswith("batch"):
    append, left = journal.Journal.append, [int(moment[5:])]
    def dying_append(self, batch):
        append(self, batch)
        left[0] -= 1
        if left[0] == 0: die()
    journal.Journal.append = dying_append
elif moment == "tidying up":
    build._tidy = die
else:
    step = chain.Chain.step
    def dying_step(self, name, made_from, write, **options):
        def write_and_die(part):
            write(part)
            die()
        return step(self, name, made_from, write_and_die if name == moment else write, **options)
    chain.Chain.step = dying_step
build.build(Path(sys.argv[1]), Path(sys.argv[2]), network="thingsnet")
"""


@pytest.mark.parametrize("moment", ["batch1", "batch3", "thumbnails", "map", "mosaic", "tsne"])
def test_a_killed_build_goes_on_where_it_stopped_and_ends_with_the_same_bytes(
    moment: str, built: tuple[Path, Path], tmp_path: Path
) -> None:
    images, undisturbed = built
    target = tmp_path / "pictures.dxr"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BUILD, str(images), str(target), moment], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(CollectionError, match="holds no finished collection"):
        api.open_collection(target)
    report = build(images, target)
    kept = 32 * int(moment[5:]) if moment.startswith("batch") else N_IMAGES
    assert report.n_extracted == N_IMAGES - kept
    assert digest(target) == digest(undisturbed)


def kill(images: Path, target: Path, moment: str) -> None:
    command = [sys.executable, "-c", KILLED_BUILD, str(images), str(target), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_what_a_build_leaves_that_is_killed_at_its_very_end_goes_with_what_comes_next(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    images, undisturbed = built
    target = tmp_path / "pictures.dxr"
    kill(images, target, "tidying up")
    assert (target / "journal").is_dir()
    assert add_spaces(target, [("thingsnet", "fc7")]) is None  # as a sweep does: nothing is to be built
    assert digest(target) == digest(undisturbed)


def test_what_a_stopped_build_has_journalled_stays_where_nothing_is_to_be_built(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    images, target = tmp_path / "images", tmp_path / "pictures.dxr"
    shutil.copytree(built[0], images)
    kill(images, target, "tidying up")
    write_pictures(images / "more", 40, first_seed=5_000)
    kill(images, target, "batch1")
    assert add_spaces(target, [("thingsnet", "fc7")]) is None
    assert build(images, target).n_extracted == 40 - 32


def test_ctrl_c_keeps_the_batches_that_were_done(
    built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, undisturbed = built

    def interrupted(*args: object, **options: object) -> object:
        for number, batch in enumerate(extract(*args, **options)):  # type: ignore[arg-type]
            if number == 2:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("dxr_dash.collection.features.extract", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(images, tmp_path / "pictures.dxr")
    assert build(images, tmp_path / "pictures.dxr").n_extracted == N_IMAGES - 64
    assert digest(tmp_path / "pictures.dxr") == digest(undisturbed)


def test_the_journal_keeps_what_waits_when_it_is_long_or_old_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batch(n: int) -> list[Extracted]:
        return [Extracted(FoundFile(b"%d.jpg" % i, 1, 1), "", skipped="none") for i in range(n)]

    def parts() -> list[int]:
        return [len(part) for part in Journal(tmp_path, 4).parts()]

    one = Journal(tmp_path, 4)
    one.flush()
    monkeypatch.setattr("dxr_dash.collection.journal.PART_S", 1e9)
    one.append(batch(32))
    assert parts() == []
    one.flush()
    one.flush()
    assert parts() == [32]
    monkeypatch.setattr("dxr_dash.collection.journal.PART_IMAGES", 60)
    for _ in range(3):
        one.append(batch(32))
    assert parts() == [32, 64]
    monkeypatch.setattr("dxr_dash.collection.journal.PART_S", 0.0)
    one.append(batch(5))
    assert parts() == [32, 64, 37]


def test_bad_files_are_skipped_with_their_reasons_and_never_stop_the_build(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 6)
    (images / "empty.jpg").touch()
    (images / "lying.png").write_text("this is no picture")
    whole = (images / "red" / "0000.jpg").read_bytes()
    (images / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "broken.jpg").symlink_to(images / "nowhere.jpg")
    (images / "loop").symlink_to(images)
    report = build(images, tmp_path / "some.dxr")
    assert report.n_images == 6
    reasons = {one.path: one.reason for one in report.skipped}
    assert set(reasons) == {"empty.jpg", "lying.png", "truncated.jpg", "broken.jpg"}
    assert "empty" in reasons["empty.jpg"]
    assert "truncated" in reasons["truncated.jpg"]
    assert api.open_collection(tmp_path / "some.dxr").skipped == report.skipped
    again = build(images, tmp_path / "some.dxr")
    assert again.n_extracted == 0
    assert again.skipped == report.skipped


def test_names_with_odd_characters_are_kept_and_shown_as_text(tmp_path: Path) -> None:
    names = [
        b"with space.jpg",
        b"quote'\".jpg",
        b"new\nline.jpg",
        b"<script>alert(1)<.jpg",
        b"not-utf8-\xff\xfe.jpg",
    ]
    (tmp_path / "images").mkdir()
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(tmp_path / "images"), name), "wb") as file:  # noqa: PTH118, PTH123
            picture(number).save(file, format="JPEG")
    build(tmp_path / "images", tmp_path / "odd.dxr")
    shown = api.open_collection(tmp_path / "odd.dxr").paths.to_pylist()
    assert len(set(shown)) == len(names)
    assert all(text.isprintable() for text in shown)
    assert "<script>alert(1)<.jpg" in shown


@pytest.mark.parametrize("n_images", [1, 2, 5, 15])
def test_small_collections_work(n_images: int, tmp_path: Path) -> None:
    build(write_pictures(tmp_path / "images", n_images), tmp_path / "small.dxr")
    collection = api.open_collection(tmp_path / "small.dxr")
    space = collection.space()
    assert space.coordinates.shape == (n_images, 2)
    assert np.isfinite(space.coordinates).all()
    assert space.neighbours.shape == (n_images, n_images - 1)
    assert len(api.nearest(collection, [0]).rows) == n_images - 1


def test_images_that_are_all_the_same_work(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(20):
        picture(0).save(tmp_path / "images" / f"{number}.png")
    build(tmp_path / "images", tmp_path / "same.dxr")
    space = api.open_collection(tmp_path / "same.dxr").space()
    assert np.isfinite(space.coordinates).all()
    assert (space.neighbour_distances == 0).all()
    assert (space.baseline == 0).all()


def test_a_folder_without_a_usable_image_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(ImagesError, match="holds no image"):
        build(tmp_path / "images", tmp_path / "none.dxr")
    (tmp_path / "images" / "lying.jpg").write_text("no picture")
    with pytest.raises(ImagesError, match=r"usable image \(lying.jpg: not an image"):
        build(tmp_path / "images", tmp_path / "none.dxr")
    assert not (tmp_path / "none.dxr").exists()


def test_removing_every_image_is_refused_and_the_old_collection_stays(copy: tuple[Path, Path]) -> None:
    images, target = copy
    shutil.rmtree(images)
    images.mkdir()
    before = digest(target)
    with pytest.raises(ImagesError, match="holds no image"):
        build(images, target)
    assert digest(target) == before


def test_missing_weights_are_named_before_any_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    images = write_pictures(tmp_path / "images", 3)
    (images / "unreadable.jpg").write_text("reading this would be noticed")
    with pytest.raises(NetworkError) as caught:
        api.build(images, tmp_path / "x.dxr", network="alexnet", layer="fc7")
    for words in ("alexnet-owt-7be5be79.pth", str(tmp_path / "torch"), "--weights FILE", "thingsnet"):
        assert words in str(caught.value)
    assert not (tmp_path / "x.dxr").exists()


def test_labels_come_from_folders_or_a_table(copy: tuple[Path, Path], tmp_path: Path) -> None:
    images, target = copy
    build(images, target, labels="folder")
    collection = api.open_collection(target)
    assert collection.column("label").categories == ("blue", "green", "red")
    assert collection.label(0) == "blue"
    facts = pd.DataFrame(
        {"path": ["red/0000.jpg", "blue/0002.jpg"], "kind": ["a", "b"], "year": ["1999", "2015"]}
    )
    facts.to_csv(tmp_path / "facts.csv", index=False)
    facts.to_parquet(tmp_path / "facts.parquet")
    for name in ("facts.csv", "facts.parquet"):
        report = build(images, target, labels=tmp_path / name, label_column="kind")
        assert report.n_extracted == 0
        collection = api.open_collection(target)
        row = collection.paths.to_pylist().index("blue/0002.jpg")
        assert collection.metadata(row) == {"label": "b", "year": "2015"}
        assert collection.label(row + 1) == ""


def test_labels_that_do_not_fit_are_refused_in_words(copy: tuple[Path, Path], tmp_path: Path) -> None:
    images, target = copy
    table = tmp_path / "facts.csv"
    pd.DataFrame({"picture": ["x.jpg"], "kind": ["a"]}).to_csv(table, index=False)
    with pytest.raises(ImagesError, match="no column of image paths; its columns are picture, kind"):
        build(images, target, labels=table)
    pd.DataFrame({"path": ["x.jpg"], "kind": ["a"]}).to_csv(table, index=False)
    with pytest.raises(ImagesError, match="no column `species`; its columns are path, kind"):
        build(images, target, labels=table, label_column="species")
    with pytest.raises(ImagesError, match=r"None of the 100 images is named .* names 'x.jpg'"):
        build(images, target, labels=table, label_column="kind")


def test_a_second_space_joins_the_first_and_both_stay_up_to_date(copy: tuple[Path, Path]) -> None:
    images, target = copy
    api.build(images, target, network="thingsnet", layer="pool5")
    picture(1000).save(images / "red" / "new.jpg")
    report = api.build(images, target, network="thingsnet", layer="pool5")
    assert report.n_extracted == 1  # one pass for both spaces
    collection = api.open_collection(target)
    assert list(collection.spaces) == ["thingsnet.fc7", "thingsnet.pool5"]
    assert collection.default_space == "thingsnet.pool5"
    assert {len(space.vectors) for space in collection.spaces.values()} == {N_IMAGES + 1}


def test_a_collection_that_another_process_changes_is_left_alone(copy: tuple[Path, Path]) -> None:
    images, target = copy
    with locked(target), pytest.raises(CollectionError, match=f"being changed by process {os.getpid()}"):
        build(images, target)


def test_a_build_that_has_not_read_an_image_yet_is_not_disturbed_either(tmp_path: Path) -> None:
    images = write_pictures(tmp_path / "images", 3)
    (tmp_path / "new.dxr" / "steps").mkdir(parents=True)
    with locked(tmp_path / "new.dxr"), pytest.raises(CollectionError, match="being changed by process"):
        build(images, tmp_path / "new.dxr")
    assert (tmp_path / "new.dxr" / "steps").is_dir()


def test_folders_that_are_no_collection_are_refused(built: tuple[Path, Path], tmp_path: Path) -> None:
    images, _ = built
    with pytest.raises(CollectionError, match=r"does not end in \.dxr"):
        build(images, tmp_path / "pictures")
    (tmp_path / "mine.dxr").mkdir()
    (tmp_path / "mine.dxr" / "thesis.txt").touch()
    with pytest.raises(CollectionError, match="holds other files"):
        build(images, tmp_path / "mine.dxr")
    assert [path.name for path in (tmp_path / "mine.dxr").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "step",
    ["gallery", "thumbnails", "swatches", "vectors", "graph", "map", "mosaic", "honesty", "tsne", "clusters"]
    + ["baseline"],
)
def test_a_step_that_was_deleted_is_made_again(
    step: str, built: tuple[Path, Path], copy: tuple[Path, Path]
) -> None:
    images, undisturbed = built
    _, target = copy
    shutil.rmtree(next(target.glob(f"steps/{step}-*")))
    with pytest.raises(CollectionError, match=f"steps/{step}-.* is missing"):
        api.open_collection(target)
    build(images, target)
    assert digest(target) == digest(undisturbed)


def test_check_names_every_damaged_file(copy: tuple[Path, Path]) -> None:
    _, target = copy
    assert api.check(target) == []
    vectors = next(target.glob("steps/vectors-*/vectors.npy"))
    data = bytearray(vectors.read_bytes())
    data[-1] ^= 1
    vectors.write_bytes(data)
    next(target.glob("steps/map-*/coordinates.npy")).unlink()
    damage = api.check(target)
    assert len(damage) == 2
    assert any("vectors.npy has been altered" in problem for problem in damage)
    assert any("coordinates.npy is missing" in problem for problem in damage)
