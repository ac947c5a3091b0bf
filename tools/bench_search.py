"""A whole exhaustive search of ours against the reference procedure: takes items, gives seconds and agreement as JSON.

    python tools/bench_search.py --laser target/release/laser --gguf SmolLM2-135M-Instruct.Q4_1.gguf \
        --items items.jsonl --out bench-results/search.json

Ours: `laser search` over every matrix and ρ of the default space in the layers given, on the first 20 % of the items
(the paper's protocol), ten greedy tokens an item; the seconds are those from the start of the process to the end of
the search stage, loading included. The reference: `reference_search.py` on a slice of the same items and
configurations, timed with its randomised decomposition, and once more with exact truncations to compare the outcome of
every item with ours.
"""

import argparse
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RHOS = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"]
TOOLS = Path(__file__).parent


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--laser", required=True)
    args.add_argument("--gguf", required=True)
    args.add_argument("--items", required=True, help='JSONL of {"id", "prompt", "answer"}')
    args.add_argument("--layers", default="0,6,12,18,24,29")
    args.add_argument("--timed-configs", default="L6.gate_proj@0.1,L24.down_proj@0.8")
    args.add_argument("--timed-items", type=int, default=12)
    args.add_argument("--compared-configs", default="L0.gate_proj@0.9,L12.down_proj@0.2,L18.gate_proj@0.05,L29.gate_proj@0.01")
    args.add_argument("--compared-items", type=int, default=25)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--out", required=True)
    args = args.parse_args()
    items = [json.loads(line) for line in open(args.items, encoding="utf-8") if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        ours, outcomes = search(args, items, Path(folder))
        timed = reference(args, Path(folder), args.timed_configs, args.timed_items, "randomized")
        compared = reference(args, Path(folder), args.compared_configs, args.compared_items, "exact")
    seconds = sum(row["seconds"] for row in timed) / len(timed)
    same = [outcomes[row["config"]][0][row["position"]] == row["correct_continuation"] for row in compared]
    gaps = [abs(outcomes[row["config"]][1][row["position"]] - row["logprob_sum"]) for row in compared]
    result = {
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "load_before": LOAD},
        "date": time.strftime("%Y-%m-%d"),
        "threads": args.threads,
        "ours": ours,
        "reference": {"seconds_per_item_config": seconds, "item_configs": len(timed)},
        "speedup": seconds / ours["seconds_per_item_config"],
        "outcomes": {"compared": len(same), "identical": sum(same), "largest_logprob_gap": max(gaps)},
    }
    Path(args.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def search(args, items, folder):
    """Runs ours; gives its timing, and per configuration the outcomes and log-probabilities by item."""
    task = folder / "task.jsonl"
    rows = ({"question": i["prompt"], "answer": i["answer"], "id": str(n)} for n, i in enumerate(items))
    task.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = folder / "run"
    command = [args.laser, "search", args.gguf, "--task", str(task), "--score", "generate", "--protocol", "paper"]
    command += ["--layers", args.layers, "--rho", ",".join(RHOS), "--threads", str(args.threads), "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, told = process.communicate()
    if process.returncode != 0:
        sys.exit(f"laser search failed: {told}")
    seconds = float(re.search(r"searched in ([\d.]+) s", told)[1])
    store = sqlite3.connect(run / "trials.sqlite")
    order = json.loads(store.execute("SELECT value FROM manifest WHERE key = 'order of search'").fetchone()[0])
    outcomes, n = {}, len(order)
    sql = "SELECT edit, start, correct, logprobs FROM trials WHERE split = 'search' AND layer IS NOT NULL"
    for edit, start, correct, logprobs in store.execute(sql):
        rows = outcomes.setdefault(edit, ([None] * n, [None] * n))
        for place, right, logprob in zip(range(start, n), correct, memoryview(logprobs).cast("d").tolist()):
            rows[0][order[place]], rows[1][order[place]] = bool(right), logprob
    timing = {
        "seconds": seconds,
        "items": n,
        "configs": len(outcomes),
        "seconds_per_item_config": seconds / n / len(outcomes),
    }
    return timing, outcomes


def reference(args, folder, configs, limit, svd):
    """Runs the reference procedure on a slice; gives its rows, with each item's place in the task."""
    out = folder / f"{svd}.jsonl"
    command = [sys.executable, str(TOOLS / "reference_search.py"), "--gguf", args.gguf, "--items", args.items]
    command += ["--limit", str(limit), "--configs", configs, "--svd", svd]
    subprocess.run([*command, "--threads", str(args.threads), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    ids = [json.loads(line)["id"] for line in open(args.items, encoding="utf-8") if line.strip()]
    place = {identity: n for n, identity in enumerate(ids)}
    return [{**row, "position": place[row["id"]]} for row in rows]


def cpu():
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


LOAD = os.getloadavg()[0]

if __name__ == "__main__":
    main()
