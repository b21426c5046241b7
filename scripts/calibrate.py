"""Measure how often the verdict and its warnings are wrong: ``calibrate.py A.dxr B.dxr C.dxr -o calibration.json``.

Random sets must not get a yes, planted ones must get it, duplicated and shifted ones must get their warning, and sets
of the gallery's own kinds must get none. The collections are only read; what is planted is planted in memory. Writes
what docs/calibration.md shows; ``--tables`` prints it from the file.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from asking import Gallery, ask
from PIL import Image, ImageFilter, ImageOps
from scipy.stats import binomtest

from dxr_dash import settings
from dxr_dash.api import open_collection
from dxr_dash.collection.outside import embed_outside
from dxr_dash.collection.store import Collection, Space
from dxr_dash.records import Answer, FloatArray, IntArray, Verdict

SIZES = (5, 10, 20, 50, 100, 200)
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
PULLS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
SHIFT_SIZES = (10, 20, 40)
HELD_OUT = 400  # images that are taken out of the gallery to be asked with
SMALLER_GALLERY = 6_000  # images, where a gallery is searched anew for each trial
PLANTED_LABELS = 10

Picture = Image.Image
Line = dict[str, Any]


def saved(picture: Picture, quality: int) -> Picture:
    """Save a picture as JPEG and open it again."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def smaller(picture: Picture, share: float) -> Picture:
    width, height = (max(8, round(side * share)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def cut(picture: Picture, share: float) -> Picture:
    """Cut a share of the width and of the height off, half at each side."""
    width, height = picture.size
    x, y = round(width * share / 2), round(height * share / 2)
    return picture.crop((x, y, width - x, height - y))


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG 90": lambda one: saved(one, 90),
    "JPEG 75": lambda one: saved(one, 75),
    "JPEG 50": lambda one: saved(one, 50),
    "80 % of the size": lambda one: saved(smaller(one, 0.8), 90),
    "half the size": lambda one: saved(smaller(one, 0.5), 90),
    "2 % cut off": lambda one: saved(cut(one, 0.02), 90),
    "5 % cut off": lambda one: saved(cut(one, 0.05), 90),
    "10 % cut off": lambda one: saved(cut(one, 0.1), 90),
}
STYLES: dict[str, Callable[[Picture], Picture]] = {
    "as they are": lambda one: one,
    "grey": lambda one: one.convert("L").convert("RGB"),
    "sepia": lambda one: ImageOps.colorize(one.convert("L"), "#201008", "#fff0d0"),
    "four tones": lambda one: ImageOps.posterize(one, 2),
    "blurred": lambda one: one.filter(ImageFilter.GaussianBlur(one.size[0] / 25)),
    "negative": ImageOps.invert,
    "outlines": lambda one: one.convert("L").filter(ImageFilter.FIND_EDGES).convert("RGB"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collections", type=Path, nargs="*")
    parser.add_argument("--sets", type=int, default=300, help="sets per line of the tables")
    parser.add_argument("--draws", type=int, default=1_000, help="of the bootstrap")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), help="of random and planted sets"
    )
    parser.add_argument("--parts", nargs="+", default=["random", "planted", "copies", "shift"])
    parser.add_argument("-o", "--output", type=Path, default=Path("calibration.json"))
    parser.add_argument("--tables", action="store_true", help="print everything that the file holds, too")
    chosen = parser.parse_args()
    opened = [open_collection(path) for path in chosen.collections]
    parts: dict[str, Callable[..., Iterator[Line]]] = {
        "random": random_sets,
        "planted": planted_sets,
        "copies": copied_images,
        "shift": shifted_sets,
    }
    found: dict[str, list[Line]] = {}
    if chosen.output.exists():
        found = json.loads(chosen.output.read_text())
    for name in chosen.parts if opened else ():
        found[name] = []
        for collection in opened:
            for line in parts[name](collection, opened, chosen):
                found[name].append(line)
                print(line, flush=True)
        chosen.output.write_text(json.dumps(found, indent=1))
    if chosen.tables:
        print(*tables(found), sep="\n")


def gallery_of(collection: Collection) -> Gallery:
    """Take a collection's own vectors and graph."""
    where = collection.space()
    return Gallery.of(
        np.array(where.vectors), np.array(where.neighbours), np.array(where.neighbour_distances)
    )


def random_sets(
    collection: Collection, _: Sequence[Collection], chosen: argparse.Namespace
) -> Iterator[Line]:
    """Ask with random gallery sets: they must not get a yes, by the distances as they are and by local scaling."""
    gallery = gallery_of(collection)
    n_sets, draws = chosen.sets, chosen.draws
    for size in chosen.sizes:
        answers, by_scale = [], Counter[str]()
        for seed in range(n_sets):
            rows = np.sort(np.random.default_rng([seed, size]).choice(len(collection), size, replace=False))
            one, scaled = ask(gallery, gallery.vectors[rows], rows, seed=seed, draws=draws, scaling=True)
            answers.append(one)
            by_scale[str(scaled.verdict if scaled else "")] += 1
        yield {
            **counted(answers),
            "collection": collection.name,
            "images": size,
            "yes_by_scaling": by_scale[str(Verdict.YES)],
            "partly_by_scaling": by_scale[str(Verdict.PARTLY)],
        }


def planted_sets(
    collection: Collection, _: Sequence[Collection], chosen: argparse.Namespace
) -> Iterator[Line]:
    """Ask with sets of known strength: a share of one label's images, or vectors pulled in a common direction."""
    gallery = gallery_of(collection)
    vectors = gallery.vectors
    n_sets, draws = chosen.sets, chosen.draws
    if "label" in collection.columns:
        codes = np.asarray(collection.column("label").codes)
        labels = np.unique(codes[codes >= 0])[:PLANTED_LABELS]
        for size in chosen.sizes:
            for share in SHARES:
                answers = []
                for seed in range(n_sets):
                    rng = np.random.default_rng([seed, size])
                    label = labels[seed % len(labels)]
                    inside = rng.permutation(np.flatnonzero(codes == label))[: round(share * size)]
                    others = rng.permutation(np.flatnonzero(codes != label))[: size - len(inside)]
                    rows = np.sort(np.concatenate([inside, others]))
                    answers.append(ask(gallery, vectors[rows], rows, seed=seed, draws=draws)[0])
                line = {"collection": collection.name, "planted": "one label", "images": size}
                yield {**counted(answers), **line, "strength": share}
    length = float(np.median(np.linalg.norm(vectors[:: max(1, len(vectors) // 1_000)], axis=1)))
    deviation = np.std(vectors[:: max(1, len(vectors) // 1_000)], axis=0)
    for size in chosen.sizes:
        for pull in PULLS:
            answers = []
            for seed in range(n_sets):
                rng = np.random.default_rng([seed, size])
                rows = np.sort(rng.choice(len(vectors), size, replace=False))
                direction = (
                    np.abs(rng.standard_normal(vectors.shape[1])) * deviation
                )  # features are not negative
                direction *= length / np.linalg.norm(direction)
                kept = vectors[rows].copy()
                vectors[rows] += (pull * direction).astype(
                    np.float32
                )  # in the gallery: its graph changes little
                answers.append(ask(gallery, vectors[rows], rows, seed=seed, draws=draws)[0])
                vectors[rows] = kept
            line = {"collection": collection.name, "planted": "a direction", "images": size}
            yield {**counted(answers), **line, "strength": pull}


def copied_images(
    collection: Collection, _: Sequence[Collection], chosen: argparse.Namespace
) -> Iterator[Line]:
    """Ask with copies: the share that is found, one image beside its copy in the gallery, and two in the set."""
    gallery, where = gallery_of(collection), collection.space()
    n_sets, draws = chosen.sets, chosen.draws
    rng = np.random.default_rng(settings.SEED)
    rows = np.sort(rng.choice(len(collection), min(200, len(collection)), replace=False))
    pictures = pictures_of(collection, rows)
    for name, change in COPIES.items():
        copies = embedded([change(one) for one in pictures], where)
        yield _copies_line(collection, gallery, rows, copies, name, n_sets, draws)
    for noise in (1e-3, 1e-2, 3e-2):
        spread = noise * np.linalg.norm(gallery.vectors[rows], axis=1, keepdims=True)
        moved = rng.standard_normal((len(rows), gallery.vectors.shape[1]))
        moved *= spread / np.linalg.norm(moved, axis=1, keepdims=True)
        copies = (gallery.vectors[rows] + moved).astype(np.float32)
        yield _copies_line(
            collection, gallery, rows, copies, f"noise of {noise:g} of the length", n_sets, draws
        )


def _copies_line(
    collection: Collection,
    gallery: Gallery,
    chosen: IntArray,
    copies: FloatArray,
    name: str,
    n_sets: int,
    draws: int,
) -> Line:
    """Ask with sets of 20, of which 4 are copies: of gallery images that are not in the set, and of members."""
    found_in_gallery = np.zeros(len(chosen), np.bool_)
    for start in range(0, len(chosen), 20):
        part = np.arange(start, min(start + 20, len(chosen)))
        one, _ = ask(gallery, copies[part], -1 - part, seed=0, draws=50)
        found_in_gallery[part] = np.isin(chosen[part], one.once.copies if one.once else [])
    warned, warned_inside = 0, 0
    n_sets = min(n_sets, 100)
    for seed in range(n_sets):
        rng = np.random.default_rng(seed)
        twice = rng.choice(len(chosen), 4, replace=False)
        rest = rng.choice(np.setdiff1d(np.arange(len(collection)), chosen), 16, replace=False)
        # four copies of images that stay in the gallery
        items = np.concatenate([np.sort(rest), -1 - np.arange(4)])
        queries = np.concatenate([gallery.vectors[items[:16]], copies[twice]])
        one, _ = ask(gallery, queries, items, seed=seed, draws=draws)
        warned += any("copy in the gallery" in text for text in one.warnings)
        # and four images with their copies in the set
        rows = np.sort(np.concatenate([rest[:12], chosen[twice]]))
        items = np.concatenate([rows, -1 - np.arange(4)])
        queries = np.concatenate([gallery.vectors[rows], copies[twice]])
        one, _ = ask(gallery, queries, items, seed=seed, draws=draws)
        warned_inside += any("nearly the same" in text for text in one.warnings)
    return {
        "collection": collection.name,
        "copies": name,
        "found": float(found_in_gallery.mean()),
        "sets": n_sets,
        "warned_gallery": warned,
        "warned_inside": warned_inside,
    }


def shifted_sets(
    collection: Collection, opened: Sequence[Collection], chosen: argparse.Namespace
) -> Iterator[Line]:
    """Ask with images that the gallery does not hold: its own kind, its own in other styles, other collections'."""
    where = collection.space()
    n_sets, draws = chosen.sets, chosen.draws
    rng = np.random.default_rng(settings.SEED)
    order = rng.permutation(len(collection))[:SMALLER_GALLERY]
    vectors = np.array(where.vectors[order])
    n_out = min(HELD_OUT, len(order) // 5)
    gallery = Gallery.of(vectors[n_out:])
    pictures = pictures_of(collection, order[:n_out])
    pools = {
        f"own, {name}": embedded([change(one) for one in pictures], where) for name, change in STYLES.items()
    }
    for other in opened:
        if other is not collection and other.space().fingerprint and _same_network(other.space(), where):
            some = rng.choice(len(other), min(n_out, len(other)), replace=False)
            pools[f"from {other.name}"] = np.array(other.space().vectors[np.sort(some)])
    for name, pool in pools.items():
        for size in SHIFT_SIZES:
            yield _shift_line(collection, gallery, pool, name, size, n_sets, draws)
    if "label" not in collection.columns:
        return
    codes = np.asarray(collection.column("label").codes)[order]
    labels = [label for label in np.unique(codes[codes >= 0]) if (codes == label).sum() >= 2 * SHIFT_SIZES[1]]
    halves, wholes = [], []
    for label in labels[:PLANTED_LABELS]:
        members = np.flatnonzero(codes == label)
        half = members[: len(members) // 2]
        halves.append((Gallery.of(np.delete(vectors, half, axis=0)), vectors[half]))
        wholes.append((Gallery.of(np.delete(vectors, members, axis=0)), vectors[members]))
    for name, cases in (
        ("one label, others of it in the gallery", halves),
        ("one label, none in the gallery", wholes),
    ):
        for size in SHIFT_SIZES[:2]:
            n_each = max(1, n_sets // len(cases))
            lines = [_shift_line(collection, one, pool, name, size, n_each, draws) for one, pool in cases]
            numbers = {
                key: sum(line[key] for line in lines)
                for key, value in lines[0].items()
                if isinstance(value, int)
            }
            yield {**lines[0], **numbers, "images": size}


def _shift_line(
    collection: Collection,
    gallery: Gallery,
    pool: FloatArray,
    name: str,
    size: int,
    n_sets: int,
    draws: int,
) -> Line:
    answers = []
    for seed in range(n_sets):
        some = np.random.default_rng([seed, size]).choice(len(pool), size, replace=False)
        answers.append(ask(gallery, pool[some], -1 - np.arange(size), seed=seed, draws=draws)[0])
    unlike = sum(one.shift is not None and one.shift.unlike_gallery for one in answers)
    median = float(np.median([one.auroc.value for one in answers]))
    place = float(np.median([one.shift.auroc.value for one in answers if one.shift]))
    line = {"collection": collection.name, "from": name, "images": size, "unlike": unlike}
    return {**counted(answers), **line, "auroc": median, "relative": place}


def counted(answers: Sequence[Answer]) -> Line:
    """Count verdicts and warnings."""
    verdicts = Counter(str(one.verdict) for one in answers)
    told = Counter(
        kind
        for one in answers
        for kind, part in (
            ("pairs", "nearly the same: such"),
            ("copies", "copy in the gallery"),
            ("hubs", "Hubs take"),
        )
        if any(part in text for text in one.warnings)
    )
    return {
        "sets": len(answers),
        **{str(verdict): verdicts[str(verdict)] for verdict in Verdict},
        **{kind: told[kind] for kind in ("pairs", "copies", "hubs")},
    }


def share(n: int, of: int) -> str:
    """Write a share with its exact binomial interval."""
    found = binomtest(n, of).proportion_ci(0.95, method="exact")
    return f"{n / of:.3f} ({found.low:.3f} to {found.high:.3f})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(str(cell) for cell in line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


def tables(found: dict[str, list[Line]]) -> Iterator[str]:
    """Write what was measured as the tables of docs/calibration.md."""
    yield table(
        ("Collection", "Q", "sets", "yes", "partly", "no", "cannot tell", "yes by CSLS", "partly by CSLS"),
        (
            (
                *(
                    one["collection"],
                    one["images"],
                    one["sets"],
                    share(one["yes"], one["sets"]),
                    one["partly"],
                ),
                *(one["no"], one["cannot tell"], share(one["yes_by_scaling"], one["sets"])),
                one["partly_by_scaling"],
            )
            for one in found.get("random", [])
        ),
    )
    power = found.get("planted", [])
    kinds = sorted({(one["collection"], one["planted"]) for one in power})
    for kind in kinds:
        lines = [one for one in power if (one["collection"], one["planted"]) == kind]
        strengths = sorted({one["strength"] for one in lines})
        yield f"{kind[0]}, {kind[1]}: yes / partly\n\n" + table(
            ("Q", *(f"{strength:g}" for strength in strengths)),
            (
                (
                    size,
                    *(
                        f"{one['yes'] / one['sets']:.2f} / {one['partly'] / one['sets']:.2f}"
                        for one in lines
                        if one["images"] == size
                    ),
                )
                for size in sorted({one["images"] for one in lines})
            ),
        )
    yield table(
        ("Collection", "Copies", "found", "4 of 20 copied in the gallery", "4 of 20 twice in the set"),
        (
            (
                *(one["collection"], one["copies"], f"{one['found']:.3f}"),
                *(f"{one[key] / one['sets']:.2f}" for key in ("warned_gallery", "warned_inside")),
            )
            for one in found.get("copies", [])
        ),
    )
    shifted: dict[tuple[str, str], list[Line]] = {}
    for one in found.get("shift", []):
        shifted.setdefault((one["collection"], one["from"]), []).append(one)
    yield table(
        ("Collection", "Images from outside", "Q", "AUROC", "relative", "warning", "yes", "partly"),
        (
            (
                *kind,
                " / ".join(str(one["images"]) for one in lines),
                *(f"{np.median([one[key] for one in lines]):.2f}" for key in ("auroc", "relative")),
                *(
                    " / ".join(f"{one[key] / one['sets']:.2f}" for one in lines)
                    for key in ("unlike", "yes", "partly")
                ),
            )
            for kind, lines in shifted.items()
        ),
    )


def pictures_of(collection: Collection, rows: IntArray) -> list[Picture]:
    root = Path(collection.manifest["images_root"])
    return [Image.open(root / collection.path(int(row))).convert("RGB") for row in rows]


def embedded(pictures: Sequence[Picture], where: Space) -> FloatArray:
    """Push pictures through the collection's own network: (n, D)."""
    files = []
    for i, one in enumerate(pictures):
        file = io.BytesIO()
        one.save(file, "PNG")
        files.append((f"{i}.png", file.getvalue()))
    return embed_outside(files, [where]).vectors[where.fingerprint]


def _same_network(one: Space, other: Space) -> bool:
    return one.recipe == other.recipe


if __name__ == "__main__":
    main()
