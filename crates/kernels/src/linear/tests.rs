//! The linear operation against the tensor library, with packed and plain weights, and its gradients.

use candle_core::Var;

use super::*;
use crate::testing::{check_gradients, difference, random, random_row};

#[test]
fn linear_adds_bias_and_residual_packed_or_not() {
    let (x, w, residual) = (random(6, 8), random(3, 8), random(2, 3));
    let bias = random_row(3);
    let packed = Weight::new(w.clone()).expect("packs");
    assert!(matches!(packed, Weight::Packed(_)));
    for bias in [None, Some(&bias)] {
        for residual in [None, Some(&residual)] {
            let mut plain = x.matmul(&w.t().expect("t")).expect("matmul");
            if let Some(bias) = bias {
                plain = plain.broadcast_add(bias).expect("bias");
            }
            if let Some(residual) = residual {
                plain = (plain + residual.repeat((3, 1)).expect("three times")).expect("add");
            }
            for w in [&packed, &Weight::Tensor(w.clone())] {
                let y = linear(&x, w, bias, residual, 1).expect("linear");
                assert!(difference(&y, &plain) < 1e-5);
            }
        }
    }
}

#[test]
fn gradients_flow_through_packed_weights_and_to_tracked_ones() {
    let (x, w) = (random(4, 8), random(3, 8));
    let tracked = Var::from_tensor(&w).expect("variable");
    let weight = Weight::new(tracked.as_tensor().clone()).expect("stays a tensor");
    let second = Weight::new(random(5, 3)).expect("packs");
    let y = linear(&linear(&x, &weight, None, None, 1).expect("y"), &second, None, None, 1).expect("z");
    let gradients = y.sum_all().expect("sum").backward().expect("backward");
    // d/dW Σ (x·Wᵀ·Sᵀ) = (Sᵀ·1)·(1ᵀ·x)
    let columns = second.to_tensor().and_then(|s| s.sum_keepdim(0)?.t()).expect("[3,1]");
    let expected = columns.matmul(&x.sum_keepdim(0).expect("[1,8]")).expect("[3,8]");
    assert!(difference(gradients.get(&tracked).expect("a gradient"), &expected) < 1e-4);
}

#[test]
fn values_and_gradients_equal_the_composed_form() {
    let (x, w) = (Var::from_tensor(&random(5, 8)).expect("var"), random(3, 8));
    check_gradients("product", &[&x], gradient::product(&x, &w, None, None, None), composed::product(&x, &w));
}
