//! AdamW (arXiv 1711.05101): Adam with decoupled weight decay, over one flat vector of parameters.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Constants of AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamWSettings {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Weight decay: each step shrinks a decaying parameter by this share of the learning rate.
    pub weight_decay: f64,
}

impl Default for AdamWSettings {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.05 }
    }
}

/// The state of AdamW: the two means of every parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    settings: AdamWSettings,
    /// Means of gradients and of their squares.
    pub(super) means: [Vec<f32>; 2],
    /// Number of steps done.
    pub(super) steps: usize,
}

/// Number of parameters that a thread takes at once.
const CHUNK: usize = 1 << 16;

impl AdamW {
    /// The state before the first step, for `parameters` parameters.
    pub fn new(settings: AdamWSettings, parameters: usize) -> Self {
        Self { settings, means: [vec![0.0; parameters], vec![0.0; parameters]], steps: 0 }
    }

    /// Changes `values` by one step with the learning rate `rate`, given the gradient multiplied by `factor`.
    /// `decays` says of each parameter whether it decays.
    ///
    /// # Panics
    /// If the vectors differ in length.
    pub fn step(&mut self, values: &mut [f32], gradient: &[f32], factor: f32, rate: f64, decays: &[bool]) {
        let n = values.len();
        assert!(n == gradient.len() && n == decays.len() && n == self.means[0].len(), "one number for each parameter");
        self.steps += 1;
        let AdamWSettings { beta1, beta2, epsilon, weight_decay } = self.settings;
        // The corrections of both means, which start at 0.
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (first, second) = (1.0 - beta1.powi(power), (1.0 - beta2.powi(power)).sqrt());
        let constants = StepConstants {
            factor,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            epsilon: epsilon as f32,
            step: (rate / first) as f32,
            second: second as f32,
            kept: (1.0 - rate * weight_decay) as f32,
        };
        let [mean, square] = &mut self.means;
        let chunks = values.par_chunks_mut(CHUNK).zip(mean.par_chunks_mut(CHUNK)).zip(square.par_chunks_mut(CHUNK));
        let chunks = chunks.zip(gradient.par_chunks(CHUNK)).zip(decays.par_chunks(CHUNK));
        chunks.for_each(|((((values, mean), square), gradient), decays)| {
            constants.apply(values, mean, square, gradient, decays);
        });
    }
}

/// Constants of one step.
struct StepConstants {
    factor: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// Learning rate divided by the correction of the mean.
    step: f32,
    /// Root of the correction of the mean square.
    second: f32,
    /// Share of a decaying parameter that is kept.
    kept: f32,
}

impl StepConstants {
    /// One step of some parameters, in one pass over memory.
    fn apply(&self, values: &mut [f32], mean: &mut [f32], square: &mut [f32], gradient: &[f32], decays: &[bool]) {
        let rows = values.iter_mut().zip(mean).zip(square).zip(gradient).zip(decays);
        for ((((value, mean), square), gradient), decays) in rows {
            let gradient = gradient * self.factor;
            *mean += (1.0 - self.beta1) * (gradient - *mean);
            *square = self.beta2 * *square + (1.0 - self.beta2) * gradient * gradient;
            let kept = if *decays { self.kept } else { 1.0 };
            *value = *value * kept - self.step * *mean / (square.sqrt() / self.second + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_equal_the_definition_in_f64() {
        let settings = AdamWSettings { beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weight_decay: 0.1 };
        let mut adam = AdamW::new(settings, 3);
        let mut values = [1.0f32, -2.0, 0.5];
        let (mut naive, mut m, mut v) = ([1.0f64, -2.0, 0.5], [0.0; 3], [0.0; 3]);
        let decays = [true, false, true];
        for step in 1..=5 {
            let gradient = [0.3 * step as f32, -0.2, 4.0 - step as f32];
            adam.step(&mut values, &gradient, 0.5, 0.01, &decays);
            for i in 0..3 {
                let g = 0.5 * f64::from(gradient[i]);
                m[i] = 0.8 * m[i] + 0.2 * g;
                v[i] = 0.9 * v[i] + 0.1 * g * g;
                let (mean, square) = (m[i] / (1.0 - 0.8f64.powi(step)), v[i] / (1.0 - 0.9f64.powi(step)));
                naive[i] *= if decays[i] { 1.0 - 0.01 * 0.1 } else { 1.0 };
                naive[i] -= 0.01 * mean / (square.sqrt() + 1e-3);
                assert!((f64::from(values[i]) - naive[i]).abs() < 1e-6, "step {step}: {} not {}", values[i], naive[i]);
            }
        }
    }
}
