from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dxr_dash import settings
from dxr_dash.analysis.cores import n_cores
from dxr_dash.collection import extraction
from dxr_dash.collection.extraction import Extracted, extract
from dxr_dash.collection.images import FoundFile, display_path, find_images, read_image, thumbnail
from dxr_dash.collection.networks import load_network
from dxr_dash.collection.running import Extractor, Stopped
from dxr_dash.records import silent
from tests.bad_images import (
    encoded,
    folder_for_everybody,
    noise,
    without_permission,
    write_bad_folder,
    write_odd_names,
)

FACES = Path(__file__).parents[3] / "shared" / "data" / "facespics"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


@pytest.fixture(scope="module")
def network() -> Extractor:
    return load_network("thingsnet", "fc7", device="cpu")


class Counting:
    """A network that counts, and can be slow or fail."""

    device = "cpu"
    n_dims = 3

    def __init__(self, *, takes_s: float = 0.0, fails: bool = False, gives: float = 1.0) -> None:
        self.takes_s, self.fails, self.gives = takes_s, fails, gives
        self.n_prepared = 0
        self.batches: list[int] = []

    def prepare(self, _image: object) -> np.ndarray[Any, np.dtype[np.uint8]]:
        self.n_prepared += 1
        return np.zeros((3, 2, 2), np.uint8)

    def forward(
        self, batch: np.ndarray[Any, np.dtype[np.uint8]], *, stopped: Callable[[], bool]
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.batches.append(len(batch))
        if self.fails:
            raise RuntimeError("out of memory")
        end = time.monotonic() + self.takes_s
        while time.monotonic() < end:
            if stopped():
                raise Stopped
            time.sleep(0.002)
        return np.full((len(batch), self.n_dims), self.gives, np.float32)


def run(
    root: Path, network: Any, *, files: list[FoundFile] | None = None, known: set[str] | None = None
) -> list[Extracted]:
    batches = extract(
        root,
        find_images(root).files if files is None else files,
        network,
        known=(known or set()).__contains__,
        on_progress=silent,
    )
    return [one for batch in batches for one in batch]


def write_images(folder: Path, n_images: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(n_images):
        (folder / f"{number:04}.png").write_bytes(
            encoded(noise((9, 7), seed=number), "PNG", compress_level=0)
        )
    return folder


def threads_of_extraction() -> int:
    return sum(thread.name.startswith("dxr-extract") for thread in threading.enumerate())


def test_every_image_has_hash_size_thumbnail_and_the_vector_that_it_has_alone(
    network: Extractor, tmp_path: Path
) -> None:
    write_odd_names(tmp_path)
    write_images(tmp_path / "more", 30)
    found = run(tmp_path, network)
    assert [one.file for one in found] == find_images(tmp_path).files
    for one in found[::5]:
        data = (tmp_path / os.fsdecode(one.file.path)).read_bytes()
        image = read_image(data)
        assert one.content == hashlib.blake2b(data, digest_size=16).hexdigest()
        assert (one.width, one.height, one.skipped) == (*image.size, None)
        assert one.thumbnail == thumbnail(image)
        assert one.vector is not None
        assert (one.vector == network.forward(network.prepare(image)[None])[0]).all()


def test_batches_follow_the_order_of_the_files_whatever_is_slow(tmp_path: Path) -> None:
    write_images(tmp_path, 70)
    (tmp_path / "0001.png").write_bytes(encoded(noise((2_000, 1_500)), "PNG"))  # a long time to decode
    files = list(reversed(find_images(tmp_path).files))
    counting: Any = Counting()
    batches = list(extract(tmp_path, files, counting, known=lambda _: False, on_progress=silent))
    assert [len(batch) for batch in batches] == [32, 32, 6]
    assert [one.file for batch in batches for one in batch] == files
    assert sorted(counting.batches) == [6, 32, 32]


def test_two_runs_give_the_same_bits(network: Extractor, tmp_path: Path) -> None:
    write_images(tmp_path, 80)
    first, second = run(tmp_path, network), run(tmp_path, network)
    assert [(one.content, one.thumbnail) for one in first] == [(one.content, one.thumbnail) for one in second]
    assert [one.vector.tobytes() for one in first if one.vector is not None] == [
        one.vector.tobytes() for one in second if one.vector is not None
    ]
    half = run(tmp_path, network, files=[one.file for one in first[33:50]])  # as after an interruption
    assert [one.vector.tobytes() for one in half if one.vector is not None] == [
        one.vector.tobytes() for one in first[33:50] if one.vector is not None
    ]


def test_bad_files_are_skipped_with_their_reasons_and_the_good_ones_stay(
    network: Extractor, tmp_path: Path
) -> None:
    reasons = write_bad_folder(tmp_path / "bad")
    found = find_images(tmp_path / "bad")
    done = run(tmp_path / "bad", network)
    said = {display_path(one.file.path): one.skipped for one in done if one.skipped}
    assert said | {one.path: one.reason for one in found.skipped} == reasons
    assert [one.file.path for one in done if one.vector is not None] == [
        b"folder.jpg/good.png",
        b"good.webp",
        b"round/good.jpg",
    ]
    for one in done:
        assert (one.vector is None) == (one.thumbnail is None) == (one.skipped is not None)


def test_a_file_without_permission_or_gone_meanwhile_is_skipped_without_a_hash(open_folder: Path) -> None:
    write_images(open_folder, 3)
    files = find_images(open_folder).files
    (open_folder / "0002.png").unlink()
    with without_permission(open_folder / "0000.png"):
        done = run(open_folder, Counting(), files=files)
    assert [(one.skipped, one.content == "") for one in done] == [
        ("no permission to read the file", True),
        (None, False),
        ("the file vanished after it was found", True),
    ]


def test_known_bytes_are_hashed_but_neither_decoded_nor_run(tmp_path: Path) -> None:
    write_images(tmp_path, 40)
    hashes = [one.content for one in run(tmp_path, Counting())]
    counting: Any = Counting()
    done = run(tmp_path, counting, known=set(hashes[:35]))
    assert counting.n_prepared == 5
    assert counting.batches == [5]
    assert [one.content for one in done] == hashes
    assert [one.vector is None for one in done] == [True] * 35 + [False] * 5
    assert not any(one.skipped for one in done)
    nothing_new: Any = Counting()
    run(tmp_path, nothing_new, known=set(hashes))
    assert nothing_new.batches == []


def test_of_equal_files_the_first_one_carries_the_vector_however_threads_race(tmp_path: Path) -> None:
    write_images(tmp_path, 50)
    for number in (3, 7, 30, 45):
        (tmp_path / f"{number:04}.png").write_bytes((tmp_path / "0002.png").read_bytes())
    for number in (10, 40):
        (tmp_path / f"{number:04}.png").write_bytes(b"broken in the same way")
    for _ in range(5):
        done = run(tmp_path, Counting())
        assert [number for number, one in enumerate(done) if one.vector is None] == [3, 7, 10, 30, 40, 45]
        assert {done[number].content for number in (3, 7, 30, 45)} == {done[2].content}
        assert [done[number].skipped for number in (3, 45)] == [None, None]
        assert done[10].skipped == done[40].skipped == "not an image: its content is not a format dxr reads"


def test_features_that_are_not_finite_are_a_reason_to_skip(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    done = run(tmp_path, Counting(gives=np.nan))
    assert [(one.skipped, one.vector, one.thumbnail) for one in done] == [
        ("its features are not finite numbers", None, None)
    ] * 2


def test_no_files_give_no_batches(tmp_path: Path) -> None:
    assert run(tmp_path, Counting()) == []
    assert threads_of_extraction() == 0


def test_progress_is_told_in_order_seldom_and_to_the_end(tmp_path: Path) -> None:
    write_images(tmp_path, 100)
    told: list[tuple[str, int, int]] = []
    begin = time.monotonic()
    slow: Any = Counting(takes_s=0.15)
    for _ in extract(
        tmp_path,
        find_images(tmp_path).files,
        slow,
        known=lambda _: False,
        on_progress=lambda *one: told.append(one),
    ):
        pass
    assert told[-1] == ("reading images", 100, 100)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert {(step, total) for step, _, total in told} == {("reading images", 100)}
    assert len(told) <= (time.monotonic() - begin) * 10 + 2


def test_only_a_few_batches_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BATCH_IMAGES", 4)
    write_images(tmp_path, 400)
    counting: Any = Counting()
    batches = extract(
        tmp_path, find_images(tmp_path).files, counting, known=lambda _: False, on_progress=silent
    )
    next(batches)
    time.sleep(0.5)  # the consumer is busy; the threads could go on for ever
    n_prepared = counting.n_prepared
    time.sleep(0.2)
    assert counting.n_prepared == n_prepared <= 4 * (n_cores() + extraction.MAX_STREAMS + 3)
    batches.close()


@pytest.mark.parametrize("end", ["close", "interrupt"])
def test_threads_end_promptly_in_the_middle_of_a_forward_pass(tmp_path: Path, end: str) -> None:
    write_images(tmp_path, 200)
    n_threads = torch.get_num_threads()
    slow: Any = Counting(takes_s=0.0)

    def on_progress(*_: object) -> None:
        if end == "interrupt" and slow.takes_s:
            raise KeyboardInterrupt

    batches = extract(
        tmp_path, find_images(tmp_path).files, slow, known=lambda _: False, on_progress=on_progress
    )
    next(batches)
    assert threads_of_extraction() > 0
    slow.takes_s = 60.0
    begin = time.monotonic()
    if end == "close":
        batches.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            list(batches)
    assert time.monotonic() - begin < 5
    assert threads_of_extraction() == 0
    assert torch.get_num_threads() == n_threads


def test_an_error_of_the_network_reaches_the_consumer_and_ends_the_threads(tmp_path: Path) -> None:
    write_images(tmp_path, 100)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(tmp_path, Counting(fails=True))
    assert threads_of_extraction() == 0


@pytest.mark.skipif(not FACES.is_dir(), reason="the shared images are not here")
def test_real_images_all_have_vectors(network: Extractor) -> None:
    done = run(FACES, network, files=find_images(FACES).files[:96])
    assert not [one for one in done if one.skipped]
    assert len({one.vector.tobytes() for one in done if one.vector is not None}) == len(
        {one.content for one in done}
    )
