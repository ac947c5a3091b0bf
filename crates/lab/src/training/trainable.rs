//! What a training changes: all parameters of a model, or those of an adapter.

use laser::model::Model;

use super::backward::SliceGradient;
use super::parameter_set::{Leaves, ParameterSet};
use super::slice::Slice;
use crate::error::Result;

/// Parameters in training, as one flat vector.
pub trait Trainable: Sync {
    /// What the slices of a step share: the model of the present values.
    type Prepared: Sync;

    /// All values.
    fn values(&self) -> &[f32];

    /// All values, to be changed in place.
    fn values_mut(&mut self) -> &mut Vec<f32>;

    /// Whether weight decay applies to each value.
    fn decays(&self) -> Vec<bool>;

    /// Makes the model of the present values.
    ///
    /// # Errors
    /// Failures of the tensor library.
    fn prepare(&self) -> Result<Self::Prepared>;

    /// Loss and gradient of a slice.
    ///
    /// # Errors
    /// Rows that do not fit the model, and failures of the tensor library.
    fn gradient(&self, prepared: &Self::Prepared, slice: &Slice) -> Result<SliceGradient>;
}

impl Trainable for ParameterSet {
    type Prepared = (Model, Leaves);

    fn values(&self) -> &[f32] {
        &self.values
    }

    fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }

    fn decays(&self) -> Vec<bool> {
        ParameterSet::decays(self)
    }

    fn prepare(&self) -> Result<Self::Prepared> {
        self.model()
    }

    fn gradient(&self, (model, leaves): &Self::Prepared, slice: &Slice) -> Result<SliceGradient> {
        SliceGradient::new(self, model, leaves, slice)
    }
}
