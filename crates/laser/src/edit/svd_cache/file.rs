//! One decomposition as a safetensors file: takes a matrix and its decomposition, gives bytes, and back.
//!
//! A file holds the smaller factor (`u [m, k]` of a wide matrix, else `vt [k, n]`) in f32, the singular values `s [k]` in
//! f64, and `roundings`: the larger factor follows from the matrix and the smaller one up to rounding, and these are the
//! steps to the exact bits ([`roundings`](super::roundings)). Its SHA-256 stands in the metadata. Files of earlier versions
//! hold both factors, and are read too.

use std::collections::HashMap;

use laser_linalg::{Matrix, SmallerFactor, Svd, implied_vectors};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use super::roundings;

/// Key of the metadata with the SHA-256 of the larger factor.
const HASH: &str = "sha256";

/// A decomposition that was read from a file.
pub(super) struct Decoded {
    pub(super) svd: Svd,
    /// True for a file that holds both factors, as earlier versions wrote it.
    pub(super) is_old: bool,
}

/// The bytes of a file with the decomposition of `w`; `None` if the library of the format refuses them.
pub(super) fn encode(w: &Matrix, svd: &Svd, threads: usize) -> Option<Vec<u8>> {
    let (name, smaller, larger) = match SmallerFactor::of(w.rows(), w.cols()) {
        SmallerFactor::Left => ("u", &svd.u, &svd.vt),
        SmallerFactor::Right => ("vt", &svd.vt, &svd.u),
    };
    let near = implied_vectors(w.view(), &svd.s, smaller, threads);
    let steps = roundings::encode(larger.data(), near.data())?;
    let (factor, s) = (f32_bytes(smaller), svd.s.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    let view = |dtype, shape: Vec<usize>, bytes| TensorView::new(dtype, shape, bytes).ok();
    let views = [
        (name, view(Dtype::F32, vec![smaller.rows(), smaller.cols()], &factor)?),
        ("roundings", view(Dtype::U8, vec![steps.len()], &steps)?),
        ("s", view(Dtype::F64, vec![svd.s.len()], &s)?),
    ];
    let metadata = HashMap::from([(HASH.to_owned(), hash(larger))]);
    safetensors::serialize(views, Some(metadata)).ok()
}

/// The decomposition of `w` in a file; `None` if the file is damaged or belongs to another matrix.
pub(super) fn decode(bytes: &[u8], w: &Matrix, threads: usize) -> Option<Decoded> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let (m, n) = (w.rows(), w.cols());
    let k = m.min(n);
    let matrix = |name: &str, rows: usize, cols: usize| {
        let tensor = file.tensor(name).ok().filter(|t| t.shape() == [rows, cols] && t.dtype() == Dtype::F32)?;
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Matrix::new(rows, cols, values).ok()
    };
    let s = file.tensor("s").ok().filter(|t| t.shape() == [k] && t.dtype() == Dtype::F64)?;
    let s: Vec<f64> = s.data().chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect();
    let (u, vt) = (matrix("u", m, k), matrix("vt", k, n));
    if let (Some(u), Some(vt)) = (&u, &vt) {
        return Some(Decoded { svd: Svd { u: u.clone(), s, vt: vt.clone() }, is_old: true });
    }
    let steps = file.tensor("roundings").ok()?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    let expected = metadata.metadata().as_ref()?.get(HASH)?;
    let larger = |known: &Matrix, rows: usize, cols: usize| {
        let near = implied_vectors(w.view(), &s, known, threads);
        let exact = Matrix::new(rows, cols, roundings::decode(steps.data(), near.into_data())?).ok()?;
        // A machine that rounds otherwise, or a damaged file.
        (hash(&exact) == *expected).then_some(exact)
    };
    let svd = match SmallerFactor::of(m, n) {
        SmallerFactor::Left => {
            let u = u?;
            Svd { vt: larger(&u, k, n)?, u, s }
        }
        SmallerFactor::Right => {
            let vt = vt?;
            Svd { u: larger(&vt, m, k)?, vt, s }
        }
    };
    Some(Decoded { svd, is_old: false })
}

fn f32_bytes(matrix: &Matrix) -> Vec<u8> {
    matrix.data().iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// SHA-256 of the values of a factor, hexadecimal.
fn hash(factor: &Matrix) -> String {
    hex::encode(Sha256::digest(f32_bytes(factor)))
}
