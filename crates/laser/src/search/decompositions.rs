//! Decompositions of a search's matrices, which the members of a team divide among themselves through a common cache.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use super::context::SearchContext;
use crate::error::Result;
use crate::team::SharedWork;
use laser_model::parallel::map;
use laser_model::weight_id::WeightId;

/// Has the matrices of the candidates decomposed, each by one member of the team. A process alone does nothing: it
/// decomposes a matrix when it needs it.
pub(super) fn divide_decompositions(context: SearchContext<'_>, candidates: &[Candidate]) -> Result<()> {
    let SearchContext { truncation, observer, team, .. } = context;
    if !team.is_shared() || !truncation.has_cache() {
        return Ok(());
    }
    let ids: BTreeSet<WeightId> = candidates.iter().map(|candidate| candidate.id).collect();
    team.share(&mut Decompositions { context, ids: ids.into_iter().collect() }, observer)
}

struct Decompositions<'a> {
    context: SearchContext<'a>,
    ids: Vec<WeightId>,
}

impl SharedWork for Decompositions<'_> {
    /// The result is in the cache.
    type Part = ();

    fn name(&self) -> String {
        format!("decompositions of {:?}", self.ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn parts(&self) -> usize {
        self.ids.len()
    }

    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        (open / (4 * members)).max(self.context.settings.threads)
    }

    fn compute(&mut self, parts: &[usize]) -> Result<()> {
        let SearchContext { model, truncation, settings, observer, .. } = self.context;
        let ids: Vec<WeightId> = parts.iter().map(|part| self.ids[*part]).collect();
        let decompose = |id| truncation.svd(id, &model.matrix(id)?).map(drop);
        map(ids, settings.threads, observer, decompose)?;
        Ok(())
    }

    fn result(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn receive(&mut self, _: usize, (): ()) -> Result<()> {
        Ok(())
    }
}
