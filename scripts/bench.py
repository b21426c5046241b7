"""Measure dxr's speed and size with one command: ``python scripts/bench.py --images CIFAR10 --photos DIR --to DIR``.

Runs the benchmarks of this folder one after the other, each in a process of its own, on collections that it builds:
CIFAR-10 (60,000 images; a folder or a tar archive), photographs, and made-up vectors up to a million. What each prints
goes to NAME.md; its numbers, where it writes them, to NAME.json. What is there already is not measured again: stopped,
the same command goes on. ``--only NAME ...`` runs some; ``--small`` tries everything with few images, in minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE_ONLY = ("border",)  # it prints a table and writes no JSON


def parts(
    work: Path, images: Path | None, photos: Path | None, *, small: bool
) -> dict[str, list[list[str | Path]]]:
    """List the commands of each part; the last one writes its figures."""
    few, many = (1_000, 3_000) if small else (10_000, 1_000_000)
    growth = [few, few * 2, many] if small else [10_000, 30_000, 100_000, 300_000, 1_000_000]
    wide = work / "wide.dxr"
    n_wide = 3_000 if small else 60_000
    repeats = ["--repeats", "1"] if small else []
    made_up = work / f"made-up-{few}.dxr", work / f"made-up-{many}.dxr"
    found: dict[str, list[list[str | Path]]] = {
        "growth": [
            [
                HERE / "bench_scale.py",
                "--keep",
                work,
                "--svg",
                work / "growth.svg",
                "--images",
                *map(str, growth),
            ]
        ],
        "growth-512": [[HERE / "bench_scale.py", "--dims", "512", "--images", str(many)]],
        "border": [[HERE / "bench_graph.py", "--border"]],
        "graph-512": [
            [HERE / "synthetic.py", wide, "--images", str(n_wide), "--dims", "512"],
            [HERE / "bench_graph.py", wide, "--images", str(n_wide), *repeats],
        ],
        "page": [[HERE / "bench_page.py", *made_up, *repeats]],
        "distances": [[HERE / "bench_distances.py", "--images", str(many), *repeats]],
    }
    if images is not None:
        most = ["--images", str(many)] if small else []
        found["increment"] = [[HERE / "bench_increment.py", images, *most]]
    if photos is not None:
        found["extraction"] = [[HERE / "bench_extraction.py", photos, *repeats]]
        found["extraction-large"] = [
            [HERE / "bench_extraction.py", photos, "--large", "2" if small else "32", *repeats]
        ]
    return found


def measure(name: str, commands: list[list[str | Path]], to: Path) -> bool:
    """Run one part, unless its figures are there; say whether it went well."""
    table, figures = to / f"{name}.md", to / f"{name}.json"
    if table.exists():
        print(f"{name}: {table} is there already", flush=True)
        return True
    print(f"{name} ...", flush=True)
    *before, last = commands
    for command in before:
        if subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=False).returncode:
            return False
    part = table.with_suffix(".part")
    with part.open("w") as out:
        json_too: list[str | Path] = [] if name in TABLE_ONLY else ["--json", figures]
        done = subprocess.run([sys.executable, *last, *json_too], stdout=out, check=False)
        out.flush()
        os.fsync(out.fileno())
    if done.returncode:
        return False
    part.rename(table)
    print(table.read_text(), flush=True)
    return True


def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, required=True, help="the folder of figures and collections")
    parser.add_argument("--images", type=Path, help="CIFAR-10 as image files: for increment")
    parser.add_argument("--photos", type=Path, help="a folder of photographs: for extraction")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some parts")
    parser.add_argument(
        "--small", action="store_true", help="few images, one run each: does everything work?"
    )
    chosen = parser.parse_args()
    chosen.to.mkdir(parents=True, exist_ok=True)
    known = parts(chosen.to, chosen.images, chosen.photos, small=chosen.small)
    unknown = sorted(set(chosen.only or ()) - set(known))
    if unknown:
        parser.error(
            f"{unknown[0]} is no part, or lacks its images; these can be measured: {', '.join(known)}"
        )
    failed = [
        name for name in known if name in (chosen.only or known) and not measure(name, known[name], chosen.to)
    ]
    print(f"Failed: {', '.join(failed)}" if failed else f"All figures are in {chosen.to}.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
