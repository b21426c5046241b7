"""Benchmarks of a few made-up pictures, laid out as the published ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.builders import picture

OXFORD = [f"all_souls_{number:06d}" for number in range(6)] + [
    f"radcliffe_{number:06d}" for number in range(8)
]
BOX = (3.0, 2.0, 60.4, 50.5)
REVISITED: dict[str, Any] = {
    "imlist": OXFORD[1:7] + OXFORD[8:],
    "qimlist": [OXFORD[0], OXFORD[7]],
    "gnd": [
        {"bbx": list(BOX), "easy": [0, 1], "hard": [2], "junk": [3, 4]},
        {"bbx": [0, 0, 30, 40], "easy": [], "hard": [6, 7], "junk": [8]},
    ],
}


def write_picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path, quality=90)


def write_holidays(data: Path) -> Path:
    """Write three groups; in each the relevant images are copies of the query."""
    for group, size in ((1000, 2), (1001, 4), (1300, 3)):
        for number in range(size):
            write_picture(data / "jpg" / f"{group}{number:02d}.jpg", group)
    return data


def write_ukbench(data: Path) -> Path:
    """Write three groups of four; in each two pairs of copies."""
    for number in range(12):
        write_picture(data / "full" / f"ukbench{number:05d}.jpg", number // 2)
    return data


def write_oxford(data: Path) -> Path:
    """Write images and the ground truth of two queries, in the form of Oxford and in that of its revision."""
    for seed, name in enumerate(OXFORD):
        write_picture(data / "jpg" / f"{name}.jpg", seed)
    truth = {
        "all_souls_1": ((0, BOX), [0, 1], [2], [3, 9]),
        "radcliffe_1": ((6, (0.0, 0.0, 72.0, 56.0)), [6, 7, 8], [], []),
    }
    folder = data / "gt_files_170407"
    folder.mkdir(parents=True)
    for name, ((image, box), *lists) in truth.items():
        line = f"oxc1_{OXFORD[image]} {' '.join(map(str, box))}\n"
        (folder / f"{name}_query.txt").write_text(line)
        for kind, places in zip(("good", "ok", "junk"), lists, strict=True):
            (folder / f"{name}_{kind}.txt").write_text("".join(f"{OXFORD[place]}\n" for place in places))
    write_truth(data, REVISITED)
    return data


def write_truth(data: Path, truth: Any) -> None:
    (data / "gnd_roxford5k.json").write_text(json.dumps(truth))
