//! Criteria of the spectral screen: singular values and a rank → a prediction, without data.

use laser_linalg::Spectrum;
use laser_task::named::named;

/// Prediction of the quality of a truncation to rank r from the singular values σ alone. No published result shows that
/// any of these predicts a gain on a task; `bench-results/` has our measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// −|ln((r+1)/(e+1))|, where e is the number of components above the Marchenko–Pastur edge: best is the cut at the
    /// edge of the noise.
    MarchenkoPastur,
    /// −|ln((r+1)/(e+1))|, where e is the effective rank, exp of the entropy of σ/Σσ (Roy & Vetterli 2007).
    EffectiveRank,
    /// Kept fraction of Σσ²: best is the mildest cut.
    Energy,
    /// ln(1 + Σ of the kept σ / Σ of the removed σ): the signal-to-noise ratio of Spectrum (Hartford et al. 2024), with
    /// the cut in place of the noise edge.
    SignalToNoise,
}

impl Criterion {
    /// All criteria with their names.
    pub const ALL: [(&'static str, Self); 4] = [
        ("marchenko-pastur", Self::MarchenkoPastur),
        ("effective-rank", Self::EffectiveRank),
        ("energy", Self::Energy),
        ("snr", Self::SignalToNoise),
    ];

    /// Prediction for keeping the leading `rank` components; larger is better.
    pub fn value(self, spectrum: &Spectrum, rank: usize) -> f64 {
        let near = |edge: f64| -((rank as f64 + 1.0) / (edge + 1.0)).ln().abs();
        match self {
            Self::MarchenkoPastur => near(spectrum.components_above_edge() as f64),
            Self::EffectiveRank => near(spectrum.effective_rank()),
            Self::Energy => spectrum.energy(rank),
            Self::SignalToNoise => {
                let (kept, removed) = spectrum.values().split_at(rank);
                let noise: f64 = removed.iter().sum();
                if noise > 0.0 { (kept.iter().sum::<f64>() / noise).ln_1p() } else { f64::MAX }
            }
        }
    }
}

named!(Criterion, ALL, "criterion");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_criterion_is_largest_at_the_rank_of_its_definition() {
        let mut s = vec![10.0, 9.0, 8.0];
        s.extend((0..97).map(|i| 1.0 - 0.008 * f64::from(i)));
        let spectrum = Spectrum::new(s, 100, 300).expect("a spectrum");
        let best = |c: Criterion| {
            (0..=100).max_by(|a, b| c.value(&spectrum, *a).total_cmp(&c.value(&spectrum, *b))).expect("ranks")
        };
        assert_eq!(best(Criterion::MarchenkoPastur), spectrum.components_above_edge());
        assert_eq!(best(Criterion::EffectiveRank), spectrum.effective_rank().round() as usize);
        assert_eq!((best(Criterion::Energy), best(Criterion::SignalToNoise)), (100, 100));
        for (name, criterion) in Criterion::ALL {
            assert_eq!(name.parse::<Criterion>().expect(name).to_string(), criterion.to_string());
        }
        assert!("entropy".parse::<Criterion>().is_err());
    }
}
