"""Training speed of the lab against PyTorch on the same machine, in turns.

    python tools/bench_training.py --bench target/release/deps/BENCH --threads 1,2

GPT-2 blocks, 64 x 32 tokens at width 128 and 32 x 32 tokens at width 256, four layers each, AdamW included. The lab's
side is `cargo bench -p laser-rank-lab --bench training` (BENCH is its binary), which prints seconds a step.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

SHAPES = [(128, 64, 32, 512), (256, 32, 32, 1024)]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--bench", required=True)
    args.add_argument("--threads", default="1,2")
    args.add_argument("--rounds", type=int, default=5)
    args = args.parse_args()
    print("| width | sequences x tokens | threads | PyTorch, tokens/s | lab, tokens/s | lab / PyTorch |")
    print("|---:|---|---:|---:|---:|---:|")
    for threads in map(int, args.threads.split(",")):
        torch.set_num_threads(threads)
        for d, batch, length, vocab in SHAPES:
            step = torch_step(d, batch, length, vocab)
            step()
            ours, theirs = [], []
            for _ in range(args.rounds):
                theirs.append(seconds(step))
                command = [args.bench, "--bench", str(d), str(batch), str(length), str(vocab), str(threads)]
                ours.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["seconds"])
            tokens = batch * length
            a, b = tokens / statistics.median(theirs), tokens / statistics.median(ours)
            print(f"| {d} | {batch} x {length} | {threads} | {a:.0f} | {b:.0f} | {b / a:.2f} |", flush=True)


def torch_step(d, batch, length, vocab):
    config = GPT2Config(
        n_embd=d, n_layer=4, n_head=4, n_positions=length, vocab_size=vocab, activation_function="relu",
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, use_cache=False,
    )
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(0, vocab, (batch, length + 1))

    def step():
        logits = model(tokens[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, vocab), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def seconds(step, steps=5):
    started = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - started) / steps


if __name__ == "__main__":
    main()
