//! The matrices of a model: their shapes, and the stored matrices that make up an editable one.
//!
//! A stored matrix is one that the model holds by itself (q, gate, one expert's down …). An editable matrix is a stored
//! one, several of them as one (`qkv`), or a part of them (the rows of one head group).

use std::ops::Range;

use super::{Mixer, ModelConfig};
use crate::error::Error;
use crate::weight_id::WeightKind::{
    ConvIn, ConvOut, Down, Gate, GateUp, K, O, Q, Qkv, Router, SharedDown, SharedGate, SharedUp, Up, V,
};
use crate::weight_id::{MatrixPart, WeightId, WeightKind};

/// Part of a stored matrix that belongs to an editable matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The stored matrix.
    pub id: WeightId,
    /// Rows of the stored matrix that belong to the editable one.
    pub rows: Range<usize>,
    /// Columns of the stored matrix that belong to the editable one.
    pub cols: Range<usize>,
}

impl ModelConfig {
    /// The stored matrices of a layer, in the order of the forward pass.
    pub fn stored(&self, layer: usize) -> Vec<WeightId> {
        let mixer: &[WeightKind] = match self.mixer(layer) {
            Mixer::Attention => &[Q, K, V, O],
            Mixer::Convolution(_) => &[ConvIn, ConvOut],
        };
        let mut ids: Vec<_> = mixer.iter().map(|kind| WeightId::new(layer, *kind)).collect();
        let mlp: &[WeightKind] = if self.mlp.gated { &[Gate, Up, Down] } else { &[Up, Down] };
        let Some(experts) = self.mlp.experts.filter(|_| self.has_experts(layer)) else {
            ids.extend(mlp.iter().map(|kind| WeightId::new(layer, *kind)));
            return ids;
        };
        ids.push(WeightId::new(layer, Router));
        for expert in 0..experts.count {
            ids.extend(mlp.iter().map(|kind| WeightId { layer, part: MatrixPart::Expert(expert), kind: *kind }));
        }
        if experts.d_shared > 0 {
            ids.extend([SharedGate, SharedUp, SharedDown].map(|kind| WeightId::new(layer, kind)));
        }
        ids
    }

    /// Kinds of matrices in any layer, in the order of the forward pass, then the kinds that are several matrices as
    /// one.
    pub fn kinds(&self) -> Vec<WeightKind> {
        let mut kinds: Vec<WeightKind> = Vec::new();
        for id in (0..self.n_layers).flat_map(|layer| self.stored(layer)) {
            if !kinds.contains(&id.kind) {
                kinds.push(id.kind);
            }
        }
        kinds.extend(kinds.contains(&Q).then_some(Qkv));
        kinds.extend(self.mlp.gated.then_some(GateUp));
        kinds
    }

    /// Parts of stored matrices that make up an editable matrix, one below the other in this order. `None` if the model
    /// has no such matrix.
    pub fn pieces(&self, id: WeightId) -> Option<Vec<Piece>> {
        if id.layer >= self.n_layers {
            return None;
        }
        let (part, group) = match id.part {
            MatrixPart::Group(group) if group < self.n_kv_heads && id.kind.is_attention() => {
                (MatrixPart::Whole, Some(group))
            }
            MatrixPart::Group(_) => return None,
            part => (part, None),
        };
        let heads = self.n_heads / self.n_kv_heads; // query heads of one head group
        let piece = |kind: WeightKind| {
            let id = WeightId { layer: id.layer, part, kind };
            let [out, width] = self.stored_shape(id)?;
            let of_group = |d: usize| group.map(|g| g * d..(g + 1) * d);
            let (queries, keys) = (of_group(heads * self.d_head), of_group(self.d_head));
            let (rows, cols) = match kind {
                Q => (queries, None),
                K | V => (keys, None),
                O => (None, queries),
                _ => (None, None),
            };
            Some(Piece { id, rows: rows.unwrap_or(0..out), cols: cols.unwrap_or(0..width) })
        };
        id.kind.members().into_iter().map(piece).collect()
    }

    /// Shape `[out, in]` of an editable matrix.
    ///
    /// # Panics
    /// If the model has no such matrix; [`ModelConfig::pieces`] is `None` then.
    pub fn shape(&self, id: WeightId) -> [usize; 2] {
        let pieces = self.pieces(id).unwrap_or_else(|| panic!("{id}: the caller made sure that the model has it"));
        [pieces.iter().map(|piece| piece.rows.len()).sum(), pieces[0].cols.len()]
    }

    /// Largest rank of an editable matrix: `min(out, in)`.
    ///
    /// # Panics
    /// As [`ModelConfig::shape`].
    pub fn max_rank(&self, id: WeightId) -> usize {
        let [rows, cols] = self.shape(id);
        rows.min(cols)
    }

    /// The error that the model has no such matrix.
    pub fn no_matrix(&self, id: WeightId) -> Error {
        let problem = if id.layer >= self.n_layers {
            format!("there is no layer {}: the model has layers 0 to {}", id.layer, self.n_layers - 1)
        } else {
            let stored = self.stored(id.layer).into_iter().map(|id| id.in_layer());
            let names = summary(&stored.collect::<Vec<_>>());
            let attention = match self.mixer(id.layer) {
                Mixer::Attention => ", and qkv; h<group>. stands before those of attention",
                Mixer::Convolution(_) => "",
            };
            format!("no such matrix in layer {}; it has {names}{attention}", id.layer)
        };
        Error::NoMatrix { matrix: id.to_string(), problem }
    }

    /// Whether two editable matrices share values, such as `qkv` and `h2.q_proj` of one layer.
    pub fn overlap(&self, a: WeightId, b: WeightId) -> bool {
        let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        let (a, b) = (self.pieces(a).unwrap_or_default(), self.pieces(b).unwrap_or_default());
        let common = |a: &Piece, b: &Piece| a.id == b.id && meet(&a.rows, &b.rows) && meet(&a.cols, &b.cols);
        a.iter().any(|a| b.iter().any(|b| common(a, b)))
    }

    /// Shape `[out, in]` of a stored matrix; `None` if the model has no such matrix.
    fn stored_shape(&self, id: WeightId) -> Option<[usize; 2]> {
        let (q, kv) = (self.n_heads * self.d_head, self.n_kv_heads * self.d_head);
        let experts = self.mlp.experts.filter(|_| self.has_experts(id.layer));
        let d_mlp = match (id.part, experts) {
            (MatrixPart::Whole, None) => Some(self.d_mlp),
            (MatrixPart::Expert(expert), Some(experts)) if expert < experts.count => Some(experts.d_expert),
            _ => None,
        };
        let whole = id.part == MatrixPart::Whole;
        let shared = experts.map(|experts| experts.d_shared).filter(|d| whole && *d > 0);
        let attends = whole && self.mixer(id.layer) == Mixer::Attention;
        let convolves = whole && !attends;
        Some(match id.kind {
            Q if attends => [q, self.d_model],
            K | V if attends => [kv, self.d_model],
            O if attends => [self.d_model, q],
            ConvIn if convolves => [self.d_model.checked_mul(3)?, self.d_model],
            ConvOut if convolves => [self.d_model, self.d_model],
            Gate if self.mlp.gated => [d_mlp?, self.d_model],
            Up => [d_mlp?, self.d_model],
            Down => [self.d_model, d_mlp?],
            Router if whole => [experts?.count, self.d_model],
            SharedGate | SharedUp => [shared?, self.d_model],
            SharedDown => [self.d_model, shared?],
            _ => return None,
        })
    }

    /// Whether a stored matrix has a bias.
    pub fn has_bias(&self, id: WeightId) -> bool {
        match id.kind {
            Q | K | V => self.bias.qkv,
            O => self.bias.o,
            Gate | Up | Down => self.bias.mlp,
            ConvIn | ConvOut => self.convolution().is_some_and(|convolution| convolution.biased),
            Router | SharedGate | SharedUp | SharedDown | Qkv | GateUp => false,
        }
    }
}

/// The names as a list; of a long list, the first 13 and the last.
fn summary(names: &[String]) -> String {
    match names {
        [first @ .., last] if first.len() > 14 => format!("{}, …, {last}", first[..13].join(", ")),
        names => names.join(", "),
    }
}
