"""How anything gets onto the disk: whole or not at all.

A build is a chain of steps. Each step is a folder named after what it was made from (its fingerprint), so a
folder that exists is complete and up to date, and an interrupted build goes on where it stopped. ``files.json``
inside lists every file with its size and hash, which is what ``dxr check`` verifies.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dxr_dash.errors import CollectionError

try:
    import fcntl
except ImportError:  # Windows, where nobody can delete a file that is open
    fcntl = None  # type: ignore[assignment]

FILES = "files.json"
LOCK = ".lock"
HOLDER = ".lock-holder"
FULL = (errno.ENOSPC, errno.EDQUOT)


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

    The part file shares target's folder: a rename is atomic only within one file system. It is locked as long as it is
    written, so whoever writes the same target next can tell the parts of killed writers, and deletes them.
    """
    clear_parts(target.parent, target.name)
    part, file = _new_part(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # bytes on disk before the name points at them
            if fcntl is not None:
                part.replace(target)
        if fcntl is None:
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _new_part(target: Path) -> tuple[Path, BinaryIO]:
    while True:
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        file = part.open("xb")
        if fcntl is None:
            return part, file
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return part, file
        file.close()  # taken for left behind in the moment before it was locked


def clear_parts(folder: Path, name: str | None = None) -> None:
    """Delete the part files that killed processes have left in a folder; those that are being written stay.

    Args:
        name: of the target they were for; left out, of any.
    """
    for part in folder.glob(f".{'*' if name is None else glob.escape(name)}.????????.part"):
        with suppress(OSError), part.open("rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where a writer holds it
                part.unlink()
        if fcntl is None:
            with suppress(OSError):
                part.unlink()


def discard(folder: Path) -> None:
    """Delete a folder so that no half of it is ever found under its name."""
    trash = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(trash, ignore_errors=True)  # of an earlier attempt that was killed
    with suppress(FileNotFoundError):
        folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def _delete(path: Path) -> None:
    """Delete a folder, or the file that somebody has put in its place."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink()


def reserve(path: Path, n_bytes: int) -> None:
    """Take the room for a file that is then written through memory, where a full disk would kill the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate") and n_bytes:
        with path.open("r+b" if path.exists() else "xb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            except OSError as error:
                if error.errno not in (
                    errno.EINVAL,
                    errno.EOPNOTSUPP,
                ):  # a file system that cannot promise it
                    raise


def new_vectors(path: Path, n_images: int, n_dims: int) -> np.memmap[Any, np.dtype[np.float32]]:
    """Open a new ``.npy`` file of (n, D) float32, to be filled in place.

    Raises:
        OSError: there is no room.
    """
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (n_images, n_dims))
    reserve(path, vectors.offset + vectors.nbytes)
    return vectors


@contextmanager
def disk_in_words(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of a disk into our error.

    Raises:
        CollectionError: the disk is full, the folder may not be written to, or a file cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        # numpy tells a short write without its cause, Arrow in words alone
        full = error.errno in FULL or (
            error.errno is None and re.search("requested and|No space", str(error))
        )
        if full:
            raise CollectionError(
                f"The disk that holds {folder} is full.",
                "Make room, then run the same command again: what is done is kept.",
            ) from error
        place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else folder
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise CollectionError(
                f"{place} cannot be written: {(error.strerror or str(error)).lower()}.",
                f"Make {folder} writable, or copy it to where you may write.",
            ) from error
        raise CollectionError(
            f"{place} cannot be read or written: {error.strerror or error}.",
            f"See whether {folder} is all there with `dxr check`, then run the same command again.",
        ) from error


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, atomically."""
    with atomic_write(target) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode())


def write_table(target: Path, table: pa.Table) -> None:
    """Write a Parquet file into a folder that nobody reads yet."""
    with target.open("xb") as file:  # Arrow takes no path that is not UTF-8
        pq.write_table(table, file, compression="zstd")


def read_json(path: Path) -> Any:
    """Read a JSON file of a collection.

    Raises:
        CollectionError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CollectionError(f"{path} is missing.", "Run `dxr check`: it says what to do.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CollectionError(
            f"{path} is damaged ({error}).", "Run `dxr check`: it says what to do."
        ) from None


@contextmanager
def new_step(folder: Path, changing: Sequence[str] = ()) -> Iterator[Path]:
    """Yield an empty folder that becomes ``folder`` only if the block ends without an error.

    A damaged folder that is there under this name is replaced.

    Args:
        changing: names of files that may be replaced later; they are not put on the list of hashes.
    """
    part, before = (folder.with_name(f".{folder.name}.{ending}") for ending in ("part", "old.part"))
    shutil.rmtree(
        part, ignore_errors=True
    )  # left behind by a build that was killed; the lock makes us its only user
    part.mkdir(parents=True)
    try:
        yield part
        listing = {path.name: _listed(path) for path in sorted(part.iterdir()) if path.name not in changing}
        for path in part.iterdir():
            flush(path)
        write_json(part / FILES, listing)
        flush(part)
        if os.path.lexists(folder):
            _delete(before)  # of an earlier attempt that was killed
            folder.rename(before)
        part.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _delete(before)


def list_file(path: Path) -> None:
    """Put a file that a finished step has got since on its list.

    Raises:
        CollectionError: the list is damaged.
    """
    listed_files(path.parent)
    listing = read_json(path.parent / FILES)
    write_json(path.parent / FILES, {**listing, path.name: _listed(path)})


def _listed(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "blake2b": hash_file(path)}


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
    try:
        listing = listed_files(step)
    except CollectionError as error:
        return [error.problem.rstrip(".")]
    for name, (n_bytes, content) in listing.items():
        path = step / name
        if not path.is_file():
            found.append(f"{path} is missing")
        elif path.stat().st_size != n_bytes:
            found.append(f"{path} has {path.stat().st_size} bytes, not {n_bytes}")
        elif hash_file(path) != content:
            found.append(f"{path} has been altered")
    return found


def listed_files(step: Path) -> dict[str, tuple[int, str]]:
    """Read the list of a finished step's files: their sizes and hashes.

    Raises:
        CollectionError: it is missing, damaged or empty.
    """
    with suppress(AttributeError, KeyError, TypeError, ValueError, OverflowError):
        listing = {
            name: (int(one["bytes"]), str(one["blake2b"])) for name, one in read_json(step / FILES).items()
        }
        if listing and all(_FILE_NAME.fullmatch(name) for name in listing):
            return listing
    raise CollectionError(f"{step / FILES} is damaged (it is no list of files).", "Run `dxr check`.")


def stray_files(step: Path, allowed: str = "") -> list[str]:
    """Name what lies in a finished step's folder and is on no list, hidden files apart.

    Args:
        allowed: pattern of names that need not be listed.
    """
    with suppress(CollectionError):  # named by ``damaged_files``
        listed = {FILES, *listed_files(step)}
        return [
            str(path)
            for path in sorted(step.glob("[!.]*"))
            if path.name not in listed and not re.fullmatch(allowed, path.name)
        ]
    return []


_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")  # of those that dxr writes: none leads elsewhere


@contextmanager
def locked(folder: Path, *, wait_s: float = 0) -> Iterator[None]:
    """Hold a collection for writing; the operating system lets go when the process ends, however it ends.

    Args:
        wait_s: how long to wait for another to end; with 0, those who come meanwhile are told who holds it.

    Raises:
        CollectionError: another process holds it.
        OSError: the folder cannot be written to.
    """
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout:
        raise CollectionError(
            f"{folder} is being changed by {_holder(folder)}.", "Wait until it has ended, then try again."
        ) from None
    try:
        if not wait_s:  # a lock of a moment tells nobody, and leaves no note if it is killed
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            (folder / HOLDER).write_text(f"process {os.getpid()}, since {since}")
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    with suppress(OSError):
        return (folder / HOLDER).read_text() or "another process"  # it has not said so yet
    return "another process"
