//! The Llama family: Llama 2 and 3, SmolLM, Mistral, Qwen2. Pre-norm blocks with RMS norms, half-split rotary
//! positions, grouped-query attention and a SiLU-gated MLP; they differ in biases and windows only.

use super::{Architecture, BiasRule, TensorNames};
use crate::weight::WeightKind::{self, Down, Gate, K, O, Q, Up, V};

static HF: TensorNames = TensorNames {
    embedding: "model.embed_tokens.weight",
    head: "lm_head.weight",
    final_norm: "model.norm.weight",
    attention_norm: "model.layers.{}.input_layernorm.weight",
    mlp_norm: "model.layers.{}.post_attention_layernorm.weight",
    matrices: [
        "model.layers.{}.self_attn.q_proj",
        "model.layers.{}.self_attn.k_proj",
        "model.layers.{}.self_attn.v_proj",
        "model.layers.{}.self_attn.o_proj",
        "model.layers.{}.mlp.gate_proj",
        "model.layers.{}.mlp.up_proj",
        "model.layers.{}.mlp.down_proj",
    ],
    // Old Llama checkpoints store the rotary frequencies, which follow from the configuration.
    ignored: &[".rotary_emb.inv_freq"],
};

static GGUF: TensorNames = TensorNames {
    embedding: "token_embd.weight",
    head: "output.weight",
    final_norm: "output_norm.weight",
    attention_norm: "blk.{}.attn_norm.weight",
    mlp_norm: "blk.{}.ffn_norm.weight",
    matrices: [
        "blk.{}.attn_q",
        "blk.{}.attn_k",
        "blk.{}.attn_v",
        "blk.{}.attn_output",
        "blk.{}.ffn_gate",
        "blk.{}.ffn_up",
        "blk.{}.ffn_down",
    ],
    // Read by the configuration (Llama 3's rotary scaling), not a weight.
    ignored: &["rope_freqs.weight"],
};

/// The reference code's names (`method.md` §1.3): its `fc_in` is the gate alone.
static ALIASES: &[(&str, &[WeightKind])] = &[
    ("fc_in", &[Gate]),
    ("fc_up", &[Up]),
    ("fc_out", &[Down]),
    ("out_proj", &[O]),
    ("mlp", &[Gate, Up, Down]),
    ("attn", &[Q, K, V, O]),
    ("all", &[Q, K, V, O, Gate, Up, Down]),
];

const BASE: Architecture = Architecture {
    name: "Llama",
    model_type: "llama",
    gguf: "llama",
    class: "LlamaForCausalLM",
    hf_names: &HF,
    gguf_names: &GGUF,
    gguf_permutes_qk: true,
    bias: BiasRule::Configured,
    window_is_opt_in: false,
    aliases: ALIASES,
};

pub(super) static LLAMA: Architecture = BASE;

pub(super) static MISTRAL: Architecture = Architecture {
    name: "Mistral",
    model_type: "mistral",
    gguf: "mistral",
    class: "MistralForCausalLM",
    bias: BiasRule::Never,
    ..BASE
};

pub(super) static QWEN2: Architecture = Architecture {
    name: "Qwen2",
    model_type: "qwen2",
    gguf: "qwen2",
    class: "Qwen2ForCausalLM",
    gguf_permutes_qk: false,
    bias: BiasRule::Qkv,
    window_is_opt_in: true,
    ..BASE
};
