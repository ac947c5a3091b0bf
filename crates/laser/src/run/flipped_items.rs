//! Flipped items: takes the samples of the unedited model and of the winner, gives the test items on which only one of
//! them is right, for the report.

use std::collections::BTreeSet;

use crate::report::{Flip, TestAnswers};
use crate::results::{Results, SampleRecord, TaskChange};
use crate::sokoban::{Ending, Played, Scene, animate};
use laser_sokoban::{Level, Move};
use laser_statistics::Split;

/// Finds the flipped items among those whose accuracy the report shows.
pub(super) struct FlippedItems<'a> {
    /// Samples of the unedited model, one for each item.
    base: &'a [SampleRecord],
    /// Names of tasks beside those that prove the gain: perplexity tasks, where nothing is right or wrong, and guarded
    /// tasks.
    left_out: BTreeSet<&'a str>,
    /// False if all tasks are perplexity tasks.
    have_answers: bool,
}

impl<'a> FlippedItems<'a> {
    /// Takes a search's results and the samples of the unedited model, one for each item.
    pub(super) fn new(results: &'a Results, base: &'a [SampleRecord]) -> Self {
        let proves = |task: &&TaskChange| !task.is_perplexity() && task.guard.is_none();
        let (proving, others): (Vec<_>, Vec<_>) = results.tasks.iter().partition(proves);
        // Where no task proves a gain, all items are kept: otherwise there would be none.
        let names = others.into_iter().map(|task| task.task.as_str());
        let left_out = if proving.is_empty() { BTreeSet::new() } else { names.collect() };
        Self { base, left_out, have_answers: results.perplexity_goals().is_empty() }
    }

    /// Whether item `item` exists and its accuracy is shown.
    pub(super) fn has_accuracy(&self, item: usize) -> bool {
        let is_left_out =
            |sample: &SampleRecord| sample.task.as_deref().is_some_and(|task| self.left_out.contains(task));
        self.base.get(item).is_some_and(|sample| !is_left_out(sample))
    }

    /// True if an item has an answer that can be right or wrong.
    pub(super) fn has_answers(&self) -> bool {
        self.have_answers
    }

    /// The answers to the test split; `best` has the samples of the winner, one for each item.
    pub(super) fn on_test(&self, best: &[SampleRecord]) -> TestAnswers {
        let mut answers = TestAnswers::default();
        let pairs = self.base.iter().zip(best).enumerate();
        for (_, (base, best)) in pairs.filter(|(item, (base, _))| base.split == Split::Test && self.has_accuracy(*item))
        {
            match (base.is_right(), best.is_right()) {
                (true, true) => answers.both_right += 1,
                (false, false) => answers.both_wrong += 1,
                _ => answers.flips.push(flip(base, best)),
            }
        }
        answers
    }
}

fn flip(base: &SampleRecord, best: &SampleRecord) -> Flip {
    Flip {
        id: base.id.clone().unwrap_or_else(|| (base.doc_id + 1).to_string()),
        task: base.task.clone(),
        prompt: base.prompt.clone(),
        target: base.target.clone(),
        aliases: base.aliases.clone(),
        base_prediction: base.continuation.as_ref().unwrap_or(&base.prediction).clone(),
        edit_prediction: best.continuation.as_ref().unwrap_or(&best.prediction).clone(),
        removed_prediction: best.removed.clone(),
        base_right: base.is_right(),
        logprob_change: best.logprob - base.logprob,
        picture: picture_of_play(base, best),
    }
}

/// Draws the play of a level by both models, side by side; `None` for items that are no levels.
pub fn picture_of_play(base: &SampleRecord, best: &SampleRecord) -> Option<String> {
    let level = Level::parse(&base.prompt.lines().collect::<Vec<_>>()).ok()?;
    let [base, best] = [played(base)?, played(best)?];
    let scenes = [Scene { name: "base", played: &base }, Scene { name: "edited", played: &best }];
    Some(animate(&level, &scenes))
}

/// The play that a sample records.
fn played(sample: &SampleRecord) -> Option<Played> {
    let moves = sample.prediction.chars().map(Move::from_digit).collect::<Result<_, _>>().ok()?;
    let ending = if sample.is_right() { Ending::Solved } else { Ending::OutOfMoves };
    Some(Played { moves, total_return: sample.total_return?, ending })
}
