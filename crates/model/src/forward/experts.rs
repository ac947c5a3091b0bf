//! Experts: each token goes through the few that the router gives the highest probabilities.

use candle_core::{D, DType, Device, Tensor};

use super::ForwardPass;
use crate::config::Experts;
use crate::error::Result;
use crate::weight_id::WeightKind;
use crate::weight_id::WeightKind::{Down, Gate, Router, SharedDown, SharedGate, SharedUp, Up};
use crate::weight_id::{MatrixPart, WeightId};
use laser_kernels::activation::{activate, gated};
use laser_kernels::linear::{linear, repeated};

/// Where one expert's output for a row stands among all experts' outputs.
#[derive(Clone, Copy)]
struct Slot {
    /// Row of the first copy.
    row: usize,
    /// Rows from one copy to the next; 0 where all copies share the row.
    stride: usize,
}

impl ForwardPass<'_> {
    /// `Σ_e p_e·mlp_e(h)` over each row's experts, and the shared one: `h [n, d_model]` → `[n, d_model]`, or more copies.
    pub(super) fn experts(&mut self, layer: usize, h: &Tensor) -> Result<Tensor> {
        let model = self.model;
        let experts = model.config().mlp.experts.expect("the caller asked whether the layer has experts");
        let logits = self.project(WeightId::new(layer, Router), h)?; // [n, experts]
        let h = &repeated(h, logits.dim(0)?)?; // an edited router may have split the rows
        let n = h.dim(0)?;
        let split = self.copies > 1 && n == self.copies * self.kept;
        let (chosen, weights) = route(&logits, experts)?; // rows of each expert; [n, experts]

        let mut outputs = Vec::new(); // of the experts in turn, [rows of the expert, d_model]
        let mut slots: Vec<Vec<Slot>> = vec![Vec::with_capacity(experts.per_token); n];
        let mut total = 0;
        for (expert, rows) in chosen.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let ids = Tensor::new(rows.as_slice(), h.device())?;
            let x = h.index_select(&ids, 0)?; // [rows, d_model]
            let y = self.expert(layer, expert, &x, rows, split)?; // [rows, d_model], or more copies
            let weight = weights.index_select(&ids, 0)?.narrow(D::Minus1, expert, 1)?; // [rows, 1]
            let y = y.broadcast_mul(&repeated(&weight, y.dim(0)?)?)?;
            let stride = if y.dim(0)? > rows.len() { rows.len() } else { 0 };
            for (i, row) in rows.iter().enumerate() {
                slots[*row as usize].push(Slot { row: total + i, stride });
            }
            total += y.dim(0)?;
            outputs.push(y);
        }
        let outputs = Tensor::cat(&outputs, 0)?; // [total, d_model]
        // Where one expert's edit has split the rows, the outputs of the others count for every copy.
        let copies = if split || self.assigned { 1 } else { self.copies };
        let mut sum: Option<Tensor> = None;
        for k in 0..experts.per_token {
            let place = |copy: usize| slots.iter().map(move |of_row| of_row[k].row + copy * of_row[k].stride);
            let ids: Vec<u32> = (0..copies).flat_map(place).map(laser_kernels::batch_layout::position).collect();
            let part = outputs.index_select(&Tensor::new(ids, h.device())?, 0)?; // [copies·n, d_model]
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        let sum = sum.expect("the configuration was refused unless a token has an expert");
        match self.shared_expert(layer, h)? {
            Some(shared) => {
                let n = shared.dim(0)?.max(sum.dim(0)?);
                Ok((repeated(&sum, n)? + repeated(&shared, n)?)?)
            }
            None => Ok(sum),
        }
    }

    /// One expert on its rows, `[rows, d_model]` → the same, or more copies.
    fn expert(&mut self, layer: usize, expert: usize, x: &Tensor, rows: &[u32], split: bool) -> Result<Tensor> {
        let mlp = &self.model.config().mlp;
        let id = |kind: WeightKind| WeightId { layer, part: MatrixPart::Expert(expert), kind };
        let up = self.project_some(id(Up), x, Some(rows), split)?; // [rows, d_expert]
        let hidden = if mlp.gated {
            let gate = self.project_some(id(Gate), x, Some(rows), split)?; // [rows, d_expert]
            gated(&gate, &up, mlp.activation)?
        } else {
            activate(&up, mlp.activation)?
        };
        self.project_some(id(Down), &hidden, Some(rows), split)
    }

    /// `σ(w·h)·mlp(h)` of the expert that sees every row, where there is one.
    fn shared_expert(&mut self, layer: usize, h: &Tensor) -> Result<Option<Tensor>> {
        let model = self.model;
        let Some(weight) = &model.weights().layers[layer].shared_weight else { return Ok(None) };
        let gate = self.project(WeightId::new(layer, SharedGate), h)?; // [n, d_shared]
        let up = self.project(WeightId::new(layer, SharedUp), h)?; // [n, d_shared]
        let hidden = gated(&gate, &up, model.config().mlp.activation)?;
        let y = self.project(WeightId::new(layer, SharedDown), &hidden)?; // [n, d_model], or more copies
        let logit = linear(h, weight, None, None, model.threads())?; // [n, 1]
        let share = ((logit.neg()?.exp()? + 1.0)?.recip())?; // [n, 1]
        Ok(Some(y.broadcast_mul(&repeated(&share, y.dim(0)?)?)?))
    }
}

/// Which rows go through each expert, upwards, and with what weight: `[n, experts]`, 0 where they do not.
fn route(logits: &Tensor, experts: Experts) -> Result<(Vec<Vec<u32>>, Tensor)> {
    let logits = logits.to_dtype(DType::F32)?;
    let (n, count) = logits.dims2()?;
    let host = logits.detach().to_device(&Device::Cpu)?.to_vec2::<f32>()?;
    let mut chosen = vec![Vec::new(); count];
    let mut mask = vec![0f32; n * count];
    for (row, logits) in host.iter().enumerate() {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b))); // the first of equals
        for expert in &order[..experts.per_token] {
            chosen[*expert].push(laser_kernels::batch_layout::position(row));
            mask[row * count + expert] = 1.0;
        }
    }
    let max = logits.max_keepdim(D::Minus1)?.detach(); // a shift, without effect on the value or its gradient
    let exp = logits.broadcast_sub(&max)?.exp()?; // [n, experts]
    let mask = Tensor::from_vec(mask, (n, count), &Device::Cpu)?.to_device(logits.device())?;
    let kept = (&exp * &mask)?;
    let total = if experts.normalised { kept.sum_keepdim(D::Minus1)? } else { exp.sum_keepdim(D::Minus1)? };
    Ok((chosen, kept.broadcast_div(&total)?))
}
