"""Our answers beside lm-evaluation-harness's own: takes a work folder of prepare_lm_eval_data.py, gives a table.

    python3 -m venv ../lm-eval-venv && ../lm-eval-venv/bin/pip install -r tools/requirements-lm-eval.txt
    ../lm-eval-venv/bin/python tools/compare_lm_eval.py --work ../lm-eval-work --limit 100 --laser target/release/laser

Both read the same YAML, data and f32 weights. Item by item: prompts byte for byte, log-likelihoods, greediness,
filtered texts and metrics; then the aggregated metrics, and seconds. The harness is timed at each batch size without the
loading of its model; the fastest counts. Ours is timed as a whole process. What the harness gave is kept in
the work folder (`theirs/`), so that a run can be made in pieces: `--tasks`, `--batch-sizes`, `--only theirs`.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

TASKS = ["arc_easy", "arc_easy_3shot", "arc_easy_first2", "piqa", "hellaswag", "lambada", "known_1000", "wikitext"]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--work", type=pathlib.Path, required=True, help="folder made by prepare_lm_eval_data.py")
    args.add_argument("--laser", type=pathlib.Path, help="the laser binary")
    args.add_argument("--tasks", default=",".join(TASKS), help="which YAMLs, with commas (default: all)")
    args.add_argument("--limit", type=int, default=100, help="items a task (default: 100)")
    args.add_argument("--batch-sizes", default="1,4,8,16,32,64", help="the harness's (default: 1,4,8,16,32,64)")
    args.add_argument("--threads", type=int, default=2, help="of both (default: 2)")
    args.add_argument("--only", choices=["theirs", "ours"], help="run one side; `ours` uses what was kept")
    args.add_argument("--again", action="store_true", help="run the harness though its answers were kept")
    args.add_argument("--table", type=pathlib.Path, help="file for the table (default: standard output)")
    args = args.parse_args()
    args.work = args.work.resolve()
    tasks = args.tasks.split(",")
    if args.only != "ours":
        sizes = [int(size) for size in args.batch_sizes.split(",")]
        run_theirs(args.work, tasks, args.limit, sizes, args.threads, args.again)
    if args.only == "theirs":
        return
    if not args.laser:
        raise SystemExit("--laser names the binary, or --only theirs leaves our side out")
    rows = []
    for task in tasks:
        theirs = json.loads(kept(args.work, task, args.limit).read_text())
        ours = run_ours(args.work, args.laser.resolve(), task, args.limit, args.threads)
        rows.append(compared(task, theirs, ours))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    text = table(rows, args)
    if args.table:
        args.table.write_text(text)
    else:
        print(text)
    if not all(row["holds"] for row in rows):
        raise SystemExit(1)


# The harness


def kept(work, task, limit):
    return work / "theirs" / f"{task}-{limit}.json"


def run_theirs(work, tasks, limit, sizes, threads, again):
    """Runs the harness in this process, one task after another, and keeps samples, results and seconds."""
    wanted = {}
    for task in tasks:
        file = kept(work, task, limit)
        done = json.loads(file.read_text()) if file.exists() and not again else {"seconds": {}}
        left = [size for size in sizes if str(size) not in done["seconds"]]
        if left:
            wanted[task] = (done, left)
    if not wanted:
        return
    os.chdir(work)
    # Nothing is fetched: data and model are files of the work folder.
    os.environ |= {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    import torch
    import yaml
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    torch.set_num_threads(threads)
    model = HFLM(pretrained="model", dtype="float32", device="cpu", batch_size=1)
    for task, (done, left) in wanted.items():
        for size in left:
            config = yaml.safe_load((work / f"{task}.yaml").read_text())
            model.batch_size_per_gpu = size
            start = time.perf_counter()
            found = simple_evaluate(model=model, tasks=[config], limit=limit, bootstrap_iters=0)
            seconds = time.perf_counter() - start
            done["seconds"][str(size)] = round(seconds, 3)
            # Batch 1 pads nothing: its numbers are the ones to compare with, where it was run.
            if "samples" not in done or size == 1:
                done |= plain(found, config["task"]) | {"batch": size}
            done |= {"threads": threads, "load": os.getloadavg()[0], "lm_eval": importlib.metadata.version("lm_eval")}
            file = kept(work, task, limit)
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(done) + "\n")
            print(task, "batch", size, f"{seconds:.1f} s", done["results"], flush=True)


def plain(found, name):
    """Samples in one form for both sides, and the aggregated metrics."""
    samples = [
        {
            "doc_id": s["doc_id"],
            "arguments": [list(a) for a in s["arguments"]],
            "resps": [r[0] for r in s["resps"]],
            "filtered": s["filtered_resps"],
            "metrics": {m: number(s[m]) for m in s["metrics"]},
        }
        for s in found["samples"][name]
    ]
    kind = found["configs"][name]["output_type"]
    results = {k: float(v) for k, v in found["results"][name].items() if "," in k and isinstance(v, (int, float)) and "stderr" not in k}
    return {"samples": sorted(samples, key=lambda s: s["doc_id"]), "results": results, "output_type": kind}


def number(value):
    """A metric of one item: a number, or what is summed up and the count it is divided by."""
    return [float(v) for v in value] if isinstance(value, (list, tuple)) else float(value)


# Laser


def run_ours(work, laser, task, limit, threads):
    """Runs the binary, and reads what it wrote."""
    out = work / "ours" / f"{task}-{limit}"
    shutil.rmtree(out, ignore_errors=True)
    command = [laser, "eval", "./model", "--quiet", "--task", f"{task}.yaml", "--limit", str(limit), "--threads", str(threads), "--out", out]
    start = time.perf_counter()
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    files = sorted(out.glob("samples_*.jsonl"))
    if len(files) != 1:
        raise SystemExit(f"{out}: expected one samples_*.jsonl, found {files}")
    samples = [json.loads(line) for line in files[0].read_text().splitlines()]
    results = json.loads((out / "results.json").read_text())["results"]
    if len(results) != 1:
        raise SystemExit(f"{out}/results.json: expected one task, found {list(results)}")
    results = {k: v for k, v in next(iter(results.values())).items() if "," in k and "stderr" not in k}
    return {"samples": sorted(samples, key=lambda s: s["doc_id"]), "results": results, "seconds": seconds}


def arguments(sample):
    """Context and continuation of each request, from a list of pairs or from the harness's own `gen_args_<i>`."""
    given = sample.get("arguments")
    if isinstance(given, dict):
        given = [list(given[f"gen_args_{i}"].values()) for i in range(len(given))]
    return [[a for a in pair if isinstance(a, str)] for pair in given]


def likelihoods(resps):
    """[(log-likelihood, greedy or None)], however deep the lists are and whether numbers are in quotes."""
    found = []
    for resp in resps:
        while isinstance(resp, list) and len(resp) == 1:
            resp = resp[0]
        value, greedy = resp if isinstance(resp, list) else (resp, None)
        found.append((float(value), None if greedy is None else str(greedy).lower() == "true"))
    return found


def text(resps):
    """The one text among them."""
    while isinstance(resps, list):
        resps = resps[0]
    return resps


# Both


def compared(task, theirs, ours):
    """One row: how far apart both are."""
    if [s["doc_id"] for s in theirs["samples"]] != [s["doc_id"] for s in ours["samples"]]:
        raise SystemExit(f"{task}: other items than the harness's")
    distances, greedy, texts, prompts, metrics, count = [], 0, 0, 0, 0, 0
    for a, b in zip(theirs["samples"], ours["samples"]):
        prompts += arguments(a) != arguments(b)
        count += len(a["resps"])
        if theirs["output_type"] == "generate_until":
            texts += (text(a["resps"]), text(a["filtered"])) != (text(b["resps"]), text(b["filtered_resps"]))
        else:
            for x, y in zip(likelihoods(a["resps"]), likelihoods(b["resps"]), strict=True):
                distances.append(abs(x[0] - y[0]))
                greedy += None not in (x[1], y[1]) and x[1] != y[1]
        # Sums of log-likelihoods are compared above; a metric of an item that is right or wrong must be the same.
        metrics += any(v in (0, 1) and b.get(m) != v for m, v in a["metrics"].items() if not isinstance(v, list))
    sizes = theirs["seconds"]
    best = min(sizes, key=lambda size: sizes[size])
    largest = max(distances, default=0.0)
    results = {k: [v, ours["results"].get(k)] for k, v in theirs["results"].items()}
    return {
        "task": task,
        "items": len(ours["samples"]),
        "requests": count,
        "max_distance": largest,
        "mean_distance": statistics.fmean(distances) if distances else 0.0,
        "other_prompts": prompts,
        "other_greedy": greedy,
        "other_texts": texts,
        "other_metrics": metrics,
        "results": results,
        "theirs_s": sizes[best],
        "best_batch": int(best),
        "ours_s": round(ours["seconds"], 3),
        "holds": not (prompts or greedy or texts or metrics) and largest <= 1e-2 and all(same(*v) for v in results.values()),
    }


def same(theirs, ours):
    """Whether two aggregated metrics agree as far as log-likelihoods within 1e-3 of each other let them."""
    return ours is not None and abs(theirs - ours) <= 1e-3 * max(1.0, abs(theirs))


def table(rows, args):
    lines = [
        f"lm_eval {importlib.metadata.version('lm_eval')}, SmolLM2-135M-Instruct in f32, at most {args.limit} items a task, {args.threads} threads.",
        "",
        "| task | items | requests | max, mean abs. difference of log-likelihoods, nats | other prompts, greedy, texts, item metrics | metrics: harness / laser | seconds: harness (batch) / laser | ratio |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for row in rows:
        far = f"{row['max_distance']:.1e}, {row['mean_distance']:.1e}"
        other = ", ".join(str(row[f"other_{what}"]) for what in ("prompts", "greedy", "texts", "metrics"))
        shown = lambda v: "–" if v is None else f"{v:.6g}"  # noqa: E731
        metrics = "; ".join(f"{name} {shown(a)} / {shown(b)}" for name, (a, b) in row["results"].items())
        seconds = f"{row['theirs_s']:.1f} ({row['best_batch']}) / {row['ours_s']:.1f}"
        ratio = f"{row['theirs_s'] / row['ours_s']:.2f}"
        lines.append(f"| {row['task']} | {row['items']} | {row['requests']} | {far} | {other} | {metrics} | {seconds} | {ratio} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
