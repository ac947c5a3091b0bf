"""One tiny checkpoint a family (and feature) with another mixer than attention in some layers: configs and layouts."""

import torch

from tiny_families import Family, llama_like, ones, separate, without_biases


def short_convolutions(**kw):
    """The keys of every LFM2."""
    config = llama_like(
        "lfm2", "Lfm2ForCausalLM", block_multiple_of=8, conv_dim=24, conv_dim_out=24, hidden_size=24, norm_eps=1e-5,
        num_attention_heads=3, num_heads=3, num_key_value_heads=1, pad_token_id=0, use_pos_enc=True, **kw,
    )
    for key in ("hidden_act", "rms_norm_eps", "tie_word_embeddings"):
        del config[key]
    return config


def without_keys(config, *keys):
    return {k: v for k, v in config.items() if k not in keys}


def lfm2_layout():
    block = "model.layers.{}."
    layout = separate(3, 1, 8, o="out_proj", mlp=())
    names = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    layout.mlp = {ours: f"{block}feed_forward.{theirs}.weight" for ours, theirs in names.items()}
    layout.mixer = {
        "conv_in_proj": f"{block}conv.in_proj.weight",
        "conv_out_proj": f"{block}conv.out_proj.weight",
    }
    return layout


def newest_position_only(tensors):
    """The convolutions of a single position."""
    newest = {k: v * torch.tensor([0.0] * (v.shape[-1] - 1) + [1.0]) for k, v in tensors.items() if ".conv.conv." in k}
    return tensors | newest


FAMILIES = {
    "lfm2": Family(
        "as the first files: a short convolution in the first and the last layer, the MLP's width from block_ff_dim, q and k norms",
        without_keys(
            short_convolutions(
                block_auto_adjust_ff_dim=True, block_dim=24, block_ff_dim=66, block_ffn_dim_multiplier=1.0,
                block_mlp_init_scale=1.0, block_norm_eps=1e-5, block_out_init_scale=1.0, block_use_swiglu=True,
                conv_L_cache=3, conv_bias=False, full_attn_idxs=[1], num_hidden_layers=3, rope_theta=1000000.0,
            ),
            "intermediate_size",
        ),
        lfm2_layout(),
        without={
            "earlier positions": newest_position_only,
            "q norm": ones("q_layernorm"),
            "k norm": ones("k_layernorm"),
        },
    ),
    "lfm2-biases": Family(
        "as later files: layer_types, the MLP's width itself; a convolution of four positions with biases, a head of its own",
        without_keys(
            short_convolutions(
                block_auto_adjust_ff_dim=False, conv_L_cache=4, conv_bias=True, intermediate_size=44,
                layer_types=["conv", "full_attention"], rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                tie_embedding=False,
            ),
            "rope_theta",
        ),
        lfm2_layout(),
        without={"earlier positions": newest_position_only, "biases": without_biases},
    ),
}
