"""Checks what `laser apply` writes: takes the binary and the tiny checkpoints, gives distances by llama.cpp and transformers.

    ../laser-venv/bin/python tools/check_written_models.py target/debug/laser goldens

Each folder is written with an edit as a folder and as GGUF (f32), and the GGUF once more as a folder. transformers computes the
logits of the first folder, which is the yardstick: the GGUF must give them in llama.cpp, and in transformers where that
loads the architecture; the second folder must give them in transformers. Tokenizers: llama.cpp must give the ids of the folder's
`tokenizer.json` for texts of many kinds. Needs what llama_cpp.py needs.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np
import tokenizers
import torch
import transformers
import xllamacpp
from llama_cpp_py_sync._cffi_bindings import ffi
from transformers import AutoModelForCausalLM
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

import llama_cpp

# Folder below goldens, architecture in GGUF, edit.
MODELS = [
    ("tiny/llama-bytes", "llama", "L0.up_proj@r3,L1.q_proj@r2"),
    ("tiny/llama-gqa-untied", "llama", "L0.up_proj@r3,L1.q_proj@r2"),
    ("tiny/llama3-rope", "llama", "L0.up_proj@r3,L1.q_proj@r2"),
    ("tiny/llama-linear", "llama", "L0.up_proj@r3,L1.q_proj@r2"),
    ("tiny/qwen2-bias", "qwen2", "L0.up_proj@r3,L1.q_proj@r2"),
    ("families/bloom", "bloom", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/falcon", "falcon", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/falcon-new", "falcon", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/gemma", "gemma", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/gpt2", "gpt2", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/gpt_neox", "gptneox", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/gpt_neox-serial", "gptneox", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/granite", "granite", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/mixtral", "llama", "L0.e1.up_proj@r3,L0.q_proj@r2"),
    ("families/olmo2", "olmo2", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/phi", "phi2", "L0.fc_in@r3,L0.q_proj@r2"),
    ("families/phi3", "phi3", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/qwen2_moe", "qwen2moe", "L0.q_proj@r2"),
    ("families/qwen3", "qwen3", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/qwen3_moe", "qwen3moe", "L0.q_proj@r2"),
    ("families/smollm3", "smollm3", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/stablelm", "stablelm", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/stablelm-parallel", "stablelm", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/gemma2", "gemma2", "L0.up_proj@r3,L0.q_proj@r2"),
    ("families/gemma3_text", "gemma3", "L0.up_proj@r3,L0.q_proj@r2"),
]
# Relative to the largest |logit|. llama.cpp looks GELU up in a table of half precision (check_gguf.py).
TOLERANCE = {"llama.cpp": 1e-3, "transformers": 1e-5}
# Known to differ in those readers, whoever wrote the file (check_gguf.py); not counted.
KNOWN = {
    ("families/falcon-new", "GGUF in transformers"): "its loader leaves q, k and v stacked",
    ("families/stablelm-parallel", "GGUF in transformers"): "its loader does not find the norms of q and k",
    ("families/phi3", "GGUF in llama.cpp"): "switches the window off",
}
TEXTS = [
    "The quick brown fox, 12345 times; don't!",
    "  two  spaces\n\nand\ttabs ",
    "Привет, 世界 🙂 naïve",
    "def f(x):\n    return x**2",
]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("laser", type=pathlib.Path)
    args.add_argument("goldens", type=pathlib.Path)
    args.add_argument("--only", help="names of checkpoints, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    far = []
    for name, architecture, edit in MODELS:
        if args.only and name not in args.only.split(","):
            continue
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            for who, d, limit in checked(args.laser, args.goldens / name, architecture, edit, place):
                note = KNOWN.get((name, who), "") or ("FAR" if d > limit else "")
                far += [f"{name}: {who}"] * (note == "FAR")
                print(f"{name:28} {who:26} {d:.1e} {note}", flush=True)
    if far:
        raise SystemExit(f"far from the folder: {far}")


def checked(laser, source, architecture, edit, place):
    """Yields (reader, distance, limit)."""
    folder, gguf, back = place / "folder", place / "model.gguf", place / "back"
    apply(laser, place, source, edit, folder)
    apply(laser, place, source, edit, gguf, "--tensor-type", "f32")
    # The edit of a matrix that keeps all of it, because a model without an edit is not written.
    whole = edit.split(",")[-1].split("@")[0] + "@1"
    apply(laser, place, gguf, whole, back, "--weights-type", "f32")
    config = json.loads((folder / "config.json").read_text())
    rng = np.random.default_rng(5)
    sequences = [rng.integers(0, config["vocab_size"], n).tolist() for n in (7, 12)]
    expected = by_transformers(folder, sequences)
    yield "folder from GGUF", distance(by_transformers(back, sequences), expected), TOLERANCE["transformers"]
    with llama_cpp.loaded(gguf, positions=64) as logits:
        found = [logits(ids) for ids in sequences]
    yield "GGUF in llama.cpp", distance(found, expected), TOLERANCE["llama.cpp"]
    # What transformers calls `llama` has no experts.
    if architecture in GGUF_SUPPORTED_ARCHITECTURES and config["model_type"] != "mixtral":
        found = by_transformers(place, sequences, gguf_file=gguf.name, config=folder)
        yield "GGUF in transformers", distance(found, expected), TOLERANCE["transformers"]
    if (folder / "tokenizer.json").exists():
        yield "tokens in llama.cpp", float(differing_texts(gguf, folder)), 0.0


def apply(laser, place, model, edit, out, *more):
    command = [laser, "apply", model, "--edit", edit, "--out", out, *more]
    environment = os.environ | {"LASER_CACHE": str(place / "cache")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {ran.stderr}")


def by_transformers(folder, sequences, config=None, **more):
    if config is not None:
        more["config"] = transformers.AutoConfig.from_pretrained(config)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **more).eval()
    with torch.no_grad():
        return [model(torch.tensor([ids]), use_cache=False).logits[0].numpy() for ids in sequences]


def differing_texts(gguf, folder):
    """Number of texts of which llama.cpp gives other ids than the folder's tokenizer, without special tokens around."""
    lib = ffi.dlopen(str(pathlib.Path(xllamacpp.__file__).parent / "xllamacpp.abi3.so"))
    params = lib.llama_model_default_params()
    params.vocab_only = True
    model = lib.llama_model_load_from_file(str(gguf).encode(), params)
    vocab = lib.llama_model_get_vocab(model)
    buffer = ffi.new("int32_t[4096]")
    own = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    differing = 0
    for text in TEXTS:
        data = text.encode()
        count = lib.llama_tokenize(vocab, data, len(data), buffer, 4096, False, True)
        differing += list(buffer[0:count]) != own.encode(text, add_special_tokens=False).ids
    lib.llama_model_free(model)
    return differing


def distance(answers, expected):
    """max |difference| over max |logit|, over all sequences."""
    return max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in zip(answers, expected))


if __name__ == "__main__":
    main()
