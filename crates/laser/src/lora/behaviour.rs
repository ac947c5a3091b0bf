//! What an adapter and edits do to a model's answers: six models on the same items, every pair of them compared, and the
//! interaction of adapter and edit.

use laser_statistics::{PairedOutcomes, bootstrap_ci95, mean};
use serde::Serialize;

use crate::evaluate::outcome::Outcome;
use crate::results::number_format::p_value;

/// A model of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The base model.
    Base,
    /// The base model with its edit.
    BaseEdited,
    /// The base model merged with the adapter.
    Tuned,
    /// The tuned model with the edit that was found on it.
    TunedEdited,
    /// The tuned model with the base model's edit.
    TunedTransferred,
    /// The base model truncated first, then changed by the adapter.
    EditedThenTuned,
    /// A control: the tuned model with the update itself truncated to a rank.
    UpdateTruncated(usize),
}

impl Cell {
    /// Name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Base => "base".to_owned(),
            Self::BaseEdited => "base + LASER".to_owned(),
            Self::Tuned => "tuned".to_owned(),
            Self::TunedEdited => "tuned + LASER".to_owned(),
            Self::TunedTransferred => "tuned + base’s LASER".to_owned(),
            Self::EditedThenTuned => "LASER, then tuned".to_owned(),
            Self::UpdateTruncated(rank) => format!("update of rank {rank}"),
        }
    }

    /// Whether it is one of the six models, not a control.
    fn is_model(self) -> bool {
        !matches!(self, Self::UpdateTruncated(_))
    }
}

/// The comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behaviour {
    /// Name of the task.
    pub task: String,
    /// Split of the items.
    pub split: String,
    /// Number of items.
    pub n: usize,
    /// Edit found on the base model.
    pub edit: String,
    /// Edit found on the tuned model; `None` if there is none.
    pub adapted_edit: Option<String>,
    /// Answer to the question whether LASER still helps the tuned model.
    pub verdict: String,
    /// The models.
    pub cells: Vec<ModelCell>,
    /// Every pair of models, and the tuned model against each control.
    pub pairs: Vec<Pair>,
    /// (tuned + LASER − tuned) − (base + LASER − base).
    pub interaction: Interaction,
    /// Number of bootstrap draws.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// One model with its scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCell {
    /// The model.
    pub cell: Cell,
    /// What it is, with the edit or adapter by name.
    pub meaning: String,
    /// Accuracy, a fraction.
    pub acc: f64,
    /// Log-loss, nats an item.
    pub log_loss: f64,
    /// Right or wrong at each item, in the order of the items.
    pub right: Vec<bool>,
}

/// Two models on the same items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The first model.
    pub before: Cell,
    /// The second model.
    pub after: Cell,
    /// Accuracy of the second minus that of the first, a fraction.
    pub difference: f64,
    /// 95 % bootstrap interval of the difference, by group of items.
    pub ci95: Option<[f64; 2]>,
    /// Items that only the second answers.
    pub fixed: usize,
    /// Items that only the first answers.
    pub broken: usize,
    /// McNemar's exact two-sided p-value.
    pub mcnemar_p: f64,
}

/// The interaction of adapter and edit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interaction {
    /// The tuned and edited model it is computed with: its own edit's, else the base model's edit.
    pub tuned_edited: Cell,
    /// The gain of LASER on the tuned model minus that on the base model, a fraction.
    pub difference: f64,
    /// 95 % bootstrap interval, by group of items.
    pub ci95: Option<[f64; 2]>,
}

/// What a comparison is about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) task: String,
    pub(crate) split: String,
    pub(crate) edit: String,
    pub(crate) adapted_edit: Option<String>,
    pub(crate) resamples: usize,
    pub(crate) seed: u64,
}

impl Behaviour {
    /// Compares models with the outcomes of the same items each. `groups`: the group of each item.
    ///
    /// # Panics
    /// If the base model, the edited base model, the tuned model, or the tuned model with the base model's edit is missing,
    /// or if models have outcomes of different items.
    pub(crate) fn new(models: Vec<(Cell, String, Vec<Outcome>)>, groups: &[u32], subject: Subject) -> Self {
        let Subject { task, split, edit, adapted_edit, resamples, seed } = subject;
        let cells: Vec<ModelCell> = models
            .into_iter()
            .map(|(cell, meaning, outcomes)| {
                let right: Vec<bool> = outcomes.iter().map(|outcome| outcome.correct).collect();
                let losses: Vec<f64> = outcomes.iter().map(|outcome| -outcome.logprob).collect();
                let acc = right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64;
                ModelCell { cell, meaning, acc, log_loss: mean(&losses).unwrap_or(0.0), right }
            })
            .collect();
        let mut pairs = Vec::new();
        for (i, before) in cells.iter().enumerate() {
            for after in &cells[i + 1..] {
                let is_compared = before.cell.is_model() && (after.cell.is_model() || before.cell == Cell::Tuned);
                if is_compared {
                    pairs.push(Pair::new(before, after, groups, resamples, seed));
                }
            }
        }
        let interaction = Interaction::new(&cells, groups, resamples, seed);
        let verdict = verdict(&pairs, &interaction);
        let n = groups.len();
        Self { task, split, n, edit, adapted_edit, verdict, cells, pairs, interaction, resamples, seed }
    }
}

/// 1 for right, 0 for wrong.
fn value(right: bool) -> f64 {
    f64::from(u8::from(right))
}

impl Pair {
    fn new(before: &ModelCell, after: &ModelCell, groups: &[u32], resamples: usize, seed: u64) -> Self {
        let paired = PairedOutcomes::new(&before.right, &after.right);
        let differences: Vec<f64> = before.right.iter().zip(&after.right).map(|(b, a)| value(*a) - value(*b)).collect();
        Self {
            before: before.cell,
            after: after.cell,
            difference: paired.diff,
            ci95: bootstrap_ci95(&differences, groups, resamples, seed),
            fixed: paired.edit_right_only,
            broken: paired.base_right_only,
            mcnemar_p: paired.mcnemar_p(),
        }
    }
}

impl Interaction {
    fn new(cells: &[ModelCell], groups: &[u32], resamples: usize, seed: u64) -> Self {
        let find = |cell: Cell| cells.iter().find(|of| of.cell == cell);
        let edited = find(Cell::TunedEdited).or_else(|| find(Cell::TunedTransferred));
        let all = [find(Cell::Base), find(Cell::BaseEdited), find(Cell::Tuned), edited];
        let [base, base_edited, tuned, edited] = all.map(|cell| cell.expect("the four models of the interaction"));
        let of = |i: usize| {
            let at = |cell: &ModelCell| value(cell.right[i]);
            (at(edited) - at(tuned)) - (at(base_edited) - at(base))
        };
        let differences: Vec<f64> = (0..groups.len()).map(of).collect();
        Self {
            tuned_edited: edited.cell,
            difference: mean(&differences).unwrap_or(0.0),
            ci95: bootstrap_ci95(&differences, groups, resamples, seed),
        }
    }
}

/// The answer in a sentence.
fn verdict(pairs: &[Pair], interaction: &Interaction) -> String {
    const ALPHA: f64 = 0.05;
    let pair = |before: Cell, after: Cell| pairs.iter().find(|pair| pair.before == before && pair.after == after);
    let say = |pair: &Pair| {
        let (points, p) = (100.0 * pair.difference, pair.mcnemar_p);
        format!("{points:+.1} points, McNemar {}", p_value(p))
    };
    let Some(tuned) = pair(Cell::Tuned, interaction.tuned_edited) else { return String::new() };
    let helps = match (tuned.mcnemar_p < ALPHA, tuned.difference > 0.0) {
        (true, true) => "LASER still helps the tuned model",
        (true, false) => "LASER hurts the tuned model",
        (false, _) => "LASER does not change the tuned model's accuracy measurably",
    };
    let base = pair(Cell::Base, Cell::BaseEdited).map(say).unwrap_or_default();
    format!("{helps} ({}; on the base model {base}).", say(tuned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(cell: Cell, right: &[u8]) -> (Cell, String, Vec<Outcome>) {
        let outcome = |right: &u8| Outcome {
            correct: *right == 1,
            logprob: -1.0,
            margin: 0.0,
            answer_tokens: 1,
            prediction: String::new(),
            candidates: Vec::new(),
            rank: None,
            tied: false,
            play: None,
        };
        (cell, String::new(), right.iter().map(outcome).collect())
    }

    fn subject() -> Subject {
        let (task, split, edit) = ("t".to_owned(), "test".to_owned(), "e".to_owned());
        Subject { task, split, edit, adapted_edit: None, resamples: 500, seed: 3 }
    }

    #[test]
    fn the_interaction_is_the_difference_of_both_gains() {
        let models = vec![
            model(Cell::Base, &[0, 0, 1, 1]),
            model(Cell::BaseEdited, &[1, 0, 1, 1]),
            model(Cell::Tuned, &[1, 1, 1, 0]),
            model(Cell::TunedTransferred, &[1, 0, 0, 0]),
            model(Cell::UpdateTruncated(2), &[0, 0, 0, 0]),
        ];
        let found = Behaviour::new(models, &[0, 1, 2, 3], subject());
        assert_eq!(found.interaction.tuned_edited, Cell::TunedTransferred);
        assert!((found.interaction.difference - (-0.5 - 0.25)).abs() < 1e-12);
        // Six pairs of four models, and the control against the tuned model only.
        assert_eq!(found.pairs.len(), 7);
        let control = found.pairs.last().expect("pairs");
        assert_eq!((control.before, control.after, control.broken), (Cell::Tuned, Cell::UpdateTruncated(2), 3));
        assert!(found.verdict.contains("does not change"), "{}", found.verdict);
        assert!(found.interaction.ci95.is_some_and(|[low, high]| low <= -0.75 && -0.75 <= high));
    }

    #[test]
    fn the_tuned_models_own_edit_counts_where_there_is_one() {
        let wins: Vec<u8> = vec![1; 12];
        let models = vec![
            model(Cell::Base, &[0; 12]),
            model(Cell::BaseEdited, &[0; 12]),
            model(Cell::Tuned, &[0; 12]),
            model(Cell::TunedEdited, &wins),
            model(Cell::TunedTransferred, &[0; 12]),
        ];
        let groups: Vec<u32> = (0..12).collect();
        let found = Behaviour::new(models, &groups, subject());
        assert_eq!(found.interaction.difference, 1.0);
        assert!(found.verdict.starts_with("LASER still helps"), "{}", found.verdict);
    }
}
