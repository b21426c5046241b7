"""Measure asking with images from outside: ``python scripts/bench_uploads.py NAME.dxr [--repeats 50] [--json FILE]``.

The real server; the collection must still have its images and its network, cosine as its metric. Files of gallery
images, made a little darker, are sent one after the other: "upload" is from the request until the set is kept with its
vector, "neighbours" the first page of its ranking. Then fifty people do it at once, each with an image of their own.
The first hundred neighbours of every answer are compared with float64 brute force. The collection is left as it is.
"""

from __future__ import annotations

import argparse
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from bench_page import cpu_ms, is_right, linked, quantile
from drill_load import server
from people import Notes, Person
from PIL import Image, ImageEnhance

from dxr_dash import api
from dxr_dash.collection.store import Collection

PEOPLE = 50


class Visitor(Person):
    """Somebody who sends an image and looks at what is near it."""

    def content_of(self, row: int) -> bytes:
        """Make a file that is in no collection."""
        out = io.BytesIO()
        with Image.open(self.collection.images_root / self.collection.path(row)) as image:
            ImageEnhance.Brightness(image.convert("RGB")).enhance(0.9).save(out, "JPEG", quality=90)
        return out.getvalue()

    def ask_with(self, row: int) -> tuple[str, bytes]:
        """Send an image; return the set's id and the first page of its ranking."""
        one = self.upload(row, f"upload {self.number} {row}")
        path = f"ranking/{self.version}/{quote(self.space.id)}/{self.space.metric}/o.{one}.0/0.bin"
        return one, self.ask("neighbours", path)


def check(collection: Collection, answers: list[tuple[str, bytes]]) -> int:
    """Count the answers that are those of brute force."""
    where = collection.space()
    return sum(
        is_right(data, api.query_vectors(collection.query_sets[one], where)[0], where.vectors)
        for one, data in answers
    )


def measure(folder: Path, repeats: int) -> dict[str, Any]:
    """Do it with one collection."""
    with linked(folder) as there:
        collection = api.open_collection(there)
        rows = np.random.default_rng(5).choice(len(collection), repeats + PEOPLE, replace=False).tolist()
        with server(there, there.parent / "server.txt") as (process, port):
            alone, together = Notes(), Notes()
            visitor = Visitor(0, port, alone, collection)
            visitor.open()
            visitor.ask_with(rows[0])  # the network is read
            alone.seconds.clear()
            cpu = cpu_ms(process.pid)
            answers = [visitor.ask_with(row) for row in rows[1:repeats]]
            cpu = (cpu_ms(process.pid) - cpu) / len(answers)
            people = [Visitor(1 + number, port, together, collection) for number in range(PEOPLE)]
            with ThreadPoolExecutor(PEOPLE) as threads:
                at_once = list(threads.map(Visitor.ask_with, people, rows[repeats:]))
        return {
            "images": len(collection),
            "dimensions": int(collection.space().vectors.shape[1]),
            "one after the other": {"asked": len(answers), "right": check(collection, answers)}
            | {f"{kind}, ms, p{p}": round(1000 * quantile(alone.seconds[kind], p / 100), 1)
               for kind in ("upload", "neighbours") for p in (50, 95)}
            | {"server CPU, ms": round(cpu, 1)},
            f"{PEOPLE} at once": {"asked": len(at_once), "right": check(collection, at_once)}
            | {f"{kind}, ms, p{p}": round(1000 * quantile(together.seconds[kind], p / 100), 1)
               for kind in ("upload", "neighbours") for p in (50, 95)},
        }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collections", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = [measure(one, chosen.repeats) for one in chosen.collections]
    print(json.dumps(found, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
