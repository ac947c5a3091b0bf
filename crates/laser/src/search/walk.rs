//! The walk: edits of single matrices on batches of items, with nothing computed twice.
//!
//! Layers are walked upwards with one boundary of cached states. A trial starts at the edited matrix, all edits of a
//! matrix run side by side, and items share prefixes and passes (design: savings 1–6). The passes of one layer are one
//! queue, so that threads wait for one another once a layer.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::evaluate::batch::Batch;
use crate::evaluate::generate::max_tokens;
use crate::evaluate::scorer::Base;
use crate::search::store::Outcomes;
use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_model::parallel::{Observer, map};
use laser_model::weight_id::WeightId;

use super::Candidate;

/// What a walk works with.
pub(super) struct Walk<'a> {
    pub(super) exam: &'a Evaluator<'a>,
    pub(super) truncation: &'a Truncation,
    pub(super) threads: usize,
    /// Bound of the cached states, in bytes.
    pub(super) memory: Option<usize>,
    pub(super) observer: &'a dyn Observer,
}

/// What is wanted of a walk, and where its outcomes go. Batches and arms are told by index; no arm is the model as it is.
pub(super) trait Ledger: Sync {
    /// Whether the outcomes of an arm on a batch are still to be found.
    fn wants(&self, arm: usize, batch: usize) -> bool;

    /// Takes the outcomes of one pass: of each of its arms, in the order of the batch's items.
    fn take(&self, batch: usize, found: Vec<(Option<usize>, Outcomes)>) -> Result<()>;

    /// Whether to end before the next layer.
    fn ends(&self) -> bool;
}

/// Arms of one matrix that run side by side.
struct Group {
    id: WeightId,
    arms: Vec<usize>,
    /// They keep everything: the model is left as it is.
    full: bool,
}

impl Walk<'_> {
    /// Runs `arms` on `batches` over `model`.
    pub(super) fn run(&self, model: &Model, batches: &[Batch], arms: &[Candidate], ledger: &dyn Ledger) -> Result<()> {
        let model = &model.with_threads(1);
        let groups = groups(arms, model.config(), self.truncation.nests());
        let mut first = 0;
        for size in self.blocks(model.config(), batches) {
            let block: Vec<usize> = (first..first + size).collect();
            first += size;
            self.block(model, batches, &block, arms, &groups, ledger)?;
        }
        Ok(())
    }

    /// One block of batches, through all layers.
    fn block(
        &self,
        model: &Model,
        batches: &[Batch],
        block: &[usize],
        arms: &[Candidate],
        groups: &[Group],
        ledger: &dyn Ledger,
    ) -> Result<()> {
        let Self { exam, threads, observer, .. } = *self;
        // Arms at full rank are the model as it is.
        let (full, groups): (Vec<&Group>, Vec<&Group>) = groups.iter().partition(|group| group.full);
        let full: Vec<usize> = full.into_iter().flat_map(|group| group.arms.iter().copied()).collect();
        let start = |b: usize| {
            let scorer = exam.scorer(&batches[b], true);
            let scored = scorer.run(model, &batches[b], None)?.into_iter().next().unwrap_or_default();
            let (outcomes, continuations): (Vec<_>, Vec<_>) =
                scored.into_iter().map(|s| (s.outcome, s.continuation)).unzip();
            let found = [None].into_iter().chain(full.iter().copied().map(Some));
            ledger.take(b, found.map(|arm| (arm, Outcomes::of(&outcomes))).collect())?;
            Base::new(model, &batches[b], continuations, scorer.score)
        };
        let mut bases: Vec<Base> = map(block.to_vec(), threads, observer, start)?;
        let open = |group: &Group, b: usize| group.arms.iter().any(|arm| ledger.wants(*arm, b));
        let groups: Vec<&Group> = groups.into_iter().filter(|group| block.iter().any(|b| open(group, *b))).collect();
        let last_layer = groups.iter().map(|group| group.id.layer).max();
        for layer in 0..last_layer.map_or(0, |layer| layer + 1) {
            if ledger.ends() {
                break;
            }
            if layer > 0 {
                bases.iter_mut().for_each(Base::advance);
            }
            let parts: Vec<_> = bases.iter_mut().zip(block).collect();
            map(parts, threads, observer, |(base, b)| base.enter(model, &batches[*b]))?;
            let here: Vec<Edited<'_>> =
                groups.iter().filter(|group| group.id.layer == layer).map(|group| Edited::new(group)).collect();
            let passes =
                here.iter().flat_map(|edited| bases.iter().zip(block).map(move |(base, b)| (edited, base, *b)));
            let passes: Vec<_> = passes.filter(|(edited, _, b)| open(edited.group, *b)).collect();
            here.iter().for_each(|edited| edited.expect(passes.iter().filter(|p| std::ptr::eq(p.0, edited)).count()));
            map(passes, threads, observer, |(edited, base, b)| {
                let model = edited.model(model, arms, self.truncation)?;
                let scored =
                    exam.scorer(&batches[b], true).run(&model, &batches[b], Some((base, edited.group.id.stage())))?;
                let outcomes = scored.iter().map(|copy| Outcomes::of(copy.iter().map(|s| &s.outcome)));
                ledger.take(b, edited.group.arms.iter().map(|arm| Some(*arm)).zip(outcomes).collect())?;
                edited.pass_done();
                Ok::<_, Error>(())
            })?;
        }
        Ok(())
    }

    /// How many batches are in memory at once: sizes of consecutive blocks whose cached states fit the bound.
    fn blocks(&self, config: &ModelConfig, batches: &[Batch]) -> Vec<usize> {
        let Some(bound) = self.memory else { return vec![batches.len()] };
        let mut blocks = Vec::new();
        let (mut size, mut used) = (0, 0);
        for batch in batches {
            let bytes = state_bytes(config, batch, max_tokens(self.exam.scorer(batch, true).score));
            if size > 0 && used + bytes > bound {
                blocks.push(size);
                (size, used) = (0, 0);
            }
            size += 1;
            used += bytes;
        }
        blocks.push(size);
        blocks
    }
}

/// Bytes of a batch's cached states: the residual stream at a layer's input, in its middle and at its end and the
/// activated hidden state; where texts are generated, keys and values of all layers, of the continuations too.
fn state_bytes(config: &ModelConfig, batch: &Batch, max_tokens: usize) -> usize {
    let rows = batch.rows.len() + batch.items.len() * max_tokens.saturating_sub(1);
    let keys = if max_tokens > 0 { 2 * config.n_layers * config.n_kv_heads * config.d_head } else { 0 };
    rows * size_of::<f32>() * (3 * config.d_model + config.d_mlp + keys)
}

/// A group with its model, made by the pass that needs it first and given back by the last.
struct Edited<'a> {
    group: &'a Group,
    /// The model, and the passes still to come.
    state: Mutex<(Option<Model>, usize)>,
}

impl<'a> Edited<'a> {
    fn new(group: &'a Group) -> Self {
        Self { group, state: Mutex::new((None, 0)) }
    }

    fn expect(&self, passes: usize) {
        self.state.lock().expect("no pass panics while it holds the model").1 = passes;
    }

    fn model(&self, base: &Model, arms: &[Candidate], truncation: &Truncation) -> Result<Model> {
        let mut state = self.state.lock().expect("no pass panics while it holds the model");
        if let Some(model) = &state.0 {
            return Ok(model.clone());
        }
        let reductions: Vec<_> = self.group.arms.iter().map(|arm| arms[*arm].reduction).collect();
        let model = base.with_replacements(truncation.variants(base, self.group.id, &reductions)?);
        state.0 = Some(model.clone());
        Ok(model)
    }

    fn pass_done(&self) {
        let mut state = self.state.lock().expect("no pass panics while it holds the model");
        state.1 -= 1;
        if state.1 == 0 {
            state.0 = None;
        }
    }
}

/// Arms by matrix: those at full rank, which leave the model as it is; the others side by side, leading components
/// first and by rank. Where components do not nest (a randomized decomposition for each rank), each arm is alone.
fn groups(arms: &[Candidate], config: &ModelConfig, nests: bool) -> Vec<Group> {
    let mut of_matrix: BTreeMap<WeightId, Vec<usize>> = BTreeMap::new();
    for (i, arm) in arms.iter().enumerate() {
        of_matrix.entry(arm.id).or_default().push(i);
    }
    let mut groups = Vec::new();
    for (id, of_matrix) in of_matrix {
        let max_rank = config.max_rank(id);
        let rank = |i: &usize| arms[*i].reduction.leading_rank(max_rank);
        let (full, mut below): (Vec<usize>, Vec<usize>) =
            of_matrix.into_iter().partition(|i| rank(i) == Some(max_rank));
        below.sort_by_key(|i| rank(i).unwrap_or(usize::MAX));
        if !full.is_empty() {
            groups.push(Group { id, arms: full, full: true });
        }
        if nests && !below.is_empty() {
            groups.push(Group { id, arms: below, full: false });
        } else {
            groups.extend(below.into_iter().map(|i| Group { id, arms: vec![i], full: false }));
        }
    }
    groups
}

/// The most arms that run side by side.
pub(super) fn widest(arms: &[Candidate]) -> usize {
    let mut of_matrix: BTreeMap<WeightId, usize> = BTreeMap::new();
    arms.iter().for_each(|arm| *of_matrix.entry(arm.id).or_default() += 1);
    of_matrix.into_values().max().unwrap_or(1)
}
