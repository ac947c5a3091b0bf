"""Tiny seeded checkpoints: takes nothing, gives Hugging Face folders that differ in one feature each.

Every entry of MODELS is one folder. `config` is written as the hub writes it (the older
`rope_theta` + `rope_scaling` pair in most, `rope_parameters` in some, since both are met);
`without` names what is taken away to show that the golden depends on the feature.
"""

import dataclasses
import json
import math
import pathlib
import zlib

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

SEED = 20231221


@dataclasses.dataclass
class Tiny:
    """One checkpoint: its config, how it is stored, and what its golden must be sensitive to."""

    about: str
    config: dict
    lengths: tuple[int, int] = (12, 7)
    dtype: torch.dtype = torch.float32
    shards: int = 1
    tokenizer: bool = False
    # Config keys to overwrite, or "biases" to zero all biases, when asking whether the feature matters.
    without: dict | str | None = None


def llama(**kw):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | kw


def scaled(**scaling):
    """Two heads of 16, so that eight rotary frequencies fall on both sides of every threshold."""
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
    return llama(rope_scaling=scaling, **heads)


UNSCALED = {"rope_scaling": None}

MODELS = {
    "llama-gqa-untied": Tiny(
        "nine query heads on three key/value heads, separate output head",
        llama(hidden_size=36, intermediate_size=52, num_hidden_layers=3, num_attention_heads=9, num_key_value_heads=3),
    ),
    "llama-tied": Tiny(
        "tied embeddings, as many key/value heads as query heads, config in the rope_parameters form",
        {k: v for k, v in llama().items() if k not in ("rope_theta", "rope_scaling")}
        | {
            "num_key_value_heads": 4,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
        },
        without={"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
    ),
    "llama3-rope": Tiny(
        "rope_scaling llama3: kept, blended and divided frequencies",
        scaled(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=64,
        ),
        lengths=(20, 7),
        without=UNSCALED,
    ),
    "llama-linear": Tiny(
        "rope_scaling linear, under its old key `type`",
        scaled(type="linear", factor=2.0),
        without=UNSCALED,
    ),
    "llama-dynamic": Tiny(
        "rope_scaling dynamic: the first sequence is longer than the 8 positions of training, the second is not",
        scaled(type="dynamic", factor=2.0) | {"max_position_embeddings": 8},
        lengths=(14, 6),
        without=UNSCALED,
    ),
    "llama-yarn": Tiny(
        "rope type yarn, config in the rope_parameters form, attention factor inferred",
        {k: v for k, v in scaled().items() if k not in ("rope_theta", "rope_scaling")}
        | {
            "max_position_embeddings": 1024,
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 256,
            },
        },
        lengths=(20, 7),
        without={"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
    ),
    "llama-longrope": Tiny(
        "rope_scaling longrope: the first sequence uses the long factors, the second the short ones",
        scaled(
            rope_type="longrope",
            factor=4.0,
            original_max_position_embeddings=8,
            short_factor=[1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0],
            long_factor=[1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0],
        )
        | {"max_position_embeddings": 32},
        lengths=(14, 6),
        without=UNSCALED,
    ),
    "mistral-window": Tiny(
        "each token sees itself and the three before it; head_dim is not hidden/heads",
        {k: v for k, v in llama().items() if k not in ("attention_bias", "mlp_bias")}
        | {
            "architectures": ["MistralForCausalLM"],
            "model_type": "mistral",
            "hidden_size": 40,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "sliding_window": 4,
        },
        without={"sliding_window": None},
    ),
    "qwen2-bias": Tiny(
        "biases on q, k and v only, tied embeddings, a window that is switched off",
        {k: v for k, v in llama().items() if k not in ("attention_bias", "mlp_bias")}
        | {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "tie_word_embeddings": True,
            "rope_theta": 1000000.0,
            "rms_norm_eps": 1e-6,
            "use_sliding_window": False,
            "sliding_window": 4,
            "max_window_layers": 1,
        },
        without="biases",
    ),
    "llama-bias": Tiny(
        "biases on all seven matrices, three query heads of 10 (not hidden/heads) on one key/value head",
        llama(
            hidden_size=36,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=10,
            attention_bias=True,
            mlp_bias=True,
        ),
        without="biases",
    ),
    "llama-sharded": Tiny(
        "four layers in two shards with an index",
        llama(num_hidden_layers=4, intermediate_size=40),
        shards=2,
    ),
    "llama-bf16": Tiny("stored in bf16, computed in f32", llama(torch_dtype="bfloat16"), dtype=torch.bfloat16),
    "llama-f16": Tiny("stored in f16, computed in f32", llama(torch_dtype="float16"), dtype=torch.float16),
    "llama-bytes": Tiny(
        "with a byte-level tokenizer: 256 bytes, six merges, two special tokens",
        llama(vocab_size=264, tie_word_embeddings=True, bos_token_id=262, eos_token_id=263),
        tokenizer=True,
    ),
}


def write(name, folder):
    """Writes the checkpoint `name` to `folder`, in its own dtype and sharding."""
    tiny = MODELS[name]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(tiny.config, indent=2) + "\n")
    config = AutoConfig.from_pretrained(folder)
    shapes = {k: v.shape for k, v in AutoModelForCausalLM.from_config(config).state_dict().items()}
    if config.tie_word_embeddings:
        del shapes["lm_head.weight"]
    # One stream a checkpoint, seeded by its name: adding a model leaves the others as they are.
    stream = torch.Generator().manual_seed(SEED + zlib.crc32(name.encode()))
    tensors = {k: random(k, shapes[k], stream).to(tiny.dtype) for k in sorted(shapes)}
    save(tensors, folder, tiny.shards)
    if tiny.tokenizer:
        write_tokenizer(folder)


def random(name, shape, stream):
    """Weights wide enough that attention is selective and logits are spread; no norm or bias is trivial."""
    noise = torch.randn(shape, generator=stream)
    if name.endswith("norm.weight"):
        return 1.0 + 0.3 * noise
    if name.endswith("bias"):
        return 0.5 * noise
    return noise * (0.5 if "embed" in name else 1.8 / math.sqrt(shape[-1]))


def save(tensors, folder, shards):
    """One `model.safetensors`, or `shards` files of consecutive tensors and the index that names them."""
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    each = -(-len(names) // shards)
    weight_map = {}
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = names[i * each : (i + 1) * each]
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_tokenizer(folder):
    """A byte-level BPE whose vocabulary is every byte, six merges and two special tokens."""
    merges = [("h", "e"), ("Ġ", "t"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a"), ("e", "r")]
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet()) + [a + b for a, b in merges]
    bpe = models.BPE({piece: i for i, piece in enumerate(pieces)}, merges)
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|start|>", special=True), AddedToken("<|end|>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|start|>",
        "eos_token": "<|end|>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
