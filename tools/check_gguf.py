"""Checks goldens/gguf: takes its files, gives their distance from the goldens as transformers and llama.cpp read them.

    ../laser-venv/bin/python tools/check_gguf.py --out goldens

transformers loads the architectures it knows, with the checkpoint's own config, so that it is the tensors that are
compared; llama.cpp (see llama_cpp.py) takes everything from the file. Distances are relative to the largest |logit|.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

import llama_cpp

# llama.cpp looks GELU up in a table of half precision and takes the tanh form everywhere: up to 3.5e-4 from that.
# What it multiplies f16 matrices with it rounds to f16, which SmolLM3's four blocks turn into 1.3e-2 (2.6e-6 when
# stored in f32); a wrong layout gives .2 and more.
TOLERANCE = {"transformers": 1e-6, "llama.cpp": 1e-3, "llama.cpp on f16": 2e-2}
# Known to differ, by what we find in their code or output; not counted.
KNOWN = {
    ("falcon-new", "transformers"): "its loader leaves q, k and v stacked",
    ("stablelm-parallel", "transformers"): "its loader does not find the norms of q and k",
    ("phi3", "llama.cpp"): "switches the window off",
    ("exaone4", "llama.cpp"): "has windows in models of 64 layers only",
}

# Named in gguf-py's tables, and loaded by neither; llama.cpp expects norms of q and k in Command R's of 64 layers only.
NOWHERE_ELSE = {"gptj", "command-r-qk-norm"}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", default="goldens", help="folder of the goldens (default: goldens)")
    args.add_argument("--only", help="files to check, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    goldens = pathlib.Path(args.out)
    index = json.loads((goldens / "gguf" / "index.json").read_text())
    far = []
    for name in args.only.split(",") if args.only else index:
        if name in NOWHERE_ELSE:
            continue
        entry = index[name]
        sequences = list(entry["sequences"].values())
        arrays = load_file(goldens / entry["golden"])
        expected = [arrays[f"{i}.logits"] for i in entry["sequences"]]
        path = goldens / "gguf" / f"{name}.gguf"
        config = json.loads((goldens / entry["checkpoint"] / "config.json").read_text()) | entry["config"]
        config["n_layer" if "n_layer" in config else "num_hidden_layers"] = entry["blocks"]
        found = {}
        if KNOWN_AS.get(config["model_type"], config["model_type"]) in GGUF_SUPPORTED_ARCHITECTURES:
            found["transformers"] = distance(by_transformers(path, config, sequences), expected)
        # The long factors are taken where the context is long, not the text: only the long text compares.
        count = 1 if "longrope" in name else len(sequences)
        found["llama.cpp"] = distance(by_llama_cpp(path, sequences[:count]), expected)
        for who, d in found.items():
            limit = TOLERANCE[f"{who} on f16" if who == "llama.cpp" and entry["stored"] == "float16" else who]
            note = KNOWN.get((name, who), "" if d <= limit else "FAR")
            far += [f"{name} by {who}"] * (note == "FAR")
            print(f"{name:20} {who:13} {d:.1e} {note}", flush=True)
    if far:
        raise SystemExit(f"far from the golden: {far}")


# transformers' model types -> its names of GGUF architectures, where they differ.
KNOWN_AS = {"gemma3_text": "gemma3", "mixtral": "llama (experts unknown)"}


def by_transformers(path, config, sequences):
    keys = {k: v for k, v in config.items() if k != "model_type"}
    loaded = AutoConfig.for_model(config["model_type"], **keys)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        config=loaded,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
    ).eval()
    with torch.no_grad():
        return [model(torch.tensor([ids]), use_cache=False).logits[0].numpy() for ids in sequences]


def by_llama_cpp(path, sequences):
    with llama_cpp.loaded(path, positions=64) as logits:
        return [logits(ids) for ids in sequences]


def distance(answers, expected):
    """max |difference| over max |logit|, over all sequences."""
    return max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in zip(answers, expected))


if __name__ == "__main__":
    main()
