//! Checks of a finished configuration: sizes that contradict each other or are unreasonably large.

use super::{Experts, ModelConfig};
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
            check_groups(experts, &wrong)?;
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

/// Rejects groups of experts that differ in size, or too few of them for the experts of a token.
fn check_groups(experts: &Experts, wrong: &impl Fn(&str, &str, String) -> Error) -> Result<()> {
    let Some(groups) = experts.groups else { return Ok(()) };
    let size = experts.count.checked_div(groups.count).filter(|size| size * groups.count == experts.count);
    let Some(size) = size.filter(|size| *size >= groups.summed) else {
        let expected =
            format!("a divisor of the number of experts, {}, with groups of at least {}", experts.count, groups.summed);
        return Err(wrong("n_group", &expected, groups.count.to_string()));
    };
    let used = groups.per_token.checked_mul(size);
    if groups.per_token > groups.count || used.is_none_or(|used| used < experts.per_token) {
        let expected = format!("from 1 to {} groups with {} experts or more", groups.count, experts.per_token);
        return Err(wrong("topk_group", &expected, groups.per_token.to_string()));
    }
    Ok(())
}
