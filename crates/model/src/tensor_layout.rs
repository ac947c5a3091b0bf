//! The tensor layout of a model's files: where each parameter is, in which orientation and order of rows.
//!
//! Low level: [`ModelFiles`](crate::ModelFiles) uses it to read a model; only a writer of model files needs it
//! directly.

mod location;
mod prefix;
mod role_parameter;
mod rotary_order;
mod xielu_tensors;

use std::collections::BTreeMap;

use laser_checkpoint::Checkpoint;

pub use location::TensorLocation;
pub use role_parameter::{RoleParameter, role_parameters};
pub use xielu_tensors::XieluTensor;

use crate::arch::tensor_names::{HeadStorage, RowOrder, StoredTensor, TensorNames, TensorRole};
use crate::config::{ModelConfig, Residual};
use crate::weight_id::{MatrixPart, WeightId, WeightKind};

/// The tensor layout of a model's files.
#[derive(Debug)]
pub struct TensorLayout {
    /// Names of the family in this file format.
    pub names: &'static TensorNames,
    /// Replacement of `{model}` in names, after the wrapper.
    prefix: String,
    /// Text before all names of the model, such as `module.`, which a tool for training or a model with images added;
    /// usually empty.
    wrapper: String,
    /// The name of each role in these files.
    roles: Vec<(TensorRole, &'static str)>,
    /// Whether tensors of norms are called `gamma` and `beta` instead of `weight` and `bias`, as in checkpoints
    /// converted from TensorFlow.
    gamma_and_beta: bool,
}

/// A tensor that a model's files must contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTensor {
    /// Full name.
    pub name: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
}

/// A tensor that holds a stored matrix.
pub(crate) struct Holder {
    /// Name of the tensor, without its ending.
    stem: String,
    /// Shape of the tensor in the file.
    shape: Vec<usize>,
    /// Rows of all matrices in the tensor; for stacked experts, of those of one expert.
    together: usize,
    stored: &'static StoredTensor,
}

impl Holder {
    /// Shape of the tensor in the file.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Rows of all matrices in the tensor; for stacked experts, of those of one expert.
    pub(crate) fn together(&self) -> usize {
        self.together
    }

    /// Number of rows of the whole tensor.
    fn total_rows(&self) -> usize {
        if self.stored.is_all_experts() { self.shape[0] * self.together } else { self.together }
    }

    /// Shape of the tensor with the biases.
    fn bias_shape(&self) -> Vec<usize> {
        if self.stored.is_all_experts() { vec![self.shape[0], self.together] } else { vec![self.together] }
    }
}

impl TensorLayout {
    /// The layout of `checkpoint`: which prefix and which alternative names of `names` it uses.
    pub fn of(names: &'static TensorNames, checkpoint: &Checkpoint) -> Self {
        // No prefix fits: errors about missing tensors then use the first.
        let Some((wrapper, prefix)) = prefix::find(names, checkpoint) else { return Self::of_new_files(names) };
        let gamma_and_beta = checkpoint.tensors().any(|tensor| tensor.name.ends_with(".gamma"));
        let exists = |name: &str| {
            let stem = name.replace("{}", "0").replace("{h}", "0").replace("{model}", &prefix);
            let stem = format!("{wrapper}{stem}");
            ["weight", "gamma", "bias"].iter().any(|suffix| checkpoint.info(&format!("{stem}.{suffix}")).is_some())
        };
        let roles = names.roles(exists);
        Self { names, prefix, wrapper, roles, gamma_and_beta }
    }

    /// The layout of files to be written: with the first prefix.
    pub fn of_new_files(names: &'static TensorNames) -> Self {
        let prefix = names.prefixes.first().copied().unwrap_or("").to_owned();
        Self { names, prefix, wrapper: String::new(), roles: names.roles(|_| false), gamma_and_beta: false }
    }

    /// The layout of files to be written of a model, for families that have further names for a model with two norms in
    /// a parallel block (Falcon): with the first prefix.
    pub fn of_new_model(names: &'static TensorNames, config: &ModelConfig) -> Self {
        let two_norms = config.residual == Residual::Parallel { one_norm: false };
        Self { roles: names.roles(|_| two_norms), ..Self::of_new_files(names) }
    }

    /// Name of the parameter with this role, without `.weight`; `None` if the family has no name for it. For
    /// parameters outside the blocks, `layer` is 0.
    pub fn role_stem(&self, role: TensorRole, layer: usize) -> Option<String> {
        let (_, name) = self.roles.iter().find(|(of, _)| *of == role)?;
        Some(self.full_name(&name.replace("{}", &layer.to_string())))
    }

    /// Text that the names of all tensors in these files begin with, besides the family's own; usually empty.
    pub fn wrapper(&self) -> &str {
        &self.wrapper
    }

    /// Text that the names of all tensors in the blocks begin with.
    pub(crate) fn base(&self) -> String {
        self.full_name("{model}")
    }

    /// Reads the parameter `role` from the tensor of `other`: files of a tied model may hold only one of the two.
    pub(crate) fn share(&mut self, role: TensorRole, other: TensorRole) {
        let name = self.roles.iter().find(|(of, _)| *of == other).map(|(_, name)| *name);
        if let Some((entry, name)) = self.roles.iter_mut().find(|(of, _)| *of == role).zip(name) {
            entry.1 = name;
        }
    }

    /// A name of the family as these files have it.
    fn full_name(&self, name: &str) -> String {
        format!("{}{}", self.wrapper, name.replace("{model}", &self.prefix))
    }

    /// Names of the tensors that hold a parameter, without `.weight`: one tensor, or one for each attention head.
    pub fn stems(&self, parameter: &RoleParameter, layer: usize) -> Vec<String> {
        let Some(stem) = self.role_stem(parameter.role, layer) else { return Vec::new() };
        if !stem.contains("{h}") {
            return vec![stem];
        }
        (0..parameter.shape[0]).map(|head| stem.replace("{h}", &head.to_string())).collect()
    }

    /// Returns true for a parameter of which each attention head has a tensor of its own.
    pub fn is_divided_by_head(&self, parameter: &RoleParameter) -> bool {
        self.roles.iter().any(|(of, name)| *of == parameter.role && name.contains("{h}"))
    }

    /// Name in these files of a tensor of a parameter, whose name is `stem` without the usual `weight` or `bias`.
    pub fn tensor_name(&self, parameter: &RoleParameter, stem: &str, usual: &'static str) -> String {
        if let Some(whole) = stem.strip_suffix('$') {
            return whole.to_owned();
        }
        let suffix = match usual {
            "weight" if self.gamma_and_beta && parameter.is_norm() => "gamma",
            "bias" if self.gamma_and_beta && parameter.is_norm() => "beta",
            usual => usual,
        };
        format!("{stem}.{suffix}")
    }

    /// Location of a stored matrix: in the first tensor that can hold it and for which `exists` is true, or in the
    /// last that can hold it if none exists. `None` if the family has no name for it.
    ///
    /// # Panics
    /// If the model has no such matrix.
    pub fn location(
        &self,
        config: &ModelConfig,
        id: WeightId,
        exists: impl Fn(&str) -> bool,
    ) -> Option<TensorLocation> {
        Some(self.in_holder(config, id, self.holder(config, id, exists)?))
    }

    /// Location of a stored matrix in `stored`, one of the tensors that can hold it.
    ///
    /// # Panics
    /// If the model has no such matrix.
    pub(crate) fn location_in(
        &self,
        config: &ModelConfig,
        id: WeightId,
        stored: &'static StoredTensor,
    ) -> TensorLocation {
        self.in_holder(config, id, self.holder_in(config, id, stored))
    }

    /// Location of a stored matrix in the tensor that holds it.
    fn in_holder(&self, config: &ModelConfig, id: WeightId, holder: Holder) -> TensorLocation {
        TensorLocation {
            transposed: match (holder.stored.heads(), holder.stored.is_all_experts()) {
                (Some(storage), _) => storage == HeadStorage::Transposed,
                (None, true) => holder.stored.has_transposed_experts(),
                (None, false) => self.names.transposed,
            },
            rows: self.rows_in_tensor(config, id, holder.stored, holder.together),
            by_head: holder.stored.heads().is_some(),
            rows_of_block: holder.together / holder.stored.heads().map_or(1, |_| config.n_kv_heads),
            total_rows: holder.total_rows(),
            endings: holder.stored.endings(),
            bias_shape: holder.bias_shape(),
            stem: holder.stem,
            shape: holder.shape,
        }
    }

    /// The tensor that holds a stored matrix, without the list of rows that belong to the matrix.
    fn holder(&self, config: &ModelConfig, id: WeightId, exists: impl Fn(&str) -> bool) -> Option<Holder> {
        let holders: Vec<&'static StoredTensor> = self.names.holders(id).collect();
        let found = holders.iter().find(|stored| exists(&self.weight_name(id, stored)));
        found.or(holders.last()).map(|stored| self.holder_in(config, id, stored))
    }

    /// Name of the tensor `stored` for a stored matrix.
    fn weight_name(&self, id: WeightId, stored: &StoredTensor) -> String {
        format!("{}{}", self.stem_of(id, stored), stored.endings().weight)
    }

    /// Name of the tensor `stored` for a stored matrix, without its ending.
    fn stem_of(&self, id: WeightId, stored: &StoredTensor) -> String {
        let expert = match id.part {
            MatrixPart::Expert(expert) => Some(expert),
            _ => None,
        };
        self.full_name(&stored.name_at(id.layer, expert))
    }

    /// The tensor `stored`, one of those that can hold a stored matrix, without the list of rows.
    pub(crate) fn holder_in(&self, config: &ModelConfig, id: WeightId, stored: &'static StoredTensor) -> Holder {
        let all_experts = stored.is_all_experts();
        let shape_of = |kind: WeightKind| config.shape(WeightId { kind, ..id });
        let width = shape_of(id.kind)[1];
        // Rows of all matrices in the tensor; for stacked experts, of those of one expert.
        let together: usize = stored.holds().iter().map(|kind| shape_of(*kind)[0]).sum();
        let heads = config.n_kv_heads;
        let shape = match (stored.heads(), all_experts) {
            (Some(HeadStorage::Rows), _) => vec![heads, together / heads, width],
            (Some(HeadStorage::Transposed), _) => vec![heads, width, together / heads],
            (None, true) => {
                let count = config.mlp.experts.map_or(0, |experts| experts.count);
                if stored.has_transposed_experts() {
                    vec![count, width, together]
                } else {
                    vec![count, together, width]
                }
            }
            (None, false) if self.names.transposed => vec![width, together],
            (None, false) => vec![together, width],
        };
        Holder { stem: self.stem_of(id, stored), shape, together, stored }
    }

    /// The tensor's row for each row of a stored matrix. `together`: rows of all matrices in the tensor, for stacked
    /// experts of those of one expert.
    fn rows_in_tensor(&self, config: &ModelConfig, id: WeightId, stored: &StoredTensor, together: usize) -> Vec<usize> {
        let rows_of = |kind: WeightKind| config.shape(WeightId { kind, ..id })[0];
        let out = rows_of(id.kind);
        let before: usize = stored.holds().iter().take_while(|kind| **kind != id.kind).map(|kind| rows_of(*kind)).sum();
        // Each group of rows consists of the rows of one key/value head of every matrix in the tensor, or of one row of each.
        let groups = match stored.order() {
            RowOrder::Stacked => 1,
            RowOrder::ByHead => config.n_kv_heads,
            RowOrder::Alternating => out,
        };
        let first = match id.part {
            MatrixPart::Expert(expert) if stored.is_all_experts() => expert * together,
            _ => 0,
        };
        let order = self.row_order(config, id.kind);
        let row = |row: usize| {
            let row = order.in_file(row);
            let (group, within) = (row / (out / groups), row % (out / groups));
            first + group * (together / groups) + before / groups + within
        };
        (0..out).map(row).collect()
    }

    /// All tensors that the files of a model must contain, by name. `exists` decides between alternative tensors.
    pub fn expected(&self, config: &ModelConfig, exists: impl Fn(&str) -> bool + Copy) -> Vec<ExpectedTensor> {
        let mut expected = BTreeMap::new();
        for layer in 0..config.n_layers {
            for id in config.stored(layer) {
                // Not the location, whose list of rows is as long as the configuration says: nothing has been compared
                // with the files yet.
                let Some(holder) = self.holder(config, id, exists) else { continue };
                let endings = holder.stored.endings();
                if config.has_bias(id) {
                    expected.insert(format!("{}{}", holder.stem, endings.bias), holder.bias_shape());
                }
                expected.insert(format!("{}{}", holder.stem, endings.weight), holder.shape);
            }
        }
        let of_xielu = (0..config.n_layers).flat_map(|layer| self.xielu_tensors(config, layer));
        expected.extend(of_xielu.map(|tensor| (tensor.name, tensor.shape.to_vec())));
        for parameter in role_parameters(config) {
            for layer in parameter.layers(config) {
                let stems = self.stems(&parameter, layer);
                for (usual, shape) in parameter.tensors() {
                    // If each attention head has its own tensor, that tensor is one row.
                    let shape = if stems.len() > 1 { &shape[1..] } else { shape };
                    let names = stems.iter().map(|stem| self.tensor_name(&parameter, stem, usual));
                    expected.extend(names.map(|name| (name, shape.to_vec())));
                }
            }
        }
        expected.into_iter().map(|(name, shape)| ExpectedTensor { name, shape }).collect()
    }
}
