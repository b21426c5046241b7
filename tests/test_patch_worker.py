"""Re-rankings that a server makes: one after the other, once for all who ask, and given up when nobody waits."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dxr_dash import api, settings
from dxr_dash.api import patch_worker
from dxr_dash.api.patch_worker import PatchWorker
from dxr_dash.collection.store import Collection
from dxr_dash.errors import CollectionError, QueryError
from dxr_dash.records import ImageKey, Reranked, Reranking
from tests.builders import picture

N_IMAGES = 9
PATIENCE_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patch-worker")
    (folder / "images").mkdir()
    for number in range(N_IMAGES):
        picture(number).save(folder / "images" / f"{number}.png")
    api.build(folder / "images", folder / "x.dxr", network="tiny", layer="pixels8")
    return folder


@pytest.fixture
def collection(folder: Path) -> Collection:
    return api.open_collection(folder / "x.dxr")


def ended(worker: PatchWorker) -> None:
    """Wait until the worker has nothing to do."""
    if (thread := worker._thread) is not None:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


class Held(PatchWorker):
    """Lets a test look at re-rankings while they are at work: each stops at its first image until it is let go."""

    def __init__(self, collection: Collection, **how: Any) -> None:
        super().__init__(collection, **how)
        self.begun: list[ImageKey] = []
        self.given_up: list[ImageKey] = []
        self.at_work = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def _tell(self, job: Any, step: str, done: int, total: int) -> None:
        try:
            super()._tell(job, step, done, total)
            if total and not done:
                self.begun.append(job.query)
                self.at_work.release()
                assert self.go_on.acquire(timeout=PATIENCE_S)
                super()._tell(job, step, done, total)
        except patch_worker._LeftError:
            self.given_up.append(job.query)
            raise

    def wait(self) -> None:
        assert self.at_work.acquire(timeout=PATIENCE_S)


def test_the_result_is_that_of_rerank_and_stays(collection: Collection, folder: Path, tmp_path: Path) -> None:
    worker = PatchWorker(collection)
    assert isinstance(worker.ask(4, order=2), Reranking)
    ended(worker)
    found = worker.ask(4, order=2)
    assert isinstance(found, Reranked)
    plain = api.rerank(collection, 4, order=2)
    np.testing.assert_array_equal(found.rows, plain.rows)
    np.testing.assert_array_equal(found.distances, plain.distances)
    np.testing.assert_array_equal(found.ranks_before, plain.ranks_before)
    gone = folder / "images" / "3.png"
    shutil.move(gone, tmp_path / "3.png")
    assert worker.ask(4, order=2) is found  # nothing is read again
    shutil.move(tmp_path / "3.png", gone)


def test_an_outside_image_is_asked_with_and_another_set_of_that_name_is_another_question(
    collection: Collection, tmp_path: Path
) -> None:
    worker = PatchWorker(collection)
    found = []
    for number in (2, 7):
        picture(number).save(tmp_path / f"{number}.bmp")
        one, _ = api.add_query_set(collection, "given", images=tmp_path / f"{number}.bmp")
        worker.ask((one.id, 0), order=2)
        ended(worker)
        found.append(worker.ask((one.id, 0), order=2))
        api.remove_query_set(collection, one.id)
    assert [one.rows[0] for one in found if isinstance(one, Reranked)] == [2, 7]


def test_who_asks_for_the_same_gets_the_same_and_others_wait_in_line(collection: Collection) -> None:
    worker = Held(collection)
    for _ in range(3):
        worker.ask(0, order=2)
    worker.wait()
    now = worker.ask(0, order=2)
    assert isinstance(now, Reranking)
    assert (now.step, now.done, now.total, now.ahead) == ("comparing patches", 0, N_IMAGES - 1, 0)
    assert now.seconds_left is None
    in_line = worker.ask(1, order=2), worker.ask(0, order=3), worker.ask(1, order=2)
    assert [one.ahead for one in in_line if isinstance(one, Reranking)] == [1, 2, 1]
    worker.go_on.release(99)
    ended(worker)
    assert worker.begun == [0, 1, 0]
    assert isinstance(worker.ask(0, order=2), Reranked)


def test_no_more_wait_than_are_allowed(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "RERANKINGS_WAITING", 2)
    worker = Held(collection)
    worker.ask(0, order=2)
    worker.ask(1, order=2)
    with pytest.raises(QueryError, match="Too many others"):
        worker.ask(2, order=2)
    worker.ask(1, order=2)  # who waits already is not turned away
    worker.leave(1, order=2)
    assert isinstance(worker.ask(2, order=2), Reranking)
    worker.go_on.release(99)
    ended(worker)
    assert worker.begun == [0, 2]


def test_what_is_left_is_given_up_but_not_while_another_wants_it(collection: Collection) -> None:
    worker = Held(collection)
    worker.ask(0, order=2)
    worker.wait()
    worker.leave(0, order=2)
    worker.ask(0, order=2)  # somebody else
    worker.go_on.release()
    ended(worker)
    assert worker.given_up == []
    worker.ask(1, order=2)
    worker.wait()
    worker.leave(1, order=2)
    worker.leave(8, order=2)  # never asked for
    worker.go_on.release()
    ended(worker)
    assert worker.given_up == [1]
    assert isinstance(worker.ask(0, order=2), Reranked)


@pytest.mark.parametrize("others", [False, True])
def test_who_is_not_heard_of_holds_nobody_up(collection: Collection, others: bool) -> None:
    now = 0.0
    worker = Held(collection, clock=lambda: now)
    worker.ask(0, order=2)
    worker.wait()
    now = 1000.0
    if others:
        worker.ask(1, order=2)
    worker.go_on.release(99)
    ended(worker)
    assert worker.given_up == ([0] if others else [])  # alone, it is done in peace


def test_time_left_is_told_from_what_has_been_done(collection: Collection) -> None:
    now = 10.0
    worker = Held(collection, clock=lambda: now)
    worker.ask(0, order=2)
    worker.wait()
    job = next(iter(worker._jobs.values()))
    worker._tell(job, "comparing patches", 2, 8)
    now = 14.0
    found = worker.ask(0, order=2)
    assert isinstance(found, Reranking)
    assert found.seconds_left == pytest.approx(12.0)
    worker.go_on.release(99)
    ended(worker)


def test_errors_are_told_once_and_then_it_is_tried_again(
    collection: Collection, folder: Path, tmp_path: Path
) -> None:
    worker = PatchWorker(collection)
    gone = folder / "images" / "3.png"
    shutil.move(gone, tmp_path / "3.png")
    worker.ask(0, order=4)
    ended(worker)
    with pytest.raises(CollectionError, match=r"The image 3\.png cannot be used"):
        worker.ask(0, order=4)
    shutil.move(tmp_path / "3.png", gone)
    worker.ask(0, order=4)
    ended(worker)
    assert isinstance(worker.ask(0, order=4), Reranked)
    with pytest.raises(QueryError, match="no feature space"):
        worker.ask(0, order=2, space="no.space")


def test_a_mistake_of_ours_is_told_and_the_next_is_served(
    collection: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    worker = PatchWorker(collection)
    worker.ask(0, order="two")  # type: ignore[arg-type]
    ended(worker)
    with pytest.raises(QueryError, match="dxr failed on these patches"):
        worker.ask(0, order="two")  # type: ignore[arg-type]
    assert "TypeError" in caplog.text
    worker.ask(0, order=2)
    ended(worker)
    assert isinstance(worker.ask(0, order=2), Reranked)
