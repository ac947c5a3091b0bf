//! Activation functions and their derivatives as CPU kernels: takes and gives plain values.

use std::borrow::Cow;

use multiversion::multiversion;

use super::{Activation, GELU_QUICK_FACTOR, GateBounds, Xielu};
use crate::elementary::{exp, exp_m1};

/// `y[i] = value(x[i])·factor[i]`, or `y[i] = value(x[i])` without factors. A macro instead of a function that takes a
/// closure: the loop over a closure that the compiler does not inline would not be vectorised.
macro_rules! fill {
    ($y:ident, $x:ident, $factor:ident, |$v:ident| $value:expr) => {
        match $factor {
            Some(factor) => {
                for ((y, &$v), factor) in $y.iter_mut().zip($x).zip(factor) {
                    *y = $value * factor;
                }
            }
            None => {
                for (y, &$v) in $y.iter_mut().zip($x) {
                    *y = $value;
                }
            }
        }
    };
}

/// `y = f(gate)·up`; of `gate` and `up` the shorter slice is repeated until it is as long as `y`.
pub(super) fn gated(y: &mut [f32], gate: &[f32], up: &[f32], f: Activation, bounds: Option<GateBounds>) {
    if gate.is_empty() || up.is_empty() {
        return;
    }
    let [gate, up] = &within(gate, up, bounds);
    let block = gate.len().min(up.len());
    for (i, y) in y.chunks_exact_mut(block).enumerate() {
        let part = |all: &'_ [f32]| {
            let start = (i * block) % all.len();
            start..start + block
        };
        values(y, &gate[part(gate)], Some(&up[part(up)]), f);
    }
}

/// The two factors of a gated activation within their bounds, if it has any.
pub(super) fn within<'a>(gate: &'a [f32], up: &'a [f32], bounds: Option<GateBounds>) -> [Cow<'a, [f32]>; 2] {
    match bounds {
        None => [gate.into(), up.into()],
        Some(bounds) => {
            [gate.iter().map(|gate| bounds.gate(*gate)).collect(), up.iter().map(|up| bounds.up(*up)).collect()]
        }
    }
}

/// `y = f(x)·factor`, with a factor for each value, or without factors.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn values(y: &mut [f32], x: &[f32], factor: Option<&[f32]>, f: Activation) {
    match f {
        Activation::Silu => fill!(y, x, factor, |x| x / (1.0 + exp(-x))),
        // x·Φ(x): x·(1 − tail) above zero, x·tail below it
        Activation::Gelu => fill!(y, x, factor, |x| x.max(0.0) - x.abs() * normal_tail(x).0),
        Activation::GeluTanh => fill!(y, x, factor, |x| x / (1.0 + exp(-tanh_gelu_argument(x)))),
        Activation::GeluQuick => fill!(y, x, factor, |x| x / (1.0 + exp(-GELU_QUICK_FACTOR as f32 * x))),
        Activation::Relu => fill!(y, x, factor, |x| relu(x)),
        Activation::ReluSquared => fill!(y, x, factor, |x| relu(x) * relu(x)),
        Activation::Xielu(parameters) => {
            let ((p, n), Xielu { beta, eps, .. }) = (parameters.factors(), parameters);
            fill!(y, x, factor, |x| beta * x + if x > 0.0 { p * x * x } else { n * (exp_m1(x.min(eps)) - x) });
        }
    }
}

/// `y = f′(x)·factor`, with a factor for each value, or without factors.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn derivatives(y: &mut [f32], x: &[f32], factor: Option<&[f32]>, f: Activation) {
    // For all functions with a sigmoid: (x·σ(u))′ = σ(u)·(1 + x·u′·(1 − σ(u))).
    match f {
        Activation::Silu => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-x));
            s * (1.0 + x * (1.0 - s))
        }),
        Activation::Gelu => fill!(y, x, factor, |x| {
            let (tail, bell) = normal_tail(x);
            0.5 + (0.5 - tail).copysign(x) + x * 0.398_942_3 * bell // Φ(x) + x·φ(x), where φ(x) = bell/√(2π)
        }),
        Activation::GeluTanh => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-tanh_gelu_argument(x)));
            s * (1.0 + x * TANH_GELU_SCALE * (1.0 + 3.0 * TANH_GELU_CUBIC * x * x) * (1.0 - s))
        }),
        Activation::GeluQuick => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-GELU_QUICK_FACTOR as f32 * x));
            s * (1.0 + GELU_QUICK_FACTOR as f32 * x * (1.0 - s))
        }),
        Activation::Relu => fill!(y, x, factor, |x| if x < 0.0 { 0.0 } else { 1.0 }),
        Activation::ReluSquared => fill!(y, x, factor, |x| 2.0 * relu(x)),
        Activation::Xielu(parameters) => {
            let ((p, n), Xielu { beta, eps, .. }) = (parameters.factors(), parameters);
            fill!(y, x, factor, |x| {
                let below = if x < eps { exp_m1(x) } else { -1.0 }; // the exponential function is constant from eps on
                beta + if x > 0.0 { 2.0 * p * x } else { n * below }
            });
        }
    }
}

/// `max(x, 0)`; NaN stays NaN, which `f32::max` would turn into zero.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

const TANH_GELU_SCALE: f32 = 1.595_769; // 2·√(2/π)
const TANH_GELU_CUBIC: f32 = 0.044_715;

/// `u = 2·√(2/π)·(x + 0.044715·x³)`, so that [`Activation::GeluTanh`] is `x·σ(u)`: `½·(1 + tanh(u/2)) = σ(u)`.
#[inline(always)]
fn tanh_gelu_argument(x: f32) -> f32 {
    TANH_GELU_SCALE * x * (1.0 + TANH_GELU_CUBIC * x * x)
}

/// `(1 − Φ(|x|), e^(−x²/2))` with the normal distribution function `Φ`. The relative error of the first is below 1e-6
/// for `|x|` up to 5, where the value is 3e-7.
///
/// The ratio of the two falls slowly; it is approximated by a polynomial in
/// `t = 1/(1 + 0.37·|x|/√2)`.
#[inline(always)]
fn normal_tail(x: f32) -> (f32, f32) {
    const P: [f32; 9] = [
        0.104_406_87,
        0.103_714_92,
        0.103_127_01,
        0.053_260_184,
        0.155_400_97,
        -0.142_655_92,
        0.243_420_93,
        -0.151_636_53,
        0.030_961_555,
    ];
    let t = 1.0 / (1.0 + 0.261_629_5 * x.abs());
    let p = P.iter().rev().fold(0.0, |sum, p| sum * t + p);
    let bell = exp(-0.5 * x * x);
    (bell * (p * t), bell)
}
