//! A model with the questions of its world: scores with any edit, and the controls of an edit.

use laser::edit::truncation::Truncation;
use laser::model::Model;
use laser::{Edit, Error, Reduction, Result};
use serde::Serialize;

use crate::study::answers::{Answers, PromptBatch};
use crate::study::flips::{Flip, Rate};
use crate::study::questions::Questions;

/// Seeds of the random components that the best edit is compared with.
const RANDOM_SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// A model on one half of the facts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HalfScore {
    /// Facts answered right.
    pub right: Rate,
    /// Log-loss, nats a fact.
    pub log_loss: f64,
}

/// An edit that takes as much away as the best one, in another way.
#[derive(Debug, Clone, Serialize)]
pub struct Control {
    /// The edit.
    pub edit: String,
    /// What is kept, in words.
    pub kind: String,
    /// Score on the test half.
    pub test: HalfScore,
}

/// A model with its questions, and how to edit it.
pub(super) struct Subject<'a> {
    pub(super) model: &'a Model,
    pub(super) questions: &'a Questions,
    pub(super) truncation: &'a Truncation,
    /// The facts of the test half.
    pub(super) test: Vec<usize>,
}

impl Subject<'_> {
    /// The answers to all questions with an edit.
    pub(super) fn answers(&self, edit: &Edit) -> Result<Answers> {
        let all: Vec<usize> = (0..self.questions.len()).collect();
        let (edited, _) = self.truncation.apply(self.model, edit)?;
        PromptBatch::new(self.questions, &all).answers(&edited)
    }

    /// The score of answers to all questions on one half.
    fn score(&self, answers: &Answers, test: bool) -> HalfScore {
        let half = self.questions.half(test);
        let gold = |fact: &usize| self.questions.gold[*fact];
        let right = half.iter().filter(|fact| answers.predicted()[**fact] == gold(fact)).count();
        let loss: f64 = half.iter().map(|fact| -answers.logprob(*fact, gold(fact))).sum();
        HalfScore { right: Rate::new(right, half.len()), log_loss: loss / half.len().max(1) as f64 }
    }

    /// Search and test half.
    pub(super) fn scores(&self, answers: &Answers) -> [HalfScore; 2] {
        [self.score(answers, false), self.score(answers, true)]
    }

    /// The facts of the test half before and after.
    pub(super) fn flips(&self, base: &Answers, edited: &Answers) -> Vec<Flip> {
        let flip = |&fact: &usize| {
            let gold = self.questions.gold[fact];
            Flip {
                count: self.questions.counts[fact],
                base_right: base.predicted()[fact] == gold,
                edit_right: edited.predicted()[fact] == gold,
                logprob_gain: edited.logprob(fact, gold) - base.logprob(fact, gold),
            }
        };
        self.test.iter().map(flip).collect()
    }

    /// Controls of equal size: random components, the largest entries, nothing.
    pub(super) fn controls(&self, edit: &Edit) -> Result<Vec<Control>> {
        let (id, reduction) = edit.as_single().ok_or_else(|| Error::setting("edit", "expected one matrix"))?;
        let mut forms = vec![("nothing".to_owned(), "zero".to_owned())];
        if matches!(reduction, Reduction::Leading(_)) {
            forms.extend(
                RANDOM_SEEDS.map(|seed| ("random components".to_owned(), format!("random({reduction},{seed})"))),
            );
            forms.push(("largest entries".to_owned(), format!("magnitude({reduction})")));
        }
        let measure = |(kind, form): (String, String)| -> Result<Control> {
            let edit = Edit::single(id, parsed(&form)?);
            Ok(Control { test: self.score(&self.answers(&edit)?, true), edit: edit.to_string(), kind })
        };
        forms.into_iter().map(measure).collect()
    }
}

/// The reduction of a short form.
///
/// # Errors
/// A text that is none.
pub(super) fn parsed(form: &str) -> Result<Reduction> {
    form.parse().map_err(|error| Error::setting("reduction", format!("{error}")))
}
