"""One tiny checkpoint a family (and feature), decoders with latent attention: configs as on the hub, and layouts."""

from family_matrices import Latent, Layout
from tiny_families import Family, llama_like, ones, without, without_biases
from tiny_families_llama import QWEN_EXPERTS, QWEN_ROUTER
from tiny_families_recent import SHARED_EXPERTS


def latent_like(model_type, architecture, **kw):
    """Three heads whose keys are 5 + 4 wide and whose values are 7 wide; two layers."""
    return llama_like(
        model_type, architecture, hidden_size=24, intermediate_size=26, kv_lora_rank=6, num_attention_heads=3,
        num_key_value_heads=3, q_lora_rank=8, qk_nope_head_dim=5, qk_rope_head_dim=4, v_head_dim=7, **kw
    )


def latent_layout(q_a=True, plain=5):
    block = "model.layers.{}."
    attention = block + "self_attn."
    return Layout(
        3, 3, plain + 4,
        q=attention + ("q_b_proj.weight" if q_a else "q_proj.weight"),
        o=attention + "o_proj.weight",
        mlp={f"{m}_proj": f"{block}mlp.{m}_proj.weight" for m in ("gate", "up", "down")},
        latent=Latent(
            plain, 7, kv_a=attention + "kv_a_proj_with_mqa.weight", kv_b=attention + "kv_b_proj.weight",
            q_a=attention + "q_a_proj.weight" if q_a else "",
        ),
        router=QWEN_ROUTER, experts=QWEN_EXPERTS, shared=SHARED_EXPERTS, mlp_layer=0,
    )


# Both published multipliers are the same, so that the size of q and k stays and the scores are scaled.
YARN = {
    "beta_fast": 32, "beta_slow": 1, "factor": 4.0, "mscale": 0.8, "mscale_all_dim": 0.8,
    "original_max_position_embeddings": 16, "type": "yarn",
}

FAMILIES = {
    "deepseek_v3": Family(
        "latent attention, YaRN with scaled scores; a dense layer, then six experts, three a token in two of three groups",
        latent_like(
            "deepseek_v3", "DeepseekV3ForCausalLM", attention_bias=False, ep_size=1, first_k_dense_replace=1,
            moe_intermediate_size=10, moe_layer_freq=1, n_group=3, n_routed_experts=6, n_shared_experts=1,
            norm_topk_prob=True, num_experts_per_tok=3, num_nextn_predict_layers=1, rope_scaling=YARN,
            routed_scaling_factor=2.5, scoring_func="sigmoid", topk_group=2, topk_method="noaux_tc",
        ),
        latent_layout(),
        without={
            "corrections": without("e_score_correction_bias"),
            "groups": {"n_group": 1, "topk_group": 1},
            "scaled scores": {"rope_scaling": YARN | {"mscale": 1e-9, "mscale_all_dim": 1e-9}},
            "scaled positions": {"rope_scaling": None},
            "norm of the query vector": ones("q_a_layernorm"),
            "norm of the key and value vector": ones("kv_a_layernorm"),
        },
        widths={"e_score_correction_bias": 0.3},
    ),
    "deepseek_v2": Family(
        "as V2-Lite, one query matrix; softmax scores without corrections, six experts, three a token in two of three groups",
        latent_like(
            "deepseek_v2", "DeepseekV2ForCausalLM", attention_bias=False, ep_size=1, first_k_dense_replace=1,
            moe_intermediate_size=10, moe_layer_freq=1, n_group=3, n_routed_experts=6, n_shared_experts=2,
            norm_topk_prob=False, num_experts_per_tok=3, rope_scaling=YARN, routed_scaling_factor=4.0,
            scoring_func="softmax", topk_group=2, topk_method="group_limited_greedy",
        )
        # The class reads pairs of adjacent numbers, which an odd width would put at odd places.
        | {"q_lora_rank": None, "qk_nope_head_dim": 6},
        latent_layout(q_a=False, plain=6),
        without={
            "groups": {"topk_method": "greedy"},
            "scaled scores": {"rope_scaling": YARN | {"mscale": 1e-9, "mscale_all_dim": 1e-9}},
            "routed_scaling_factor": {"routed_scaling_factor": 1.0},
        },
    ),
    "glm4_moe_lite": Family(
        "latent attention with biases; a dense layer, then four experts, two a token, by sigmoid scores and corrections",
        latent_like(
            "glm4_moe_lite", "Glm4MoeLiteForCausalLM", attention_bias=True, first_k_dense_replace=1,
            moe_intermediate_size=10, n_group=1, n_routed_experts=4, n_shared_experts=1, norm_topk_prob=True,
            num_experts_per_tok=3, num_nextn_predict_layers=1, partial_rotary_factor=1.0, rms_norm_eps=1e-5,
            rope_scaling=None, routed_scaling_factor=1.8, topk_group=1, topk_method="noaux_tc",
        ),
        latent_layout(),
        without={"corrections": without("e_score_correction_bias"), "biases": without_biases},
        widths={"e_score_correction_bias": 0.3},
    ),
}
