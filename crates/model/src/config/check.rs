//! Checks of a finished configuration: sizes that contradict each other or are unreasonably large.

use super::ModelConfig;
use crate::error::{Error, Result};
use crate::rope::RopeScaling;

/// Largest number of experts in a layer that is accepted.
const MAX_EXPERTS: usize = 4096;

impl ModelConfig {
    /// The configuration itself, if its sizes are consistent. `file` is named in errors.
    ///
    /// # Errors
    /// Sizes that contradict each other, or that would need more memory than any real model.
    pub(crate) fn checked(self, file: &str) -> Result<Self> {
        let wrong = |key: &str, expected: &str, found: String| Error::Config {
            file: file.into(),
            key: key.into(),
            expected: expected.into(),
            found,
        };
        self.check_heads(&wrong)?;
        self.check_numbers(file)?;
        self.check_ropes(&wrong)?;
        if let Some(experts) = &self.mlp.experts {
            if experts.per_token == 0 || experts.per_token > experts.count {
                let found = format!("{} of {}", experts.per_token, experts.count);
                return Err(wrong("num_experts_per_tok", "from 1 to the number of experts", found));
            }
            if experts.count > MAX_EXPERTS {
                return Err(wrong("num_experts", "at most 4096", experts.count.to_string()));
            }
        }
        if self.embedding.trajectory.is_none() && self.vocab_size == 0 {
            return Err(wrong("vocab_size", "a positive number of tokens", "0".into()));
        }
        Ok(self)
    }

    fn check_heads(&self, wrong: &impl Fn(&str, &str, String) -> Error) -> Result<()> {
        if self.n_kv_heads == 0 || !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let found = format!("{} over {} heads", self.n_kv_heads, self.n_heads);
            return Err(wrong("num_key_value_heads", "a divisor of the number of heads", found));
        }
        if self.d_head == 0 {
            return Err(wrong("head_dim", "a positive width", "0".into()));
        }
        Ok(())
    }

    fn check_ropes(&self, wrong: &impl Fn(&str, &str, String) -> Error) -> Result<()> {
        for rope in &self.attention.ropes {
            if rope.dim == 0 || rope.dim > self.d_head || !rope.dim.is_multiple_of(2) {
                let found = format!("{} rotated of {}", rope.dim, self.d_head);
                return Err(wrong("head_dim", "an even number of rotated dimensions, at most the head's", found));
            }
            let divisors = match &rope.scaling {
                RopeScaling::Divisors(d) => vec![d],
                RopeScaling::LongRope { short, long, .. } => vec![short, long],
                _ => vec![],
            };
            for d in divisors {
                if d.len() != rope.dim / 2 || d.iter().any(|v| !v.is_finite() || *v <= 0.0) {
                    let found = format!("{} values", d.len());
                    return Err(wrong(
                        "rope_scaling",
                        "one positive divisor for each pair of rotated dimensions",
                        found,
                    ));
                }
            }
        }
        Ok(())
    }
}
