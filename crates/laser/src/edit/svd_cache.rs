//! Exact decompositions on disk: one safetensors file a matrix, named by the hash of its values.
//!
//! A file holds `u [m, k]` and `vt [k, n]` in f32 and `s [k]` in f64, with k = min(m, n).

use std::path::Path;

use laser_linalg::{Matrix, Svd};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Values hashed at a time.
const CHUNK: usize = 4096;

/// Hashes the version of the decomposition, the shape and the values of a matrix, in hexadecimal.
pub(super) fn content_key(w: &Matrix) -> String {
    let mut hasher = Sha256::new();
    // Increase the number when `decompose` gives other values, so that old files are not read.
    hasher.update(format!("laser svd 1 {}x{} ", w.rows(), w.cols()));
    for chunk in w.data().chunks(CHUNK) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hex::encode(hasher.finalize())
}

/// Reads the decomposition of `w` from a file; `None` if the file is missing or damaged, which only costs time.
pub(super) fn read(path: &Path, w: &Matrix) -> Option<Svd> {
    let bytes = std::fs::read(path).ok()?;
    let file = SafeTensors::deserialize(&bytes).ok()?;
    let (m, n) = (w.rows(), w.cols());
    let k = m.min(n);
    let matrix = |name: &str, rows: usize, cols: usize| {
        let tensor = file.tensor(name).ok().filter(|t| t.shape() == [rows, cols])?;
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Matrix::new(rows, cols, values).ok()
    };
    let s = file.tensor("s").ok().filter(|t| t.shape() == [k])?;
    let s: Vec<f64> = s.data().chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect();
    Some(Svd { u: matrix("u", m, k)?, s, vt: matrix("vt", k, n)? })
}

/// Writes a decomposition to a file, whose folder is created if it is missing.
pub(super) fn write(path: &Path, svd: &Svd) -> Result<()> {
    let f32_bytes = |m: &Matrix| m.data().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (u, vt) = (f32_bytes(&svd.u), f32_bytes(&svd.vt));
    let s: Vec<u8> = svd.s.iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = |dtype, shape: Vec<usize>, bytes| {
        TensorView::new(dtype, shape, bytes).expect("a view fits because its shape comes from its own matrix")
    };
    let views = [
        ("u", view(Dtype::F32, vec![svd.u.rows(), svd.u.cols()], &u)),
        ("s", view(Dtype::F64, vec![svd.s.len()], &s)),
        ("vt", view(Dtype::F32, vec![svd.vt.rows(), svd.vt.cols()], &vt)),
    ];
    let bytes = safetensors::serialize(views, None).map_err(|e| Error::parse(path, e))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("cache-dir", folder, &e))?;
    }
    Ok(laser_checkpoint::write_atomically(path, &bytes)?)
}
