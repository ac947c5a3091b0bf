//! The linear operation as a CPU kernel: the packed product, whose sums start from the bias and the residual.

use candle_core::{Error, Result, Tensor};

use crate::host::{host_rows, with_values};
use crate::matrix_view::MatrixView;
use crate::packed::{Factor, InitialSums, add_product_with, append_product_with};

/// `x·Wᵀ + b + residual` for `x [rows, in]`, `w [out, in]`, `bias [out]`, `residual [n, out]` → `[rows, out]`.
pub(super) fn linear(
    x: &Tensor,
    w: Factor<'_>,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    threads: usize,
) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let mut y = Vec::with_capacity(rows * w.out());
    with_values(x, |x| {
        let x = MatrixView::new(x, rows, width);
        let mut append = |initial: InitialSums<'_>| append_product_with(&mut y, x, w, initial, threads);
        match (bias, residual) {
            (None, None) => append(InitialSums::Zero)?,
            (Some(bias), None) => with_values(bias, |bias| append(InitialSums::Bias(bias)))??,
            (None, Some(residual)) => with_values(residual, |r| append(InitialSums::Residual(r)))??,
            (Some(bias), Some(residual)) => {
                with_values(bias, |bias| with_values(residual, |r| append_bias_and_residual(&mut y, bias, r, rows)))??;
                add_product_with(&mut y, x, w, threads)?;
            }
        }
        Ok::<_, Error>(())
    })??;
    host_rows(y, rows, w.out())
}

/// Appends `rows` rows `bias + residual [n, out]`; the rows of the residual are repeated.
fn append_bias_and_residual(y: &mut Vec<f32>, bias: &[f32], residual: &[f32], rows: usize) {
    for row in residual.chunks_exact(bias.len().max(1)).cycle().take(rows) {
        y.extend(row.iter().zip(bias).map(|(r, b)| r + b));
    }
}
