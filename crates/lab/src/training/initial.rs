//! Initial parameters: normal weights as GPT-2's, norms of 1, biases of 0.

use laser::model::ModelConfig;
use laser::model::parameters::{Parameter, ParameterOwner};
use laser::model::weight_id::WeightKind;
use rand::SeedableRng;
use rand::distr::Distribution;
use rand_chacha::ChaCha8Rng;
use rand_distr::Normal;

use super::parameter_set::ParameterSet;
use crate::error::Result;

/// Standard deviation of initial weights in GPT-2 and in the families after it.
const STANDARD_DEVIATION: f32 = 0.02;

impl ParameterSet {
    /// Random initial parameters of a model with this configuration.
    ///
    /// Weights are normal with standard deviation 0.02. Those of the last matrix of attention and MLP have it divided by
    /// √(2·layers), so that the residual stream does not grow with the depth (Radford et al. 2019, "Language Models are
    /// Unsupervised Multitask Learners", section 2.3).
    ///
    /// # Errors
    /// A model with parts that cannot be trained.
    pub fn initial(config: ModelConfig, seed: u64) -> Result<Self> {
        let mut set = Self::zeros(config)?;
        for (number, parameter) in set.config().parameters().into_iter().enumerate() {
            let place = set.place(parameter.id).expect("a parameter of this configuration");
            let normal = Normal::new(0.0, deviation(&parameter, set.config())).expect("a positive deviation");
            let values = &mut set.values[place];
            if parameter.id.bias {
                continue; // zero
            }
            if parameter.shape.len() == 1 {
                values.fill(1.0); // a norm
                continue;
            }
            // A stream of its own for each parameter: its values do not depend on the sizes of the others.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number as u64);
            values.iter_mut().for_each(|value| *value = normal.sample(&mut rng));
        }
        Ok(set)
    }
}

/// Standard deviation of a parameter's initial values.
fn deviation(parameter: &Parameter, config: &ModelConfig) -> f32 {
    match parameter.id.owner {
        ParameterOwner::Matrix(id) if matches!(id.kind, WeightKind::O | WeightKind::Down) => {
            STANDARD_DEVIATION / ((2 * config.n_layers) as f32).sqrt()
        }
        _ => STANDARD_DEVIATION,
    }
}
