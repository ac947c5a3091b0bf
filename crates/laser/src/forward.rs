//! The forward pass: one generic block, from any layer, from inside it, for chosen rows only.
//!
//! It reads weights and knows no interventions. Where a matrix of the overlay is a stack of variants, the rows
//! split there into one copy for each and stay split; everything before is computed once for all.

pub(crate) mod inputs;
pub(crate) mod rows;
pub(crate) mod taps;
pub mod trace;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::ops::activation::{Activation, gated};
use crate::ops::attention::{Heads, Layout, Scoring, attention};
use crate::ops::linear::{linear, repeated};
use crate::ops::norm::{Norm, NormKind};
use crate::ops::rope::{Tables, rotate};
use crate::ops::softmax::{RowSummary, argmax, summarise};
use crate::ops::with_values;
use crate::weight::WeightKind::{self, Down, Gate, K, O, Q, Up, V};
use rows::{KvCache, KvChunk, Rows};
use taps::Taps;

/// Where a pass starts, with the state cached there.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// From the tokens.
    Tokens,
    /// At the input of a block: `resid_pre [rows, d_model]`.
    Block(usize, Tensor),
    /// At a block's MLP: `resid_mid [rows, d_model]`.
    Mlp(usize, Tensor),
    /// At a block's last matrix: `resid_mid` and the activated hidden state `[rows, d_mlp]`.
    Down(usize, Tensor, Tensor),
}

impl Start {
    /// The same place with the states of some rows.
    pub(crate) fn gather(self, rows: &[usize]) -> Result<Self> {
        let pick = |x| gather(x, Some(rows), 1, 0);
        Ok(match self {
            Self::Tokens => Self::Tokens,
            Self::Block(layer, x) => Self::Block(layer, pick(x)?),
            Self::Mlp(layer, mid) => Self::Mlp(layer, pick(mid)?),
            Self::Down(layer, mid, hidden) => Self::Down(layer, pick(mid)?, pick(hidden)?),
        })
    }

    /// The same place with the rows of `more` after its own.
    ///
    /// # Panics
    /// If `more` is another place.
    pub(crate) fn followed_by(self, more: Self) -> Result<Self> {
        let join = |a: Tensor, b: Tensor| if a.dim(0)? == 0 { Ok(b) } else { Tensor::cat(&[a, b], 0) };
        Ok(match (self, more) {
            (Self::Tokens, Self::Tokens) => Self::Tokens,
            (Self::Block(layer, a), Self::Block(_, b)) => Self::Block(layer, join(a, b)?),
            (Self::Mlp(layer, a), Self::Mlp(_, b)) => Self::Mlp(layer, join(a, b)?),
            (Self::Down(layer, a, c), Self::Down(_, b, d)) => Self::Down(layer, join(a, b)?, join(c, d)?),
            _ => unreachable!("both are states at the same matrix"),
        })
    }
}

/// The states of one block that later passes may start from.
#[derive(Debug, Clone)]
pub(crate) struct BlockStates {
    /// After attention, `[rows, d_model]`.
    pub(crate) mid: Tensor,
    /// The activated hidden state of the MLP, `[rows, d_mlp]`.
    pub(crate) hidden: Tensor,
    /// The block's output, `[rows, d_model]`.
    pub(crate) out: Tensor,
}

/// A pass under way: the rows, how many copies of them there are, and the caches.
pub(crate) struct Pass<'a> {
    model: &'a Model,
    rows: &'a Rows,
    tables: Tables,
    cache: &'a mut KvCache,
    /// Whether each segment's rows belong to one variant; otherwise all rows belong to all variants.
    assigned: bool,
    /// Variants side by side, once a stack of variants has split the rows.
    copies: usize,
    /// Rows of one copy: all of the pass, fewer after [`Pass::select`].
    kept: usize,
    /// Whether the chunks stay in the cache for later passes.
    retain: bool,
    /// Matrices whose inputs and outputs a differentiation wants.
    taps: Option<&'a mut Taps>,
}

impl<'a> Pass<'a> {
    /// A pass over `rows`. It appends one chunk to every layer of `cache` whose attention it runs.
    ///
    /// With `assigned`, each segment's `variant` says which variant its rows belong to; otherwise all rows run in
    /// all variants, in one copy each.
    pub(crate) fn new(model: &'a Model, rows: &'a Rows, cache: &'a mut KvCache, assigned: bool) -> Result<Self> {
        let rope = &model.config().rope;
        let (cos, sin) = rope.tables(&rows.positions, rows.sequence_len());
        let table = |values| -> Result<Tensor> {
            Ok(Tensor::from_vec(values, (rows.len(), rope.dim / 2), &Device::Cpu)?.to_device(model.device())?)
        };
        let tables = Tables { cos: table(cos)?, sin: table(sin)? };
        Ok(Self { model, rows, tables, cache, assigned, copies: 1, kept: rows.len(), retain: true, taps: None })
    }

    /// The same pass without leaving its keys and values behind, where no later pass needs them.
    pub(crate) fn forgetting(self) -> Self {
        Self { retain: false, ..self }
    }

    /// The same pass with taps on some matrices.
    pub(crate) fn tapped(self, taps: &'a mut Taps) -> Self {
        Self { taps: Some(taps), ..self }
    }

    /// Runs from `start` through the last block. `keep`: the rows needed after the last attention, `None` for all.
    /// Returns `[copies·kept, d_model]`, before the final norm, and the number of copies.
    pub(crate) fn run(mut self, start: Start, keep: Option<&[usize]>) -> Result<(Tensor, usize)> {
        let n_layers = self.model.config().n_layers;
        let keep = |layer: usize| keep.filter(|_| layer + 1 == n_layers);
        let (mut layer, mut x) = match start {
            Start::Tokens => (0, self.embed()?),
            Start::Block(layer, x) => (layer, x),
            Start::Mlp(layer, mid) => {
                let mid = self.select(mid, keep(layer))?;
                (layer + 1, self.mlp(layer, &mid)?.1)
            }
            Start::Down(layer, mid, hidden) => {
                let hidden = gather(hidden, keep(layer), 1, self.rows.len())?;
                let mid = self.select(mid, keep(layer))?;
                (layer + 1, self.last(layer, &hidden, &mid)?)
            }
        };
        while layer < n_layers {
            x = self.step(layer, &x, keep(layer))?;
            layer += 1;
        }
        Ok((x, self.copies))
    }

    /// One block, `[copies·rows, d_model]` → `[copies·kept, d_model]`. `keep`: the rows needed after its attention.
    pub(crate) fn step(&mut self, layer: usize, x: &Tensor, keep: Option<&[usize]>) -> Result<Tensor> {
        let mid = self.attention(layer, x)?;
        let mid = self.select(mid, keep)?;
        Ok(self.mlp(layer, &mid)?.1)
    }

    /// Runs from the tokens up to the matrix `kind` of `layer`, where another pass may start.
    pub(crate) fn reach(mut self, layer: usize, kind: WeightKind) -> Result<Start> {
        let mut x = self.embed()?; // [rows, d_model]
        for below in 0..layer {
            x = self.block(below, &x)?.out;
        }
        if matches!(kind, Q | K | V | O) {
            return Ok(Start::Block(layer, x));
        }
        let mid = self.attention(layer, &x)?; // [rows, d_model]
        if matches!(kind, Gate | Up) {
            return Ok(Start::Mlp(layer, mid));
        }
        let hidden = self.gated(layer, &mid)?; // [rows, d_mlp]
        Ok(Start::Down(layer, mid, hidden))
    }

    /// The tokens' embeddings, `[rows, d_model]`.
    pub(crate) fn embed(&self) -> Result<Tensor> {
        let vocab = self.model.config().vocab_size;
        if let Some(bad) = self.rows.tokens.iter().find(|t| **t as usize >= vocab) {
            return Err(Error::setting("token", format!("id {bad} is outside the vocabulary of {vocab}")));
        }
        self.model.weights().embedding.rows(&self.rows.tokens)
    }

    /// One block, keeping the states inside it.
    pub(crate) fn block(&mut self, layer: usize, x: &Tensor) -> Result<BlockStates> {
        let mid = self.attention(layer, x)?;
        let (hidden, out) = self.mlp(layer, &mid)?;
        Ok(BlockStates { mid, hidden, out })
    }

    /// `x + o(attention(norm(x)))`: `[copies·rows, d_model]` → the same, or more copies.
    fn attention(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let a = self.attend(layer, x)?;
        self.project_onto(layer, O, &a, x)
    }

    /// `attention(norm(x))`: `[copies·rows, d_model]` → `[copies·rows, n_heads·d_head]`, or more copies.
    fn attend(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let c = self.model.config();
        let norm = &self.model.weights().layers[layer].attention_norm;
        let h = rms(norm, c.norm_eps).apply(x)?; // [copies·rows, d_model]
        let (q, k, v) = (self.project(layer, Q, &h)?, self.project(layer, K, &h)?, self.project(layer, V, &h)?);
        // A sibling may have split the rows: all three get the same number of copies.
        let n = self.copies * self.kept;
        let (q, k, v) = (repeated(&q, n)?, repeated(&k, n)?, repeated(&v, n)?);
        let q = rotate(&q, &self.tables, c.d_head)?; // [copies·rows, n_heads·d_head]
        let k = rotate(&k, &self.tables, c.d_head)?; // [copies·rows, n_kv_heads·d_head]
        let stride = if self.copies > 1 { self.rows.len() } else { 0 };
        let chunks = &mut self.cache.layers[layer];
        chunks.push(KvChunk { k, v, stride });
        let layout = Layout { segments: &self.rows.segments, copies: self.copies, rows: self.rows.len() };
        let scale = 1.0 / (c.d_head as f32).sqrt();
        let scoring = Scoring { scale, softcap: None, slopes: None, window: c.windows[layer], causal: true };
        let heads = Heads { n_heads: c.n_heads, n_kv_heads: c.n_kv_heads, d_head: c.d_head };
        let a = attention(&q, chunks, heads, scoring, layout, self.model.threads())?; // [copies·rows, n_heads·d_head]
        if !self.retain {
            chunks.pop();
        }
        Ok(a)
    }

    /// `x + down(silu(gate(norm(x)))·up(norm(x)))`: the activated hidden state and the block's output.
    fn mlp(&mut self, layer: usize, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let hidden = self.gated(layer, x)?; // [copies·kept, d_mlp]
        let out = self.last(layer, &hidden, x)?; // [copies·kept, d_model]
        Ok((hidden, out))
    }

    /// `silu(gate(norm(x)))·up(norm(x))`.
    fn gated(&mut self, layer: usize, x: &Tensor) -> Result<Tensor> {
        let norm = &self.model.weights().layers[layer].mlp_norm;
        let h = rms(norm, self.model.config().norm_eps).apply(x)?; // [copies·kept, d_model]
        let gate = self.project(layer, Gate, &h)?; // [copies·kept, d_mlp]
        let up = self.project(layer, Up, &h)?; // [copies·kept, d_mlp]
        gated(&gate, &up, Activation::Silu) // [copies·kept, d_mlp]
    }

    /// `x + down(hidden)`, the end of every block.
    fn last(&mut self, layer: usize, hidden: &Tensor, x: &Tensor) -> Result<Tensor> {
        let out = self.project_onto(layer, Down, hidden, x)?; // [copies·kept, d_model]
        self.model.meter().add_block(out.dim(0)?);
        Ok(out)
    }

    /// One linear layer, `[n, in]` → `[n, out]`; rows that are not split yet split at a stack of variants.
    fn project(&mut self, layer: usize, kind: WeightKind, x: &Tensor) -> Result<Tensor> {
        let threads = self.model.threads();
        let (weight, bias) = self.model.dense(layer, kind);
        let Some(variants) = self.model.variants(layer, kind) else {
            return self.tap(kind, x, linear(x, weight, bias, None, threads)?);
        };
        if self.assigned {
            let blocks = self.rows.variant_blocks(variants.len());
            return variants.apply(x, bias, Some(&blocks), threads);
        }
        if self.copies > 1 && x.dim(0)? == self.copies * self.kept {
            let blocks: Vec<_> = (0..self.copies).map(|v| v * self.kept..(v + 1) * self.kept).collect();
            return variants.apply(x, bias, Some(&blocks), threads);
        }
        self.copies = variants.len();
        variants.apply(x, bias, None, threads)
    }

    /// `residual + linear(x)`, the residual repeated for each copy where the rows were split meanwhile.
    fn project_onto(&mut self, layer: usize, kind: WeightKind, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        if self.model.variants(layer, kind).is_none() {
            let (weight, bias) = self.model.dense(layer, kind);
            let y = linear(x, weight, bias, Some(residual), self.model.threads())?;
            return self.tap(kind, x, y);
        }
        let y = self.project(layer, kind, x)?;
        Ok((repeated(residual, y.dim(0)?)? + y)?)
    }

    /// The output `y` of a matrix with input `x`, through its tap where there is one.
    fn tap(&mut self, kind: WeightKind, x: &Tensor, y: Tensor) -> Result<Tensor> {
        match &mut self.taps {
            Some(taps) => taps.tap(kind, x, y),
            None => Ok(y),
        }
    }

    /// Keeps some rows of every copy.
    fn select(&mut self, x: Tensor, keep: Option<&[usize]>) -> Result<Tensor> {
        let copies = x.dim(0)? / self.kept.max(1);
        let selected = gather(x, keep, copies, self.rows.len())?;
        self.kept = keep.map_or(self.kept, <[usize]>::len);
        Ok(selected)
    }
}

/// RMS normalisation with weight `w [width]`.
pub(crate) fn rms(w: &Tensor, eps: f64) -> Norm {
    Norm { kind: NormKind::Rms, weight: w.clone(), bias: None, eps }
}

/// The rows `keep` of each of `copies` blocks of `rows` rows; everything for `None`.
pub(crate) fn gather(x: Tensor, keep: Option<&[usize]>, copies: usize, rows: usize) -> Result<Tensor> {
    let Some(keep) = keep else { return Ok(x) };
    let ids: Vec<u32> =
        (0..copies).flat_map(|copy| keep.iter().map(move |row| rows::position(copy * rows + row))).collect();
    Ok(x.index_select(&Tensor::new(ids, x.device())?, 0)?)
}

/// What the model says at one row.
#[derive(Debug, Clone)]
pub(crate) struct RowScore {
    /// Most likely token and log-partition.
    pub(crate) summary: RowSummary,
    /// Log-probabilities (nats) of the tokens asked for.
    pub(crate) logprobs: Vec<f64>,
    /// By how much each of them exceeds the most likely other token's, nats.
    pub(crate) margins: Vec<f64>,
}

/// Rows of logits computed at once: bounds their buffer to `128·vocab` values.
const HEAD_ROWS: usize = 128;

/// Runs the output head over `hidden [n, d_model]` and summarises each row. `wanted(row)`: tokens to score there.
pub(crate) fn score_rows<'t>(
    model: &Model,
    hidden: &Tensor,
    wanted: impl Fn(usize) -> &'t [u32] + Sync,
) -> Result<Vec<RowScore>> {
    each_row(model, hidden, |row, logits| {
        let summary = summarise(logits);
        let logit = |t: &u32| logits[*t as usize];
        let logprobs = wanted(row).iter().map(|t| f64::from(logit(t)) - summary.log_partition).collect();
        let margins = wanted(row).iter().map(|t| summary.margin(*t, logit(t))).collect();
        summary.log_partition.is_finite().then_some(RowScore { summary, logprobs, margins })
    })
}

/// Runs the output head over `hidden [n, d_model]`: the most likely token of each row, the first of equals.
pub(crate) fn most_likely(model: &Model, hidden: &Tensor) -> Result<Vec<u32>> {
    each_row(model, hidden, |_, logits| argmax(logits))
}

/// `f` of each row's number and logits; `None` means that they are not finite.
fn each_row<R: Send>(model: &Model, hidden: &Tensor, f: impl Fn(usize, &[f32]) -> Option<R> + Sync) -> Result<Vec<R>> {
    let n = hidden.dim(0)?;
    let mut done = Vec::with_capacity(n);
    for start in (0..n).step_by(HEAD_ROWS) {
        let rows = HEAD_ROWS.min(n - start);
        let logits = model.head(&hidden.narrow(0, start, rows)?)?.to_device(&Device::Cpu)?; // [rows, vocab]
        let vocab = logits.dim(1)?;
        let chunk: Result<Vec<R>> = with_values(&logits, |logits| {
            let of_row = |(i, logits): (usize, &[f32])| {
                let place = || format!("row {} of a pass", start + i);
                f(start + i, logits).ok_or_else(|| Error::NotFinite { what: "logits".into(), place: place() })
            };
            if model.threads() > 1 {
                logits.par_chunks_exact(vocab).enumerate().map(of_row).collect()
            } else {
                logits.chunks_exact(vocab).enumerate().map(of_row).collect()
            }
        })?;
        done.extend(chunk?);
    }
    Ok(done)
}

impl BlockStates {
    /// States of no rows, of the same widths.
    pub(crate) fn empty(&self) -> Result<Self> {
        let none = |x: &Tensor| x.narrow(0, 0, 0);
        Ok(Self { mid: none(&self.mid)?, hidden: none(&self.hidden)?, out: none(&self.out)? })
    }
}
