//! Configuration → the GGUF metadata that all families share: the inverse of reading them, with the names and types that
//! llama.cpp expects.

use laser_checkpoint::{Array, Value};

use super::{Mixer, ModelConfig, NormKind};
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};

/// A key with its value.
pub(crate) type Entry = (String, Value);

/// A count under a key of the family.
pub(crate) fn count(key: &str, n: usize) -> Entry {
    // Larger counts than llama.cpp reads do not occur in a model that is in memory.
    (key.to_owned(), Value::U32(u32::try_from(n).unwrap_or(u32::MAX)))
}

/// A number under a key of the family.
pub(crate) fn number(key: &str, x: f64) -> Entry {
    (key.to_owned(), Value::F32(x as f32))
}

impl ModelConfig {
    /// Tensors of a GGUF file that belong to the configuration: divisors of rotary frequencies, `[dim/2]`.
    pub fn gguf_divisors(&self) -> Vec<(&'static str, Vec<f32>)> {
        let single = |values: &[f64]| values.iter().map(|x| *x as f32).collect();
        let Some(rope) = self.attention.ropes.first() else { return Vec::new() };
        match &rope.scaling {
            RopeScaling::Divisors(divisors) => vec![("rope_freqs.weight", single(divisors))],
            RopeScaling::Llama3 { .. } => {
                let plain = Rope { scaling: RopeScaling::Default, ..rope.clone() }.inverse_frequencies(1).0;
                let scaled = rope.inverse_frequencies(1).0;
                let divisors: Vec<f64> = plain.iter().zip(scaled).map(|(plain, scaled)| plain / scaled).collect();
                vec![("rope_freqs.weight", single(&divisors))]
            }
            RopeScaling::LongRope { short, long, .. } => {
                vec![("rope_factors_short.weight", single(short)), ("rope_factors_long.weight", single(long))]
            }
            _ => Vec::new(),
        }
    }

    /// The keys that all families share, without the family's name.
    pub(crate) fn shared_gguf_keys(&self) -> Result<Vec<Entry>, String> {
        let mut keys = vec![
            count("vocab_size", self.vocab_size),
            count("context_length", self.max_positions),
            count("embedding_length", self.d_model),
            count("block_count", self.n_layers),
            count("feed_forward_length", self.d_mlp),
            count("attention.head_count", self.n_heads),
            self.kv_heads_entry(),
        ];
        if self.d_head * self.n_heads != self.d_model {
            keys.push(count("attention.key_length", self.d_head));
            keys.push(count("attention.value_length", self.d_head));
        }
        let eps = match self.norm {
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
            NormKind::Layer => "attention.layer_norm_epsilon",
        };
        keys.push(number(eps, self.norm_eps));
        if let Some(window) = self.attention.layers.iter().find_map(|layer| layer.window) {
            keys.push(count("attention.sliding_window", window));
        }
        if let Some(rope) = self.attention.ropes.first() {
            keys.push(count("rope.dimension_count", rope.dim));
            keys.push(number("rope.freq_base", rope.theta));
            keys.extend(scaling_keys(&rope.scaling)?);
        }
        Ok(keys)
    }
}

impl ModelConfig {
    /// The number of key/value heads: one for all layers, or, beside convolutions, a list with 0 for their layers.
    fn kv_heads_entry(&self) -> Entry {
        const KEY: &str = "attention.head_count_kv";
        if self.convolution().is_none() {
            return count(KEY, self.n_kv_heads);
        }
        let of_layer = |layer| match self.mixer(layer) {
            // Signed, as llama.cpp's converter writes lists; larger counts do not occur.
            Mixer::Attention => i32::try_from(self.n_kv_heads).unwrap_or(i32::MAX),
            Mixer::Convolution(_) => 0,
        };
        (KEY.to_owned(), Value::Array(Array::I32((0..self.n_layers).map(of_layer).collect())))
    }
}

/// The keys of a rotary scaling.
fn scaling_keys(scaling: &RopeScaling) -> Result<Vec<Entry>, String> {
    let kind = |kind: &str| ("rope.scaling.type".to_owned(), Value::String(kind.to_owned()));
    let original = |context: usize| count("rope.scaling.original_context_length", context);
    Ok(match scaling {
        // The last two are tensors.
        RopeScaling::Default | RopeScaling::Divisors(_) | RopeScaling::Llama3 { .. } => Vec::new(),
        RopeScaling::Linear { factor } => vec![kind("linear"), number("rope.scaling.factor", *factor)],
        RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor, .. } => {
            let mut keys = vec![
                kind("yarn"),
                number("rope.scaling.factor", *factor),
                original(*original_context),
                number("rope.scaling.attn_factor", attention_factor / yarn_attention_factor(*factor, 1.0)),
            ];
            // Files of llama.cpp's converter have these two only where they are not the usual ones.
            let bounds = [("fast", *beta_fast, 32.0), ("slow", *beta_slow, 1.0)];
            let unusual = bounds.into_iter().filter(|(_, beta, usual)| beta != usual);
            keys.extend(unusual.map(|(name, beta, _)| number(&format!("rope.scaling.yarn_beta_{name}"), beta)));
            keys
        }
        RopeScaling::LongRope { original_context, attention_factor, .. } => {
            vec![original(*original_context), number("rope.scaling.attn_factor", *attention_factor)]
        }
        RopeScaling::Dynamic { .. } => return Err("GGUF has no key for dynamic rotary scaling".to_owned()),
    })
}
