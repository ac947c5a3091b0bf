//! Settings of a search: search space, plan, limits, objective and protocol.

use super::candidate::Candidate;
use super::criterion::Criterion;
use super::greedy_order::GreedyOrder;
use super::objective::Objective;
use super::plan::Plan;
use super::space::Space;
use crate::evaluate::Detail;
use laser_model::config::ModelConfig;
use laser_statistics::Fractions;

/// Division of the items into splits, and choice of the winner (`docs/method.md`, "Search protocol").
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Protocol {
    /// Three disjoint splits that keep groups together. The finalists of the search split are compared on the
    /// validation split.
    Honest {
        /// Fractions of the items in the search and validation splits.
        fractions: Fractions,
    },
    /// The paper's: the first 20 % of the items in file order choose the winner and the rest report it. The unedited
    /// model is not a candidate.
    Paper,
}

/// Limits of a search. A search that reaches one ends there; its trials so far count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Largest number of edits tried.
    pub trials: Option<usize>,
    /// Largest number of items scored, summed over edits.
    pub items: Option<usize>,
}

/// Settings of a search.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Edits of one matrix to try.
    pub space: Space,
    /// Stages of the search.
    pub plan: Plan,
    /// Number of candidates that a screen keeps.
    pub candidates: usize,
    /// Number of items of the search split whose gradients the gradient screen computes.
    pub screen_items: usize,
    /// Criterion of the spectral screen.
    pub criterion: Criterion,
    /// A race drops a candidate whose probability of being ahead after all items is below this.
    pub error_rate: f64,
    /// Order in which a greedy composition visits the matrices.
    pub greedy_order: GreedyOrder,
    /// Largest number of rounds of a greedy composition over all matrices; under the order `best`, of reductions added.
    pub greedy_passes: usize,
    /// Number of edits of one size that a beam composition extends.
    pub beam_width: usize,
    /// Limits.
    pub budget: Budget,
    /// Value to maximise, and guards.
    pub objective: Objective,
    /// Division of the items, and choice of the winner.
    pub protocol: Protocol,
    /// Number of edits that are compared on the validation split.
    pub finalists: usize,
    /// Largest allowed rise of the log-loss of ordinary text, nats a token; `None`: any.
    pub max_damage: Option<f64>,
    /// Seed of the division into splits.
    pub split_seed: u64,
    /// Seed of the item order on the search split.
    pub order_seed: u64,
    /// Seed of bootstrap and permutations.
    pub statistics_seed: u64,
    /// Number of bootstrap resamples.
    pub resamples: usize,
    /// Number of sign-flip permutations.
    pub permutations: usize,
    /// Number of threads.
    pub threads: usize,
    /// How much of each outcome is computed: a search needs the score alone.
    pub detail: Detail,
    /// Bound of the cached hidden states, in bytes. Batches that do not fit wait for the next walk through the layers;
    /// without a bound there is one walk.
    pub memory: Option<usize>,
}

impl Settings {
    /// Default settings for a model.
    pub fn new(config: &ModelConfig, threads: usize) -> Self {
        Self {
            space: Space::block(config),
            plan: Plan::default(),
            candidates: 24,
            screen_items: 150,
            criterion: Criterion::MarchenkoPastur,
            error_rate: 0.05,
            greedy_order: GreedyOrder::Best,
            greedy_passes: 2,
            beam_width: 3,
            budget: Budget::default(),
            objective: Objective::default(),
            protocol: Protocol::Honest { fractions: Fractions::new(0.4, 0.2).expect("shares below 1") },
            finalists: 16,
            max_damage: None,
            split_seed: 0,
            order_seed: 0,
            statistics_seed: 0,
            resamples: 10_000,
            permutations: 10_000,
            threads,
            detail: Detail::Score,
            memory: None,
        }
    }

    /// Whether the search tries no edit that keeps rank 0 by rounding. The paper's protocol tries the paper's list as it is,
    /// and so does a search of other reductions than the default ones, which somebody chose.
    pub fn keeps_rank_one(&self) -> bool {
        self.protocol != Protocol::Paper && self.space.reductions == Space::rhos()
    }

    /// The candidates of the search: those of its space, or with rank 1 where a default ρ rounds down to rank 0.
    pub(super) fn all_candidates(&self, config: &ModelConfig) -> Vec<Candidate> {
        match self.keeps_rank_one() {
            true => self.space.candidates_of_rank_one_or_more(config),
            false => self.space.candidates(config),
        }
    }

    /// These settings for scoring given edits on all items: without stages and limits.
    pub(super) fn without_limits(&self) -> Self {
        Self { plan: Plan::exhaustive(), budget: Budget::default(), ..self.clone() }
    }
}
