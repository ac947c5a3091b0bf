//! Tries every edit of one matrix on the search half of a world's facts, and finds the best.

use laser::edit::truncation::Truncation;
use laser::model::Model;
use laser::model::config::ModelConfig;
use laser::{Edit, Result};
use serde::Serialize;

use super::answers::PromptBatch;
use super::questions::Questions;

/// Matrices of a block that are tried, as the paper does: attention's input and output, the MLP's first and second.
pub const MATRICES: [&str; 4] = ["qkv", "o_proj", "fc_in", "fc_out"];
/// Reductions that are tried of each matrix.
pub const REDUCTIONS: [&str; 9] = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.02", "zero"];

/// An edit with its scores on the search half.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriedEdit {
    /// The edit in the short form; empty for the unedited model.
    pub edit: String,
    /// Accuracy, 0..=1.
    pub accuracy: f64,
    /// Log-loss, nats a fact.
    pub log_loss: f64,
}

/// All edits of a model that a sweep tries: of one matrix each, by layer.
pub struct EditSpace {
    /// The edits of each layer.
    pub layers: Vec<Vec<Edit>>,
}

impl EditSpace {
    /// Every reduction of every matrix in all layers.
    ///
    /// # Errors
    /// A family without these matrices.
    pub fn full(config: &ModelConfig) -> Result<Self> {
        Self::of(config, 0, &MATRICES)
    }

    /// Every reduction of some matrices in the layers from `first` on.
    ///
    /// # Errors
    /// A family without these matrices.
    pub fn of(config: &ModelConfig, first: usize, matrices: &[&str]) -> Result<Self> {
        let edits = |layer: usize| -> Result<Vec<Edit>> {
            let texts = matrices.iter().flat_map(|m| REDUCTIONS.iter().map(move |r| format!("L{layer}.{m}@{r}")));
            texts.map(|text| Edit::parse(&text, config)).collect()
        };
        let layers = (0..config.n_layers).map(|layer| if layer < first { Ok(Vec::new()) } else { edits(layer) });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }
}

/// The best edit of a sweep, and everything that was tried.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The edit with the highest accuracy on the search half; of equal ones the one with the lowest log-loss, then the
    /// first. Never the unedited model, so that a model without a useful edit shows what the best of many useless ones does.
    pub best: Edit,
    /// The unedited model, then all edits in the order of the space.
    pub tried: Vec<TriedEdit>,
}

/// Tries all edits of `space` on the facts of the search half.
///
/// # Errors
/// An edit that cannot be applied, or logits that are not finite.
///
/// # Panics
/// If the space is empty.
pub fn sweep(model: &Model, questions: &Questions, space: &EditSpace, truncation: &Truncation) -> Result<Sweep> {
    let facts = questions.half(false);
    let batch = PromptBatch::new(questions, &facts);
    let score = |edit: String, answers: &super::answers::Answers| {
        let right = answers.correct(questions, &facts).iter().filter(|right| **right).count();
        TriedEdit {
            edit,
            accuracy: right as f64 / facts.len().max(1) as f64,
            log_loss: answers.log_loss(questions, &facts),
        }
    };
    let mut tried = vec![score(String::new(), &batch.answers(model)?)];
    let mut best: Option<(Edit, TriedEdit)> = None;
    for (layer, edits) in space.layers.iter().enumerate().filter(|(_, edits)| !edits.is_empty()) {
        let start = batch.states(model, layer)?;
        for edit in edits {
            let (edited, _) = truncation.apply(model, edit)?;
            let scored = score(edit.to_string(), &batch.answers_from(&edited, start.clone())?);
            let order = |tried: &TriedEdit| (tried.accuracy, -tried.log_loss);
            if best.as_ref().is_none_or(|(_, before)| order(before) < order(&scored)) {
                best = Some((edit.clone(), scored.clone()));
            }
            tried.push(scored);
        }
    }
    let (best, _) = best.expect("a space has edits");
    Ok(Sweep { best, tried })
}
