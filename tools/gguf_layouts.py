"""How llama.cpp stores each architecture: takes a Hugging Face config and its tensors, gives keys, names and layouts.

Facts are those of llama.cpp's converter (the `conversion` package of ggml-org/llama.cpp, mid 2026) and of its loader
(llama-model.cpp); comments say which is which where it matters. Names of keys and tensors are gguf-py's own tables.
"""

import dataclasses
import math
import re
from collections.abc import Callable

import gguf
import torch
from gguf import MODEL_ARCH as A
from gguf import MODEL_TENSOR


def first(config, *keys, default=None):
    return next((config[k] for k in keys if config.get(k) is not None), default)


# Keys


def dimensions(writer, c):
    """What every architecture has. llama.cpp reads the vocabulary's size only where the file has no tokens."""
    heads = first(c, "num_attention_heads", "n_head")
    width = first(c, "hidden_size", "n_embed", "n_embd")
    writer.add_vocab_size(c["vocab_size"])
    writer.add_context_length(first(c, "max_position_embeddings", "n_positions", "seq_length", default=2048))
    writer.add_embedding_length(width)
    writer.add_block_count(first(c, "num_hidden_layers", "n_layer"))
    # The converter writes 4 * width for GPT-2, Bloom, Falcon and Phi-2 whatever the config says.
    writer.add_feed_forward_length(first(c, "intermediate_size", "n_inner", "ffn_hidden_size", default=4 * width))
    writer.add_head_count(heads)
    if c["model_type"] not in ("gpt2", "gpt_neox"):  # left out by the converter: as many as query heads
        writer.add_head_count_kv(kv_heads(c))
    # The converter says it also where it follows from the other two.
    if c.get("head_dim", width // heads) != width // heads:
        writer.add_key_length(c["head_dim"])
        writer.add_value_length(c["head_dim"])
    if "rms_norm_eps" in c:
        writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    if (epsilon := first(c, "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps")) is not None:
        writer.add_layer_norm_eps(epsilon)
    # Of the converter's general part: expert counts under either name.
    if (experts := first(c, "num_local_experts", "num_experts")) is not None:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(c["num_experts_per_tok"])


def kv_heads(c):
    if c["model_type"] == "lfm2":  # none where a layer has a convolution
        return [c["num_key_value_heads"] * (i in c["full_attn_idxs"]) for i in range(c["num_hidden_layers"])]
    if c["model_type"] == "falcon" and c["multi_query"] and not c["new_decoder_architecture"]:
        return 1
    return first(c, "num_key_value_heads", "num_kv_heads", "num_attention_heads", "n_head")


def head_dim(c):
    width, heads = first(c, "hidden_size", "n_embed", "n_embd"), first(c, "num_attention_heads", "n_head")
    return c.get("head_dim") or width // heads


def rotary(c):
    """The rotary parameters in the new form, of one kind of layer."""
    old = {"rope_theta": first(c, "rope_theta", "rotary_emb_base", default=10000.0)} | (c.get("rope_scaling") or {})
    parameters = c.get("rope_parameters") or old
    return parameters | {"rope_type": parameters.get("rope_type", parameters.get("type", "default"))}


def rotary_keys(writer, c):
    """Base and scaling. llama.cpp reads them for every architecture and takes base 10000 where there is none."""
    parameters = rotary(c)
    writer.add_rope_freq_base(parameters["rope_theta"])
    if parameters["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(parameters["rope_type"]))
        writer.add_rope_scaling_factor(parameters["factor"])
    if parameters["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
        # llama.cpp takes these two where there are none.
        if parameters.get("beta_fast", 32) != 32:
            writer.add_rope_scaling_yarn_beta_fast(parameters["beta_fast"])
        if parameters.get("beta_slow", 1) != 1:
            writer.add_rope_scaling_yarn_beta_slow(parameters["beta_slow"])


def rotary_dimension(writer, c):
    """How many of a head's dimensions are rotated, where it is not all or the converter says it anyway."""
    fraction = first(c, "partial_rotary_factor", "rotary_pct", default=1.0)
    writer.add_rope_dimension_count(first(c, "rotary_dim", default=int(fraction * head_dim(c))))


def llama_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)
    rotary_dimension(writer, c)


def plain_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)


def gemma3_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)  # of the global layers
    # Newer files say these three; where they do not, llama.cpp takes 10000 and 6 (llama-model.cpp).
    writer.add_rope_freq_base_swa(c["rope_local_base_freq"])
    writer.add_sliding_window(c["sliding_window"])
    writer.add_sliding_window_pattern(c["sliding_window_pattern"])


def gemma2_keys(writer, c):
    """Even layers are local and both kinds share one rotary base, without a key for either (llama-model.cpp)."""
    plain_keys(writer, c)
    writer.add_attn_logit_softcapping(c["attn_logit_softcapping"])
    writer.add_final_logit_softcapping(c["final_logit_softcapping"])
    writer.add_sliding_window(c["sliding_window"])


def phi3_keys(writer, c):
    """llama.cpp reads the window and leaves it out of account; 0 stands for none."""
    llama_keys(writer, c)
    writer.add_sliding_window(c["sliding_window"] or 0)
    writer.add_rope_scaling_orig_ctx_len(c["original_max_position_embeddings"])
    if "long_factor" in rotary(c):
        length, trained = c["max_position_embeddings"], c["original_max_position_embeddings"]
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(length / trained) / math.log(trained)))


def granite_keys(writer, c):
    """Scores times attention.scale; embeddings times and logits divided by theirs; each residual branch times its."""
    llama_keys(writer, c)
    writer.add_attention_scale(c["attention_multiplier"])
    writer.add_embedding_scale(c["embedding_multiplier"])
    writer.add_residual_scale(c["residual_multiplier"])
    writer.add_logit_scale(c["logits_scaling"])


def olmo_keys(writer, c):
    llama_keys(writer, c)
    writer.add_layer_norm_eps(1e-5)
    if c["clip_qkv"] is not None:
        writer.add_clamp_kqv(c["clip_qkv"])


def windowed_keys(writer, c):
    """Which layers have the window, beside its length."""
    plain_keys(writer, c)
    writer.add_sliding_window(c["sliding_window"])
    writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in c["layer_types"]])


def gpt_oss_keys(writer, c):
    """The converter does not say which layers have the window: llama.cpp takes every other one, from the first."""
    plain_keys(writer, c)
    writer.add_sliding_window(c["sliding_window"])
    writer.add_expert_feed_forward_length(c["intermediate_size"])


def cohere_keys(writer, c):
    plain_keys(writer, c)
    writer.add_logit_scale(c["logit_scale"])


def cohere2_keys(writer, c):
    """The converter does not say which layers have the window: llama.cpp takes all but every fourth."""
    cohere_keys(writer, c)
    rotary_dimension(writer, c)
    writer.add_sliding_window(c["sliding_window"])


def hunyuan_keys(writer, c):
    """The base with alpha in it, and no scaling."""
    dimensions(writer, c)
    parameters, size = rotary(c), head_dim(c)
    writer.add_rope_freq_base(parameters["rope_theta"] * parameters["alpha"] ** (size / (size - 2)))


def ministral3_keys(writer, c):
    llama_keys(writer, c)
    writer.add_rope_scaling_yarn_log_mul(c["rope_parameters"]["mscale_all_dim"])
    writer.add_attn_temperature_scale(c["rope_parameters"]["llama_4_scaling_beta"])


def corrected_experts_keys(writer, c):
    """Routers with a sigmoid (2 in GGUF) and corrections."""
    llama_keys(writer, c)
    writer.add_expert_feed_forward_length(c.get("moe_intermediate_size", c["intermediate_size"]))
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    if c["model_type"] == "glm4_moe":
        writer.add_expert_count(c["n_routed_experts"])
        writer.add_expert_used_count(c["num_experts_per_tok"])
        writer.add_expert_shared_count(c["n_shared_experts"])
        writer.add_leading_dense_block_count(c["first_k_dense_replace"])
        writer.add_expert_weights_scale(c["routed_scaling_factor"])
        writer.add_expert_weights_norm(c["norm_topk_prob"])


def latent_keys(writer, c, joined=False):
    """Latent attention. Newer files name the widths of the vector, and those of a head under keys of their own."""
    rotated = c["qk_rope_head_dim"]
    head = c["qk_nope_head_dim"] + rotated
    dimensions(writer, c | {"num_key_value_heads": c["num_key_value_heads"] if joined else 1})
    rotary_keys(writer, c)
    writer.add_rope_dimension_count(rotated)
    if c["q_lora_rank"] is not None:
        writer.add_q_lora_rank(c["q_lora_rank"])
    writer.add_kv_lora_rank(c["kv_lora_rank"])
    writer.add_key_length(head if joined else c["kv_lora_rank"] + rotated)
    writer.add_value_length(c["v_head_dim"] if joined else c["kv_lora_rank"])
    if not joined:
        writer.add_key_length_mla(head)
        writer.add_value_length_mla(c["v_head_dim"])
    if multiplier := rotary(c).get("mscale_all_dim"):
        writer.add_rope_scaling_yarn_log_mul(0.1 * multiplier)
    writer.add_leading_dense_block_count(c["first_k_dense_replace"])
    writer.add_expert_feed_forward_length(c["moe_intermediate_size"])
    writer.add_expert_count(c["n_routed_experts"])
    writer.add_expert_used_count(c["num_experts_per_tok"])
    writer.add_expert_shared_count(c["n_shared_experts"])
    writer.add_expert_weights_scale(c["routed_scaling_factor"])
    if c["norm_topk_prob"]:
        writer.add_expert_weights_norm(True)
    sigmoid = c["scoring_func"] == "sigmoid"
    kinds = gguf.ExpertGatingFuncType
    writer.add_expert_gating_func(kinds.SIGMOID if sigmoid else kinds.SOFTMAX)
    if c["n_group"] is not None:
        writer.add_expert_group_count(c["n_group"])
        writer.add_expert_group_used_count(c["topk_group"])


def joined_latent_keys(writer, c):
    """As older files have them."""
    latent_keys(writer, c, joined=True)


def ernie_moe_keys(writer, c):
    plain_keys(writer, c)
    writer.add_expert_count(c["moe_num_experts"])
    writer.add_expert_used_count(c["moe_k"])
    writer.add_interleave_moe_layer_step(c["moe_layer_interval"])
    writer.add_leading_dense_block_count(c["moe_layer_start_index"])
    writer.add_expert_feed_forward_length(c["moe_intermediate_size"])
    writer.add_expert_shared_feed_forward_length(c["moe_intermediate_size"] * c["moe_num_shared_experts"])


def xielu_keys(writer, tensors):
    """The parameters of xIELU, one list for all layers; of other models nothing."""
    for name in ("alpha_p", "alpha_n", "beta", "eps"):
        found = {int(k.split(".")[2]): v.item() for k, v in tensors.items() if k.endswith(f".act_fn.{name}")}
        if found:
            getattr(writer, f"add_xielu_{name}")([found[layer] for layer in sorted(found)])


def lfm2_keys(writer, c):
    """The width that the MLP has after its adjustment."""
    width = int(c["block_ffn_dim_multiplier"] * int(2 * c["block_ff_dim"] / 3))
    width = -(-width // c["block_multiple_of"]) * c["block_multiple_of"]
    others = {k: v for k, v in c.items() if k != "norm_eps"}
    plain_keys(writer, others | {"intermediate_size": width, "rms_norm_eps": c["norm_eps"]})
    writer.add_shortconv_l_cache(c["conv_L_cache"])


def falcon_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)
    writer.add_tensor_data_layout("jploski")


def qwen_moe_keys(writer, c):
    plain_keys(writer, c)
    writer.add_expert_feed_forward_length(c["moe_intermediate_size"])
    if "shared_expert_intermediate_size" in c:
        writer.add_expert_shared_feed_forward_length(c["shared_expert_intermediate_size"])


def neox_keys(writer, c):
    dimensions(writer, c)
    rotary_keys(writer, c)
    rotary_dimension(writer, c)
    writer.add_parallel_residual(c["use_parallel_residual"])


def gptj_keys(writer, c):
    """No converter writes GPT-J. The keys are those of its like; its pairs are how llama.cpp rotates such rows."""
    dimensions(writer, c)
    writer.add_rope_dimension_count(c["rotary_dim"])


# Layouts


def as_they_are(c, tensors):
    yield from tensors.items()


def pairs(rows, heads):
    """Halves of each head -> pairs that lie beside each other: llama.cpp rotates (2i, 2i+1) in these architectures."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def paired(c, tensors):
    """Llama and what the converter derives from it: rows (and biases) of q and k permuted, v not."""
    for name, tensor in tensors.items():
        if re.search(r"\.q_proj\.(weight|bias)$", name):
            tensor = pairs(tensor, c["num_attention_heads"])
        if re.search(r"\.k_proj\.(weight|bias)$", name):
            tensor = pairs(tensor, kv_heads(c))
        yield name, tensor


def granite_experts(c, tensors):
    """Gate and up of all experts apart, under their names in the file."""
    for name, tensor in paired(c, tensors):
        if match := re.fullmatch(r"model\.layers\.(\d+)\.block_sparse_moe\.input_linear\.weight", name):
            gate, up = tensor.chunk(2, dim=1)
            yield f"blk.{match[1]}.ffn_gate_exps.weight", gate
            yield f"blk.{match[1]}.ffn_up_exps.weight", up
        else:
            yield name, tensor


def with_corrections(c, tensors):
    """What is added to the scores of experts, under its name in the file."""
    for name, tensor in tensors.items():
        match = re.match(r"model\.layers\.(\d+)\..*e_score_correction_bias$", name)
        yield f"blk.{match[1]}.exp_probs_b.bias" if match else name, tensor


def without_joined(c, tensors):
    """Each head's keys and values of the vector apart: of the keys (heads, vector, width), of the values (heads, width, vector)."""
    for name, tensor in with_corrections(c, tensors):
        if not name.endswith("kv_b_proj.weight"):
            yield name, tensor
            continue
        k, v = tensor.unflatten(0, (c["num_attention_heads"], -1)).split([c["qk_nope_head_dim"], c["v_head_dim"]], dim=1)
        yield name.replace("kv_b_proj", "k_b_proj"), k.transpose(1, 2).contiguous()
        yield name.replace("kv_b_proj", "v_b_proj"), v


def one_more(c, tensors):
    """Gemma and Nemotron: norms as what multiplies, 1 + w; Gemma's head is the embedding."""
    for name, tensor in tensors.items():
        if name != "lm_head.weight" or not c.get("tie_word_embeddings", True):
            yield name, tensor + 1 if name.endswith("norm.weight") else tensor


def without_xielu(c, tensors):
    """The parameters of xIELU are keys."""
    yield from ((k, v) for k, v in tensors.items() if ".act_fn." not in k)


def conv1d(c, tensors):
    """GPT-2: (in, out) -> (out, in); masks dropped; the head only where it is not the embedding."""
    for name, tensor in tensors.items():
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            yield name, tensor.T if re.search(r"\.(c_attn|c_proj|c_fc)\.weight$", name) else tensor


def without_masks(c, tensors):
    for name, tensor in tensors.items():
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            yield name, tensor


def q_then_k_then_v(c, tensors):
    """Fused per head (or per group: its queries, one key, one value) -> all queries, all keys, all values."""
    groups = kv_heads(c)
    each = first(c, "num_attention_heads", "n_head") // groups
    for name, tensor in tensors.items():
        if name.endswith((".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq")):
            continue
        if "query_key_value" in name:
            parts = tensor.reshape(groups, each + 2, head_dim(c), *tensor.shape[1:])
            q, k, v = parts[:, :each], parts[:, each], parts[:, each + 1]
            tensor = torch.cat([p.reshape(-1, *tensor.shape[1:]) for p in (q, k, v)])
        yield name, tensor


def bloom_tensors(c, tensors):
    """Names without `transformer.`, as gguf-py's table has them; the head is the embedding."""
    for name, tensor in q_then_k_then_v(c, tensors):
        if name != "lm_head.weight":
            yield name.removeprefix("transformer."), tensor


def stablelm_tensors(c, tensors):
    """The norms of each head's q and k stacked: (heads, head_dim)."""
    norms = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(.*\.[qk]_layernorm)\.norms\.(\d+)\.weight", name):
            norms.setdefault(match[1] + ".weight", {})[int(match[2])] = tensor
        else:
            yield name, tensor
    for name, parts in norms.items():
        yield name, torch.stack([parts[i] for i in range(len(parts))])


def stacked(tensors):
    """Experts' matrices into one tensor (experts, out, in) under the name gguf-py maps."""
    experts = {}
    for name, tensor in tensors:
        if match := re.fullmatch(r"(.*\.experts)\.(\d+)\.(\w+)\.weight", name):
            prefix, number, matrix = match.groups()
            if matrix in ("w1", "w2", "w3"):  # Mixtral, under the name the converter gives it
                prefix = re.sub(r"^model\.(layers\.\d+)\..*", r"\1.feed_forward.experts", prefix)
            experts.setdefault(f"{prefix}.{matrix}.weight", {})[int(number)] = tensor
        else:
            yield name, tensor
    for name, parts in experts.items():
        yield name, torch.stack([parts[i] for i in range(len(parts))])


def rope_factors(c):
    """Llama 3's frequency factors (what each frequency is divided by), and Phi-3's long and short ones."""
    parameters = rotary(c)
    if parameters["rope_type"] == "llama3":
        factor, low, high, length = (
            parameters[k]
            for k in ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        )
        size = head_dim(c)
        frequencies = 1.0 / parameters["rope_theta"] ** (torch.arange(0, size, 2).float() / size)
        smooth = ((length * frequencies / (2 * math.pi) - low) / (high - low)).clamp(0, 1)
        yield gguf.TENSOR_NAMES[MODEL_TENSOR.ROPE_FREQS] + ".weight", 1 / ((1 - smooth) / factor + smooth)
    if "long_factor" in parameters:
        for key, kind in [
            ("long_factor", MODEL_TENSOR.ROPE_FACTORS_LONG),
            ("short_factor", MODEL_TENSOR.ROPE_FACTORS_SHORT),
        ]:
            yield gguf.TENSOR_NAMES[kind] + ".weight", torch.tensor(parameters[key], dtype=torch.float32)


def gpt_oss_tensors(c, tensors):
    """Gate and up apart, each matrix of an expert as [out, in]; names of sinks and of experts' biases as of modules."""
    for name, tensor in tensors.items():
        block = re.match(r"model\.layers\.(\d+)\.", name)
        prefix = f"blk.{block[1]}." if block else ""
        if name.endswith("sinks"):
            yield f"{prefix}attn_sinks.weight", tensor
        elif match := re.search(r"experts\.(gate_up|down)_proj(_bias)?$", name):
            ending, rows = ("bias", tensor) if match[2] else ("weight", tensor.transpose(1, 2))
            parts = {"down": rows} if match[1] == "down" else {"gate": rows[:, ::2], "up": rows[:, 1::2]}
            for part, rows in parts.items():
                yield f"{prefix}ffn_{part}_exps.{ending}", rows
        else:
            yield name, tensor


@dataclasses.dataclass
class Family:
    arch: A
    keys: Callable
    tensors: Callable = as_they_are


FAMILIES = {
    "llama": Family(A.LLAMA, llama_keys, paired),
    "mixtral": Family(A.LLAMA, llama_keys, paired),
    "smollm3": Family(A.SMOLLM3, llama_keys, paired),
    "granite": Family(A.GRANITE, granite_keys, paired),
    "qwen2": Family(A.QWEN2, plain_keys),
    "qwen3": Family(A.QWEN3, plain_keys),
    "qwen2_moe": Family(A.QWEN2MOE, qwen_moe_keys),
    "qwen3_moe": Family(A.QWEN3MOE, qwen_moe_keys),
    "olmo2": Family(A.OLMO2, plain_keys),
    "gemma": Family(A.GEMMA, plain_keys, one_more),
    "gemma2": Family(A.GEMMA2, gemma2_keys, one_more),
    "gemma3_text": Family(A.GEMMA3, gemma3_keys, one_more),
    "olmo": Family(A.OLMO, olmo_keys, paired),
    "olmoe": Family(A.OLMOE, plain_keys),
    "olmo3": Family(A.OLMO2, windowed_keys),
    "ministral3": Family(A.MISTRAL3, ministral3_keys, paired),
    # gate_up_proj stays fused, as ffn_up; the rows of q and k lie in pairs already.
    "glm": Family(A.CHATGLM, llama_keys),
    "glm4": Family(A.GLM4, llama_keys),
    "glm4_moe": Family(A.GLM4_MOE, corrected_experts_keys, with_corrections),
    "deepseek_v3": Family(A.DEEPSEEK2, latent_keys, without_joined),
    "deepseek_v2": Family(A.DEEPSEEK2, latent_keys, without_joined),
    "deepseek-joined": Family(A.DEEPSEEK2, joined_latent_keys, with_corrections),
    "minimax_m2": Family(A.MINIMAXM2, corrected_experts_keys, with_corrections),
    "gpt_oss": Family(A.GPT_OSS, gpt_oss_keys, gpt_oss_tensors),
    "ernie4_5_moe": Family(A.ERNIE4_5_MOE, ernie_moe_keys, with_corrections),
    "exaone4": Family(A.EXAONE4, windowed_keys),
    "seed_oss": Family(A.SEED_OSS, plain_keys),
    "ernie4_5": Family(A.ERNIE4_5, plain_keys),
    "hunyuan_v1_dense": Family(A.HUNYUAN_DENSE, hunyuan_keys),
    "cohere": Family(A.COMMAND_R, cohere_keys),
    "cohere2": Family(A.COHERE2, cohere2_keys),
    "lfm2": Family(A.LFM2, lfm2_keys),
    "starcoder2": Family(A.STARCODER2, plain_keys),
    "granitemoe": Family(A.GRANITE_MOE, granite_keys, granite_experts),
    "nemotron": Family(A.NEMOTRON, llama_keys, one_more),
    "apertus": Family(A.APERTUS, llama_keys, without_xielu),
    "arcee": Family(A.ARCEE, llama_keys, paired),
    "phi": Family(A.PHI2, llama_keys),
    # qkv_proj and gate_up_proj stay fused: q, k, v and gate, up one after the other, as ffn_up the latter.
    "phi3": Family(A.PHI3, phi3_keys),
    "stablelm": Family(A.STABLELM, neox_keys, stablelm_tensors),
    "gpt2": Family(A.GPT2, dimensions, conv1d),
    "gptj": Family(A.GPTJ, gptj_keys, without_masks),
    "gpt_neox": Family(A.GPTNEOX, neox_keys, q_then_k_then_v),
    "bloom": Family(A.BLOOM, dimensions, bloom_tensors),
    "falcon": Family(A.FALCON, falcon_keys, q_then_k_then_v),
}
