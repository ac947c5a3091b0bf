//! The parameters of xIELU (arXiv 2411.13010), an activation function that is learned with the weights.

/// Parameters of xIELU, as model files store them.
///
/// With `p = ln(1 + e^alpha_p)` and `n = beta + ln(1 + e^alpha_n)`, the function is `p·x² + beta·x` above zero, and
/// `n·(e^min(x, eps) − 1 − x) + beta·x` elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xielu {
    /// Curvature above zero, before the softplus that keeps it positive.
    pub alpha_p: f32,
    /// Curvature below zero, less `beta` and before the softplus.
    pub alpha_n: f32,
    /// Slope at zero.
    pub beta: f32,
    /// Largest argument of the exponential function, a negative number close to zero.
    pub eps: f32,
}

impl Xielu {
    /// The parameters before any training, those of transformers' class: both curvatures are 0.8.
    pub const INITIAL: Self = Self { alpha_p: 0.203_382_32, alpha_n: -1.050_225_6, beta: 0.5, eps: -1e-6 };

    /// The factors `(p, n)` above and below zero, computed in f32. transformers computes them in the type of the model.
    pub(super) fn factors(self) -> (f32, f32) {
        (softplus(self.alpha_p), self.beta + softplus(self.alpha_n))
    }
}

/// `ln(1 + eˣ)`; from 20 on it is `x`, as in the reference, which differs by less than the rounding.
fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_factors_are_those_of_the_paper() {
        let (p, n) = Xielu::INITIAL.factors();
        assert!((p - 0.8).abs() < 1e-6 && (n - 0.8).abs() < 1e-6, "{p} {n}");
        let (p, n) = Xielu { alpha_p: 1000.0, alpha_n: -1000.0, ..Xielu::INITIAL }.factors();
        assert_eq!((p, n), (1000.0, 0.5));
    }
}
