//! Explanations: what the components that an edit removes say, and what those that it keeps say.
//!
//! An edited matrix is replaced by parts of itself: its largest components, its smallest ones, bands, random components,
//! its largest entries, nothing ([`PartKind`]). All parts answer the questions of a task side by side, of which only the first
//! token is read, and each answer has a class ([`AnswerClass`]). The paper's figures 5, 7, 8 and 10 are drawn from these
//! numbers (arXiv 2312.13558, sections 5.1.2 and C).
//!
//! 1. [`crate::Session::explain`] measures and gives an [`Explanation`] with one [`QuestionRecord`] an item.
//! 2. [`Explanation::page`] shows it.
//!
//! [`crate::Session::explain_prompt`] looks at one prompt instead, and gives a [`PromptExplanation`].

mod answer_class;
mod answer_set;
mod cosine_curve;
mod document;
mod function_words;
mod matrix;
mod part;
mod prompt;
mod prompt_page;
mod questions;
mod residual_path;
mod sections;
mod stacked_pass;
mod subject;
mod word_directions;

pub use answer_class::{AnswerClass, class_shares};
pub use document::{
    AnswerRecord, BandAttribution, CosinePoint, Explanation, FirstTokenScores, MatrixExplanation, MatrixSpectrum, Mean,
    Nestedness, PartAnswer, PartScores, QuestionRecord,
};
pub use function_words::FUNCTION_WORDS;
pub use part::{PAPER_BOTTOMS, PartKind};
pub use prompt::{
    ActiveComponent, LensLayer, LikelyToken, MatrixBands, MatrixComponents, NextToken, PromptExplanation,
};
pub use sections::spectra_section;
pub use word_directions::WordDirections;

pub(crate) use answer_set::AnswerSet;
pub(crate) use cosine_curve::CosineTargets;
pub(crate) use matrix::{ChangedItems, MeasuredMatrix};
pub(crate) use part::{Part, PartSettings, kept_rank, removed_part};
pub(crate) use questions::Questions;
pub(crate) use residual_path::ResidualPath;
pub(crate) use subject::Subject;
