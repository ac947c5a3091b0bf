//! An adapter for PEFT: `adapter_config.json` and `adapter_model.safetensors`, with a recipe and a card.
//!
//! Every module has a rank of its own, in `rank_pattern`, and its α equals its rank, so that the scale α/r is 1. The global
//! `r` and `lora_alpha` are the largest rank: vLLM reads only these, and its scale is 1 too.
//!
//! Source: huggingface/peft, `tuners/lora/config.py`; vllm-project/vllm, `vllm/lora/peft_helper.py` (both Apache-2.0).

use std::collections::BTreeMap;
use std::path::Path;

use laser_checkpoint::{Checkpoint, Dtype, NewTensor, safetensors, write_atomically};
use serde_json::{Map, Value, json};

use super::AdaptedMatrix;
use crate::error::{Error, Result};
use crate::export::module_factors::ModuleFactors;
use crate::export::short_card::ShortCard;
use crate::export::verify::expect_stored;
use crate::export::{Export, RECIPE_FILE, model_card};
use laser_model::config::ModelConfig;
use laser_model::load::ModelFiles;
use laser_model::tensor_layout::{TensorLayout, TensorLocation};
use laser_model::weight_id::WeightId;
use laser_model::{Adapter, ModelKind};

/// Beginning of all tensor names.
const PREFIX: &str = "base_model.model.";

/// The names of a model's modules in transformers: those of its files, with the prefix of the class with a head.
pub(in crate::export) fn module_layout(config: &ModelConfig) -> TensorLayout {
    TensorLayout::of_new_files(config.family.tensor_names)
}

/// The module of `layout` that holds a stored matrix.
///
/// # Errors
/// A matrix that is no module's weight.
pub(in crate::export) fn module(layout: &TensorLayout, config: &ModelConfig, id: WeightId) -> Result<TensorLocation> {
    let location = layout.location(config, id, |_| false);
    location.ok_or_else(|| Error::setting("format", format!("{id} is no module of {}", config.family.class)))
}

impl Export<'_> {
    /// Writes the adapter into `folder`; then opens it on the base model and compares its tensors.
    pub(super) fn write_peft_adapter(
        &self,
        folder: &Path,
        modules: &[ModuleFactors],
        adapted: &[AdaptedMatrix],
    ) -> Result<()> {
        let weights = folder.join("adapter_model.safetensors");
        let mut tensors = Vec::new();
        for module in modules {
            for (name, matrix) in factors(module) {
                let shape = [matrix.rows(), matrix.cols()];
                tensors.push(NewTensor::new(name, Dtype::F32, &shape, || Ok(matrix.data().to_vec())));
            }
        }
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::write(&weights, tensors, &metadata)?;
        let write =
            |name: &str, text: String| -> Result<()> { Ok(write_atomically(&folder.join(name), text.as_bytes())?) };
        write(RECIPE_FILE, self.recipe.to_yaml()?)?;
        write(model_card::FILE, card(adapted).render(&self.card, self.files)?)?;
        write("adapter_config.json", format!("{:#}\n", self.peft_settings(modules)))?;

        let written = Checkpoint::open(&weights)?;
        for (name, matrix) in modules.iter().flat_map(factors) {
            expect_stored(written.tensor(&name)?, Dtype::F32, matrix.data(), None)?;
        }
        // The adapter must fit the base model as a reader of adapters sees both.
        ModelFiles::open(self.files.path())?.with_adapters(vec![Adapter::open(folder)?])?;
        Ok(())
    }

    /// The keys of `adapter_config.json`.
    fn peft_settings(&self, modules: &[ModuleFactors]) -> Value {
        let rank = modules.iter().map(ModuleFactors::rank).max().unwrap_or(1);
        let ranks: Map<String, Value> = modules.iter().map(|m| (m.stem.clone(), m.rank().into())).collect();
        let targets: Vec<&str> = modules.iter().map(|module| module.stem.as_str()).collect();
        let (repository, revision) = self.card.repository(self.files);
        let base = repository.unwrap_or_else(|| self.files.path().display().to_string());
        let is_causal = self.files.config().kind() == ModelKind::Causal;
        let reads_texts = self.files.config().check_reads_texts().is_ok();
        json!({
            "peft_type": "LORA",
            "task_type": if is_causal && reads_texts { Some("CAUSAL_LM") } else { None },
            "base_model_name_or_path": base,
            "revision": revision,
            "inference_mode": true,
            "r": rank,
            "lora_alpha": rank,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": modules.iter().any(|module| module.transposed),
            "target_modules": targets,
            "modules_to_save": null,
            "init_lora_weights": true,
            "use_rslora": false,
            "use_dora": false,
            "rank_pattern": ranks,
            "alpha_pattern": ranks,
        })
    }
}

/// The card of the folder.
fn card(adapted: &[AdaptedMatrix]) -> ShortCard<'static> {
    let mut table = "| matrix | components that the edit removes | rank of the update | energy left out |\n\
                     | --- | ---: | ---: | ---: |\n"
        .to_owned();
    for AdaptedMatrix { matrix, removed_rank, rank, left_out } in adapted {
        table += &format!("| `{matrix}` | {removed_rank} | {rank} | {:.4} % |\n", 100.0 * left_out);
    }
    ShortCard {
        library: "peft",
        form: "as an adapter",
        lead: "A LoRA adapter that takes components out of some matrices.",
        table,
        python: "from peft import PeftModel\n\n\
                 # base: the base model, loaded with transformers\n\
                 model = PeftModel.from_pretrained(base, \"path/to/this/folder\")\n"
            .to_owned(),
    }
}

/// A and B of a module with their names.
fn factors(module: &ModuleFactors) -> [(String, &laser_linalg::Matrix); 2] {
    let name = |part: &str| format!("{PREFIX}{}.lora_{part}.weight", module.stem);
    [(name("A"), &module.a), (name("B"), &module.b)]
}
