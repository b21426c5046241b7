"""Make a collection of any size for benchmarks: ``python scripts/synthetic.py NAME.dxr --images 100000 --dims 512``.

Vectors lie in groups of unequal size, as features do; graph, maps, mosaic and baseline are the real ones. Thumbnails
are real JPEG files, of which there are only a few hundred different ones.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from dxr_dash import settings
from dxr_dash.collection.chain import Chain
from dxr_dash.collection.features import Features
from dxr_dash.collection.gallery import Labels, Row, gallery_table, skipped_table
from dxr_dash.collection.images import FoundFile
from dxr_dash.collection.manifest import MANIFEST
from dxr_dash.collection.pack import Pack, write_pack
from dxr_dash.collection.requests import Request
from dxr_dash.collection.spaces import SpaceWork, make_space
from dxr_dash.collection.steps import fingerprint, write_json
from dxr_dash.collection.swatches import make_swatches
from dxr_dash.records import OnProgress, silent

N_PICTURES = 400
N_GROUPS = 60
ROWS_AT_ONCE = 20_000


def vectors(n_images: int, n_dims: int, seed: int, path: Path) -> None:
    """Write (N, D) float32 vectors as an .npy file: groups of unequal size and spread in a few true dimensions."""
    draw = np.random.default_rng(seed)
    inner = min(n_dims, 40)
    centres = draw.normal(size=(N_GROUPS, inner))
    spread = draw.uniform(0.25, 0.7, N_GROUPS)
    share = draw.dirichlet(np.full(N_GROUPS, 1.5))
    up = np.linalg.qr(draw.normal(size=(n_dims, inner)))[0].T
    out = np.lib.format.open_memmap(path, "w+", np.float32, (n_images, n_dims))
    group = draw.choice(N_GROUPS, n_images, p=share)
    for start in range(0, n_images, ROWS_AT_ONCE):
        part = group[start : start + ROWS_AT_ONCE]
        inside = centres[part] + spread[part, None] * draw.normal(size=(len(part), inner))
        noise = 0.05 * draw.normal(size=(len(part), n_dims))
        out[start : start + len(part)] = np.maximum(
            inside @ up + noise, -0.2
        )  # features after a ReLU are not centred
    out.flush()


def pictures(seed: int) -> list[bytes]:
    """Draw a few hundred thumbnails."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(N_PICTURES):
        side = settings.THUMBNAIL_PX
        image = Image.new("RGB", (side, side), tuple(draw.integers(0, 256, 3).tolist()))
        pen = ImageDraw.Draw(image)
        for _ in range(5):
            middle, r = draw.integers(8, side - 8, 2), draw.integers(6, 40)
            box = [float(edge) for edge in (*(middle - r), *(middle + r))]
            pen.ellipse(box, fill=tuple(draw.integers(0, 256, 3).tolist()))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=settings.THUMBNAIL_QUALITY)
        found.append(file.getvalue())
    return found


def values(vectors_file: Path, seed: int) -> dict[str, list[str]]:
    """Give each image a label (10 classes of one size) and a kind (60 images each): parts of the feature space."""
    vectors = np.load(vectors_file, mmap_mode="r")
    n_images = len(vectors)
    first, second = (vectors @ np.random.default_rng(seed).normal(size=(vectors.shape[1], 2))).T
    places = {"label": np.argsort(np.argsort(first)) * 10 // n_images}
    coarse = np.argsort(np.argsort(first)) * 25 // n_images
    kinds = np.empty(n_images, np.int64)
    kinds[np.lexsort((second, coarse))] = np.arange(n_images) // 60
    places["kind"] = kinds
    return {name: [f"{name} {code:04d}" for code in codes] for name, codes in places.items()}


def synthetic(
    folder: Path,
    n_images: int,
    n_dims: int,
    *,
    seed: int = 0,
    labelled: bool = False,
    chain_type: type[Chain] = Chain,
    on_progress: OnProgress = silent,
) -> Chain:
    """Make the collection; return the chain that made it, which knows the seconds of each step.

    Args:
        labelled: add the columns "label" and "kind".
    """
    (folder / "steps").mkdir(parents=True, exist_ok=True)
    chain = chain_type(folder, folder, folder.stem, seed, tsne=False, on_progress=on_progress)
    key = [n_images, n_dims, seed]
    contents = [fingerprint([seed, row]) for row in range(n_images)]
    rows = [
        Row(
            FoundFile(f"group/{row:07d}.jpg".encode(), 1, 1),
            content,
            settings.THUMBNAIL_PX,
            settings.THUMBNAIL_PX,
        )
        for row, content in enumerate(contents)
    ]

    def write_gallery(part: Path) -> None:
        table = gallery_table(rows, Labels(), None)
        named = values(chain.path(vectors_step) / "vectors.npy", seed) if labelled else {}
        for name, texts in named.items():
            table = table.append_column(name, pa.array(texts))
        pq.write_table(table, part / "images.parquet", compression="zstd")
        pq.write_table(skipped_table([], []), part / "skipped.parquet", compression="zstd")

    def write_thumbnails(part: Path) -> None:
        drawn = pictures(seed)
        write_pack(part, "thumbnails", (drawn[row % N_PICTURES] for row in range(n_images)))

    thumbnails = chain.step("thumbnails", [key], write_thumbnails)
    swatches = chain.step(
        "swatches",
        [thumbnails],
        lambda part: np.save(
            part / "swatches.npy", make_swatches(Pack(chain.path(thumbnails), "thumbnails"))
        ),
    )
    vectors_step = chain.step(
        "vectors", [key], lambda part: vectors(n_images, n_dims, seed, part / "vectors.npy")
    )
    facts = {"network": "synthetic", "layer": f"{n_dims}d", "weights": None}
    request = Request("synthetic", f"{n_dims}d", held=facts)
    space = SpaceWork(request, Features(request.source, request.layer, facts, n_dims, None), has_tsne=False)
    manifest = {
        "format": settings.FORMAT,
        "name": folder.stem,
        "images_root": str(folder),
        "n_images": n_images,
        "gallery": chain.step("gallery", [key, *(["labelled"] if labelled else [])], write_gallery),
        "thumbnails": thumbnails,
        "swatches": swatches,
        "spaces": {space.request.space_id: make_space(chain, space, vectors_step)},
        "default_space": space.request.space_id,
    }
    write_json(folder / MANIFEST, {**manifest, "fingerprint": fingerprint(manifest)})
    return chain


def main() -> None:
    """Make one and say how long each step took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--labelled", action="store_true", help='add the columns "label" and "kind"')
    chosen = parser.parse_args()
    start = time.perf_counter()
    chain = synthetic(chosen.collection, chosen.images, chosen.dims, labelled=chosen.labelled)
    for step, seconds in chain.seconds.items():
        print(f"{step:12} {seconds:8.1f} s", flush=True)
    print(f"{'in all':12} {time.perf_counter() - start:8.1f} s")


if __name__ == "__main__":
    main()
