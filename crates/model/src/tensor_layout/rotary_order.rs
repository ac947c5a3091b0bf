//! The order of the rotated dimensions of a head: halves in memory, halves or pairs in a file (see
//! [`TensorNames`](super::TensorNames)). It concerns the rows of q and k, and the weights of their norms.
//!
//! In latent attention, the rotated dimensions come first in memory and last in the file.

use super::{RoleParameter, TensorLayout, TensorRole};
use crate::config::ModelConfig;
use crate::weight_id::WeightKind;

/// The order of a head's dimensions in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct RotaryOrder {
    /// Width of a head.
    d_head: usize,
    /// Half of the dimensions that the file stores in pairs; 0 if it stores none so.
    half: usize,
    /// Number of other dimensions that come before them in the file, and after them in memory.
    before: usize,
}

impl RotaryOrder {
    /// Place in the file of the dimension `i` of all heads, one after the other.
    pub(super) fn in_file(self, i: usize) -> usize {
        let within = i % self.d_head;
        let first = i - within; // of the head
        match within {
            _ if within < self.half => first + self.before + 2 * within,
            _ if within < 2 * self.half => first + self.before + 2 * (within - self.half) + 1,
            _ if within < 2 * self.half + self.before => i - 2 * self.half,
            _ => i,
        }
    }
}

impl TensorLayout {
    /// The order of the rows of a matrix.
    pub(super) fn row_order(&self, config: &ModelConfig, kind: WeightKind) -> RotaryOrder {
        let latent = config.attention.latent.filter(|_| self.names.rotary_pairs);
        match (kind, latent) {
            (WeightKind::Q | WeightKind::QueryB, Some(latent)) => {
                let before = config.d_head - latent.d_rotary;
                RotaryOrder { d_head: config.d_head, half: latent.d_rotary / 2, before }
            }
            (WeightKind::KeyValueA, Some(latent)) => {
                let (d_rotary, before) = (latent.d_rotary, latent.key_value_rank);
                RotaryOrder { d_head: d_rotary + before, half: d_rotary / 2, before }
            }
            (kind, _) => self.rotary_order(config, matches!(kind, WeightKind::Q | WeightKind::K)),
        }
    }

    /// The order of the dimensions of heads that are `rotated`, which those of values are not.
    fn rotary_order(&self, config: &ModelConfig, rotated: bool) -> RotaryOrder {
        let rope = config.attention.ropes.first().filter(|_| rotated && self.names.rotary_pairs);
        RotaryOrder { d_head: config.d_head, half: rope.map_or(0, |rope| rope.dim / 2), before: 0 }
    }

    /// Reorders the values of a parameter that is no matrix of a block from the order of these files into that of the
    /// forward pass. They differ for norms of queries and keys.
    pub fn values_from_file(&self, config: &ModelConfig, parameter: &RoleParameter, values: Vec<f32>) -> Vec<f32> {
        match self.order_of(config, parameter) {
            Some(order) => (0..values.len()).map(|i| values[order.in_file(i)]).collect(),
            None => values,
        }
    }

    /// The inverse of [`TensorLayout::values_from_file`].
    pub fn values_in_file(&self, config: &ModelConfig, parameter: &RoleParameter, values: Vec<f32>) -> Vec<f32> {
        let Some(order) = self.order_of(config, parameter) else { return values };
        let mut stored = vec![0.0; values.len()];
        values.iter().enumerate().for_each(|(i, value)| stored[order.in_file(i)] = *value);
        stored
    }

    /// The order of the values of a norm of queries or keys, if these files store them in pairs.
    fn order_of(&self, config: &ModelConfig, parameter: &RoleParameter) -> Option<RotaryOrder> {
        let rotated = matches!(parameter.role, TensorRole::QueryNorm | TensorRole::KeyNorm);
        Some(self.rotary_order(config, rotated)).filter(|order| order.half > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_rotated_dimensions_become_halves() {
        // Two heads of six dimensions, of which four are rotated.
        let order = RotaryOrder { d_head: 6, half: 2, before: 0 };
        let found: Vec<usize> = (0..12).map(|i| order.in_file(i)).collect();
        assert_eq!(found, [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
        let halves = RotaryOrder { d_head: 6, half: 0, before: 0 };
        assert!((0..12).all(|i| halves.in_file(i) == i));
    }
    #[test]
    fn rotated_dimensions_move_from_the_end_of_a_head_to_its_start() {
        // Two heads of seven dimensions, of which the last four are rotated.
        let order = RotaryOrder { d_head: 7, half: 2, before: 3 };
        let found: Vec<usize> = (0..14).map(|i| order.in_file(i)).collect();
        assert_eq!(found, [3, 5, 4, 6, 0, 1, 2, 10, 12, 11, 13, 7, 8, 9]);
    }
}
