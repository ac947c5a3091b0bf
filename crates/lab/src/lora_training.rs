//! Training of a LoRA adapter from a task's questions and answers to a PEFT folder.

use std::collections::BTreeMap;
use std::path::Path;

use laser::checkpoint::{Dtype, NewTensor, safetensors, write_atomically};
use laser::edit::parse_selector;
use laser::evaluate::answered_prompts;
use laser::{Observer, ScoredTasks, Session};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::training::{JournalLine, LowRankParameters, Sequence, TextExamples, TrainingSettings};
use crate::training_folder::{Training, TrainingFolder};

/// An adapter to train, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraTraining {
    /// Rank of every module's update.
    pub rank: usize,
    /// Scale of the update times its rank.
    pub alpha: f64,
    /// Selector of the adapted matrices.
    pub matrices: String,
    /// Number of items in a step.
    pub batch: usize,
    /// Steps, learning rate, optimiser.
    pub settings: TrainingSettings,
    /// Seed of A and of the order of the items.
    pub seed: u64,
}

/// Rows of a slice, about.
const SLICE_ROWS: usize = 256;

impl LoraTraining {
    /// Trains the adapter on the items of `tasks`, prompt → gold answer, where only the answer's tokens count, and writes it
    /// to the folder `out`, which must not exist, be empty, or with `resume` hold a training of the same settings that was
    /// stopped. Returns the journal's last line.
    ///
    /// # Errors
    /// A model that does not continue texts, items that do not fit it, a folder that is not free, and those of
    /// [`crate::training::Trainer::run`].
    pub fn run(
        &self,
        session: &Session,
        tasks: &ScoredTasks,
        out: &Path,
        resume: bool,
        observer: &dyn Observer,
        on_step: impl FnMut(&JournalLine),
    ) -> Result<JournalLine> {
        let (files, tokenizer) = (session.files(), session.tokenizer()?);
        let ids = parse_selector(&self.matrices, session.config())?;
        let mut sequences = Vec::new();
        for (task, _) in tasks.iter() {
            let answered = answered_prompts(task, tokenizer, session.config())?;
            sequences.extend(answered.into_iter().map(|item| Sequence { tokens: item.tokens, given: item.given }));
        }
        let examples = TextExamples::new(sequences, self.batch, SLICE_ROWS, self.seed)?;
        let hashes: Vec<String> = tasks.iter().map(|(task, _)| task.sha256()).collect();
        let training = Training {
            parameters: LowRankParameters::new(files, &ids, self.rank, self.alpha, self.seed)?,
            examples: &examples,
            settings: self.settings,
            description: json!({"adapter": self, "model": session.name(), "model_sha256": session.sha256()?,
                "tasks": tasks.names(), "tasks_sha256": hashes}),
        };
        let write = |out: &Path, parameters: &LowRankParameters| self.write(session, parameters, out);
        TrainingFolder::open(out, resume)?.run(training, session.threads(), observer, on_step, write)
    }

    /// Writes the adapter as PEFT does; the settings last, so that a folder with them is complete.
    fn write(&self, session: &Session, parameters: &LowRankParameters, out: &Path) -> Result<()> {
        let mut tensors = Vec::new();
        for module in &parameters.modules {
            let [rows, cols] = module.shape;
            for (part, shape, place) in [("A", [self.rank, cols], &module.a), ("B", [rows, self.rank], &module.b)] {
                let name = format!("base_model.model.{}.lora_{part}.weight", module.path);
                let values = parameters.values[place.clone()].to_vec();
                tensors.push(NewTensor::new(name, Dtype::F32, &shape, move || Ok(values)));
            }
        }
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::write(&out.join("adapter_model.safetensors"), tensors, &metadata)?;
        let base = session.base_name();
        let base = base.strip_prefix("hf:").map_or(base, |name| name.split('@').next().unwrap_or(name));
        let targets: Vec<&str> = parameters.modules.iter().map(|module| module.path.as_str()).collect();
        let config = json!({
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "inference_mode": true,
            "r": self.rank, "lora_alpha": whole_if_possible(self.alpha), "lora_dropout": 0.0, "bias": "none",
            "fan_in_fan_out": parameters.modules.iter().any(|module| module.transposed),
            "target_modules": targets, "modules_to_save": null, "init_lora_weights": true, "use_rslora": false,
            "use_dora": false, "rank_pattern": {}, "alpha_pattern": {},
        });
        write_json(&out.join("adapter_config.json"), &config)
    }
}

/// A number as JSON, without a fraction where it has none: PEFT declares alpha as a whole number.
fn whole_if_possible(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() < 1e9 { (number as i64).into() } else { number.into() }
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("JSON values can be written");
    Ok(write_atomically(path, format!("{text}\n").as_bytes())?)
}
