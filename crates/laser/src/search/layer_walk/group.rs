//! Candidate groups: candidates of one matrix that run side by side, and the model of each group.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::edit::truncation::Truncation;
use crate::error::Result;
use crate::search::candidate::Candidate;
use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;

/// Candidates of one matrix that run side by side in one forward pass.
pub(super) struct CandidateGroup {
    /// The matrix.
    pub(super) id: WeightId,
    /// Indices of the candidates.
    pub(super) candidates: Vec<usize>,
    /// Whether the candidates keep the full rank, and so leave the model unchanged.
    pub(super) full_rank: bool,
}

/// Groups candidates by matrix, those of full rank apart. The others of a matrix are sorted by rank, reductions without
/// a rank last. If components do not nest (`nests`; a randomized decomposition differs for each rank), every candidate
/// below full rank is a group of its own.
pub(super) fn groups(candidates: &[Candidate], config: &ModelConfig, nests: bool) -> Vec<CandidateGroup> {
    let mut by_matrix: BTreeMap<WeightId, Vec<usize>> = BTreeMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        by_matrix.entry(candidate.id).or_default().push(i);
    }
    let mut groups = Vec::new();
    for (id, of_matrix) in by_matrix {
        let max_rank = config.max_rank(id);
        let rank = |i: &usize| candidates[*i].reduction.leading_rank(max_rank);
        let (full, mut below): (Vec<usize>, Vec<usize>) =
            of_matrix.into_iter().partition(|i| rank(i) == Some(max_rank));
        // The product adds component after component and passes through the ranks in this order.
        below.sort_by_key(|i| rank(i).unwrap_or(usize::MAX));
        if !full.is_empty() {
            groups.push(CandidateGroup { id, candidates: full, full_rank: true });
        }
        if nests && !below.is_empty() {
            groups.push(CandidateGroup { id, candidates: below, full_rank: false });
        } else {
            groups.extend(below.into_iter().map(|i| CandidateGroup { id, candidates: vec![i], full_rank: false }));
        }
    }
    groups
}

/// Largest number of candidates of one matrix, at least 1.
pub(super) fn most_of_one_matrix(candidates: &[Candidate]) -> usize {
    let mut counts: BTreeMap<WeightId, usize> = BTreeMap::new();
    candidates.iter().for_each(|candidate| *counts.entry(candidate.id).or_default() += 1);
    counts.into_values().max().unwrap_or(1)
}

/// The model of a group, shared by its jobs: the first job makes it, the last one frees it.
pub(super) struct GroupModel<'a> {
    pub(super) group: &'a CandidateGroup,
    state: Mutex<State>,
}

struct State {
    model: Option<Model>,
    /// Number of jobs that have not ended.
    jobs_left: usize,
}

impl<'a> GroupModel<'a> {
    pub(super) fn new(group: &'a CandidateGroup) -> Self {
        Self { group, state: Mutex::new(State { model: None, jobs_left: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the model")
    }

    /// Sets the number of jobs that will use the model.
    pub(super) fn expect_jobs(&self, jobs: usize) {
        self.lock().jobs_left = jobs;
    }

    /// Returns `base` with the variants of the group's matrix; the first call decomposes the matrix.
    pub(super) fn get(&self, base: &Model, candidates: &[Candidate], truncation: &Truncation) -> Result<Model> {
        // The lock is held while the matrix is decomposed: other jobs of the group need the result anyway.
        let mut state = self.lock();
        if let Some(model) = &state.model {
            return Ok(model.clone());
        }
        let reductions: Vec<_> = self.group.candidates.iter().map(|i| candidates[*i].reduction).collect();
        let model = base.with_replacements(truncation.variants(base, self.group.id, &reductions)?);
        state.model = Some(model.clone());
        Ok(model)
    }

    /// Reports the end of one job.
    pub(super) fn job_done(&self) {
        let mut state = self.lock();
        state.jobs_left -= 1;
        if state.jobs_left == 0 {
            state.model = None;
        }
    }
}
