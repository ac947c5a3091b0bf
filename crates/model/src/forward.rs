//! The forward pass: one generic block, from any layer, from inside it, for chosen rows only.
//!
//! It reads weights and knows no interventions. Where a matrix of the overlay is a stack of variants, the rows
//! split there into one copy for each and stay split; everything before is computed once for all.

mod attend;
mod embed;
mod experts;
pub mod inputs;
mod mlp;
mod project;
mod scores;
pub mod taps;
pub mod trace;
pub mod trajectory;

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::model::Model;
use crate::weight_id::Stage;
use laser_kernels::batch_layout::{self, BatchLayout, KvCache};
use laser_kernels::rope::Tables;
pub use scores::{RowScore, most_likely, score_rows};
use taps::Taps;

/// Where a pass starts, with the state cached there.
#[derive(Debug, Clone)]
pub enum Start {
    /// From the tokens.
    Tokens,
    /// At the input of a block: `resid_pre [rows, d_model]`.
    Block(usize, Tensor),
    /// At a block's MLP.
    Mlp(usize, MlpStart),
    /// At a block's last matrix: `resid_mid` and the activated hidden state `[rows, d_mlp]`.
    Down(usize, Tensor, Tensor),
}

/// The state at a block's MLP.
#[derive(Debug, Clone)]
pub struct MlpStart {
    /// `resid_mid [rows, d_model]`.
    pub mid: Tensor,
    /// What the MLP reads where that is not `mid`: the block's input, `[rows, d_model]`.
    pub input: Option<Tensor>,
}

impl Start {
    /// The same place with the states of some rows.
    pub fn gather(self, rows: &[usize]) -> Result<Self> {
        let pick = |x| gather(x, Some(rows), 1, 0);
        Ok(match self {
            Self::Tokens => Self::Tokens,
            Self::Block(layer, x) => Self::Block(layer, pick(x)?),
            Self::Mlp(layer, MlpStart { mid, input }) => {
                Self::Mlp(layer, MlpStart { mid: pick(mid)?, input: input.map(pick).transpose()? })
            }
            Self::Down(layer, mid, hidden) => Self::Down(layer, pick(mid)?, pick(hidden)?),
        })
    }

    /// The same place with the rows of `more` after its own.
    ///
    /// # Panics
    /// If `more` is another place.
    pub fn followed_by(self, more: Self) -> Result<Self> {
        let join = |a: Tensor, b: Tensor| if a.dim(0)? == 0 { Ok(b) } else { Tensor::cat(&[a, b], 0) };
        Ok(match (self, more) {
            (Self::Tokens, Self::Tokens) => Self::Tokens,
            (Self::Block(layer, a), Self::Block(_, b)) => Self::Block(layer, join(a, b)?),
            (Self::Mlp(layer, a), Self::Mlp(_, b)) => {
                let input = a.input.zip(b.input).map(|(a, b)| join(a, b)).transpose()?;
                Self::Mlp(layer, MlpStart { mid: join(a.mid, b.mid)?, input })
            }
            (Self::Down(layer, a, c), Self::Down(_, b, d)) => Self::Down(layer, join(a, b)?, join(c, d)?),
            _ => unreachable!("both are states at the same matrix"),
        })
    }
}

/// The states of one block that later passes may start from.
#[derive(Debug, Clone)]
pub struct BlockStates {
    /// After attention, `[rows, d_model]`.
    pub mid: Tensor,
    /// The activated hidden state of the MLP, `[rows, d_mlp]`; `None` where there are experts.
    pub hidden: Option<Tensor>,
    /// The block's output, `[rows, d_model]`.
    pub out: Tensor,
}

/// A pass under way: the rows, how many copies of them there are, and the caches.
pub struct ForwardPass<'a> {
    model: &'a Model,
    rows: &'a BatchLayout,
    /// Of each kind of rotary positions the model has.
    tables: Vec<Tables>,
    cache: &'a mut KvCache,
    /// Whether each segment's rows belong to one variant; otherwise all rows belong to all variants.
    assigned: bool,
    /// Variants side by side, once a stack of variants has split the rows.
    copies: usize,
    /// Rows of one copy: all of the pass, fewer after [`ForwardPass::select`].
    kept: usize,
    /// Whether the chunks stay in the cache for later passes.
    retain: bool,
    /// Matrices whose inputs and outputs a differentiation wants.
    taps: Option<&'a mut Taps>,
}

impl<'a> ForwardPass<'a> {
    /// A pass over `rows`. It appends one chunk to every layer of `cache` whose attention it runs.
    ///
    /// With `assigned`, each segment's `variant` says which variant its rows belong to; otherwise all rows run in
    /// all variants, in one copy each.
    pub fn new(model: &'a Model, rows: &'a BatchLayout, cache: &'a mut KvCache, assigned: bool) -> Result<Self> {
        let mut tables = Vec::new();
        for rope in &model.config().attention.ropes {
            let (cos, sin) = rope.tables(&rows.positions, rows.sequence_len());
            let table = |values| -> Result<Tensor> {
                Ok(Tensor::from_vec(values, (rows.len(), rope.dim / 2), &Device::Cpu)?.to_device(model.device())?)
            };
            tables.push(Tables { cos: table(cos)?, sin: table(sin)? });
        }
        Ok(Self { model, rows, tables, cache, assigned, copies: 1, kept: rows.len(), retain: true, taps: None })
    }

    /// The same pass without leaving its keys and values behind, where no later pass needs them.
    pub fn forgetting(self) -> Self {
        Self { retain: false, ..self }
    }

    /// The same pass with taps on some matrices.
    pub fn tapped(self, taps: &'a mut Taps) -> Self {
        Self { taps: Some(taps), ..self }
    }

    /// Runs from `start` through the last block. `keep`: the rows needed after the last attention, `None` for all.
    /// Returns `[copies·kept, d_model]`, before the final norm, and the number of copies.
    pub fn run(mut self, start: Start, keep: Option<&[usize]>) -> Result<(Tensor, usize)> {
        let n_layers = self.model.config().n_layers;
        let keep = |layer: usize| keep.filter(|_| layer + 1 == n_layers);
        let (mut layer, mut x) = match start {
            Start::Tokens => (0, self.embed()?),
            Start::Block(layer, x) => (layer, x),
            Start::Mlp(layer, MlpStart { mid, input }) => {
                let input = input.unwrap_or_else(|| mid.clone());
                let (mid, input) = self.select(mid, input, keep(layer))?;
                (layer + 1, self.mlp(layer, &mid, &input)?.1)
            }
            Start::Down(layer, mid, hidden) => {
                let (mid, hidden) = self.select(mid, hidden, keep(layer))?;
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
    pub fn step(&mut self, layer: usize, x: &Tensor, keep: Option<&[usize]>) -> Result<Tensor> {
        let mid = self.attention(layer, x)?;
        let input = self.mlp_input(x, &mid);
        let (mid, input) = self.select(mid, input, keep)?;
        Ok(self.mlp(layer, &mid, &input)?.1)
    }

    /// Runs from the tokens up to a stage of `layer`, where another pass may start.
    pub fn reach(mut self, layer: usize, stage: Stage) -> Result<Start> {
        let mut x = self.embed()?; // [rows, d_model]
        for below in 0..layer {
            x = self.block(below, &x)?.out;
        }
        if stage == Stage::Attention {
            return Ok(Start::Block(layer, x));
        }
        let mid = self.attention(layer, &x)?; // [rows, d_model]
        if stage == Stage::Mlp {
            let input = self.model.config().is_parallel().then_some(x);
            return Ok(Start::Mlp(layer, MlpStart { mid, input }));
        }
        let hidden = self.activated(layer, &self.mlp_input(&x, &mid))?; // [rows, d_mlp]
        Ok(Start::Down(layer, mid, hidden))
    }

    /// One block, keeping the states inside it.
    pub fn block(&mut self, layer: usize, x: &Tensor) -> Result<BlockStates> {
        let mid = self.attention(layer, x)?;
        let (hidden, out) = self.mlp(layer, &mid, &self.mlp_input(x, &mid))?;
        Ok(BlockStates { mid, hidden, out })
    }

    /// What the MLP reads: the stream after attention, or the block's input where the two run side by side.
    fn mlp_input(&self, x: &Tensor, mid: &Tensor) -> Tensor {
        if self.model.config().is_parallel() { x.clone() } else { mid.clone() }
    }

    /// Keeps some rows of every copy of two states, which may have different numbers of copies.
    fn select(&mut self, a: Tensor, b: Tensor, keep: Option<&[usize]>) -> Result<(Tensor, Tensor)> {
        let rows = self.kept;
        let select = |x: Tensor| {
            let copies = x.dim(0)? / rows.max(1);
            gather(x, keep, copies, rows)
        };
        let selected = (select(a)?, select(b)?);
        self.kept = keep.map_or(rows, <[usize]>::len);
        Ok(selected)
    }
}

/// The rows `keep` of each of `copies` blocks of `rows` rows; everything for `None`.
pub fn gather(x: Tensor, keep: Option<&[usize]>, copies: usize, rows: usize) -> Result<Tensor> {
    let Some(keep) = keep else { return Ok(x) };
    let ids: Vec<u32> =
        (0..copies).flat_map(|copy| keep.iter().map(move |row| batch_layout::position(copy * rows + row))).collect();
    Ok(x.index_select(&Tensor::new(ids, x.device())?, 0)?)
}

impl BlockStates {
    /// States of no rows, of the same widths.
    pub fn empty(&self) -> Result<Self> {
        let none = |x: &Tensor| x.narrow(0, 0, 0);
        let hidden = self.hidden.as_ref().map(none).transpose()?;
        Ok(Self { mid: none(&self.mid)?, hidden, out: none(&self.out)? })
    }
}
