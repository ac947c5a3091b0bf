"""Checks the smaller forms that `laser apply` writes: takes binary and goldens, gives distances from the dense edit.

    ../laser-venv/bin/pip install -r tools/requirements.txt peft
    ../laser-venv/bin/python tools/check_adapters.py target/debug/laser goldens

For each tiny checkpoint, an edit is written densely and in another form, and both are compared:

- PEFT adapters: logits of `peft` on the base model, and the rules of vLLM's reader, written from its source: only `r`
  and `lora_alpha` are read, ranks end at 512, modules are found by the last part of their name;
- GGUF adapters: logits and greedy tokens of llama.cpp (needs what llama_cpp.py needs), and greedy text where there is a
  tokenizer;
- factored folders: logits of transformers with `trust_remote_code`, and that they are refused without;
- deltas: every file of the rebuilt model, to the byte, on another number of threads.

`--speed` measures instead a random Llama of 4 layers (1024 wide), dense and factored, in transformers; `--gguf FILE` a
real GGUF with a tokenizer, in f32, with an adapter in llama.cpp.
"""

import argparse
import filecmp
import json
import os
import pathlib
import subprocess
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("HF_MODULES_CACHE", tempfile.mkdtemp(prefix="laser-modules-"))

import numpy as np
import torch
import transformers
from peft import PeftModel
from safetensors import safe_open

import llama_cpp

# Folders below goldens, and edits that remove few components.
PEFT = {
    "tiny/llama-tied": "L0.q_proj@0.9,L1.down_proj@0.8,L1.qkv@0.7",
    "tiny/llama-bias": "L0.k_proj@0.7,L1.h0.o_proj@0.8",
    "tiny/llama-gqa-untied": "L0-2.mlp@0.9",
    "tiny/mistral-window": "L0.v_proj@0.8",
    "tiny/qwen2-bias": "L0-1.mlp@0.8",
    "families/gpt2": "L0.k_proj@0.9,L0.v_proj@0.8,L1.qkv@0.9,L1.down_proj@0.9",
    "families/gpt2-bare": "L1.h1.qkv@0.9,L1.o_proj@0.9",
    "families/gpt_neo": "L1.q_proj@0.9,L0.up_proj@0.8",
    "families/gpt_neox": "L1.v_proj@0.9,L0.h1.k_proj@r6",
    "families/falcon-new": "L1.q_proj@0.8",
    "families/bloom": "L1.qkv@0.9",
    "families/gptj": "L1.h1.o_proj@0.7,L0.up_proj@0.9",
    "families/phi": "L1.q_proj@0.9",
    "families/phi3": "L1.up_proj@0.9,L0.gate_up_proj@0.9",
    "families/gemma2": "L1.up_proj@0.9",
    "families/olmo2": "L1.o_proj@0.9",
    "families/opt": "L1.up_proj@0.9",
    "families/qwen3": "L1.k_proj@0.9",
    "families/mixtral": "L1.q_proj@0.9",
}
# Folders below goldens, and edits that keep few components.
FACTORED = {
    "tiny/llama-tied": "L0.q_proj@0.3,L1.down_proj@r5",
    "tiny/llama-bias": "L0.up_proj@0.3,L1.q_proj@r4",
    "tiny/llama-bf16": "L0.up_proj@r5",
    "tiny/qwen2-bias": "L1.qkv@r3",
    "tiny/mistral-window": "L0.v_proj@r3",
    "families/gpt2": "L1.qkv@r3,L0.up_proj@0.2",
    "families/gpt2-bare": "L1.qkv@r3,L0.up_proj@0.2",
    "families/gpt_neox": "L1.qkv@r3,L0.down_proj@r4",
    "families/falcon": "L1.up_proj@r3",
    "families/bloom": "L1.down_proj@r3",
    "families/phi3": "L1.gate_up_proj@r4",
    "families/gemma2": "L1.up_proj@r3",
    "families/gemma3_text": "L1.up_proj@r3",
    "families/qwen3": "L1.k_proj@r3",
    "families/opt": "L1.up_proj@r3",
    "families/falcon-new": "L1.qkv@r3",
    "families/gptj": "L1.down_proj@r3,L0.q_proj@r3",
    "families/gpt_neo": "L1.q_proj@r3",
    "families/phi": "L1.up_proj@r3",
    "families/stablelm": "L1.o_proj@r3",
    "families/olmo2": "L1.q_proj@r3",
    "families/granite": "L1.up_proj@r3",
    "families/smollm3": "L1.up_proj@r3",
}
# Files below goldens/gguf, and edits that remove few components.
GGUF = {
    "llama": "L0.q_proj@0.9,L1.k_proj@0.8,L1.down_proj@0.9",
    "qwen2": "L0.q_proj@0.9,L1.up_proj@0.9",
    "gpt2": "L1.k_proj@0.9,L1.q_proj@0.8,L0.up_proj@0.9",
    "bloom": "L0.qkv@0.9",
    "gemma": "L0.o_proj@0.9",
    "gptneox": "L1.v_proj@0.9",
    "mixtral": "L0.v_proj@0.9,L0.q_proj@0.9",
    "granite": "L0.q_proj@0.8",
}
DELTA = {
    "tiny/llama-bf16": "L0.q_proj@r2,L1.down_proj@0.9,L1.up_proj@0.5",
    "families/gpt2": "L0.k_proj@r2,L1.qkv@0.7",
    "families/mixtral": "L0.e1.down_proj@r2,L1.q_proj@0.9",
    "gguf/llama.gguf": "L0.q_proj@0.9,L1.k_proj@r2",
    "gguf/mixtral.gguf": "L0.e1.down_proj@r2",
}
# Relative to the largest |logit|. bf16: the dense edit is rounded to it. llama.cpp: tables of half precision, and
# rounding of activations beside f16 matrices (check_gguf.py).
PEFT_LIMIT, BF16_LIMIT, LLAMA_CPP_LIMIT = 1e-5, 2e-2, 2e-2
IDS = [1, 17, 42, 3, 45, 5, 5, 28, 11]
GREEDY = 12
TEXT = "The quick brown fox"

# vLLM: MaxLoRARanks, and the fields of PEFTHelper without a default.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
VLLM_NEEDS = ("r", "lora_alpha", "target_modules")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("laser", type=lambda path: pathlib.Path(path).absolute())
    args.add_argument("goldens", type=pathlib.Path)
    args.add_argument("--only", default="peft,gguf,factored,delta", help="forms, with commas (default: all)")
    args.add_argument("--speed", action="store_true", help="measure a larger model instead")
    args.add_argument("--gguf", type=pathlib.Path, metavar="FILE", help="check an adapter of a real model instead")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    if args.speed:
        return speed(args.laser)
    if args.gguf:
        return real(args)
    checks = {"peft": (peft, PEFT), "gguf": (gguf, GGUF), "factored": (factored, FACTORED), "delta": (delta, DELTA)}
    wrong = []
    for form in args.only.split(","):
        check, models = checks[form]
        for name, edit in models.items():
            with tempfile.TemporaryDirectory() as place:
                try:
                    found, is_right = check(args, pathlib.Path(place), name, edit)
                except (RuntimeError, SystemExit) as error:
                    found, is_right = str(error), False
            wrong += [] if is_right else [f"{form} {name}"]
            print(f"{form:9} {name:24} {found}{'' if is_right else ' WRONG'}", flush=True)
    if wrong:
        raise SystemExit("\n".join(["wrong:", *wrong]))


def laser(args, place, *more):
    environment = os.environ | {"LASER_CACHE": str(place / "cache")}
    ran = subprocess.run([args.laser, "apply", *more], env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip())
    return ran.stdout


def loaded(folder, **more):
    config = transformers.AutoConfig.from_pretrained(folder, **more)
    config.pad_token_id = 0  # of the tiny vocabulary
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager", **more
    ).eval()


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([IDS]), use_cache=False).logits[0].numpy()


def distance(found, expected):
    """max |difference| over max |logit|."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def peft(args, place, name, edit):
    source, adapter, dense = args.goldens / name, place / "adapter", place / "dense"
    laser(args, place, source, "--edit", edit, "--out", adapter, "--format", "lora")
    laser(args, place, source, "--edit", edit, "--out", dense)
    expected, base = logits(loaded(dense)), loaded(source)
    linear = {path.rsplit(".", 1)[-1] for path, m in base.named_modules() if getattr(m, "weight", None) is not None}
    change = distance(logits(base), expected)
    found = distance(logits(PeftModel.from_pretrained(base, adapter).eval()), expected)
    problems = vllm_problems(adapter, linear)
    said = "vLLM's rules hold" if not problems else f"vLLM: {problems}"
    return f"{found:.1e} (base {change:.1e}); {said}", found <= PEFT_LIMIT < change and not problems


def vllm_problems(adapter, linear):
    """What vLLM's reader would refuse or compute otherwise; empty if nothing."""
    keys = json.loads((adapter / "adapter_config.json").read_text())
    problems = [f"no {key}" for key in VLLM_NEEDS if key not in keys]
    if keys["lora_alpha"] / keys["r"] != 1 or keys.get("use_rslora"):
        problems.append("scale is not 1")
    problems += [f"{key} is set" for key in ("modules_to_save", "use_dora") if keys.get(key)]
    if keys.get("bias", "none") != "none":
        problems.append("bias")
    if not any(keys["r"] <= rank for rank in VLLM_RANKS):
        problems.append(f"rank {keys['r']}")
    with safe_open(adapter / "adapter_model.safetensors", "numpy") as tensors:
        shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}
    for name, shape in shapes.items():
        parts = name.removeprefix("base_model.model.").split(".")
        if parts[-1] != "weight" or parts[-2] not in ("lora_A", "lora_B"):
            problems.append(f"name {name}")
        elif parts[-3] not in linear:
            problems.append(f"module {parts[-3]}")
        elif shape[0 if parts[-2] == "lora_A" else 1] > keys["r"]:
            problems.append(f"{name}: rank above r")
    return problems


def gguf(args, place, name, edit):
    base, adapter, dense = args.goldens / "gguf" / f"{name}.gguf", place / "adapter.gguf", place / "dense.gguf"
    text = ""
    if name == "llama":  # with a tokenizer, written by laser
        folder, base = args.goldens / "tiny" / "llama-bytes", place / "base.gguf"
        edit = edit.replace("L2", "L1")
        laser(args, place, folder, "--edit", "L0.q_proj@1", "--out", base, "--tensor-type", "f32")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    laser(args, place, base, "--edit", edit, "--out", adapter, "--format", "lora")
    laser(args, place, base, "--edit", edit, "--out", dense, "--tensor-type", "f32")
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"] if name == "llama" else IDS
    with llama_cpp.loaded(base, positions=64) as of_base, llama_cpp.loaded(dense, positions=64) as of_dense:
        with llama_cpp.loaded(base, positions=64, adapter=adapter) as of_adapter:
            expected = of_dense(ids)
            found, change = distance(of_adapter(ids), expected), distance(of_base(ids), expected)
            greedy = [generated(of, ids) for of in (of_adapter, of_dense)]
    if name == "llama":
        texts = [tokenizer.decode(new) for new in greedy]
        text = f"; text {texts[0]!r} {'is' if texts[0] == texts[1] else 'is not'} the dense edit's"
    same = greedy[0] == greedy[1]
    tokens = "the same" if same else f"{greedy[0]} and {greedy[1]}"
    is_right = same and found <= LLAMA_CPP_LIMIT and found < change
    return f"{found:.1e} (base {change:.1e}); greedy tokens: {tokens}{text}", is_right


def generated(logits, ids):
    """Greedy tokens after `ids`."""
    new = []
    for _ in range(GREEDY):
        new.append(int(logits([*ids, *new])[-1].argmax()))
    return new


def factored(args, place, name, edit):
    source, out, dense = args.goldens / name, place / "factored", place / "dense"
    said = laser(args, place, source, "--edit", edit, "--out", out, "--format", "factored")
    if "breaks even at" not in said or "product on this machine" not in said:
        raise RuntimeError(f"no break-even rank or no times in {said}")
    laser(args, place, source, "--edit", edit, "--out", dense)
    expected, model = logits(loaded(dense)), loaded(out, trust_remote_code=True)
    count = sum(type(module).__name__ == "LowRankLinear" for module in model.modules())
    found, change = distance(logits(model), expected), distance(logits(loaded(source)), expected)
    try:
        transformers.AutoModelForCausalLM.from_pretrained(out, trust_remote_code=False)
        return "loads without trust_remote_code", False
    except ValueError:
        limit = BF16_LIMIT if "bf16" in name else PEFT_LIMIT
        return f"{found:.1e} (base {change:.1e}), {count} modules", found <= limit < change and count > 0


def delta(args, place, name, edit):
    source, ending = args.goldens / name, ".gguf" if name.endswith(".gguf") else ""
    file, dense, again = place / "edit.safetensors", place / f"dense{ending}", place / f"again{ending}"
    laser(args, place, source, "--edit", edit, "--out", file, "--format", "delta", "--threads", "1")
    laser(args, place, source, "--edit", edit, "--out", dense, "--threads", "1")
    laser(args, place, source, "--edit", file, "--out", again, "--threads", "2")
    if ending:
        return "the same bytes", filecmp.cmp(dense, again, shallow=False)
    names = sorted(path.name for path in dense.iterdir())
    _, differing, missing = filecmp.cmpfiles(dense, again, names, shallow=False)
    return f"the same bytes in {len(names)} files", not differing and not missing


def real(args):
    """Continuations by an adapter in llama.cpp and by the dense edit, and the sizes of all forms."""
    edit = "L9.up_proj@0.9,L20.q_proj@0.95,L28.down_proj@0.9"
    prompts = ["The capital of France is", TEXT, "Water boils at"]
    with tempfile.TemporaryDirectory(dir=".") as place:
        place = pathlib.Path(place)
        base, folder, adapter, dense = (place / name for name in ("base.gguf", "folder", "adapter.gguf", "dense.gguf"))
        laser(args, place, args.gguf, "--edit", "L0.q_proj@1", "--out", folder, "--weights-type", "f32")
        laser(args, place, folder, "--edit", "L0.q_proj@1", "--out", base)
        laser(args, place, base, "--edit", edit, "--out", adapter, "--format", "lora")
        laser(args, place, base, "--edit", edit, "--out", dense)
        laser(args, place, base, "--edit", edit, "--out", place / "edit.safetensors", "--format", "delta")
        laser(args, place, base, "--edit", place / "edit.safetensors", "--out", place / "again.gguf")
        if not filecmp.cmp(dense, place / "again.gguf", shallow=False):
            raise SystemExit("the delta gives other bytes than the dense edit")
        for path in (dense, adapter, place / "edit.safetensors"):
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        with llama_cpp.loaded(base, 64, adapter) as of_adapter, llama_cpp.loaded(dense, 64) as of_dense:
            for prompt in prompts:
                ids = tokenizer(prompt)["input_ids"]
                texts = [tokenizer.decode(generated(of, ids)) for of in (of_adapter, of_dense)]
                d = distance(of_adapter(ids), of_dense(ids))
                print(f"{prompt!r}: {d:.1e}, {texts[0]!r}", flush=True)
                if texts[0] != texts[1]:
                    raise SystemExit(f"the dense edit says {texts[1]!r}")


def speed(binary):
    """Milliseconds and megabytes of a random Llama, dense and factored, in transformers on one thread."""
    args = argparse.Namespace(laser=binary)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        torch.manual_seed(0)
        config = transformers.LlamaConfig(
            hidden_size=1024, intermediate_size=4096, num_hidden_layers=4, num_attention_heads=16, vocab_size=256
        )
        transformers.LlamaForCausalLM(config).save_pretrained(place / "base")
        edit = "L*.mlp@r64"
        said = laser(args, place, place / "base", "--edit", edit, "--out", place / "factored", "--format", "factored")
        print(said)
        laser(args, place, place / "base", "--edit", edit, "--out", place / "dense")
        dense, small = loaded(place / "dense"), loaded(place / "factored", trust_remote_code=True)
        print(f"logits differ by {distance(logits(small), logits(dense)):.1e}")
        for length in (1, 256):
            ids = torch.randint(0, 256, (1, length))
            print(f"{length} tokens: dense {timed(dense, ids):.1f} ms, factored {timed(small, ids):.1f} ms")
        for name, model in (("dense", dense), ("factored", small)):
            megabytes = sum(p.numel() * p.element_size() for p in model.parameters()) / 1e6
            print(f"{name}: {megabytes:.0f} MB of parameters in f32")


def timed(model, ids):
    """Milliseconds of the fastest of five passes."""
    times = []
    with torch.no_grad():
        for _ in range(5):
            begun = time.perf_counter()
            model(ids, use_cache=False)
            times.append(1000 * (time.perf_counter() - begun))
    return min(times)


if __name__ == "__main__":
    main()
