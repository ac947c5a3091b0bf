//! What one backward pass says of one matrix: how each item's loss moves with each singular value.

use crate::statistics::mean;

/// How the losses of items depend on the components of one matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// Singular values, descending, `[components]`.
    pub(super) sigma: Vec<f64>,
    /// Losses of the items, nats, `[items]`.
    pub(super) losses: Vec<f64>,
    /// `σᵢ·∂L_j/∂σᵢ`, nats: `[items · components]`.
    pub(super) effects: Vec<f32>,
}

/// What keeping some components is predicted to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Change of each item's loss, nats, first order.
    pub items: Vec<f64>,
}

impl Sensitivity {
    /// Singular values, descending.
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// `σᵢ·∂L_j/∂σᵢ` of item `j` (in the order asked for), nats, `[components]`.
    pub fn effects(&self, j: usize) -> &[f32] {
        let k = self.sigma.len();
        &self.effects[j * k..(j + 1) * k]
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.effects.len() / self.sigma.len().max(1)
    }

    /// The first-order change of every item's loss when only the components for which `kept` holds stay:
    /// `d_j = −Σ_{i removed} σᵢ·∂L_j/∂σᵢ`.
    pub fn predict(&self, kept: impl Fn(usize) -> bool) -> Prediction {
        let removed: Vec<usize> = (0..self.sigma.len()).filter(|i| !kept(*i)).collect();
        let change = |j: usize| {
            let effects = self.effects(j);
            -removed.iter().map(|i| f64::from(effects[*i])).sum::<f64>()
        };
        Prediction { items: (0..self.items()).map(change).collect() }
    }
}

impl Prediction {
    /// Mean of the items' changes, nats.
    pub fn change(&self) -> f64 {
        mean(&self.items).unwrap_or(0.0)
    }
}
