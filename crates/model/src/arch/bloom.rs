//! BLOOM: ALiBi instead of positions, a norm of the embeddings, q, k and v in one tensor, grouped by head.

use serde_json::json;

use super::definition::{FamilyDefinition, GgufFormat};
use super::family::Family;
use super::gpt_neox::MEGATRON_ALIASES;
use super::gpt2::{ALIASES, GGUF, set_common_block};
use super::llama::{BASE, HF as LLAMA};
use super::tensor_names::{StoredTensor, TensorNames, TensorRole, fused_by_head, one};
use crate::config::{Residual, head_is_tied, shortest};
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: TensorNames = TensorNames {
    prefixes: &["transformer.", ""],
    roles: &[&[
        (TensorRole::Embedding, "{model}word_embeddings"),
        (TensorRole::EmbeddingNorm, "{model}word_embeddings_layernorm"),
        (TensorRole::AttentionNorm, "{model}h.{}.input_layernorm"),
        (TensorRole::MlpNorm, "{model}h.{}.post_attention_layernorm"),
        (TensorRole::FinalNorm, "{model}ln_f"),
        (TensorRole::Head, "lm_head"),
    ]],
    matrices: &[MATRICES],
    ..LLAMA
};

pub(super) const MATRICES: &[StoredTensor] = &[
    fused_by_head("{model}h.{}.self_attention.query_key_value", &[Q, K, V]),
    one("{model}h.{}.self_attention.dense", &[O]),
    one("{model}h.{}.mlp.dense_h_to_4h", &[Up]),
    one("{model}h.{}.mlp.dense_4h_to_h", &[Down]),
];

pub(super) static BLOOM: FamilyDefinition = FamilyDefinition {
    family: Family {
        name: "BLOOM",
        model_type: "bloom",
        class: "BloomForCausalLM",
        tensor_names: &NAMES,
        aliases: &[ALIASES, MEGATRON_ALIASES],
    },
    mlp_ratio: Some(4),
    equal_heads: true,
    set_block: |c| {
        set_common_block(c);
        c.without_rope();
        c.embedding.normed = true;
        c.attention.slopes = Some(slopes(c.n_heads));
    },
    read_config_json: |keys, c| {
        c.norm_eps = keys.number_or("layer_norm_epsilon", c.norm_eps)?;
        c.head.tied = head_is_tied(keys, true)?;
        if keys.flag_or("apply_residual_connection_post_layernorm", false)? {
            c.residual = Residual::FromNorm;
        }
        Ok(())
    },
    gguf: Some(GgufFormat {
        name: "bloom",
        read_metadata: |_, _| Ok(()),
        write_metadata: |_| Vec::new(),
        tensor_names: &GGUF,
    }),
    write_config_json: Some(|c| {
        Ok(json!({
            "n_layer": c.n_layers,
            "n_head": c.n_heads,
            "layer_norm_epsilon": shortest(c.norm_eps),
            "apply_residual_connection_post_layernorm": false,
            "num_hidden_layers": null,
            "num_attention_heads": null,
            "num_key_value_heads": null,
            "intermediate_size": null,
            "head_dim": null,
            "hidden_act": null,
            "rms_norm_eps": null,
        }))
    }),
    ..BASE
};

/// Slopes of ALiBi (arXiv 2108.12409) for each head: `2^(−8i/p)` for `i = 1 … p`, where `p` is the largest power of two
/// that is at most `heads`; the remaining heads use `i = ½, 1½, 2½ …`, slopes between the others.
pub(super) fn slopes(heads: usize) -> Vec<f32> {
    let p = heads.max(1).ilog2();
    let step = 8.0 / f64::from(1u32 << p);
    let slope = |i: f64| (-step * i).exp2() as f32;
    let whole = (1..=1usize << p).map(|i| slope(i as f64));
    whole.chain((0..).map(|i| slope(f64::from(i) + 0.5))).take(heads).collect()
}

#[cfg(test)]
mod tests {
    use super::slopes;

    #[test]
    fn slopes_of_heads_beyond_a_power_of_two_lie_between_the_others() {
        let expected = |exponents: &[f64]| exponents.iter().map(|e| (-e).exp2() as f32).collect::<Vec<_>>();
        assert_eq!(slopes(1), expected(&[8.0]));
        assert_eq!(slopes(8), expected(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        assert_eq!(slopes(6), expected(&[2.0, 4.0, 6.0, 8.0, 1.0, 3.0]));
    }
}
