"""How anything gets onto the disk: whole or not at all.

A build is a chain of steps. Each step is a folder named after what it was made from (its fingerprint), so a
folder that exists is complete and up to date, and an interrupted build goes on where it stopped. ``files.json``
inside lists every file with its size and hash, which is what ``dxr check`` verifies.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from dxr_dash.errors import CollectionError

FILES = "files.json"
LOCK = ".lock"
HOLDER = ".lock-holder"


def fingerprint(*parts: Any) -> str:
    """Hash JSON-like values and raw bytes to 32 hexadecimal digits.

    The same values give the same digits on every machine and Python version.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "little") + data)  # the length keeps ("ab", "c") from ("a", "bc")
    return digest.hexdigest()


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes ``target`` only if the block ends without an error.

    The part file shares target's folder: a rename is atomic only within one file system.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # bytes on disk before the name points at them
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, atomically."""
    with atomic_write(target) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file of a collection.

    Raises:
        CollectionError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CollectionError(f"{path} is missing.", "Build the collection again with `dxr build`.") from None
    except ValueError as error:
        raise CollectionError(
            f"{path} is damaged ({error}).", "Build the collection again with `dxr build`."
        ) from None


@contextmanager
def new_step(folder: Path, changing: Sequence[str] = ()) -> Iterator[Path]:
    """Yield an empty folder that becomes ``folder`` only if the block ends without an error.

    Args:
        changing: names of files that may be replaced later; they are not put on the list of hashes.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(
        part, ignore_errors=True
    )  # left behind by a build that was killed; the lock makes us its only user
    part.mkdir(parents=True)
    try:
        yield part
        listing = {
            path.name: {"bytes": path.stat().st_size, "blake2b": hash_file(path)}
            for path in sorted(part.iterdir())
            if path.name not in changing
        }
        for path in part.iterdir():
            flush(path)
        write_json(part / FILES, listing)
        flush(part)
        part.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def flush(path: Path) -> None:
    """Force a file's bytes, or a folder's names, onto the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders and keeps renames ordered by itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_file(path: Path) -> str:
    """Hash a file's bytes to 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def damaged_files(step: Path) -> list[str]:
    """Name what is wrong with a finished step: missing, resized or altered files; empty when all is well."""
    found = []
    for name, expected in read_json(step / FILES).items():
        path = step / name
        if not path.is_file():
            found.append(f"{path} is missing")
        elif path.stat().st_size != expected["bytes"]:
            found.append(f"{path} has {path.stat().st_size} bytes, not {expected['bytes']}")
        elif hash_file(path) != expected["blake2b"]:
            found.append(f"{path} has been altered")
    return found


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a collection for writing; the operating system lets go when the process ends, however it ends.

    Raises:
        CollectionError: another process holds it.
    """
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        try:
            holder = (folder / HOLDER).read_text()
        except OSError:
            holder = "another process"
        raise CollectionError(
            f"{folder} is being changed by {holder}.", "Wait until it has ended, then try again."
        ) from None
    try:
        (folder / HOLDER).write_text(f"process {os.getpid()}")
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()
