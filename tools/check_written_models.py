"""Checks what `laser apply` writes: takes the binary and the goldens, gives distances by llama.cpp and transformers.

    ../laser-venv/bin/python tools/check_written_models.py target/debug/laser goldens

The goldens hold the logits of edited checkpoints by transformers. Each checkpoint is written with these edits as GGUF (f32),
which must give the same logits in llama.cpp, and in transformers where that loads the architecture. The GGUF is then written
as a folder, which must give them in transformers. Of checkpoints with a tokenizer, llama.cpp must give the token ids
of the folder's `tokenizer.json`. Needs what llama_cpp.py needs; with --llama-cpp, neither torch nor transformers.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np
import tokenizers
import xllamacpp
from llama_cpp_py_sync._cffi_bindings import ffi
from safetensors.numpy import load_file

import llama_cpp

# Folders below goldens, and the name of their architecture in transformers' reader of GGUF; None where it has none.
MODELS = {
    "tiny/llama-bytes": "llama",
    "tiny/llama-gqa-untied": "llama",
    "tiny/llama-tied": "llama",
    "tiny/llama3-rope": "llama",
    "tiny/llama-linear": None,
    "tiny/qwen2-bias": "qwen2",
    "families/bloom": "bloom",
    "families/falcon": "falcon",
    "families/falcon-new": None,
    "families/falcon-one-norm": "falcon",
    "families/gemma": None,
    "families/gemma2": "gemma2",
    "families/gemma3_text": "gemma3",
    "families/gpt2": "gpt2",
    "families/gpt_neox": None,
    "families/gpt_neox-serial": None,
    "families/granite": None,
    "families/mixtral": None,
    "families/olmo2": None,
    "families/phi": None,
    "families/phi3": "phi3",
    "families/qwen2_moe": "qwen2_moe",
    "families/qwen3": "qwen3",
    "families/qwen3_moe": "qwen3_moe",
    "families/smollm3": None,
    "families/stablelm": "stablelm",
    "families/stablelm-parallel": None,
}
# Relative to the largest |logit|. llama.cpp looks GELU up in a table of half precision (check_gguf.py).
TOLERANCE = {"llama.cpp": 1e-3, "transformers": 1e-5}
# Edits of each checkpoint.
EDITS = 2
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
    args.add_argument("--llama-cpp", action="store_true", help="leave transformers out")
    args = args.parse_args()
    far = []
    for name, architecture in MODELS.items():
        if args.only and name not in args.only.split(","):
            continue
        try:
            for who, d, limit in checked(args, name, architecture):
                note = "FAR" if d > limit else ""
                far += [f"{name}: {who}"] * (d > limit)
                print(f"{name:28} {who:40} {d:.1e} {note}", flush=True)
        except (RuntimeError, SystemExit) as error:
            far.append(f"{name}: {error}")
            print(f"{name:28} {error}", flush=True)
    if far:
        raise SystemExit("\n".join(["far or not written:", *far]))


def checked(args, name, architecture):
    """Yields (reader and edit, distance, limit)."""
    source = args.goldens / name
    golden = json.loads(source.with_name(f"{source.name}.golden.json").read_text())
    arrays = load_file(source.with_name(f"{source.name}.golden.safetensors"))
    ids = golden["sequences"][0]
    # Fused matrices and heads have edits of their own forms; those of whole matrices do here.
    plain = [e for e in golden["edits"] if e["edit"].count(".") == 1]
    for n, entry in enumerate(plain[:EDITS]):
        expected = arrays[entry["array"]]
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            gguf, back = place / "model.gguf", place / "back"
            apply(args.laser, place, source, entry["edit"], gguf, "--tensor-type", "f32")
            with llama_cpp.loaded(gguf, positions=64) as logits:
                yield f"{entry['edit']} in llama.cpp", distance(logits(ids), expected), TOLERANCE["llama.cpp"]
            if n == 0 and (source / "tokenizer.json").exists():
                yield "tokens in llama.cpp", float(differing_texts(gguf, source)), 0.0
            if args.llama_cpp:
                continue
            if architecture:
                found = by_transformers(place, ids, gguf_file=gguf.name, config=source)
                yield f"{entry['edit']} in transformers", distance(found, expected), TOLERANCE["transformers"]
            # An edit that keeps all of its matrix, because a model without an edit is not written.
            apply(args.laser, place, gguf, entry["edit"].split("@")[0] + "@1", back, "--weights-type", "f32")
            found = by_transformers(back, ids)
            yield f"{entry['edit']} as a folder again", distance(found, expected), TOLERANCE["transformers"]


def apply(laser, place, model, edit, out, *more):
    command = [laser, "apply", model, "--edit", edit, "--out", out, *more]
    environment = os.environ | {"LASER_CACHE": str(place / "cache")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip())


def by_transformers(folder, ids, config=None, **more):
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    config = transformers.AutoConfig.from_pretrained(config or folder)
    # A padding token of the tiny vocabulary: the one that Phi-3 has by default is beyond it.
    config.pad_token_id = 0
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager", **more
    ).eval()
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].numpy()


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


def distance(answer, expected):
    """max |difference| over max |logit|; the goldens of edits hold the last positions only."""
    answer = answer[-len(expected) :]
    return float(np.abs(answer - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    main()
