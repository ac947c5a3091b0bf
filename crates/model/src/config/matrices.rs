//! The matrices of a model: their shapes, and the stored matrices that make up an editable one.
//!
//! A stored matrix is one that the model holds by itself (q, gate, one expert's down …). An editable matrix is a stored
//! one, several of them as one (`qkv`), or a part of them (the rows of one head group).

use std::ops::Range;

use super::{Mixer, ModelConfig};
use crate::error::Error;
use crate::weight_id::WeightKind::{
    ConvIn, ConvOut, Down, Gate, GateUp, K, KeyB, KeyValueA, KeyValueB, O, Q, Qkv, QueryA, QueryB, Router, SharedDown,
    SharedGate, SharedUp, Up, V, ValueB,
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
        let mixer: &[WeightKind] = match (self.mixer(layer), self.attention.latent.map(|latent| latent.query_rank)) {
            (Mixer::Convolution(_), _) => &[ConvIn, ConvOut],
            (Mixer::Attention, None) => &[Q, K, V, O],
            (Mixer::Attention, Some(None)) => &[Q, KeyValueA, KeyB, ValueB, O],
            (Mixer::Attention, Some(Some(_))) => &[QueryA, QueryB, KeyValueA, KeyB, ValueB, O],
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
        kinds.extend(kinds.contains(&O).then_some(self.joined_projection()));
        kinds.extend(self.mlp.gated.then_some(GateUp));
        kinds
    }

    /// The projections of attention that can be edited as one matrix.
    fn joined_projection(&self) -> WeightKind {
        if self.attention.latent.is_some() { KeyValueB } else { Qkv }
    }

    /// Parts of stored matrices that make up an editable matrix, one below the other in this order. `None` if the model
    /// has no such matrix.
    pub fn pieces(&self, id: WeightId) -> Option<Vec<Piece>> {
        if id.layer >= self.n_layers {
            return None;
        }
        let (part, group) = match id.part {
            MatrixPart::Group(group) if group < self.n_kv_heads && id.kind.has_heads() => {
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
            let (rows, cols) = match kind {
                Q | QueryB => (of_group(heads * self.d_head), None),
                K => (of_group(self.d_head), None),
                KeyB => (of_group(self.d_head - self.attention.latent.map_or(0, |latent| latent.d_rotary)), None),
                V | ValueB => (of_group(self.d_value()), None),
                O => (None, of_group(heads * self.d_value())),
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
                Mixer::Attention => {
                    format!(", and {}; h<group>. stands before those of attention", self.joined_projection())
                }
                Mixer::Convolution(_) => String::new(),
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
        let (q, k, v) = (self.n_heads * self.d_head, self.n_kv_heads * self.d_head, self.n_kv_heads * self.d_value());
        let latent = self.attention.latent;
        let query_rank = latent.and_then(|latent| latent.query_rank);
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
            Q if attends && query_rank.is_none() => [q, self.d_model],
            K if attends && latent.is_none() => [k, self.d_model],
            V if attends && latent.is_none() => [v, self.d_model],
            QueryA if attends => [query_rank?, self.d_model],
            QueryB if attends => [q, query_rank?],
            KeyValueA if attends => [latent?.d_rotary + latent?.key_value_rank, self.d_model],
            KeyB if attends => [k - self.n_kv_heads * latent?.d_rotary, latent?.key_value_rank],
            ValueB if attends => [v, latent?.key_value_rank],
            O if attends => [self.d_model, self.n_heads * self.d_value()],
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
            // Latent queries have a bias in the first of their two matrices, and none if there is one matrix only.
            Q => self.bias.qkv && self.attention.latent.is_none(),
            K | V | QueryA | KeyValueA => self.bias.qkv,
            O => self.bias.o,
            Gate | Up | Down => self.bias.mlp,
            Router => self.bias.router,
            ConvIn | ConvOut => self.convolution().is_some_and(|convolution| convolution.biased),
            QueryB | KeyB | ValueB | KeyValueB | SharedGate | SharedUp | SharedDown | Qkv | GateUp => false,
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
