//! Row-clustered truncation: groups similar rows of a matrix by k-means and truncates each group on its own.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::backend::{self, Par};
use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};
use crate::svd::{Method, Svd, decompose};
use crate::truncate::truncate;

/// Largest number of k-means rounds; the assignment has usually settled before.
const MAX_ROUNDS: usize = 25;

/// Groups the rows of a matrix \[m, n\] by k-means; returns the cluster of each row \[m\], counted from 0.
///
/// The starting centres come from k-means++ (Arthur and Vassilvitskii 2007) with ChaCha8 random numbers from `seed`; at
/// most 25 rounds of Lloyd's algorithm follow. Of equally near centres the first wins, and a cluster that loses all its
/// rows stays empty. Runs on one thread; the same arguments give the same clusters.
///
/// # Errors
/// [`LinalgError::Clusters`] unless 1 ≤ `clusters` ≤ m, [`LinalgError::NotFinite`] if an entry is NaN or infinite.
pub fn cluster_rows(w: MatrixView<'_>, clusters: usize, seed: u64) -> Result<Vec<usize>, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    if clusters == 0 || clusters > m {
        return Err(LinalgError::Clusters { clusters, rows: m });
    }
    w.check_finite()?;
    let mut centres = starting_centres(w, clusters, seed); // [clusters, n]
    let mut labels = nearest_centres(w, &centres);
    for _ in 0..MAX_ROUNDS {
        let mut sums = vec![0.0f64; clusters * n]; // of the rows in each cluster, [clusters, n]
        let mut sizes = vec![0usize; clusters];
        for (i, &label) in labels.iter().enumerate() {
            sizes[label] += 1;
            let sum = &mut sums[label * n..(label + 1) * n];
            sum.iter_mut().zip(w.row(i)).for_each(|(s, &x)| *s += f64::from(x));
        }
        // An empty cluster keeps its centre: the mean of no rows would be NaN.
        for (label, &size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
            let centre = &mut centres.data_mut()[label * n..(label + 1) * n];
            centre.iter_mut().zip(&sums[label * n..]).for_each(|(c, s)| *c = (s / size as f64) as f32);
        }
        let reassigned = nearest_centres(w, &centres);
        if reassigned == labels {
            break;
        }
        labels = reassigned;
    }
    Ok(labels)
}

/// Draws `clusters` rows as starting centres \[clusters, n\] (k-means++).
///
/// Each row after the first is drawn with a probability proportional to its squared distance from the nearest centre.
fn starting_centres(w: MatrixView<'_>, clusters: usize, seed: u64) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = vec![rng.random_range(0..w.rows())];
    let mut distances = vec![f64::INFINITY; w.rows()];
    while chosen.len() < clusters {
        // Distances from earlier centres are known, so only those from the last one are new.
        let last = w.row(chosen[chosen.len() - 1]);
        for (i, distance) in distances.iter_mut().enumerate() {
            *distance = distance.min(squared_distance(w.row(i), last));
        }
        let mut left = rng.random::<f64>() * distances.iter().sum::<f64>();
        // If every row equals a centre, all distances are 0 and none is found: row 0 is taken again as a centre, whose
        // cluster stays empty.
        let next = distances.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        chosen.push(next.unwrap_or(0));
    }
    let data = chosen.iter().flat_map(|&i| w.row(i)).copied().collect();
    Matrix::new(clusters, w.cols(), data).expect("one row a centre because rows of the matrix were taken")
}

/// Finds the nearest centre c of each row x \[m\], the first of equally near ones: the smallest ‖c‖² − 2·x·c.
///
/// This is ‖x − c‖² without ‖x‖², which is the same for all centres; so one matrix product gives all distances.
fn nearest_centres(w: MatrixView<'_>, centres: &Matrix) -> Vec<usize> {
    let [m, n, c] = [w.rows(), w.cols(), centres.rows()];
    // Without columns all rows are equal, and the first centre is the nearest of all.
    if n == 0 {
        return vec![0; m];
    }
    let mut transposed = vec![0.0; n * c]; // [n, c]
    for (j, &x) in centres.data().iter().enumerate() {
        transposed[(j % n) * c + j / n] = x;
    }
    let squares: Vec<f64> = (0..c).map(|j| centres.row(j).iter().map(|&x| f64::from(x).powi(2)).sum()).collect();
    let mut products = vec![0.0; m * c]; // [m, c]
    backend::product_f32([m, n, c], w.data(), &transposed, &mut products, Par::Seq);
    let nearest = |products: &[f32]| {
        let mut best = (f64::INFINITY, 0);
        for (j, (&product, square)) in products.iter().zip(&squares).enumerate() {
            let distance = square - 2.0 * f64::from(product);
            if distance < best.0 {
                best = (distance, j);
            }
        }
        best.1
    };
    products.chunks_exact(c).map(nearest).collect()
}

/// Computes ‖a − b‖² in f64.
fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// The result of [`truncate_clusters`]: a matrix \[m, n\] whose clusters of rows were truncated one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusteredRows {
    /// The dense matrix, with its rows in the original order.
    pub matrix: Matrix,
    /// Rank of each cluster.
    pub ranks: Vec<usize>,
    /// Number of elements in the factors of all clusters: Σ r_c·(m_c + n), for clusters of m_c rows and rank r_c.
    pub parameters: usize,
}

/// Truncates each cluster of rows of `w` \[m, n\] by a decomposition of its own; `labels` \[m\] gives the cluster of
/// each row. The factors of all clusters together have at most `budget` elements.
///
/// One component is added at a time, always to the cluster c of m_c rows whose next component keeps the most energy for
/// its size, σ²/(m_c + n), among those that still fit into the budget; of equals the first. A cluster that keeps all
/// its components keeps its rows bit for bit. With one cluster and a budget of r·(m + n) this is the plain truncation
/// to rank r.
///
/// # Errors
/// [`LinalgError::Overflow`] if the result does not fit f32, and the errors of [`decompose`].
///
/// # Panics
/// If the number of labels differs from the number of rows.
pub fn truncate_clusters(
    w: MatrixView<'_>,
    labels: &[usize],
    budget: usize,
    threads: usize,
) -> Result<ClusteredRows, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    assert_eq!(labels.len(), m, "one label a row");
    let clusters = labels.iter().max().map_or(0, |last| last + 1);
    let mut members = vec![Vec::new(); clusters];
    labels.iter().enumerate().for_each(|(i, &label)| members[label].push(i));
    let parts = members.iter().map(|rows| {
        let data = rows.iter().flat_map(|&i| w.row(i)).copied().collect();
        decompose(Matrix::new(rows.len(), n, data)?.view(), Method::Auto, threads)
    });
    let parts: Vec<Svd> = parts.collect::<Result<_, _>>()?;
    let (ranks, parameters) = allocate_ranks(&parts, budget);
    let mut matrix = Matrix::zeros(m, n);
    for ((rows, svd), &rank) in members.iter().zip(&parts).zip(&ranks) {
        // A cluster that keeps all its components copies its rows, because their product would be rounded.
        let truncated = || truncate(svd, rank).materialise_finite(threads);
        let dense = if rank < svd.s.len() { Some(truncated()?) } else { None };
        for (from, &to) in rows.iter().enumerate() {
            let row = dense.as_ref().map_or(w.row(to), |dense| dense.row(from));
            matrix.data_mut()[to * n..(to + 1) * n].copy_from_slice(row);
        }
    }
    Ok(ClusteredRows { matrix, ranks, parameters })
}

/// Spends `budget` elements on components; returns the rank of each part and the number of elements spent.
fn allocate_ranks(parts: &[Svd], budget: usize) -> (Vec<usize>, usize) {
    let cost = |svd: &Svd| svd.u.rows() + svd.vt.cols(); // elements of one component
    let mut ranks = vec![0; parts.len()];
    let mut spent = 0;
    loop {
        let mut best: Option<(f64, usize)> = None;
        for (c, svd) in parts.iter().enumerate() {
            if ranks[c] < svd.s.len() && spent + cost(svd) <= budget {
                let value = svd.s[ranks[c]].powi(2) / cost(svd) as f64;
                // Strictly larger, so that the first of equals wins.
                if best.is_none_or(|(other, _)| value > other) {
                    best = Some((value, c));
                }
            }
        }
        let Some((_, c)) = best else { return (ranks, spent) };
        ranks[c] += 1;
        spent += cost(&parts[c]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::relative_error;
    use crate::test_matrices::gaussian;
    use crate::truncate::truncate_matrix;

    /// Makes a matrix \[m, n\] whose row i lies near centre i mod k, with `k` centres far apart.
    fn grouped(m: usize, n: usize, k: usize) -> Matrix {
        let (centres, noise) = (gaussian(k, n, 71), gaussian(m, n, 72));
        let at = |i: usize, j: usize| 20.0 * centres.row(i % k)[j] + 0.1 * noise.row(i)[j];
        Matrix::new(m, n, (0..m * n).map(|x| at(x / n, x % n)).collect()).unwrap()
    }

    #[test]
    fn groups_that_stand_apart_are_found() {
        let w = grouped(40, 12, 4);
        let labels = cluster_rows(w.view(), 4, 0).unwrap();
        for (i, label) in labels.iter().enumerate() {
            assert_eq!(*label, labels[i % 4], "row {i}");
        }
        let mut four = labels[..4].to_vec();
        four.sort_unstable();
        assert_eq!(four, [0, 1, 2, 3]);
        assert_eq!(labels, cluster_rows(w.view(), 4, 0).unwrap());
    }

    #[test]
    fn settled_rows_are_nearest_to_the_mean_of_their_cluster() {
        let w = gaussian(30, 5, 73);
        let labels = cluster_rows(w.view(), 3, 1).unwrap();
        let mean = |c: usize| -> Vec<f64> {
            let rows: Vec<usize> = (0..30).filter(|&i| labels[i] == c).collect();
            (0..5).map(|j| rows.iter().map(|&i| f64::from(w.row(i)[j])).sum::<f64>() / rows.len() as f64).collect()
        };
        let means: Vec<_> = (0..3).map(mean).collect();
        for (i, &label) in labels.iter().enumerate() {
            let distance =
                |c: usize| w.row(i).iter().zip(&means[c]).map(|(x, m)| (f64::from(*x) - m).powi(2)).sum::<f64>();
            assert!((0..3).all(|c| distance(label) <= distance(c) + 1e-5), "row {i}");
        }
    }

    #[test]
    fn equal_rows_leave_clusters_empty_and_impossible_numbers_are_refused() {
        let w = Matrix::new(4, 2, vec![1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).unwrap();
        assert_eq!(cluster_rows(w.view(), 3, 5).unwrap(), [0; 4]);
        for clusters in [0, 5] {
            let error = cluster_rows(w.view(), clusters, 5).unwrap_err();
            assert_eq!(error, LinalgError::Clusters { clusters, rows: 4 });
        }
    }

    #[test]
    fn one_cluster_is_the_plain_truncation_to_the_bit() {
        let w = gaussian(11, 17, 74);
        let labels = cluster_rows(w.view(), 1, 0).unwrap();
        for rank in 0..11 {
            let found = truncate_clusters(w.view(), &labels, rank * 28, 1).unwrap();
            assert_eq!(found.matrix, truncate_matrix(w.view(), rank, Method::Auto, 1).unwrap());
            assert_eq!((found.ranks, found.parameters), (vec![rank], rank * 28));
        }
    }

    #[test]
    fn at_equal_size_clusters_beat_one_truncation_where_groups_lie_in_subspaces_of_their_own() {
        // The rows of each group span two directions of their own, four together; a plain truncation to rank 3 loses
        // one.
        let n = 60;
        let directions = gaussian(4, n, 75);
        let weights = gaussian(200, 2, 76);
        let at = |i: usize, j: usize| {
            let group = i % 2;
            let along = |d: usize| weights.row(i)[d] * directions.row(2 * group + d)[j];
            along(0) + along(1) + if group == 0 { 8.0 } else { -8.0 } * directions.row(2 * group)[j]
        };
        let w = Matrix::new(200, n, (0..200 * n).map(|x| at(x / n, x % n)).collect()).unwrap();
        let labels = cluster_rows(w.view(), 2, 0).unwrap();
        let budget = 3 * (200 + n);
        let clustered = truncate_clusters(w.view(), &labels, budget, 1).unwrap();
        assert!(clustered.parameters <= budget);
        let plain = truncate_matrix(w.view(), 3, Method::Auto, 1).unwrap();
        let [c, p] = [&clustered.matrix, &plain].map(|x| relative_error(x.view(), w.view()));
        assert!(c < 1e-5 && p > 0.05, "clustered {c}, plain {p}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

        /// Checks that the budget holds, that no further component fits into it, and that each cluster is truncated on
        /// its own.
        #[test]
        fn the_budget_is_kept_and_spent(
            m in 2usize..14,
            n in 1usize..14,
            k in 1usize..5,
            rank in 0usize..6,
            seed in 0u64..99,
        ) {
            let (w, k) = (gaussian(m, n, seed), k.min(m));
            let labels = cluster_rows(w.view(), k, seed).unwrap();
            let budget = rank * (m + n);
            let found = truncate_clusters(w.view(), &labels, budget, 1).unwrap();
            prop_assert!(found.parameters <= budget);
            let mut parameters = 0;
            for (label, &rank) in found.ranks.iter().enumerate() {
                let rows: Vec<usize> = (0..m).filter(|&i| labels[i] == label).collect();
                let part = |w: &Matrix| {
                    let data = rows.iter().flat_map(|&i| w.row(i)).copied().collect();
                    Matrix::new(rows.len(), n, data).unwrap()
                };
                prop_assert_eq!(rank < rows.len().min(n) && found.parameters + rows.len() + n <= budget, false);
                parameters += rank * (rows.len() + n);
                let svd = decompose(part(&w).view(), Method::Auto, 1).unwrap();
                let full = rank == svd.s.len();
                let expected = if full { part(&w) } else { truncate(&svd, rank).materialise(1) };
                prop_assert_eq!(expected, part(&found.matrix));
            }
            prop_assert_eq!(parameters, found.parameters);
        }
    }
}
