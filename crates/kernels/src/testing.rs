//! Functions that the tests of several operations use: random tensors, the difference of two tensors, and the
//! comparison of two implementations with their gradients.

use candle_core::{Device, Result, Tensor, Var};

use crate::differentiable::surrogate_loss;

/// Standard normal values, `[rows, cols]`.
pub(crate) fn random(rows: usize, cols: usize) -> Tensor {
    Tensor::randn(0f32, 1.0, (rows, cols), &Device::Cpu).expect("a small tensor")
}

/// Standard normal values, `[n]`.
pub(crate) fn random_row(n: usize) -> Tensor {
    Tensor::randn(0f32, 1.0, n, &Device::Cpu).expect("a small tensor")
}

/// The largest difference of two tensors, element by element; a NaN counts as infinite.
pub(crate) fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("f32 values");
    assert_eq!(a.dims(), b.dims(), "tensors of one shape");
    let distances = values(a).into_iter().zip(values(b)).map(|(a, b)| (a - b).abs());
    distances.fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
}

/// Checks that a kernel and the composed form give the same values `[rows, width]`, and the same gradients of `inputs`
/// for the same random gradient of the output.
pub(crate) fn check_gradients(name: &str, inputs: &[&Var], kernel: Result<Tensor>, composed: Result<Tensor>) {
    let forms = [kernel, composed].map(|y| y.unwrap_or_else(|e| panic!("{name}: {e}")));
    let (n, width) = forms[0].dims2().expect("rows");
    let g = random(n, width);
    let losses =
        [surrogate_loss(&forms[0], &g).expect("a scalar"), (&forms[1] * &g).expect("mul").sum_all().expect("sum")];
    let values = |(y, loss): (&Tensor, &Tensor)| {
        let gradients = loss.backward().expect("backward");
        let mut all = vec![y.detach()];
        all.extend(inputs.iter().map(|input| gradients.get(input).expect("a gradient").clone()));
        let flat = |t: Tensor| t.flatten_all().expect("flat").to_vec1::<f32>().expect("values");
        all.into_iter().flat_map(flat).collect::<Vec<f32>>()
    };
    let (ours, theirs) = (values((&forms[0], &losses[0])), values((&forms[1], &losses[1])));
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 2e-5, "{name}: {a} from the kernel, {b} composed");
    }
}
