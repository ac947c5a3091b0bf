//! Work on a range of items: a request's batches there, which the members of a team divide among themselves.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Request;
use super::batch_recorder::{BatchRecorder, State};
use crate::error::Result;
use crate::search::context::SearchContext;
use crate::search::layer_walk::OutcomeReceiver;
use crate::search::store::Store;
use crate::search::trial::Outcomes;
use crate::search::work::Work;
use crate::team::SharedWork;
use laser_statistics::Split;

/// Scores the edits of a request on the items at the positions of a range; a part is a batch.
pub(super) struct RangeWork<'a> {
    context: SearchContext<'a>,
    request: Request<'a>,
    store: &'a mut Store,
    split: Split,
    /// Number of items of the split.
    n_items: usize,
    range: Range<usize>,
    /// True if the request's base is scored, too.
    scores_base: bool,
    /// Candidates without outcomes on the whole range.
    open: Vec<usize>,
    work: Work,
    /// Position of the first item of each batch in the item order.
    starts: Vec<usize>,
    /// Number of items scored, summed over the candidates.
    scored: usize,
}

impl<'a> RangeWork<'a> {
    /// The work on `items`, which are at the positions `range` of the split's order.
    pub(super) fn new(
        context: SearchContext<'a>,
        request: Request<'a>,
        store: &'a mut Store,
        (split, n_items): (Split, usize),
        (range, items): (Range<usize>, &[usize]),
        (scores_base, open): (bool, Vec<usize>),
    ) -> Self {
        let work = Work::plan(context, items, request.candidates);
        let sizes = work.sizes().into_iter();
        let starts = sizes.scan(range.start, |next, size| Some(std::mem::replace(next, *next + size))).collect();
        Self { context, request, store, split, n_items, range, scores_base, open, work, starts, scored: 0 }
    }

    /// A recorder of the outcomes of some parts.
    fn recorder(&mut self, parts: &[usize]) -> Result<BatchRecorder<'_>> {
        let Request { base, model, candidates, edits } = self.request;
        let starts: Vec<usize> = parts.iter().map(|part| self.starts[*part]).collect();
        let mut missing_starts = vec![BTreeSet::new(); edits.len()];
        for candidate in &self.open {
            let stored = self.store.starts(&edits[*candidate], self.split)?;
            missing_starts[*candidate].extend(starts.iter().filter(|start| !stored.contains(start)));
        }
        Ok(BatchRecorder {
            base,
            split: self.split,
            store_base: self.scores_base,
            edits,
            ranks: candidates.iter().map(|candidate| candidate.rank(model.config())).collect(),
            starts,
            observer: self.context.observer,
            n_items: self.n_items,
            total: self.open.len() * self.range.len(),
            state: State::new(self.store, missing_starts, &mut self.scored),
        })
    }
}

impl SharedWork for RangeWork<'_> {
    /// Outcomes of each candidate by its index, and of the base without one.
    type Part = Vec<(Option<usize>, Outcomes)>;

    fn name(&self) -> String {
        let (Request { base, edits, .. }, Range { start, end }) = (&self.request, &self.range);
        let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
        let (split, edits, open) = (self.split, edits.join(";"), &self.open);
        let tasks: Vec<&str> = self.context.evaluator.tasks().iter().map(|task| task.task.name.as_str()).collect();
        format!("{tasks:?} {split} {start}..{end} base {base} {} of {edits} {open:?}", self.scores_base)
    }

    fn parts(&self) -> usize {
        self.starts.len()
    }

    /// Every member takes its share at once: each time costs a walk through the layers, in which the matrices of all candidates
    /// are made.
    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        open.div_ceil(members)
    }

    fn compute(&mut self, parts: &[usize]) -> Result<()> {
        let (context, Request { model, candidates, edits, .. }) = (self.context, self.request);
        let work = self.work.some(parts);
        let recorder = self.recorder(parts)?;
        work.run(context, model, candidates, edits, &recorder)
    }

    fn result(&self, part: usize) -> Result<Self::Part> {
        let Request { base, edits, .. } = self.request;
        let scored = self.open.iter().map(|candidate| (Some(*candidate), &edits[*candidate]));
        let base = self.scores_base.then_some((None, base));
        let mut result = Vec::new();
        for (candidate, edit) in scored.chain(base) {
            let outcomes = self.store.batch(edit, self.split, self.starts[part])?;
            result.extend(outcomes.map(|outcomes| (candidate, outcomes)));
        }
        Ok(result)
    }

    fn receive(&mut self, part: usize, result: Self::Part) -> Result<()> {
        self.recorder(&[part])?.receive(0, result)
    }
}
