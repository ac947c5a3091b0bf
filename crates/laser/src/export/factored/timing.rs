//! A module as one matrix and as two, with some rows of input, so that the caller can time both.

use candle_core::{Device, Tensor};
use laser_kernels::linear::linear;
use laser_kernels::weight::Weight;

use super::FactoredModule;
use crate::error::Result;

/// Value of all weights and inputs: products of any numbers take the same time.
const VALUE: f32 = 0.01;

/// A module as one matrix and as two, in f32 on the CPU.
#[derive(Debug)]
pub struct FactoredSample {
    whole: Weight,
    v: Weight,
    u: Weight,
    x: Tensor,
    threads: usize,
}

impl FactoredModule {
    /// The module with `rows` rows of input. Its values are made up.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn sample(&self, rows: usize, threads: usize) -> Result<FactoredSample> {
        let [out, width] = self.shape;
        let tensor = |rows: usize, cols: usize| Tensor::full(VALUE, (rows, cols), &Device::Cpu);
        let weight = |rows: usize, cols: usize| Weight::new(tensor(rows, cols)?);
        Ok(FactoredSample {
            whole: weight(out, width)?,
            v: weight(self.rank, width)?,
            u: weight(out, self.rank)?,
            x: tensor(rows, width)?,
            threads,
        })
    }
}

impl FactoredSample {
    /// Multiplies the rows with the one matrix.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn run_whole(&self) -> Result<()> {
        linear(&self.x, &self.whole, None, None, self.threads)?;
        Ok(())
    }

    /// Multiplies the rows with the two matrices.
    ///
    /// # Errors
    /// Failures of the tensor library.
    pub fn run_factored(&self) -> Result<()> {
        let inner = linear(&self.x, &self.v, None, None, self.threads)?; // [rows, rank]
        linear(&inner, &self.u, None, None, self.threads)?; // [rows, out]
        Ok(())
    }
}
