//! How an update ΔW of a matrix W lies in W's singular vectors: takes both decompositions, gives the energy of the update
//! in the parts of W that a truncation keeps and removes, the angles between the subspaces, and the change of each
//! component; and the same numbers for updates with random directions, to compare with.
//!
//! With W = UΣVᵀ and ΔW = PΛQᵀ everything follows from L = UᵀP and R = VᵀQ. A truncation to rank k divides each side into
//! three parts: the first k singular vectors (kept), the others (removed), and what is orthogonal to all of them
//! (outside), which only the longer side of a matrix that is not square has. The energy of ΔW between two parts is
//! tr(Λ·G·Λ·H), where G and H are the Gram matrices of the rows of L and R in those parts.

mod gram;
mod haar;

pub use gram::Gram;
pub use haar::HaarFrame;

use crate::backend::{self, Mat};
use crate::svd::Svd;

/// An update in the singular vectors of a matrix.
#[derive(Debug, Clone)]
pub struct Alignment {
    /// L = UᵀP, `[k, r]`, row-major.
    left: Vec<f64>,
    /// R = VᵀQ, `[k, r]`, row-major.
    right: Vec<f64>,
    /// Singular values λ of the update, `[r]`, descending.
    values: Vec<f64>,
    /// Rows and columns of both matrices.
    shape: [usize; 2],
}

/// The Gram matrices of one side of an update, by the parts of a truncation. They sum to the identity.
#[derive(Debug, Clone)]
pub struct Side {
    /// In the first k singular vectors.
    pub kept: Gram,
    /// In the others.
    pub removed: Gram,
    /// Orthogonal to all singular vectors.
    pub outside: Gram,
}

/// Shares of the energy ‖ΔW‖_F² of an update by the part of W that they are in; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shares {
    /// Both sides in kept vectors: U_kᵀ·ΔW·V_k.
    pub kept: f64,
    /// Both sides in removed vectors.
    pub removed: f64,
    /// The left side in kept vectors, the right side in removed ones.
    pub left_kept: f64,
    /// The right side in kept vectors, the left side in removed ones.
    pub right_kept: f64,
    /// One side orthogonal to all singular vectors of W.
    pub outside: f64,
}

impl Shares {
    /// All five in the order of the fields.
    #[must_use]
    pub fn all(&self) -> [f64; 5] {
        [self.kept, self.removed, self.left_kept, self.right_kept, self.outside]
    }

    /// The mean shares of an update with random directions: singular vectors that are uniformly distributed (Haar), whatever
    /// its singular values are. `rank`: number of kept components of a matrix `[m, n]`.
    #[must_use]
    pub fn by_chance([m, n]: [usize; 2], rank: usize) -> Self {
        let k = m.min(n);
        let part = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let ([kept_m, kept_n], [removed_m, removed_n]) =
            ([part(rank, m), part(rank, n)], [part(k - rank.min(k), m), part(k - rank.min(k), n)]);
        let (kept, removed) = (kept_m * kept_n, removed_m * removed_n);
        let (left_kept, right_kept) = (kept_m * removed_n, removed_m * kept_n);
        Self { kept, removed, left_kept, right_kept, outside: 1.0 - kept - removed - left_kept - right_kept }
    }

    /// The shares of an update with the singular values `values` whose sides are `left` and `right`.
    #[must_use]
    pub fn of([left, right]: [&Side; 2], values: &[f64]) -> Self {
        let total: f64 = values.iter().map(|x| x * x).sum();
        let share = |a: &Gram, b: &Gram| if total > 0.0 { a.weighted_product(b, values) / total } else { 0.0 };
        let [kept, removed] = [share(&left.kept, &right.kept), share(&left.removed, &right.removed)];
        let [left_kept, right_kept] = [share(&left.kept, &right.removed), share(&left.removed, &right.kept)];
        Self { kept, removed, left_kept, right_kept, outside: 1.0 - kept - removed - left_kept - right_kept }
    }
}

impl Alignment {
    /// The update with the decomposition `update` in the singular vectors of `base`, the exact decomposition of a matrix of
    /// the same shape.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    pub fn new(base: &Svd, update: &Svd) -> Self {
        let shape = [base.u.rows(), base.vt.cols()];
        assert_eq!(shape, [update.u.rows(), update.vt.cols()], "an update has the shape of its matrix");
        let (k, r, par) = (base.s.len(), update.s.len(), backend::parallelism(1));
        let f64s = |rows: usize, cols: usize, at: &dyn Fn(usize, usize) -> f32| {
            Mat::from_fn(rows, cols, |i, j| f64::from(at(i, j)))
        };
        let u = f64s(shape[0], k, &|i, j| base.u.row(i)[j]);
        let p = f64s(shape[0], r, &|i, j| update.u.row(i)[j]);
        let v = f64s(shape[1], k, &|i, j| base.vt.row(j)[i]);
        let q = f64s(shape[1], r, &|i, j| update.vt.row(j)[i]);
        let rows = |a: Mat<f64>| (0..k * r).map(|x| a[(x / r, x % r)]).collect();
        Self {
            left: rows(backend::product(u.transpose(), p.as_ref(), par)),
            right: rows(backend::product(v.transpose(), q.as_ref(), par)),
            values: update.s.clone(),
            shape,
        }
    }

    /// Rank of the update.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.values.len()
    }

    /// Singular values of the update, descending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Left and right side of the update for the truncation of the matrix to each of `ranks`, which ascend.
    ///
    /// # Panics
    /// If a rank is above the largest one of the matrix, or the ranks descend.
    #[must_use]
    pub fn sides(&self, ranks: &[usize]) -> Vec<[Side; 2]> {
        let largest = self.shape[0].min(self.shape[1]);
        let blocks = |rows: &[f64]| {
            let (mut start, r) = (0, self.rank());
            let ends = ranks.iter().copied().chain([largest]);
            let gram = |end: usize| {
                let gram = Gram::of_rows(&rows[start * r..end * r], r);
                start = end;
                gram
            };
            ends.map(gram).collect::<Vec<Gram>>()
        };
        let (left, right) = (blocks(&self.left), blocks(&self.right));
        Side::by_rank(&left).into_iter().zip(Side::by_rank(&right)).map(|(left, right)| [left, right]).collect()
    }

    /// The same for an update with the same singular values and random directions.
    #[must_use]
    pub fn random_sides(&self, ranks: &[usize], frame: &mut HaarFrame) -> Vec<[Side; 2]> {
        let largest = self.shape[0].min(self.shape[1]);
        let mut side = |dimension: usize| {
            let mut start = 0;
            let ends = ranks.iter().copied().chain([largest, dimension]);
            let sizes: Vec<usize> = ends.map(|end| end - std::mem::replace(&mut start, end)).collect();
            let grams = frame.block_grams(&sizes, self.rank());
            Side::by_rank(&grams[..grams.len() - 1])
        };
        let (left, right) = (side(self.shape[0]), side(self.shape[1]));
        left.into_iter().zip(right).map(|(left, right)| [left, right]).collect()
    }

    /// The change uᵢᵀ·ΔW·vᵢ of component `i` of the matrix: its singular value changes by this much, to first order.
    ///
    /// # Panics
    /// If there is no such component.
    #[must_use]
    pub fn change(&self, i: usize) -> f64 {
        let row = |of: &[f64]| of[i * self.rank()..(i + 1) * self.rank()].to_vec();
        row(&self.left).iter().zip(row(&self.right)).zip(&self.values).map(|((l, r), value)| l * r * value).sum()
    }
}

impl Side {
    /// The three parts at each boundary between `blocks`: Gram matrices of consecutive singular vectors. What they lack of
    /// the identity is outside.
    fn by_rank(blocks: &[Gram]) -> Vec<Self> {
        let size = blocks.first().map_or(0, Gram::size);
        let sum = |blocks: &[Gram]| blocks.iter().fold(Gram::zeros(size), |sum, gram| sum.plus(gram));
        let outside = Gram::identity(size).minus(&sum(blocks));
        let at =
            |end: usize| Self { kept: sum(&blocks[..end]), removed: sum(&blocks[end..]), outside: outside.clone() };
        (1..blocks.len()).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::product_svd::decompose_product;
    use crate::svd::{Method, decompose};
    use crate::test_matrices::gaussian;

    struct Case {
        base: Svd,
        update: Matrix,
        alignment: Alignment,
    }

    fn case(m: usize, n: usize, r: usize) -> Case {
        let base = decompose(gaussian(m, n, 1).view(), Method::Thin, 1).unwrap();
        let (b, a) = (gaussian(m, r, 2), gaussian(r, n, 3));
        let at = |i: usize, j: usize| (0..r).map(|k| b.row(i)[k] * a.row(k)[j]).sum::<f32>();
        let update = Matrix::new(m, n, (0..m * n).map(|x| at(x / n, x % n)).collect()).unwrap();
        let alignment = Alignment::new(&base, &decompose_product(b.view(), a.view()).unwrap());
        Case { base, update, alignment }
    }

    /// uᵢᵀ·ΔW·vⱼ.
    fn coordinate(case: &Case, i: usize, j: usize) -> f64 {
        let [m, n] = [case.update.rows(), case.update.cols()];
        let entry = |x: usize| {
            let (row, col) = (x / n, x % n);
            f64::from(case.base.u.row(row)[i])
                * f64::from(case.update.row(row)[col])
                * f64::from(case.base.vt.row(j)[col])
        };
        (0..m * n).map(entry).sum()
    }

    #[test]
    fn shares_and_changes_are_those_of_the_coordinates() {
        for (m, n) in [(12, 7), (7, 12), (9, 9)] {
            let case = case(m, n, 3);
            let (k, total) = (m.min(n), case.update.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>());
            for (rank, sides) in [2, 5].into_iter().zip(case.alignment.sides(&[2, 5])) {
                let energy = |left: std::ops::Range<usize>, right: std::ops::Range<usize>| {
                    let pairs = left.flat_map(|i| right.clone().map(move |j| (i, j)));
                    pairs.map(|(i, j)| coordinate(&case, i, j).powi(2)).sum::<f64>() / total
                };
                let shares = Shares::of([&sides[0], &sides[1]], case.alignment.values());
                let expected = [
                    energy(0..rank, 0..rank),
                    energy(rank..k, rank..k),
                    energy(0..rank, rank..k),
                    energy(rank..k, 0..rank),
                    1.0 - energy(0..k, 0..k),
                ];
                for (found, expected) in shares.all().iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{m} {n} {rank}: {shares:?}, expected {expected}");
                }
            }
            assert!((0..k).all(|i| (case.alignment.change(i) - coordinate(&case, i, i)).abs() < 1e-4));
        }
    }

    #[test]
    fn random_updates_have_the_mean_shares_of_chance() {
        let case = case(14, 9, 3);
        let mut frame = HaarFrame::new(5);
        let draws: Vec<Shares> = (0..4000)
            .map(|_| case.alignment.random_sides(&[4], &mut frame))
            .map(|sides| Shares::of([&sides[0][0], &sides[0][1]], case.alignment.values()))
            .collect();
        let expected = Shares::by_chance([14, 9], 4);
        assert!((expected.all().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for i in 0..5 {
            let mean = draws.iter().map(|shares| shares.all()[i]).sum::<f64>() / draws.len() as f64;
            assert!((mean - expected.all()[i]).abs() < 0.01, "share {i}: {mean}, expected {}", expected.all()[i]);
        }
    }

    #[test]
    fn a_square_matrix_has_nothing_outside() {
        let case = case(9, 9, 2);
        let sides = &case.alignment.sides(&[3])[0];
        assert!(Shares::of([&sides[0], &sides[1]], case.alignment.values()).outside.abs() < 1e-6);
        assert_eq!(Shares::by_chance([9, 9], 9).kept, 1.0);
    }
}
