//! Batch + model → scored items: prompts and candidates in one forward pass, then continuations if the score needs them.

use super::base_states::BaseStates;
use super::batch::Batch;
use super::generate::generate;
use super::score_rules::JudgementRule;
use super::scorer::{Detail, ScoredItem, Scorer};
use crate::error::Result;
use laser_model::Model;
use laser_model::forward::{ForwardPass, PassStart, RowScore, score_rows};
use laser_model::weight_id::BlockEntry;

/// Number of most likely tokens in which the answer's rank is looked for.
const TOP: usize = 10;

impl Scorer<'_> {
    /// Scores a batch. The result has one list for each variant that the model runs side by side, with one entry for each
    /// item of the batch.
    ///
    /// With `base`, the forward pass starts from these states of the unedited model at the given stage of their layer;
    /// otherwise it starts from the tokens.
    pub(crate) fn run(
        &self,
        model: &Model,
        batch: &Batch,
        base: Option<(&BaseStates, BlockEntry)>,
    ) -> Result<Vec<Vec<ScoredItem>>> {
        let generates = self.rules.max_new_tokens.is_some();
        let mut cache = model.new_kv_cache();
        let start = base.map_or(PassStart::Tokens, |(base, stage)| base.start(model, stage, BaseStates::BATCH));
        let pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?;
        let pass = if generates { pass } else { pass.without_caching() };
        let (hidden, copies) = pass.run(start, Some(&batch.logit_rows))?; // [copies·logit rows, d_model]
        let n_rows = batch.logit_rows.len();
        let reports_rank = self.rules.judgement == JudgementRule::FirstToken && self.detail != Detail::Score;
        let top = if reports_rank { TOP } else { 0 };
        let scores = score_rows(model, &hidden, top, |row| &batch.scored_tokens[row % n_rows])?;
        drop(hidden); // its memory is needed for the continuations
        let continuations = if generates {
            generate(self, model, batch, cache, &scores, copies, base)?
        } else {
            vec![vec![Vec::new(); batch.items.len()]; copies]
        };
        let judge_copy = |(scores, continuations): (&[RowScore], Vec<Vec<u32>>)| -> Result<Vec<ScoredItem>> {
            batch.items.iter().zip(continuations).map(|(item, tokens)| self.judge(item, scores, tokens)).collect()
        };
        scores.chunks_exact(n_rows).zip(continuations).map(judge_copy).collect()
    }
}
