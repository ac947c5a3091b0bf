//! The activation of an MLP, alone or gated: `f(x)` and `f(gate)·up`.

use candle_core::Tensor;
use multiversion::multiversion;

use super::{differentiable, exp, host_rows, is_fused, with_values};
use crate::Result;

/// Which function an MLP applies to each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x·σ(x)` with `σ(x) = 1/(1 + e⁻ˣ)`.
    Silu,
    /// `x·Φ(x)` with the normal distribution function `Φ`.
    Gelu,
    /// `x·½·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, which approximates [`Self::Gelu`].
    GeluTanh,
    /// `x·σ(1.702·x)`, a coarser approximation.
    GeluQuick,
    /// `max(x, 0)`.
    Relu,
    /// `max(x, 0)²`.
    ReluSquared,
}

/// The names that configurations use.
const BY_NAME: [(&str, Activation); 9] = [
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("quick_gelu", Activation::GeluQuick),
    ("relu", Activation::Relu),
    ("relu2", Activation::ReluSquared),
];

impl Activation {
    /// The names that [`Self::from_name`] knows, for messages.
    pub const NAMES: [&'static str; BY_NAME.len()] = {
        let (mut names, mut i) = ([""; BY_NAME.len()], 0);
        while i < names.len() {
            names[i] = BY_NAME[i].0;
            i += 1;
        }
        names
    };

    /// The function that Hugging Face configurations call `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        BY_NAME.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }
}

/// `f(x)` of `x [rows,width]` → the same shape.
pub fn activate(x: &Tensor, f: Activation) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    if is_fused(x) {
        let mut y = vec![0f32; rows * width];
        with_values(x, |x| values(&mut y, x, None, f))?;
        return host_rows(y, rows, width);
    }
    if differentiable::applies(x) {
        return differentiable::activate(x, f);
    }
    composed(x, f)
}

/// `f(gate)·up` of `gate [a,width]`, `up [b,width]` → `[max(a,b),width]`; the one with fewer rows is repeated (`a`
/// divides `b` or the reverse), which is how a variant of one matrix meets the other that all variants share.
pub fn gated(gate: &Tensor, up: &Tensor, f: Activation) -> Result<Tensor> {
    let ((a, width), (b, _)) = (gate.dims2()?, up.dims2()?);
    let rows = a.max(b);
    if is_fused(gate) {
        let mut y = vec![0f32; rows * width];
        with_values(gate, |gate| {
            with_values(up, |up| {
                if gate.is_empty() || up.is_empty() {
                    return;
                }
                let block = gate.len().min(up.len());
                for (i, y) in y.chunks_exact_mut(block).enumerate() {
                    let part = |all: &'_ [f32]| {
                        let start = (i * block) % all.len();
                        start..start + block
                    };
                    values(y, &gate[part(gate)], Some(&up[part(up)]), f);
                }
            })
        })??;
        return host_rows(y, rows, width);
    }
    if differentiable::applies(gate) && a == b {
        return differentiable::gated(gate, up, f);
    }
    composed_gated(gate, up, f)
}

/// `f(gate)·up` through the tensor library.
pub(super) fn composed_gated(gate: &Tensor, up: &Tensor, f: Activation) -> Result<Tensor> {
    let (a, b) = (gate.dim(0)?, up.dim(0)?);
    let rows = a.max(b);
    let expand = |t: &Tensor, n: usize| if n == rows { Ok(t.clone()) } else { t.repeat((rows / n, 1)) };
    Ok((composed(&expand(gate, a)?, f)? * expand(up, b)?)?)
}

/// `f(x)` through the tensor library.
pub(super) fn composed(x: &Tensor, f: Activation) -> Result<Tensor> {
    Ok(match f {
        Activation::Silu => x.silu()?,
        Activation::Gelu => x.gelu_erf()?,
        Activation::GeluTanh => x.gelu()?,
        Activation::GeluQuick => ((x * QUICK)?.silu()? / QUICK)?,
        Activation::Relu => x.relu()?,
        Activation::ReluSquared => x.relu()?.sqr()?,
    })
}

const QUICK: f64 = 1.702;

/// `$y = $value·$factor`, a factor for each value or none. No closure, because one that is not inlined stays scalar.
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

/// `y = f(x)·factor`, a factor for each value or none.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn values(y: &mut [f32], x: &[f32], factor: Option<&[f32]>, f: Activation) {
    match f {
        Activation::Silu => fill!(y, x, factor, |x| x / (1.0 + exp(-x))),
        Activation::Gelu => fill!(y, x, factor, |x| x.max(0.0) - x.abs() * normal(x).0),
        Activation::GeluTanh => fill!(y, x, factor, |x| x / (1.0 + exp(-logit(x)))),
        Activation::GeluQuick => fill!(y, x, factor, |x| x / (1.0 + exp(-QUICK as f32 * x))),
        Activation::Relu => fill!(y, x, factor, |x| relu(x)),
        Activation::ReluSquared => fill!(y, x, factor, |x| relu(x) * relu(x)),
    }
}

/// `y = f′(x)·factor`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn slopes(y: &mut [f32], x: &[f32], factor: Option<&[f32]>, f: Activation) {
    // (x·σ(u))′ = σ(u)·(1 + x·u′·(1 − σ(u)))
    match f {
        Activation::Silu => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-x));
            s * (1.0 + x * (1.0 - s))
        }),
        Activation::Gelu => fill!(y, x, factor, |x| {
            let (tail, bell) = normal(x);
            0.5 + (0.5 - tail).copysign(x) + x * 0.398_942_3 * bell // Φ(x) + x·φ(x)
        }),
        Activation::GeluTanh => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-logit(x)));
            s * (1.0 + x * LOGIT * (1.0 + 3.0 * CUBIC * x * x) * (1.0 - s))
        }),
        Activation::GeluQuick => fill!(y, x, factor, |x| {
            let s = 1.0 / (1.0 + exp(-QUICK as f32 * x));
            s * (1.0 + QUICK as f32 * x * (1.0 - s))
        }),
        Activation::Relu => fill!(y, x, factor, |x| if x < 0.0 { 0.0 } else { 1.0 }),
        Activation::ReluSquared => fill!(y, x, factor, |x| 2.0 * relu(x)),
    }
}

/// `max(x, 0)`, and NaN of NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

const LOGIT: f32 = 1.595_769; // 2·√(2/π)
const CUBIC: f32 = 0.044_715;

/// `2·√(2/π)·(x + 0.044715·x³)`: half of one plus the hyperbolic tangent of `u` is `σ(2u)`.
#[inline(always)]
fn logit(x: f32) -> f32 {
    LOGIT * x * (1.0 + CUBIC * x * x)
}

/// `1 − Φ(|x|)`, with a relative error below 1e-6 up to 5, where it is 3e-7; and `e^(−x²/2)`.
///
/// Their ratio falls slowly; it is fitted by a polynomial in `t = 1/(1 + 0.37·|x|/√2)`.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

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
        }
    }

    /// Where `x` is so large that every sigmoid is one.
    fn naive_far(x: f64, f: Activation) -> f64 {
        if f == Activation::ReluSquared { x * x } else { x }
    }

    #[test]
    fn values_and_slopes_are_accurate() {
        let x: Vec<f32> = (-6000..6000).map(|i| i as f32 / 1000.0 + 1e-4).collect();
        for f in ALL {
            let (mut y, mut dy) = (vec![0f32; x.len()], vec![0f32; x.len()]);
            values(&mut y, &x, None, f);
            slopes(&mut dy, &x, None, f);
            for ((x, y), dy) in x.iter().zip(&y).zip(&dy) {
                let (x, y, dy) = (f64::from(*x), f64::from(*y), f64::from(*dy));
                let expected = naive(x, f);
                // Far below zero the values themselves are nearly nothing.
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

    #[test]
    fn gating_repeats_either_side() {
        let (many, few) = (random(6, 5), random(2, 5));
        for f in ALL {
            for (gate, up) in [(&many, &few), (&few, &many), (&many, &many)] {
                let y = gated(gate, up, f).expect("y").to_vec2::<f32>().expect("y");
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
}
