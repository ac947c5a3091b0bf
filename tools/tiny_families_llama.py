"""One tiny checkpoint a family (and feature), the descendants of Llama: configs as on the hub, and layouts."""

import torch

from tiny_families import VOCAB, Family, llama_like, ones, separate, without, without_biases


def gated(*names, block="model.layers.{}.mlp."):
    return {m: f"{block}{name}.weight" for m, name in zip(("gate_proj", "up_proj", "down_proj"), names)}


QWEN_EXPERTS = gated("gate_proj", "up_proj", "down_proj", block="model.layers.{}.mlp.experts.{e}.")
QWEN_SHARED = gated("gate_proj", "up_proj", "down_proj", block="model.layers.{}.mlp.shared_expert.")
QWEN_ROUTER = "model.layers.{}.mlp.gate.weight"


def qwen2_moe(**kw):
    return llama_like(
        "qwen2_moe",
        "Qwen2MoeForCausalLM",
        decoder_sparse_step=1,
        max_window_layers=1,
        moe_intermediate_size=12,
        norm_topk_prob=False,
        num_experts=5,
        num_experts_per_tok=2,
        output_router_logits=False,
        qkv_bias=True,
        router_aux_loss_coef=0.001,
        shared_expert_intermediate_size=20,
        sliding_window=4,
        use_sliding_window=False,
        hidden_size=24,
        num_attention_heads=3,
        num_key_value_heads=1,
    ) | kw


def gemma3_text(config, tensors):
    """The language model of the multimodal file, as transformers reads it alone."""
    text = {"architectures": ["Gemma3ForCausalLM"]} | config["text_config"]
    part = {k.removeprefix("language_model."): v for k, v in tensors.items() if k.startswith("language_model.")}
    return text, part


def multimodal(tensors):
    return {"language_model." + k: v for k, v in tensors.items()} | {
        "multi_modal_projector.mm_input_projection_weight": torch.ones(4, 30),
        "multi_modal_projector.mm_soft_emb_norm.weight": torch.zeros(4),
        "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight": torch.ones(6, 4),
        "vision_tower.vision_model.post_layernorm.weight": torch.ones(4),
    }


def stablelm(**kw):
    config = llama_like(
        "stablelm", "StableLmForCausalLM", hidden_dropout=0.0, layer_norm_eps=1e-5, partial_rotary_factor=0.5,
        qk_layernorm=False, use_parallel_residual=False, use_qkv_bias=True,
    ) | kw
    del config["rms_norm_eps"]
    return config


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

GEMMA3_TEXT = {k: v for k, v in GEMMA3.items() if k not in ("architectures", "torch_dtype", "eos_token_id")}

FAMILIES = {
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
    "gemma3": Family(
        "the multimodal file: text_config inside, names under language_model., global layers' positions divided by 8",
        {
            "architectures": ["Gemma3ForConditionalGeneration"],
            "boi_token_index": 90,
            "eoi_token_index": 91,
            "eos_token_id": [1, 2],
            "image_token_index": 92,
            "initializer_range": 0.02,
            "mm_tokens_per_image": 4,
            "model_type": "gemma3",
            "text_config": GEMMA3_TEXT
            | {"num_hidden_layers": 2, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
            "torch_dtype": "float32",
            "vision_config": {"hidden_size": 4, "model_type": "siglip_vision_model", "num_hidden_layers": 1},
        },
        separate(3, 1, 12, block="language_model.model.layers.{}."),
        hub=multimodal,
        readable=gemma3_text,
        norm_offset=True,
        without={"divided positions": {"text_config": GEMMA3 | {"num_hidden_layers": 2}}},
    ),
    "gemma": Family(
        "embeddings scaled, norms with 1 + w, gelu that means its tanh form, head_dim 10 where hidden/heads is 8",
        llama_like(
            "gemma", "GemmaForCausalLM", attention_bias=False, head_dim=10, hidden_act="gelu", hidden_size=24,
            num_attention_heads=3, num_key_value_heads=1, pad_token_id=0, rope_scaling=None,
        )
        | {"tie_word_embeddings": True},
        separate(3, 1, 10),
        norm_offset=True,
    ),
    "gemma2": Family(
        "soft caps on scores and logits, window on every second layer, four norms a block",
        llama_like(
            "gemma2", "Gemma2ForCausalLM", attention_bias=True, attn_logit_softcapping=5.0,
            cache_implementation="hybrid", final_logit_softcapping=10.0, head_dim=8, hidden_act="gelu_pytorch_tanh",
            hidden_activation="gelu_pytorch_tanh", hidden_size=30, num_attention_heads=5, num_key_value_heads=1,
            pad_token_id=0, query_pre_attn_scalar=20, sliding_window=4,
        )
        | {"tie_word_embeddings": True},
        separate(5, 1, 8),
        norm_offset=True,
        without={
            "score cap": {"attn_logit_softcapping": None},
            "logit cap": {"final_logit_softcapping": None},
            "window": {"sliding_window": 64},
            "query_pre_attn_scalar": {"query_pre_attn_scalar": 8},
            "biases": without_biases,
        },
    ),
    "olmo2": Family(
        "norms after attention and MLP only, norms over all of q and all of k",
        llama_like(
            "olmo2", "Olmo2ForCausalLM", attention_bias=True, rms_norm_eps=1e-6, rope_scaling=None, rope_theta=500000
        ),
        separate(9, 3, 4),
        without={"q norm": ones("q_norm"), "k norm": ones("k_norm"), "biases": without_biases},
    ),
    "stablelm": Family(
        "LayerNorm with bias, rotary over half a head, biases on q, k and v",
        stablelm(),
        separate(9, 3, 4),
        without={"biases": without_biases, "whole rotary": {"partial_rotary_factor": 1.0}},
    ),
    "stablelm-parallel": Family(
        "parallel block with one norm, a norm for each head's q and k, as 12B",
        stablelm(
            use_parallel_residual=True, qk_layernorm=True, use_qkv_bias=False, partial_rotary_factor=0.25,
            hidden_size=24, num_attention_heads=3, num_key_value_heads=1,
        ),
        separate(3, 1, 8),
        without={"q norm": ones("q_layernorm")},
    ),
    "granite": Family(
        "multipliers of embedding, attention, residual and logits; biases everywhere",
        llama_like(
            "granite", "GraniteForCausalLM", attention_bias=True, attention_multiplier=0.3, embedding_multiplier=4.0,
            logits_scaling=3.0, mlp_bias=True, residual_multiplier=0.6, rope_scaling=None,
        )
        | {"tie_word_embeddings": True},
        separate(9, 3, 4),
        without={
            "attention_multiplier": {"attention_multiplier": 0.5},
            "embedding_multiplier": {"embedding_multiplier": 1.0},
            "residual_multiplier": {"residual_multiplier": 1.0},
            "logits_scaling": {"logits_scaling": 1.0},
            "biases": without_biases,
        },
    ),
    "smollm3": Family(
        "no rotation in the second of three layers",
        llama_like(
            "smollm3", "SmolLM3ForCausalLM", attention_bias=False, layer_types=["full_attention"] * 3,
            max_window_layers=3, mlp_bias=False, no_rope_layer_interval=2, no_rope_layers=[1, 0, 1],
            num_hidden_layers=3, pad_token_id=0, rope_scaling=None, rope_theta=50000.0, sliding_window=None,
            use_sliding_window=False, hidden_size=30, num_attention_heads=5, num_key_value_heads=1,
        )
        | {"tie_word_embeddings": True},
        separate(5, 1, 6),
        without={"layers without rotation": {"no_rope_layers": [1, 1, 1]}},
    ),
    "mixtral": Family(
        "four experts, two a token, their weights made to sum to one",
        llama_like(
            "mixtral", "MixtralForCausalLM", intermediate_size=20, num_experts_per_tok=2, num_local_experts=4,
            output_router_logits=False, rms_norm_eps=1e-5, rope_theta=1000000.0, router_aux_loss_coef=0.02,
            sliding_window=None,
        ),
        separate(
            9, 3, 4, mlp=(), router="model.layers.{}.block_sparse_moe.gate.weight",
            experts=gated("w1", "w3", "w2", block="model.layers.{}.block_sparse_moe.experts.{e}."),
        ),
    ),
    "qwen2_moe": Family(
        "five experts, two a token, weights left as they are, a shared expert with its own gate, biases on q, k and v",
        qwen2_moe(),
        separate(3, 1, 8, mlp=(), router=QWEN_ROUTER, experts=QWEN_EXPERTS, shared=QWEN_SHARED),
        without={
            "weights as they are": {"norm_topk_prob": True},
            "shared expert's gate": without("shared_expert_gate"),
            "biases": without_biases,
        },
    ),
    "qwen2_moe-sparse": Family(
        "experts in every second layer but not in the fourth, weights made to sum to one",
        qwen2_moe(
            decoder_sparse_step=2, mlp_only_layers=[3], norm_topk_prob=True, num_hidden_layers=4,
            intermediate_size=28, moe_intermediate_size=10, num_experts=3, tie_word_embeddings=True,
        ),
        separate(3, 1, 8, router=QWEN_ROUTER, experts=QWEN_EXPERTS, shared=QWEN_SHARED, mlp_layer=0),
        without={"weights that sum to one": {"norm_topk_prob": False}},
    ),
    "qwen3_moe": Family(
        "five experts, three a token, norms on each head's q and k, head_dim given",
        llama_like(
            "qwen3_moe", "Qwen3MoeForCausalLM", attention_bias=False, decoder_sparse_step=1, head_dim=6,
            hidden_size=24, max_window_layers=2, mlp_only_layers=[], moe_intermediate_size=14, norm_topk_prob=True,
            num_attention_heads=5, num_experts=5, num_experts_per_tok=3, num_key_value_heads=1,
            output_router_logits=False, rope_scaling=None, rope_theta=1000000.0, router_aux_loss_coef=0.001,
            sliding_window=None, use_sliding_window=False,
        ),
        separate(5, 1, 6, mlp=(), router=QWEN_ROUTER, experts=QWEN_EXPERTS),
        without={"weights that sum to one": {"norm_topk_prob": False}, "q norm": ones("q_norm")},
    ),
}
