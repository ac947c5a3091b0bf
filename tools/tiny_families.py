"""One tiny checkpoint a family (and feature): takes nothing, gives configs in the hub's form and layouts.

Every entry of FAMILIES is one folder of goldens/families. `config` has the keys the hub's files have.
`without` names what is taken away to show that the golden depends on it: config keys to overwrite, or
a function of the file's tensors.
"""

import dataclasses
from collections.abc import Callable

import torch

from family_matrices import Layout

VOCAB = 96
MASK = VOCAB - 1


@dataclasses.dataclass
class Family:
    """One checkpoint, where its matrices are, how its file differs from what transformers writes."""

    about: str
    config: dict
    layout: Layout
    kind: str = "causal"  # or "masked", "decision"
    lengths: tuple[int, int] = (12, 7)
    # transformers' saved tensors -> the hub's; transformers must read them back, or `readable` undoes it.
    hub: Callable | None = None
    readable: Callable | None = None
    without: dict = dataclasses.field(default_factory=dict)
    # Norm weights are stored as their difference from one.
    norm_offset: bool = False
    # Factors on the width of the weights whose names contain the key.
    widths: dict[str, float] = dataclasses.field(default_factory=dict)


def causal_mask(positions, dtype=torch.float32):
    return torch.ones(positions, positions).tril().to(dtype)[None, None]


def without_biases(tensors):
    """Of the matrices only: norms keep theirs."""
    return {
        k: v if not k.endswith("bias") or "norm" in k.lower() or ".ln" in k else torch.zeros_like(v)
        for k, v in tensors.items()
    }


def without(part):
    """Zeroes the tensors whose name contains `part`."""
    return lambda tensors: {k: torch.zeros_like(v) if part in k else v for k, v in tensors.items()}


def ones(part):
    """Makes the tensors whose name contains `part` ones."""
    return lambda tensors: {k: torch.ones_like(v) if part in k else v for k, v in tensors.items()}


def gpt2(**kw):
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": 1,
        "embd_pdrop": 0.1,
        "eos_token_id": 2,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "model_type": "gpt2",
        "n_ctx": 32,
        "n_embd": 30,
        "n_head": 5,
        "n_layer": 2,
        "n_positions": 32,
        "resid_pdrop": 0.1,
        "summary_activation": None,
        "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "vocab_size": VOCAB,
    } | kw


def gpt2_layout(heads, head_dim, prefix="transformer."):
    block = prefix + "h.{}."
    return Layout(
        heads,
        heads,
        head_dim,
        qkv=block + "attn.c_attn.weight",
        fused="stacked",
        o=block + "attn.c_proj.weight",
        mlp={"up_proj": block + "mlp.c_fc.weight", "down_proj": block + "mlp.c_proj.weight"},
        conv1d=True,
    )


def gpt2_hub(tensors):
    """No `transformer.`, and the masks that old versions stored."""
    bare = {k.removeprefix("transformer."): v for k, v in tensors.items()}
    return bare | {f"h.{i}.attn.bias": causal_mask(32) for i in range(3)}


def with_masks(pattern, layers, positions, masked_bias=True):
    """The buffers old versions stored: a bool mask of positions and what is put in its place."""

    def hub(tensors):
        extra = {pattern.format(i) + "bias": causal_mask(positions, torch.bool) for i in range(layers)}
        if masked_bias:
            extra |= {pattern.format(i) + "masked_bias": torch.tensor(-1e9) for i in range(layers)}
        return tensors | extra

    return hub


def neox(**kw):
    return {
        "architectures": ["GPTNeoXForCausalLM"],
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "gelu",
        "hidden_size": 40,
        "initializer_range": 0.02,
        "intermediate_size": 56,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 64,
        "model_type": "gpt_neox",
        "num_attention_heads": 5,
        "num_hidden_layers": 2,
        "rotary_emb_base": 10000,
        "rotary_pct": 0.5,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_cache": True,
        "use_parallel_residual": True,
        "vocab_size": VOCAB,
    } | kw


def neox_layout(heads, head_dim):
    block = "gpt_neox.layers.{}."
    return Layout(
        heads,
        heads,
        head_dim,
        qkv=block + "attention.query_key_value.weight",
        fused="grouped",
        o=block + "attention.dense.weight",
        mlp={"up_proj": block + "mlp.dense_h_to_4h.weight", "down_proj": block + "mlp.dense_4h_to_h.weight"},
    )


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


def separate(heads, kv_heads, head_dim, block="model.layers.{}.", o="o_proj", mlp=("gate", "up", "down"), **kw):
    """The Llama names."""
    attention = block + "self_attn."
    return Layout(
        heads,
        kv_heads,
        head_dim,
        q=attention + "q_proj.weight",
        k=attention + "k_proj.weight",
        v=attention + "v_proj.weight",
        o=attention + o + ".weight",
        mlp={f"{m}_proj": f"{block}mlp.{m}_proj.weight" for m in mlp},
        **kw,
    )


def phi_layout():
    layout = separate(5, 5, 8, o="dense", mlp=())
    layout.mlp = {"up_proj": "model.layers.{}.mlp.fc1.weight", "down_proj": "model.layers.{}.mlp.fc2.weight"}
    return layout


def encoder(model_type, architecture, **kw):
    return {
        "architectures": [architecture],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 36,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 32,
        "model_type": model_type,
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "type_vocab_size": 2,
        "vocab_size": VOCAB,
    } | kw


def encoder_layout(prefix):
    block = prefix + ".encoder.layer.{}."
    return Layout(
        3,
        3,
        12,
        q=block + "attention.self.query.weight",
        k=block + "attention.self.key.weight",
        v=block + "attention.self.value.weight",
        o=block + "attention.output.dense.weight",
        mlp={"up_proj": block + "intermediate.dense.weight", "down_proj": block + "output.dense.weight"},
    )


def roberta_hub(tensors):
    return tensors | {"roberta.embeddings.position_ids": torch.arange(34)[None]}


GEMMA3 = {
    "architectures": ["Gemma3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "attn_logit_softcapping": None,
    "bos_token_id": 2,
    "cache_implementation": "hybrid",
    "eos_token_id": 1,
    "final_logit_softcapping": None,
    "head_dim": 12,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 30,
    "initializer_range": 0.02,
    "intermediate_size": 44,
    "max_position_embeddings": 64,
    "model_type": "gemma3_text",
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "query_pre_attn_scalar": 20,
    "rms_norm_eps": 1e-6,
    "rope_local_base_freq": 100.0,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "sliding_window": 4,
    "sliding_window_pattern": 2,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": VOCAB,
}

FAMILIES = {
    "gpt2": Family("five heads, MLP four times as wide", gpt2(), gpt2_layout(5, 6), without={"biases": without_biases}),
    "gpt2-bare": Family(
        "three heads, n_inner given, the names without `transformer.` and with the stored masks",
        gpt2(n_embd=36, n_head=3, n_inner=50, n_layer=3),
        gpt2_layout(3, 12, ""),
        hub=gpt2_hub,
        without={"positions": without("wpe")},
    ),
    "gptj": Family(
        "parallel block, interleaved rotary over four of six dimensions, a bias on the head",
        {
            "activation_function": "gelu_new",
            "architectures": ["GPTJForCausalLM"],
            "attn_pdrop": 0.0,
            "bos_token_id": 1,
            "embd_pdrop": 0.0,
            "eos_token_id": 2,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-5,
            "model_type": "gptj",
            "n_embd": 30,
            "n_head": 5,
            "n_inner": None,
            "n_layer": 2,
            "n_positions": 32,
            "resid_pdrop": 0.0,
            "rotary": True,
            "rotary_dim": 4,
            "scale_attn_weights": True,
            "tie_word_embeddings": False,
            "use_cache": True,
            "vocab_size": VOCAB,
        },
        Layout(
            5,
            5,
            6,
            q="transformer.h.{}.attn.q_proj.weight",
            k="transformer.h.{}.attn.k_proj.weight",
            v="transformer.h.{}.attn.v_proj.weight",
            o="transformer.h.{}.attn.out_proj.weight",
            mlp={
                "up_proj": "transformer.h.{}.mlp.fc_in.weight",
                "down_proj": "transformer.h.{}.mlp.fc_out.weight",
            },
        ),
        hub=with_masks("transformer.h.{}.attn.", 2, 32),
        without={"whole rotary": {"rotary_dim": 6}, "head bias": without("lm_head.bias")},
    ),
    "gpt_neox": Family(
        "parallel residual, rotary over half a head, fused q k v per head, stored masks",
        neox(),
        neox_layout(5, 8),
        hub=with_masks("gpt_neox.layers.{}.attention.", 2, 64),
        without={"parallel residual": {"use_parallel_residual": False}, "biases": without_biases},
    ),
    "gpt_neox-serial": Family(
        "residuals one after the other, rotary over a quarter of a head",
        neox(
            hidden_size=24, num_attention_heads=3, intermediate_size=48, num_hidden_layers=3,
            rotary_pct=0.25, use_parallel_residual=False, rotary_emb_base=500,
        ),
        neox_layout(3, 8),
        without={"serial residual": {"use_parallel_residual": True}},
    ),
    "phi": Family(
        "parallel block with one norm, rotary over half a head, biases everywhere and on the head",
        PHI,
        phi_layout(),
        without={"biases": without_biases, "head bias": without("lm_head.bias")},
    ),
    "qwen3": Family(
        "norms on each head's q and k; head_dim is not hidden/heads; nine query heads on three",
        {
            "architectures": ["Qwen3ForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "head_dim": 8,
            "hidden_act": "silu",
            "hidden_size": 30,
            "initializer_range": 0.02,
            "intermediate_size": 44,
            "max_position_embeddings": 64,
            "max_window_layers": 2,
            "model_type": "qwen3",
            "num_attention_heads": 9,
            "num_hidden_layers": 2,
            "num_key_value_heads": 3,
            "rms_norm_eps": 1e-6,
            "rope_scaling": None,
            "rope_theta": 1000000,
            "sliding_window": None,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "use_cache": True,
            "use_sliding_window": False,
            "vocab_size": VOCAB,
        },
        separate(9, 3, 8),
        without={"q norm": ones("q_norm"), "k norm": ones("k_norm")},
    ),
    "gemma3_text": Family(
        "every second layer global, the others with a window of four and their own rotary base; q and k norms",
        GEMMA3,
        separate(3, 1, 12),
        norm_offset=True,
        without={
            "window": {"sliding_window": 64},
            "q norm": without("q_norm"),
            "query_pre_attn_scalar": {"query_pre_attn_scalar": 12},
            "local base": {"rope_local_base_freq": 10000.0},
        },
    ),
    "roberta": Family(
        "norm after the residual, positions from two on, masked-LM head with its own norm",
        encoder(
            "roberta", "RobertaForMaskedLM", bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5,
            max_position_embeddings=34, pad_token_id=1, type_vocab_size=1,
        ),
        encoder_layout("roberta"),
        kind="masked",
        hub=roberta_hub,
        without={"positions": without("position_embeddings"), "token type": without("token_type_embeddings")},
    ),
}
