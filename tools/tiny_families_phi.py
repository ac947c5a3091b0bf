"""One tiny checkpoint for each form of Phi: configs as on the hub, and layouts."""

import re

import torch

from family_matrices import Layout
from tiny_families import VOCAB, Family, llama_like, separate, without, without_biases

PHI = {
    "architectures": ["PhiForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "embd_pdrop": 0.0,
    "eos_token_id": None,
    "hidden_act": "gelu_new",
    "hidden_size": 40,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 64,
    "model_type": "phi",
    "num_attention_heads": 5,
    "num_hidden_layers": 2,
    "num_key_value_heads": 5,
    "partial_rotary_factor": 0.5,
    "qk_layernorm": False,
    "resid_pdrop": 0.0,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": VOCAB,
}


def phi_layout():
    layout = separate(5, 5, 8, o="dense", mlp=())
    layout.mlp = {"up_proj": "model.layers.{}.mlp.fc1.weight", "down_proj": "model.layers.{}.mlp.fc2.weight"}
    return layout


def phi_msft(tensors):
    """Names and fused q k v of the remote code of Phi-1 and Phi-1.5."""
    renamed = {}
    for name, tensor in tensors.items():
        layer = re.match(r"model\.layers\.(\d+)\.(.*)", name)
        if layer is None:
            renamed[
                name.replace("model.embed_tokens", "transformer.embd.wte")
                .replace("lm_head", "lm_head.linear")
                .replace("model.final_layernorm", "lm_head.ln")
            ] = tensor
            continue
        block, part = f"transformer.h.{layer[1]}.", layer[2]
        if part.startswith("self_attn.q_proj"):
            fused = [tensors[name.replace("q_proj", kind)] for kind in ("q_proj", "k_proj", "v_proj")]
            renamed[block + part.replace("self_attn.q_proj", "mixer.Wqkv")] = torch.cat(fused)
        elif not part.startswith(("self_attn.k_proj", "self_attn.v_proj")):
            part = part.replace("self_attn.dense", "mixer.out_proj").replace("input_layernorm", "ln")
            renamed[block + part] = tensor
    return renamed


def phi_of_msft(config, tensors):
    """The same model in the form transformers reads."""
    keys = {
        "n_embd": "hidden_size",
        "n_layer": "num_hidden_layers",
        "n_head": "num_attention_heads",
        "n_positions": "max_position_embeddings",
        "layer_norm_epsilon": "layer_norm_eps",
        "activation_function": "hidden_act",
    }
    config = {keys.get(k, k): v for k, v in config.items() if k not in ("auto_map", "n_inner", "n_head_kv")} | {
        "model_type": "phi",
        "intermediate_size": config["n_inner"] or 4 * config["n_embd"],
        "partial_rotary_factor": config["rotary_dim"] / (config["n_embd"] // config["n_head"]),
    }
    renamed = {}
    for name, tensor in tensors.items():
        name = name.replace("transformer.embd.wte", "model.embed_tokens")
        name = name.replace("lm_head.ln", "model.final_layernorm").replace("lm_head.linear", "lm_head")
        name = re.sub(r"^transformer\.h\.(\d+)\.", r"model.layers.\1.", name)
        name = re.sub(r"(\d)\.ln\.", r"\1.input_layernorm.", name).replace("mixer.out_proj", "self_attn.dense")
        if "Wqkv" in name:
            for kind, part in zip("qkv", tensor.chunk(3)):
                renamed[name.replace("mixer.Wqkv", f"self_attn.{kind}_proj")] = part.contiguous()
        else:
            renamed[name] = tensor
    return config, renamed


def fused_phi3(heads, kv_heads, head_dim, width):
    return Layout(
        heads,
        kv_heads,
        head_dim,
        qkv="model.layers.{}.self_attn.qkv_proj.weight",
        fused="stacked",
        o="model.layers.{}.self_attn.o_proj.weight",
        gate_up="model.layers.{}.mlp.gate_up_proj.weight",
        mlp={"gate_proj": str(width), "up_proj": str(width), "down_proj": "model.layers.{}.mlp.down_proj.weight"},
    )


FAMILIES = {
    "phi": Family(
        "parallel block with one norm, rotary over half a head, biases everywhere and on the head",
        PHI,
        phi_layout(),
        without={"biases": without_biases, "head bias": without("lm_head.bias")},
    ),
    "phi-msft": Family(
        "the weights of phi under the names of the older remote code, q k v fused",
        {
            "activation_function": "gelu_new",
            "architectures": ["PhiForCausalLM"],
            "attn_pdrop": 0.0,
            "auto_map": {
                "AutoConfig": "configuration_phi.PhiConfig",
                "AutoModelForCausalLM": "modeling_phi.PhiForCausalLM",
            },
            "embd_pdrop": 0.0,
            "flash_attn": False,
            "flash_rotary": False,
            "fused_dense": False,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-5,
            "model_type": "phi-msft",
            "n_embd": 40,
            "n_head": 5,
            "n_head_kv": None,
            "n_inner": 64,
            "n_layer": 2,
            "n_positions": 64,
            "resid_pdrop": 0.0,
            "rotary_dim": 4,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "vocab_size": VOCAB,
        },
        Layout(
            5,
            5,
            8,
            qkv="transformer.h.{}.mixer.Wqkv.weight",
            fused="stacked",
            o="transformer.h.{}.mixer.out_proj.weight",
            mlp={"up_proj": "transformer.h.{}.mlp.fc1.weight", "down_proj": "transformer.h.{}.mlp.fc2.weight"},
        ),
        hub=phi_msft,
        readable=phi_of_msft,
        weights_of="phi",
    ),
    "phi3": Family(
        "q k v and gate up fused; a window of five",
        llama_like(
            "phi3", "Phi3ForCausalLM", embd_pdrop=0.0, original_max_position_embeddings=64, pad_token_id=0,
            resid_pdrop=0.0, rms_norm_eps=1e-5, rope_scaling=None, sliding_window=5,
        ),
        fused_phi3(9, 3, 4, 44),
        without={"window": {"sliding_window": None}},
    ),
    "phi3-longrope": Family(
        "as Phi-4-mini: rotary over three quarters of a head, longrope: sequence 0 uses the long factors, 1 the short",
        llama_like(
            "phi3", "Phi3ForCausalLM", embd_pdrop=0.0, full_attn_mod=1, hidden_size=40, lm_head_bias=False,
            attention_bias=False, interpolate_factor=1, mlp_bias=False, max_position_embeddings=32,
            num_attention_heads=5, num_key_value_heads=1,
            original_max_position_embeddings=8, pad_token_id=0, partial_rotary_factor=0.75, resid_pdrop=0.0,
            rms_norm_eps=1e-5,
            rope_scaling={"long_factor": [1.0, 3.0, 8.0], "short_factor": [1.0, 1.2, 1.5], "type": "longrope"},
            sliding_window=262144,
        )
        | {"tie_word_embeddings": True},
        fused_phi3(5, 1, 8, 44),
        lengths=(14, 6),
        without={
            "longrope": {"rope_scaling": None},
            "whole rotary": {
                "partial_rotary_factor": 1.0,
                "rope_scaling": {
                    "long_factor": [1.0, 3.0, 8.0, 8.0], "short_factor": [1.0, 1.2, 1.5, 2.0], "type": "longrope"
                },
            },
        },
    ),
}
