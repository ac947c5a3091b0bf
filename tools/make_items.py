"""Items: takes fact files (CounterFact, known_1000), gives one {"id", "prompt", "answer"} a line.

    python tools/make_items.py counterfact-val.json known_1000.json --limit 200 --seed 1 --out items.jsonl

Standard library only. Prompt and answer are stripped; a prompt seen before is left out, because two
items with the same prompt are the same question.
"""

import argparse
import json
import random
import sys


def item(record):
    """One item of a record, by the keys that tell the layouts apart."""
    if "requested_rewrite" in record:  # CounterFact as first published
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        return f"counterfact-{record['case_id']}", prompt, rewrite["target_true"]["str"]
    if "ground_truth" in record:  # CounterFact flattened
        return f"counterfact-{record['case_id']}", record["prompt"], record["ground_truth"]
    if "known_id" in record:
        return f"known-{record['known_id']}", record["prompt"], record["attribute"]
    raise SystemExit(f"record of unknown layout, keys {sorted(record)}")


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("files", nargs="+")
    args.add_argument("--out", help="default: standard output")
    args.add_argument("--limit", type=int, help="keep this many")
    args.add_argument("--seed", type=int, help="shuffle before --limit (default: file order)")
    args = args.parse_args()
    items = {}
    for file in args.files:
        with open(file, encoding="utf-8") as source:
            for record in json.load(source):
                name, prompt, answer = item(record)
                items.setdefault(prompt.strip(), {"id": name, "prompt": prompt.strip(), "answer": answer.strip()})
    items = [i for i in items.values() if i["prompt"] and i["answer"]]
    if args.seed is not None:
        random.Random(args.seed).shuffle(items)
    lines = "".join(json.dumps(i, ensure_ascii=False) + "\n" for i in items[: args.limit])
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            out.write(lines)
    else:
        sys.stdout.write(lines)


if __name__ == "__main__":
    main()
