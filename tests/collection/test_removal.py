"""Removing feature spaces: what goes, what stays, what is refused, and that no moment of a kill harms."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dxr_dash import api
from dxr_dash.cli import cli
from dxr_dash.collection import removal, scans
from dxr_dash.collection.steps import locked
from dxr_dash.errors import CollectionError, QueryError
from tests.builders import digest, picture, write_pictures

NET, CONTROL, WHITE = "thingsnet.fc7", "tiny.pixels8", "thingsnet.fc7+l2+pca:4+l2"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images"), 24)


def build(images: Path, target: Path, *spaces: str) -> Path:
    for space in spaces:
        name, *steps = space.split("+")
        network, layer = name.split(".")
        api.build(images, target, network=network, layer=layer, recipe=",".join(steps), labels="folder")
    return target


@pytest.fixture(scope="module")
def whole(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three spaces, a query set with an image from outside, a scan in each of two spaces, a benchmark's vectors."""
    target = build(images, tmp_path_factory.mktemp("whole") / "x.dxr", CONTROL, NET, WHITE)
    build(images, target, NET)  # shown first again
    collection = api.open_collection(target)
    picture(99).save(target.parent / "given.png")
    api.add_query_set(collection, "a set", rows=[0, 3, 5], images=target.parent / "given.png")
    for space in (NET, CONTROL):
        api.scan(collection, by="label", space=space)
    (target / "benchmarks").mkdir()
    for space in (NET, CONTROL):
        name = f"oxford5k-0123.{collection.space(space).fingerprint}.npy"
        np.save(target / "benchmarks" / name, np.zeros((2, 3), np.float32))
    return target


@pytest.fixture
def target(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "x.dxr")


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(words))
    return result.exit_code, " ".join(result.output.split())


def test_what_is_left_is_a_collection_that_never_had_the_space(images: Path, tmp_path: Path) -> None:
    with_, without = build(images, tmp_path / "a" / "x.dxr", NET, CONTROL), tmp_path / "b" / "x.dxr"
    build(images, without, NET)
    for target in (with_, without):
        api.add_query_set(api.open_collection(target), "a set", images=[("a.png", _png(tmp_path))])
    assert digest(with_) != digest(without)
    found = api.remove_spaces(with_, CONTROL)
    assert digest(with_) == digest(without)
    assert (found.spaces, found.left, found.shared) == ((CONTROL,), (NET,), ())
    assert found.again == ("--network tiny --layer pixels8",)


def _png(folder: Path) -> bytes:
    picture(5).save(folder / "given.png")
    return (folder / "given.png").read_bytes()


def test_features_that_another_space_is_made_from_stay_and_the_bytes_are_those_that_go(target: Path) -> None:
    def sizes() -> dict[Path, int]:
        return {one: one.stat().st_size for one in target.rglob("*") if one.is_file()}

    vectors = api.open_collection(target).space(WHITE).vectors[:]
    api.build(api.open_collection(target).images_root, target, network="thingsnet", recipe="l2,pca:4,l2",
              labels="folder")  # shown first  # fmt: skip
    before = sizes()
    planned = api.remove_spaces(target, [NET], dry_run=True)
    assert sizes() == before
    found = api.remove_spaces(target, [NET])
    after = sizes()
    assert found == planned
    gone = before.keys() - after.keys()
    assert found.shared == ("vectors",)
    assert set(found.n_bytes) == {
        *("graph", "map", "tsne", "mosaic", "honesty", "clusters", "baseline"),
        *("scans", "query sets", "benchmarks"),
    }
    assert found.n_bytes["query sets"] == sum(before[path] for path in gone if "queries" in path.parts)
    assert found.n_bytes["benchmarks"] == sum(before[path] for path in gone if "benchmarks" in path.parts)
    assert sum(found.n_bytes.values()) == sum(before[path] for path in gone)
    assert after.keys() <= before.keys()
    assert api.check(target) == []
    collection = api.open_collection(target)
    assert (collection.space(WHITE).vectors == vectors).all()
    assert np.isfinite(api.answer(collection, "a-set", space=WHITE).auroc.value)


def test_several_go_at_once_and_come_back_with_the_same_steps(images: Path, target: Path) -> None:
    before = json.loads((target / "manifest.json").read_text())["spaces"]
    api.remove_spaces(target, [WHITE, CONTROL])
    assert list(api.open_collection(target).spaces) == [NET]
    build(images, target, WHITE, CONTROL)
    assert json.loads((target / "manifest.json").read_text())["spaces"] == before
    assert api.check(target) == []


def test_a_space_that_cannot_be_spared_or_is_not_there_is_refused_and_nothing_changes(target: Path) -> None:
    before = digest(target)
    for names, words in [
        (
            [NET],
            rf"{NET} is the feature space that .* shows first\. Run the `dxr build` command that made it",
        ),
        ([NET], "with `--network thingsnet --layer fc7 --recipe l2,pca:4,l2`, which is then shown first"),
        ([NET, WHITE], "with `--network NETWORK --layer LAYER`, which"),
        ([CONTROL, WHITE, NET], "no feature space would be left"),
        ([CONTROL, "tiny.pixels9"], f"no feature space 'tiny.pixels9'. It has {CONTROL}, thingsnet"),
    ]:
        for dry_run in (True, False):
            with pytest.raises(QueryError, match=words):
                api.remove_spaces(target, names, dry_run=dry_run)
    assert digest(target) == before


def test_it_waits_for_nobody(target: Path, tmp_path: Path) -> None:
    facts = {"by": "label", "space": CONTROL, "steps": []}
    with scans.scan_at_work(target, facts), pytest.raises(CollectionError, match=r"A scan of .* is at work"):
        api.remove_spaces(target, [CONTROL])
    with locked(target), pytest.raises(CollectionError, match="is being changed by process"):
        api.remove_spaces(target, [CONTROL])
    (tmp_path / "none.dxr").mkdir()
    with pytest.raises(CollectionError, match="holds no finished collection"):
        api.remove_spaces(tmp_path / "none.dxr", [CONTROL])
    assert not any((tmp_path / "none.dxr").iterdir())
    assert CONTROL in api.open_collection(target).spaces


def test_a_page_that_is_open_goes_on(target: Path) -> None:
    collection = api.open_collection(target).hold()
    api.remove_spaces(target, [CONTROL])
    assert np.isfinite(collection.space(CONTROL).vectors).all()
    assert len(api.ranking(collection, 0, space=CONTROL).items) == 23
    assert np.isfinite(
        api.answer(collection, "a-set", space=CONTROL).auroc.value
    )  # asked with the image again
    api.build(collection.images_root, target, network="thingsnet", labels="folder")
    assert api.check(target) == []


def test_the_command_says_what_goes(target: Path) -> None:
    before = digest(target)
    code, said = run("remove-space", str(target), CONTROL, "--dry-run")
    assert code == 0
    assert said.startswith(f"Would remove {CONTROL}: ")
    assert digest(target) == before
    code, said = run("remove-space", str(target), CONTROL)
    assert code == 0
    assert said.startswith(f"Removed {CONTROL}: ")
    assert f"It has {WHITE}, {NET}." in said
    assert said.endswith("command that made the collection with --network tiny --layer pixels8")
    code, said = run("remove-space", str(target), CONTROL)
    assert (code, "has no feature space 'tiny.pixels8'" in said) == (1, True)
    code, said = run("remove-space", str(target), WHITE, "--json")
    assert json.loads(said)["spaces"] == [WHITE]


# Kills

DRILL = """
import os, shutil, signal, sys
from pathlib import Path
from dxr_dash import api
from dxr_dash.errors import QueryError
from tests.builders import digest

whole, place, space = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "open"}
left = None

def hear(event, args):
    global left
    if left is not None and event in CHANGES and (event != "open" or args[2] & (os.O_WRONLY | os.O_RDWR)):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hear)

def begin():
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place)

begin()
old = digest(place)
api.remove_spaces(place, [space])
new, states, moment, killed = digest(place), set(), 0, True
while killed:
    begin()
    child = os.fork()
    if not child:
        left = moment
        api.remove_spaces(place, [space])
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert api.check(place) == [], (moment, api.check(place))
    gone = space not in api.open_collection(place).spaces
    states.add(gone)
    try:
        api.remove_spaces(place, [space])
    except QueryError:
        assert gone, moment  # nothing was left to end
    assert digest(place) == new, (moment, set(digest(place)) ^ set(new))
    moment += 1
assert states == {False, True}
print(moment)
"""


def test_killed_before_any_change_of_the_disk_it_is_the_old_state_or_the_new_and_the_next_call_ends_it(
    whole: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRILL, str(whole), str(tmp_path / "x.dxr"), CONTROL],
        capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_the_next_build_ends_what_a_kill_has_left(whole: Path, target: Path, images: Path) -> None:
    before = json.loads((target / "manifest.json").read_text())["spaces"][CONTROL]
    fingerprint = api.open_collection(target).space(CONTROL).fingerprint
    api.remove_spaces(target, [CONTROL])
    manifest = (target / "manifest.json").read_bytes()
    done = digest(target)
    shutil.copytree(whole, target, dirs_exist_ok=True)  # as if it had been killed when the manifest was new
    (target / "manifest.json").write_bytes(manifest)
    note = {"spaces": [CONTROL], "steps": list(before["steps"].values()), "vectors": [fingerprint]}
    (target / removal.NOTE).write_text(json.dumps(note))
    assert digest(target) != done
    build(images, target, NET)
    assert digest(target) == done


def test_a_note_that_somebody_has_altered_deletes_nothing_else(target: Path) -> None:
    (target / "steps" / "mine").mkdir()
    note = {"spaces": [], "steps": ["../queries", "mine", "."], "vectors": ["*"]}
    (target / removal.NOTE).write_text(json.dumps(note))
    api.remove_spaces(target, [CONTROL])
    assert (target / "queries" / "a-set").is_dir()
    assert (target / "steps" / "mine").is_dir()
    (target / removal.NOTE).write_text("[]")
    with pytest.raises(CollectionError, match=r"removing\.json is damaged.*Delete it"):
        api.remove_spaces(target, [WHITE])
