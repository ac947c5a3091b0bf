//! The schedule of the learning rate: warm-up, then decay.

use serde::{Deserialize, Serialize};

/// Fall of the learning rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// It does not.
    Constant,
    /// In equal steps.
    Linear,
    /// Along half a cosine.
    Cosine,
}

/// The learning rate of every step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Largest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Number of steps in which the rate rises from near 0, in equal steps.
    pub warm_up: usize,
    /// Its fall afterwards.
    pub decay: Decay,
    /// Share of `learning_rate` that is reached at the last step.
    pub last_share: f64,
}

impl Schedule {
    /// The learning rate of `step`, counted from 1, of `steps`.
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        if step <= self.warm_up {
            return self.learning_rate * step as f64 / self.warm_up as f64;
        }
        // 0 at the first step after the warm-up, 1 at the last.
        let length = steps.saturating_sub(self.warm_up + 1).max(1);
        let progress = ((step - self.warm_up - 1) as f64 / length as f64).min(1.0);
        let share = match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - progress,
            Decay::Cosine => (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0,
        };
        self.learning_rate * (self.last_share + (1.0 - self.last_share) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls_to_its_last_share() {
        for decay in [Decay::Constant, Decay::Linear, Decay::Cosine] {
            let schedule = Schedule { learning_rate: 0.4, warm_up: 4, decay, last_share: 0.1 };
            let rates: Vec<f64> = (1..=21).map(|step| schedule.rate(step, 21)).collect();
            assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[3] - 0.4).abs() < 1e-12 && (rates[4] - 0.4).abs() < 1e-12);
            let (middle, last) = match decay {
                Decay::Constant => (0.4, 0.4),
                Decay::Linear | Decay::Cosine => (0.22, 0.04),
            };
            assert!((rates[12] - middle).abs() < 1e-12 && (rates[20] - last).abs() < 1e-12, "{decay:?}: {rates:?}");
            assert!(rates[4..].windows(2).all(|pair| pair[1] <= pair[0]), "{decay:?}");
        }
        let without = Schedule { learning_rate: 1.0, warm_up: 0, decay: Decay::Linear, last_share: 0.0 };
        assert_eq!([1, 2, 3].map(|step| without.rate(step, 3)), [1.0, 0.5, 0.0]);
        assert_eq!(without.rate(1, 1), 1.0);
    }
}
