//! A model's configuration, from `config.json` or from GGUF metadata, in one form.

use laser_checkpoint::Metadata;
use serde_json::{Map, Value};

use super::json::Keys;
use super::rope::{Rope, RopeScaling, yarn_attention_factor};
use crate::arch::{Architecture, BiasRule};
use crate::error::{Error, Result};

/// Sizes and constants of a model.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The family.
    pub architecture: &'static Architecture,
    /// Vocabulary size.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads (grouped-query attention when fewer than `n_heads`).
    pub n_kv_heads: usize,
    /// Width of a head.
    pub d_head: usize,
    /// Width of the MLP.
    pub d_mlp: usize,
    /// ε of the RMS norms.
    pub norm_eps: f64,
    /// Rotary positions.
    pub rope: Rope,
    /// Longest sequence the model was made for, in tokens.
    pub max_positions: usize,
    /// Sliding window per layer, in tokens (a key is seen when `query − key < window`); `None`: full attention.
    pub windows: Vec<Option<usize>>,
    /// Whether the output head is the token embedding.
    pub tied: bool,
    /// Whether q, k and v have biases.
    pub qkv_bias: bool,
    /// Whether the attention output has a bias.
    pub o_bias: bool,
    /// Whether the MLP has biases.
    pub mlp_bias: bool,
    /// Tokens that end a generation, as the configuration names them.
    pub eos: Vec<u32>,
}

impl ModelConfig {
    /// Reads a `config.json`. `file` names it in errors.
    pub fn from_hf(file: &str, text: &str) -> Result<Self> {
        let root: Map<String, Value> = serde_json::from_str(text).map_err(|e| Error::parse(file, e))?;
        let keys = Keys::new(file, &root);
        let model_type = keys.string("model_type")?;
        let architecture = Architecture::by_model_type(&model_type)
            .ok_or_else(|| keys.wrong("model_type", format!("one of {}", Architecture::known()), model_type))?;
        let activation = keys.string_or("hidden_act", "silu")?;
        if activation != "silu" {
            return Err(keys.wrong("hidden_act", "silu", activation));
        }
        let (d_model, n_heads) = (keys.count("hidden_size")?, keys.count("num_attention_heads")?);
        let n_layers = keys.count("num_hidden_layers")?;
        let d_head = keys.count_or("head_dim", d_model / n_heads)?;
        let max_positions = keys.count_or("max_position_embeddings", 2048)?;
        let (attention_bias, mlp_bias) = match architecture.bias {
            BiasRule::Configured => (keys.flag_or("attention_bias", false)?, keys.flag_or("mlp_bias", false)?),
            BiasRule::Qkv | BiasRule::Never => (false, false),
        };
        let config = Self {
            architecture,
            vocab_size: keys.count("vocab_size")?,
            d_model,
            n_layers,
            n_heads,
            n_kv_heads: keys.count_or("num_key_value_heads", n_heads)?,
            d_head,
            d_mlp: keys.count("intermediate_size")?,
            norm_eps: keys.number_or("rms_norm_eps", 1e-6)?,
            rope: hf_rope(&keys, d_head, max_positions)?,
            max_positions,
            windows: hf_windows(&keys, architecture, n_layers)?,
            tied: keys.flag_or("tie_word_embeddings", false)?,
            qkv_bias: attention_bias || architecture.bias == BiasRule::Qkv,
            o_bias: attention_bias,
            mlp_bias,
            eos: keys.ids_or_none("eos_token_id")?,
        };
        config.check(file)
    }

    /// Reads GGUF metadata. `has_tensor` tells which tensors the file holds (GGUF has no keys for biases and
    /// tied heads), `rope_divisors` is the content of `rope_freqs.weight` where the file has it.
    pub fn from_gguf(
        file: &str,
        metadata: &Metadata,
        vocab_size: usize,
        has_tensor: impl Fn(&str) -> bool,
        rope_divisors: Option<Vec<f32>>,
    ) -> Result<Self> {
        let wrong = |key: &str, expected: String, found: String| Error::Config {
            file: file.into(),
            key: key.into(),
            expected,
            found,
        };
        let name = metadata.str("general.architecture")?.unwrap_or("nothing").to_owned();
        let architecture = Architecture::by_gguf(&name)
            .ok_or_else(|| wrong("general.architecture", format!("one of {}", Architecture::known()), name.clone()))?;
        let key = |suffix: &str| format!("{name}.{suffix}");
        let optional = |suffix: &str| -> Result<Option<usize>> {
            let key = key(suffix);
            match metadata.u64(&key)? {
                None => Ok(None),
                Some(n) => usize::try_from(n).map(Some).map_err(|_| wrong(&key, "a size".into(), n.to_string())),
            }
        };
        let count =
            |suffix: &str| optional(suffix)?.ok_or_else(|| wrong(&key(suffix), "a count".into(), "nothing".into()));
        let number = |suffix: &str, default: f64| -> Result<f64> { Ok(metadata.f64(&key(suffix))?.unwrap_or(default)) };

        let (d_model, n_heads, n_layers) =
            (count("embedding_length")?, count("attention.head_count")?, count("block_count")?);
        let d_head = optional("attention.key_length")?.unwrap_or(d_model / n_heads.max(1));
        let max_positions = optional("context_length")?.unwrap_or(2048);
        let scaling = match (rope_divisors, metadata.str(&key("rope.scaling.type"))?.unwrap_or("none")) {
            (Some(divisors), _) => RopeScaling::Divisors(divisors.into_iter().map(f64::from).collect()),
            (None, "none") => RopeScaling::Default,
            (None, "linear") => RopeScaling::Linear { factor: number("rope.scaling.factor", 1.0)? },
            (None, "yarn") => {
                let factor = number("rope.scaling.factor", 1.0)?;
                RopeScaling::Yarn {
                    factor,
                    original_context: optional("rope.scaling.original_context_length")?.unwrap_or(max_positions),
                    beta_fast: 32.0,
                    beta_slow: 1.0,
                    attention_factor: number("rope.scaling.attn_factor", 1.0)? * yarn_attention_factor(factor, 1.0),
                    truncate: true,
                }
            }
            (None, other) => return Err(wrong(&key("rope.scaling.type"), "none, linear or yarn".into(), other.into())),
        };
        let names = architecture.gguf_names;
        let bias = |kind| has_tensor(&names.bias(0, kind));
        let window = optional("attention.sliding_window")?.filter(|&w| w > 0);
        let config = Self {
            architecture,
            vocab_size,
            d_model,
            n_layers,
            n_heads,
            n_kv_heads: optional("attention.head_count_kv")?.unwrap_or(n_heads),
            d_head,
            d_mlp: count("feed_forward_length")?,
            norm_eps: number("attention.layer_norm_rms_epsilon", 1e-6)?,
            rope: Rope {
                theta: number("rope.freq_base", 10_000.0)?,
                dim: optional("rope.dimension_count")?.unwrap_or(d_head),
                scaling,
            },
            max_positions,
            windows: vec![window; n_layers.min(4096)],
            tied: !has_tensor(names.head),
            qkv_bias: bias(crate::weight::WeightKind::Q),
            o_bias: bias(crate::weight::WeightKind::O),
            mlp_bias: bias(crate::weight::WeightKind::Up),
            eos: Vec::new(), // the tokenizer's metadata has them
        };
        config.check(file)
    }

    /// Largest possible rank of a matrix of this kind: `min(out, in)`.
    pub fn max_rank(&self, kind: crate::weight::WeightKind) -> usize {
        let [rows, cols] = self.shape(kind);
        rows.min(cols)
    }

    /// Shape `[out, in]` of a matrix of this kind.
    pub fn shape(&self, kind: crate::weight::WeightKind) -> [usize; 2] {
        use crate::weight::WeightKind::{Down, Gate, K, O, Q, Up, V};
        match kind {
            Q => [self.n_heads * self.d_head, self.d_model],
            K | V => [self.n_kv_heads * self.d_head, self.d_model],
            O => [self.d_model, self.n_heads * self.d_head],
            Gate | Up => [self.d_mlp, self.d_model],
            Down => [self.d_model, self.d_mlp],
        }
    }

    /// Sizes that contradict each other, or would ask for more memory than any file justifies.
    fn check(self, file: &str) -> Result<Self> {
        let wrong = |key: &str, expected: &str, found: String| {
            Err(Error::Config { file: file.into(), key: key.into(), expected: expected.into(), found })
        };
        if self.n_kv_heads == 0 || !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let found = format!("{} over {} heads", self.n_kv_heads, self.n_heads);
            return wrong("num_key_value_heads", "a divisor of the number of heads", found);
        }
        if self.rope.dim != self.d_head || self.d_head == 0 || !self.d_head.is_multiple_of(2) {
            let found = format!("{} rotated of {}", self.rope.dim, self.d_head);
            return wrong("head_dim", "an even head width, all of it rotated", found);
        }
        if self.n_layers == 0 || self.n_layers > 4096 {
            return wrong("num_hidden_layers", "1 to 4096", self.n_layers.to_string());
        }
        let divisors = match &self.rope.scaling {
            RopeScaling::Divisors(d) => vec![d],
            RopeScaling::LongRope { short, long, .. } => vec![short, long],
            _ => vec![],
        };
        for d in divisors {
            if d.len() != self.d_head / 2 || d.iter().any(|v| !v.is_finite() || *v <= 0.0) {
                let found = format!("{} values", d.len());
                return wrong("rope_scaling", "one positive divisor for each pair of a head's dimensions", found);
            }
        }
        Ok(self)
    }
}

/// `rope_parameters` (transformers 5) or `rope_theta` and `rope_scaling` (before).
fn hf_rope(keys: &Keys<'_>, d_head: usize, max_positions: usize) -> Result<Rope> {
    let parameters = keys.object_or_none("rope_parameters")?;
    let scaling = match &parameters {
        Some(p) => Some(p.clone()),
        None => keys.object_or_none("rope_scaling")?,
    };
    let default_theta = keys.number_or("rope_theta", 10_000.0)?;
    let Some(scaling) = scaling else {
        return Ok(Rope { theta: default_theta, dim: d_head, scaling: RopeScaling::Default });
    };
    let theta = scaling.number_or("rope_theta", default_theta)?;
    // Older files say `type`.
    let kind = match scaling.string_or("rope_type", "")? {
        s if s.is_empty() => scaling.string_or("type", "default")?,
        s => s,
    };
    let original = || -> Result<usize> {
        let outer = keys.count_or("original_max_position_embeddings", max_positions)?;
        scaling.count_or("original_max_position_embeddings", outer)
    };
    let factor = || scaling.number("factor");
    let scaling = match kind.as_str() {
        "default" => RopeScaling::Default,
        "linear" => RopeScaling::Linear { factor: factor()? },
        "dynamic" => RopeScaling::Dynamic { factor: factor()?, original_context: max_positions },
        "yarn" => {
            let original_context = original()?;
            let factor = match scaling.number_or_none("factor")? {
                Some(factor) => factor,
                None => max_positions as f64 / original_context as f64,
            };
            let (mscale, all) = (scaling.number_or("mscale", 0.0)?, scaling.number_or("mscale_all_dim", 0.0)?);
            let implied = if mscale != 0.0 && all != 0.0 {
                yarn_attention_factor(factor, mscale) / yarn_attention_factor(factor, all)
            } else {
                yarn_attention_factor(factor, 1.0)
            };
            RopeScaling::Yarn {
                factor,
                original_context,
                beta_fast: scaling.number_or("beta_fast", 32.0)?,
                beta_slow: scaling.number_or("beta_slow", 1.0)?,
                attention_factor: scaling.number_or("attention_factor", implied)?,
                truncate: scaling.flag_or("truncate", true)?,
            }
        }
        "longrope" | "su" => {
            let original_context = original()?;
            let factor = scaling.number_or("factor", max_positions as f64 / original_context as f64)?;
            let implied = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / (original_context as f64).ln()).sqrt() };
            RopeScaling::LongRope {
                short: scaling.numbers("short_factor")?,
                long: scaling.numbers("long_factor")?,
                original_context,
                attention_factor: scaling.number_or("attention_factor", implied)?,
            }
        }
        "llama3" => RopeScaling::Llama3 {
            factor: factor()?,
            low_freq_factor: scaling.number("low_freq_factor")?,
            high_freq_factor: scaling.number("high_freq_factor")?,
            original_context: original()?,
        },
        other => {
            return Err(scaling.wrong("rope_type", "default, linear, dynamic, yarn, longrope or llama3", other));
        }
    };
    Ok(Rope { theta, dim: d_head, scaling })
}

/// Window of each layer: `layer_types` where the file lists them, else `sliding_window` for all layers
/// (Qwen2: from `max_window_layers` on, and only when `use_sliding_window` is set).
fn hf_windows(keys: &Keys<'_>, architecture: &Architecture, n_layers: usize) -> Result<Vec<Option<usize>>> {
    let n_layers = n_layers.min(4096);
    let mut window = keys.count_or_none("sliding_window")?;
    let mut first = 0;
    if architecture.window_is_opt_in {
        first = keys.size_or("max_window_layers", 28)?;
        if !keys.flag_or("use_sliding_window", false)? {
            window = None;
        }
    }
    if let Some(types) = keys.strings_or_none("layer_types")? {
        if types.len() != n_layers {
            return Err(keys.wrong("layer_types", format!("{n_layers} entries"), types.len()));
        }
        return types
            .iter()
            .map(|kind| match kind.as_str() {
                "full_attention" => Ok(None),
                "sliding_attention" => Ok(window),
                other => Err(keys.wrong("layer_types", "full_attention or sliding_attention", other)),
            })
            .collect();
    }
    Ok((0..n_layers).map(|layer| window.filter(|_| layer >= first)).collect())
}
