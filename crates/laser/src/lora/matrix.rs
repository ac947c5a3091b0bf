//! One adapted matrix: takes W, W' and the factors of the update, gives all numbers about it.

use laser_linalg::{Alignment, LinalgError, Matrix, Method, Svd, decompose, decompose_product, truncate};
use serde::Serialize;

use super::cut::{Cut, CutRank, cuts};
use super::growth::{Decile, deciles};
use super::intruders::{Intruders, intruders};

/// Share of the largest singular value of a difference of two single-precision matrices below which the others are
/// rounding errors.
const ROUNDING: f64 = 1e-5;

/// A matrix before and after its update, with the decompositions of both.
#[derive(Debug)]
pub struct MatrixPair<'a> {
    /// W, `[out, in]`.
    pub base: &'a Matrix,
    /// W'.
    pub tuned: &'a Matrix,
    /// Exact decomposition of W.
    pub base_svd: &'a Svd,
    /// Exact decomposition of W'.
    pub tuned_svd: &'a Svd,
    /// Factors `B [out, r]` and `A [r, in]` with W' = W + B·A; `None` where the update has no such form, as with DoRA.
    pub factors: Option<&'a [Matrix; 2]>,
}

/// The numbers of one adapted matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnalysedMatrix {
    /// Name: `L27.gate_proj`.
    pub matrix: String,
    /// Kind: `gate_proj`.
    pub kind: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Rank of the update ΔW = W' − W.
    pub rank: usize,
    /// ‖ΔW‖_F.
    pub norm: f64,
    /// ‖ΔW‖_F/‖W‖_F.
    pub relative_norm: f64,
    /// Singular values of the update, descending.
    pub singular_values: Vec<f64>,
    /// One entry for each rank, ascending.
    pub cuts: Vec<Cut>,
    /// Changes of the components, from the largest singular values to the smallest.
    pub growth: Vec<Decile>,
    /// Singular vectors of W' that are like none of W.
    pub intruders: Intruders,
}

/// Analyses a matrix named `[name, kind]` at `ranks`, which ascend, against chance from `draws` random updates drawn with
/// `seed`; `None` if nothing changes.
///
/// # Errors
/// Values that are not finite, or a solver that does not converge.
pub fn analyse(
    [name, kind]: [String; 2],
    pair: &MatrixPair<'_>,
    ranks: &[CutRank],
    draws: usize,
    seed: u64,
) -> Result<Option<AnalysedMatrix>, LinalgError> {
    let shape = [pair.base.rows(), pair.base.cols()];
    let update = match pair.factors {
        Some([b, a]) => decompose_product(b.view(), a.view())?,
        None => decomposed_difference(pair)?,
    };
    if update.s.is_empty() {
        return Ok(None);
    }
    let norm = |s: &[f64]| s.iter().map(|x| x * x).sum::<f64>().sqrt();
    let alignment = Alignment::new(pair.base_svd, &update);
    let retained = ranks.iter().map(|cut| retained(pair, cut.rank, norm(&update.s))).collect::<Vec<f64>>();
    Ok(Some(AnalysedMatrix {
        matrix: name,
        kind,
        shape,
        rank: update.s.len(),
        norm: norm(&update.s),
        relative_norm: norm(&update.s) / norm(&pair.base_svd.s).max(f64::MIN_POSITIVE),
        cuts: cuts(&alignment, shape, ranks, &retained, draws, seed),
        growth: deciles(&alignment, &pair.base_svd.s, shape),
        intruders: intruders(pair.base_svd, pair.tuned_svd, update.s.len()),
        singular_values: update.s,
    }))
}

/// 1 − ‖(W'_k − W_k) − ΔW‖²/‖ΔW‖². `norm`: ‖ΔW‖_F.
fn retained(pair: &MatrixPair<'_>, rank: usize, norm: f64) -> f64 {
    let [base, tuned] = [pair.base_svd, pair.tuned_svd].map(|svd| truncate(svd, rank).materialise(1));
    let values = |m: &Matrix| m.data().iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    let [w, changed, w_k, changed_k] = [pair.base, pair.tuned, &base, &tuned].map(values);
    let error: f64 = (0..w.len()).map(|i| ((changed_k[i] - w_k[i]) - (changed[i] - w[i])).powi(2)).sum();
    1.0 - error / (norm * norm)
}

/// The decomposition of W' − W, without the components that are rounding errors of its values.
fn decomposed_difference(pair: &MatrixPair<'_>) -> Result<Svd, LinalgError> {
    let (m, n) = (pair.base.rows(), pair.base.cols());
    let difference = pair.tuned.data().iter().zip(pair.base.data()).map(|(tuned, base)| tuned - base).collect();
    let svd = decompose(Matrix::new(m, n, difference)?.view(), Method::Auto, 1)?;
    let largest = svd.s.first().copied().unwrap_or(0.0);
    let rank = svd.s.iter().take_while(|s| **s > ROUNDING * largest).count();
    let u = (0..m).flat_map(|row| svd.u.row(row)[..rank].iter().copied()).collect();
    Ok(Svd {
        u: Matrix::new(m, rank, u)?,
        s: svd.s[..rank].to_vec(),
        vt: Matrix::new(rank, n, svd.vt.data()[..rank * n].to_vec())?,
    })
}
