"""Writes random checkpoints of equal size, one for each family, for the benchmark `families`.

    python tools/make_bench_models.py --out ../bench-models
    LASER_BENCH_MODELS=$PWD/../bench-models cargo bench -p laser-rank --bench families

The configurations are those of the goldens with the sizes below; all have as many values in a block as the sizes
allow, so that work a token can be counted from the matrices alone. About 60 MB each.
"""

import argparse
import dataclasses
import json
import pathlib

from make_family_goldens import FAMILIES, draw
from safetensors.torch import save_file

PICKED = [
    "qwen3", "gemma2", "gemma3_text", "olmo2", "stablelm", "granite", "smollm3", "phi3", "mixtral", "qwen3_moe",
    "gpt2", "gptj", "gpt_neox", "gpt_neo", "opt", "phi", "bloom", "falcon-new", "bert", "roberta",
]  # fmt: skip
SIZES = [
    ({"hidden_size", "n_embd", "n_embed", "d_model", "dim", "word_embed_proj_dim"}, 512),
    ({"num_hidden_layers", "n_layer", "num_layers", "n_layers"}, 6),
    ({"num_attention_heads", "n_head", "num_heads", "n_heads"}, 8),
    ({"num_key_value_heads", "num_kv_heads"}, 4),
    ({"head_dim", "rotary_dim"}, 64),
    ({"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "hidden_dim"}, 2048),
    ({"moe_intermediate_size"}, 512),
    ({"max_position_embeddings", "n_positions", "n_ctx"}, 512),
    ({"original_max_position_embeddings"}, 512),
    ({"sliding_window", "window_size"}, 256),
    ({"vocab_size"}, 2048),
    ({"query_pre_attn_scalar"}, 64),
]


def scaled(config):
    sizes = {key: size for keys, size in SIZES for key in keys}
    config = {key: sizes[key] if key in sizes and value is not None else value for key, value in config.items()}
    if "layer_types" in config:
        config["layer_types"] = ["full_attention"] * 6
    if "no_rope_layers" in config:
        config["no_rope_layers"] = [1, 1, 1, 0, 1, 1]
    if "attention_types" in config:
        config["attention_types"] = [[["global", "local"], 3]]
        config["attention_layers"] = ["global", "local"] * 3
    return config


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", required=True, type=pathlib.Path, help="folder to write to")
    out = args.parse_args().out
    # Llama itself is what the others are measured against.
    llama = FAMILIES["qwen3"].config | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    llama = {key: value for key, value in llama.items() if "window" not in key}
    families = {"llama": dataclasses.replace(FAMILIES["qwen3"], config=llama)}
    families |= {name: FAMILIES[name] for name in PICKED}
    for name, family in families.items():
        family = dataclasses.replace(family, config=scaled(family.config))
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(family.config, indent=2) + "\n")
        save_file(draw(name, family), folder / "model.safetensors", metadata={"format": "pt"})
        print(name)


if __name__ == "__main__":
    main()
