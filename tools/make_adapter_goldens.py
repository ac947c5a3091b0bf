"""Goldens of adapters: takes tiny checkpoints in goldens/, gives PEFT adapters and the logits of the merged models.

    ../laser-venv/bin/pip install -r tools/requirements.txt peft
    ../laser-venv/bin/python tools/make_adapter_goldens.py --goldens goldens

Every case adapts one tiny checkpoint with random values, saves the adapter as PEFT does, loads it again into a fresh
model, merges it there and computes logits, in f32 on the CPU on one thread. Where the head is tied to an adapted
embedding, the logits are those before merging, because PEFT's merge then changes both ends of the tie.
goldens/adapters/index.json says which checkpoint, which adapters and which sequences belong to a case.
"""

import argparse
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

SEED = 410
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PATTERNS = {
    "r": 4,
    "lora_alpha": 6,
    "rank_pattern": {"model.layers.1.self_attn.q_proj": 2, "down_proj": 3, "layers\\.[02]\\..*": 5},
    "alpha_pattern": {"(q|k)_proj": 3, "mlp\\..*": 16, "q_proj": 100},
}

# name: (checkpoint, settings of each adapter). `unmerged`: logits before merging.
CASES = {
    "llama": ("tiny/llama-gqa-untied", [{"r": 4, "lora_alpha": 8, "target_modules": LINEAR}]),
    "llama-bytes": ("tiny/llama-bytes", [{"r": 4, "lora_alpha": 8, "target_modules": LINEAR}]),
    "llama-rslora-patterns": (
        "tiny/llama-gqa-untied",
        [{"target_modules": LINEAR, "use_rslora": True, **PATTERNS}],
    ),
    "llama-dora": ("tiny/llama-gqa-untied", [{"r": 3, "target_modules": LINEAR, "use_dora": True}]),
    "llama-embeddings": (
        "tiny/llama-gqa-untied",
        [{"r": 3, "target_modules": ["embed_tokens", "lm_head", "q_proj"], "modules_to_save": ["norm"]}],
    ),
    "llama-embedding-dora": (
        "tiny/llama-gqa-untied",
        [{"r": 3, "target_modules": ["embed_tokens", "v_proj"], "use_dora": True}],
    ),
    "llama-tied": (
        "tiny/llama-tied",
        [{"r": 3, "target_modules": ["embed_tokens", "up_proj"]}],
    ),
    "llama-tied-head-saved": (
        "tiny/llama-tied",
        [{"r": 3, "target_modules": ["o_proj"], "modules_to_save": ["lm_head"]}],
    ),
    "llama-two": (
        "tiny/llama-gqa-untied",
        [
            {"r": 4, "lora_alpha": 8, "target_modules": LINEAR},
            {"r": 2, "target_modules": ["q_proj", "down_proj"], "use_dora": True},
        ],
    ),
    "gpt2": (
        "families/gpt2",
        [{"r": 4, "target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True, "bias": "all"}],
    ),
    "gpt2-dora": (
        "families/gpt2",
        [{"r": 4, "target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True, "use_dora": True}],
    ),
    "gpt2-lora-bias": (
        "families/gpt2",
        [{"r": 4, "target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True, "lora_bias": True}],
    ),
    "gpt2-saved": (
        "families/gpt2",
        [{"r": 2, "target_modules": ["wpe"], "modules_to_save": ["c_attn", "ln_2"], "fan_in_fan_out": True}],
    ),
    "phi3": (
        "families/phi3",
        [{"r": 4, "target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]}],
    ),
    "phi3-dora": ("families/phi3", [{"r": 4, "target_modules": ["qkv_proj", "gate_up_proj"], "use_dora": True}]),
    "falcon": ("families/falcon", [{"r": 4, "target_modules": ["query_key_value", "dense_4h_to_h"]}]),
    "gpt_neox": (
        "families/gpt_neox",
        [{"r": 4, "target_modules": ["query_key_value", "dense"], "bias": "lora_only", "lora_bias": False}],
    ),
    "gemma": (
        "families/gemma",
        [{"r": 4, "target_modules": ["k_proj", "up_proj"], "modules_to_save": ["norm", "input_layernorm"]}],
    ),
    "bert": ("families/bert", [{"r": 4, "target_modules": ["query", "value", "dense"]}]),
}
UNMERGED = {"llama-tied", "llama-tied-head-saved"}


def load(path):
    kind = transformers.AutoModelForMaskedLM if path.name == "bert" else transformers.AutoModelForCausalLM
    return kind.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()


def randomise(model, generator):
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        if "lora_magnitude_vector" in name:
            parameter.data *= 1 + 0.2 * noise
        elif "lora_" in name:
            parameter.data = 0.15 * noise
        else:  # a module to save, or a bias: near its old values
            parameter.data += 0.1 * noise


def make(name, checkpoint, adapters, goldens, index):
    generator = torch.Generator().manual_seed(SEED + len(index))
    folders = []
    for number, settings in enumerate(adapters):
        folder = goldens / "adapters" / (name if len(adapters) == 1 else f"{name}-{number}")
        task = "CAUSAL_LM" if name != "bert" else None
        config = LoraConfig(task_type=task, init_lora_weights=False, **settings)
        config.base_model_name_or_path = checkpoint
        model = get_peft_model(load(goldens / checkpoint), config)
        randomise(model, generator)
        model.peft_config["default"].base_model_name_or_path = checkpoint
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        saved = json.loads((folder / "adapter_config.json").read_text())
        saved["base_model_name_or_path"] = checkpoint
        (folder / "adapter_config.json").write_text(json.dumps(saved, indent=2, sort_keys=False) + "\n")
        folders.append(folder)
    names = [f"a{number}" for number in range(len(folders))]
    model = PeftModel.from_pretrained(load(goldens / checkpoint), folders[0], adapter_name=names[0])
    for folder, adapter in zip(folders[1:], names[1:]):
        model.load_adapter(folder, adapter_name=adapter)
    model.base_model.set_adapter(names)
    model.eval()
    golden = json.loads((goldens / f"{checkpoint}.golden.json").read_text())
    sequences = golden["sequences"]
    with torch.no_grad():
        unmerged = [model(torch.tensor([ids])).logits[0] for ids in sequences]
        merged = model.merge_and_unload(adapter_names=names)
        logits = [merged(torch.tensor([ids])).logits[0] for ids in sequences]
        plain = [load(goldens / checkpoint)(torch.tensor([ids])).logits[0] for ids in sequences]
    scale = max(float(x.abs().max()) for x in unmerged)
    distance = max(float((a - b).abs().max()) for a, b in zip(unmerged, logits)) / scale
    change = max(float((a - b).abs().max()) for a, b in zip(unmerged, plain)) / scale
    print(f"{name}: merged against unmerged {distance:.1e}, adapter against base {change:.2f} of the largest logit")
    kept = unmerged if name in UNMERGED else logits
    arrays = {f"s{i}.logits": x.contiguous() for i, x in enumerate(kept)}
    save_file(arrays, goldens / "adapters" / f"{name}.golden.safetensors")
    index[name] = {
        "checkpoint": checkpoint,
        "adapters": [folder.name for folder in folders],
        "merged": name not in UNMERGED,
        "sequences": sequences,
    }


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--goldens", default="goldens", type=pathlib.Path, help="folder of goldens (default: goldens)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(args.goldens / "adapters", ignore_errors=True)
    (args.goldens / "adapters").mkdir()
    index = {}
    for name, (checkpoint, adapters) in CASES.items():
        make(name, checkpoint, adapters, args.goldens, index)
    versions = {"peft": peft.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    document = {"versions": versions, "seed": SEED, "cases": index}
    (args.goldens / "adapters" / "index.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
