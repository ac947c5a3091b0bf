//! An adapter for llama.cpp: a GGUF file with the tensors `NAME.lora_a` `[r, in]` and `NAME.lora_b` `[out, r]` for each changed
//! tensor `NAME`, whose rows have the order of the model's file.
//!
//! `adapter.lora.alpha` is 0, which means a scale of 1 whatever the rank: ranks differ between tensors.
//!
//! Source: ggml-org/llama.cpp, `src/llama-adapter.cpp` and `convert_lora_to_gguf.py` (MIT).

use std::path::Path;

use laser_checkpoint::{Checkpoint, Dtype, Metadata, NewTensor, Value, gguf};

use crate::error::Result;
use crate::export::module_factors::ModuleFactors;
use crate::export::verify::expect_stored;
use crate::export::{Export, GGUF_RECIPE};

/// Key of the architecture, which must be the model's.
const ARCHITECTURE: &str = "general.architecture";

impl Export<'_> {
    /// Writes the adapter to `file`; then compares its tensors.
    pub(super) fn write_gguf_adapter(&self, file: &Path, modules: &[ModuleFactors]) -> Result<()> {
        let text = |key: &str, text: String| (key.to_owned(), Value::String(text));
        let mut pairs = vec![
            text("general.type", "adapter".to_owned()),
            text("adapter.type", "lora".to_owned()),
            ("adapter.lora.alpha".to_owned(), Value::F32(0.0)),
            text("general.name", self.card.title(self.files)),
            text(GGUF_RECIPE, self.recipe.to_yaml()?),
        ];
        let source = self.files.checkpoint().gguf_metadata();
        pairs.extend(source.and_then(|m| m.get(ARCHITECTURE)).map(|value| (ARCHITECTURE.to_owned(), value.clone())));
        pairs.extend(self.card.gguf_settings(self.files));
        let mut tensors = Vec::new();
        for (name, matrix) in modules.iter().flat_map(factors) {
            let shape = [matrix.rows(), matrix.cols()];
            tensors.push(NewTensor::new(name, Dtype::F32, &shape, || Ok(matrix.data().to_vec())));
        }
        gguf::write(file, &Metadata::from_pairs(pairs)?, tensors)?;
        let written = Checkpoint::open(file)?;
        for (name, matrix) in modules.iter().flat_map(factors) {
            expect_stored(written.tensor(&name)?, Dtype::F32, matrix.data(), None)?;
        }
        Ok(())
    }
}

/// A and B of a tensor with their names.
fn factors(module: &ModuleFactors) -> [(String, &laser_linalg::Matrix); 2] {
    let name = |part: &str| format!("{}.weight.lora_{part}", module.stem);
    [(name("a"), &module.a), (name("b"), &module.b)]
}
