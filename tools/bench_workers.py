#!/usr/bin/env python3
"""Times one search by one process, and by one, two and more workers of one thread each, and compares their results.

    tools/bench_workers.py --laser target/release/laser --workers 1,2 --out bench-results/workers.md -- MODEL --task world-facts

What follows `--` are the arguments of `laser search`. Every run has a cache of decompositions of its own, unless --cache names one that
all use, so that the runs do the same work. For each run: wall time, processor time of all its processes, and what every worker did
and waited. The results must be the same bytes, date, command, time and machine aside. A model of the time on more workers
follows from the runs with one and two: T(w) = serial + shared / w. Standard library only.
"""

import argparse
import json
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

FILES = ["results.json", "samples.jsonl", "samples.base.jsonl", "trials.csv", "recipe.yaml"]
DID = re.compile(r"did (\d+) parts, and waited ([\d.]+) s")


def settled(path):
    """The bytes of a file without what differs between two runs of one search."""
    if path.name != "results.json":
        return path.read_bytes()
    results = json.loads(path.read_text())
    for key in ["host", "date"]:
        results["manifest"].pop(key, None)
    return json.dumps(results)


def run(laser, search, cache, out, workers):
    command = [laser, "search", *search, "--out", str(out), "--quiet", "--no-menu", "--cache-dir", str(cache)]
    command += ["--threads", str(max(workers, 1))]
    command += ["--workers", f"local:{workers}"] if workers else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = sum(getattr(after, key) - getattr(before, key) for key in ["ru_utime", "ru_stime"])
    logs = sorted((out / "workers").glob("*.log")) if workers else []
    did = [DID.search(log.read_text()) for log in logs]
    return {
        "workers": workers,
        "wall": wall,
        "processor": processor,
        "did": [f"{found[1]} parts, {found[2]} s" for found in did if found],
        "bytes": [settled(out / name) for name in FILES],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laser", default="laser")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--cache", type=Path, help="a cache that all runs use (default: a new one for each)")
    parser.add_argument("--out", type=Path)
    parser.add_argument("search", nargs="+")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for workers in [0, *map(int, arguments.workers.split(","))]:
            cache = arguments.cache or Path(folder) / f"cache-{workers}"
            rows.append(run(arguments.laser, arguments.search, cache, Path(folder) / f"run-{workers}", workers))
    lines = ["| processes | wall, s | speed-up | processor time, s | did, and waited for others |", "|---|---|---|---|---|"]
    for row in rows:
        name = "one, without workers" if row["workers"] == 0 else f"{row['workers']} workers"
        speed = rows[0]["wall"] / row["wall"]
        lines.append(f"| {name} | {row['wall']:.1f} | {speed:.2f} | {row['processor']:.1f} | {'; '.join(row['did']) or '–'} |")
    same = all(row["bytes"] == rows[0]["bytes"] for row in rows)
    lines += ["", "All results are the same bytes." if same else "THE RESULTS DIFFER."]
    by_workers = {row["workers"]: row["wall"] for row in rows}
    if {1, 2} <= by_workers.keys():
        shared = 2 * (by_workers[1] - by_workers[2])
        serial = by_workers[1] - shared
        times = ", ".join(f"{w}: {serial + shared / w:.0f} s" for w in [4, 8, 16, 64])
        lines += ["", f"T(w) = {serial:.1f} s + {shared:.1f} s / w, and so {times}."]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


main()
