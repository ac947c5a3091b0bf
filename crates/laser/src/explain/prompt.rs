//! The explanation of one prompt as a document: the contents of `prompt.json`.

use serde::{Deserialize, Serialize};

/// Explanation of what a model, and an edit of it, say after one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptExplanation {
    /// Full name of the model.
    pub model: String,
    /// The prompt.
    pub prompt: String,
    /// Texts of its tokens.
    pub tokens: Vec<String>,
    /// The answer that is looked for.
    pub answer: String,
    /// Text of its first token, which is what is read.
    pub answer_token: String,
    /// The edit; `None` without one.
    pub edit: Option<String>,
    /// The unedited model.
    pub base: NextToken,
    /// The edited model.
    pub edited: Option<NextToken>,
    /// For each edited matrix, the model in which that matrix has only the components that the edit removes.
    pub removed: Vec<(String, NextToken)>,
    /// The residual stream after each layer, read by the output head.
    pub lens: Vec<LensLayer>,
    /// Contributions of tenths of the components of each matrix to the answer's log-probability, to first order, nats.
    pub bands: Vec<MatrixBands>,
    /// The most active components of matrices.
    pub components: Vec<MatrixComponents>,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}

/// A prediction of the next token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextToken {
    /// The most likely tokens, the likeliest first.
    pub top: Vec<LikelyToken>,
    /// Place of the answer's first token among all tokens, from 1.
    pub answer_rank: usize,
    /// Its log-probability, nats.
    pub answer_logprob: f64,
}

/// A token with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LikelyToken {
    /// Text.
    pub text: String,
    /// Probability, 0..=1.
    pub probability: f64,
}

/// The residual stream after a layer, read by the output head (the logit lens).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensLayer {
    /// Number of layers before the reading: 0 is the embedding.
    pub layers: usize,
    /// The unedited model.
    pub base: NextToken,
    /// The edited model.
    pub edited: Option<NextToken>,
}

/// Contributions of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixBands {
    /// The matrix.
    pub matrix: String,
    /// Sum over all components, nats.
    pub total: f64,
    /// Contributions of the tenths, from the largest components to the smallest, nats.
    pub bands: Vec<f64>,
    /// True for a matrix that the edit reduces.
    pub edited: bool,
}

/// The most active components of one matrix at the last token of the prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixComponents {
    /// The matrix.
    pub matrix: String,
    /// Number of components that the edit keeps; `None` for a matrix that is not edited.
    pub kept: Option<usize>,
    /// The components, the most active first.
    pub components: Vec<ActiveComponent>,
}

/// One component of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveComponent {
    /// Place, from 0 for the largest singular value.
    pub index: usize,
    /// Singular value σᵢ.
    pub sigma: f64,
    /// Activation σᵢ·vᵢᵀx at the last token.
    pub activation: f64,
    /// Contribution to the answer's log-probability over all tokens of the prompt, to first order, nats.
    pub contribution: f64,
    /// Words whose rows of the output head are nearest to what the component writes into the residual stream, signed by its
    /// activation; empty for a matrix that writes nothing there.
    pub writes: Vec<String>,
    /// Words whose rows are nearest to what the component reads from the residual stream, signed by its activation; empty for a
    /// matrix that reads nothing there.
    pub reads: Vec<String>,
}
