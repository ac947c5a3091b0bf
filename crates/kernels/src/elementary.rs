//! `eˣ`, `eˣ − 1` and `tanh x` of one f32, without branches, so that loops over them vectorise.

/// `eˣ` by range reduction and a polynomial of degree 6, with a relative error below 3e-7. `x` is limited to −87…88.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (p, scale) = reduced_exp(x);
    (1.0 + p) * scale
}

/// `eˣ − 1` with a relative error below 1e-6, also near zero. `x` is limited to −87…88.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let (p, scale) = reduced_exp(x);
    p * scale + (scale - 1.0) // without the cancellation of eˣ − 1
}

/// `tanh x` with a relative error below 1e-6, also near zero.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let e = exp_m1(2.0 * x);
    e / (e + 2.0)
}

/// `(p, 2ⁿ)` with `eˣ = (1 + p)·2ⁿ` and `|p| < 0.42`.
#[inline(always)]
fn reduced_exp(x: f32) -> (f32, f32) {
    // 1.5·2²³: after adding it, the lowest bits of a sum are the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts: n times the first is exact, so the difference loses no digits.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = r * (1.0 + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_67 + r * (0.008_333_39 + r * 0.001_394_4)))));
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23)); // |n| ≤ 127 after the clamp
    (p, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_over_its_range() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let (fast, true_value) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((fast - true_value).abs() <= 4e-7 * true_value, "exp({x}) = {fast}, not {true_value}");
        }
        assert_eq!(exp(-1000.0), exp(-87.0));
    }

    #[test]
    fn exp_m1_is_accurate_over_its_range() {
        for i in -2000..=2000 {
            for x in [i as f32 / 100.0, i as f32 * 1e-6] {
                let (fast, true_value) = (f64::from(exp_m1(x)), f64::from(x).exp_m1());
                assert!((fast - true_value).abs() <= 1e-6 * true_value.abs(), "exp_m1({x}) = {fast}, not {true_value}");
            }
        }
        assert_eq!(exp_m1(-1000.0), -1.0);
    }

    #[test]
    fn tanh_is_accurate_over_its_range() {
        for i in -2000..=2000 {
            for x in [i as f32 / 100.0, i as f32 * 1e-6] {
                let (fast, true_value) = (f64::from(tanh(x)), f64::from(x).tanh());
                assert!((fast - true_value).abs() <= 1e-6 * true_value.abs(), "tanh({x}) = {fast}, not {true_value}");
            }
        }
        assert_eq!((tanh(-1000.0), tanh(1000.0)), (-1.0, 1.0));
    }
}
