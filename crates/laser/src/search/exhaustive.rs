//! The exhaustive search: every edit on every item, with nothing computed twice.
//!
//! Layers are walked upwards with one boundary of cached states. A trial starts at the edited matrix, all ρ of a
//! matrix run side by side from one decomposition, and items share prefixes and passes (design: savings 1–6).

use std::collections::BTreeMap;

use crate::error::Result;
use crate::evaluate::Exam;
use crate::model::Model;
use crate::parallel::{Observer, map};
use crate::score::batch::Batch;
use crate::score::trial::Base;
use crate::statistics::Split;
use crate::store::{Outcomes, Store, Trial};
use crate::truncation::Truncation;
use crate::weight::WeightId;

use super::Arm;

/// Rows of a pass over all variants of a matrix: near the peak of the products, and batches enough for all threads.
const PASS_ROWS: usize = 1024;
/// The same where texts are generated: few of the rows go on to the decoding, which should not be too narrow.
const GENERATING_PASS_ROWS: usize = 2048;

/// Runs all `arms` on `items` (of the search split); trials already in the store are taken from there. The result
/// is in the order of `arms`.
#[allow(clippy::too_many_arguments)] // the parts of a search, each of its own type
pub fn run(
    model: &Model,
    exam: &Exam<'_>,
    truncation: &Truncation,
    arms: &[Arm],
    items: &[usize],
    threads: usize,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<Vec<Trial>> {
    let mut found: Vec<Option<Trial>> = Vec::with_capacity(arms.len());
    for arm in arms {
        found.push(store.get(arm.id, &arm.rho.to_string(), Split::Search)?);
    }
    let mut open: BTreeMap<WeightId, Vec<usize>> = BTreeMap::new();
    for (i, arm) in arms.iter().enumerate().filter(|(i, _)| found[*i].is_none()) {
        open.entry(arm.id).or_default().push(i);
    }
    let mut done = arms.len() - open.values().map(Vec::len).sum::<usize>();
    observer.progress("search", done, arms.len());
    let Some(last_layer) = open.keys().map(|id| id.layer).max() else { return Ok(complete(found)) };

    let model = &model.with_threads(1);
    // Of all arms, not only the open ones: a resumed run has the same batches.
    let mut of_matrix: BTreeMap<WeightId, usize> = BTreeMap::new();
    arms.iter().for_each(|arm| *of_matrix.entry(arm.id).or_default() += 1);
    let most = of_matrix.into_values().max().unwrap_or(1);
    let pass_rows = if exam.score().generates() { GENERATING_PASS_ROWS } else { PASS_ROWS };
    let batches = exam.batches(items, (pass_rows / most).max(1));
    let place: BTreeMap<usize, usize> = items.iter().enumerate().map(|(place, item)| (*item, place)).collect();
    let scorer = exam.scorer(true);
    let start = |batch: &Batch| {
        let base = scorer.run(model, batch, None)?.into_iter().next().unwrap_or_default();
        let (outcomes, continuations) = base.into_iter().map(|s| (s.outcome, s.continuation)).unzip();
        Ok((Base::new(model, batch, continuations, exam.score())?, outcomes))
    };
    let started: Vec<(Base, Vec<_>)> = map(batches.iter().collect(), threads, observer, start)?;
    let (mut bases, base_outcomes): (Vec<Base>, Vec<_>) = started.into_iter().unzip();

    for layer in 0..=last_layer {
        if layer > 0 {
            bases.iter_mut().for_each(Base::advance);
        }
        let parts: Vec<_> = bases.iter_mut().zip(&batches).collect();
        map(parts, threads, observer, |(base, batch)| base.enter(model, batch))?;
        let here: Vec<WeightId> = open.keys().filter(|id| id.layer == layer).copied().collect();
        for id in here {
            let max_rank = model.config().max_rank(id.kind);
            for group in groups(arms, &open[&id], max_rank, truncation.nests()) {
                let ranks: Vec<usize> = group.iter().map(|i| arms[*i].rank).collect();
                let per_batch = if ranks[0] == max_rank {
                    base_outcomes.iter().map(|outcomes| vec![outcomes.clone(); group.len()]).collect()
                } else {
                    let replacement = truncation.variants(model, id, &ranks)?;
                    let edited = &model.with_overlay(BTreeMap::from([(id, replacement)]));
                    let parts: Vec<_> = bases.iter().zip(&batches).collect();
                    map(parts, threads, observer, |(base, batch)| {
                        let scored = scorer.run(edited, batch, Some((base, id.kind)))?;
                        Ok(scored.into_iter().map(|copy| copy.into_iter().map(|s| s.outcome).collect()).collect())
                    })?
                };
                let trials = gather(arms, &group, &batches, &place, &per_batch);
                store.insert(&trials)?;
                done += trials.len();
                for (i, trial) in group.iter().zip(trials) {
                    observer.trial(&arms[*i], &trial);
                    found[*i] = Some(trial);
                }
                observer.progress("search", done, arms.len());
            }
        }
    }
    Ok(complete(found))
}

/// Arms of one matrix that run side by side: those below full rank by rank, if their components nest; those at
/// full rank, which are the unedited model.
fn groups(arms: &[Arm], open: &[usize], max_rank: usize, nests: bool) -> Vec<Vec<usize>> {
    let (full, mut below): (Vec<usize>, Vec<usize>) = open.iter().partition(|i| arms[**i].rank == max_rank);
    below.sort_by_key(|i| arms[*i].rank);
    let below: Vec<Vec<usize>> = if nests { vec![below] } else { below.into_iter().map(|i| vec![i]).collect() };
    below.into_iter().chain([full]).filter(|group| !group.is_empty()).collect()
}

/// Per-batch outcomes `[batch][variant][item of the batch]` → one trial a variant, its items in the order asked.
fn gather(
    arms: &[Arm],
    group: &[usize],
    batches: &[Batch],
    place: &BTreeMap<usize, usize>,
    per_batch: &[Vec<Vec<crate::score::Outcome>>],
) -> Vec<Trial> {
    let trial = |(variant, arm): (usize, &usize)| {
        let mut ordered = vec![None; place.len()];
        for (batch, outcomes) in batches.iter().zip(per_batch) {
            for (item, outcome) in batch.items.iter().zip(&outcomes[variant]) {
                ordered[place[&item.index]] = Some(outcome);
            }
        }
        let Arm { id, rho, rank } = arms[*arm];
        let outcomes = Outcomes::of(ordered.into_iter().flatten());
        Trial { id, rho: rho.to_string(), rank, split: Split::Search, outcomes }
    };
    group.iter().enumerate().map(trial).collect()
}

fn complete(found: Vec<Option<Trial>>) -> Vec<Trial> {
    found.into_iter().map(|t| t.expect("every arm has its trial because each group was run or stored")).collect()
}
