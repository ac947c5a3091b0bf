//! Decides which matrices a model keeps in memory, and which ones stay in its files, where products read them.

use std::collections::BTreeSet;

use laser_kernels::float_type::FloatType;
use laser_kernels::packed::Packed;

use super::ModelFiles;
use super::file_rows::FileRows;
use crate::arch::tensor_names::TensorRole;
use crate::parameters::{ParameterId, ParameterOwner};
use crate::tensor_layout::role_parameters;

/// The matrices of a model that stay in its files.
#[derive(Debug, Default)]
pub struct Residence {
    in_file: BTreeSet<ParameterId>,
    memory_bytes: usize,
    file_bytes: usize,
}

impl Residence {
    /// Keeps matrices in memory as long as they take at most `bound` bytes; `None`: all.
    ///
    /// The output head comes first, because every pass reads it. Then the layers from the last to the first: a search reads
    /// the upper layers most often, for each edit below them. The token embedding comes last, because a pass reads few of
    /// its rows. Matrices that no product can read from the file are always kept in memory.
    pub(super) fn within(files: &ModelFiles, bound: Option<usize>) -> Self {
        let mut found = Self::default();
        // The movable ones in order of preference.
        let mut movable: Vec<(Vec<ParameterId>, usize)> = Vec::new();
        for group in groups(files) {
            let (mut ids, mut bytes) = (Vec::new(), 0);
            for (id, shape) in group {
                match FileRows::of(files, id, shape) {
                    Some(rows) => {
                        ids.push(id);
                        bytes += rows.bytes();
                    }
                    None => found.memory_bytes += Packed::bytes_of(FloatType::F32, shape),
                }
            }
            movable.push((ids, bytes));
        }
        let mut fits = true;
        for (ids, bytes) in movable {
            fits &= bound.is_none_or(|bound| found.memory_bytes + bytes <= bound);
            if fits {
                found.memory_bytes += bytes;
            } else {
                found.file_bytes += bytes;
                found.in_file.extend(ids);
            }
        }
        found
    }

    /// True if the matrix stays in its file.
    pub(super) fn is_in_file(&self, id: ParameterId) -> bool {
        self.in_file.contains(&id)
    }

    /// Bytes of the matrices in memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Bytes that the other matrices would take in memory; each pass reads them from their files.
    pub fn file_bytes(&self) -> usize {
        self.file_bytes
    }
}

/// The large matrices of a model with their shapes `[out, in]`, in groups that are kept in memory together.
fn groups(files: &ModelFiles) -> Vec<Vec<(ParameterId, [usize; 2])>> {
    let config = &files.config;
    let of_role = |role: TensorRole| -> Vec<(ParameterId, [usize; 2])> {
        let found = role_parameters(config).into_iter().find(|parameter| parameter.role == role);
        let shape = found.and_then(|parameter| <[usize; 2]>::try_from(&parameter.shape[..]).ok());
        let id = ParameterId { owner: ParameterOwner::Role(role, 0), bias: false };
        shape.map(|shape| (id, shape)).into_iter().collect()
    };
    let of_layer =
        |layer| config.stored(layer).into_iter().map(|id| (ParameterId::matrix(id), config.shape(id))).collect();
    let head = if config.head.tied { TensorRole::Embedding } else { TensorRole::Head };
    let mut groups = vec![of_role(head)];
    groups.extend((0..config.n_layers).rev().map(of_layer));
    if !config.head.tied {
        groups.push(of_role(TensorRole::Embedding));
    }
    groups
}
