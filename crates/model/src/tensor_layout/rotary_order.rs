//! The order of the rotated dimensions of a head: halves in memory, halves or pairs in a file (see
//! [`TensorNames`](super::TensorNames)). It concerns the rows of q and k, and the weights of their norms.

use super::{RoleParameter, TensorLayout, TensorRole};
use crate::config::ModelConfig;

/// The order of a head's dimensions in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct RotaryOrder {
    /// Width of a head.
    d_head: usize,
    /// Half of the dimensions that the file stores in pairs; 0 if it stores none so.
    half: usize,
}

impl RotaryOrder {
    /// Place in the file of the dimension `i` of all heads, one after the other.
    pub(super) fn in_file(self, i: usize) -> usize {
        match i % self.d_head {
            within if within < self.half => i + within,
            within if within < 2 * self.half => i - within + 2 * (within - self.half) + 1,
            _ => i,
        }
    }
}

impl TensorLayout {
    /// The order of the dimensions of heads that are `rotated`, which those of values are not.
    pub(super) fn rotary_order(&self, config: &ModelConfig, rotated: bool) -> RotaryOrder {
        let rope = config.attention.ropes.first().filter(|_| rotated && self.names.rotary_pairs);
        RotaryOrder { d_head: config.d_head, half: rope.map_or(0, |rope| rope.dim / 2) }
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
        let order = RotaryOrder { d_head: 6, half: 2 };
        let found: Vec<usize> = (0..12).map(|i| order.in_file(i)).collect();
        assert_eq!(found, [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
        let halves = RotaryOrder { d_head: 6, half: 0 };
        assert!((0..12).all(|i| halves.in_file(i) == i));
    }
}
