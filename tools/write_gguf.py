"""Tiny checkpoints as GGUF: takes Hugging Face folders of goldens/, gives goldens/gguf.

    ../laser-venv/bin/python tools/write_gguf.py --out goldens

Keys, names and layouts are those of llama.cpp's converter (read in the `conversion` package of ggml-org/llama.cpp,
mid 2026); the comments say which fact comes from where. Names of keys and tensors are gguf-py's own tables. What a
file cannot say is made so in the config first (`Source.config`), and then the file has a golden of its own.
`check_gguf.py` compares the files with transformers' and with llama.cpp's answers.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable

import gguf
import numpy as np
import torch
from gguf import MODEL_ARCH as A
from gguf import MODEL_TENSOR
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from make_goldens import write_json


@dataclasses.dataclass
class Source:
    """One file: the folder it is made from, and the config keys that GGUF has no words for."""

    folder: str
    config: dict = dataclasses.field(default_factory=dict)


FILES = {
    "llama": Source("tiny/llama-gqa-untied"),
    "llama-rope_freqs": Source("tiny/llama3-rope"),
    "qwen2": Source("tiny/qwen2-bias"),
    "qwen3": Source("families/qwen3"),
    # The query scale is 1/sqrt(head_dim) in llama.cpp's code (except for the 27B models).
    "gemma3": Source("families/gemma3_text", {"query_pre_attn_scalar": 12}),
    "gpt2": Source("families/gpt2"),
    "gptneox": Source("families/gpt_neox"),
    "gptneox-serial": Source("families/gpt_neox-serial"),
    "phi2": Source("families/phi"),
}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", default="goldens", help="folder of the checkpoints, and to write to (default: goldens)")
    args.add_argument("--only", help="files to make, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    goldens = pathlib.Path(args.out)
    folder = goldens / "gguf"
    if not args.only:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    index = json.loads((folder / "index.json").read_text()) if args.only else {}
    for name in args.only.split(",") if args.only else FILES:
        source = FILES[name]
        config = json.loads((goldens / source.folder / "config.json").read_text()) | source.config
        tensors = load_file(goldens / source.folder / "model.safetensors")
        write(folder / f"{name}.gguf", config, tensors)
        golden = source.folder
        if source.config:
            golden = f"gguf/{name}"
            own_golden(goldens, source, config, tensors, folder / f"{name}.golden.safetensors")
        index[name] = {
            "checkpoint": source.folder,
            "golden": f"{golden}.golden.safetensors",
            "ids": f"{source.folder}.golden.json",
            "config": source.config,
        }
        print(name, (folder / f"{name}.gguf").stat().st_size)
    write_json(folder / "index.json", dict(sorted(index.items())))


def own_golden(goldens, source, config, tensors, path):
    """Logits of the checkpoint's two sequences under the changed config."""
    sequences = json.loads((goldens / f"{source.folder}.golden.json").read_text())["sequences"]
    model = hf_model(config, tensors)
    with torch.no_grad():
        logits = {f"s{i}.logits": model(torch.tensor([ids]), use_cache=False).logits[0] for i, ids in enumerate(sequences)}
    save_file(logits, path)
    path.chmod(0o644)  # safetensors makes it private to the user


def hf_model(config, tensors):
    """transformers' model of a config in the hub's form, in f32 with eager attention."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(tensors, pathlib.Path(folder) / "model.safetensors", metadata={"format": "pt"})
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()


def write(path, config, tensors):
    """Writes `tensors` of a checkpoint with the hub's `config` to the GGUF `path`, in f32."""
    family = FAMILIES[config["model_type"]]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[family.arch])
    writer.add_name(path.stem)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("no_vocab")
    family.keys(writer, config)
    blocks = first(config, "num_hidden_layers", "n_layer")
    names = gguf.get_tensor_name_map(family.arch, blocks)
    for name, tensor in [*rope_factors(config), *stacked(family.tensors(config, tensors))]:
        name = name if name.startswith("rope_") else names.get_name(name, try_suffixes=(".weight", ".bias"))
        # The converter drops axes of length one (Qwen2-MoE's shared_expert_gate becomes a vector).
        writer.add_tensor(name, np.ascontiguousarray(tensor.squeeze().float().numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def first(config, *keys, default=None):
    return next((config[k] for k in keys if config.get(k) is not None), default)


# Keys


def dimensions(writer, c):
    """What every architecture has. llama.cpp takes the vocabulary's size from the tokens; without them, from this key."""
    heads = first(c, "num_attention_heads", "n_head")
    width = first(c, "hidden_size", "n_embd")
    writer.add_vocab_size(c["vocab_size"])
    writer.add_context_length(first(c, "max_position_embeddings", "n_positions", "seq_length", default=2048))
    writer.add_embedding_length(width)
    writer.add_block_count(first(c, "num_hidden_layers", "n_layer"))
    # The converter writes 4 * width for GPT-2, Bloom, Falcon and Phi-2 whatever the config says.
    writer.add_feed_forward_length(first(c, "intermediate_size", "n_inner", "ffn_hidden_size", default=4 * width))
    writer.add_head_count(heads)
    if c["model_type"] not in ("gpt2", "gpt_neox"):  # the converter leaves it out: as many as query heads
        writer.add_head_count_kv(kv_heads(c))
    if "head_dim" in c:
        writer.add_key_length(c["head_dim"])
        writer.add_value_length(c["head_dim"])
    if "rms_norm_eps" in c:
        writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    if (epsilon := first(c, "layer_norm_eps", "layer_norm_epsilon")) is not None:
        writer.add_layer_norm_eps(epsilon)
    # Of the converter's general part: expert counts under either name.
    if (experts := first(c, "num_local_experts", "num_experts")) is not None:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(c["num_experts_per_tok"])


def kv_heads(c):
    return first(c, "num_key_value_heads", "num_kv_heads", "num_attention_heads", "n_head")


def head_dim(c):
    return c.get("head_dim") or first(c, "hidden_size", "n_embd") // first(c, "num_attention_heads", "n_head")


def rotary(c):
    """The rotary parameters in the new form, of one kind of layer."""
    old = {"rope_theta": first(c, "rope_theta", "rotary_emb_base", default=10000.0)} | (c.get("rope_scaling") or {})
    parameters = c.get("rope_parameters") or old
    return parameters | {"rope_type": parameters.get("rope_type", parameters.get("type", "default"))}


def rotary_keys(writer, c):
    """Base and scaling. llama.cpp reads them for every architecture and takes base 10000 where there is none."""
    parameters = rotary(c)
    writer.add_rope_freq_base(parameters["rope_theta"])
    if parameters["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(parameters["rope_type"]))
        writer.add_rope_scaling_factor(parameters["factor"])
    if parameters["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])


def rotary_dimension(writer, c, whole=None):
    """How many of a head's dimensions are rotated, where it is not all or the converter says it anyway."""
    fraction = first(c, "partial_rotary_factor", "rotary_pct", default=1.0)
    writer.add_rope_dimension_count(int(fraction * (whole or head_dim(c))))


def llama_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)
    rotary_dimension(writer, c)


def plain_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)


def gemma3_keys(writer, c):
    dimensions(writer, c)
    writer.add_rope_freq_base(c["rope_theta"])
    # Newer files say these three; where they do not, llama.cpp takes 10000 and 6 (llama-model.cpp).
    writer.add_rope_freq_base_swa(c["rope_local_base_freq"])
    writer.add_sliding_window(c["sliding_window"])
    writer.add_sliding_window_pattern(c["sliding_window_pattern"])


def neox_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)
    rotary_dimension(writer, c)
    writer.add_parallel_residual(c["use_parallel_residual"])


# Layouts


def as_they_are(c, tensors):
    yield from tensors.items()


def pairs(rows, heads):
    """Halves of each head -> pairs that lie beside each other: llama.cpp rotates (2i, 2i+1) in these architectures."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def paired(c, tensors):
    """Llama and what the converter derives from it: rows (and biases) of q and k permuted, v not."""
    for name, tensor in tensors.items():
        if re.search(r"\.q_proj\.(weight|bias)$", name):
            tensor = pairs(tensor, c["num_attention_heads"])
        if re.search(r"\.k_proj\.(weight|bias)$", name):
            tensor = pairs(tensor, kv_heads(c))
        yield name, tensor


def one_more(c, tensors):
    """Gemma: norms as what multiplies, 1 + w; the head is the embedding."""
    for name, tensor in tensors.items():
        if name != "lm_head.weight":
            yield name, tensor + 1 if name.endswith("norm.weight") else tensor


def conv1d(c, tensors):
    """GPT-2: (in, out) -> (out, in); masks dropped; the head only where it is not the embedding."""
    for name, tensor in tensors.items():
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            yield name, tensor.T if re.search(r"\.(c_attn|c_proj|c_fc)\.weight$", name) else tensor


def q_then_k_then_v(c, tensors):
    """Fused per head (or per group: its queries, one key, one value) -> all queries, all keys, all values."""
    groups = kv_heads(c)
    each = first(c, "num_attention_heads", "n_head") // groups
    for name, tensor in tensors.items():
        if name.endswith((".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq")):
            continue
        if "query_key_value" in name:
            parts = tensor.reshape(groups, each + 2, head_dim(c), *tensor.shape[1:])
            q, k, v = parts[:, :each], parts[:, each], parts[:, each + 1]
            tensor = torch.cat([p.reshape(-1, *tensor.shape[1:]) for p in (q, k, v)])
        yield name, tensor


def stacked(tensors):
    """Experts' matrices into one tensor (experts, out, in) under the name gguf-py maps."""
    experts = {}
    for name, tensor in tensors:
        if match := re.fullmatch(r"(.*\.experts)\.(\d+)\.(\w+)\.weight", name):
            prefix, number, matrix = match.groups()
            if matrix in ("w1", "w2", "w3"):  # Mixtral, under the name the converter gives it
                prefix = re.sub(r"^model\.(layers\.\d+)\..*", r"\1.feed_forward.experts", prefix)
            experts.setdefault(f"{prefix}.{matrix}.weight", {})[int(number)] = tensor
        else:
            yield name, tensor
    for name, parts in experts.items():
        yield name, torch.stack([parts[i] for i in range(len(parts))])


def rope_factors(c):
    """Llama 3's frequency factors (what each frequency is divided by), and Phi-3's long and short ones."""
    if c["model_type"] not in FAMILIES or "rope" not in json.dumps(c):
        return
    parameters = rotary(c)
    if parameters["rope_type"] == "llama3":
        factor, low, high, length = (
            parameters[k]
            for k in ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        )
        size = head_dim(c)
        frequencies = 1.0 / parameters["rope_theta"] ** (torch.arange(0, size, 2).float() / size)
        smooth = ((length * frequencies / (2 * math.pi) - low) / (high - low)).clamp(0, 1)
        yield gguf.TENSOR_NAMES[MODEL_TENSOR.ROPE_FREQS] + ".weight", 1 / ((1 - smooth) / factor + smooth)
    if "long_factor" in parameters:
        for kind, key in [(MODEL_TENSOR.ROPE_FACTORS_LONG, "long_factor"), (MODEL_TENSOR.ROPE_FACTORS_SHORT, "short_factor")]:
            yield gguf.TENSOR_NAMES[kind] + ".weight", torch.tensor(parameters[key], dtype=torch.float32)


@dataclasses.dataclass
class Family:
    arch: A
    keys: Callable
    tensors: Callable = as_they_are


FAMILIES = {
    "llama": Family(A.LLAMA, llama_keys, paired),
    "qwen2": Family(A.QWEN2, plain_keys),
    "qwen3": Family(A.QWEN3, plain_keys),
    "gemma3_text": Family(A.GEMMA3, gemma3_keys, one_more),
    "gpt2": Family(A.GPT2, dimensions, conv1d),
    "gpt_neox": Family(A.GPTNEOX, neox_keys, q_then_k_then_v),
    "phi": Family(A.PHI2, llama_keys),
}


if __name__ == "__main__":
    main()
