//! Rotary positions: inverse frequencies for every implemented scaling, and the cos/sin tables of a forward pass.

/// How rotary positions are stretched beyond the context that the model was trained on (`rope_scaling`).
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// No scaling.
    Default,
    /// Positions divided by `factor`.
    Linear {
        /// Longest context divided by the trained context.
        factor: f64,
    },
    /// The base grows with the length of the sequence once that exceeds the trained context ("dynamic NTK").
    Dynamic {
        /// Longest context divided by the trained context.
        factor: f64,
        /// Trained context, in tokens.
        original_context: usize,
    },
    /// YaRN (arXiv 2309.00071): interpolates low frequencies, keeps high ones, scales the attention.
    Yarn {
        /// Longest context divided by the trained context.
        factor: f64,
        /// Trained context, in tokens.
        original_context: usize,
        /// Rotations above which a frequency is kept.
        beta_fast: f64,
        /// Rotations below which a frequency is interpolated.
        beta_slow: f64,
        /// Factor on cos and sin.
        attention_factor: f64,
        /// Whether the bounds of the ramp are rounded to whole dimensions.
        truncate: bool,
    },
    /// LongRoPE (arXiv 2402.13753): divisors of the frequencies, one set for short and one for long sequences.
    LongRope {
        /// Divisors for sequences up to the trained context, `[dim/2]`.
        short: Vec<f64>,
        /// Divisors for longer sequences, `[dim/2]`.
        long: Vec<f64>,
        /// Trained context, in tokens.
        original_context: usize,
        /// Factor on cos and sin.
        attention_factor: f64,
    },
    /// Llama 3: high frequencies are kept, low ones are divided by `factor`, with a smooth transition between.
    Llama3 {
        /// Longest context divided by the trained context.
        factor: f64,
        /// Wavelengths above `original_context / low_freq_factor` are stretched.
        low_freq_factor: f64,
        /// Wavelengths below `original_context / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Trained context, in tokens.
        original_context: usize,
    },
    /// A divisor for each frequency, `[dim/2]`; GGUF stores Llama 3's scaling so, in `rope_freqs.weight`.
    Divisors(Vec<f64>),
}

/// One kind of rotary positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// Number of rotated dimensions of an attention head; even.
    pub dim: usize,
    /// Stretch of the positions.
    pub scaling: RopeScaling,
}

impl Rope {
    /// Inverse frequencies, `[dim/2]`, and the factor on cos and sin, for a pass whose longest sequence has `sequence`
    /// tokens. Only `Dynamic` and `LongRope` depend on the length.
    pub fn inverse_frequencies(&self, sequence: usize) -> (Vec<f64>, f64) {
        let plain = |theta: f64| -> Vec<f64> {
            (0..self.dim / 2).map(|i| theta.powf(-((2 * i) as f64) / self.dim as f64)).collect()
        };
        let base = plain(self.theta);
        match &self.scaling {
            RopeScaling::Default => (base, 1.0),
            RopeScaling::Linear { factor } => (base.iter().map(|f| f / factor).collect(), 1.0),
            RopeScaling::Dynamic { factor, original_context } => {
                let ratio = sequence.max(*original_context) as f64 / *original_context as f64;
                let dim = self.dim as f64;
                (plain(self.theta * (factor * ratio - (factor - 1.0)).powf(dim / (dim - 2.0))), 1.0)
            }
            RopeScaling::Yarn { factor, original_context, beta_fast, beta_slow, attention_factor, truncate } => {
                let ramp = self.yarn_ramp(*original_context as f64, *beta_fast, *beta_slow, *truncate);
                let mixed = base.iter().zip(ramp).map(|(f, r)| f / factor * r + f * (1.0 - r)).collect();
                (mixed, *attention_factor)
            }
            RopeScaling::LongRope { short, long, original_context, attention_factor } => {
                let divisors = if sequence > *original_context { long } else { short };
                (base.iter().zip(divisors).map(|(f, d)| f / d).collect(), *attention_factor)
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let context = *original_context as f64;
                let scaled = base.iter().map(|&f| {
                    let rotations = context * f / std::f64::consts::TAU;
                    let smooth = (rotations - low_freq_factor) / (high_freq_factor - low_freq_factor);
                    let smooth = smooth.clamp(0.0, 1.0);
                    f / factor * (1.0 - smooth) + f * smooth
                });
                (scaled.collect(), 1.0)
            }
            RopeScaling::Divisors(divisors) => (base.iter().zip(divisors).map(|(f, d)| f / d).collect(), 1.0),
        }
    }

    /// Rotated fraction of a head of `d_head` dimensions, as `config.json` has it: readers round `d_head` times it down.
    pub(crate) fn fraction_of(&self, d_head: usize) -> f64 {
        let fraction = self.dim as f64 / d_head as f64;
        if (fraction * d_head as f64) as usize == self.dim { fraction } else { fraction.next_up() }
    }

    /// Sequence length, in tokens, above which the frequencies change; a pass must not mix such sequences with shorter
    /// ones. `None` if the frequencies never change.
    pub fn length_dependent_beyond(&self) -> Option<usize> {
        match &self.scaling {
            RopeScaling::Dynamic { original_context, .. } | RopeScaling::LongRope { original_context, .. } => {
                Some(*original_context)
            }
            _ => None,
        }
    }

    /// cos and sin of the rotation angles of `positions`, each `[positions, dim/2]` row-major. `sequence`: see
    /// [`Rope::inverse_frequencies`].
    pub fn tables(&self, positions: &[u32], sequence: usize) -> (Vec<f32>, Vec<f32>) {
        let (inverse, factor) = self.inverse_frequencies(sequence);
        let mut cos = Vec::with_capacity(positions.len() * inverse.len());
        let mut sin = Vec::with_capacity(positions.len() * inverse.len());
        for &position in positions {
            for f in &inverse {
                // In f32, because the reference rounds here too, which matters at large positions.
                let angle = f64::from(position as f32 * *f as f32);
                cos.push((angle.cos() * factor) as f32);
                sin.push((angle.sin() * factor) as f32);
            }
        }
        (cos, sin)
    }

    /// Share of interpolation for each frequency, from 0 (kept) to 1 (stretched), `[dim/2]` (YaRN, arXiv 2309.00071,
    /// section 3.2).
    fn yarn_ramp(&self, context: f64, beta_fast: f64, beta_slow: f64, truncate: bool) -> Vec<f64> {
        let dim = self.dim as f64;
        let dimension_of =
            |rotations: f64| dim * (context / (rotations * std::f64::consts::TAU)).ln() / (2.0 * self.theta.ln());
        let (mut low, mut high) = (dimension_of(beta_fast), dimension_of(beta_slow));
        if truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        let low = low.max(0.0);
        let mut high = high.min(dim - 1.0);
        if low == high {
            high += 0.001; // no division by zero below, as in the reference
        }
        (0..self.dim / 2).map(|i| ((i as f64 - low) / (high - low)).clamp(0.0, 1.0)).collect()
    }
}

/// YaRN's attention factor for stretching the context by `factor`: `0.1·mscale·ln(factor) + 1`.
pub(crate) fn yarn_attention_factor(factor: f64, mscale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(scaling: RopeScaling) -> Rope {
        Rope { theta: 10_000.0, dim: 16, scaling }
    }

    #[test]
    fn dynamic_equals_default_within_the_trained_context() {
        let dynamic = rope(RopeScaling::Dynamic { factor: 4.0, original_context: 64 });
        let (short, _) = dynamic.inverse_frequencies(64);
        for (a, b) in short.iter().zip(rope(RopeScaling::Default).inverse_frequencies(64).0) {
            assert!((a - b).abs() < 1e-12);
        }
        assert!(dynamic.inverse_frequencies(128).0[7] < short[7]);
    }

    #[test]
    fn llama3_keeps_high_and_stretches_low_frequencies() {
        let scaling =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        let rope = Rope { theta: 500_000.0, dim: 128, scaling };
        let (scaled, _) = rope.inverse_frequencies(1);
        let plain: Vec<f64> = (0..64).map(|i| 500_000f64.powf(-(2.0 * f64::from(i)) / 128.0)).collect();
        assert_eq!(scaled[0], plain[0]);
        assert!((scaled[63] - plain[63] / 8.0).abs() < 1e-15);
    }
}
