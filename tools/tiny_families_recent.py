"""One tiny checkpoint a family (and feature), decoders of 2024 and later: configs as on the hub, and layouts."""

import torch

from tiny_families import Family, llama_like, ones, separate, without, without_biases
from tiny_families_llama import QWEN_EXPERTS, QWEN_ROUTER, gated


def layer_norms(config, key="layer_norm_eps"):
    """The config with the epsilon of layer norms instead of RMS norms."""
    config = config | {key: 1e-5}
    del config["rms_norm_eps"]
    return config


def glm(model_type, architecture):
    return llama_like(
        model_type, architecture, attention_bias=True, head_dim=8, hidden_size=40, num_attention_heads=5,
        num_key_value_heads=1, pad_token_id=0, partial_rotary_factor=0.5, rms_norm_eps=1.5625e-7,
    )


def glm_layout(width=44):
    block = "model.layers.{}.mlp."
    layout = separate(5, 1, 8, mlp=())
    layout.gate_up = block + "gate_up_proj.weight"
    layout.mlp = {"gate_proj": str(width), "up_proj": str(width), "down_proj": block + "down_proj.weight"}
    return layout


def cohere(model_type, architecture, **kw):
    return layer_norms(
        llama_like(
            model_type, architecture, attention_bias=True, logit_scale=0.25, pad_token_id=0, rope_theta=10000.0,
        )
        | {"tie_word_embeddings": True}
        | kw
    )


def plain_mlp(layout, up, down):
    """An MLP of two matrices."""
    block = "model.layers.{}.mlp."
    layout.mlp = {"up_proj": f"{block}{up}.weight", "down_proj": f"{block}{down}.weight"}
    return layout


def corrected_experts(model_type, architecture, **kw):
    """Three heads of eight, two layers."""
    return llama_like(
        model_type, architecture, head_dim=8, hidden_size=24, num_attention_heads=3, num_hidden_layers=2,
        num_key_value_heads=1, rms_norm_eps=1e-5, rope_scaling=None, **kw
    )


def with_constants(tensors):
    """The constants of xIELU as the class sets them."""
    for ending, value in {".act_fn.beta": 0.5, ".act_fn.eps": -1e-6}.items():
        tensors = {k: torch.tensor(value) if k.endswith(ending) else v for k, v in tensors.items()}
    return tensors


SHARED_EXPERTS = gated("gate_proj", "up_proj", "down_proj", block="model.layers.{}.mlp.shared_experts.")

YARN = {
    "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0,
    "original_max_position_embeddings": 8, "rope_type": "yarn",
}

MINISTRAL3 = llama_like(
    "ministral3", "Ministral3ForCausalLM", head_dim=8, hidden_size=30, rms_norm_eps=1e-5, sliding_window=None,
    rope_parameters={
        "beta_fast": 32.0, "beta_slow": 1.0, "factor": 4.0, "llama_4_scaling_beta": 0.6, "mscale": 1.0,
        "mscale_all_dim": 1.0, "original_max_position_embeddings": 4, "rope_theta": 10000.0, "rope_type": "yarn",
        "type": "yarn",
    },
)
del MINISTRAL3["rope_theta"]

FAMILIES = {
    "olmo": Family(
        "layer norms without parameters, q k and v cut at 1.5, biases of attention",
        {
            k: v
            for k, v in llama_like(
                "olmo", "OlmoForCausalLM", attention_bias=True, clip_qkv=1.5, pad_token_id=1, rope_scaling=None
            ).items()
            if k != "rms_norm_eps"
        },
        separate(9, 3, 4),
        without={"clip_qkv": {"clip_qkv": None}, "biases": without_biases},
    ),
    "olmoe": Family(
        "five experts, two a token, weights left as they are, norms over all of q and all of k",
        llama_like(
            "olmoe", "OlmoeForCausalLM", attention_bias=False, clip_qkv=None, hidden_size=24, intermediate_size=14,
            norm_topk_prob=False, num_attention_heads=3, num_experts=5, num_experts_per_tok=2, num_key_value_heads=3,
            output_router_logits=False, pad_token_id=1, rms_norm_eps=1e-5, rope_scaling=None,
            router_aux_loss_coef=0.01,
        ),
        separate(3, 3, 8, mlp=(), router=QWEN_ROUTER, experts=QWEN_EXPERTS),
        without={
            "weights as they are": {"norm_topk_prob": True},
            "q norm": ones("q_norm"),
        },
    ),
    "olmo3": Family(
        "as olmo2, with a window of four in two of three layers, and YaRN in the third",
        llama_like(
            "olmo3", "Olmo3ForCausalLM", attention_bias=False, hidden_size=24, num_attention_heads=3,
            num_key_value_heads=1, num_hidden_layers=3, pad_token_id=1, rope_theta=500000, rope_scaling=YARN,
            sliding_window=4, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        ),
        separate(3, 1, 8),
        without={"window": {"sliding_window": 64}, "scaled positions": {"rope_scaling": None}},
    ),
    "ministral": Family(
        "a window of four in the first of two layers, head_dim given",
        llama_like(
            "ministral", "MinistralForCausalLM", head_dim=8, hidden_size=30,
            layer_types=["sliding_attention", "full_attention"], sliding_window=4,
        ),
        separate(9, 3, 8),
        without={"window": {"sliding_window": 64}},
    ),
    "ministral3": Family(
        "YaRN that leaves the size of q and k, and an attention temperature that grows every four tokens",
        MINISTRAL3,
        separate(9, 3, 8),
        without={
            "temperature": {
                "rope_parameters": MINISTRAL3["rope_parameters"] | {"llama_4_scaling_beta": 0.0},
            },
        },
    ),
    "glm": Family(
        "interleaved rotary over half a head, gate and up fused, biases on q, k and v",
        glm("glm", "GlmForCausalLM"),
        glm_layout(),
        without={"biases": without_biases, "whole rotary": {"partial_rotary_factor": 1.0}},
    ),
    "glm4": Family(
        "as glm, with norms of the outputs of attention and MLP too",
        glm("glm4", "Glm4ForCausalLM"),
        glm_layout(),
        without={"norms of outputs": ones("post_self_attn_layernorm")},
    ),
    "glm4_moe": Family(
        "a dense layer, then four experts, three a token, by sigmoid scores and corrections; a shared expert; q and k norms",
        corrected_experts(
            "glm4_moe", "Glm4MoeForCausalLM", attention_bias=True, first_k_dense_replace=1, intermediate_size=28,
            moe_intermediate_size=10, n_group=1, n_routed_experts=4, n_shared_experts=1, norm_topk_prob=True,
            num_experts_per_tok=3, num_nextn_predict_layers=1, pad_token_id=0, partial_rotary_factor=0.5,
            routed_scaling_factor=2.5, topk_group=1, use_qk_norm=True,
        ),
        separate(3, 1, 8, router=QWEN_ROUTER, experts=QWEN_EXPERTS, shared=SHARED_EXPERTS, mlp_layer=0),
        without={
            "corrections": without("e_score_correction_bias"),
            "routed_scaling_factor": {"routed_scaling_factor": 1.0},
            "weights that sum to one": {"norm_topk_prob": False},
            "q norm": ones("q_norm"),
        },
        widths={"e_score_correction_bias": 0.1},
    ),
    "minimax_m2": Family(
        "five experts, two a token, by sigmoid scores and corrections; norms over all of q and all of k; half rotary",
        corrected_experts(
            "minimax_m2", "MiniMaxM2ForCausalLM", attn_type_list=[1, 1], intermediate_size=12, num_experts_per_tok=2,
            num_local_experts=5, output_router_logits=False, qk_norm_type="per_layer", rotary_dim=4,
            router_aux_loss_coef=0.001, router_jitter_noise=0.0, scoring_func="sigmoid", shared_intermediate_size=0,
            use_qk_norm=True, use_routing_bias=True,
        ),
        separate(
            3, 1, 8, mlp=(), router="model.layers.{}.block_sparse_moe.gate.weight",
            experts=gated("w1", "w3", "w2", block="model.layers.{}.block_sparse_moe.experts.{e}."),
        ),
        without={
            "corrections": without("e_score_correction_bias"), "q norm": ones("q_norm"),
            "half rotary": {"rotary_dim": 8},
        },
    ),
    "ernie4_5_moe": Family(
        "a dense layer, then four experts, three a token, by softmax scores and corrections; a shared expert; interleaved",
        corrected_experts(
            "ernie4_5_moe", "Ernie4_5_MoeForCausalLM", intermediate_size=28, moe_capacity=[64, 64, 64], moe_k=3,
            moe_intermediate_size=12, moe_layer_end_index=1, moe_layer_interval=1, moe_layer_start_index=1,
            moe_norm_min=1e-12, moe_num_experts=4, moe_num_shared_experts=2, moe_use_aux_free=True, pad_token_id=0,
            use_bias=False,
        )
        | {"tie_word_embeddings": True},
        separate(3, 1, 8, router=QWEN_ROUTER, experts=QWEN_EXPERTS, shared=SHARED_EXPERTS, mlp_layer=0),
        without={"corrections": without("e_score_correction_bias")},
        widths={"e_score_correction_bias": 0.1},
    ),
    "exaone4": Family(
        "norms after attention and MLP only, norms on each head's q and k; window and rotation in the first layer only",
        llama_like(
            "exaone4", "Exaone4ForCausalLM", head_dim=4,
            layer_types=["sliding_attention", "full_attention"], rms_norm_eps=1e-5, rope_scaling=None,
            sliding_window=4, sliding_window_pattern=2,
        ),
        separate(9, 3, 4),
        without={"window": {"sliding_window": 64}, "q norm": ones("q_norm"), "k norm": ones("k_norm")},
    ),
    "seed_oss": Family(
        "biases on q, k, v and o, head_dim is not hidden/heads",
        llama_like(
            "seed_oss", "SeedOssForCausalLM", attention_bias=True, attention_out_bias=True, head_dim=8, hidden_size=30,
            mlp_bias=False, pad_token_id=1, residual_dropout=0.1,
        ),
        separate(9, 3, 8),
        without={"biases": without_biases},
    ),
    "ernie4_5": Family(
        "interleaved rotary, tied head, biases everywhere",
        llama_like(
            "ernie4_5", "Ernie4_5ForCausalLM", head_dim=8, hidden_size=30, pad_token_id=0, rms_norm_eps=1e-5,
            use_bias=True,
        )
        | {"tie_word_embeddings": True},
        separate(9, 3, 8),
        without={"biases": without_biases},
    ),
    "hunyuan_v1_dense": Family(
        "norms on each head's q and k after the rotation, a base that alpha enlarges, tied head",
        llama_like(
            "hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM", attention_bias=False, attention_head_dim=8,
            eod_token_id=3, head_dim=8, hidden_size=30, mlp_bias=False, norm_type="rms", pad_token_id=0,
            rms_norm_eps=1e-5, use_cla=False, use_qk_norm=True, use_rotary_pos_emb=True,
            rope_scaling={
                "alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                "type": "dynamic",
            },
        )
        | {"tie_word_embeddings": True},
        separate(9, 3, 8),
        without={
            "alpha": {"rope_scaling": None}, "q norm": ones("query_layernorm"), "k norm": ones("key_layernorm"),
        },
    ),
    "cohere": Family(
        "parallel block with one LayerNorm without bias, interleaved rotary, a factor on the logits",
        cohere("cohere", "CohereForCausalLM", use_qk_norm=False),
        separate(9, 3, 4),
        without={"biases": without_biases, "logit_scale": {"logit_scale": 1.0}},
    ),
    "cohere-qk-norm": Family(
        "as Command R+: a LayerNorm for each head's q and k",
        cohere(
            "cohere", "CohereForCausalLM", attention_bias=False, hidden_size=24, num_attention_heads=3,
            num_key_value_heads=1, use_qk_norm=True,
        ),
        separate(3, 1, 8),
        without={"q norm": ones("q_norm"), "k norm": ones("k_norm")},
    ),
    "cohere2": Family(
        "as cohere, with window and rotation in the first of two layers only",
        cohere(
            "cohere2", "Cohere2ForCausalLM", attention_bias=False, cache_implementation="hybrid", head_dim=4,
            layer_switch=4, layer_types=["sliding_attention", "full_attention"],
            order_of_interleaved_layers="local_attn_first", position_embedding_type="rope_gptj", rotary_pct=1.0,
            sliding_window=4, sliding_window_pattern=2, use_embedding_sharing=True, use_gated_activation=True,
            use_parallel_block=True, use_parallel_embedding=False,
        ),
        separate(9, 3, 4),
        without={"window": {"sliding_window": 64}},
    ),
    "starcoder2": Family(
        "LayerNorm, an MLP without a gate, a window of four, biases everywhere, tied head",
        layer_norms(
            llama_like(
                "starcoder2", "Starcoder2ForCausalLM", activation_function="gelu_pytorch_tanh", embedding_dropout=0.1,
                hidden_act="gelu_pytorch_tanh", mlp_type="default", norm_type="layer_norm", residual_dropout=0.1,
                rope_scaling=None, sliding_window=4, use_bias=True,
            )
            | {"tie_word_embeddings": True},
            "norm_epsilon",
        ),
        plain_mlp(separate(9, 3, 4, mlp=()), "c_fc", "c_proj"),
        without={"window": {"sliding_window": None}, "biases": without_biases},
    ),
    "granitemoe": Family(
        "five experts, two a token, all of them in two tensors; the multipliers of granite",
        llama_like(
            "granitemoe", "GraniteMoeForCausalLM", attention_bias=False, attention_multiplier=0.3,
            embedding_multiplier=4.0, hidden_size=24, intermediate_size=14, logits_scaling=3.0, num_attention_heads=3,
            num_experts_per_tok=2, num_key_value_heads=1, num_local_experts=5, output_router_logits=False,
            residual_multiplier=0.6, rope_scaling=None, router_aux_loss_coef=0.001,
        )
        | {"tie_word_embeddings": True},
        separate(
            3, 1, 8, mlp=(), router="model.layers.{}.block_sparse_moe.router.layer.weight",
            stacked={
                "gate_proj": ("model.layers.{}.block_sparse_moe.input_linear.weight", slice(0, 14)),
                "up_proj": ("model.layers.{}.block_sparse_moe.input_linear.weight", slice(14, 28)),
                "down_proj": ("model.layers.{}.block_sparse_moe.output_linear.weight", None),
            },
        ),
        without={"residual_multiplier": {"residual_multiplier": 1.0}},
    ),
    "nemotron": Family(
        "LayerNorm with 1 + w, rotary over half a head, an MLP of two matrices with squared ReLU, biases",
        layer_norms(
            llama_like(
                "nemotron", "NemotronForCausalLM", attention_bias=True, head_dim=8, hidden_act="relu2", hidden_size=40,
                mlp_bias=True, num_attention_heads=5, num_key_value_heads=1, partial_rotary_factor=0.5,
            ),
            "norm_eps",
        ),
        plain_mlp(separate(5, 1, 8, mlp=()), "up_proj", "down_proj"),
        norm_offset=True,
        without={"biases": without_biases, "whole rotary": {"partial_rotary_factor": 1.0}},
    ),
    "apertus": Family(
        "an MLP of two matrices with xIELU, whose parameters each layer learns; norms on each head's q and k",
        llama_like(
            "apertus", "ApertusForCausalLM", attention_bias=True, head_dim=8, hidden_act="xielu", hidden_dropout=0.0,
            hidden_size=30, max_position_embeddings=512, mlp_bias=False, pad_token_id=3, post_norm=False, qk_norm=True,
            rms_norm_eps=1e-5,
            rope_scaling={
                "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64,
                "rope_type": "llama3",
            },
            rope_theta=1200.0,
        ),
        plain_mlp(separate(9, 3, 8, mlp=()), "up_proj", "down_proj"),
        hub=with_constants,
        without={
            "biases": without_biases, "q norm": ones("q_norm"), "k norm": ones("k_norm"),
            "alpha_p": without("alpha_p"), "alpha_n": without("alpha_n"), "scaled positions": {"rope_scaling": {
                "rope_type": "default"}},
        },
    ),
    "arcee": Family(
        "an MLP of two matrices with squared ReLU",
        llama_like(
            "arcee", "ArceeForCausalLM", attention_bias=False, head_dim=4, hidden_act="relu2", mlp_bias=True,
            rms_norm_eps=1e-5, rope_scaling=None,
        ),
        plain_mlp(separate(9, 3, 4, mlp=()), "up_proj", "down_proj"),
        without={"biases": without_biases},
    ),
    "helium": Family(
        "interleaved rotary, biases on q, k, v and the MLP",
        llama_like(
            "helium", "HeliumForCausalLM", attention_bias=True, head_dim=4, mlp_bias=True, pad_token_id=3,
            rms_norm_eps=1e-8, rope_theta=100000.0,
        ),
        separate(9, 3, 4),
        without={"biases": without_biases},
    ),
}
