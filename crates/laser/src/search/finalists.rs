//! Finalists: the best edits of the search split are scored on the validation split, and their gains are estimated from
//! both splits together.

use super::context::SearchContext;
use super::estimate::estimate;
use super::explore::Exploration;
use super::item_order::ItemOrder;
use super::objective::Value;
use super::observer::UnlimitedTime;
use super::ordered_objective::OrderedObjective;
use super::store::Store;
use super::trial::Outcomes;
use super::trial_runner::TrialRunner;
use crate::edit::Edit;
use crate::error::Result;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;
use laser_statistics::{Estimate, Split, clustered_stderr, group_ids, mean};

/// An edit that may win, with the evidence for it.
#[derive(Debug, Clone)]
pub struct Finalist {
    /// The edit.
    pub edit: Edit,
    /// Value of the objective on the items of search and validation split.
    pub value: Value,
    /// By how much the edit is better than the unedited model at each item of both splits
    /// ([`Objective::evidence`](super::objective::Objective::evidence)), averaged with the neighbouring ranks of the matrix.
    pub evidence: Vec<f64>,
    /// Objective minus that of the unedited model at each item of both splits.
    pub differences: Vec<f64>,
    /// Mean of the differences: the gain measured on both splits.
    pub measured: Estimate,
    /// Estimate of the gain on new items: `measured`, corrected for the luck of being among the best.
    pub estimated: Estimate,
    /// Rise of the log-loss of ordinary text, nats a token; `None` if it was not measured.
    pub damage: Option<f64>,
}

/// Finalists of a search.
#[derive(Debug, Clone)]
pub struct Finalists {
    /// The finalists, in the order of their merits on the search split.
    pub edits: Vec<Finalist>,
    /// Group of each item of search and validation split.
    pub groups: Vec<u32>,
}

impl Finalist {
    /// Mean of the evidence, by which finalists are ordered.
    pub fn merit(&self) -> f64 {
        mean(&self.evidence).unwrap_or(0.0)
    }
}

/// An edit that gains fewer standard errors on the search split has a chance of about 5 % to gain the 1.5 on both splits
/// together that a proposal takes, if the validation split has half as many items.
const HOPEFUL_Z: f64 = 0.5;

/// Scores the first edits found on the validation split, and estimates their gains. Outcomes that the store has already
/// are not computed again.
pub(super) fn finalists(context: SearchContext<'_>, explored: &Exploration, store: &mut Store) -> Result<Finalists> {
    let SearchContext { evaluator, settings, observer, .. } = context;
    let edits = best_on_search_split(context, explored, store)?;
    let order = ItemOrder::new(evaluator, &explored.splits.items(Split::Validation), settings);
    let unlimited = settings.without_limits();
    let observer = UnlimitedTime(observer);
    let validation = SearchContext { settings: &unlimited, observer: &observer, ..context };
    let mut runner = TrialRunner::new(validation, store, Split::Validation, order.clone());
    runner.score_edits(&edits)?;
    let seen = |edit: &Edit| runner.complete(edit).cloned().unwrap_or_default();
    let on_validation: Vec<Outcomes> = edits.iter().chain([&Edit::default()]).map(seen).collect();

    let items: Vec<usize> = explored.order.iter().chain(&order.items).copied().collect();
    let evidence = Evidence {
        objective: OrderedObjective::new(&settings.objective, evaluator, &items),
        groups: group_ids(items.iter().map(|item| evaluator.group(*item))),
        unedited: joined(&store.get(&Edit::default(), Split::Search)?, &on_validation[edits.len()]),
    };
    let mut finalists = Vec::with_capacity(edits.len());
    for (edit, on_validation) in edits.iter().zip(&on_validation) {
        let outcomes = joined(&store.get(edit, Split::Search)?, on_validation);
        let differences = evidence.differences(&outcomes, OrderedObjective::measured_values);
        let measured = evidence.measure(&differences);
        finalists.push(Finalist {
            edit: edit.clone(),
            value: evidence.value(&outcomes),
            evidence: evidence.differences(&outcomes, OrderedObjective::item_values),
            differences,
            measured,
            estimated: measured,
            damage: None,
        });
    }
    share_evidence(&mut finalists, &evidence.groups, context.model.config());
    let others = explored
        .trials
        .iter()
        .filter(|trial| trial.outcomes.len() == explored.order.len() && !edits.contains(&trial.edit));
    let measured = |outcomes: &Outcomes| evidence.differences(outcomes, OrderedObjective::measured_values);
    let others: Vec<Estimate> = others.map(|trial| evidence.measure(&measured(&trial.outcomes))).collect();
    let measured: Vec<Estimate> = finalists.iter().map(|finalist| finalist.measured).collect();
    for (finalist, estimated) in finalists.iter_mut().zip(estimate(&measured, &others)) {
        finalist.estimated = estimated;
    }
    Ok(Finalists { edits: finalists, groups: evidence.groups })
}

/// The edits that are best on the search split: those that break a guard last, then by the mean of the values by which
/// edits are compared item by item. Left out are those, except the first, that the validation split could hardly make
/// convincing.
fn best_on_search_split(context: SearchContext<'_>, explored: &Exploration, store: &Store) -> Result<Vec<Edit>> {
    let SearchContext { evaluator, settings, .. } = context;
    let evidence = Evidence {
        objective: OrderedObjective::new(&settings.objective, evaluator, &explored.order),
        groups: group_ids(explored.order.iter().map(|item| evaluator.group(*item))),
        unedited: store.get(&Edit::default(), Split::Search)?,
    };
    let mut ranked = Vec::with_capacity(explored.found.len());
    for edit in &explored.found {
        let outcomes = store.get(edit, Split::Search)?;
        let gain = |values| evidence.measure(&evidence.differences(&outcomes, values));
        let merit = gain(OrderedObjective::item_values);
        let is_hopeful = merit.z().max(gain(OrderedObjective::measured_values).z()) >= HOPEFUL_Z;
        ranked.push((evidence.value(&outcomes).is_feasible(), merit.value, is_hopeful, edit));
    }
    // Stable, so that edits of equal merit keep the order of their values.
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.total_cmp(&a.1)));
    let best = ranked.into_iter().enumerate().filter(|(place, (_, _, is_hopeful, _))| *place == 0 || *is_hopeful);
    Ok(best.take(settings.finalists.max(1)).map(|(_, (_, _, _, edit))| edit.clone()).collect())
}

/// Two neighbouring ranks whose evidence differs by more standard errors are no longer alike.
const ALIKE_Z: f64 = 2.0;

/// Averages the evidence of each edit of one matrix with that of its neighbours, the finalists of the same matrix with the
/// next higher and the next lower rank, which count half: neighbouring ranks keep nearly the same components, and so
/// predict nearly the same answers. A neighbour that is clearly better or worse is left out. `groups`: group of each item.
fn share_evidence(finalists: &mut [Finalist], groups: &[u32], config: &ModelConfig) {
    let place = |finalist: &Finalist| {
        let (id, reduction) = finalist.edit.as_single()?;
        Some((id, reduction.leading_rank(config.max_rank(id))?))
    };
    let mut places: Vec<(WeightId, usize, usize)> =
        finalists.iter().enumerate().filter_map(|(i, f)| place(f).map(|(id, rank)| (id, rank, i))).collect();
    places.sort_unstable();
    let own: Vec<Vec<f64>> = finalists.iter().map(|finalist| finalist.evidence.clone()).collect();
    let is_alike = |a: usize, b: usize| {
        let differences: Vec<f64> = own[a].iter().zip(&own[b]).map(|(a, b)| a - b).collect();
        let stderr = clustered_stderr(&differences, groups).unwrap_or(0.0);
        mean(&differences).is_some_and(|difference| difference.abs() <= ALIKE_Z * stderr)
    };
    for of_matrix in places.chunk_by(|a, b| a.0 == b.0) {
        for (at, (_, _, i)) in of_matrix.iter().enumerate() {
            let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|at| of_matrix.get(at));
            let neighbours: Vec<usize> = beside.map(|(_, _, n)| *n).filter(|n| is_alike(*i, *n)).collect();
            let weight = 2.0 + neighbours.len() as f64;
            for (item, value) in finalists[*i].evidence.iter_mut().enumerate() {
                *value = (2.0 * own[*i][item] + neighbours.iter().map(|n| own[*n][item]).sum::<f64>()) / weight;
            }
        }
    }
}

/// Items of search and validation split, in this order, with the outcomes of the unedited model.
struct Evidence<'a> {
    objective: OrderedObjective<'a>,
    /// Group of each item.
    groups: Vec<u32>,
    unedited: Outcomes,
}

impl<'a> Evidence<'a> {
    /// Values of an edit minus those of the unedited model at each item, from outcomes on the first items. `values`: the
    /// values to compare.
    fn differences(&self, outcomes: &Outcomes, values: fn(&OrderedObjective<'a>, &Outcomes) -> Vec<f64>) -> Vec<f64> {
        let unedited = values(&self.objective, &self.unedited.first(outcomes.len()));
        values(&self.objective, outcomes).iter().zip(unedited).map(|(edited, unedited)| edited - unedited).collect()
    }

    /// Mean of differences at the first items. Where no item or one group differs, the standard error is that of one
    /// item that changed by 1: that nothing was seen does not mean that nothing can happen.
    fn measure(&self, differences: &[f64]) -> Estimate {
        let n = differences.len();
        let least = 1.0 / n.max(1) as f64;
        let stderr = clustered_stderr(differences, &self.groups[..n]).unwrap_or(f64::INFINITY);
        Estimate { value: mean(differences).unwrap_or(0.0), stderr: stderr.max(least) }
    }

    /// Value of outcomes on all items.
    fn value(&self, outcomes: &Outcomes) -> Value {
        self.objective.value(outcomes, Some(&self.unedited), &(0..outcomes.len()).collect::<Vec<_>>())
    }
}

/// Outcomes on the items of the search split, followed by those on the items of the validation split.
fn joined(search: &Outcomes, validation: &Outcomes) -> Outcomes {
    let mut all = search.clone();
    all.append(validation);
    all
}
