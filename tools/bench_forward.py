"""Times forward passes of Laser, PyTorch with transformers, and llama.cpp on the same machine, in turns.

    cargo bench -p laser-rank --bench forward --no-run        # prints the path of the program
    python tools/bench_forward.py --program PROGRAM --model FOLDER [--gguf FILE] --threads 2 [--rounds 5] [--out FILE.json]

FOLDER is a Hugging Face folder; transformers runs it in f32, Laser in the type of its files with f32 arithmetic. FILE is a GGUF
file of a model, which Laser and llama.cpp run. In each round every program runs every shape once, one program after the other;
the ratio of a shape is the median over rounds of the ratios within a round. Shapes: sequences x tokens with the logits of the
last or of all tokens, and greedy steps after a prompt of one token at several batch sizes. `torch.mm` of 2048 x 2048 matrices in
f32 says what the machine can do; a pass counts two operations for each weight and token.

Run it on a quiet machine: the threads of an operation wait for each other actively, so one other busy process can make two
threads several times slower than one. The load is recorded to show such runs up. Environment: see README.md in this folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import torch
import transformers

SHAPES = [
    (32, 32, "last"), (32, 32, "all"), (8, 256, "last"), (1, 16, "last"), (1, 512, "last"), (1, 2048, "last"),
    (1, 64, "decode"), (8, 64, "decode"), (64, 64, "decode"),
]
LLAMA_CPP_SHAPES = [(1, 16, "last"), (1, 512, "last"), (1, 64, "decode")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the compiled bench")
    parser.add_argument("--model", help="Hugging Face folder")
    parser.add_argument("--gguf", help="GGUF file, for llama.cpp")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", help="also write the JSON here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    result = {
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "load_average_1min": round(os.getloadavg()[0], 2),
    }
    if arguments.model:
        ours = Laser(arguments.program, arguments.model, arguments.threads)
        theirs = Transformers(arguments.model)
        result["transformers_f32"] = in_turns(ours, theirs, SHAPES, arguments.rounds)
    if arguments.gguf:
        ours = Laser(arguments.program, arguments.gguf, arguments.threads)
        theirs = LlamaCpp(arguments.gguf, arguments.threads)
        result["llama_cpp"] = in_turns(ours, theirs, LLAMA_CPP_SHAPES, arguments.rounds)
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        with open(arguments.out, "w", encoding="utf-8") as out:
            out.write(text + "\n")


def in_turns(ours, theirs, shapes, rounds):
    """Medians of both, and of their ratio within a round, for each shape. The first round only warms up."""
    seconds = {shape: [] for shape in shapes}
    peaks = []
    for round_ in range(rounds + 1):
        peak = peak_of_torch()
        for shape in shapes:
            pair = ours.seconds(shape), theirs.seconds(shape)
            if round_ > 0:
                seconds[shape].append(pair)
        peaks.append(peak)
    rows = []
    for (sequences, tokens, kind), pairs in seconds.items():
        ours_median, theirs_median = (statistics.median(times) for times in zip(*pairs))
        n = sequences * tokens
        rows.append({
            "shape": f"{sequences}x{tokens} {kind}",
            "ours_tokens_per_second": round(n / ours_median, 1),
            "theirs_tokens_per_second": round(n / theirs_median, 1),
            "ratio": round(statistics.median(theirs / ours for ours, theirs in pairs), 2),
            "lowest_ratio": round(min(theirs / ours for ours, theirs in pairs), 2),
            "highest_ratio": round(max(theirs / ours for ours, theirs in pairs), 2),
        })
    return {"gflops_of_torch_mm": round(statistics.median(peaks), 1), "shapes": rows}


def peak_of_torch():
    """Billions of operations a second of a product of f32 matrices, the best of three."""
    a = torch.randn(2048, 2048)
    best = min(timed(lambda: torch.mm(a, a)) for _ in range(3))
    return 2 * 2048**3 / best / 1e9


def timed(run):
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


class Laser:
    """The compiled bench, which is told one pass at a time."""

    def __init__(self, program, model, threads):
        command = [program, model, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, shape):
        self.process.stdin.write(f"{shape[0]} {shape[1]} {shape[2]}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


class Transformers:
    """transformers' model in f32."""

    def __init__(self, folder):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def seconds(self, shape):
        sequences, tokens, kind = shape
        stream = torch.Generator().manual_seed(0)
        ids = torch.randint(500, self.model.config.vocab_size - 500, (sequences, tokens), generator=stream)
        if kind == "decode":
            return timed(lambda: self.decode(ids[:, :1], tokens))
        keep = 1 if kind == "last" else 0  # 0 means every position
        return timed(lambda: self.model(ids, use_cache=False, logits_to_keep=keep))

    def decode(self, ids, steps):
        cache = None
        for _ in range(steps):
            output = self.model(ids, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            ids = output.logits[:, -1:].argmax(-1)


class LlamaCpp:
    """llama.cpp with its usual settings."""

    def __init__(self, path, threads):
        from llama_cpp import ffi, library, open_model  # the file beside this one

        self.ffi, self.lib, self.threads = ffi, library(), threads
        self.model = open_model(self.lib, path)

    def seconds(self, shape):
        _, tokens, kind = shape
        settings = self.lib.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = max(tokens, 64)
        settings.n_threads = settings.n_threads_batch = self.threads
        context = self.lib.llama_init_from_model(self.model, settings)
        vocab = self.lib.llama_vocab_n_tokens(self.lib.llama_model_get_vocab(self.model))
        ids = [(i * 104729 + 17) % (vocab - 1000) + 500 for i in range(tokens)]
        if kind == "decode":
            seconds = timed(lambda: [self.decode(context, [ids[i]], i) for i in range(tokens)])
        else:
            seconds = timed(lambda: self.decode(context, ids, 0))
        self.lib.llama_free(context)
        return seconds

    def decode(self, context, ids, position):
        batch = self.lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, position + i, 1, 0
            batch.logits[i] = i == len(ids) - 1
        if self.lib.llama_decode(context, batch) != 0:
            raise SystemExit(f"llama.cpp cannot compute {len(ids)} tokens")
        self.lib.llama_get_logits_ith(context, len(ids) - 1)  # waits for the end
        self.lib.llama_batch_free(batch)


if __name__ == "__main__":
    main()
