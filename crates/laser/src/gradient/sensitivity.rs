//! The sensitivity of one matrix: how the loss of each item changes with each singular value, and the predictions that
//! follow from it.

use laser_statistics::{clustered_stderr, mean};

/// Weight of the empirical Fisher term in [`Prediction::change`].
///
/// If answers were drawn from the model's own distribution, the mean second derivative of the log-loss would equal the
/// mean of its squared first derivative, and the weight would be 1. Gold answers are not drawn from the model: where
/// the model finds them unlikely, the squares exceed the curvature. On SmolLM2-135M (60 facts, 96 truncations of 12
/// matrices in layers 4 and 14), 0.25 agreed best with the measured changes, among 0, 0.1, 0.25 and 1.
pub const FISHER_WEIGHT: f64 = 0.25;

/// Effects of the components of one matrix on the losses of items.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// Singular values, descending, `[components]`.
    pub(super) sigma: Vec<f64>,
    /// Losses of the items, nats, `[items]`.
    pub(super) losses: Vec<f64>,
    /// `σᵢ·∂L_j/∂σᵢ`, nats, `[items · components]`.
    pub(super) effects: Vec<f32>,
}

/// The predicted change of the loss when only some components are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// `d_j`, the change of each item's loss to first order, nats, `[items]`.
    pub items: Vec<f64>,
    /// Mean of `d_j`, nats.
    pub first_order: f64,
    /// `½·mean_j d_j²`, the empirical Fisher term, nats: large if the change is too large for a first-order prediction.
    pub fisher: f64,
    /// The predicted change of the mean loss, nats: `first_order + FISHER_WEIGHT·fisher`.
    pub change: f64,
    /// Standard error of `change`, nats, if the items are independent; `None` for one item. For items in groups, use
    /// [`clustered_stderr`] on [`Prediction::items`].
    pub stderr: Option<f64>,
}

impl Sensitivity {
    /// Singular values, descending.
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// Losses of the items on the differentiated model, in the order of the items, nats.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// `σᵢ·∂L_j/∂σᵢ` of item `j`, nats, `[components]`.
    ///
    /// # Panics
    /// If there is no item `j`.
    pub fn effects(&self, j: usize) -> &[f32] {
        let k = self.sigma.len();
        &self.effects[j * k..(j + 1) * k]
    }

    /// Contributions of `n` equal bands of components to −loss of item `j`, to first order, nats, from the largest components
    /// to the smallest. A log-loss is −log p, so that these are contributions to log p of the answer.
    ///
    /// # Panics
    /// If there is no item `j`.
    pub fn band_contributions(&self, j: usize, n: usize) -> Vec<f64> {
        let effects = self.effects(j);
        let edge = |band: usize| band * effects.len() / n;
        let sum =
            |band: usize| -effects[edge(band)..edge(band + 1)].iter().map(|effect| f64::from(*effect)).sum::<f64>();
        (0..n).map(sum).collect()
    }

    /// Predicts the change of the loss when only the components with `kept(i)` stay; `|i| i < rank` is a truncation.
    ///
    /// The first order is `d_j = −Σ_{i removed} σᵢ·∂L_j/∂σᵢ`; the Fisher term estimates the second order.
    pub fn predict(&self, kept: impl Fn(usize) -> bool) -> Prediction {
        let removed: Vec<usize> = (0..self.sigma.len()).filter(|i| !kept(*i)).collect();
        let change = |j: usize| {
            let effects = self.effects(j);
            -removed.iter().map(|i| f64::from(effects[*i])).sum::<f64>()
        };
        Prediction::of((0..self.losses.len()).map(change).collect())
    }
}

impl Prediction {
    /// The prediction from `d_j`, the change of each item's loss to first order, nats, `[items]`.
    pub(crate) fn of(items: Vec<f64>) -> Self {
        let halves: Vec<f64> = items.iter().map(|d| d * d / 2.0).collect();
        let corrected: Vec<f64> = items.iter().zip(&halves).map(|(d, half)| d + FISHER_WEIGHT * half).collect();
        let each_alone: Vec<u32> = (0..).take(items.len()).collect();
        let average = |values: &[f64]| mean(values).unwrap_or(0.0);
        Self {
            first_order: average(&items),
            fisher: average(&halves),
            change: average(&corrected),
            stderr: clustered_stderr(&corrected, &each_alone),
            items,
        }
    }
}

/// Width of the step from wrong to right in [`Prediction::flips`], nats of margin.
const STEP: f64 = 0.5;
/// Price of a predicted change of an item's margin in [`Prediction::flips`], items a squared nat.
const CHANGE_PENALTY: f64 = 0.01;

impl Prediction {
    /// The predicted change of the accuracy, in items an item. `losses`: those of the items on the differentiated model, which
    /// must be of [`Loss::Margin`](super::Loss::Margin).
    ///
    /// An item with margin m whose margin changes by c to first order counts σ((m + c)/0.5) − σ(m/0.5) − 0.01·c², where σ is
    /// the logistic function. An item that is far from turning right or wrong hardly counts, unlike in the mean margin; and a
    /// large change makes the first order itself less credible. The constants were chosen on SmolLM2-135M on two
    /// tasks (`docs/search.md`, "Screen").
    pub fn flips(&self, losses: &[f64]) -> f64 {
        let logistic = |margin: f64| 1.0 / (1.0 + (-margin / STEP).exp());
        let of_item = |(loss, change): (&f64, &f64)| {
            logistic(-loss - change) - logistic(-loss) - CHANGE_PENALTY * change * change
        };
        losses.iter().zip(&self.items).map(of_item).sum::<f64>() / losses.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_items_near_the_edge_count_as_flips() {
        // Margins −1 and −40; without component 0 both losses fall by 3 nats, so that both margins rise by 3.
        let s = Sensitivity { sigma: vec![1.0, 0.5], losses: vec![1.0, 40.0], effects: vec![3.0, 0.1, 3.0, 0.1] };
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let expected = (logistic(4.0) - logistic(-2.0)) / 2.0 - 0.01 * 9.0;
        let flips = s.predict(|i| i > 0).flips(&s.losses);
        assert!((flips - expected).abs() < 1e-6, "{flips} {expected}");
        assert_eq!(s.predict(|_| true).flips(&s.losses), 0.0);
    }

    fn sensitivity() -> Sensitivity {
        let effects = vec![1.0, -0.5, 0.25, 0.5, 0.5, -2.0];
        Sensitivity { sigma: vec![3.0, 2.0, 1.0], losses: vec![4.0, 5.0], effects }
    }

    #[test]
    fn removed_components_change_the_loss_by_minus_their_effects() {
        let s = sensitivity();
        assert_eq!(s.predict(|_| false).items, [-0.75, 1.0]);
        assert_eq!(s.predict(|_| true).items, [0.0, 0.0]);
        assert_eq!(s.predict(|i| i < 1).items, [0.25, 1.5]);
        assert_eq!(s.predict(|i| (1..2).contains(&i)).items, [-1.25, 1.5]);
        // The changes of keeping one component and of keeping all others add up to the change of keeping none.
        for i in 0..3 {
            let (with, without) = (s.predict(|k| k == i).first_order, s.predict(|k| k != i).first_order);
            assert!((with + without - s.predict(|_| false).first_order).abs() < 1e-12);
        }
    }

    #[test]
    fn the_change_includes_the_fisher_term_and_has_a_standard_error() {
        let p = sensitivity().predict(|i| i < 1);
        assert!((p.first_order - 0.875).abs() < 1e-12);
        assert!((p.fisher - (0.0625 + 2.25) / 4.0).abs() < 1e-12);
        assert!((p.change - (p.first_order + FISHER_WEIGHT * p.fisher)).abs() < 1e-12);
        // For two items, the standard error of the mean is half the difference of their values.
        let corrected = p.items.iter().map(|d| d + FISHER_WEIGHT * d * d / 2.0).collect::<Vec<_>>();
        assert!((p.stderr.expect("two items") - (corrected[1] - corrected[0]) / 2.0).abs() < 1e-12);
    }
}
