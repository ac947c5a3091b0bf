//! Where each matrix and vector of a model is in its files: tensor, orientation and order of rows.

use std::collections::BTreeMap;

use laser_checkpoint::{Checkpoint, CheckpointError};

use super::config::{ModelConfig, QkNorm, Residual};
use crate::arch::{Names, Role, Stored};
use crate::weight_id::WeightKind::{K, Q};
use crate::weight_id::{MatrixPart, WeightId, WeightKind};
use laser_kernels::norm::NormKind;

/// The layout of an opened model's files.
#[derive(Debug)]
pub struct Layout {
    pub names: &'static Names,
    prefix: &'static str,
    /// The name each role has in these files.
    roles: Vec<(Role, &'static str)>,
    /// Whether the norms have `gamma` and `beta`, as in checkpoints that came from TensorFlow.
    greek: bool,
}

/// Where a stored matrix is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The tensor's name, without `.weight`.
    pub stem: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Whether the file has `[in, out]`.
    transposed: bool,
    /// The tensor's row, in our orientation, of each row of the matrix.
    rows: Vec<usize>,
    /// Rows of the whole tensor, in our orientation.
    total: usize,
}

/// A tensor a model must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub name: String,
    pub shape: Vec<usize>,
}

impl Layout {
    /// The layout of `checkpoint`, whose names are `names`.
    pub fn new(names: &'static Names, checkpoint: &Checkpoint) -> Self {
        let first = |prefix: &&&str| {
            let fits = |stored: &Stored| {
                let stem = stored.at(0, Some(0)).replace("{model}", prefix);
                checkpoint.info(&format!("{stem}.weight")).is_some()
            };
            names.matrices.iter().copied().flatten().any(fits)
        };
        let prefix = names.prefixes.iter().find(first).copied();
        let Some(prefix) = prefix else { return Self::first(names) };
        let greek = checkpoint.tensors().any(|tensor| tensor.name.ends_with(".gamma"));
        let there = |name: &str| {
            let stem = name.replace("{}", "0").replace("{h}", "0").replace("{model}", prefix);
            ["weight", "gamma", "bias"].iter().any(|suffix| checkpoint.info(&format!("{stem}.{suffix}")).is_some())
        };
        Self { names, prefix, roles: names.roles(there), greek }
    }

    /// The layout of files to be written: with the first of the prefixes.
    pub fn first(names: &'static Names) -> Self {
        let prefix = names.prefixes.first().copied().unwrap_or("");
        Self { names, prefix, roles: names.roles(|_| false), greek: false }
    }

    /// Name of what has a role, without `.weight`. Layers outside the blocks are 0.
    pub fn role(&self, role: Role, layer: usize) -> Option<String> {
        let (_, name) = self.roles.iter().find(|(of, _)| *of == role)?;
        Some(name.replace("{}", &layer.to_string()).replace("{model}", self.prefix))
    }

    /// The names of the tensors that something is stored in, without `.weight`: one, or one a head.
    pub fn stems(&self, vector: &Vector, layer: usize) -> Vec<String> {
        let Some(stem) = self.role(vector.role, layer) else { return Vec::new() };
        if !stem.contains("{h}") {
            return vec![stem];
        }
        (0..vector.shape[0]).map(|head| stem.replace("{h}", &head.to_string())).collect()
    }

    /// What follows a stem in these files, for `weight` or `bias`.
    pub fn suffix(&self, vector: &Vector, which: &'static str) -> &'static str {
        match which {
            "weight" if self.greek && vector.is_norm() => "gamma",
            "bias" if self.greek && vector.is_norm() => "beta",
            plain => plain,
        }
    }

    /// Where a stored matrix is: in the first tensor that `has` tells to be there, the last that could hold it if none.
    pub fn place(&self, config: &ModelConfig, id: WeightId, has: impl Fn(&str) -> bool) -> Option<Place> {
        let expert = match id.part {
            MatrixPart::Expert(expert) => Some(expert),
            _ => None,
        };
        let stem = |stored: &Stored| stored.at(id.layer, expert).replace("{model}", self.prefix);
        let holders: Vec<&Stored> = self.names.holders(id).collect();
        let there = holders.iter().find(|stored| has(&format!("{}.weight", stem(stored))));
        let stored = there.or(holders.last())?;
        let shape = |kind: WeightKind| config.shape(WeightId { kind, ..id });
        let [out, width] = shape(id.kind);
        let members: Vec<usize> = stored.holds().iter().map(|kind| shape(*kind)[0]).collect();
        let total: usize = members.iter().sum();
        let before: usize =
            stored.holds().iter().zip(&members).take_while(|(k, _)| **k != id.kind).map(|(_, n)| n).sum();
        let groups = if stored.is_grouped() { config.n_kv_heads } else { 1 };
        let order = self.rotary_order(config, id);
        let first = if stored.is_all_experts() { expert.unwrap_or(0) * total } else { 0 };
        let row = |row: usize| {
            let row = order(row);
            let (group, within) = (row / (out / groups), row % (out / groups));
            first + group * (total / groups) + before / groups + within
        };
        let shape = match (stored.is_all_experts(), self.names.transposed) {
            (true, _) => vec![config.mlp.experts.map_or(0, |experts| experts.count), total, width],
            (false, true) => vec![width, total],
            (false, false) => vec![total, width],
        };
        Some(Place {
            stem: stem(stored),
            transposed: self.names.transposed,
            rows: (0..out).map(row).collect(),
            total: if stored.is_all_experts() { shape[0] * total } else { total },
            shape,
        })
    }

    /// The file's row of one of our rows within its matrix, for those that turn with the position.
    fn rotary_order(&self, config: &ModelConfig, id: WeightId) -> impl Fn(usize) -> usize {
        let (d, paired) = (config.d_head, self.names.rotary_pairs && matches!(id.kind, Q | K));
        let half = config.attention.ropes.first().filter(|_| paired).map_or(0, |rope| rope.dim / 2);
        move |row| match row % d {
            i if i < half => row - i + 2 * i,
            i if i < 2 * half => row - i + 2 * (i - half) + 1,
            _ => row,
        }
    }

    /// Every tensor the model has, by name.
    pub fn expected(&self, config: &ModelConfig, has: impl Fn(&str) -> bool + Copy) -> Vec<Expected> {
        let mut expected = BTreeMap::new();
        for layer in 0..config.n_layers {
            for id in config.stored(layer) {
                let Some(place) = self.place(config, id, has) else { continue };
                if config.has_bias(id) {
                    expected.insert(format!("{}.bias", place.stem), vec![place.rows()]);
                }
                expected.insert(format!("{}.weight", place.stem), place.shape);
            }
        }
        for vector in vectors(config) {
            for layer in vector.layers(config) {
                let stems = self.stems(&vector, layer);
                for (which, shape) in vector.tensors() {
                    let suffix = self.suffix(&vector, which);
                    // Where each head has a tensor of its own, it is one row.
                    let shape = if stems.len() > 1 { &shape[1..] } else { shape };
                    expected.extend(stems.iter().map(|stem| (format!("{stem}.{suffix}"), shape.to_vec())));
                }
            }
        }
        expected.into_iter().map(|(name, shape)| Expected { name, shape }).collect()
    }
}

/// Something a model has besides the matrices of its blocks.
pub struct Vector {
    pub role: Role,
    pub shape: Vec<usize>,
    /// Whether it has a bias too; a head's bias is nothing else.
    pub bias: bool,
    /// Whether every layer has one.
    in_layers: bool,
}

impl Vector {
    /// The layers that have it: all it could have, or 0 for what stands outside the blocks.
    pub fn layers(&self, config: &ModelConfig) -> Vec<usize> {
        let layers = 0..if self.in_layers { config.n_layers } else { 1 };
        layers.filter(|layer| self.role != Role::SharedWeight || config.has_experts(*layer)).collect()
    }

    /// The tensors it is, by suffix, with their shapes.
    pub fn tensors(&self) -> Vec<(&'static str, &[usize])> {
        let weight = (self.role != Role::HeadBias).then_some(("weight", &self.shape[..]));
        weight.into_iter().chain(self.bias.then_some(("bias", &self.shape[..1]))).collect()
    }

    /// Whether it is the weight of a norm.
    pub fn is_norm(&self) -> bool {
        self.shape.len() == 1 && self.role != Role::HeadBias
    }
}

/// All of them, in the order of the forward pass.
pub fn vectors(c: &ModelConfig) -> Vec<Vector> {
    let d = c.d_model;
    let biased = c.norm == NormKind::Layer;
    let once = |role, shape: &[usize], bias| Vector { role, shape: shape.to_vec(), bias, in_layers: false };
    let norm = |role, width| Vector { role, shape: vec![width], bias: biased, in_layers: true };
    let mut all = Vec::new();
    let e = &c.embedding;
    if let Some(sizes) = e.trajectory {
        all.push(once(Role::TimeSteps, &[sizes.time_steps, d], false));
        for (role, width) in
            [(Role::ReturnInput, 1), (Role::StateInput, sizes.state), (Role::ActionInput, sizes.action)]
        {
            all.push(once(role, &[d, width], true));
        }
        for (role, width) in
            [(Role::ReturnOutput, 1), (Role::StateOutput, sizes.state), (Role::ActionOutput, sizes.action)]
        {
            all.push(once(role, &[width, d], true));
        }
    } else {
        all.push(once(Role::Embedding, &[c.vocab_size, d], false));
    }
    if let Some(offset) = e.position_offset {
        all.push(once(Role::Positions, &[offset + c.max_positions, d], false));
    }
    if e.token_types > 0 {
        all.push(once(Role::TokenTypes, &[e.token_types, d], false));
    }
    if e.normed {
        all.push(once(Role::EmbeddingNorm, &[d], biased));
    }
    let roles: &[Role] = match c.residual {
        Residual::PreNorm | Residual::FromNorm | Residual::Parallel { one_norm: false } => {
            &[Role::AttentionNorm, Role::MlpNorm]
        }
        Residual::Parallel { one_norm: true } => &[Role::AttentionNorm],
        Residual::PostNorm | Residual::BranchNorm => &[Role::AttentionPostNorm, Role::MlpPostNorm],
        Residual::Sandwich => &[Role::AttentionNorm, Role::AttentionPostNorm, Role::MlpNorm, Role::MlpPostNorm],
    };
    all.extend(roles.iter().map(|role| norm(*role, d)));
    if let Some(span) = c.attention.qk_norm {
        for (role, heads) in [(Role::QueryNorm, c.n_heads), (Role::KeyNorm, c.n_kv_heads)] {
            all.push(match span {
                QkNorm::Head => norm(role, c.d_head),
                QkNorm::All => norm(role, heads * c.d_head),
                QkNorm::EachHead => Vector { role, shape: vec![heads, c.d_head], bias: false, in_layers: true },
            });
        }
    }
    if c.mlp.experts.is_some_and(|experts| experts.d_shared > 0) {
        all.push(Vector { role: Role::SharedWeight, shape: vec![1, d], bias: false, in_layers: true });
    }
    if c.head.normed {
        all.push(once(Role::FinalNorm, &[d], biased));
    }
    if c.head.transform.is_some() {
        all.push(once(Role::HeadTransform, &[d, d], true));
        all.push(once(Role::HeadNorm, &[d], biased));
    }
    if e.trajectory.is_none() {
        if !c.head.tied {
            all.push(once(Role::Head, &[c.vocab_size, d], false));
        }
        if c.head.bias {
            all.push(once(Role::HeadBias, &[c.vocab_size], true));
        }
    }
    all
}

impl Place {
    /// Name of the matrix's tensor.
    pub fn weight(&self) -> String {
        format!("{}.weight", self.stem)
    }

    /// Rows of its tensor, in our orientation.
    pub fn rows(&self) -> usize {
        self.total
    }

    /// Whether its rows stand one after the other in the tensor, as we have them.
    pub fn is_together(&self) -> bool {
        !self.transposed && self.rows.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }

    /// The matrix's values, `[out, in]` row-major, from its file.
    pub fn read(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, CheckpointError> {
        let view = checkpoint.tensor(&self.weight())?;
        match self.rows.first() {
            Some(first) if self.is_together() => view.rows_to_f32(*first..*first + self.rows.len()),
            _ => Ok(self.take(&view.to_f32()?)),
        }
    }

    /// The bias's values, `[out]`.
    pub fn read_bias(&self, checkpoint: &Checkpoint) -> Result<Vec<f32>, CheckpointError> {
        let all = checkpoint.tensor(&format!("{}.bias", self.stem))?.to_f32()?;
        Ok(self.rows.iter().map(|row| all[*row]).collect())
    }

    /// The matrix's values out of the tensor's.
    pub fn take(&self, tensor: &[f32]) -> Vec<f32> {
        let width = tensor.len() / self.total.max(1);
        let mut values = Vec::with_capacity(self.rows.len() * width);
        for row in &self.rows {
            if self.transposed {
                values.extend((0..width).map(|col| tensor[col * self.total + row]));
            } else {
                values.extend_from_slice(&tensor[row * width..(row + 1) * width]);
            }
        }
        values
    }

    /// Puts the matrix's values, `[out, in]`, in their places among the tensor's: the inverse of reading.
    pub fn put(&self, values: &[f32], tensor: &mut [f32]) {
        let width = values.len() / self.rows.len().max(1);
        for (row, values) in self.rows.iter().zip(values.chunks_exact(width.max(1))) {
            if self.transposed {
                values.iter().enumerate().for_each(|(col, value)| tensor[col * self.total + row] = *value);
            } else {
                tensor[row * width..(row + 1) * width].copy_from_slice(values);
            }
        }
    }

    /// Puts a bias's values in their places.
    pub fn put_bias(&self, values: &[f32], tensor: &mut [f32]) {
        self.rows.iter().zip(values).for_each(|(row, value)| tensor[*row] = *value);
    }
}
