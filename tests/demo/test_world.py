"""The drawn world: honest, repeatable, cheap to repeat."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dxr_dash.demo import KINDS, draw, world, write_world
from dxr_dash.demo.scene import plan
from dxr_dash.demo.world import Stream, WorldImage, image_seed, world_images
from dxr_dash.errors import QueryError

SEED = 7
REAL_POPEN = subprocess.Popen


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make the world small: one thing of each kind without a face, one with."""
    monkeypatch.setattr(world, "PLAIN_PER_KIND", 1)
    monkeypatch.setattr(world, "FACES_PER_KIND", 1)
    monkeypatch.setattr(world, "WORLD_PX", 48)
    return 2 * len(KINDS)


def files_of(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return dict(sorted(found.items()))


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_without_and_with_a_face_and_the_two_differ(kind: str) -> None:
    plain, face = (draw(kind, face=has, seed=SEED, size_px=64) for has in (False, True))
    assert plain.mode == face.mode == "RGB"
    assert plain.size == face.size == (64, 64)
    difference = np.abs(np.asarray(plain, np.int16) - np.asarray(face, np.int16)).max(axis=2)
    assert (difference > 40).mean() > 0.004  # the parts moved
    assert (difference < 12).mean() > 0.4  # the surroundings did not


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_stands_out_from_nothing_but_grain(kind: str) -> None:
    pixels = np.asarray(draw(kind, face=False, seed=SEED, size_px=64), np.float32)
    assert pixels.std() > 15
    assert 40 < pixels.mean() < 225


def test_equal_arguments_give_equal_pixels_and_other_seeds_other_pictures() -> None:
    first, again, other = (draw("house", face=True, seed=seed, size_px=64).tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_kinds_are_sorted_lower_case_and_many() -> None:
    assert len(KINDS) >= 24
    assert list(KINDS) == sorted({kind.lower() for kind in KINDS})


@pytest.mark.parametrize(
    ("kind", "seed", "size_px", "message"),
    [
        ("smiley", 0, 128, "draws no 'smiley'. It draws: alarm clock,"),
        ("house", -1, 128, "The seed is -1. Use 0 or more."),
        ("house", 0, 15, "The size is 15 pixels. Use 16 to 1024."),
        ("house", 0, 1025, "The size is 1025 pixels."),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(kind: str, seed: int, size_px: int, message: str) -> None:
    with pytest.raises(QueryError, match=message.replace(".", r"\.")):
        draw(kind, face=False, seed=seed, size_px=size_px)


def test_the_rest_of_a_scene_says_nothing_about_the_face() -> None:
    for kind in KINDS:
        for seed in range(20):
            plain, face = plan(kind, False, seed), plan(kind, True, seed)
            assert replace(face, face=False, mood="none") == plain


def test_the_world_has_its_numbers_and_every_seed_once() -> None:
    images = world_images(SEED)
    assert (
        len(images) == len({image.path for image in images}) == len({image.seed for image in images}) >= 2400
    )
    for kind in KINDS:
        faces = [image.face for image in images if image.kind == kind]
        assert (len(faces), sum(faces)) == (100, 8)


def test_file_names_do_not_reveal_faces() -> None:
    images, others = world_images(SEED), world_images(SEED + 1)
    assert [image.path for image in images] == [image.path for image in others]
    assert [image.face for image in images] != [image.face for image in others]
    assert not any("face" in image.path or "mood" in image.path for image in images)
    numbers = [int(image.path[-8:-4]) for image in images if image.face]
    assert 42 < np.mean(numbers) < 57  # neither first nor last
    assert len(set(numbers)) > 70  # nor at the same numbers in every kind
    odd = np.mean([number % 2 for number in numbers])
    assert 0.38 < odd < 0.62


def test_the_table_says_what_the_files_are(tmp_path: Path, small: int) -> None:
    table = write_world(tmp_path / "things", seed=SEED, processes=1)
    rows = rows_of(table)
    assert table == tmp_path / "things" / "things.csv"
    assert len(rows) == small
    assert {row["path"] for row in rows} | {"things.csv"} == set(files_of(tmp_path / "things"))
    for row in rows:
        assert row["path"].startswith(f"{row['kind']}/{row['kind']}-")
        assert (row["face"] == "no") == (row["mood"] == "none")
        with Image.open(tmp_path / "things" / row["path"]) as picture:
            assert (picture.format, picture.size) == ("JPEG", (48, 48))
    assert {row["face"] for row in rows} == {"yes", "no"}
    assert len({row["background"] for row in rows}) > 6


def test_the_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path, small: int) -> None:
    for processes in (1, 2):
        # The workers import the world afresh; what is made small here travels in the batches, but for the size.
        world.WORLD_PX = 160
        write_world(tmp_path / str(processes), seed=SEED, processes=processes)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")
    assert len(files_of(tmp_path / "1")) == small + 1


def test_a_second_run_draws_nothing_and_a_damaged_file_comes_back_the_same(
    tmp_path: Path, small: int
) -> None:
    table = write_world(tmp_path, seed=SEED, processes=1)
    before = files_of(tmp_path)
    times = {path: (tmp_path / path).stat().st_mtime_ns for path in before}

    calls: list[tuple[int, int]] = []
    write_world(
        tmp_path, seed=SEED, processes=1, on_progress=lambda done, wanted: calls.append((done, wanted))
    )
    assert calls == [(small, small)]
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in before} == times

    gone, cut, foreign = (row["path"] for row in rows_of(table)[:3])
    (tmp_path / gone).unlink()
    (tmp_path / cut).write_bytes(before[cut][:-10])
    (tmp_path / foreign).write_bytes(before[gone])
    (tmp_path / f"{cut}.part").write_bytes(b"left over")
    calls.clear()
    write_world(
        tmp_path, seed=SEED, processes=1, on_progress=lambda done, wanted: calls.append((done, wanted))
    )
    assert calls == [(small - 3, small), (small, small)]
    (tmp_path / f"{cut}.part").unlink()
    assert files_of(tmp_path) == before


def test_another_seed_replaces_the_images(tmp_path: Path, small: int) -> None:
    write_world(tmp_path, seed=SEED, processes=1)
    before = files_of(tmp_path)
    write_world(tmp_path, seed=SEED + 1, processes=1)
    after = files_of(tmp_path)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_no_process_at_all_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="0 processes cannot draw"):
        write_world(tmp_path / "things", seed=SEED, processes=0)
    with pytest.raises(QueryError, match="Seed -1"):
        write_world(tmp_path / "things", seed=-1)
    assert not (tmp_path / "things").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_it_cleanly_and_leaves_only_whole_images(tmp_path: Path) -> None:
    script = tmp_path / "draw.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from dxr_dash.demo import write_world\n"
        "write_world(Path(sys.argv[1]), seed=3, processes=2, on_progress=lambda *at: print(*at, flush=True))\n"
    )
    folder = tmp_path / "things"
    command = [sys.executable, str(script), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, errors = process.communicate(timeout=30)
    assert lines[0].split()[0] == "0"
    assert process.returncode != 0
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert left
    assert all(path.suffix == ".jpg" and path.read_bytes().endswith(b"\xff\xd9") for path in left)


def test_a_helper_that_cannot_write_says_so_and_none_is_left(tmp_path: Path, small: int) -> None:
    (tmp_path / "house").mkdir()
    blocked = next(image.path for image in world_images(SEED) if image.kind == "house")
    (tmp_path / "house" / f".{blocked.removeprefix('house/')}.part").mkdir()
    with pytest.raises(IsADirectoryError, match="house"):
        write_world(tmp_path, seed=SEED, processes=2)


def test_a_caller_that_gives_up_leaves_no_helper_behind(tmp_path: Path, small: int) -> None:
    started: list[subprocess.Popen[str]] = []

    def give_up(done: int, wanted: int) -> None:
        if done:
            raise RuntimeError("enough")

    def recorded(*arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        started.append(REAL_POPEN(*arguments, **options))
        return started[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", recorded)
        with pytest.raises(RuntimeError, match="enough"):
            write_world(tmp_path, seed=SEED, processes=2, on_progress=give_up)
    assert len(started) == 2
    assert [helper.returncode for helper in started] == [0, 0]
    assert not list(tmp_path.rglob("*.part"))


def test_importing_the_demo_imports_no_torch() -> None:
    heavy = "[name for name in ('torch', 'umap', 'dash', 'sklearn', 'pandas') if name in sys.modules]"
    code = f"import json, sys, dxr_dash.demo; print(json.dumps({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@given(
    st.sampled_from(list(Stream)), st.sampled_from(list(Stream)), st.integers(0, 2**70), st.integers(0, 2**70),
    st.integers(0, 999_999), st.integers(0, 999_999),
)  # fmt: skip
def test_image_seeds_are_equal_only_for_the_same_image(
    stream: Stream, other_stream: Stream, seed: int, other_seed: int, number: int, other_number: int
) -> None:
    same = (stream, seed, number) == (other_stream, other_seed, other_number)
    assert (image_seed(stream, seed, number) == image_seed(other_stream, other_seed, other_number)) == same


def test_demo_and_training_images_share_neither_seeds_nor_bytes() -> None:
    demo = world_images(1)
    n_training = 20_000
    training = {image_seed(Stream.TRAINING, 1, number) for number in range(n_training)}
    assert training.isdisjoint(image.seed for image in demo)

    def digest(kind: str, face: bool, seed: int) -> str:
        return hashlib.sha256(draw(kind, face=face, seed=seed, size_px=32).tobytes()).hexdigest()

    sample: list[WorldImage] = demo[::40]
    of_demo = {digest(image.kind, image.face, image.seed) for image in sample}
    of_training = {
        digest(image.kind, image.face, image_seed(Stream.TRAINING, 1, at)) for at, image in enumerate(sample)
    }
    assert len(of_demo) == len(of_training) == len(sample)
    assert of_demo.isdisjoint(of_training)
