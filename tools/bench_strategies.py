"""All strategies on one task, against exhaustive search and the reference procedure: one table, by one command.

    python tools/bench_strategies.py --laser target/release/laser --gguf SmolLM2-135M-Instruct.Q4_1.gguf \
        --known known_1000.json --counterfact counterfact-*.json --out bench-results/strategies-DATE

Half of the items come from known_1000, half from CounterFact; ten greedy tokens an item. Every strategy searches the
same space, all layers × the three matrices of the MLP × 8 ρ, with the same splits. Each is a `laser search` of its own;
its seconds are those from the start of the process to the end of the search stage, loading included, decompositions
taken from a cache that one run fills before. The reference is `reference_search.py` on a slice, scaled to all edits and
items. Races under further seeds are replayed from the exhaustive outcomes (`benches/race_seeds.rs`).
Writes OUT.json and OUT.md.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from make_items import item

RHOS = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"]
STRATEGIES = ["exhaustive", "race", "gradient", "gradient+race", "gradient+race+greedy", "spectral"]
CRITERIA = ["gradient", "marchenko-pastur", "effective-rank", "energy", "snr"]
TOOLS = Path(__file__).parent


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--laser", required=True)
    args.add_argument("--gguf", required=True)
    args.add_argument("--known", required=True)
    args.add_argument("--counterfact", nargs="+", required=True)
    args.add_argument("--items", type=int, default=400)
    args.add_argument("--seeds", type=int, default=20)
    args.add_argument("--error-rate", default="0.2")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--strategies", default=",".join(STRATEGIES))
    args.add_argument("--work", help="folder for the runs, kept; finished ones are taken from there (default: a new one)")
    args.add_argument("--out", required=True)
    args = args.parse_args()
    work = Path(args.work or tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    task = write_task(args, work)
    result = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "threads": args.threads, "items": args.items}
    result["decompositions_seconds"] = warm(args, work)
    result["reference"] = reference(args, work, task)
    result["runs"] = {name: run(args, work, task, name) for name in args.strategies.split(",")}
    result["correlations"] = correlations(work)
    result["seeds"] = {name: seeds(args, work, task, name) for name in ["race"]}
    out = Path(args.out)
    out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(result), encoding="utf-8")
    print(out.with_suffix(".md").read_text(encoding="utf-8"))


def write_task(args, work):
    """The items as Laser's own JSONL, grouped by subject."""
    half = args.items // 2
    rows, task = [], work / "facts.jsonl"
    for files in [[args.known], args.counterfact]:
        records = [r for file in files for r in json.load(open(file, encoding="utf-8"))]
        step = max(1, len(records) // half)
        for record in records[::step][:half]:
            name, prompt, answer = item(record)
            rows.append({"id": name, "question": prompt.strip(), "answer": answer.strip(), "group": record["subject"]})
    task.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return task


def warm(args, work):
    """Fills the cache of decompositions; its seconds."""
    cache, done = work / "cache", work / "warm.json"
    if not done.exists():
        started = time.perf_counter()
        command = [args.laser, "spectrum", args.gguf, "--matrices", "fc_in,fc_up,fc_out", "--threads", str(args.threads)]
        subprocess.run([*command, "--cache-dir", str(cache), "-q"], check=True, stdout=subprocess.DEVNULL)
        done.write_text(json.dumps(time.perf_counter() - started))
    return json.loads(done.read_text())


def run(args, work, task, strategy):
    """One search; its figures."""
    folder, done = work / strategy, work / f"{strategy}.json"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [args.laser, "search", args.gguf, "--task", str(task), "--score", "generate", "--strategy", strategy]
        command += ["--matrices", "fc_in,fc_up,fc_out", "--rho", ",".join(RHOS), "--threads", str(args.threads)]
        command += ["--cache-dir", str(work / "cache"), "--out", str(folder)]
        if any(stage in strategy for stage in ["race", "greedy", "beam"]):
            command += ["--error-rate", args.error_rate]
        load, started = os.getloadavg()[0], time.perf_counter()
        process = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        told = re.search(r"searched in ([\d.]+) s: (\d+) items asked, (\d+) row-layers, (\d+) rows", process.stderr)
        figures = {"seconds": float(told[1]), "items_asked": int(told[2]), "row_layers": int(told[3])}
        figures |= {"head_rows": int(told[4]), "whole_seconds": time.perf_counter() - started, "load_before": load}
        done.write_text(json.dumps(figures))
    figures = json.loads(done.read_text())
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    best, base = results["best"], results["base"]
    figures |= {"edit": best["edit"], "trials": results["search"]["trials"], "test": results["test"]}
    for split in ["search", "validation", "test"]:
        figures[split + "_acc"] = [base[split]["acc"], best[split]["acc"]]
        figures[split + "_n"] = base[split]["n"]
        figures[split + "_stderr"] = best[split]["acc_stderr"]
    figures["verdict_notes"] = results["notes"]
    figures["first_by_search"] = first_by_search(folder, base["search"]["n"])
    return figures


def trials(folder):
    """(right, log-loss) of every edit tried on the search split, with the number of items seen."""
    store = sqlite3.connect(folder / "trials.sqlite")
    sql = "SELECT edit, sum(right), sum(loss), sum(n) FROM trials WHERE split = 'search' AND edit <> '' GROUP BY edit"
    return {edit: (right, loss / n, n) for edit, right, loss, n in store.execute(sql)}


def first_by_search(folder, n):
    """The edit that is best on the search split, before validation chooses."""
    whole = {edit: (right, -loss) for edit, (right, loss, seen) in trials(folder).items() if seen == n}
    edit = max(whole, key=whole.get)
    return {"edit": edit, "acc": whole[edit][0] / n}


def reference(args, work, task):
    """Seconds an item and edit of the reference procedure on a slice."""
    done = work / "reference.json"
    if not done.exists():
        items = work / "reference-items.jsonl"
        rows = [json.loads(line) for line in open(task, encoding="utf-8")]
        rows = rows[:: max(1, len(rows) // 12)][:12]
        lines = ({"id": r["id"], "prompt": r["question"], "answer": r["answer"]} for r in rows)
        items.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in lines), encoding="utf-8")
        command = [sys.executable, str(TOOLS / "reference_search.py"), "--gguf", args.gguf, "--items", str(items)]
        command += ["--configs", "L6.gate_proj@0.1,L24.down_proj@0.8", "--threads", str(args.threads)]
        out = subprocess.run([*command, "--out", str(work / "reference.jsonl")], check=True, stdout=subprocess.PIPE, text=True)
        done.write_text(out.stdout)
    cost = json.loads(done.read_text())["cost"]
    return {"seconds_per_item_and_edit": cost["seconds_per_item_and_config"], "svd_seconds": cost["svd_seconds_per_config"]}


def correlations(work):
    """Spearman's ρ of what each cheap criterion expected with what was measured on all edits, and for each ρ alone."""
    if not (work / "exhaustive").exists():
        return {}
    measured = trials(work / "exhaustive")
    found = {}
    for run_name, names in [("gradient", ["gradient"]), ("spectral", CRITERIA[1:])]:
        if not (work / run_name).exists():
            continue
        store = sqlite3.connect(work / run_name / "trials.sqlite")
        for name in names:
            expected = dict(store.execute("SELECT edit, value FROM screens WHERE criterion = ?", [name]))
            edits = sorted(set(expected) & set(measured))
            row = {}
            for label, part in [("all", edits)] + [(r, [e for e in edits if e.endswith("@" + r)]) for r in RHOS]:
                x = [expected[e] for e in part]
                row[label] = [spearman(x, [measured[e][0] for e in part]), spearman(x, [-measured[e][1] for e in part])]
            found[name] = row
    return found


def spearman(x, y):
    """Rank correlation; equal values share their average rank. None where one side does not vary."""
    a, b = ranks(x), ranks(y)
    middle = (len(a) + 1) / 2
    product = lambda p, q: sum((i - middle) * (j - middle) for i, j in zip(p, q))  # noqa: E731
    spread = (product(a, a) * product(b, b)) ** 0.5
    return product(a, b) / spread if spread else None


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    out, at = [0.0] * len(values), 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for i in order[at:end]:
            out[i] = (at + end + 1) / 2
        at = end
    return out


def seeds(args, work, task, strategy):
    """Races in further orders, from the exhaustive outcomes."""
    if not (work / "exhaustive").exists():
        return []
    command = ["cargo", "bench", "-q", "-p", "laser-rank", "--bench", "race_seeds", "--", args.gguf, str(task)]
    command += [str(work / "exhaustive"), strategy, str(args.seeds), args.error_rate]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=TOOLS.parent)
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def table(result):
    runs, ref = result["runs"], result["reference"]
    any_run = next(iter(runs.values()))
    arms, n = 30 * 3 * len(RHOS), any_run["search_n"]
    whole = arms * (n * ref["seconds_per_item_and_edit"] + ref["svd_seconds"])
    base = runs.get("exhaustive")
    lines = [
        f"# Strategies on SmolLM2-135M-Instruct, {result['items']} items of known_1000 and CounterFact, {arms} edits",
        "",
        f"{result['date']}, {result['machine']['cpu']}, {result['machine']['cores']} cores, {result['threads']} threads. "
        f"Splits: {n} search, {any_run['validation_n']} validation, {any_run['test_n']} test items; ten greedy tokens an "
        f"item. Seconds from the start of the process to the end of the search stage, loading included; the "
        f"decompositions of the 90 matrices, once for all, took {result['decompositions_seconds']:.0f} s.",
        "",
        "| strategy | seconds | × reference | × exhaustive | forward tokens | items asked | best on search | winner | validation | test |",
        "|---|---:|---:|---:|---:|---:|---|---|---:|---:|",
        f"| reference procedure (slice, scaled) | {whole:.0f} | 1 | | | {arms * n} | | | | |",
    ]
    for name, r in runs.items():
        percent = lambda pair: f"{100 * pair[0]:.1f} → {100 * pair[1]:.1f} %"  # noqa: E731
        over = f"{base['seconds'] / r['seconds']:.1f}" if base else ""
        lines.append(
            f"| {name} | {r['seconds']:.0f} | {whole / r['seconds']:.0f} | {over} | {r['row_layers'] / 30:.0f} | "
            f"{r['items_asked']} | {r['first_by_search']['edit']} ({100 * r['first_by_search']['acc']:.1f} %) | "
            f"{r['edit']} | {percent(r['validation_acc'])} | {percent(r['test_acc'])} |"
        )
    if result["correlations"]:
        head = ["all", *RHOS]
        lines += ["", "Rank correlation (Spearman) of each cheap criterion with the measured change of accuracy / of the "
                  "mean log-probability of the answer on the search split:", "",
                  "| criterion | " + " | ".join(head) + " |", "|---|" + "---:|" * len(head)]
        number = lambda v: "–" if v is None else f"{v:+.2f}"  # noqa: E731
        for name, row in result["correlations"].items():
            lines.append(f"| {name} | " + " | ".join(" / ".join(number(v) for v in row[h]) for h in head) + " |")
    for name, found in result["seeds"].items():
        if found:
            tied = sum(f["winner"] == f["best"] or f["mcnemar_p"] >= 0.05 for f in found)
            same = sum(f["winner"] == f["best"] for f in found)
            asked = sorted(f["exhaustive_items"] / f["items_asked"] for f in found)
            behind = [f["best_right"] - f["right"] for f in found]
            lines += ["", f"{name} under {len(found)} orders of the items, replayed: the same winner {same} times, the same or "
                      f"one statistically tied with it (McNemar p ≥ .05) {tied} times; at most {max(behind)} right items "
                      f"behind; {asked[len(asked) // 2]:.1f} times fewer items asked (median; {asked[0]:.1f} to {asked[-1]:.1f})."]
    return "\n".join(lines) + "\n"


def machine():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}


if __name__ == "__main__":
    main()
