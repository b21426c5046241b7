"""Which images of a finished gallery are still there, and where: what a changed collection is grown from."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dxr_dash.collection.steps import fingerprint
from dxr_dash.records import FloatArray, IntArray

ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Shared:
    """The images that two galleries share.

    Attributes:
        before, now: (n,) int64 rows of the same images in the finished gallery and in the new one; ``now`` ascends.
        n_before, n_now: images in each gallery.
    """

    before: IntArray
    now: IntArray
    n_before: int
    n_now: int

    @property
    def n_new(self) -> int:
        """Count the images that the finished gallery lacks."""
        return self.n_now - len(self.now)

    @property
    def n_removed(self) -> int:
        """Count the images that have gone."""
        return self.n_before - len(self.before)

    @property
    def new(self) -> IntArray:
        """List the rows of the new images, ascending."""
        is_new = np.ones(self.n_now, bool)
        is_new[self.now] = False
        return np.flatnonzero(is_new)

    @property
    def key(self) -> str:
        """Hash it: the same rows, the same key."""
        return fingerprint(self.before.tobytes(), self.now.tobytes(), [self.n_before, self.n_now])

    def where_vectors_stay(self, before: FloatArray, now: FloatArray) -> Shared:
        """Leave out the images whose vectors are no longer the same, bit for bit; all of them if D has changed."""
        same = np.zeros(len(self.now), bool)
        if before.shape[1] == now.shape[1]:
            for at in range(0, len(same), ROWS_AT_ONCE):
                part = slice(at, at + ROWS_AT_ONCE)
                same[part] = (before[self.before[part]] == now[self.now[part]]).all(axis=1)
        return Shared(self.before[same], self.now[same], self.n_before, self.n_now)


def shared_images(
    rows_before: Mapping[bytes, int],
    before: npt.NDArray[np.bytes_],
    paths: Sequence[bytes],
    now: npt.NDArray[np.bytes_],
) -> Shared:
    """Find images again: by path and content, then, where they were renamed, by content.

    Args:
        rows_before: the row of each path in the finished gallery.
        before, now: hashes of the images' bytes, in row order.
        paths: of the new gallery, in row order.
    """
    was = np.array([rows_before.get(path, -1) for path in paths], np.int64).reshape(len(paths))
    there = np.flatnonzero(was >= 0)
    was[there[before[was[there]] != now[there]]] = -1
    taken = np.zeros(len(before), bool)
    taken[was[was >= 0]] = True
    others: dict[bytes, deque[int]] = defaultdict(deque)
    for row in np.flatnonzero(~taken).tolist():
        others[before[row]].append(row)
    for row in np.flatnonzero(was < 0).tolist() if others else []:
        if others.get(now[row]):
            was[row] = others[now[row]].popleft()
    found = np.flatnonzero(was >= 0)
    return Shared(was[found], found, len(before), len(paths))
