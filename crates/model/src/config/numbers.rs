//! Checks of the numbers of a configuration that are no sizes: with a factor of 0 or a negative ε, all results would be
//! NaN or all the same.

use super::{ModelConfig, NormKind, Temperature};
use crate::error::{Error, Result};

impl ModelConfig {
    /// Rejects an ε below 0, a factor that is 0 or not finite, and a soft cap that is not positive. `file` is named in
    /// errors.
    ///
    /// # Errors
    /// Such a number.
    pub(super) fn check_numbers(&self, file: &str) -> Result<()> {
        let wrong = |key: &str, expected: &str, found: f64| Error::Config {
            file: file.into(),
            key: key.into(),
            expected: expected.into(),
            found: found.to_string(),
        };
        let eps_key = match self.norm {
            NormKind::Rms => "rms_norm_eps",
            NormKind::Layer => "layer_norm_eps",
        };
        if !self.norm_eps.is_finite() || self.norm_eps < 0.0 {
            return Err(wrong(eps_key, "a small number from 0", self.norm_eps));
        }
        for (key, factor) in [
            ("attention_multiplier or query_pre_attn_scalar", self.attention.scale),
            ("embedding_multiplier", self.embedding.scale),
            ("residual_multiplier", self.residual_scale),
            ("logits_scaling", self.head.scale),
            ("routed_scaling_factor", self.mlp.experts.map_or(1.0, |experts| experts.scale)),
        ] {
            if !factor.is_finite() || factor == 0.0 {
                return Err(wrong(key, "a number that gives a finite factor other than 0", factor));
            }
        }
        for (key, cap) in [
            ("attn_logit_softcapping", self.attention.softcap),
            ("final_logit_softcapping", self.head.softcap),
            ("clip_qkv", self.attention.clamp),
            ("swiglu_limit", self.mlp.bounds.map(|bounds| f64::from(bounds.limit))),
        ] {
            if let Some(cap) = cap.filter(|cap| !cap.is_finite() || *cap <= 0.0) {
                return Err(wrong(key, "a positive number, or null for no cap", cap));
            }
        }
        let is_wrong = |t: &Temperature| !t.scale.is_finite() || t.scale < 0.0 || t.length == 0;
        if let Some(temperature) = self.attention.temperature.filter(is_wrong) {
            let expected = "a number from 0, and a positive length of context";
            return Err(wrong("llama_4_scaling_beta", expected, temperature.scale));
        }
        Ok(())
    }
}
