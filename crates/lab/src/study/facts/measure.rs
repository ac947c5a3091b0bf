//! One model of a fact world, without and with its best edit: everything the study says about one world.

use laser::edit::truncation::Truncation;
use laser::model::Model;
use laser::{Edit, Reduction, Result};
use serde::Serialize;

use crate::study::edit_sweep::{EditSpace, TriedEdit, sweep};
use crate::study::flips::Flip;
use crate::study::questions::Questions;
use laser::explain::{AnswerClass, class_shares};

use super::bottoms::{BottomPoint, bottom_points};
use super::subject::{Control, HalfScore, Subject, parsed};

/// Number of edits of the sweep that results list.
const LEADERS: usize = 10;

/// Everything measured on one world.
#[derive(Debug, Clone, Serialize)]
pub struct WorldResult {
    /// Seed of the world.
    pub world_seed: u64,
    /// Seed of the model's initialisation and batches.
    pub model_seed: u64,
    /// Best edit of the sweep.
    pub edit: String,
    /// The unedited model on search and test half.
    pub base: [HalfScore; 2],
    /// The model with the best edit on search and test half.
    pub edited: [HalfScore; 2],
    /// The best edits of the sweep, on the search half.
    pub leaders: Vec<TriedEdit>,
    /// Number of edits tried.
    pub tried: usize,
    /// Effective rank and largest rank of the edited matrix before the edit.
    pub effective_rank: (f64, usize),
    /// Test facts by class of the answer before (row) and after (column) the edit.
    pub transitions: [[usize; 4]; 4],
    /// What is left when only the smallest components of the edited matrix stay.
    pub bottoms: Vec<BottomPoint>,
    /// Other ways to take as much away.
    pub controls: Vec<Control>,
    /// Log-loss of sentences without facts before and after the edit, nats a word; `None` if the world has none.
    pub filler_loss: Option<[f64; 2]>,
    /// Some facts of the test half that the edit fixes or breaks.
    pub examples: Vec<Example>,
    /// The facts of the test half before and after.
    #[serde(skip)]
    pub flips: Vec<Flip>,
}

/// A fact with the answers of several models.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// The question.
    pub question: String,
    /// Number of mentions.
    pub count: usize,
    /// The gold answer.
    pub gold: String,
    /// Answer of the unedited model.
    pub base: String,
    /// Answer with the edit.
    pub edited: String,
    /// Answer where only the components that the edit removes stay.
    pub removed: String,
}

/// Measures one world. `question` gives the text of a question, `word` that of a token, `filler_loss` the log-loss of the
/// world's sentences without facts.
///
/// # Errors
/// An edit that cannot be applied, or logits that are not finite.
pub(super) fn measure(
    model: &Model,
    questions: &Questions,
    truncation: &Truncation,
    [world_seed, model_seed]: [u64; 2],
    question: impl Fn(usize) -> String,
    word: impl Fn(u32) -> String,
    filler_loss: impl Fn(&Model) -> Result<Option<f64>>,
) -> Result<WorldResult> {
    let subject = Subject { model, questions, truncation, test: questions.half(true) };
    let found = sweep(model, questions, &EditSpace::full(model.config())?, truncation)?;
    let (base, edited) = (subject.answers(&Edit::default())?, subject.answers(&found.best)?);
    let (before, after) = (base.classes(questions), edited.classes(questions));
    let mut transitions = [[0; 4]; 4];
    subject.test.iter().for_each(|fact| transitions[before[*fact] as usize][after[*fact] as usize] += 1);
    let (id, reduction) = found.best.as_single().expect("a sweep tries edits of one matrix");
    let spectrum = truncation.spectrum(model, id)?;
    let max_rank = spectrum.values().len();
    let fixed: Vec<usize> = subject
        .test
        .iter()
        .copied()
        .filter(|f| before[*f] != AnswerClass::Gold && after[*f] == AnswerClass::Gold)
        .collect();
    let broken = |f: &usize| before[*f] == AnswerClass::Gold && after[*f] != AnswerClass::Gold;
    let removed = subject.answers(&removed_alone(id, reduction, max_rank)?)?;
    let shown = fixed.iter().copied().take(12).chain(subject.test.iter().copied().filter(broken).take(4));
    let example = |fact: usize| Example {
        question: question(fact),
        count: questions.counts[fact],
        gold: word(questions.gold[fact]),
        base: word(base.predicted()[fact]),
        edited: word(edited.predicted()[fact]),
        removed: word(removed.predicted()[fact]),
    };
    let mut leaders = found.tried[1..].to_vec();
    leaders.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.log_loss.total_cmp(&b.log_loss)));
    leaders.truncate(LEADERS);
    Ok(WorldResult {
        world_seed,
        model_seed,
        edit: found.best.to_string(),
        base: subject.scores(&base),
        edited: subject.scores(&edited),
        leaders,
        tried: found.tried.len() - 1,
        effective_rank: (spectrum.effective_rank(), max_rank),
        transitions,
        bottoms: bottom_points(&subject, id, &fixed)?,
        controls: subject.controls(&found.best)?,
        filler_loss: match filler_loss(model)? {
            None => None,
            Some(before) => filler_loss(&truncation.apply(model, &found.best)?.0)?.map(|after| [before, after]),
        },
        examples: shown.map(example).collect(),
        flips: subject.flips(&base, &edited),
    })
}

/// The edit that keeps what `reduction` removes.
fn removed_alone(id: laser::model::WeightId, reduction: &Reduction, max_rank: usize) -> Result<Edit> {
    let kept = match reduction {
        Reduction::Leading(laser::linalg::RankRule::Fraction(rho)) => rho.of(max_rank),
        _ => 0,
    };
    // Half a component more, so that rounding the share cannot lose one: the rank is rounded down.
    let share = ((max_rank - kept) as f64 + 0.5) / max_rank as f64;
    Ok(Edit::single(id, parsed(&format!("bottom({:.6})", share.min(1.0)))?))
}

/// Shares of the classes over the test facts of several worlds, before (`row` 0) and after (1) the edit.
pub(super) fn shares(results: &[&WorldResult], after: bool) -> [f64; 4] {
    let mut classes = Vec::new();
    for transitions in results.iter().map(|result| &result.transitions) {
        for (i, row) in transitions.iter().enumerate() {
            for (j, count) in row.iter().enumerate() {
                classes.extend(std::iter::repeat_n(AnswerClass::ALL[if after { j } else { i }], *count));
            }
        }
    }
    class_shares(classes.into_iter())
}
