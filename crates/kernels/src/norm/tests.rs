//! Normalisation against its formula in f64, and gradients against the composed form.

use candle_core::Var;

use super::*;
use crate::testing::{check_gradients, difference, random, random_row};

#[test]
fn both_forms_equal_the_formula() {
    let shifted = (random(3, 2 * 37) * 3.0).and_then(|x| x + 5.0).expect("x");
    for kind in [NormKind::Rms, NormKind::Layer] {
        for bias in [None, Some(random_row(37))] {
            let norm = Norm { kind, weight: random_row(37), bias, eps: 1e-3 };
            let y = norm.apply(&shifted).expect("norm");
            assert!(difference(&y, &composed::normalise(&shifted, &norm).expect("composed")) < 1e-5);
            let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
            let (x, y, w) = (values(&shifted), values(&y), values(&norm.weight));
            let b = norm.bias.as_ref().map_or(vec![0.0; 37], values);
            for (x, y) in x.chunks(37).zip(y.chunks(37)) {
                let mean_of = |f: &dyn Fn(f64) -> f64| x.iter().map(|v| f(f64::from(*v))).sum::<f64>() / 37.0;
                let centre = if kind == NormKind::Layer { mean_of(&|v| v) } else { 0.0 };
                let spread = (mean_of(&|v| (v - centre).powi(2)) + 1e-3).sqrt();
                for i in 0..37 {
                    let expected = (f64::from(x[i]) - centre) / spread * f64::from(w[i]) + f64::from(b[i]);
                    assert!((f64::from(y[i]) - expected).abs() < 1e-5, "{kind:?}");
                }
            }
        }
    }
}

#[test]
fn values_and_gradients_equal_the_composed_form() {
    for kind in [NormKind::Rms, NormKind::Layer] {
        for bias in [None, Some(random_row(37))] {
            let x = Var::from_tensor(&random(4, 2 * 37)).expect("var");
            let norm = Norm { kind, weight: random_row(37), bias, eps: 1e-5 };
            let (kernel, composed) = (gradient::normalise(&x, &norm, None), composed::normalise(&x, &norm));
            check_gradients(&format!("{norm:?}"), &[&x], kernel, composed);
        }
    }
}
