//! Matrices at the edges of what numbers and shapes can be: zeros, equal singular values, one row or column, subnormal
//! entries, entries near the largest f32, NaN. Every way to reduce a matrix gives finite values or an error that says why.

use laser_linalg::{
    Covariance, LinalgError, LowRank, Matrix, Method, Spectrum, Svd, Tolerance, WhitenedSvd, cluster_rows, decompose,
    keep_components, keep_largest, randomized_svd, relative_error, truncate, truncate_clusters, truncate_matrix,
};

/// Entries that look irregular and lie between −1 and 1.
fn irregular(m: usize, n: usize) -> Matrix {
    let entry = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
    Matrix::new(m, n, (0..m * n).map(entry).collect()).expect("m·n entries")
}

fn scaled(w: &Matrix, scale: f32) -> Matrix {
    Matrix::new(w.rows(), w.cols(), w.data().iter().map(|x| x * scale).collect()).expect("the same shape")
}

/// The matrix after every kind of reduction to `rank`.
fn reduced(w: &Matrix, rank: usize) -> Vec<(&'static str, Result<Matrix, LinalgError>)> {
    let view = w.view();
    let mut inputs = Covariance::new(w.cols());
    inputs.add(irregular(5, w.cols()).view(), &[1.0; 5], 1).expect("finite inputs");
    let randomized = || truncate(&randomized_svd(view, rank, 2, 7)?, rank).materialise_finite(1);
    let whitened = || WhitenedSvd::new(view, &inputs, 1)?.truncate(rank)?.materialise_finite(1);
    let components = || {
        let svd = decompose(view, Method::Thin, 1)?;
        let last: Vec<usize> = (svd.s.len() - rank..svd.s.len()).collect();
        keep_components(&svd, &last).materialise_finite(1)
    };
    let clusters = || {
        let labels = cluster_rows(view, w.rows().min(2), 0)?;
        Ok(truncate_clusters(view, &labels, rank * (w.rows() + w.cols()), 1)?.matrix)
    };
    vec![
        ("gram", truncate_matrix(view, rank, Method::Gram, 1)),
        ("thin", truncate_matrix(view, rank, Method::Thin, 1)),
        ("randomized", randomized()),
        ("whitened", whitened()),
        ("components", components()),
        ("clusters", clusters()),
        ("magnitude", keep_largest(view, rank * (w.rows() + w.cols()))),
    ]
}

#[test]
fn a_matrix_of_zeros_stays_one_and_loses_nothing() {
    for (m, n) in [(1, 1), (4, 4), (3, 9), (9, 3), (1, 6), (6, 1), (70, 70)] {
        let zeros = Matrix::zeros(m, n);
        for rank in 0..=m.min(n) {
            for (name, found) in reduced(&zeros, rank) {
                let found = found.unwrap_or_else(|e| panic!("{name}, {m} x {n}, rank {rank}: {e}"));
                assert!(found.data().iter().all(|x| *x == 0.0), "{name}, {m} x {n}, rank {rank}");
                assert_eq!(relative_error(found.view(), zeros.view()), 0.0, "{name}");
            }
        }
        let svd = decompose(zeros.view(), Method::Auto, 1).expect("decomposes");
        assert_eq!(LowRank::relative_error(&svd, 0), 0.0);
        let spectrum = Spectrum::new(svd.s, m, n).expect("a spectrum");
        let statistics = [spectrum.effective_rank(), spectrum.stable_rank(), spectrum.noise_variance()];
        assert!(statistics.iter().all(|x| *x == 0.0), "{statistics:?}");
        assert!(spectrum.noise_bulk().end <= m.min(n));
    }
}

#[test]
fn one_row_or_column_has_one_component() {
    for (m, n) in [(1, 7), (7, 1), (1, 1), (1, 300), (300, 1)] {
        let w = irregular(m, n);
        let tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };
        for (name, found) in reduced(&w, 1) {
            let found = found.unwrap_or_else(|e| panic!("{name}, {m} x {n}: {e}"));
            assert_eq!([found.rows(), found.cols()], [m, n], "{name}");
            if name == "clusters" {
                continue; // the factors of one component of each of two clusters are more than those of the whole
            }
            tolerance.check(found.data(), w.data()).unwrap_or_else(|e| panic!("{name}, {m} x {n}: {e}"));
        }
        for (name, found) in reduced(&w, 0) {
            assert!(found.expect(name).data().iter().all(|x| *x == 0.0), "{name}, {m} x {n}");
        }
    }
}

/// With equal singular values the components are not unique, but the error of every rank is.
#[test]
fn equal_singular_values_lose_the_same_whichever_components_are_kept() {
    let n = 8;
    let hadamard = |i: usize| if ((i / n) & (i % n)).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
    let w = Matrix::new(n, n, (0..n * n).map(hadamard).collect()).expect("8 x 8");
    let identity = Matrix::new(n, n, (0..n * n).map(|i| f32::from(u8::from(i % (n + 1) == 0))).collect());
    for w in [w, identity.expect("8 x 8")] {
        for rank in 0..=n {
            let lost = ((n - rank) as f64 / n as f64).sqrt();
            for (name, found) in reduced(&w, rank) {
                if ["clusters", "magnitude"].contains(&name) {
                    continue; // these keep values, not components of the whole
                }
                let error = relative_error(found.expect(name).view(), w.view());
                // Whitened components are orthogonal directions of the outputs, so that they lose the same here.
                assert!((error - lost).abs() < 1e-5, "{name}, rank {rank}: {error}, expected {lost}");
            }
        }
    }
}

#[test]
fn subnormal_entries_are_reduced_like_others() {
    let w = irregular(12, 9);
    for scale in [f32::MIN_POSITIVE, f32::MIN_POSITIVE / 1024.0, f32::from_bits(40)] {
        let small = scaled(&w, scale);
        for (name, found) in reduced(&small, 4) {
            let found = found.unwrap_or_else(|e| panic!("{name}, {scale:e}: {e}"));
            let error = relative_error(found.view(), small.view());
            assert!(error.is_finite() && error <= 1.5, "{name}, {scale:e}: {error}");
        }
        let svd = decompose(small.view(), Method::Auto, 1).expect("decomposes");
        let spectrum = Spectrum::new(svd.s, 12, 9).expect("a spectrum");
        assert!((1.0..=9.0).contains(&spectrum.stable_rank()), "{}", spectrum.stable_rank());
    }
}

#[test]
fn values_beyond_f32_are_an_error_and_never_infinite() {
    // Equal entries of 3e38: the singular value is 3e38·√(12·9), which no f32 holds.
    let constant = Matrix::new(12, 9, vec![3e38; 108]).expect("12 x 9");
    let error = truncate_matrix(constant.view(), 1, Method::Auto, 1).expect_err("too large");
    assert!(matches!(error, LinalgError::Overflow { rank: 1, .. }), "{error}");
    assert!(error.to_string().contains("too large for f32"), "{error}");
    for w in [constant, scaled(&irregular(12, 9), 3.3e38), scaled(&irregular(9, 12), 1e37)] {
        for rank in 1..9 {
            for (name, found) in reduced(&w, rank) {
                match found {
                    Ok(found) => assert!(found.data().iter().all(|x| x.is_finite()), "{name}, rank {rank}"),
                    Err(error) => {
                        assert!(matches!(error, LinalgError::Overflow { .. }), "{name}, rank {rank}: {error}")
                    }
                }
            }
        }
    }
}

#[test]
fn every_reduction_names_the_place_of_a_nan_or_an_infinity() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut data = irregular(5, 4).into_data();
        data[2 * 4 + 3] = bad;
        let w = Matrix::new(5, 4, data).expect("5 x 4");
        for (name, found) in reduced(&w, 2) {
            let error = found.expect_err(name);
            assert!(matches!(error, LinalgError::NotFinite { row: 2, col: 3, .. }), "{name}: {error}");
        }
    }
    let svd = Svd { u: Matrix::zeros(1, 1), s: vec![f64::NAN], vt: Matrix::zeros(1, 1) };
    Spectrum::new(svd.s, 1, 1).expect_err("NaN is no singular value");
}
