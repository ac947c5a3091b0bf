//! Settings: what a search tries, how, how long, and how it is judged.

use sha2::{Digest, Sha256};

use crate::edit::truncation::Truncation;
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::search::objective::Objective;
use laser_model::config::ModelConfig;
use laser_statistics::Fractions;

use super::{Criterion, Order, Plan, Space};

/// How items are divided and the winner is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Protocol {
    /// Three disjoint splits by subject; the finalists of the search split meet on the validation split.
    Honest {
        /// Shares of the search and validation splits.
        fractions: Fractions,
    },
    /// The paper's: the first 20 % of the items in file order select, the rest report, and the unedited model is no
    /// candidate (`method.md` §1.5).
    Paper,
}

/// Where a search ends whether or not it is through. What was tried until then counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Edits tried.
    pub trials: Option<usize>,
    /// Items asked, summed over edits.
    pub items: Option<usize>,
}

/// Settings of a search.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is tried.
    pub space: Space,
    /// In which way.
    pub plan: Plan,
    /// Candidates that a screen leaves.
    pub candidates: usize,
    /// Items of the search split whose gradients a screen takes.
    pub screen_items: usize,
    /// What a spectral screen goes by.
    pub criterion: Criterion,
    /// Probability of being ahead after all items below which a race drops a candidate.
    pub error_rate: f64,
    /// The order in which a greedy composition visits matrices.
    pub greedy_order: Order,
    /// How often it visits them.
    pub greedy_passes: usize,
    /// Compositions side by side in a beam.
    pub beam_width: usize,
    /// Where to end.
    pub budget: Budget,
    /// What is to become better, and what must not become worse.
    pub objective: Objective,
    /// How it is judged.
    pub protocol: Protocol,
    /// Edits that go from the search split to the validation split.
    pub finalists: usize,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Seed of the order in which the search split's items are asked.
    pub order_seed: u64,
    /// Seed of bootstrap and permutations.
    pub statistics_seed: u64,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Sign-flip permutations.
    pub permutations: usize,
    /// Threads.
    pub threads: usize,
    /// Bound of the search's cached states, in bytes; items go through the layers in as many blocks as it takes.
    pub memory: Option<usize>,
}

impl Settings {
    /// The default search of a model.
    pub fn new(config: &ModelConfig, threads: usize) -> Self {
        Self {
            space: Space::paper(config),
            plan: Plan::default(),
            candidates: 32,
            screen_items: 100,
            criterion: Criterion::MarchenkoPastur,
            error_rate: 0.2,
            greedy_order: Order::Deep,
            greedy_passes: 2,
            beam_width: 3,
            budget: Budget::default(),
            objective: Objective::default(),
            protocol: Protocol::Honest { fractions: Fractions::new(0.4, 0.2).expect("shares below 1") },
            finalists: 10,
            split_seed: 0,
            order_seed: 0,
            statistics_seed: 0,
            resamples: 10_000,
            permutations: 10_000,
            threads,
            memory: None,
        }
    }

    /// Everything that decides which trials a search runs and what they find; stored, so that a run is not gone on
    /// with under other settings.
    pub fn fingerprint(&self, model_sha256: &str, exam: &Evaluator<'_>, truncation: &Truncation) -> String {
        let decides = Self { resamples: 0, permutations: 0, statistics_seed: 0, threads: 1, ..self.clone() };
        let mut hasher = Sha256::new();
        hasher.update(format!("{decides:?} {:?}", truncation.method()));
        let settings = hex::encode(&hasher.finalize()[..8]);
        let task = |part: &EvaluatedTask<'_>| {
            let EvaluatedTask { task, score, .. } = part;
            format!("task {} {} ({} items), score {score:?}, ", task.name, task.sha256(), task.items.len())
        };
        let tasks: String = exam.parts().iter().map(task).collect();
        let Self { plan, objective, .. } = self;
        format!("model {model_sha256}, {tasks}strategy {plan}, {objective:?}, settings {settings}")
    }
}
