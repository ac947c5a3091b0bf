//! Distribution functions: of the standard normal and of Student's t.

/// P(X ≤ `z`) of the standard normal distribution, 0..=1.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// P(T ≤ `t`) of Student's t distribution with `df` > 0 degrees of freedom, 0..=1; NaN if `df` is not positive.
///
/// ½·I(df/(df + t²); df/2, ½) below 0 and the complement above, with the regularised incomplete beta function I.
pub fn student_t_cdf(t: f64, df: f64) -> f64 {
    if df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    // For small |t| the argument is close to 1, where the other tail is the accurate one.
    let square = t * t;
    let tail = if square < df {
        0.5 * (1.0 - incomplete_beta(square / (df + square), 0.5, df / 2.0))
    } else {
        0.5 * incomplete_beta(df / (df + square), df / 2.0, 0.5)
    };
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The `t` with P(T ≤ t) = `p` under Student's t distribution with `df` degrees of freedom; infinite for `p` 0 and 1, NaN
/// for `p` outside 0..=1.
pub fn student_t_quantile(p: f64, df: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let mut high = 1.0;
    while student_t_cdf(high, df) < p.max(1.0 - p) && high < 1e300 {
        high *= 2.0;
    }
    // Bisection, since nothing here is called often: 200 halvings end at neighbouring numbers.
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if student_t_cdf(middle, df) < p.max(1.0 - p) { low = middle } else { high = middle }
    }
    if p < 0.5 { -high } else { high }
}

/// The regularised incomplete beta function I(x; a, b), x in 0..=1, a and b above 0.
///
/// The continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, evaluated by Lentz's method; for
/// large x by the symmetry I(x; a, b) = 1 − I(1 − x; b, a), where it converges fast.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let ln_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    // Keeps a denominator from being exactly 0.
    let nonzero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / nonzero(1.0 + coefficient * d);
            c = nonzero(1.0 + coefficient / c);
            change *= c * d;
        }
        fraction *= change;
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    ln_front.exp() * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_has_its_known_quantiles() {
        for (z, p) in [(crate::Z_975, 0.975), (crate::Z_80, 0.8), (0.0, 0.5), (-crate::Z_975, 0.025)] {
            assert!((normal_cdf(z) - p).abs() < 1e-15, "{z}");
        }
        // R: pnorm(-8)
        assert!((normal_cdf(-8.0) / 6.220_960_574_271_785e-16 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn student_s_distribution_has_its_closed_forms() {
        for t in [-40.0, -3.2, -1.0, -0.01, 0.0, 0.3, 1.7, 12.0, 900.0] {
            let square: f64 = t * t;
            let one = 0.5 + f64::atan(t) / std::f64::consts::PI;
            let two = 0.5 + t / (2.0 * (2.0 + square).sqrt());
            let spread = 1.0 + square / 4.0;
            let four = 0.5 + 0.375 * t / spread.sqrt() * (1.0 - square / (12.0 * spread));
            for (df, expected) in [(1.0, one), (2.0, two), (4.0, four)] {
                assert!((student_t_cdf(t, df) - expected).abs() < 1e-13, "{t}, {df}: {}", student_t_cdf(t, df));
            }
            assert!((student_t_cdf(t, 1e7) - normal_cdf(t)).abs() < 1e-6, "{t}");
        }
        // scipy.stats.t.cdf(t, df)
        for (t, df, p) in [
            (-2.3, 7.0, 0.027_495_547_602_185_796),
            (0.4, 3.5, 0.643_827_553_232_778_2),
            (5.0, 30.0, 0.999_988_351_657_266_5),
        ] {
            assert!((student_t_cdf(t, df) - p).abs() < 1e-14, "{t}, {df}: {}", student_t_cdf(t, df));
        }
        assert!(student_t_cdf(1.0, 0.0).is_nan());
    }

    #[test]
    fn quantiles_are_those_of_tables_and_invert_the_distribution() {
        for (p, df, expected) in [
            (0.975, 4.0, 2.776_445_105_197_798),
            (0.95, 9.0, 1.833_112_932_656_237),
            (0.95, 4.0, 2.131_846_786_326_649),
            (0.5, 3.0, 0.0),
        ] {
            assert!((student_t_quantile(p, df) - expected).abs() < 1e-9, "{}", student_t_quantile(p, df));
            assert!((student_t_quantile(1.0 - p, df) + expected).abs() < 1e-9);
        }
        for p in [0.001, 0.2, 0.77, 0.9999] {
            assert!((student_t_cdf(student_t_quantile(p, 6.5), 6.5) - p).abs() < 1e-12);
        }
        assert_eq!((student_t_quantile(1.0, 3.0), student_t_quantile(0.0, 3.0)), (f64::INFINITY, f64::NEG_INFINITY));
        assert!(student_t_quantile(1.5, 3.0).is_nan());
    }
}
