//! How far apart two models' distributions over words are.

/// Kullback–Leibler divergence KL(p‖q) of two rows of log-probabilities, `[words]`, nats, at least 0 up to rounding.
pub fn kl(p: &[f32], q: &[f32]) -> f64 {
    p.iter().zip(q).map(|(p, q)| f64::from(*p).exp() * (f64::from(*p) - f64::from(*q))).sum()
}

/// Jensen–Shannon divergence of two rows of log-probabilities, nats, 0..=ln 2: the mean divergence from their average.
pub fn js(p: &[f32], q: &[f32]) -> f64 {
    let term = |p: f64, mean: f64| if p > 0.0 { p * (p / mean).ln() } else { 0.0 };
    let half = |p: f32, q: f32| {
        let (p, q) = (f64::from(p).exp(), f64::from(q).exp());
        let mean = 0.5 * (p + q);
        0.5 * (term(p, mean) + term(q, mean))
    };
    p.iter().zip(q).map(|(p, q)| half(*p, *q)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergences_of_known_distributions() {
        let [p, q, r] = [[0.5f32, 0.25, 0.25], [0.25, 0.25, 0.5], [1e-30, 1.0, 1e-30]].map(|row| row.map(f32::ln));
        let expected = 0.5 * 2f64.ln() + 0.25 * 0.5f64.ln();
        assert!((kl(&p, &q) - expected).abs() < 1e-6);
        assert!(kl(&p, &p).abs() < 1e-12 && js(&q, &q).abs() < 1e-12);
        let mean = [0.375, 0.25, 0.375f64];
        let to_mean = |row: [f64; 3]| row.iter().zip(mean).map(|(p, m)| p * (p / m).ln()).sum::<f64>();
        let expected = 0.5 * (to_mean([0.5, 0.25, 0.25]) + to_mean([0.25, 0.25, 0.5]));
        assert!((js(&p, &q) - expected).abs() < 1e-6 && (js(&q, &p) - expected).abs() < 1e-6);
        assert!(js(&p, &r) < 2f64.ln() && js(&p, &r) > 0.3);
    }
}
