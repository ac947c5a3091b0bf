"""One tiny checkpoint a family (and feature), the decoders before Llama: configs as on the hub, and layouts."""

import torch

from family_matrices import Layout
from tiny_families import VOCAB, Family, causal_mask, without, without_biases, zero_row


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


def decoder_layout(block, heads, head_dim, o, up, down, **kw):
    """Separate q, k, v and two MLP matrices."""
    return Layout(
        heads,
        heads,
        head_dim,
        **{kind: f"{block}{kind}_proj.weight" for kind in "qkv"},
        o=block + o + ".weight",
        mlp={"up_proj": up + ".weight", "down_proj": down + ".weight"},
        **kw,
    )


def opt(**kw):
    return {
        "activation_dropout": 0.0,
        "activation_function": "relu",
        "architectures": ["OPTForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "do_layer_norm_before": True,
        "dropout": 0.1,
        "eos_token_id": 2,
        "ffn_dim": 56,
        "hidden_size": 36,
        "init_std": 0.02,
        "layerdrop": 0.0,
        "max_position_embeddings": 32,
        "model_type": "opt",
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "prefix": "</s>",
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": VOCAB,
        "word_embed_proj_dim": 36,
    } | kw


def opt_layout(prefix, heads, head_dim):
    block = prefix + "layers.{}."
    return decoder_layout(block + "self_attn.", heads, head_dim, "out_proj", block + "fc1", block + "fc2")


def bloom(**kw):
    return {
        "apply_residual_connection_post_layernorm": False,
        "architectures": ["BloomForCausalLM"],
        "attention_dropout": 0.0,
        "attention_softmax_in_fp32": True,
        "bias_dropout_fusion": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_dropout": 0.0,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "masked_softmax_fusion": True,
        "model_type": "bloom",
        "n_inner": None,
        "n_layer": 2,
        "offset_alibi": 100,
        "pad_token_id": 3,
        "pretraining_tp": 1,
        "skip_bias_add": True,
        "skip_bias_add_qkv": False,
        "use_cache": True,
        "vocab_size": VOCAB,
    } | kw


def falcon(**kw):
    return {
        "alibi": False,
        "architectures": ["FalconForCausalLM"],
        "attention_dropout": 0.0,
        "bias": False,
        "bos_token_id": 11,
        "eos_token_id": 11,
        "hidden_dropout": 0.0,
        "hidden_size": 24,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "model_type": "falcon",
        "multi_query": True,
        "new_decoder_architecture": False,
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "parallel_attn": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": VOCAB,
    } | kw


def grouped_layout(block, heads, kv_heads, head_dim):
    """The names Bloom and Falcon share."""
    return Layout(
        heads,
        kv_heads,
        head_dim,
        qkv=block + "self_attention.query_key_value.weight",
        fused="grouped",
        o=block + "self_attention.dense.weight",
        mlp={"up_proj": block + "mlp.dense_h_to_4h.weight", "down_proj": block + "mlp.dense_4h_to_h.weight"},
    )


def falcon_hub(tensors):
    """The tied head is in the file all the same."""
    return tensors | {"lm_head.weight": tensors["transformer.word_embeddings.weight"].clone()}


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
    "opt": Family(
        "norm before, positions two further on",
        opt(),
        opt_layout("model.decoder.", 3, 12),
        without={"positions": without("embed_positions"), "biases": without_biases},
    ),
    "opt-post-norm": Family(
        "norm after the residual and none at the end, as OPT-350M; the names without `model.`",
        opt(hidden_size=30, word_embed_proj_dim=30, ffn_dim=44, num_attention_heads=5, do_layer_norm_before=False),
        opt_layout("decoder.", 5, 6),
        hub=lambda tensors: {k.removeprefix("model."): v for k, v in tensors.items()},
    ),
    "gpt_neo": Family(
        "global and local layers in turn, a window of four, scores not scaled, stored masks",
        {
            "activation_function": "gelu_new",
            "architectures": ["GPTNeoForCausalLM"],
            "attention_dropout": 0,
            "attention_layers": ["global", "local", "global"],
            "attention_types": [[["global", "local"], 1], [["global"], 1]],
            "bos_token_id": 1,
            "embed_dropout": 0,
            "eos_token_id": 2,
            "hidden_size": 24,
            "initializer_range": 0.02,
            "intermediate_size": None,
            "layer_norm_epsilon": 1e-5,
            "max_position_embeddings": 32,
            "model_type": "gpt_neo",
            "num_heads": 3,
            "num_layers": 3,
            "resid_dropout": 0,
            "use_cache": True,
            "vocab_size": VOCAB,
            "window_size": 4,
        },
        decoder_layout(
            "transformer.h.{}.attn.attention.",
            3,
            8,
            "out_proj",
            "transformer.h.{}.mlp.c_fc",
            "transformer.h.{}.mlp.c_proj",
        ),
        hub=with_masks("transformer.h.{}.attn.attention.", 3, 32),
        without={"window": {"window_size": 32}, "positions": without("wpe")},
        widths={"q_proj": 0.4},
    ),
    "bloom": Family(
        "nine heads, so that one slope is no power of two; norm after the embedding; names without `transformer.`",
        bloom(n_embed=27, num_attention_heads=9),
        grouped_layout("h.{}.", 9, 9, 3),
        hub=lambda tensors: {k.removeprefix("transformer."): v for k, v in tensors.items()},
        without={"biases": without_biases},
    ),
    "bloom-prefix": Family(
        "three heads, the residual taken after the norm, config in the newer form, names with `transformer.`",
        bloom(hidden_size=24, n_head=3, apply_residual_connection_post_layernorm=True),
        grouped_layout("transformer.h.{}.", 3, 3, 8),
        without={"residual after norm": {"apply_residual_connection_post_layernorm": False}},
        widths={"dense_4h_to_h": 0.4, "self_attention.dense": 2.0},
    ),
    "falcon": Family(
        "as 7B: one key/value head, parallel block with one norm, rotary; the tied head is stored too",
        falcon(),
        grouped_layout("transformer.h.{}.", 3, 1, 8),
        hub=falcon_hub,
    ),
    "falcon-new": Family(
        "as 40B: nine query heads on three, one norm for attention and one for the MLP",
        falcon(
            new_decoder_architecture=True, num_attention_heads=9, num_kv_heads=3, hidden_size=36, ffn_hidden_size=64
        ),
        grouped_layout("transformer.h.{}.", 9, 3, 4),
    ),
    "falcon-one-norm": Family(
        "as 11B: grouped heads with one norm",
        falcon(
            new_decoder_architecture=True, num_ln_in_parallel_attn=1, num_attention_heads=6, num_kv_heads=3,
            hidden_size=24, ffn_hidden_size=40, rope_theta=500.0, tie_word_embeddings=False,
        ),
        grouped_layout("transformer.h.{}.", 6, 3, 4),
    ),
    "falcon-alibi": Family(
        "as RW-1B: ALiBi in bf16, nine heads, biases, residuals one after the other",
        falcon(
            alibi=True, bias=True, multi_query=False, parallel_attn=False, num_attention_heads=9, hidden_size=36,
            ffn_hidden_size=56,
        ),
        grouped_layout("transformer.h.{}.", 9, 9, 4),
        without={"ALiBi": {"alibi": False}, "biases": without_biases},
        # The eager form of transformers 5.23 adds ALiBi twice: with the mask, and by itself.
        attention="sdpa",
    ),
    "decision_transformer": Family(
        "returns, states and actions in place of tokens; every position takes the first position embedding",
        {
            "act_dim": 3,
            "action_tanh": True,
            "activation_function": "relu",
            "architectures": ["DecisionTransformerModel"],
            "attn_pdrop": 0.1,
            "bos_token_id": 50256,
            "embd_pdrop": 0.1,
            "eos_token_id": 50256,
            "hidden_size": 24,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-5,
            "max_ep_len": 20,
            "model_type": "decision_transformer",
            "n_head": 3,
            "n_inner": None,
            "n_layer": 2,
            "n_positions": 24,
            "reorder_and_upcast_attn": False,
            "resid_pdrop": 0.1,
            "scale_attn_by_inverse_layer_idx": False,
            "scale_attn_weights": True,
            "state_dim": 5,
            "torch_dtype": "float32",
            "use_cache": True,
            "vocab_size": 1,
        },
        gpt2_layout(3, 8, "encoder."),
        kind="decision",
        lengths=(5, 3),
        hub=lambda tensors: tensors
        | {f"encoder.h.{i}.attn.bias": causal_mask(24) for i in range(2)}
        | {f"encoder.h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(2)},
        without={
            "wpe[0]": lambda tensors: tensors | {"encoder.wpe.weight": zero_row(tensors["encoder.wpe.weight"])},
            "timesteps": without("embed_timestep"),
        },
        widths={"predict_action": 0.4},
    ),
}
