"""Bad and hostile images, in bulk: every one is taken in or named with its reason, in bounded time and memory."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dxr_dash import api
from dxr_dash.browser import urls
from dxr_dash.browser.server import create_app
from dxr_dash.cli import cli
from dxr_dash.errors import UploadError
from tests.bad_images import bad_files, encoded, noise
from tests.builders import build, write_pictures
from tests.hostile_images import write_hostile_folder

MEMORY_BYTES = 4 * 2**30  # two images of 100 megapixels are decoded at once, and torch is there, too
PATIENCE_S = 400  # against a hang, not against a slow machine

# Linux counts the memory of a process that starts another into the other's ru_maxrss: VmHWM is the command's own
BUILD = """
import sys
from dxr_dash.cli import cli
try:
    cli(sys.argv[1:], prog_name="dxr")
except SystemExit as stopped:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(f"peak {peak.split()[1]}", file=sys.stderr)
    raise
"""


def run(*words: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("hostile") / "images"
    folder.mkdir()
    return folder, write_hostile_folder(folder)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    build(write_pictures(folder / "images", 12), folder / "x.dxr")
    return folder / "x.dxr"


def test_every_hostile_file_is_taken_in_or_named_with_its_reason(
    hostile: tuple[Path, int], tmp_path: Path
) -> None:
    images, n_files = hostile
    assert n_files > 300
    code, said, errors = run("build", images, "--to", tmp_path / "x.dxr", "--network", "thingsnet", "--json")
    assert code == 0, errors
    assert "Traceback" not in errors
    report = json.loads(said)
    collection = api.open_collection(tmp_path / "x.dxr")
    ignored = {".hidden.jpg", "notes.txt"}  # hidden, and no image's name
    assert (
        report["n_images"] + len(report["skipped"]) == n_files - len(ignored) - 1
    )  # a link to a folder read before
    assert len(collection.skipped) == len(report["skipped"]) > 100
    assert all(one.path and one.reason and one.path.isprintable() for one in collection.skipped)
    assert all(path.isprintable() for path in collection.paths.to_pylist())
    assert api.check(tmp_path / "x.dxr") == []
    peak_kb = int(errors.rpartition("peak ")[2])
    assert peak_kb * 1024 < MEMORY_BYTES


def test_a_query_of_hostile_files_is_answered_from_the_good_ones(
    hostile: tuple[Path, int], target: Path
) -> None:
    collection = api.open_collection(target)
    one, skipped = api.add_query_set(collection, "odd", images=hostile[0] / "odd")
    assert len(one) > 50
    assert len(skipped) > 10
    assert api.answer(collection, one.id).n_images == len(one)
    with pytest.raises(UploadError, match="There is no image to ask with"):
        api.add_query_set(collection, "bad", images=hostile[0] / "bombs" / "30000.png")


@pytest.mark.parametrize(
    "name", ["folder.jpg", "pipe.jpg", "nothing.jpg", "itself.jpg", "heavy.tif", "empty.jpg"]
)
def test_a_query_of_one_bad_file_is_refused_in_words(
    name: str, hostile: tuple[Path, int], target: Path
) -> None:
    result = CliRunner().invoke(cli, ["query", str(target), str(hostile[0] / "bad" / name), "--name", "one"])
    is_folder_with_an_image = name == "folder.jpg"
    assert result.exit_code == (0 if is_folder_with_an_image else 1), result.output
    assert is_folder_with_an_image or f"({name}: " in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_hostile_uploads_are_named_and_the_good_ones_taken(target: Path) -> None:
    collection = api.open_collection(target)
    client = create_app(collection).server.test_client()
    good = encoded(noise(seed=900))
    files = [(data, name) for name, (data, _) in bad_files().items()]
    odd = [
        "../../etc/passwd",
        "a\nb.jpg",
        "<img src=x onerror=alert(1)>.jpg",
        "x" * 5_000 + ".jpg",
        "",
        "\u202egpj.exe",
    ]
    sent = [(io.BytesIO(data), name) for data, name in [*files, *((good, name) for name in odd)]]
    headers = {"X-Dxr": collection.fingerprint, "Origin": "http://localhost"}
    reply = client.post(urls.QUERY_SETS, data={"name": "up", "images": sent}, headers=headers)
    assert reply.status_code == 200
    last = json.loads(reply.text.splitlines()[-1])["reply"]
    assert last["tone"] == "plain", last
    one = api.find_query_set(collection, "up")
    assert all(name.isprintable() for name in one.outside)
    assert one.folder.parent == collection.folder / "queries"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2 * MEMORY_BYTES
