"""What compare_lm_eval.py runs on: takes SmolLM2 and the real data sets, gives a work folder.

    python tools/prepare_lm_eval_data.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --data ../shared/data --work ../lm-eval-work

The folder gets `model` (a Hugging Face folder in f32, its tensors those of the GGUF, dequantised), one JSONL a task
with the fields that `lm_eval_tasks/*.yaml` name, and the YAMLs themselves, which read the files beside them. Nothing of
it belongs in the repository.
"""

import argparse
import json
import pathlib
import shutil

import smollm2
import task_items

# Below what SmolLM2 can read, so that an article of WikiText-2 needs several windows.
CONTEXT = 2048
# Questions of ARC that serve as examples and are not asked.
FEWSHOT = 100


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--gguf", help="the GGUF of SmolLM2; without it the model is not written")
    args.add_argument("--data", type=pathlib.Path, required=True, help="folder of the real data sets")
    args.add_argument("--work", type=pathlib.Path, required=True, help="folder to write to, outside the repository")
    args = args.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    for yaml in sorted((pathlib.Path(__file__).parent / "lm_eval_tasks").glob("*.yaml")):
        shutil.copy(yaml, args.work)
    for name, records in data(args.data).items():
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        (args.work / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        print(name, len(records))
    if args.gguf:
        write_model(args.gguf, args.work / "model")


def data(folder):
    """Plain records: what the harness does in Python functions of its tasks is done here."""

    def choices(name, file, question):
        items = task_items.read(name, "clean", "causal", folder / file).items
        return [{question: i.prompt, "choices": i.choices, "gold": i.gold} for i in items]

    arc = choices("arc-easy", "arc/ARC-Easy/test.json", "question")
    for record in arc:
        record["question"] = record["question"].removeprefix("Question: ").removesuffix("\nAnswer:")
    labels = (folder / "piqa/valid-labels.lst").read_text().split()
    piqa = task_items.read_lines(folder / "piqa/valid.jsonl")
    lambada = [r["text"].rsplit(" ", 1) for r in task_items.read_lines(folder / "lambada/lambada_test.jsonl")]
    articles = task_items.read("wikitext-2", "clean", "causal", folder / "wikitext-2/test.txt").items
    known = task_items.read_json(folder / "known_1000/known_1000.json")
    return {
        "arc_easy_examples": arc[:FEWSHOT],
        "arc_easy": arc[FEWSHOT:],
        "piqa": [record | {"label": int(label)} for record, label in zip(piqa, labels, strict=True)],
        "lambada": [{"context": context, "target": target} for context, target in lambada],
        "hellaswag": choices("hellaswag", "hellaswag/hellaswag_val_1000.jsonl", "query"),
        "wikitext": [{"page": item.answers[0]} for item in articles],
        "known_1000": [{"prompt": r["prompt"], "attribute": r["attribute"]} for r in known],
    }


def write_model(path, folder):
    """A Hugging Face folder of the dequantised weights, whose tokenizer cuts texts as the GGUF says."""
    with smollm2.gguf_folder(path) as (where, name):
        loaded, tokenizer = smollm2.load(where, name)
        smollm2.check_import(loaded, where, name)
    config = loaded.config
    for mark in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(config, mark):
            delattr(config, mark)
    config.max_position_embeddings = CONTEXT
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    model.save_pretrained(folder)
    tokenizer.model_max_length = CONTEXT
    tokenizer.save_pretrained(folder)
    check_tokenizer(tokenizer, folder)


def check_tokenizer(tokenizer, folder):
    """Stops unless the saved tokenizer gives the same ids."""
    from transformers import AutoTokenizer

    again = AutoTokenizer.from_pretrained(folder)
    for text in ["In 1984, 12  34 people;\n\n  7x naïve 東京", "Question: Is it?\nAnswer: no", "  1 2", "<|im_end|>"]:
        if tokenizer(text).input_ids != again(text).input_ids:
            raise SystemExit(f"the saved tokenizer cuts {text!r} otherwise: {again(text).input_ids}")


if __name__ == "__main__":
    main()
