"""What a notebook sees: neighbours, query sets, distributions and the answer, on a real small collection."""

from __future__ import annotations

import gc
import io
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics.pairwise import cosine_distances, pairwise_distances

import dxr_dash as dxr
from dxr_dash import api, settings
from dxr_dash.analysis.distances import distances as measure_distances
from dxr_dash.collection.query_sets import ReadSets, read_query_sets
from dxr_dash.collection.store import Collection
from dxr_dash.errors import QueryError, UploadError
from dxr_dash.records import Verdict
from tests.builders import build, picture, write_pictures

N_IMAGES = 90


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("api") / "images", N_IMAGES)


@pytest.fixture(scope="module")
def built(images: Path) -> Path:
    build(images, images.parent / "pictures.dxr", labels="folder")
    return images.parent / "pictures.dxr"


@pytest.fixture
def collection(built: Path, tmp_path: Path) -> Collection:
    return api.open_collection(shutil.copytree(built, tmp_path / "pictures.dxr"))


def file_of(seed: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "PNG")
    return buffer.getvalue()


def test_neighbours_are_those_of_brute_force(collection: Collection) -> None:
    true = cosine_distances(np.array(collection.space().vectors))
    for row in (0, 41, 89):
        found = dxr.nearest(collection, [row], k=10)
        expected = [other for other in np.argsort(true[row], kind="stable") if other != row][:10]
        assert found.rows.tolist() == expected
        np.testing.assert_allclose(found.distances, true[row, expected], atol=1e-6)
        assert (found.members == row).all()
        pairs = true[np.triu_indices(N_IMAGES, 1)]
        farther = [(pairs > distance + 1e-6).mean() for distance in found.distances]
        np.testing.assert_allclose(found.percentiles, farther, atol=3 / len(pairs))


def test_neighbours_of_several_images_are_as_near_as_the_nearest_of_them(collection: Collection) -> None:
    query = [3, 50, 70]
    true = cosine_distances(np.array(collection.space().vectors))[query]
    found = dxr.nearest(collection, query, k=5)
    others = [row for row in np.argsort(true.min(axis=0), kind="stable") if row not in query]
    assert found.rows.tolist() == others[:5]
    assert found.members.tolist() == [query[place] for place in true[:, others[:5]].argmin(axis=0)]


def test_the_graph_agrees_with_true_neighbours(collection: Collection) -> None:
    space = collection.space()
    for row in (5, 60):
        found = dxr.nearest(collection, [row], k=space.neighbours.shape[1])
        np.testing.assert_allclose(found.distances, space.neighbour_distances[row], atol=1e-6)
        assert set(found.rows) == set(space.neighbours[row])


def test_the_answer_agrees_with_scikit_learn(collection: Collection) -> None:
    rows = list(range(4, 24, 2))
    one, _ = dxr.add_query_set(collection, "some", rows=rows)
    found = dxr.answer(collection, one.id)
    true = cosine_distances(np.array(collection.space().vectors))
    aurocs, precisions = [], []
    for row in rows:
        others = [other for other in range(N_IMAGES) if other != row]
        relevant = [other in rows for other in others]
        aurocs.append(roc_auc_score(relevant, -true[row, others]))
        precisions.append(average_precision_score(relevant, -true[row, others]))
    assert found.auroc.value == pytest.approx(np.mean(aurocs), abs=1e-9)
    assert found.mean_ap.value == pytest.approx(np.mean(precisions), abs=1e-9)
    np.testing.assert_allclose(found.members.average_precision, precisions, atol=1e-9)
    assert found.n_images == 10
    assert found.n_compared == N_IMAGES - 10
    assert found.auroc.low <= found.auroc.value <= found.auroc.high
    assert list(found.table.columns) == ["value", "low", "high", "chance"]


def test_images_from_outside_have_the_vectors_that_a_build_gives_them(
    collection: Collection, images: Path
) -> None:
    path = collection.path(7)
    one, skipped = dxr.add_query_set(
        collection, "seven", images=[("seven.jpg", (images / path).read_bytes())]
    )
    assert skipped == ()
    vectors = api.query_vectors(one, collection.space())
    assert (vectors[0] == collection.space().vectors[7]).all()
    found = dxr.nearest(collection, one.id, k=1)
    assert (found.rows[0], found.distances[0]) == (7, 0.0)
    assert one.thumbnail(0) == collection.thumbnail(7)


def test_a_bad_file_is_named_and_the_good_ones_stay(collection: Collection) -> None:
    files = [
        ("good.png", file_of(500)),
        ("bad.png", b"nothing"),
        ("empty.jpg", b""),
        ("also good.png", file_of(501)),
    ]
    one, skipped = dxr.add_query_set(collection, "dropped", images=files)
    assert one.outside == ("good.png", "also good.png")
    assert [item.path for item in skipped] == ["bad.png", "empty.jpg"]
    with pytest.raises(UploadError, match=r"no image to ask with \(bad\.png: "):
        dxr.add_query_set(collection, "none", images=files[1:2])


def test_query_sets_survive_a_restart_and_a_changed_gallery(
    collection: Collection, images: Path, tmp_path: Path
) -> None:
    rows = [0, 10, 20]
    paths = [collection.path(row) for row in rows]
    one, _ = dxr.add_query_set(collection, "kept", rows=rows, images=[("x.png", file_of(7))])
    fewer = shutil.copytree(images, tmp_path / "images")
    (fewer / paths[1]).unlink()
    picture(999).save(fewer / "a first.jpg")
    build(fewer, collection.folder)
    opened = api.open_collection(collection.folder)
    again = opened.query_sets[one.id]
    assert [opened.path(row) for row in again.rows] == [paths[0], paths[2]]
    assert again.n_missing == 1
    assert again.outside == ("x.png",)
    assert len(api.query_vectors(again, opened.space())) == 3


def test_a_space_built_later_sees_the_outside_images_too(collection: Collection, images: Path) -> None:
    one, _ = dxr.add_query_set(collection, "early", images=[("x.png", file_of(7)), ("y.png", file_of(8))])
    api.build(images, collection.folder, network="thingsnet", layer="pool5")
    opened = api.open_collection(collection.folder)
    wide = api.query_vectors(opened.query_sets[one.id], opened.space("thingsnet.pool5"))
    assert wide.shape == (2, opened.space("thingsnet.pool5").n_dims)
    assert opened.query_sets[one.id].outside_vectors(opened.space("thingsnet.pool5").fingerprint) is not None


def test_sets_are_renamed_given_a_control_removed_and_restored(collection: Collection) -> None:
    first, _ = dxr.add_query_set(collection, "first", rows=[1, 2, 3])
    second, _ = dxr.add_query_set(collection, "second", rows=[4, 5, 6], control=first.id)
    assert [one.colour for one in collection.query_sets.values()] == [0, 1]
    api.rename_query_set(collection, first.id, "  another\nname ")
    assert collection.query_sets[first.id].name == "another name"
    with pytest.raises(QueryError, match="cannot be its own control"):
        api.set_control(collection, second.id, second.id)
    api.remove_query_set(collection, first.id)
    assert list(collection.query_sets) == [second.id]
    assert dxr.answer(collection, second.id).control is None  # its control has gone for now
    api.restore_query_set(collection, first.id)
    assert list(collection.query_sets) == [first.id, second.id]
    answer = dxr.answer(collection, second.id)
    assert answer.control is not None
    assert answer.control.name == "another name"
    assert api.check(collection.folder) == []


def test_a_set_stays_in_memory_as_long_as_it_is_as_it_was(collection: Collection) -> None:
    name = dxr.add_query_set(collection, "kept", rows=[1, 2, 3])[0].id
    read = weakref.ref(collection.query_sets[name])
    gc.collect()
    assert collection.query_sets[name] is read()  # nothing was read again
    api.rename_query_set(collection, name, "changed")
    assert collection.query_sets[name].name == "changed"
    gc.collect()
    assert read() is None
    changed = weakref.ref(collection.query_sets[name])
    api.remove_query_set(collection, name)
    assert not collection.query_sets
    gc.collect()
    assert changed() is None  # a server on which many sets come and go does not grow


def test_a_set_whose_images_have_gone_is_looked_for_once(collection: Collection) -> None:
    dxr.add_query_set(collection, "gone", rows=[1, 2, 3])
    looked: list[int] = []

    def find_rows(members: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        looked.append(len(members))
        return np.full(len(members), -1)

    read: ReadSets = {}
    for _ in range(3):
        (one,) = read_query_sets(
            collection.folder, "another gallery", len(collection), find_rows, read
        ).values()
        assert (len(one), one.n_missing) == (0, 3)
    assert looked == [3]


def test_a_set_added_beside_a_removed_one_of_the_same_name_does_not_disturb_it(
    collection: Collection,
) -> None:
    first, _ = dxr.add_query_set(collection, "same", rows=[1])
    api.remove_query_set(collection, first.id)
    second, _ = dxr.add_query_set(collection, "same", rows=[2])
    api.restore_query_set(collection, first.id)
    assert {one.id: one.rows for one in collection.query_sets.values()} == {first.id: (1,), second.id: (2,)}


@pytest.mark.parametrize("query_id", ["../steps", "nothing", "", "a/b", ".removed", "x" * 200])
def test_ids_that_name_no_set_are_refused(query_id: str, collection: Collection) -> None:
    for act in (api.answer, api.remove_query_set, api.restore_query_set, api.set_distances):
        with pytest.raises(QueryError):
            act(collection, query_id)


def test_settings_that_do_not_fit_are_refused_in_words(collection: Collection) -> None:
    with pytest.raises(QueryError, match="Rows go from 0 to 89"):
        api.row_distances(collection, 0, [-1])
    with pytest.raises(QueryError, match="Rows go from 0 to 89"):
        dxr.add_query_set(collection, "far", rows=[90])
    with pytest.raises(QueryError, match="The name has 0 characters"):
        dxr.add_query_set(collection, " \t", rows=[1])
    with pytest.raises(QueryError, match=r"no feature space 'vgg\.fc7'"):
        dxr.nearest(collection, [0], space="vgg.fc7")
    with pytest.raises(UploadError, match="no image to ask with"):
        dxr.add_query_set(collection, "empty")


def test_one_image_cannot_carry_a_verdict(collection: Collection) -> None:
    one, _ = dxr.add_query_set(collection, "single", rows=[5])
    assert dxr.answer(collection, one.id).verdict is Verdict.CANNOT_TELL


def test_distributions_share_one_axis_and_hold_every_distance(collection: Collection) -> None:
    one, _ = dxr.add_query_set(collection, "shown", rows=[1, 2, 3, 4])
    found = api.distributions(collection, [one.id], items=[(one.id, 2)])
    assert [(key, drawn.name, drawn.n) for key, drawn in found] == [
        (None, "baseline", N_IMAGES * (N_IMAGES - 1) // 2),
        (one.id, "to gallery", 4 * (N_IMAGES - 4)),
        (one.id, "within", 6),
        (one.id, "image 2", N_IMAGES - 4),
    ]
    assert all((drawn.centres == found[0][1].centres).all() for _, drawn in found)
    width = found[0][1].centres[1] - found[0][1].centres[0]
    for _, drawn in found:
        assert drawn.density.sum() * width == pytest.approx(1)
        assert drawn.smooth.sum() * width == pytest.approx(1)


def test_the_five_lines_of_the_readme_work(collection: Collection, images: Path) -> None:
    photos = dxr.open_collection(collection.folder)
    faces, skipped = dxr.add_query_set(photos, "reds", images=images / "red")
    found = dxr.answer(photos, faces.id)
    assert skipped == ()
    assert found.sentence.endswith(".")
    assert photos.space().vectors.dtype == np.float32
    assert settings.MIN_QUERY_IMAGES <= found.n_images == N_IMAGES // 3


def test_a_control_set_counts_without_the_images_that_are_x(collection: Collection) -> None:
    control, _ = dxr.add_query_set(collection, "control", rows=range(20, 40))
    one, _ = dxr.add_query_set(collection, "x", rows=range(30, 50), control=control.id)
    found = dxr.answer(collection, one.id)
    assert found.control is not None
    assert found.control.n_images == 10
    inner, _ = dxr.add_query_set(collection, "inner", rows=range(30, 36))
    with pytest.raises(QueryError, match="Every image of inner is in x, too"):
        dxr.answer(collection, one.id, control=inner.id)


def test_a_set_whose_writing_was_killed_is_no_set(collection: Collection) -> None:
    one, _ = dxr.add_query_set(collection, "whole", rows=[1, 2])
    shutil.copytree(one.folder, one.folder.with_name(".half.part"))
    assert list(collection.query_sets) == [one.id]
    again, _ = dxr.add_query_set(collection, "half", rows=[3])
    assert list(collection.query_sets) == [one.id, again.id]
    assert not one.folder.with_name(".half.part").exists()


def test_threads_that_ask_for_the_same_ranking_wait_for_one_pass(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    measure = measure_distances

    def counted(*args: Any, **more: Any) -> Any:
        passes.append(threading.current_thread().name)
        barrier.wait(timeout=10)  # the others have asked by now
        return measure(*args, **more)

    barrier = threading.Barrier(2)
    monkeypatch.setattr("dxr_dash.api.rankings.distances", counted)
    with ThreadPoolExecutor(6) as workers:
        found = [workers.submit(dxr.ranking, collection, 7) for _ in range(6)]
        barrier.wait(timeout=10)
        rankings = [one.result() for one in found]
    assert len(passes) == 1
    assert all(one is rankings[0] for one in rankings)


def test_a_ranking_is_that_of_brute_force_by_either_metric(collection: Collection) -> None:
    vectors = np.array(collection.space().vectors, np.float64)
    for metric in ("cosine", "euclidean"):
        true = pairwise_distances(vectors, metric=metric)
        found = dxr.ranking(collection, 5, metric=metric)
        assert len(found.items) == N_IMAGES - 1
        assert 5 not in found.items
        np.testing.assert_allclose(found.distances, np.sort(np.delete(true[5], 5)), atol=1e-5)
        np.testing.assert_allclose(true[5][found.items], found.distances, atol=1e-5)


def test_a_set_is_as_near_as_its_nearest_member_and_its_members_are_hidden(collection: Collection) -> None:
    rows = [3, 30, 60]
    one, _ = dxr.add_query_set(
        collection, "mixed", rows=rows, images=[("a.png", file_of(500)), ("b.png", file_of(501))]
    )
    vectors = np.array(collection.space().vectors, np.float64)
    members = np.concatenate([vectors[rows], one.outside_vectors(collection.space().fingerprint)])
    true = cosine_distances(members, np.concatenate([vectors, members[3:]]))
    for member, place in enumerate([*rows, N_IMAGES, N_IMAGES + 1]):
        true[member, place] = np.inf
    found = dxr.ranking(collection, one.id)
    places = np.where(found.items >= 0, found.items, N_IMAGES - 1 - found.items)
    assert sorted(places) == list(range(N_IMAGES + 2))
    np.testing.assert_allclose(true.min(axis=0)[places], found.distances, atol=1e-6)
    outside = dxr.ranking(collection, (one.id, 1))
    places = np.where(outside.items >= 0, outside.items, N_IMAGES - 1 - outside.items)
    assert sorted(places) == list(range(N_IMAGES + 1))
    np.testing.assert_allclose(true[4][places], outside.distances, atol=1e-6)


def test_of_a_very_large_set_a_sample_and_all_outside_images_are_near(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(range(0, 60, 2))
    one, _ = dxr.add_query_set(collection, "many", rows=rows, images=[("new.png", file_of(77))])
    assert api.near_members(one, N_IMAGES) is None
    monkeypatch.setattr(settings, "NEAREST_PAIRS", 6 * N_IMAGES)
    monkeypatch.setattr(settings, "ANSWER_QUERIES", 4)
    monkeypatch.setattr(settings, "ANSWER_FEWEST", 4)
    chosen = api.near_members(one, N_IMAGES)
    assert chosen is not None
    assert len(chosen) == 6
    assert chosen[-1] == 30
    found = api.nearest_members(collection, one.id)
    vectors = api.query_vectors(one, collection.space())[chosen]
    far = cosine_distances(vectors, np.array(collection.space().vectors))
    far[np.arange(5), one.items[chosen[:5]]] = np.inf
    np.testing.assert_allclose(found.distances, far.min(axis=0), atol=1e-6)
    assert set(found.members) <= set(chosen)
    assert np.flatnonzero(~np.isnan(found.within)).tolist() == chosen.tolist()
    near = dxr.nearest(collection, one.id, k=5)
    assert not set(near.rows) & set(rows)
    assert api.ranking(collection, one.id).n_all == N_IMAGES + 1


@pytest.mark.parametrize("asked", [3, "reds", ("reds", 0)])
def test_the_first_ranks_are_those_of_the_whole_ranking(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, asked: Any
) -> None:
    dxr.add_query_set(collection, "reds", rows=[1, 5, 9], images=[("new.png", file_of(77))])
    monkeypatch.setattr(settings, "FIRST_RANKS", 30)
    first, whole = api.first_ranks(collection, asked), api.ranking(collection, asked)
    assert (len(first.items), first.n_all) == (30, len(whole.items))
    assert first.items.tolist() == whole.items[:30].tolist()
    assert first.distances.tolist() == whole.distances[:30].tolist()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_sets_curve_is_the_median_of_its_members_own_rankings(collection: Collection, metric: str) -> None:
    rows = [2, 11, 20, 29, 38]
    one, _ = dxr.add_query_set(collection, "five", rows=rows)
    found = dxr.rank_curve(collection, one.id, metric=metric)
    own = np.array([dxr.ranking(collection, row, metric=metric).distances for row in rows], np.float64)
    expected = np.quantile(own[:, found.ranks - 1], (0.25, 0.5, 0.75), axis=0)
    assert found.low is not None
    assert found.high is not None
    for measured, true in zip((found.low, found.distances, found.high), expected, strict=True):
        np.testing.assert_allclose(measured, true, atol=1e-6)
    assert (found.n_ranked, found.n_members) == (N_IMAGES - 1, 5)
    near = np.quantile(api.baseline(collection, metric=metric), 0.01)
    single = dxr.rank_curve(collection, 2, metric=metric)
    assert single.beyond == 1 + (own[0] <= np.float32(near)).sum()


@pytest.mark.parametrize(
    ("asked", "said"),
    [(-1, "not in the collection"), ("nothing", "has no query set"), (("cars", 0), "no query set")],
)
def test_a_ranking_of_what_is_not_there_is_refused(
    collection: Collection, asked: api.Asked, said: str
) -> None:
    with pytest.raises(QueryError, match=said):
        dxr.ranking(collection, asked)
    with pytest.raises(QueryError, match="metric 'manhattan' is unknown"):
        dxr.ranking(collection, 0, metric="manhattan")


def test_findings_are_those_of_the_numbers_underneath(collection: Collection) -> None:
    control, _ = dxr.add_query_set(collection, "control", rows=range(20, 40))
    one, _ = dxr.add_query_set(collection, "x", rows=range(30, 50), control=control.id)
    found = dxr.findings(collection, one.id)
    assert found is dxr.findings(collection, "x")  # kept
    assert found.among_random is not None
    assert found.among_random.auroc == pytest.approx(dxr.answer(collection, one.id).auroc.value, abs=1e-9)
    assert found.among_random.n_images == 20
    assert found.probe is not None
    assert (found.probe.n_images, found.probe.n_negatives, found.probe.n_control) == (20, N_IMAGES - 20, 10)
    assert found.n_values >= len(collection.column("label").categories)
    api.set_control(collection, one.id, None)
    alone = dxr.findings(collection, one.id)
    assert alone.probe is not None
    assert (alone.probe.control, alone.probe.auroc) == (None, found.probe.auroc)
    assert alone.as_dict()["among_random"]["p_value"] == found.among_random.p_value


def test_what_is_retrieved_instead_is_shown_with_images_that_have_it(collection: Collection) -> None:
    label = collection.column("label")
    one, _ = dxr.add_query_set(
        collection, "outside", images=[(f"{i}.png", file_of(i)) for i in range(0, 24, 3)]
    )
    found = dxr.findings(collection, one.id)
    for value in found.instead:
        codes = label.codes if value.kind == "label" else collection.space().clusters
        assert (np.asarray(codes)[value.examples] == value.code).all()
        assert value.n_known == 0
    assert found.own == ()


def test_a_single_image_has_findings_that_say_little(collection: Collection) -> None:
    one, _ = dxr.add_query_set(collection, "single", rows=[5])
    found = dxr.findings(collection, one.id)
    assert (found.among_random, found.probe) == (None, None)
    assert found.instead == ()


def test_a_large_set_is_asked_with_some_members_and_shows_all(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ANSWER_QUERIES", 8)
    monkeypatch.setattr(settings, "ANSWER_FEWEST", 4)
    rows = list(range(20, 50))
    files = [(f"{i}.png", file_of(600 + i)) for i in range(3)]
    one, _ = dxr.add_query_set(collection, "many", rows=rows, images=files)
    found = dxr.answer(collection, one.id)
    assert (found.n_images, found.n_asked, len(found.members.items)) == (33, 8, 8)
    assert set(found.members.items) < set(one.items)
    assert dxr.findings(collection, one.id).probe is not None

    vectors = np.array(collection.space().vectors, np.float64)
    members = np.concatenate([vectors[rows], one.outside_vectors(collection.space().fingerprint)])
    true = cosine_distances(members, vectors)
    far = true.copy()
    far[np.arange(30), rows] = np.inf
    near = api.nearest_members(collection, one.id)
    np.testing.assert_allclose(near.distances, far.min(axis=0), atol=1e-6)
    true[:, rows] = np.inf
    assert api.nearest_to_outside(collection, one.id).tolist() == true[30:].argmin(axis=1).tolist()
    unasked = next(int(item) for item in one.items if item not in found.members.items)
    drawn = api.distributions(collection, [one.id], items=[(one.id, unasked)])
    assert [part.name for _, part in drawn] == ["baseline", "to gallery", "within", f"image {unasked}"]
    assert drawn[-1][1].n == N_IMAGES - 30


def test_the_graph_finds_what_is_nearest_to_a_group_by_its_members_neighbours(collection: Collection) -> None:
    where = collection.space()
    group = np.arange(0, 40, 2)
    by_graph = api.nearest_by_graph(collection, group, k=10)
    best: dict[int, tuple[float, int]] = {}
    for member in group.tolist():
        for row, far in zip(
            where.neighbours[member].tolist(), where.neighbour_distances[member], strict=True
        ):
            if row >= 0 and row not in group:
                best[row] = min(best.get(row, (np.inf, -1)), (float(far), member))
    expected = sorted(best, key=lambda row: (best[row][0], row))[:10]
    assert by_graph.rows.tolist() == expected
    assert by_graph.distances.tolist() == [best[row][0] for row in expected]
    true = api.nearest(
        collection, group.tolist(), k=10
    )  # the graph of so few images misses nothing that is near
    np.testing.assert_allclose(by_graph.distances, true.distances, atol=1e-6)
    everything = api.nearest_by_graph(collection, np.arange(N_IMAGES), k=10)
    assert not len(everything.rows)
