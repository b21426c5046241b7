"""Kill dxr at random moments of everything it does to a disk, and see that nothing is lost.

    python scripts/drill_kill.py IMAGES [--kills 200] [--seed 0] [--only build,add]

IMAGES is a folder of at least 60 real images, of which copies are used. Each command runs once undisturbed; then
again and again, each time killed (SIGKILL) at another moment and run again to its end. A moment is either a time,
uniform over the undisturbed run, or an operation on the disk: just before or just after the n-th rename, removal,
fsync or file opened for writing, as Python's audit hooks tell of them. After each kill:

- ``dxr check`` finds nothing wrong (or says that the first build has not finished, or that the collection is still that
  of an older dxr),
- the same command ends well, and leaves the same bytes in every file as the undisturbed run,
- no part file and no note of who holds the lock is left.

Locks (``.lock``) are not compared; nothing else is left out. Every run is a fork of one process that has imported
dxr, since importing torch takes longer than all else here.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # no threads that a fork would lose
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the one that survives a fork

N_IMAGES = 60
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True)
class Command:
    """What is run, and what was done before it.

    Attributes:
        gallery: numbers of the images in the folder while it runs.
        before: commands that made the state it begins with.
        other: run in its place after the kill, with what it must end as.
        age: turn what was made before into what an older dxr would have left.
    """

    name: str
    words: tuple[str, ...]
    gallery: range
    before: tuple[Command, ...] = ()
    other: Command | None = None
    age: Callable[[Path], None] | None = None


def without_layouts(place: Path) -> None:
    """Turn a collection into one of 0.1.0, before there were swatches, mosaics and a second layout."""
    from dxr_dash.collection.manifest import manifest_fingerprint

    file = place / "x.dxr" / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["swatches"]
    for facts in manifest["spaces"].values():
        del facts["layouts"]
    manifest["fingerprint"] = manifest_fingerprint(manifest)
    file.write_text(json.dumps(manifest))
    for name in ("swatches", "mosaic", "honesty", "tsne"):
        for step in place.glob(f"x.dxr/steps/{name}-*"):
            shutil.rmtree(step)


BUILD = ("build", "images", "--to", "x.dxr", "--network", "thingsnet", "--labels", "folder")
SPACE = (*BUILD, "--layer", "pool5", "--recipe", "l2,pca:8:whiten,l2")
ASK = ("query", "x.dxr", "first", "--name", "a thing", "--control", "second")
ASK_OTHERS = ("query", "x.dxr", "second", "--name", "a thing")
REPORT = ("report", "x.dxr", "--query", "a thing", "-o", "report.html", "-o", "numbers.csv")
SCAN, SWEEP = ("scan", "x.dxr"), ("sweep", "x.dxr", "a thing", "--network", "thingsnet")
REMOVE_SPACE = ("remove-space", "x.dxr", "thingsnet.fc7")
MADE = Command("build", BUILD, range(40))
ASKED = Command("query save", ASK, range(40), (MADE,))
TWO = Command("second space", SPACE, range(40), (MADE,))
FIRST_AGAIN = Command("build", BUILD, range(40), (MADE, TWO))
COMMANDS = (
    MADE,
    Command("add", BUILD, range(48), (MADE,)),
    Command("remove", BUILD, range(30), (MADE, ASKED)),
    TWO,
    Command("space removed and built again", REMOVE_SPACE, range(40), (MADE, TWO), other=FIRST_AGAIN),
    Command("add, then taken back", BUILD, range(48), (MADE,), other=MADE),
    ASKED,
    Command("query replaced", ASK_OTHERS, range(40), (MADE, ASKED)),
    Command("report", REPORT, range(40), (MADE, ASKED)),
    Command("scan", SCAN, range(40), (MADE,)),
    Command("sweep", SWEEP, range(40), (MADE, ASKED)),
    Command("older collection", BUILD, range(40), (MADE, ASKED), age=without_layouts),
)


class Place:
    """A folder with images and a collection, brought to the same state again and again."""

    def __init__(self, folder: Path, images: Sequence[Path]) -> None:
        self.folder = folder / "place"
        self.states = folder / "states"
        self.images = images
        self.kept: dict[tuple[Command, ...], Path] = {}

    def begin(self, command: Command) -> None:
        """Bring it to the state before a command."""
        state = self._state(command.before)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(state, self.folder) if state else self.folder.mkdir()
        self.show(command.gallery)
        if command.age is not None:
            command.age(self.folder)

    def show(self, gallery: range) -> None:
        """Put some images into the folder, in two folders that label them; and others to ask with beside it."""
        for name, numbers in (("images", gallery), ("first", range(50, 55)), ("second", range(55, 60))):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            for number in numbers:
                image = self.folder / name / ("even", "odd")[number % 2] / self.images[number].name
                image.parent.mkdir(parents=True, exist_ok=True)
                os.link(self.images[number], image)  # keeps its time of change

    def _state(self, before: tuple[Command, ...]) -> Path | None:
        if before and before not in self.kept:
            *earlier, last = before
            self.begin(Command("", (), last.gallery, tuple(earlier)))
            end(start(self.folder, last.words))
            self.kept[before] = self.states / str(len(self.kept))
            shutil.copytree(self.folder, self.kept[before])
        return self.kept.get(before)

    def digest(self) -> dict[str, str]:
        """Hash every file that dxr wrote, but for locks; and name every folder."""
        return digest_of(self.folder, but=("images", "first", "second"))


def digest_of(folder: Path, but: Sequence[str] = ()) -> dict[str, str]:
    """Hash every file of a folder but for locks and some folders; and name every folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] not in but and path.name != ".lock":
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


@dataclass(frozen=True)
class Run:
    """A run that has been started: a child, and where it writes what it says."""

    pid: int
    said: Path


def start(
    place: Path, words: Sequence[str], hook: Callable[[], None] | None = None, said: Path | None = None
) -> Run:
    """Run a command of dxr in a fork of this process."""
    said = said or place.parent / "said.txt"
    pid = os.fork()
    if pid:
        return Run(pid, said)
    code = 70
    try:
        os.chdir(place)
        with said.open("w") as out, redirect_stdout(out), redirect_stderr(out):
            if hook is not None:
                hook()
            code = run_command(words)
    finally:
        os._exit(code)


def run_command(words: Sequence[str]) -> int:
    """Run a command of dxr in this process; return its exit code."""
    import traceback

    from dxr_dash.cli import cli

    try:
        cli(list(words), prog_name="dxr")
    except SystemExit as stopped:
        return int(stopped.code or 0)
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def end(run: Run) -> None:
    """Wait for a run that must end well."""
    _, status = os.waitpid(run.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"A run failed:\n{run.said.read_text()}")


def on_changes(place: Path, act: Callable[[str], None]) -> None:
    """Call ``act`` before each operation that changes the disk below a folder, and after each fsync."""
    inside = os.fspath(place.resolve())

    def concerns(path: Any, folder: Any = -1) -> bool:
        if isinstance(path, int) or (isinstance(folder, int) and folder >= 0):
            return True  # a removal within an open folder
        try:
            return os.path.abspath(os.fsdecode(path)).startswith(inside)  # noqa: PTH100 - may not touch the disk
        except TypeError:
            return False

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if event in CHANGES and concerns(args[0], args[-1] if event != "os.mkdir" else -1):
            act(event)
        elif event == "open" and not isinstance(args[0], int) and args[2] & WRITES and concerns(args[0]):
            act("open to write")

    fsync = os.fsync

    def heard_fsync(handle: Any) -> None:
        act("fsync")
        fsync(handle)
        act("after fsync")

    os.fsync = heard_fsync  # type: ignore[assignment]
    sys.addaudithook(hear)


def killer(place: Path, number: int) -> Callable[[], None]:
    """Return what makes a run kill itself before its n-th operation on the disk."""
    left = [number]

    def act(_event: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: on_changes(place, act)


def count_changes(place: Path, words: Sequence[str]) -> int:
    """Run a command to its end; return how many operations on the disk it took."""
    file = place.parent / "events.txt"
    file.write_text("")
    handle = os.open(file, os.O_WRONLY | os.O_APPEND)

    def write_down(event: str) -> None:
        os.write(handle, f"{event}\n".encode())

    end(start(place, words, lambda: on_changes(place, write_down)))
    os.close(handle)
    return len(file.read_text().splitlines())


def problems_after(place: Place, command: Command, expected: dict[str, str]) -> list[str]:
    """Say what is wrong after a kill; empty when nothing is."""
    found = []
    if (place.folder / "x.dxr").exists():
        run = start(place.folder, ["check", "x.dxr"])
        code = os.waitstatus_to_exitcode(os.waitpid(run.pid, 0)[1])
        said = run.said.read_text()
        unfinished = (
            not (place.folder / "x.dxr" / "manifest.json").exists() and "holds no finished collection" in said
        ) or (command.age is not None and "older dxr" in said)
        if code and not unfinished:
            found.append(f"dxr check: {said}")
    again = command.other or command
    place.show(again.gallery)
    run = start(place.folder, again.words)
    if os.waitstatus_to_exitcode(os.waitpid(run.pid, 0)[1]):
        found.append(f"the next run failed: {run.said.read_text()[-2000:]}")
    got = place.digest()
    for name in sorted(expected.keys() | got.keys()):
        if expected.get(name) != got.get(name):
            kind = "is missing" if name not in got else "is left over" if name not in expected else "differs"
            found.append(f"{name} {kind}")
    return found


def drill(place: Place, command: Command, kills: int, draw: random.Random) -> tuple[list[str], int]:
    """Kill a command at several moments; return what went wrong, and how many kills came in time."""
    last = command.other or command
    place.begin(command)
    begin = time.monotonic()
    end(start(place.folder, command.words))
    seconds = time.monotonic() - begin
    if command.other is not None:
        place.begin(last)
        end(start(place.folder, last.words))
    expected = place.digest()
    place.begin(command)
    n_changes = count_changes(place.folder, command.words)
    if command.other is None and place.digest() != expected:
        raise RuntimeError(f"Two undisturbed runs of {command.name} differ.")
    by_change = sorted(draw.sample(range(n_changes), min(kills // 2, n_changes)))
    moments: list[float | int] = [
        *by_change,
        *(draw.uniform(0, seconds) for _ in range(kills - len(by_change))),
    ]
    wrong, in_time = [], 0
    for moment in moments:
        place.begin(command)
        if isinstance(moment, int):
            run = start(place.folder, command.words, killer(place.folder, moment))
            what = f"before operation {moment} of {n_changes}"
        else:
            run = start(place.folder, command.words)
            time.sleep(moment)
            os.kill(run.pid, signal.SIGKILL)
            what = f"after {moment:.3f} s of {seconds:.3f}"
        in_time += os.waitstatus_to_exitcode(os.waitpid(run.pid, 0)[1]) == -signal.SIGKILL
        wrong += [f"{command.name}, killed {what}: {one}" for one in problems_after(place, command, expected)]
    print(
        f"| {command.name} | {len(moments)} | {in_time} | {n_changes} | {seconds:.1f} | {len(wrong)} |",
        flush=True,
    )
    return wrong, in_time


def warm(place: Place) -> None:
    """Import and compile in this process what every run needs."""
    place.begin(MADE)
    os.chdir(place.folder)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        for words in (BUILD, ASK, REPORT, SCAN):
            if run_command(words):
                raise RuntimeError(said.getvalue())
    os.chdir("/")


def main() -> int:
    """Run the drill; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("images", type=Path, help="a folder of at least 60 images")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands, by name, with commas")
    options = parser.parse_args()
    commands = [one for one in COMMANDS if not options.only or one.name in options.only.split(",")]
    images = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if len(images) < N_IMAGES or not commands:
        sys.exit(f"{options.images} holds fewer than {N_IMAGES} JPEG files, or --only names no command.")
    draw, wrong = random.Random(options.seed), []  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(shutil.copy2(one, Path(folder) / one.name)) for one in images[:N_IMAGES]]
        place = Place(Path(folder), copies)
        warm(place)
        print(
            "| command | kills | in time | operations | seconds | problems |\n|---|---|---|---|---|---|",
            flush=True,
        )
        share = Counter(commands[number % len(commands)].name for number in range(options.kills))
        for command in commands:
            wrong += drill(place, command, share[command.name], draw)[0]
    print("\n".join(wrong) or "Nothing was lost.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
