"""Writes a checkpoint of full size with random weights, for measurements of memory, disk and time.

    python make_full_size.py SHAPE FOLDER [--tokenizer FOLDER] [--layers N] [--seed S] [--shard BYTES]

SHAPE: gpt-j-6b, llama-2-7b or qwen3-8b, with the sizes of the published configuration. Weights are bf16 in shards, as
published models are. Each matrix has singular values that fall as a power law, like those of trained models: it is made
of a diagonal and of orthogonal transforms (cosine transforms with random signs and permutations), one matrix at a time,
so that it takes little memory. The tokenizer of another model is copied beside it; its vocabulary must not be larger.

Needs numpy and scipy (checked with 2.4 and 1.17).
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import numpy as np
from scipy.fft import dct

LLAMA_BLOCK = {
    "input_layernorm": ["d"],
    "self_attn.q_proj": ["heads", "d"],
    "self_attn.k_proj": ["kv", "d"],
    "self_attn.v_proj": ["kv", "d"],
    "self_attn.o_proj": ["d", "heads"],
    "post_attention_layernorm": ["d"],
    "mlp.gate_proj": ["ff", "d"],
    "mlp.up_proj": ["ff", "d"],
    "mlp.down_proj": ["d", "ff"],
}

# Facts of the published configurations.
SHAPES = {
    "gpt-j-6b": {
        "sizes": {"d": 4096, "heads": 4096, "kv": 4096, "ff": 16384, "vocab": 50400, "layers": 28},
        "config": {
            "architectures": ["GPTJForCausalLM"], "model_type": "gptj", "vocab_size": 50400, "n_positions": 2048,
            "n_embd": 4096, "n_layer": 28, "n_head": 16, "rotary_dim": 64, "n_inner": None,
            "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": False,
        },
        "prefix": "transformer.", "layer": "h", "embedding": "wte", "norm": "ln_f", "norm_bias": True,
        "head_bias": True, "biases": ["mlp.fc_in", "mlp.fc_out", "ln_1"],
        "block": {
            "ln_1": ["d"],
            "attn.q_proj": ["heads", "d"], "attn.k_proj": ["kv", "d"], "attn.v_proj": ["kv", "d"],
            "attn.out_proj": ["d", "heads"],
            "mlp.fc_in": ["ff", "d"], "mlp.fc_out": ["d", "ff"],
        },
    },
    "llama-2-7b": {
        "sizes": {"d": 4096, "heads": 4096, "kv": 4096, "ff": 11008, "vocab": 32000, "layers": 32},
        "config": {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096,
            "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
            "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
            "tie_word_embeddings": False,
        },
        "prefix": "model.", "layer": "layers", "embedding": "embed_tokens", "norm": "norm", "block": LLAMA_BLOCK,
    },
    "qwen3-8b": {
        "sizes": {"d": 4096, "heads": 4096, "kv": 1024, "ff": 12288, "vocab": 151936, "layers": 36, "head_dim": 128},
        "config": {
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 4096,
            "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
            "head_dim": 128, "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "hidden_act": "silu", "attention_bias": False, "tie_word_embeddings": False,
        },
        "prefix": "model.", "layer": "layers", "embedding": "embed_tokens", "norm": "norm",
        "block": LLAMA_BLOCK | {"self_attn.q_norm": ["head_dim"], "self_attn.k_norm": ["head_dim"]},
    },
}
LAYER_KEY = {"gptj": "n_layer", "llama": "num_hidden_layers", "qwen3": "num_hidden_layers"}
# Singular value i falls as (i + 1) to this power.
POWER = -0.35
# Root mean square of the entries, as of usual initial weights.
SCALE = 0.02


def tensors(shape, layers):
    """Yields name and shape of every tensor in the order of the files."""
    sizes = shape["sizes"]
    prefix = shape["prefix"]
    yield f"{prefix}{shape['embedding']}.weight", [sizes["vocab"], sizes["d"]]
    for layer in range(layers):
        for name, dims in shape["block"].items():
            full = f"{prefix}{shape['layer']}.{layer}.{name}"
            dims = [sizes[dim] for dim in dims]
            yield f"{full}.weight", dims
            if name in shape.get("biases", []):
                yield f"{full}.bias", dims[:1]
    yield f"{prefix}{shape['norm']}.weight", [sizes["d"]]
    if shape.get("norm_bias"):
        yield f"{prefix}{shape['norm']}.bias", [sizes["d"]]
    yield "lm_head.weight", [sizes["vocab"], sizes["d"]]
    if shape.get("head_bias"):
        yield "lm_head.bias", [sizes["vocab"]]


def orthogonal(x, axis, rng):
    """Multiplies `x` along an axis with a random orthogonal matrix that has a fast form."""
    n = x.shape[axis]
    for _ in range(2):
        signs = rng.integers(0, 2, n).astype(np.float32) * 2 - 1
        x = x * (signs[:, None] if axis == 0 else signs)
        x = dct(np.take(x, rng.permutation(n), axis=axis), axis=axis, norm="ortho", workers=-1, overwrite_x=True)
    return x


def matrix(rows, columns, rng):
    """A matrix with a power law of singular values, f32."""
    rank = min(rows, columns)
    values = np.arange(1, rank + 1, dtype=np.float64) ** POWER
    values *= SCALE * math.sqrt(rows * columns) / np.linalg.norm(values)
    x = np.zeros((rows, columns), np.float32)
    x[np.arange(rank), np.arange(rank)] = values
    return orthogonal(orthogonal(x, 0, rng), 1, rng)


def bf16_bytes(x):
    """The values rounded to bf16, to the nearest even, as bytes."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def values(name, dims, rng):
    """The bytes of a tensor."""
    if len(dims) == 1:
        return bf16_bytes(np.zeros(dims) if name.endswith(".bias") else np.ones(dims))
    if dims[0] > 4 * dims[1]:  # the vocabulary: no spectrum of interest, and too large for one transform
        return b"".join(bf16_bytes(rng.standard_normal((n, dims[1]), np.float32) * SCALE) for n in parts(dims[0], 8192))
    return bf16_bytes(matrix(*dims, rng))


def parts(n, most):
    return [min(most, n - first) for first in range(0, n, most)]


def write_shard(path, shard, rng):
    """Writes one safetensors file."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dims in shard:
        size = 2 * math.prod(dims)
        header[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, dims in shard:
            file.write(values(name, dims, rng))
    print(path.name, f"{offset / 2**30:.2f} GiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="folder with tokenizer.json, which is copied")
    parser.add_argument("--layers", type=int, help="fewer layers than the model has")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard", type=float, default=5e9, help="most bytes of a shard")
    args = parser.parse_args()
    shape = SHAPES[args.shape]
    layers = args.layers or shape["sizes"]["layers"]
    args.folder.mkdir(parents=True)
    config = shape["config"] | {"torch_dtype": "bfloat16"}
    config[LAYER_KEY[config["model_type"]]] = layers
    (args.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for file in ["tokenizer.json", "tokenizer_config.json"]:
        if args.tokenizer and (args.tokenizer / file).is_file():
            shutil.copy(args.tokenizer / file, args.folder / file)
    shards, size = [[]], 0
    for name, dims in tensors(shape, layers):
        bytes_ = 2 * math.prod(dims)
        if shards[-1] and size + bytes_ > args.shard:
            shards.append([])
            size = 0
        shards[-1].append((name, dims))
        size += bytes_
    rng = np.random.default_rng(args.seed)
    places = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(args.folder / file, shard, rng)
        places |= {name: file for name, _ in shard}
    total = sum(2 * math.prod(dims) for _, dims in tensors(shape, layers))
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (args.folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


main()
