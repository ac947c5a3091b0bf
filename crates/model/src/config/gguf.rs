//! GGUF metadata → configuration: the keys that all families share.

use super::gguf_keys::GgufKeys;
use super::sizes::{Sizes, check_count};
use super::tied_head::gguf_head_is_tied;
use super::{ModelConfig, NormKind};
use crate::arch::tensor_names::TensorNames;
use crate::error::Result;
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{Down, O, Q, Up};

impl Sizes {
    /// Reads the sizes from the metadata and from the shapes of tensors, whose names are `names`.
    ///
    /// # Errors
    /// A missing key, a key of another type, a number of layers or heads that is 0, a size that the file cannot hold, or
    /// sizes that differ between layers.
    pub(crate) fn from_gguf(keys: &GgufKeys<'_>, names: &TensorNames) -> Result<Self> {
        // The last blocks of some models only predict further tokens.
        let further = keys.count_or_none("nextn_predict_layers")?.unwrap_or(0);
        let n_layers = keys.count("block_count")?.saturating_sub(further);
        check_count(keys.file(), &keys.full_name("block_count"), n_layers)?;
        let blocks = keys.blocks();
        if n_layers > blocks {
            return Err(keys.wrong("block_count", format!("at most {blocks}, the blocks in the file"), n_layers));
        }
        let d_model = keys.count("embedding_length")?;
        if let Some(width) = keys.dim_of("token_embd.weight", 1).filter(|width| *width != d_model) {
            return Err(keys.wrong("embedding_length", format!("{width}, the width of token_embd.weight"), d_model));
        }
        let of_layers = |key: &str| keys.count_of_layers_or_none(key, n_layers);
        let n_heads = of_layers("attention.head_count")?
            .ok_or_else(|| keys.wrong("attention.head_count", "a count", "nothing"))?;
        check_count(keys.file(), &keys.full_name("attention.head_count"), n_heads)?;
        // Files with latent attention have the width of its vector under the second key, if they have the first.
        let d_head = match keys.count_or_none("attention.key_length_mla")? {
            Some(width) => width,
            None => keys.count_or_none("attention.key_length")?.unwrap_or(d_model / n_heads),
        };
        keys.check_product("attention.key_length", d_head, n_heads)?;
        // The tensor comes first, because some converters write another width of the MLP than the tensors have.
        let mut down = names.holders(WeightId::new(0, Down)).map(|stored| stored.name_at(0, None));
        let d_mlp = match down.find_map(|name| keys.dim_of(&format!("{name}.weight"), 1)) {
            Some(width) => Some(width),
            None => of_layers("feed_forward_length")?,
        };
        Ok(Self {
            vocab_size: keys.dim_of("token_embd.weight", 0).unwrap_or(0),
            d_model,
            n_layers,
            n_heads,
            n_kv_heads: of_layers("attention.head_count_kv")?.unwrap_or(n_heads),
            d_head,
            d_mlp: d_mlp.unwrap_or(0),
            max_positions: keys.count_or_none("context_length")?.unwrap_or(2048),
        })
    }
}

impl ModelConfig {
    /// Reads the keys that all families share, besides the sizes. Biases and a tied head follow from the set of
    /// tensors, whose names are `names`.
    ///
    /// # Errors
    /// A key of another type, or a value that is not implemented.
    pub(crate) fn read_gguf_metadata(&mut self, keys: &GgufKeys<'_>, names: &TensorNames) -> Result<()> {
        self.norm_eps = match self.norm {
            NormKind::Rms => keys.number_or("attention.layer_norm_rms_epsilon", 1e-6)?,
            NormKind::Layer => keys.number_or("attention.layer_norm_epsilon", 1e-5)?,
        };
        self.attention.ropes = match self.attention.layers[0].rope {
            Some(_) => vec![read_rope(keys, self)?],
            None => vec![],
        };
        let window = keys.count_or_none("attention.sliding_window")?.filter(|&w| w > 0);
        self.attention.layers.iter_mut().for_each(|layer| layer.window = window);
        // A projection has biases in all layers or in none.
        let has_bias = |kind| {
            let mut stored = names.holders(WeightId::new(0, kind));
            stored.any(|stored| keys.has_tensor(&format!("{}.bias", stored.name_at(0, None))))
        };
        (self.bias.qkv, self.bias.o, self.bias.mlp) = (has_bias(Q), has_bias(O), has_bias(Up));
        self.head.tied = gguf_head_is_tied(keys);
        self.head.bias = keys.has_tensor("output.bias");
        Ok(())
    }
}

/// Rotary positions of all layers.
fn read_rope(keys: &GgufKeys<'_>, c: &ModelConfig) -> Result<Rope> {
    let dim = keys.count_or_none("rope.dimension_count")?.unwrap_or(c.d_head);
    let factor = || keys.number_or("rope.scaling.factor", 1.0);
    let original = || -> Result<usize> {
        Ok(keys.count_or_none("rope.scaling.original_context_length")?.unwrap_or(c.max_positions))
    };
    let kind = keys.string_or("rope.scaling.type", "none")?;
    let short_and_long =
        (keys.tensor_values("rope_factors_short.weight")?, keys.tensor_values("rope_factors_long.weight")?);
    // Tensors of divisors come first: files that have them do not name the scaling in the metadata.
    let scaling = match (keys.tensor_values("rope_freqs.weight")?, short_and_long, kind) {
        (Some(divisors), _, _) => RopeScaling::Divisors(divisors),
        (None, (Some(short), Some(long)), _) => RopeScaling::LongRope {
            short,
            long,
            original_context: original()?,
            attention_factor: keys.number_or("rope.scaling.attn_factor", 1.0)?,
        },
        (None, _, "none") => RopeScaling::Default,
        (None, _, "linear") => RopeScaling::Linear { factor: factor()? },
        (None, _, "yarn") => RopeScaling::Yarn {
            factor: factor()?,
            original_context: original()?,
            beta_fast: keys.number_or("rope.scaling.yarn_beta_fast", 32.0)?,
            beta_slow: keys.number_or("rope.scaling.yarn_beta_slow", 1.0)?,
            attention_factor: keys.number_or("rope.scaling.attn_factor", 1.0)? * yarn_attention_factor(factor()?, 1.0),
            truncate: true,
        },
        (None, _, other) => return Err(keys.wrong("rope.scaling.type", "none, linear or yarn", other)),
    };
    Ok(Rope { theta: keys.number_or("rope.freq_base", 10_000.0)?, dim, scaling })
}
