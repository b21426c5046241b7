"""Walk a folder for image files, and give their names as text."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dxr_dash import settings
from dxr_dash.errors import ImagesError
from dxr_dash.records import Skipped

_COLLECTION = os.fsencode(settings.SUFFIX)
_IMAGES = tuple(os.fsencode(suffix) for suffix in settings.IMAGE_SUFFIXES)

# Invisible characters that reorder the text around them: a name must not pass for another name.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class FoundFile(NamedTuple):
    """One image file under the root folder; a million are made and looked up, which a tuple does quickest.

    Attributes:
        path: relative to the root, "/" between folders, the bytes of the name as the system gave them.
        size: in bytes.
        mtime_ns: time of last change, nanoseconds.
    """

    path: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        files: the image files, sorted by path.
        skipped: links, folders and files that could not be looked at, sorted by path.
        n_other: visible files left out because their name is not that of an image.
    """

    files: list[FoundFile]
    skipped: list[Skipped]
    n_other: int


def find_images(root: Path) -> Found:
    """Find every image file in a folder and the folders below it.

    Links to files and folders are followed; each folder is read once, so link loops end. A folder that lies
    under the root and is also linked is listed under its own path. Hidden names and collections are left out.

    Args:
        root: a folder.

    Raises:
        ImagesError: root is not a folder that can be read.
    """
    walk = _Walk(os.fsencode(root))
    try:
        with os.scandir(walk.root):
            pass
    except FileNotFoundError:
        raise ImagesError(f"There is no folder {root}.", "Check the path.") from None
    except NotADirectoryError:
        raise ImagesError(
            f"{root} is a file, not a folder.", "Give the folder that holds the images."
        ) from None
    except OSError as error:
        problem = f"The folder {root} cannot be read ({_words(error)})."
        raise ImagesError(problem, "Check its permissions.") from None
    walk.run()
    return Found(
        sorted(walk.files, key=lambda file: file.path),
        [Skipped(display_path(path), reason) for path, reason in sorted(walk.skipped)],
        walk.n_other,
    )


class _Walk:
    """One walk over a folder. Real folders come before linked ones, so that paths do not depend on luck."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.files: list[FoundFile] = []
        self.skipped: list[tuple[bytes, str]] = []
        self.n_other = 0
        self._seen: set[tuple[int, int]] = set()
        self._folders: list[bytes] = [b""]
        self._links: list[bytes] = []

    def run(self) -> None:
        while self._folders or self._links:
            if not self._folders:
                self._links.sort(reverse=True)
                self._folders.append(self._links.pop())
            folder = self._folders.pop()
            try:
                self._read_folder(folder)
            except OSError as error:
                self.skipped.append((folder, _folder_reason(error)))

    def _read_folder(self, folder: bytes) -> None:
        full = self.root + b"/" + folder if folder else self.root
        about = os.stat(full)  # noqa: PTH116 - Path knows no bytes
        if (about.st_dev, about.st_ino) in self._seen:
            return
        self._seen.add((about.st_dev, about.st_ino))
        with os.scandir(full) as entries:
            for entry in entries:
                if entry.name.startswith(b"."):
                    continue
                path = folder + b"/" + entry.name if folder else entry.name
                try:
                    self._look_at(entry, path)
                except OSError as error:
                    reason = _link_reason(error) if entry.is_symlink() else file_reason(error)
                    self.skipped.append((path, reason))

    def _look_at(self, entry: os.DirEntry[bytes], path: bytes) -> None:
        name = entry.name.lower()
        if entry.is_file(follow_symlinks=False) and not name.endswith(_IMAGES):
            self.n_other += 1  # before stat, which costs more than all else here
            return
        about = entry.stat()  # follows links; raises for a broken one
        if stat.S_ISDIR(about.st_mode):
            if not name.endswith(_COLLECTION):
                (self._links if entry.is_symlink() else self._folders).append(path)
        elif not name.endswith(_IMAGES):
            self.n_other += 1
        elif stat.S_ISREG(about.st_mode):
            self.files.append(FoundFile(path, about.st_size, about.st_mtime_ns))
        else:
            self.skipped.append((path, "not a regular file"))


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _folder_reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read the folder"
    if isinstance(error, FileNotFoundError):
        return "the folder vanished while it was read"
    return f"the folder cannot be read ({_words(error)})"


def _link_reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads back to itself"
    if isinstance(error, FileNotFoundError):
        return "a broken link: it points to nothing"
    return file_reason(error)


def file_reason(error: OSError) -> str:
    """Say in fixed words why a file could not be read."""
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "the file vanished after it was found"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    return f"the file cannot be read ({_words(error)})"


def display_path(path: bytes) -> str:
    r"""Give a path as text that can be stored, shown and told apart, whatever bytes it holds.

    Bytes that are not UTF-8 become ``\xe9``, control and reordering characters ``\n`` or ``\u202e``, a
    backslash ``\\``; all else stays. Two different paths never look the same.
    """
    text = path.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_shown(character) for character in text)


def visible(text: str) -> str:
    """Spell out the characters of an untrusted text that move a terminal's cursor or change how it is read."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that is not UTF-8
    if character == "\\" or character in _REORDERING or unicodedata.category(character) in {"Cc", "Zl", "Zp"}:
        # above 7f as \u0085: \x85 already means the byte
        return f"\\u{code:04x}" if code > 0x7F else character.encode("unicode_escape").decode("ascii")
    return character
