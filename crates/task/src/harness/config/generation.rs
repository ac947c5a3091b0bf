//! `generation_kwargs`: when a generated text ends. Only greedy decoding is supported.

use serde_json::json;

use crate::error::Result;
use crate::harness::keys::KeyReader;
use crate::harness::output_type::OutputType;

/// Largest number of tokens of a generated text if the task file does not set `max_gen_toks`, as in the harness.
pub const MAX_GEN_TOKS: usize = 256;

/// When a generated text ends; empty and 0 for tasks that generate no text.
#[derive(Debug)]
pub(in crate::harness) struct GenerationConfig {
    /// Texts before the first of which a generated text is cut.
    pub(in crate::harness) until: Vec<String>,
    /// Largest number of generated tokens.
    pub(in crate::harness) max_gen_toks: usize,
}

impl GenerationConfig {
    pub(super) fn read(keys: &mut KeyReader<'_>, output_type: OutputType, fewshot_delimiter: &str) -> Result<Self> {
        let (mut until, mut max_gen_toks) = (None, None);
        if let Some(mut kwargs) = keys.mapping("generation_kwargs")? {
            until = kwargs.texts("until")?;
            max_gen_toks = kwargs.count("max_gen_toks")?;
            if max_gen_toks == Some(0) {
                return Err(kwargs.error("max_gen_toks", "expected at least 1, found 0"));
            }
            kwargs.accept_only("do_sample", &[json!(false)])?;
            kwargs.accept_only("temperature", &[json!(0), json!(0.0)])?;
            kwargs.finish()?;
        }
        if output_type != OutputType::GenerateUntil {
            return Ok(Self { until: Vec::new(), max_gen_toks: 0 });
        }
        // Without `until`, a text ends where the next example would begin.
        let mut until = until.unwrap_or_else(|| vec![fewshot_delimiter.to_owned()]);
        until.retain(|text| !text.is_empty());
        Ok(Self { until, max_gen_toks: max_gen_toks.unwrap_or(MAX_GEN_TOKS) })
    }
}
