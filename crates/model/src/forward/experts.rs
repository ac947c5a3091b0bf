//! A mixture of experts instead of an MLP: each row goes through the few experts that the router chooses, and through
//! the shared expert if the family has one.

use candle_core::{D, Tensor};

use super::ForwardPass;
use super::router::route;
use crate::error::Result;
use crate::weight_id::WeightKind;
use crate::weight_id::WeightKind::{Down, Gate, Router, SharedDown, SharedGate, SharedUp, Up};
use crate::weight_id::{MatrixPart, WeightId};
use laser_kernels::activation::activate;
use laser_kernels::linear::{linear, repeat_rows};

/// Place of one expert's output for one row, in the outputs of all experts one below the other.
#[derive(Clone, Copy)]
struct OutputRow {
    /// Row of the first copy.
    row: usize,
    /// Number of rows from one copy to the next; 0 if all copies share the row.
    stride: usize,
}

impl ForwardPass<'_> {
    /// `Σ_e p_e·expert_e(h)` over each row's experts, plus the shared expert: `h [n, d_model]` → `[n, d_model]`, or
    /// more copies.
    pub(super) fn experts(&mut self, layer: usize, h: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let experts = model.config().mlp.experts.expect("the caller asked whether the layer has experts");
        let logits = self.project(WeightId::new(layer, Router), h)?; // [n, experts], or more copies
        // Variants of the router have split the rows, and each copy goes to experts of its own.
        let h = &repeat_rows(h, logits.dim(0)?)?; // [n, d_model]
        let n = h.dim(0)?;
        let split = self.copies > 1 && n == self.copies * self.rows_per_copy;
        let correction = model.weights().layers[layer].expert_correction.as_ref();
        let (chosen, weights) = route(&logits, experts, correction)?; // rows of each expert; [n, experts]

        let mut outputs = Vec::new(); // of each expert in turn, [rows of the expert, d_model]
        let mut places: Vec<Vec<OutputRow>> = vec![Vec::with_capacity(experts.per_token); n];
        let mut total = 0;
        for (expert, rows) in chosen.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let ids = Tensor::new(rows.as_slice(), h.device())?; // [rows]
            let x = h.index_select(&ids, 0)?; // [rows, d_model]
            let y = self.expert(layer, expert, &x, rows, split)?; // [rows, d_model], or more copies
            let weight = weights.index_select(&ids, 0)?.narrow(D::Minus1, expert, 1)?; // [rows, 1]
            let y = y.broadcast_mul(&repeat_rows(&weight, y.dim(0)?)?)?; // [rows, d_model], or more copies
            let stride = if y.dim(0)? > rows.len() { rows.len() } else { 0 };
            for (i, row) in rows.iter().enumerate() {
                places[*row as usize].push(OutputRow { row: total + i, stride });
            }
            total += y.dim(0)?;
            outputs.push(y);
        }
        let outputs = Tensor::cat(&outputs, 0)?; // [total, d_model]
        // If variants of one expert have split the rows just now, the outputs of the other experts count in every copy.
        let copies = if split || self.rows_have_variants { 1 } else { self.copies };
        let mut sum: Option<Tensor> = None;
        for k in 0..experts.per_token {
            let place = |copy: usize| places.iter().map(move |of_row| of_row[k].row + copy * of_row[k].stride);
            let ids: Vec<u32> = (0..copies).flat_map(place).map(laser_kernels::batch_layout::index_u32).collect();
            let part = outputs.index_select(&Tensor::new(ids, h.device())?, 0)?; // [copies·n, d_model]
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        let sum = sum.expect("the configuration was refused unless a token has an expert"); // [copies·n, d_model]
        match self.shared_expert(layer, h)? {
            Some(shared) => {
                let n = shared.dim(0)?.max(sum.dim(0)?);
                Ok((repeat_rows(&sum, n)? + repeat_rows(&shared, n)?)?)
            }
            None => Ok(sum),
        }
    }

    /// One expert on its rows `rows` of the pass: `x [rows, d_model]` → the same shape, or more copies.
    fn expert(&mut self, layer: usize, expert: usize, x: &Tensor, rows: &[u32], split: bool) -> Result<Tensor> {
        let c = self.model.config();
        let id = |kind: WeightKind| WeightId { layer, part: MatrixPart::Expert(expert), kind };
        let up = self.project_some(id(Up), x, Some(rows), split)?; // [rows, d_expert]
        let hidden = if c.mlp.gated {
            let gate = self.project_some(id(Gate), x, Some(rows), split)?; // [rows, d_expert]
            self.gated(layer, &gate, &up)? // [rows, d_expert]
        } else {
            activate(&up, c.activation(layer))? // [rows, d_expert]
        };
        self.project_some(id(Down), &hidden, Some(rows), split)
    }

    /// The shared expert, through which every row goes: `σ(w·h)·expert(h)`, or `expert(h)` without a gate,
    /// `h [n, d_model]` → `[n, d_model]`, or more copies. `None` if the family has none.
    fn shared_expert(&mut self, layer: usize, h: &Tensor) -> Result<Option<Tensor>> {
        let model = self.model;
        if model.config().mlp.experts.is_none_or(|experts| experts.d_shared == 0) {
            return Ok(None);
        }
        let gate = self.project(WeightId::new(layer, SharedGate), h)?; // [n, d_shared]
        let up = self.project(WeightId::new(layer, SharedUp), h)?; // [n, d_shared]
        let hidden = self.gated(layer, &gate, &up)?; // [n, d_shared]
        let y = self.project(WeightId::new(layer, SharedDown), &hidden)?; // [n, d_model], or more copies
        let Some(weight) = &model.weights().layers[layer].shared_expert_gate else { return Ok(Some(y)) };
        let logit = linear(h, weight, None, None, model.threads())?; // [n, 1]
        let share = ((logit.neg()?.exp()? + 1.0)?.recip())?; // [n, 1]
        Ok(Some(y.broadcast_mul(&repeat_rows(&share, y.dim(0)?)?)?))
    }
}
