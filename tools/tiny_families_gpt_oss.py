"""gpt-oss: one tiny checkpoint with ordinary numbers and one as published, with its experts in blocks of MXFP4."""

import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from tiny_families import Family, llama_like, separate, without_biases

# Values of the sixteen codes (OCP Microscaling Formats, E2M1).
MXFP4 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0])
BLOCK = 32

YARN = {
    "beta_fast": 2.0, "beta_slow": 0.5, "factor": 8.0, "original_max_position_embeddings": 16, "rope_type": "yarn",
    "truncate": False,
}


def gpt_oss(**kw):
    """Three heads of eight, two layers."""
    return llama_like(
        "gpt_oss", "GptOssForCausalLM", attention_bias=True, experts_per_token=3, head_dim=8, hidden_size=24,
        initial_context_length=16, intermediate_size=14, layer_types=["sliding_attention", "full_attention"],
        num_attention_heads=3, num_experts_per_tok=3, num_hidden_layers=2, num_key_value_heads=1, num_local_experts=4,
        output_router_logits=False, pad_token_id=0, rms_norm_eps=1e-5, rope_scaling=YARN, rope_theta=150,
        router_aux_loss_coef=0.9, sliding_window=4, swiglu_limit=7.0,
    ) | kw


def layout(width):
    block = "model.layers.{}.mlp."
    return separate(
        3, 1, 8, mlp=(), router=block + "router.weight", stacked_transposed=True,
        stacked={
            "gate_proj": (block + "experts.gate_up_proj", slice(0, 2 * width, 2)),
            "up_proj": (block + "experts.gate_up_proj", slice(1, 2 * width, 2)),
            "down_proj": (block + "experts.down_proj", None),
        },
    )


def without_sinks(tensors):
    return {k: torch.full_like(v, -1e9) if "sinks" in k else v for k, v in tensors.items()}


WITHOUT = {
    "sinks": without_sinks,
    "window": {"sliding_window": 64},
    "bounds of gates": {"swiglu_limit": 1000.0},
    "bounds of the ramp as they are": {"rope_scaling": YARN | {"truncate": True}},
    "biases": without_biases,
}

# Experts of similar weight, so that an edit of one shows, and gates beyond the bounds that all published models have.
WIDTHS = {"router": 0.5, "experts.gate_up_proj": 4.0, "experts.down_proj": 0.25}


def is_packed(name):
    return name.endswith(("experts.gate_up_proj", "experts.down_proj"))


def codes_and_exponents(tensor):
    """(codes [..., blocks, 32], exponents [..., blocks]) of the last dimension: the nearest ones, the largest value first."""
    blocks = tensor.unflatten(-1, (-1, BLOCK))
    exponents = blocks.abs().amax(-1).log2().floor() - 2
    scaled = blocks * torch.exp2(-exponents)[..., None]
    return (scaled[..., None] - MXFP4).abs().argmin(-1), exponents


def representable(tensors):
    """Experts rounded to what MXFP4 holds; a block is a part of a row of [out, in]."""

    def rounded(tensor):
        codes, exponents = codes_and_exponents(tensor.transpose(1, 2))
        return (MXFP4[codes] * torch.exp2(exponents)[..., None]).flatten(-2).transpose(1, 2)

    return {k: rounded(v) if is_packed(k) else v for k, v in tensors.items()}


def packed(config, tensors):
    """The published form: two codes a byte, the first in its low half, and exponents with a bias of 127."""
    config = config | {
        "quantization_config": {
            "modules_to_not_convert": [
                "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head",
            ],
            "quant_method": "mxfp4",
        }
    }
    stored = {}
    for name, tensor in tensors.items():
        if not is_packed(name):
            stored[name] = tensor
            continue
        codes, exponents = codes_and_exponents(tensor.transpose(1, 2))
        stored[name + "_blocks"] = (codes[..., ::2] | codes[..., 1::2] << 4).to(torch.uint8)
        stored[name + "_scales"] = (exponents + 127).to(torch.uint8)
    again = unpacked(stored)
    if any(not torch.equal(again[name], tensor) for name, tensor in tensors.items()):
        raise SystemExit("transformers reads other values from the blocks")
    return config, stored


def unpacked(tensors):
    """The experts' matrices as transformers reads them from blocks and scales."""
    read = {}
    for name, tensor in tensors.items():
        if name.endswith("_blocks"):
            stem = name.removesuffix("_blocks")
            read[stem] = convert_moe_packed_tensors(tensor, tensors[stem + "_scales"], dtype=torch.float32).contiguous()
        elif not name.endswith("_scales"):
            read[name] = tensor
    return read


FAMILIES = {
    "gpt_oss": Family(
        "attention sinks, a window of four in the first layer, YaRN without rounding, four experts with bounded gates, three a token",
        gpt_oss(),
        layout(14),
        without=WITHOUT,
        widths=WIDTHS,
    ),
    "gpt_oss-mxfp4": Family(
        "the same with the experts as published, in blocks of 32 four-bit numbers with one exponent each",
        gpt_oss(experts_per_token=2, hidden_size=32, intermediate_size=32, num_experts_per_tok=2, num_local_experts=3),
        layout(32),
        hub=representable,
        stored=packed,
        widths=WIDTHS,
    ),
}
