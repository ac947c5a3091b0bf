//! The explanation of an edit as a document: the contents of `explain.json`, and a line of `explain.jsonl`.

use laser_linalg::Spectrum;
use laser_model::weight_id::WeightId;
use laser_statistics::Split;
use serde::{Deserialize, Serialize};

use super::answer_class::AnswerClass;
use super::part::PartKind;
use crate::results::Manifest;

/// Explanation of an edit on the items of a task. Only the first token of each answer is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The edit.
    pub edit: String,
    /// Split of the items.
    pub split: Split,
    /// Number of items.
    pub items: usize,
    /// Number of groups of these items.
    pub groups: usize,
    /// Items that only the edited model answers.
    pub fixed: usize,
    /// Items that only the unedited model answers.
    pub broken: usize,
    /// The unedited model.
    pub base: FirstTokenScores,
    /// The edited model.
    pub edited: FirstTokenScores,
    /// Texts of the generic answers: the unedited model's most frequent answers that are right nowhere.
    pub generic: Vec<String>,
    /// Items by class of the answer before (row) and after (column) the edit, in the order of [`AnswerClass::ALL`].
    pub transitions: [[usize; 4]; 4],
    /// The edited matrices, each with the others edited.
    pub matrices: Vec<MatrixExplanation>,
    /// Spectra of matrices of the model, by layer.
    pub spectra: Vec<MatrixSpectrum>,
    /// Everything that is needed to repeat the explanation.
    pub manifest: Manifest,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}

/// Scores of one model on the items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstTokenScores {
    /// Share of the items whose most likely token begins a right answer, or whose gold choice is the likeliest, 0..=1.
    pub acc: f64,
    /// Share of the items with the first token of a right answer among the ten most likely, 0..=1; of choices, of the right
    /// one.
    pub acc10: f64,
    /// Mean of −log p of that token, nats.
    pub log_loss: f64,
    /// Share of each class of answers, in the order of [`AnswerClass::ALL`].
    pub classes: [f64; 4],
}

/// One edited matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixExplanation {
    /// The matrix.
    pub matrix: String,
    /// Its reduction.
    pub reduction: String,
    /// Number of components kept.
    pub rank: usize,
    /// Number of components.
    pub max_rank: usize,
    /// Effective rank of the whole matrix: exp of the entropy of σ/Σσ (arXiv 2312.13558, appendix C.1).
    pub effective_rank: f64,
    /// Share of Σσ² that is kept, 0..=1.
    pub energy: f64,
    /// The whole matrix, with the other matrices edited.
    pub whole: FirstTokenScores,
    /// Loss of the whole matrix on ordinary text, nats a token; `None` where the price was not measured.
    pub text_loss: Option<f64>,
    /// The parts that take the place of the matrix.
    pub parts: Vec<PartScores>,
    /// Cosine of right answer and answer, by the share of the smallest components that is kept (figure 5b): of rows of the
    /// output head.
    pub cosines: Vec<CosinePoint>,
    /// The same of rows of the token embedding; empty where that is the output head.
    pub embedding_cosines: Vec<CosinePoint>,
    /// Items that are right with more components kept and wrong with fewer.
    pub nestedness: Nestedness,
    /// Contributions of tenths of the components to the log-probability of the right answer, to first order.
    pub attribution: Vec<BandAttribution>,
}

/// One part in place of its matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartScores {
    /// Kind of the part.
    pub kind: PartKind,
    /// Share of components or entries that is kept, 0..=1; of a band, where it ends.
    pub kept: f64,
    /// The reduction.
    pub reduction: String,
    /// Scores on all items.
    #[serde(flatten)]
    pub scores: FirstTokenScores,
    /// Share of each class among the items that the edit fixes.
    pub classes_of_fixed: [f64; 4],
    /// Share of each class among the items that the edit breaks.
    pub classes_of_broken: [f64; 4],
    /// Loss on ordinary text, nats a token; of the largest components only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_loss: Option<f64>,
}

/// Cosines where only the smallest components stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CosinePoint {
    /// Share of the components that stay; 1 is the whole matrix.
    pub kept: f64,
    /// Right answer and answer, over the items that the edit fixes; `None` without any.
    pub to_gold: Option<Mean>,
    /// A control: another right answer of the relation, drawn at random, and the answer.
    pub to_same_type: Option<Mean>,
    /// A control: the most frequent generic answer, and the answer.
    pub to_generic: Option<Mean>,
    /// Right answer and answer, over all items.
    pub to_gold_of_all: Option<Mean>,
}

/// A mean over items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// 95 % interval from a bootstrap that resamples groups; `None` with fewer than two groups.
    pub ci95: Option<[f64; 2]>,
}

/// Right answers that are lost when more components are removed (arXiv 2312.13558, section 5.1: the set of right answers only
/// grows, until it turns).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nestedness {
    /// Shares of the largest components that are kept, descending, from 1.
    pub kept: Vec<f64>,
    /// Row i, column j: of the items right with `kept[i]`, the share that is wrong with `kept[j]`, 0..=1; `None` if none is
    /// right.
    pub lost: Vec<Vec<Option<f64>>>,
}

/// Contribution of a tenth of the components to the log-probability of the right answer, mean over items, nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandAttribution {
    /// Share of the components before the tenth, from the largest.
    pub from: f64,
    /// Share up to its end.
    pub to: f64,
    /// Over all items.
    pub all: f64,
    /// Over the items that the edit fixes.
    pub fixed: Option<f64>,
    /// Over the items that the edit breaks.
    pub broken: Option<f64>,
}

/// The spectrum of a matrix in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixSpectrum {
    /// Layer, counted from 0.
    pub layer: usize,
    /// Matrix in its layer.
    pub matrix: String,
    /// Number of components.
    pub max_rank: usize,
    /// exp of the entropy of σ/Σσ.
    pub effective_rank: f64,
    /// Share of Σσ² in the largest tenth of the components.
    pub energy_of_tenth: f64,
    /// True for a matrix that the edit reduces.
    pub edited: bool,
}

impl MatrixSpectrum {
    /// The numbers of the matrix `id` with this spectrum.
    pub(crate) fn new(id: WeightId, spectrum: &Spectrum, edited: bool) -> Self {
        let max_rank = spectrum.values().len();
        Self {
            layer: id.layer,
            matrix: id.in_layer(),
            max_rank,
            effective_rank: spectrum.effective_rank(),
            energy_of_tenth: spectrum.energy(max_rank / 10),
            edited,
        }
    }
}

/// One item: a line of `explain.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// The item.
    pub id: String,
    /// Its group.
    pub group: String,
    /// Its split.
    pub split: Split,
    /// The relation that it asks for; empty if the task names none.
    pub relation: String,
    /// The prompt.
    pub prompt: String,
    /// The right answer.
    pub target: String,
    /// Its first token as text.
    pub gold_token: String,
    /// The unedited model.
    pub base: AnswerRecord,
    /// The edited model.
    pub edited: AnswerRecord,
    /// The parts of each edited matrix.
    pub parts: Vec<PartAnswer>,
}

impl QuestionRecord {
    /// Returns true if only the edited model is right.
    pub fn is_fixed(&self) -> bool {
        !self.base.right && self.edited.right
    }

    /// Returns true if only the unedited model is right.
    pub fn is_broken(&self) -> bool {
        self.base.right && !self.edited.right
    }
}

/// An answer to an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRecord {
    /// Text of the most likely token.
    pub answer: String,
    /// Its class.
    pub class: AnswerClass,
    /// True for a right answer.
    pub right: bool,
    /// Place of the first token of a right answer among all tokens, from 1; of choices, of the right one.
    pub gold_rank: usize,
    /// Log-probability of the gold answer's first token, nats.
    pub gold_logprob: f64,
}

/// The answer of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartAnswer {
    /// The matrix.
    pub matrix: String,
    /// Kind of the part.
    pub kind: PartKind,
    /// The reduction.
    pub reduction: String,
    /// The answer.
    #[serde(flatten)]
    pub answer: AnswerRecord,
}
