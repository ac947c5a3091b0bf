//! Every kind: its text, its arithmetic against naive sums of components, and when it leaves a matrix unchanged.

use std::collections::BTreeSet;

use laser_linalg::Svd;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::edit::decomposition::{Decomposer, SvdMethod};
use crate::error::Error;
use laser_model::weight_id::WeightId;

const ID: WeightId = WeightId::new(3, WeightKind::Gate);

fn reduction(text: &str) -> Reduction {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// Independent entries, uniform in -1..1.
fn uniform(m: usize, n: usize, seed: u64) -> Matrix {
    use rand::Rng;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Matrix::new(m, n, (0..m * n).map(|_| rng.random_range(-1.0..1.0)).collect()).expect("m·n values")
}

fn decomposer() -> Decomposer {
    Decomposer::new(SvdMethod::Exact, None, 1)
}

fn reduce(w: &Matrix, text: &str) -> ReducedMatrix {
    let decomposer = decomposer();
    let source = SourceMatrix::new(ID, w.clone(), &decomposer, None);
    reduction(text).reduce(&source).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The reduced matrix; the source itself if it is unchanged.
fn dense(w: &Matrix, text: &str) -> Matrix {
    reduce(w, text).matrix.unwrap_or_else(|| w.clone())
}

fn svd(w: &Matrix) -> Svd {
    decomposer().svd(ID, w).expect("decomposes")
}

/// Σ σᵢuᵢvᵢᵀ over the components `kept`.
fn sum(w: &Matrix, kept: impl Iterator<Item = usize> + Clone) -> Matrix {
    let svd = svd(w);
    let at = |x: usize| {
        let (i, j) = (x / w.cols(), x % w.cols());
        let term = |k: usize| svd.s[k] * f64::from(svd.u.row(i)[k]) * f64::from(svd.vt.row(k)[j]);
        kept.clone().map(term).sum::<f64>() as f32
    };
    Matrix::new(w.rows(), w.cols(), (0..w.data().len()).map(at).collect()).expect("m·n values")
}

fn assert_close(found: &Matrix, expected: &Matrix, what: &str) {
    let tolerance = laser_linalg::Tolerance { absolute: 1e-6, relative: 1e-6 };
    tolerance.check(found.data(), expected.data()).unwrap_or_else(|e| panic!("{what}: {e}"));
}

#[test]
fn displayed_texts_are_canonical_and_parse_back() {
    for (text, canonical) in [
        ("0.010", "0.01"),
        ("r40", "r40"),
        ("e.9", "e0.9"),
        ("band(.1..0.40)", "band(0.1..0.4)"),
        ("band( 0 .. 1 )", "band(0..1)"),
        ("bottom(0.25)", "bottom(0.25)"),
        ("drop-bulk", "drop-bulk"),
        ("random(0.10, 7)", "random(0.1,7)"),
        ("zero", "zero"),
        ("magnitude(0.1)", "magnitude(0.1)"),
        ("sparse(.10)", "sparse(0.1)"),
        ("clusters(8,0.1)", "clusters(8,0.1)"),
        ("whitened(1)", "whitened(1)"),
    ] {
        assert_eq!(reduction(text).to_string(), canonical);
        assert_eq!(reduction(canonical), reduction(text));
    }
    let list = Reduction::parse_list("0.1, band(0.1..0.4),random(0.1,7)").expect("a list");
    assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.1", "band(0.1..0.4)", "random(0.1,7)"]);
}

#[test]
fn errors_of_wrong_texts_name_the_known_forms() {
    for (text, expected) in [
        ("topmost", "band(0.1..0.4)"),
        ("rotate(0.1)", "drop-bulk"),
        ("random", "random(0.1,7)"),
        ("e(0.1)", "magnitude(0.1)"),
        ("", "number"),
        ("1.5", "above 1"),
        ("r", "no whole number"),
        ("band(0.1)", "no `..`"),
        ("band(0.4..0.1)", "0.4..0.1 is empty"),
        ("band(0.1..1.1)", "above 1"),
        ("bottom(0.1,2)", "expected bottom(0.1), found 2 arguments"),
        ("random(0.1)", "found 1 arguments"),
        ("random(0.1,-7)", "`-7` for a whole number"),
        ("random(0.1,7", "closing parenthesis"),
        ("clusters(0,0.1)", "0 clusters"),
        ("clusters(2.5,0.1)", "`2.5` for a whole number"),
        ("zero()", "no arguments"),
        ("whitened(-0.1)", "digits"),
    ] {
        let error = text.parse::<Reduction>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.contains(text), "{text}: {error}");
    }
}

#[test]
fn reductions_are_ordered() {
    let texts = ["zero", "0.2", "0.05", "r3", "random(0.1,2)", "random(0.1,1)", "band(0..0.2)", "band(0..0.1)", "0.2"];
    let set: BTreeSet<Reduction> = texts.iter().map(|t| reduction(t)).collect();
    let sorted: Vec<String> = set.iter().map(ToString::to_string).collect();
    let expected = ["0.05", "0.2", "r3", "band(0..0.1)", "band(0..0.2)", "random(0.1,1)", "random(0.1,2)", "zero"];
    assert_eq!(sorted, expected);
}

#[test]
fn reductions_that_choose_components_are_sums_of_components() {
    for (m, n) in [(20, 33), (33, 20), (20, 20)] {
        let w = uniform(m, n, 5);
        assert_close(&dense(&w, "0.3"), &sum(&w, 0..6), "leading");
        assert_close(&dense(&w, "band(0.1..0.45)"), &sum(&w, 2..9), "band");
        assert_close(&dense(&w, "bottom(0.3)"), &sum(&w, 14..20), "bottom");
        assert_eq!(dense(&w, "zero"), Matrix::zeros(m, n));
        // A band that begins at 0 is the truncation, to the bit.
        for rho in ["0.05", "0.3", "0.95"] {
            assert_eq!(dense(&w, &format!("band(0..{rho})")), dense(&w, rho));
        }
        let random = reduce(&w, "random(0.3,7)");
        assert_eq!((random.rank, random.parameters), (Some(6), 6 * (m + n)));
        assert!(random.matrix != reduce(&w, "random(0.3,8)").matrix);
        let rank = svd(random.matrix.as_ref().expect("reduced")).s.iter().filter(|s| **s > 1e-4).count();
        assert_eq!(rank, 6);
    }
}

#[test]
fn reported_errors_and_parameters_agree_with_the_reduced_matrix() {
    let w = uniform(20, 33, 6);
    for (text, rank, parameters) in [
        ("0.3", Some(6), 6 * 53),
        ("band(0.1..0.45)", Some(7), 7 * 53),
        ("bottom(0.3)", Some(6), 6 * 53),
        ("0.9", Some(18), 20 * 33), // the factors would be larger
        ("random(0.2,1)", Some(4), 4 * 53),
        ("zero", Some(0), 0),
        ("magnitude(0.3)", None, 6 * 53),
        ("sparse(0.3)", None, 198), // of 660 entries
    ] {
        let reduced = reduce(&w, text);
        assert_eq!((reduced.rank, reduced.parameters), (rank, parameters), "{text}");
        let matrix = reduced.matrix.expect("reduced");
        let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>();
        let lost = squares(&mut matrix.data().iter().zip(w.data()).map(|(a, b)| a - b));
        let error = (lost / squares(&mut w.data().iter().copied())).sqrt();
        assert!((reduced.relative_error - error).abs() < 1e-6, "{text}: {} and {error}", reduced.relative_error);
    }
    let entries = dense(&w, "magnitude(0.3)").data().iter().filter(|x| **x != 0.0).count();
    assert_eq!(entries, 6 * 53);
    let sparse = dense(&w, "sparse(0.3)");
    let smallest_kept = sparse.data().iter().filter(|x| **x != 0.0).fold(f32::INFINITY, |least, x| least.min(x.abs()));
    let larger = w.data().iter().filter(|x| x.abs() >= smallest_kept).count();
    assert_eq!(larger, 198, "all entries above the smallest one that is kept are kept");
    let clusters = reduce(&w, "clusters(3,0.3)");
    assert!(clusters.parameters <= 6 * 53 && clusters.rank.is_none());
    assert_eq!(dense(&w, "clusters(1,0.3)"), dense(&w, "0.3"), "one cluster is the plain truncation");
}

#[test]
fn reductions_that_keep_everything_leave_the_matrix_unchanged() {
    let w = uniform(12, 9, 7);
    for text in [
        "1",
        "r9",
        "e1",
        "band(0..1)",
        "bottom(1)",
        "random(1,3)",
        "magnitude(1)",
        "magnitude(0.7)",
        "sparse(1)",
        "clusters(2,1)",
        "whitened(1)",
    ] {
        let found = reduce(&w, text);
        assert_eq!((found.matrix, found.relative_error, found.parameters), (None, 0.0, 108), "{text}");
    }
}

#[test]
fn drop_bulk_removes_noise_and_keeps_planted_components() {
    // Noise of variance 1/3, and three planted directions whose singular values are well above the noise edge of about 16.
    let (m, n) = (100, 300);
    let noise = uniform(m, n, 8);
    let planted = |i: usize, j: usize| if i % 3 == j % 3 { 1.0 } else { 0.0 };
    let data = (0..m * n).map(|x| noise.data()[x] + planted(x / n, x % n)).collect();
    let w = Matrix::new(m, n, data).expect("m·n values");
    let found = reduce(&w, "drop-bulk");
    let rank = found.rank.expect("components");
    assert!((3..=5).contains(&rank), "three planted components and a few below the bulk: {rank}");
    let kept = found.matrix.expect("reduced");
    // The reduced matrix is much nearer to the planted matrix than the noisy one is.
    let distance = |a: &Matrix| {
        let pairs = a.data().iter().enumerate();
        pairs.map(|(x, a)| f64::from(a - planted(x / n, x % n)).powi(2)).sum::<f64>().sqrt()
    };
    assert!(distance(&kept) < 0.35 * distance(&w), "{} of {}", distance(&kept), distance(&w));
    assert_eq!(found.parameters, rank * (m + n));
}

#[test]
fn whitened_without_inputs_is_an_error_that_names_the_search() {
    let decomposer = decomposer();
    let source = SourceMatrix::new(ID, uniform(6, 8, 9), &decomposer, None);
    let error = reduction("whitened(0.5)").reduce(&source).expect_err("no inputs");
    assert!(matches!(&error, Error::Uncalibrated { edit } if edit == "L3.gate_proj@whitened(0.5)"));
    assert!(error.to_string().contains("search"), "{error}");
    assert!(reduction("whitened(0.5)").needs_activations() && !reduction("0.5").needs_activations());
}

#[test]
fn only_fractions_and_absolute_ranks_have_a_leading_rank() {
    let rank = |text: &str| reduction(text).leading_rank(50);
    assert_eq!(["0.1", "r7", "1", "0"].map(rank), [Some(5), Some(7), Some(50), Some(0)]);
    assert_eq!(["e0.9", "band(0..0.1)", "zero", "drop-bulk", "whitened(0.1)"].map(rank), [None; 5]);
}
