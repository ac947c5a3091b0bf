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

# llama.cpp looks GELU up in a table of half precision, and takes the tanh form everywhere: up to 3.3e-4 from that.
TOLERANCE = {"transformers": 1e-6, "llama.cpp": 1e-3}


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
        entry = index[name]
        sequences = json.loads((goldens / entry["ids"]).read_text())["sequences"]
        expected = load_file(goldens / entry["golden"])
        path = goldens / "gguf" / f"{name}.gguf"
        config = json.loads((goldens / entry["checkpoint"] / "config.json").read_text()) | entry["config"]
        found = {}
        if KNOWN_AS.get(config["model_type"], config["model_type"]) in GGUF_SUPPORTED_ARCHITECTURES:
            found["transformers"] = by_transformers(path, config, sequences)
        found["llama.cpp"] = by_llama_cpp(path, sequences)
        distances = {who: distance(answers, expected) for who, answers in found.items()}
        far += [f"{name} by {who}" for who, d in distances.items() if not d <= TOLERANCE[who]]
        print(f"{name:20}", "  ".join(f"{who} {d:.1e}" for who, d in distances.items()), flush=True)
    if far:
        raise SystemExit(f"far from the golden: {far}")


# transformers' model types -> its names of GGUF architectures, where they differ.
KNOWN_AS = {"gemma3_text": "gemma3"}


def by_transformers(path, config, sequences):
    keys = {k: v for k, v in config.items() if k != "model_type"}
    loaded = AutoConfig.for_model(config["model_type"], **keys)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, config=loaded, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        return [model(torch.tensor([ids]), use_cache=False).logits[0].numpy() for ids in sequences]


def by_llama_cpp(path, sequences):
    with llama_cpp.loaded(path, positions=64) as logits:
        return [logits(ids) for ids in sequences]


def distance(answers, expected):
    """max |difference| over max |logit|, over both sequences."""
    return max(
        float(np.abs(answer - expected[f"s{i}.logits"]).max() / np.abs(expected[f"s{i}.logits"]).max())
        for i, answer in enumerate(answers)
    )


if __name__ == "__main__":
    main()
