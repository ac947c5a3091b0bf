//! Accuracy of the kernels against definitions in f64, and of their gradients against the composed form.

use candle_core::Var;

use super::fused::{derivatives, values};
use super::*;
use crate::testing::{check_gradients, random};

const ALL: [Activation; 6] = [
    Activation::Silu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::GeluQuick,
    Activation::Relu,
    Activation::ReluSquared,
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `Φ(x)` for `|x| ≤ 6` by Marsaglia's series, `½ + φ(x)·Σ x^(2k+1)/(1·3·…·(2k+1))`.
fn distribution(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while term.abs() > 1e-18 {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// `f(x)` by its definition.
fn naive(x: f64, f: Activation) -> f64 {
    match f {
        Activation::Silu => x * sigmoid(x),
        Activation::Gelu => x * distribution(x),
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        }
        Activation::GeluQuick => x * sigmoid(1.702 * x),
        Activation::Relu => x.max(0.0),
        Activation::ReluSquared => x.max(0.0).powi(2),
        Activation::Xielu(parameters) => naive_xielu(x, parameters),
    }
}

/// xIELU by its definition, with factors in f64.
fn naive_xielu(x: f64, Xielu { alpha_p, alpha_n, beta, eps }: Xielu) -> f64 {
    let softplus = |alpha: f32| (1.0 + f64::from(alpha).exp()).ln();
    let (p, n, beta) = (softplus(alpha_p), f64::from(beta) + softplus(alpha_n), f64::from(beta));
    if x > 0.0 { p * x * x + beta * x } else { (x.min(f64::from(eps)).exp() - 1.0 - x) * n + beta * x }
}

/// Parameters of which no two factors are equal.
const LEARNED: Xielu = Xielu { alpha_p: 0.7, alpha_n: -0.4, beta: 0.5, eps: -1e-6 };

/// `f(x)` for an `x` so large that every sigmoid is one.
fn naive_far(x: f64, f: Activation) -> f64 {
    if f == Activation::ReluSquared { x * x } else { x }
}

#[test]
fn values_and_derivatives_are_accurate() {
    let x: Vec<f32> = (-6000..6000).map(|i| i as f32 / 1000.0 + 1e-4).collect();
    for f in ALL {
        let (mut y, mut dy) = (vec![0f32; x.len()], vec![0f32; x.len()]);
        values(&mut y, &x, None, f);
        derivatives(&mut dy, &x, None, f);
        for ((x, y), dy) in x.iter().zip(&y).zip(&dy) {
            let (x, y, dy) = (f64::from(*x), f64::from(*y), f64::from(*dy));
            let expected = naive(x, f);
            // Far below zero the values are so small that only the absolute error counts.
            let tolerance = 2e-6 * expected.abs() + if x < -3.0 { 2e-9 } else { 0.0 };
            assert!((y - expected).abs() <= tolerance, "{f:?}({x}) = {y}, not {expected}");
            let expected = (naive(x + 1e-5, f) - naive(x - 1e-5, f)) / 2e-5;
            assert!((dy - expected).abs() < 2e-6 * expected.abs().max(1.0), "{f:?}'({x}) = {dy}, not {expected}");
        }
        let mut far = [0f32; 4];
        values(&mut far, &[-1e4, -100.0, 100.0, 1e4], None, f);
        let [zero, none, hundred, large] = far.map(f64::from);
        assert!(zero.abs() < 1e-30 && none.abs() < 1e-30, "{f:?} far below zero: {far:?}");
        assert_eq!((hundred, large), (naive_far(100.0, f), naive_far(1e4, f)), "{f:?} far above zero");
        values(&mut far[..1], &[f32::NAN], None, f);
        assert!(far[0].is_nan(), "{f:?} of NaN: {}", far[0]);
    }
}

/// Bounds that random values exceed.
const BOUNDS: GateBounds = GateBounds { limit: 0.6, up_offset: 1.0 };

/// The gated activation with bounds by its definition.
fn naive_within(gate: f64, up: f64, f: Activation, bounds: GateBounds) -> f64 {
    let limit = f64::from(bounds.limit);
    naive(gate.min(limit), f) * (up.max(-limit).min(limit) + f64::from(bounds.up_offset))
}

#[test]
fn gated_repeats_the_tensor_with_fewer_rows() {
    let (many, few) = (random(6, 5), random(2, 5));
    for f in ALL {
        for (gate, up) in [(&many, &few), (&few, &many), (&many, &many)] {
            let y = gated(gate, up, f, None).expect("y").to_vec2::<f32>().expect("y");
            let (g, u) = (gate.to_vec2::<f32>().expect("g"), up.to_vec2::<f32>().expect("u"));
            for (i, row) in y.iter().enumerate() {
                for (j, y) in row.iter().enumerate() {
                    let (g, u) = (f64::from(g[i % g.len()][j]), f64::from(u[i % u.len()][j]));
                    assert!((f64::from(*y) - naive(g, f) * u).abs() < 1e-5);
                }
            }
        }
    }
}

#[test]
fn bounded_gates_equal_their_definition_and_keep_nan() {
    let (many, few) = (random(6, 5), random(2, 5));
    let beyond =
        many.to_vec2::<f32>().expect("values").into_iter().flatten().filter(|v| v.abs() > BOUNDS.limit).count();
    assert!((1..30).contains(&beyond), "some values are within the bounds and some beyond them: {beyond} of 30");
    for f in ALL {
        for (gate, up) in [(&many, &few), (&few, &many), (&many, &many)] {
            let forms = [gated(gate, up, f, Some(BOUNDS)), composed::gated(gate, up, f, Some(BOUNDS))];
            let (g, u) = (gate.to_vec2::<f32>().expect("g"), up.to_vec2::<f32>().expect("u"));
            for y in forms {
                for (i, row) in y.expect("y").to_vec2::<f32>().expect("y").iter().enumerate() {
                    for (j, y) in row.iter().enumerate() {
                        let (g, u) = (f64::from(g[i % g.len()][j]), f64::from(u[i % u.len()][j]));
                        assert!((f64::from(*y) - naive_within(g, u, f, BOUNDS)).abs() < 1e-5, "{f:?} {g} {u}: {y}");
                    }
                }
            }
        }
    }
    assert!(BOUNDS.gate(f32::NAN).is_nan() && BOUNDS.up(f32::NAN).is_nan());
}

/// Compares the gradients with difference quotients of the definition, within and beyond the bounds.
#[test]
fn gradients_with_bounds_equal_difference_quotients() {
    let points = [-2.0, -0.61, -0.59, -0.2, 0.0, 0.3, 0.59, 0.61, 2.0];
    let all: Vec<(f64, f64)> = points.iter().flat_map(|g| points.map(|u| (*g, u))).collect();
    let column = |pick: fn(&(f64, f64)) -> f64| {
        let values = all.iter().map(|pair| pick(pair) as f32).collect();
        Var::from_tensor(&host_rows(values, all.len(), 1).expect("rows")).expect("var")
    };
    let (gate, up) = (column(|pair| pair.0), column(|pair| pair.1));
    // Without the functions that have a corner at zero.
    for f in [Activation::Silu, Activation::Gelu, Activation::GeluQuick, Activation::ReluSquared] {
        let y = gated(&gate, &up, f, Some(BOUNDS)).and_then(|y| y.sum_all()).expect("a scalar");
        let gradients = y.backward().expect("backward");
        let of = |var: &Var| {
            let gradient = gradients.get(var).expect("a gradient").flatten_all().expect("flat");
            gradient.to_vec1::<f32>().expect("values")
        };
        for ((g, u), (dg, du)) in all.iter().zip(of(&gate).into_iter().zip(of(&up))) {
            let at = |g: f64, u: f64| naive_within(g, u, f, BOUNDS);
            let expected = [at(g + 1e-5, *u) - at(g - 1e-5, *u), at(*g, u + 1e-5) - at(*g, u - 1e-5)].map(|d| d / 2e-5);
            for (found, expected) in [f64::from(dg), f64::from(du)].into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{f:?} at {g}, {u}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn values_and_gradients_equal_the_composed_form() {
    let var = |rows, cols| Var::from_tensor(&random(rows, cols)).expect("var");
    for name in Activation::NAMES {
        let f = Activation::from_name(name).expect("a known name");
        let (x, up) = (var(3, 20), var(3, 20));
        check_gradients(name, &[&x], gradient::activate(&x, f), composed::activate(&x, f));
        check_gradients(name, &[&x, &up], gradient::gated(&x, &up, f, None), composed::gated(&x, &up, f, None));
        let (kernel, composed) = (gradient::gated(&x, &up, f, Some(BOUNDS)), composed::gated(&x, &up, f, Some(BOUNDS)));
        check_gradients(name, &[&x, &up], kernel, composed);
    }
}

#[test]
fn xielu_is_accurate_and_differentiable() {
    let f = Activation::Xielu(LEARNED);
    let mut x: Vec<f32> = (-6000..6000).map(|i| i as f32 / 500.0 + 1e-4).collect();
    x.extend([-1e4, -100.0, -1e-3, -1e-5, 1e-5, 1e-3, 100.0, 1e4]);
    let (mut y, mut dy) = (vec![0f32; x.len()], vec![0f32; x.len()]);
    values(&mut y, &x, None, f);
    derivatives(&mut dy, &x, None, f);
    for ((x, y), dy) in x.iter().zip(&y).zip(&dy) {
        let (x, y, dy) = (f64::from(*x), f64::from(*y), f64::from(*dy));
        let expected = naive(x, f);
        // Below zero, f has a second zero, so that there only the error beside x counts.
        assert!((y - expected).abs() <= 2e-6 * expected.abs().max(x.abs()), "xielu({x}) = {y}, not {expected}");
        let h = 1e-6 * x.abs().max(1e-3);
        let expected = (naive(x + h, f) - naive(x - h, f)) / (2.0 * h);
        assert!((dy - expected).abs() < 1e-5 * expected.abs().max(1.0), "xielu'({x}) = {dy}, not {expected}");
    }
    // Between eps and zero the exponential function is constant.
    let (wide, mut d) = (Activation::Xielu(Xielu { eps: -0.5, ..LEARNED }), [0f32; 2]);
    values(&mut d[..1], &[-0.25], None, wide);
    assert!((f64::from(d[0]) - naive(-0.25, wide)).abs() < 1e-6, "{d:?}");
    derivatives(&mut d, &[-0.25, -0.75], None, wide);
    for (x, d) in [-0.25, -0.75].into_iter().zip(d) {
        let expected = (naive(x + 1e-6, wide) - naive(x - 1e-6, wide)) / 2e-6;
        assert!((f64::from(d) - expected).abs() < 1e-5, "at {x}: {d}, not {expected}");
    }
    values(&mut d[..1], &[f32::NAN], None, f);
    assert!(d[0].is_nan());
}

#[test]
fn values_and_gradients_of_xielu_equal_the_composed_form() {
    let f = Activation::Xielu(LEARNED);
    let var = |rows, cols| Var::from_tensor(&random(rows, cols)).expect("var");
    let (x, up) = (var(7, 20), var(7, 20));
    check_gradients("xielu", &[&x], gradient::activate(&x, f), composed::activate(&x, f));
    check_gradients("xielu", &[&x, &up], gradient::gated(&x, &up, f, None), composed::gated(&x, &up, f, None));
    let far = Var::new(&[[-30f32, -8.0, -1e-3, 1e-3, 5.0]], &candle_core::Device::Cpu).expect("var");
    check_gradients("xielu far from zero", &[&far], gradient::activate(&far, f), composed::activate(&far, f));
}
