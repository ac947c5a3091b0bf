//! The spectral screen: candidates ranked by the singular values alone, without data.

use std::collections::BTreeMap;

use laser_linalg::Spectrum;

use crate::error::{Error, Result};
use laser_model::weight_id::WeightId;
use laser_task::named::named;

use super::Candidate;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// What is expected of a truncation to rank r, from the singular values σ alone. Nobody has shown that any of these
/// predicts a gain on a task; `bench-results/` holds what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// −|ln((r+1)/(e+1))| with e the components above the Marchenko–Pastur edge: the cut falls where noise begins.
    MarchenkoPastur,
    /// −|ln((r+1)/(e+1))| with e the effective rank, exp of the entropy of σ/Σσ (Roy & Vetterli 2007).
    EffectiveRank,
    /// The share of Σσ² kept: the milder the better.
    Energy,
    /// Σ of the σ kept over Σ of the σ removed, as ln(1 + ·): the signal-to-noise ratio of Spectrum (Hartford et al.
    /// 2024) with the cut in place of the edge.
    SignalToNoise,
}

impl Criterion {
    /// Every criterion with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("marchenko-pastur", Self::MarchenkoPastur),
        ("effective-rank", Self::EffectiveRank),
        ("energy", Self::Energy),
        ("snr", Self::SignalToNoise),
    ];

    /// The expectation of keeping the leading `rank` components; larger is better.
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

named!(Criterion, ALL, "--criterion");

/// Leaves the candidates of which the spectrum expects most.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpectralScreen {
    /// What is expected.
    pub(super) criterion: Criterion,
    /// Candidates to leave.
    pub(super) keep: usize,
}

impl Strategy for SpectralScreen {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        let config = trials.model.config();
        let mut spectra: BTreeMap<WeightId, Spectrum> = BTreeMap::new();
        let mut values: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        let mut ranked = Vec::with_capacity(pool.arms.len());
        for (done, arm) in pool.arms.iter().enumerate() {
            if let std::collections::btree_map::Entry::Vacant(entry) = spectra.entry(arm.id) {
                let w = trials.model.matrix(arm.id)?;
                let svd = trials.truncation.svd(arm.id, &w)?;
                let wrong = |source| Error::Linalg { matrix: arm.id.to_string(), source };
                entry.insert(Spectrum::new(svd.s, w.rows(), w.cols()).map_err(wrong)?);
            }
            let Some(rank) = arm.reduction.leading_rank(config.max_rank(arm.id)) else {
                return Err(Error::setting(
                    "--strategy spectral",
                    format!("expected reductions that keep leading components, found `{}`", arm.reduction),
                ));
            };
            let spectrum = &spectra[&arm.id];
            for (name, criterion) in Criterion::ALL {
                values.entry(name).or_default().push((arm.edit(), criterion.value(spectrum, rank)));
            }
            ranked.push((self.criterion.value(spectrum, rank), arm.clone()));
            trials.observer.progress("spectra", done + 1, pool.arms.len());
        }
        for (name, values) in values {
            trials.store.insert_screen(name, &values)?;
        }
        Ok(Pool { arms: leading(ranked, self.keep), ..pool })
    }
}

/// The `keep` arms of the largest values, best first; the earlier of equals first.
pub(super) fn leading(mut ranked: Vec<(f64, Candidate)>, keep: usize) -> Vec<Candidate> {
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(keep.max(1));
    ranked.into_iter().map(|(_, arm)| arm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_prefer_what_they_say() {
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
