//! Adapters attached to a model: which parameters they change, and the changed values.

use std::collections::BTreeMap;

use laser_checkpoint::CheckpointError;
use laser_linalg::Matrix;

use super::Adapter;
use super::module_tensors::{Part, Parts};
use super::places::{MatrixModule, Place, Places, RolePlace};
use super::update::{Magnitude, Update};
use crate::arch::tensor_names::TensorRole;
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::tensor_layout::RoleParameter;
use crate::weight_id::WeightId;

/// The part of one adapter that concerns one module.
#[derive(Debug, Clone, Copy)]
struct ModuleRef<'m> {
    adapter: &'m Adapter,
    module: &'m str,
    parts: &'m Parts,
    /// Scale s of the update.
    scale: f32,
}

/// A change of a parameter: module and scale of one adapter, and the place of the parameter in the module.
#[derive(Debug)]
struct Change<P> {
    /// Index of the adapter.
    adapter: usize,
    module: String,
    scale: f32,
    place: P,
}

/// A parameter outside the matrices of blocks: role, layer, and whether it is a bias.
type ParameterKey = (TensorRole, usize, bool);

/// Adapters attached to a model.
pub(crate) struct Merge {
    adapters: Vec<Adapter>,
    places: Places,
    /// Changes of a matrix or its bias.
    matrices: BTreeMap<WeightId, Vec<Change<MatrixModule>>>,
    parameters: BTreeMap<ParameterKey, Vec<Change<RolePlace>>>,
    notes: Vec<String>,
}

impl std::fmt::Debug for Merge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merge").field("adapters", &self.adapters).finish_non_exhaustive()
    }
}

impl Merge {
    /// Attaches adapters to the model with this configuration.
    ///
    /// # Errors
    /// A module that the model does not have, a tensor whose shape does not fit it, or two adapters that both give new
    /// values to one parameter.
    pub(crate) fn new(adapters: Vec<Adapter>, config: &ModelConfig) -> Result<Self> {
        let places = Places::of(config);
        let (mut matrices, mut parameters) = (BTreeMap::new(), BTreeMap::new());
        let mut notes = Vec::new();
        for (index, adapter) in adapters.iter().enumerate() {
            notes.extend(adapter.settings.notes.iter().cloned());
            let mut other_ranks = Vec::new();
            for (module, parts) in &adapter.modules {
                let place = places.find(module).ok_or_else(|| no_module(adapter, module, &places, config))?;
                let rank = adapter.rank(parts);
                let scale = adapter.settings.scale(&adapter.config_file, module, rank.unwrap_or(1))?;
                let of = ModuleRef { adapter, module, parts, scale };
                match place {
                    Place::Matrices(matrix) => {
                        of.check_matrices(matrix)?;
                        for id in &matrix.ids {
                            let change =
                                Change { adapter: index, module: module.clone(), scale, place: matrix.clone() };
                            matrices.entry(*id).or_insert_with(Vec::new).push(change);
                        }
                    }
                    Place::Parameter { weight, bias } => {
                        let weight = of.check_weight(weight.as_ref())?.map(|place| (place, false));
                        let bias = of.check_bias(bias.as_ref())?.map(|place| (place, true));
                        for (place, is_bias) in weight.into_iter().chain(bias) {
                            let key = (place.role, place.layer, is_bias);
                            let change = Change { adapter: index, module: module.clone(), scale, place };
                            parameters.entry(key).or_insert_with(Vec::new).push(change);
                        }
                    }
                }
                if let Some(rank) = rank {
                    let stated = adapter.settings.rank(&adapter.config_file, module)?;
                    if stated != rank {
                        other_ranks.push((module, stated, rank));
                    }
                }
            }
            if let Some((module, stated, rank)) = other_ranks.first() {
                notes.push(format!(
                    "{}: {} modules have another rank than the settings say (`{module}`: {rank} instead of {stated}): \
                     the rank of the tensors is used",
                    adapter.config_file,
                    other_ranks.len()
                ));
            }
        }
        let merge = Self { adapters, places, matrices, parameters, notes };
        merge.check_replacements()?;
        Ok(merge)
    }

    /// The adapters, in the order in which they are merged.
    pub(crate) fn adapters(&self) -> &[Adapter] {
        &self.adapters
    }

    /// Remarks for the user, one sentence each.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The matrices whose weight or bias changes.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = WeightId> {
        self.matrices.keys().copied()
    }

    /// Whether a matrix's bias changes.
    pub(crate) fn changes_bias(&self, id: WeightId) -> bool {
        self.of_matrix(id).any(|(of, _)| of.parts.contains_key(&Part::Bias) || of.parts.contains_key(&Part::BBias))
    }

    /// Whether a matrix's weight changes.
    pub(crate) fn changes_weight(&self, id: WeightId) -> bool {
        self.of_matrix(id).any(|(of, _)| of.parts.contains_key(&Part::Weight) || of.parts.contains_key(&Part::A))
    }

    /// Whether a parameter that is no matrix of a block changes. `usual`: `weight` or `bias`.
    pub(crate) fn changes_parameter(&self, role: TensorRole, layer: usize, usual: &str) -> bool {
        self.parameters.contains_key(&(role, layer, usual == "bias"))
    }

    /// Whether all adapters that change the token embedding say that a tied head follows it.
    pub(crate) fn keeps_head_tied(&self) -> bool {
        let changes = self.parameters.get(&(TensorRole::Embedding, 0, false));
        changes.is_some_and(|all| all.iter().all(|c| self.adapters[c.adapter].settings.ensure_weight_tying))
            && !self.changes_parameter(TensorRole::Head, 0, "weight")
    }

    fn module<'m, P>(&'m self, change: &'m Change<P>) -> (ModuleRef<'m>, &'m P) {
        let (adapter, module) = (&self.adapters[change.adapter], change.module.as_str());
        (ModuleRef { adapter, module, parts: &adapter.modules[module], scale: change.scale }, &change.place)
    }

    fn of_matrix(&self, id: WeightId) -> impl Iterator<Item = (ModuleRef<'_>, &MatrixModule)> {
        self.matrices.get(&id).into_iter().flatten().map(|change| self.module(change))
    }

    fn of_parameter(&self, key: ParameterKey) -> impl Iterator<Item = (ModuleRef<'_>, &RolePlace)> {
        self.parameters.get(&key).into_iter().flatten().map(|change| self.module(change))
    }

    /// Refuses two adapters that both give new values to one parameter.
    fn check_replacements(&self) -> Result<()> {
        let of_matrices = self.matrices.values().map(|changes| changes.iter().map(|c| self.module(c).0).collect());
        let of_parameters = self.parameters.values().map(|changes| {
            // Each head has its own part of a parameter.
            changes.iter().filter(|c| c.place.head.is_none()).map(|c| self.module(c).0).collect()
        });
        for changes in of_matrices.chain(of_parameters) {
            let changes: Vec<ModuleRef<'_>> = changes;
            for part in [Part::Weight, Part::Bias] {
                let replacing = changes.iter().filter(|of| of.parts.contains_key(&part)).collect::<Vec<_>>();
                if let [first, second, ..] = replacing[..] {
                    let one = first.adapter.folder.display();
                    let problem =
                        format!("module `{}`: new values, as in {one}: only one can have them", second.module);
                    return Err(second.adapter.problem(problem));
                }
            }
        }
        Ok(())
    }

    /// Changes the values `[out, in]` of a stored matrix.
    ///
    /// # Errors
    /// Tensors that cannot be read, or results that are not finite.
    pub(crate) fn merge_matrix(
        &self,
        config: &ModelConfig,
        id: WeightId,
        values: &mut Vec<f32>,
    ) -> Result<(), CheckpointError> {
        if !self.changes_weight(id) {
            return Ok(());
        }
        let width = config.shape(id)[1];
        let mut updates = Vec::new();
        for (of, module) in self.of_matrix(id) {
            let location = self.places.location(config, id, module);
            if let Some(tensor) = of.parts.get(&Part::Weight) {
                *values = location.extract(&of.adapter.values(tensor)?);
            }
            updates.extend(of.update(Some(location.rows()))?);
        }
        apply(values, &updates, width);
        check_finite(values, width, || id.to_string())
    }

    /// Changes the values `[out]` of a stored matrix's bias.
    ///
    /// # Errors
    /// As [`Merge::merge_matrix`].
    pub(crate) fn merge_bias(
        &self,
        config: &ModelConfig,
        id: WeightId,
        values: &mut Vec<f32>,
    ) -> Result<(), CheckpointError> {
        if !self.changes_bias(id) {
            return Ok(());
        }
        let mut added = Vec::new();
        for (of, module) in self.of_matrix(id) {
            let location = self.places.location(config, id, module);
            let rows = |all: &[f32]| location.rows().iter().map(|row| all[*row]).collect::<Vec<f32>>();
            if let Some(tensor) = of.parts.get(&Part::Bias) {
                *values = rows(&of.adapter.values(tensor)?);
            }
            if let Some(tensor) = of.parts.get(&Part::BBias) {
                added.push((of.scale, rows(&of.adapter.values(tensor)?)));
            }
        }
        for (scale, added) in added {
            values.iter_mut().zip(added).for_each(|(value, added)| *value += scale * added);
        }
        check_finite(values, 1, || format!("bias of {id}"))
    }

    /// Changes the values of a parameter that is no matrix of a block. `usual`: `weight` or `bias`. `norm_offset`: of the
    /// model's files.
    ///
    /// # Errors
    /// As [`Merge::merge_matrix`].
    pub(crate) fn merge_parameter(
        &self,
        parameter: &RoleParameter,
        layer: usize,
        usual: &'static str,
        norm_offset: f32,
        values: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let is_bias = usual == "bias";
        let width = if is_bias { 1 } else { parameter.shape.last().copied().unwrap_or(1) };
        let offset = match parameter.is_norm() && !is_bias {
            true => self.places.norm_offset() - norm_offset,
            false => 0.0,
        };
        let mut updates = Vec::new();
        let part = if is_bias { Part::Bias } else { Part::Weight };
        for (of, place) in self.of_parameter((parameter.role, layer, is_bias)) {
            if let Some(tensor) = of.parts.get(&part) {
                let new = of.adapter.values(tensor)?;
                let start = place.head.unwrap_or(0) * new.len();
                let old = values[start..start + new.len()].iter_mut();
                old.zip(new).for_each(|(old, new)| *old = new + offset);
            }
            if !is_bias {
                updates.extend(of.update(None)?);
            }
        }
        apply(values, &updates, width);
        check_finite(values, width, || format!("{:?}", parameter.role))
    }

    /// The update of a stored matrix as factors B `[out, r]`, scaled, and A `[r, in]`, with the ranks of several adapters
    /// beside one another; `None` if it is not of this form: DoRA, or new values.
    ///
    /// # Errors
    /// Tensors that cannot be read.
    pub(crate) fn factors(&self, config: &ModelConfig, id: WeightId) -> Result<Option<[Matrix; 2]>> {
        let [out, width] = config.shape(id);
        let mut updates = Vec::new();
        for (of, module) in self.of_matrix(id) {
            if of.parts.contains_key(&Part::Weight) || of.parts.contains_key(&Part::Magnitude) {
                return Ok(None);
            }
            updates.extend(of.update(Some(self.places.location(config, id, module).rows()))?);
        }
        let rank: usize = updates.iter().map(|update| update.rank).sum();
        if rank == 0 {
            return Ok(None);
        }
        let mut left = Vec::with_capacity(out * rank);
        for row in 0..out {
            for update in &updates {
                let of_row = &update.left[row * update.rank..(row + 1) * update.rank];
                left.extend(of_row.iter().map(|value| value * update.scale));
            }
        }
        let right = updates.iter().flat_map(|update| update.right.iter().copied()).collect();
        let matrix = |rows, cols, values| {
            Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
        };
        Ok(Some([matrix(out, rank, left)?, matrix(rank, width, right)?]))
    }
}

impl ModuleRef<'_> {
    /// The update of the module's weight; `None` if it has none. `rows`: those of the weight to update, in order; `None`
    /// for all.
    fn update(&self, rows: Option<&[usize]>) -> Result<Option<Update>, CheckpointError> {
        let tensor = |part: Part| self.parts.get(&part).map(|name| self.adapter.values(name)).transpose();
        let magnitude = tensor(Part::Magnitude)?;
        let rank = self.adapter.rank(self.parts).unwrap_or(0);
        let scale = self.scale;
        if let Some((a, b)) = tensor(Part::A)?.zip(tensor(Part::B)?) {
            let pick = |all: Vec<f32>, width: usize| match rows {
                Some(rows) => rows.iter().flat_map(|row| all[row * width..(row + 1) * width].iter().copied()).collect(),
                None => all,
            };
            let magnitude = magnitude.map(|all| Magnitude::Rows(pick(all, 1)));
            return Ok(Some(Update { left: pick(b, rank), right: a, rank, scale, magnitude }));
        }
        let Some((a, b)) = tensor(Part::EmbeddingA)?.zip(tensor(Part::EmbeddingB)?) else { return Ok(None) };
        let (left, right) = (transposed(&a, rank), transposed(&b, b.len() / rank.max(1)));
        Ok(Some(Update { left, right, rank, scale, magnitude: magnitude.map(Magnitude::Cols) }))
    }

    /// Checks the tensors of a module that is one or more matrices of a block.
    fn check_matrices(&self, matrix: &MatrixModule) -> Result<()> {
        for (part, tensor) in self.parts {
            let rank = self.adapter.rank(self.parts).unwrap_or(0);
            match part {
                Part::A => self.adapter.expect_shape(tensor, &[rank, matrix.width])?,
                Part::B => self.adapter.expect_shape(tensor, &[matrix.out, rank])?,
                Part::Weight => self.adapter.expect_shape(tensor, &matrix.shape)?,
                Part::Magnitude => self.check_length(tensor, matrix.out)?,
                Part::Bias | Part::BBias if matrix.biased => self.adapter.expect_shape(tensor, &[matrix.out])?,
                Part::Bias | Part::BBias => return Err(self.no_bias(tensor)),
                Part::EmbeddingA | Part::EmbeddingB => return Err(self.not_an_embedding()),
            }
        }
        Ok(())
    }

    /// Checks the tensors that concern the weight of a module that is no matrix of a block; gives its place if there are
    /// any.
    fn check_weight(&self, place: Option<&(RolePlace, Vec<usize>)>) -> Result<Option<RolePlace>> {
        let of_weight =
            [Part::A, Part::B, Part::EmbeddingA, Part::EmbeddingB, Part::Magnitude, Part::BBias, Part::Weight];
        let parts: Vec<(Part, &String)> =
            self.parts.iter().filter(|(part, _)| of_weight.contains(part)).map(|(part, name)| (*part, name)).collect();
        if parts.is_empty() {
            return Ok(None);
        }
        let Some((place, shape)) = place else {
            return Err(self.adapter.problem(format!("module `{}`: the base model has no weight there", self.module)));
        };
        let rank = self.adapter.rank(self.parts).unwrap_or(0);
        let is_embedding =
            [TensorRole::Embedding, TensorRole::Positions, TensorRole::TokenTypes, TensorRole::TimeSteps];
        let is_embedding = is_embedding.contains(&place.role);
        for (part, tensor) in parts {
            match (part, &shape[..]) {
                (Part::Weight, shape) => self.adapter.expect_shape(tensor, shape)?,
                (Part::A, [_, cols]) if !is_embedding => self.adapter.expect_shape(tensor, &[rank, *cols])?,
                (Part::B, [rows, _]) if !is_embedding => self.adapter.expect_shape(tensor, &[*rows, rank])?,
                (Part::EmbeddingA, [rows, _]) if is_embedding => self.adapter.expect_shape(tensor, &[rank, *rows])?,
                (Part::EmbeddingB, [_, cols]) if is_embedding => self.adapter.expect_shape(tensor, &[*cols, rank])?,
                (Part::Magnitude, [rows, cols]) => {
                    self.check_length(tensor, if is_embedding { *cols } else { *rows })?;
                }
                (Part::BBias, _) => return Err(self.no_bias(tensor)),
                (Part::EmbeddingA | Part::EmbeddingB, _) => return Err(self.not_an_embedding()),
                _ => {
                    let problem = format!("module `{}`: an update of a parameter that is no matrix", self.module);
                    return Err(self.adapter.problem(problem));
                }
            }
        }
        Ok(Some(*place))
    }

    /// Checks the new bias of a module that is no matrix of a block; gives its place if there is one.
    fn check_bias(&self, place: Option<&(RolePlace, Vec<usize>)>) -> Result<Option<RolePlace>> {
        let Some(tensor) = self.parts.get(&Part::Bias) else { return Ok(None) };
        let (place, shape) = place.ok_or_else(|| self.no_bias(tensor))?;
        self.adapter.expect_shape(tensor, shape)?;
        Ok(Some(*place))
    }

    /// Checks the length of a vector, which older versions store with dimensions of 1.
    fn check_length(&self, tensor: &str, expected: usize) -> Result<()> {
        let found = self.adapter.shape(tensor);
        let longest = found.iter().copied().max().unwrap_or(1);
        match longest == expected && found.iter().product::<usize>() == expected {
            true => Ok(()),
            false => self.adapter.expect_shape(tensor, &[expected]),
        }
    }

    fn no_bias(&self, tensor: &str) -> Error {
        let problem = format!("tensor `{tensor}`: the module `{}` of the base model has no bias", self.module);
        self.adapter.problem(problem)
    }

    fn not_an_embedding(&self) -> Error {
        self.adapter.problem(format!("module `{}`: adapted as an embedding, which it is not", self.module))
    }
}

/// Applies updates one after the other.
fn apply(values: &mut [f32], updates: &[Update], width: usize) {
    let needs_base = updates.len() > 1 && updates.iter().any(|update| update.magnitude.is_some());
    let base = needs_base.then(|| values.to_vec());
    updates.iter().for_each(|update| update.apply(values, base.as_deref(), width));
}

/// The transpose of `values [rows, n]`.
fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let cols = values.len() / rows.max(1);
    (0..cols).flat_map(|col| (0..rows).map(move |row| values[row * cols + col])).collect()
}

/// Refuses merged values `[rows, width]` that are not finite.
fn check_finite(values: &[f32], width: usize, what: impl Fn() -> String) -> Result<(), CheckpointError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(i) => {
            let tensor = format!("{} with the adapter", what());
            Err(CheckpointError::NotFinite { tensor, at: vec![i / width.max(1), i % width.max(1)], found: values[i] })
        }
    }
}

/// The error that the base model has no such module.
fn no_module(adapter: &Adapter, module: &str, places: &Places, config: &ModelConfig) -> Error {
    let (family, layers, example) = (config.family.name, config.n_layers, places.example());
    adapter.problem(format!(
        "the base model has no module `{module}`; it is a {family} with {layers} layers, whose modules are such as \
         `{example}`: was the adapter made for another model?"
    ))
}
