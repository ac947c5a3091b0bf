//! GGUF metadata → configuration: the keys are the same for all families, behind the family's name.

use laser_checkpoint::Metadata;

use super::{ModelConfig, NormKind, Sizes, check_count};
use crate::arch::Architecture;
use crate::error::{Error, Result};
use crate::rope::{Rope, RopeScaling, yarn_attention_factor};
use crate::weight_id::WeightId;
use crate::weight_id::WeightKind::{Down, O, Q, Up};

/// Metadata and tensors of a GGUF file, with the names its errors need.
pub struct GgufKeys<'a> {
    file: &'a str,
    metadata: &'a Metadata,
    family: String,
    /// Shape of a tensor of the file.
    shape: &'a dyn Fn(&str) -> Option<Vec<usize>>,
    /// Values of a small tensor that is configuration, not a weight.
    values: &'a dyn Fn(&str) -> Result<Vec<f32>>,
}

impl GgufKeys<'_> {
    /// A key of the family: `block_count` stands for `llama.block_count`.
    fn key(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.family)
    }

    /// The error that a key has another value than expected.
    pub fn wrong(&self, suffix: &str, expected: impl ToString, found: impl ToString) -> Error {
        Error::Config {
            file: self.file.into(),
            key: self.key(suffix),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// A size, if it is there.
    ///
    /// # Errors
    /// A value that is no size.
    pub fn count_or_none(&self, suffix: &str) -> Result<Option<usize>> {
        match self.metadata.u64(&self.key(suffix))? {
            None => Ok(None),
            Some(n) => usize::try_from(n).map(Some).map_err(|_| self.wrong(suffix, "a size", n)),
        }
    }

    /// A size that must be there.
    ///
    /// # Errors
    /// A value that is no size, or none.
    pub fn count(&self, suffix: &str) -> Result<usize> {
        self.count_or_none(suffix)?.ok_or_else(|| self.wrong(suffix, "a count", "nothing"))
    }

    /// A number, if it is there.
    ///
    /// # Errors
    /// A value that is no number.
    pub fn number_or_none(&self, suffix: &str) -> Result<Option<f64>> {
        Ok(self.metadata.f64(&self.key(suffix))?)
    }

    /// A number, or `default`.
    ///
    /// # Errors
    /// A value that is no number.
    pub fn number_or(&self, suffix: &str, default: f64) -> Result<f64> {
        Ok(self.number_or_none(suffix)?.unwrap_or(default))
    }

    /// A yes or no, or `default`.
    ///
    /// # Errors
    /// A value that is neither.
    pub fn flag_or(&self, suffix: &str, default: bool) -> Result<bool> {
        Ok(self.metadata.bool(&self.key(suffix))?.unwrap_or(default))
    }

    /// Whether the file has a tensor.
    pub fn has_tensor(&self, name: &str) -> bool {
        (self.shape)(name).is_some()
    }

    /// A dimension of a tensor, outermost first; 0 where the file has no such tensor.
    pub fn dim_of(&self, name: &str, dim: usize) -> usize {
        (self.shape)(name).and_then(|shape| shape.get(dim).copied()).unwrap_or(0)
    }

    /// The values of a tensor that is configuration, if it is there.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub fn values(&self, name: &str) -> Result<Option<Vec<f64>>> {
        if !self.has_tensor(name) {
            return Ok(None);
        }
        Ok(Some((self.values)(name)?.into_iter().map(f64::from).collect()))
    }
}

impl ModelConfig {
    /// Reads GGUF metadata. `shape` and `values` look into the file's tensors, because GGUF has no keys for biases,
    /// tied heads and some rotary scalings.
    ///
    /// # Errors
    /// A family that is not known, a key that is missing or of another type, or a value that is not implemented.
    pub fn from_gguf(
        file: &str,
        metadata: &Metadata,
        shape: &dyn Fn(&str) -> Option<Vec<usize>>,
        values: &dyn Fn(&str) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let family = metadata.str("general.architecture")?.unwrap_or("nothing").to_owned();
        let keys = GgufKeys { file, metadata, family, shape, values };
        let unknown = || Error::Config {
            file: file.into(),
            key: "general.architecture".into(),
            expected: Architecture::known_gguf(),
            found: keys.family.clone(),
        };
        let (architecture, gguf) = Architecture::by_gguf(&keys.family).ok_or_else(unknown)?;
        let (d_model, n_heads, n_layers) =
            (keys.count("embedding_length")?, keys.count("attention.head_count")?, keys.count("block_count")?);
        check_count(file, &keys.key("block_count"), n_layers)?;
        check_count(file, &keys.key("attention.head_count"), n_heads)?;
        // Some converters write another width of the MLP than the tensors have.
        let down =
            gguf.names.holders(WeightId::new(0, Down)).map(|stored| shape(&format!("{}.weight", stored.at(0, None))));
        let d_mlp = match down.flatten().next().and_then(|shape| shape.get(1).copied()) {
            Some(width) => Some(width),
            None => keys.count_or_none("feed_forward_length")?,
        };
        let d_head = keys.count_or_none("attention.key_length")?.unwrap_or(d_model / n_heads.max(1));
        let mut c = Self::plain(
            architecture,
            Sizes {
                vocab_size: shape("token_embd.weight").and_then(|shape| shape.first().copied()).unwrap_or(0),
                d_model,
                n_layers,
                n_heads,
                n_kv_heads: keys.count_or_none("attention.head_count_kv")?.unwrap_or(n_heads),
                d_head,
                d_mlp: d_mlp.unwrap_or(0),
                max_positions: keys.count_or_none("context_length")?.unwrap_or(2048),
            },
        );
        (architecture.block)(&mut c);
        c.norm_eps = match c.norm {
            NormKind::Rms => keys.number_or("attention.layer_norm_rms_epsilon", 1e-6)?,
            NormKind::Layer => keys.number_or("attention.layer_norm_epsilon", 1e-5)?,
        };
        c.attention.ropes = match c.attention.layers[0].rope {
            Some(_) => vec![rope(&keys, &c)?],
            None => vec![],
        };
        let window = keys.count_or_none("attention.sliding_window")?.filter(|&w| w > 0);
        c.attention.layers.iter_mut().for_each(|layer| layer.window = window);
        let names = gguf.names;
        let dense = |kind| {
            let with_bias = |name: &str| keys.has_tensor(&format!("{name}.bias"));
            names.holders(WeightId::new(0, kind)).any(|stored| with_bias(&stored.at(0, None)))
        };
        (c.bias.qkv, c.bias.o, c.bias.mlp) = (dense(Q), dense(O), dense(Up));
        c.head.tied = !keys.has_tensor("output.weight");
        c.head.bias = keys.has_tensor("output.bias");
        (gguf.read)(&keys, &mut c)?;
        // The tokenizer's metadata has the tokens that end a text.
        c.check(file)
    }
}

/// Rotary positions of all layers.
fn rope(keys: &GgufKeys<'_>, c: &ModelConfig) -> Result<Rope> {
    let dim = keys.count_or_none("rope.dimension_count")?.unwrap_or(c.d_head);
    let factor = || keys.number_or("rope.scaling.factor", 1.0);
    let original = || -> Result<usize> {
        Ok(keys.count_or_none("rope.scaling.original_context_length")?.unwrap_or(c.max_positions))
    };
    let kind = keys.metadata.str(&keys.key("rope.scaling.type"))?.unwrap_or("none");
    let long = (keys.values("rope_factors_short.weight")?, keys.values("rope_factors_long.weight")?);
    let scaling = match (keys.values("rope_freqs.weight")?, long, kind) {
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
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: keys.number_or("rope.scaling.attn_factor", 1.0)? * yarn_attention_factor(factor()?, 1.0),
            truncate: true,
        },
        (None, _, other) => return Err(keys.wrong("rope.scaling.type", "none, linear or yarn", other)),
    };
    Ok(Rope { theta: keys.number_or("rope.freq_base", 10_000.0)?, dim, scaling })
}
