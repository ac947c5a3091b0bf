//! Greedy composition: matrix after matrix, the best reduction given those accepted before it.
//!
//! The paper's idea (`method.md` §4), from the last layer backwards: what is best for a layer depends on the edits in
//! place. An edit is accepted if, and only if, the objective on the search split is better than that of the best
//! composition so far. The reference code accepts everything: it compares an accuracy with a list that holds it
//! already, never visits the last layer, and its roll-back cannot happen.

use std::collections::BTreeMap;

use crate::edit::Edit;
use crate::error::Result;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;
use laser_task::named::named;

use super::Candidate;
use super::race::race;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// The order in which matrices are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// From the last layer to the first, as the paper does.
    Deep,
    /// From the first layer to the last.
    Shallow,
    /// By what their best edit reached alone, else as the candidates stand.
    Best,
}

impl Order {
    const NAMES: [(&'static str, Self); 3] = [("deep", Self::Deep), ("shallow", Self::Shallow), ("best", Self::Best)];
}

named!(Order, NAMES, "--greedy-order");

/// Composes an edit of several matrices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greedy {
    /// The order of the matrices.
    pub(super) order: Order,
    /// How often all are visited; passes after the first revise what was accepted. Ends before if a pass changes nothing.
    pub(super) passes: usize,
}

impl Strategy for Greedy {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        let visits = self.visits(&pool, trials.config());
        let n = trials.order().len();
        let mut current = Edit::default();
        trials.extend(&current, &[], n)?;
        let mut steps: Vec<Edit> = Vec::new();
        for pass in 0..self.passes.max(1) {
            let before = current.clone();
            for (at, (id, arms)) in visits.iter().enumerate() {
                trials.observer.progress(
                    "greedy: matrices",
                    pass * visits.len() + at,
                    self.passes.max(1) * visits.len(),
                );
                let without = current.without(*id, trials.config());
                if without != current {
                    // A revisit: the others may have made this matrix's edit superfluous.
                    trials.extend(&without, &[], n)?;
                }
                let left = race(trials, &without, arms, Some(&current))?;
                let tried = left.into_iter().map(|arm| without.with(arm.id, arm.reduction));
                // The composition so far stands first: an equal does not replace it.
                let ranked = trials.ranked([current.clone(), without.clone()].into_iter().chain(tried));
                if let Some(best) = ranked.into_iter().next().filter(|best| *best != current) {
                    current = best;
                    steps.push(current.clone());
                }
                if trials.exhausted() {
                    break;
                }
            }
            if current == before || trials.exhausted() {
                break;
            }
        }
        let mut found = pool.found;
        found.extend(steps.iter().filter(|step| !step.is_empty()).cloned());
        let found = trials.ranked(found);
        Ok(Pool { found, steps, ..pool })
    }
}

impl Greedy {
    /// The matrices in the order of their visits, each with the candidates that change it.
    fn visits(&self, pool: &Pool, config: &ModelConfig) -> Vec<(WeightId, Vec<Candidate>)> {
        let mut of_matrix: BTreeMap<WeightId, Vec<Candidate>> = BTreeMap::new();
        for arm in pool.arms.iter().filter(|arm| arm.changes(config)) {
            of_matrix.entry(arm.id).or_default().push(arm.clone());
        }
        let mut visits: Vec<_> = of_matrix.into_iter().collect();
        let place = |id: &WeightId| {
            let alone = |edit: &Edit| edit.as_single().is_some_and(|(single, _)| single == *id);
            let found = pool.found.iter().position(alone).unwrap_or(usize::MAX);
            (found, pool.arms.iter().position(|arm| arm.id == *id))
        };
        match self.order {
            Order::Deep => visits.reverse(),
            Order::Shallow => {}
            Order::Best => visits.sort_by_key(|(id, _)| place(id)),
        }
        visits
    }
}
