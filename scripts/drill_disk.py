"""Fill the disk under dxr, forbid it to write, and let two builds meet; see that it says so and loses nothing.

    sudo python scripts/drill_disk.py IMAGES [--fillings 30] [--seed 0]

IMAGES is a folder of at least 60 real images. Disks are made for the drill (tmpfs), which takes the right to mount.

- **Full**: each command begins with a random amount of free space, from none to what it needs. It must end well, or
  with our own words and no traceback; then ``dxr check`` finds nothing wrong, the manifest is the old one, and the same
  command, given room, ends with the same bytes as on an empty disk.
- **Read-only**: what only reads must work; what writes must be refused in our words.
- **Two at once**: the second build is told which process holds the collection, and since when; once the first has been
  killed, it goes through.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from drill_kill import N_IMAGES, digest_of, run_command, start

BUILD = ("build", "images", "--to", "disk/x.dxr", "--network", "thingsnet", "--labels", "folder")
ASK = ("query", "disk/x.dxr", "first", "--name", "a thing")
SCAN = ("scan", "disk/x.dxr")
REPORT = ("report", "disk/x.dxr", "--query", "a thing", "-o", "disk/report.html")
STORED = ("query", "disk/x.dxr", "--name", "a thing")
COMMANDS = {  # name: what was done before, words, images
    "build": ((), BUILD, 40),
    "add": ((BUILD,), BUILD, 48),
    "second space": ((BUILD,), (*BUILD, "--layer", "pool5", "--recipe", "l2,pca:8:whiten,l2"), 40),
    "query save": ((BUILD,), ASK, 40),
    "scan": ((BUILD,), SCAN, 40),
    "report": ((BUILD, ASK), REPORT, 40),
}
DISK_BYTES = 64 * 2**20
SPARE_BYTES = 128 * 2**10  # tmpfs counts pages and folders, too
READS: tuple[tuple[str, ...], ...] = (
    ("info", "disk/x.dxr"),
    ("check", "disk/x.dxr"),
    STORED,
    ("compare", "disk/x.dxr", "a thing"),
)
ASK_OTHERS = ("query", "disk/x.dxr", "first/even", "--name", "a thing")
WRITES: tuple[tuple[str, ...], ...] = (BUILD, ASK_OTHERS, SCAN, REPORT)


def main() -> int:
    """Run the drills; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("images", type=Path, help="a folder of at least 60 images")
    parser.add_argument("--fillings", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if len(images) < N_IMAGES:
        sys.exit(f"{options.images} holds fewer than {N_IMAGES} JPEG files.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "disk").mkdir()
        try:
            with disk(folder):
                pass
        except (OSError, subprocess.CalledProcessError):
            print("Skipped: this machine does not allow us to mount a disk. Run it as root.")
            return 0
        copies = [Path(shutil.copy2(one, folder / one.name)) for one in images[:N_IMAGES]]
        show(folder, copies, 40)
        warm(folder)
        draw = random.Random(options.seed)  # noqa: S311
        each = -(-options.fillings // len(COMMANDS))
        print("| command | fillings | said full | problems |\n|---|---|---|---|", flush=True)
        wrong = [one for name in COMMANDS for one in fill(folder, copies, name, each, draw)]
        wrong += read_only(folder, copies)
        wrong += two_at_once(folder, copies)
    print("\n".join(wrong) or "Nothing went wrong.")
    return 1 if wrong else 0


def fill(folder: Path, copies: Sequence[Path], name: str, fillings: int, draw: random.Random) -> list[str]:
    """Run one command again and again on a disk with too little room."""
    before, words, n_images = COMMANDS[name]
    state, done = folder / "state", folder / "done"
    for kept in (state, done):
        shutil.rmtree(kept, ignore_errors=True)
    with disk(folder):
        show(folder, copies, 40)
        for one in before:
            must(folder, one)
        shutil.copytree(folder / "disk", state)
        show(folder, copies, n_images)
        must(folder, words)
        needed = DISK_BYTES - shutil.disk_usage(folder / "disk").free
        expected = digest_of(folder / "disk")
        used = needed - size_of(folder / "disk") + size_of(state)
    wrong, full = [], 0
    for number in range(fillings):
        room = draw.randrange(0, needed - used + SPARE_BYTES)
        with disk(folder):
            shutil.copytree(state, folder / "disk", dirs_exist_ok=True)
            manifest = read(folder / "disk" / "x.dxr" / "manifest.json")
            filler = folder / "disk" / "filler"
            take(filler, shutil.disk_usage(folder / "disk").free - room)
            code, said = run(folder, words)
            what = f"{name}, {room} bytes free, filling {number}"
            if code:
                full += 1
                if code != 1 or not re.search("is full|No space left", said) or "Traceback" in said:
                    wrong.append(f"{what}: {said[-800:]}")
                if read(folder / "disk" / "x.dxr" / "manifest.json") != manifest and name != "build":
                    wrong.append(f"{what}: the manifest has changed")
            filler.unlink()
            if manifest and run(folder, ("check", "disk/x.dxr"))[0]:
                wrong.append(f"{what}: dxr check finds damage")
            code, said = run(folder, words)
            if code:
                wrong.append(f"{what}: with room again it failed: {said[-800:]}")
            got = digest_of(folder / "disk")
            wrong += [f"{what}: {one} differs" for one in sorted(got.items() ^ expected.items())]
    print(f"| {name} | {fillings} | {full} | {len(wrong)} |", flush=True)
    return wrong


def read_only(folder: Path, copies: Sequence[Path]) -> list[str]:
    """Read from, and try to write to, a disk that cannot be written to."""
    wrong = []
    with disk(folder):
        show(folder, copies, 40)
        must(folder, BUILD)
        must(folder, ASK)
        show(folder, copies, 48)
        subprocess.run(["mount", "-o", "remount,ro", str(folder / "disk")], check=True)
        before = digest_of(folder / "disk")
        for words in READS:
            code, said = run(folder, words)
            if code:
                wrong.append(f"read-only, {words}: {said[-800:]}")
        for words in WRITES:
            code, said = run(folder, words)
            if code != 1 or "Traceback" in said or not re.search("cannot be (written|used)", said):
                wrong.append(f"read-only, {words}: exit {code}: {said[-800:]}")
        if digest_of(folder / "disk") != before:
            wrong.append("read-only: something changed")
    print(f"| read-only | {len(READS)} reads, {len(WRITES)} writes | | {len(wrong)} |", flush=True)
    return wrong


def two_at_once(folder: Path, copies: Sequence[Path]) -> list[str]:
    """Start a build while another is at work; then kill the first."""
    shutil.rmtree(folder / "disk" / "x.dxr", ignore_errors=True)
    show(folder, copies, 40)
    first = start(folder, BUILD)
    holder = folder / "disk" / "x.dxr" / ".lock-holder"
    while not read(holder):
        time.sleep(0.001)
    os.kill(first.pid, signal.SIGSTOP)
    code, said = run(folder, BUILD, "second.txt")
    wrong = []
    if code != 1 or not re.search(rf"changed by process {first.pid}, since \d{{4}}-", said):
        wrong.append(f"two at once: exit {code}: {said[-800:]}")
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    code, said = run(folder, BUILD)
    if code:
        wrong.append(f"two at once, the first killed: exit {code}: {said[-800:]}")
    print(f"| two at once | 1 | | {len(wrong)} |", flush=True)
    return wrong


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Mount an empty disk at ``folder/disk``."""
    place = str(folder / "disk")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place], check=True, capture_output=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def show(folder: Path, copies: Sequence[Path], n_images: int) -> None:
    """Put some images into the folder ``images``, and others to ask with into ``first``."""
    for name, images in (("images", copies[:n_images]), ("first", copies[50:56])):
        shutil.rmtree(folder / name, ignore_errors=True)
        for number, one in enumerate(images):
            image = folder / name / ("even", "odd")[number % 2] / one.name
            image.parent.mkdir(parents=True, exist_ok=True)
            os.link(one, image)


def run(folder: Path, words: Sequence[str], said: str = "said.txt") -> tuple[int, str]:
    """Run a command of dxr; return its exit code and what it said."""
    one = start(folder, words, said=folder / said)
    return os.waitstatus_to_exitcode(os.waitpid(one.pid, 0)[1]), one.said.read_text()


def must(folder: Path, words: Sequence[str]) -> None:
    """Run a command that must end well."""
    code, said = run(folder, words)
    if code:
        raise RuntimeError(said)


def warm(folder: Path) -> None:
    """Import and compile in this process what every run needs; on no disk of ours, since it keeps files open."""
    here = Path.cwd()
    os.chdir(folder)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for words in (BUILD, ASK, SCAN, REPORT):
            if run_command(words):
                raise RuntimeError(words)
    os.chdir(here)
    for path in (folder / "disk").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def take(filler: Path, n_bytes: int) -> None:
    """Fill a disk."""
    with filler.open("wb") as file:
        if n_bytes > 0:
            os.posix_fallocate(file.fileno(), 0, n_bytes)


def size_of(folder: Path) -> int:
    """Add up the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read(path: Path) -> bytes:
    """Read a file that may not be there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


if __name__ == "__main__":
    sys.exit(main())
