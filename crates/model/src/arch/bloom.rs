//! BLOOM: ALiBi in place of positions, a norm of the embeddings, q, k and v stored head by head.

use super::gpt_neox::MEGATRON_ALIASES;
use super::gpt2::{ALIASES, GGUF, block};
use super::llama::{BASE, HF as LLAMA};
use super::{Architecture, Gguf, Names, Role, Stored, fused_by_head, one};
use crate::config::Residual;
use crate::weight_id::WeightKind::{Down, K, O, Q, Up, V};

const NAMES: Names = Names {
    prefixes: &["transformer.", ""],
    roles: &[&[
        (Role::Embedding, "{model}word_embeddings"),
        (Role::EmbeddingNorm, "{model}word_embeddings_layernorm"),
        (Role::AttentionNorm, "{model}h.{}.input_layernorm"),
        (Role::MlpNorm, "{model}h.{}.post_attention_layernorm"),
        (Role::FinalNorm, "{model}ln_f"),
        (Role::Head, "lm_head"),
    ]],
    matrices: &[MATRICES],
    ..LLAMA
};

pub(super) const MATRICES: &[Stored] = &[
    fused_by_head("{model}h.{}.self_attention.query_key_value", &[Q, K, V]),
    one("{model}h.{}.self_attention.dense", &[O]),
    one("{model}h.{}.mlp.dense_h_to_4h", &[Up]),
    one("{model}h.{}.mlp.dense_4h_to_h", &[Down]),
];

pub(super) static BLOOM: Architecture = Architecture {
    name: "BLOOM",
    model_type: "bloom",
    class: "BloomForCausalLM",
    mlp_ratio: Some(4),
    block: |c| {
        block(c);
        c.without_rope();
        c.embedding.normed = true;
        c.attention.slopes = Some(slopes(c.n_heads));
    },
    hf: |keys, c| {
        c.norm_eps = keys.number_or("layer_norm_epsilon", c.norm_eps)?;
        c.head.tied = keys.flag_or("tie_word_embeddings", true)?;
        if keys.flag_or("apply_residual_connection_post_layernorm", false)? {
            c.residual = Residual::FromNorm;
        }
        Ok(())
    },
    names: &NAMES,
    gguf: Some(Gguf { name: "bloom", read: |_, _| Ok(()), names: &GGUF }),
    to_hf: None,
    aliases: &[ALIASES, MEGATRON_ALIASES],
    ..BASE
};

/// ALiBi's slopes: `2^(−8i/p)` for `i = 1 … p`, with `p` the largest power of two that is no more than `heads`; the
/// other heads take `i = ½, 1½, 2½ …`, which fall in between.
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
    fn heads_beyond_a_power_of_two_lie_between() {
        let expected = |exponents: &[f64]| exponents.iter().map(|e| (-e).exp2() as f32).collect::<Vec<_>>();
        assert_eq!(slopes(1), expected(&[8.0]));
        assert_eq!(slopes(8), expected(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
        assert_eq!(slopes(6), expected(&[2.0, 4.0, 6.0, 8.0, 1.0, 3.0]));
    }
}
