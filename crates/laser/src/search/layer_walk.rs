//! Layer walk: scores many edits of single matrices on batches of items without computing anything twice.
//!
//! The walk goes through the layers upwards with one set of cached hidden states. Each candidate starts at its edited
//! matrix, all candidates of a matrix run side by side, and items share prefixes and forward passes (`docs/method.md`,
//! "Savings"). The batches and matrices of one layer are one queue of work, so that threads wait for one another only
//! once a layer.

mod group;

use self::group::{CandidateGroup, GroupModel, groups};
use super::candidate::Candidate;
use super::context::SearchContext;
use super::trial::Outcomes;
use crate::error::{Error, Result};
use crate::evaluate::base_states::BaseStates;
use crate::evaluate::batch::Batch;
use crate::evaluate::score_rules::max_tokens;
use crate::evaluate::state_memory::rounds;
use laser_model::Model;
use laser_model::parallel::map;

/// Says which (candidate, batch) pairs still need scoring, and receives their outcomes. Candidates and batches are
/// given by index; `None` is the model without a candidate.
pub(super) trait OutcomeReceiver: Sync {
    /// Whether a candidate still needs its outcomes on a batch.
    fn needs(&self, candidate: usize, batch: usize) -> bool;

    /// Whether the outcomes of the model without a candidate are still needed.
    fn needs_base(&self) -> bool;

    /// Receives the outcomes of one finished batch: one entry a candidate, each in the order of the batch's items.
    fn receive(&self, batch: usize, outcomes: Vec<(Option<usize>, Outcomes)>) -> Result<()>;

    /// Whether to end the walk before the next layer.
    fn expired(&self) -> bool;
}

/// One walk through the layers of a model.
pub(super) struct LayerWalk<'a> {
    context: SearchContext<'a>,
    /// The model that candidates are added to; each forward pass runs in one thread.
    model: Model,
    batches: &'a [Batch],
    candidates: &'a [Candidate],
    receiver: &'a dyn OutcomeReceiver,
}

impl<'a> LayerWalk<'a> {
    /// A walk of `candidates`, each added to `model`, over `batches`.
    pub(super) fn new(
        context: SearchContext<'a>,
        model: &Model,
        batches: &'a [Batch],
        candidates: &'a [Candidate],
        receiver: &'a dyn OutcomeReceiver,
    ) -> Self {
        Self { context, model: model.with_threads(1), batches, candidates, receiver }
    }

    /// Largest number of candidates that run side by side, at least 1.
    pub(super) fn most_variants(candidates: &[Candidate]) -> usize {
        group::most_of_one_matrix(candidates)
    }

    /// Scores the model and all candidates on all batches.
    ///
    /// # Errors
    /// If an edit cannot be made or scored, the receiver fails, or the observer stops the search.
    pub(super) fn run(&self) -> Result<()> {
        let groups = groups(self.candidates, self.model.config(), self.context.truncation.nests());
        let SearchContext { evaluator, settings, .. } = self.context;
        let tokens = |batch: &Batch| max_tokens(evaluator.scorer(batch, settings.detail).score);
        for round in rounds(self.model.config(), self.batches, tokens, settings.memory) {
            self.run_round(&round.collect::<Vec<usize>>(), &groups)?;
        }
        Ok(())
    }

    /// Takes the batches of one round through all layers.
    fn run_round(&self, round: &[usize], groups: &[CandidateGroup]) -> Result<()> {
        let SearchContext { settings, observer, .. } = self.context;
        let (full_rank, groups): (Vec<&CandidateGroup>, Vec<&CandidateGroup>) =
            groups.iter().partition(|group| group.full_rank);
        let full_rank: Vec<usize> = full_rank.into_iter().flat_map(|group| group.candidates.iter().copied()).collect();
        let passes = self.model.passes_side_by_side(settings.threads);
        let score_base = |batch: usize| self.score_base(batch, &full_rank);
        let mut bases: Vec<BaseStates> = map(round.to_vec(), passes, observer, score_base)?;
        let groups: Vec<&CandidateGroup> =
            groups.into_iter().filter(|group| round.iter().any(|batch| self.is_open(group, *batch))).collect();
        let n_layers = groups.iter().map(|group| group.id.layer + 1).max().unwrap_or(0);
        for layer in 0..n_layers {
            if self.receiver.expired() {
                break;
            }
            if layer > 0 {
                bases.iter_mut().for_each(BaseStates::advance);
            }
            let states: Vec<_> = bases.iter_mut().zip(round).collect();
            map(states, passes, observer, |(base, b)| base.enter(&self.model, &self.batches[*b]))?;
            let here: Vec<&CandidateGroup> = groups.iter().copied().filter(|group| group.id.layer == layer).collect();
            self.score_layer(round, &bases, &here)?;
        }
        Ok(())
    }

    /// Scores the model without a candidate on one batch. Candidates of full rank do not change the model, so its
    /// outcomes are theirs. Returns the cached states that the layers start from.
    fn score_base(&self, b: usize, full_rank: &[usize]) -> Result<BaseStates> {
        let batch = &self.batches[b];
        let scorer = self.context.evaluator.scorer(batch, self.context.settings.detail);
        let scored = scorer.run(&self.model, batch, None)?.into_iter().next().unwrap_or_default();
        let (outcomes, continuations): (Vec<_>, Vec<_>) =
            scored.into_iter().map(|s| (s.outcome, s.continuation)).unzip();
        let candidates = [None].into_iter().chain(full_rank.iter().copied().map(Some));
        self.receiver.receive(b, candidates.map(|c| (c, Outcomes::of(&outcomes))).collect())?;
        BaseStates::new(&self.model, batch, continuations, scorer.score)
    }

    /// Scores the groups of one layer on the batches of a round, from the cached states `bases` of that layer.
    fn score_layer(&self, round: &[usize], bases: &[BaseStates], groups: &[&CandidateGroup]) -> Result<()> {
        let SearchContext { evaluator, truncation, settings, observer, .. } = self.context;
        let models: Vec<GroupModel<'_>> = groups.iter().map(|group| GroupModel::new(group)).collect();
        let jobs = models.iter().flat_map(|model| bases.iter().zip(round).map(move |(base, b)| (model, base, *b)));
        let jobs: Vec<_> = jobs.filter(|(model, _, b)| self.is_open(model.group, *b)).collect();
        for model in &models {
            model.expect_jobs(jobs.iter().filter(|job| std::ptr::eq(job.0, model)).count());
        }
        map(jobs, self.model.passes_side_by_side(settings.threads), observer, |(group_model, base, b)| {
            let (group, batch) = (group_model.group, &self.batches[b]);
            let model = group_model.get(&self.model, self.candidates, truncation)?;
            let scored =
                evaluator.scorer(batch, settings.detail).run(&model, batch, Some((base, group.id.block_entry())))?;
            let outcomes = scored.iter().map(|variant| Outcomes::of(variant.iter().map(|s| &s.outcome)));
            self.receiver.receive(b, group.candidates.iter().map(|c| Some(*c)).zip(outcomes).collect())?;
            group_model.job_done();
            Ok::<_, Error>(())
        })?;
        Ok(())
    }

    /// Whether some candidate of a group still needs its outcomes on a batch.
    fn is_open(&self, group: &CandidateGroup, batch: usize) -> bool {
        group.candidates.iter().any(|candidate| self.receiver.needs(*candidate, batch))
    }
}
