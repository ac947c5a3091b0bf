//! One batch on one model: prompts and candidates in one pass, then continuations where the score asks for them.

use candle_core::Tensor;

use super::batch::Batch;
use super::encode::Encoded;
use super::generate::{generate, max_tokens};
use crate::error::Result;
use crate::evaluate::outcome::Outcome;
use laser_kernels::batch_layout::{BatchLayout, KvCache};
use laser_model::Model;
use laser_model::forward::{BlockStates, ForwardPass, MlpStart, RowScore, Start, score_rows};
use laser_model::tokenizer::Tokenizer;
use laser_model::weight_id::Stage;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// How many of the most likely tokens are looked at.
const TOP: usize = 10;

/// What scoring needs besides the model.
pub(crate) struct Scorer<'a> {
    /// The task whose items these are.
    pub(crate) task: &'a Task,
    /// All items of the exam, as are their encodings: batches count through the parts.
    pub(crate) items: &'a [&'a Item],
    pub(crate) encoded: &'a [Encoded],
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) score: Score,
    /// Tokens that end a continuation.
    pub(crate) eos: &'a [u32],
    /// Stop a continuation as soon as it is right: the outcome is the same, the text shorter.
    pub(crate) stop_early: bool,
}

/// An item's outcome, with the tokens of its continuation where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Scored {
    pub(crate) outcome: Outcome,
    pub(crate) continuation: Vec<u32>,
}

/// The unedited model's states of one batch at one layer, from which trials of that layer start.
pub(crate) struct Base {
    /// The unedited model's continuation of each item (empty where the score has none).
    continuations: Vec<Vec<u32>>,
    /// Rows of the continuations' inputs, one segment an item that has any.
    rows: BatchLayout,
    /// Segment rows of each item.
    spans: Vec<std::ops::Range<usize>>,
    /// Keys and values of the layers walked: chunk 0 the batch's rows, chunk 1 the continuations'.
    cache: KvCache,
    /// Whether they are needed: where trials continue the texts, even if the unedited model adds nothing to any.
    retain: bool,
    layer: usize,
    /// Residual stream at the layer's input: of the batch, and of the continuations.
    inputs: [Tensor; 2],
    /// States inside the layer, of both.
    states: Option<[BlockStates; 2]>,
}

impl Base {
    /// The part that is the batch: prompts and candidates.
    pub(crate) const BATCH: usize = 0;
    /// The part that is the unedited model's continuations.
    pub(crate) const CONTINUATIONS: usize = 1;

    /// At the input of layer 0.
    pub(crate) fn new(model: &Model, batch: &Batch, continuations: Vec<Vec<u32>>, score: Score) -> Result<Self> {
        let retain = score.generates();
        let mut rows = BatchLayout::default();
        let mut spans = Vec::with_capacity(continuations.len());
        for (item, tokens) in batch.items.iter().zip(&continuations) {
            let start = rows.len();
            let inputs = &tokens[..tokens.len().min(max_tokens(score).saturating_sub(1))];
            if !inputs.is_empty() {
                rows.push(inputs, 0, super::generate::prompt_context(item));
            }
            spans.push(start..rows.len());
        }
        let mut cache = KvCache::new(model.config().n_layers);
        let embed = |rows: &BatchLayout, cache: &mut KvCache| ForwardPass::new(model, rows, cache, false)?.embed();
        let inputs = [embed(&batch.rows, &mut cache)?, embed(&rows, &mut cache)?];
        Ok(Self { continuations, rows, spans, cache, retain, layer: 0, inputs, states: None })
    }

    /// Computes the states inside the current layer.
    pub(crate) fn enter(&mut self, model: &Model, batch: &Batch) -> Result<()> {
        let layer = self.layer;
        let run = |rows: &BatchLayout, x: &Tensor, cache: &mut KvCache| {
            ForwardPass::new(model, rows, cache, false)?.block(layer, x)
        };
        let batch_states = run(&batch.rows, &self.inputs[0], &mut self.cache)?;
        let own_states = if self.rows.len() == 0 {
            batch_states.empty()?
        } else {
            run(&self.rows, &self.inputs[1], &mut self.cache)?
        };
        if !self.retain {
            self.cache.layers[layer].clear();
        }
        self.states = Some([batch_states, own_states]);
        Ok(())
    }

    /// Moves to the next layer.
    pub(crate) fn advance(&mut self) {
        if let Some([batch, own]) = self.states.take() {
            self.inputs = [batch.out, own.out];
            self.layer += 1;
        }
    }

    /// Where a pass over the rows of a part starts when the edit counts from `stage` of the layer on.
    pub(crate) fn start(&self, model: &Model, stage: Stage, part: usize) -> Start {
        let states = || {
            let states = self.states.as_ref().expect("states are there because `enter` was called for this layer");
            &states[part]
        };
        if stage == Stage::Attention {
            return Start::Block(self.layer, self.inputs[part].clone());
        }
        match (stage, states().hidden.clone()) {
            (Stage::Down, Some(hidden)) => Start::Down(self.layer, states().mid.clone(), hidden),
            _ => {
                let input = model.config().is_parallel().then(|| self.inputs[part].clone());
                Start::Mlp(self.layer, MlpStart { mid: states().mid.clone(), input })
            }
        }
    }

    /// The layer whose states are there.
    pub(crate) fn layer(&self) -> usize {
        self.layer
    }

    /// Number of rows of the continuations.
    pub(crate) fn known_rows(&self) -> usize {
        self.rows.len()
    }

    /// The unedited model's continuation of an item.
    #[cfg(test)]
    pub(crate) fn continuation(&self, item: usize) -> &Vec<u32> {
        &self.continuations[item]
    }

    /// The continuations' row of the last of `tokens`, if the unedited model begins the text of `item` with them. They
    /// are a text that goes on.
    pub(crate) fn row_of(&self, item: usize, tokens: &[u32]) -> Option<usize> {
        let span = &self.spans[item];
        let agrees = tokens.len() <= span.len() && self.continuations[item].starts_with(tokens);
        agrees.then(|| span.start + tokens.len() - 1)
    }

    /// Keys and values of the layers whose attention is below `stage`, and nothing of the others.
    pub(crate) fn cache_below(&self, stage: Stage) -> KvCache {
        let attentions = if stage == Stage::Attention { self.layer } else { self.layer + 1 };
        let mut cache = self.cache.clone();
        cache.layers[attentions..].iter_mut().for_each(Vec::clear);
        cache
    }
}

impl Scorer<'_> {
    /// Scores a batch. `base`: start from these states at this stage; otherwise from the tokens. The result has one
    /// list an item of the batch for each variant the model runs side by side.
    pub(crate) fn run(&self, model: &Model, batch: &Batch, base: Option<(&Base, Stage)>) -> Result<Vec<Vec<Scored>>> {
        let generates = self.score.generates();
        let mut cache = KvCache::new(model.config().n_layers);
        let start = base.map_or(Start::Tokens, |(base, stage)| base.start(model, stage, Base::BATCH));
        let pass = ForwardPass::new(model, &batch.rows, &mut cache, false)?;
        let pass = if generates { pass } else { pass.forgetting() };
        let (hidden, copies) = pass.run(start, Some(&batch.keep))?;
        let kept = batch.keep.len();
        let top = if self.score == Score::Top1 && !self.stop_early { TOP } else { 0 };
        let scores = score_rows(model, &hidden, top, |row| &batch.wanted[row % kept])?;
        drop(hidden);
        let continuations = if generates {
            generate(self, model, batch, cache, &scores, copies, base)?
        } else {
            vec![vec![Vec::new(); batch.items.len()]; copies]
        };
        let copy = |(scores, continuations): (&[RowScore], Vec<Vec<u32>>)| -> Result<Vec<Scored>> {
            batch.items.iter().zip(continuations).map(|(item, tokens)| self.judge(item, scores, tokens)).collect()
        };
        scores.chunks_exact(kept).zip(continuations).map(copy).collect()
    }
}
