//! Tables of two yes/no properties of the same items: how strongly they go together, also within strata.

use super::Z_975;

/// Numbers of items that have both of two properties, one of them, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TwoByTwo {
    /// Items with both properties.
    pub both: u64,
    /// Items with the first property only.
    pub first_only: u64,
    /// Items with the second property only.
    pub second_only: u64,
    /// Items with neither.
    pub neither: u64,
}

impl TwoByTwo {
    /// Counts two properties of the same items, both `[items]`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn new(first: &[bool], second: &[bool]) -> Self {
        assert_eq!(first.len(), second.len(), "two properties of each item");
        let mut table = Self::default();
        first.iter().zip(second).for_each(|(first, second)| table.add(*first, *second));
        table
    }

    /// Adds one item.
    pub fn add(&mut self, first: bool, second: bool) {
        *match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.first_only,
            (false, true) => &mut self.second_only,
            (false, false) => &mut self.neither,
        } += 1;
    }

    /// Number of items.
    pub fn items(&self) -> u64 {
        self.both + self.first_only + self.second_only + self.neither
    }

    /// Number of items with both properties that would be expected if the properties were independent; 0 without items.
    pub fn expected_both(&self) -> f64 {
        let (first, second) = (self.both + self.first_only, self.both + self.second_only);
        first as f64 * second as f64 / self.items().max(1) as f64
    }

    /// Correlation φ of the two properties, −1..=1; `None` if one of them does not vary.
    pub fn phi(&self) -> Option<f64> {
        let [a, b, c, d] = [self.both, self.first_only, self.second_only, self.neither].map(|n| n as f64);
        let spread = ((a + b) * (c + d) * (a + c) * (b + d)).sqrt();
        (spread > 0.0).then(|| (a * d - b * c) / spread)
    }

    /// Share of items with both among those with at least one of the properties, 0..=1; `None` if there are none.
    pub fn jaccard(&self) -> Option<f64> {
        let either = self.both + self.first_only + self.second_only;
        (either > 0).then(|| self.both as f64 / either as f64)
    }
}

/// An odds ratio common to several strata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OddsRatio {
    /// Natural logarithm of the odds ratio; 0: no association within strata.
    pub log: f64,
    /// Standard error of the logarithm.
    pub stderr: f64,
}

impl OddsRatio {
    /// The 95 % interval of the logarithm, log ± 1.96 standard errors.
    pub fn log_ci95(&self) -> [f64; 2] {
        [self.log - Z_975 * self.stderr, self.log + Z_975 * self.stderr]
    }
}

/// The odds ratio of Mantel and Haenszel: association of two properties among items of the same stratum, one table for
/// each; `None` if no stratum tells anything (no items with both and with neither in a common stratum, or none with
/// exactly one property).
///
/// Ψ = Σ R_k / Σ S_k with R_k = a_k·d_k/n_k, S_k = b_k·c_k/n_k for tables a (both), b, c (one), d (neither) of n items.
/// The standard error of ln Ψ is that of Robins, Breslow and Greenland, which holds for few large strata and for many
/// small ones: with P = (a+d)/n and Q = (b+c)/n in each,
/// ½·(ΣPR/(ΣR)² + Σ(PS+QR)/(ΣR·ΣS) + ΣQS/(ΣS)²) is the variance.
///
/// Source: Mantel & Haenszel 1959, "Statistical aspects of the analysis of data from retrospective studies of disease";
/// Robins, Breslow & Greenland 1986, "Estimators of the Mantel–Haenszel variance consistent in both sparse data and
/// large-strata limiting models".
pub fn mantel_haenszel(strata: &[TwoByTwo]) -> Option<OddsRatio> {
    let (mut r_sum, mut s_sum, mut pr, mut ps_qr, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for table in strata.iter().filter(|table| table.items() > 0) {
        let [a, b, c, d] = [table.both, table.first_only, table.second_only, table.neither].map(|n| n as f64);
        let n = a + b + c + d;
        let (r, s, p, q) = (a * d / n, b * c / n, (a + d) / n, (b + c) / n);
        r_sum += r;
        s_sum += s;
        pr += p * r;
        ps_qr += p * s + q * r;
        qs += q * s;
    }
    let variance = 0.5 * (pr / (r_sum * r_sum) + ps_qr / (r_sum * s_sum) + qs / (s_sum * s_sum));
    (r_sum > 0.0 && s_sum > 0.0).then(|| OddsRatio { log: (r_sum / s_sum).ln(), stderr: variance.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(both: u64, first_only: u64, second_only: u64, neither: u64) -> TwoByTwo {
        TwoByTwo { both, first_only, second_only, neither }
    }

    #[test]
    fn a_table_counts_and_correlates_like_its_items() {
        let first = [true, true, false, false, true, false, true, true];
        let second = [true, false, false, true, true, false, true, false];
        let counted = TwoByTwo::new(&first, &second);
        assert_eq!(counted, table(3, 2, 1, 2));
        // Pearson's correlation of the items as numbers.
        let number = |values: &[bool]| values.iter().map(|v| f64::from(u8::from(*v))).collect::<Vec<_>>();
        let (x, y) = (number(&first), number(&second));
        let centred = |v: &[f64]| {
            let mean = v.iter().sum::<f64>() / v.len() as f64;
            v.iter().map(|x| x - mean).collect::<Vec<_>>()
        };
        let (x, y) = (centred(&x), centred(&y));
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let pearson = product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt();
        assert!((counted.phi().expect("both vary") - pearson).abs() < 1e-12);
        assert_eq!(counted.jaccard(), Some(0.5));
        assert_eq!(counted.expected_both(), 5.0 * 4.0 / 8.0);
        assert_eq!((table(0, 0, 0, 4).jaccard(), table(3, 0, 2, 0).phi()), (None, None));
        assert_eq!(TwoByTwo::default().expected_both(), 0.0);
    }

    /// Admission to Berkeley by sex in six departments (R's `UCBAdmissions`).
    const ADMISSIONS: [[u64; 4]; 6] = [
        [512, 89, 313, 19],
        [353, 17, 207, 8],
        [120, 202, 205, 391],
        [138, 131, 279, 244],
        [53, 94, 138, 299],
        [22, 24, 351, 317],
    ];

    #[test]
    fn strata_are_combined_as_in_r() {
        let strata = ADMISSIONS.map(|[a, b, c, d]| table(a, b, c, d));
        let common = mantel_haenszel(&strata).expect("an odds ratio");
        // R: mantelhaen.test(UCBAdmissions): estimate 0.9046968, 95 % interval 0.7719074 to 1.0603298
        let [low, high] = common.log_ci95().map(f64::exp);
        assert!((common.log.exp() - 0.904_696_8).abs() < 1e-6, "{}", common.log.exp());
        assert!((low - 0.771_907_4).abs() < 1e-6 && (high - 1.060_329_8).abs() < 1e-6, "{low} {high}");
        // Without strata, sex and admission seem to go together.
        let mut whole = TwoByTwo::default();
        for t in strata {
            whole.both += t.both;
            whole.first_only += t.first_only;
            whole.second_only += t.second_only;
            whole.neither += t.neither;
        }
        assert!(mantel_haenszel(&[whole]).expect("one stratum").log_ci95()[0] > 0.4);
    }

    #[test]
    fn one_stratum_gives_the_plain_odds_ratio_and_its_usual_error() {
        let t = table(12, 5, 7, 30);
        let got = mantel_haenszel(&[t]).expect("an odds ratio");
        assert!((got.log - (12.0 * 30.0 / 35.0_f64).ln()).abs() < 1e-12);
        let usual = (1.0 / 12.0 + 1.0 / 5.0 + 1.0 / 7.0 + 1.0 / 30.0_f64).sqrt();
        assert!((got.stderr - usual).abs() < 1e-12, "{} {usual}", got.stderr);
    }

    #[test]
    fn strata_that_tell_nothing_give_none() {
        assert_eq!(mantel_haenszel(&[]), None);
        assert_eq!(mantel_haenszel(&[table(3, 0, 0, 0), table(0, 0, 0, 9), TwoByTwo::default()]), None);
        assert_eq!(mantel_haenszel(&[table(3, 0, 2, 9)]), None);
    }
}
