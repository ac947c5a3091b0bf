//! All worlds of the study together.

use laser::statistics::{bootstrap_ci95, mean};
use serde::Serialize;

use crate::study::flips::{FlipTable, flip_table};

use super::measure::{WorldResult, shares};

/// Number of resamples of every bootstrap.
const RESAMPLES: usize = 2_000;

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Mean {
    /// Mean.
    pub mean: f64,
    /// Bootstrap interval over facts; `None` with fewer than two.
    pub ci95: Option<[f64; 2]>,
}

/// What is left when only the smallest components stay, over all worlds.
#[derive(Debug, Clone, Serialize)]
pub struct PooledBottom {
    /// Share of the components that stay.
    pub kept: f64,
    /// Share of each class, mean over worlds of all test facts.
    pub all: [f64; 4],
    /// Share of each class among the fixed facts.
    pub fixed: [f64; 4],
    /// Mean cosine of gold answer and answer over the fixed facts; `None` if none is fixed.
    pub to_gold: Option<Mean>,
    /// Mean cosine of a random other object and answer.
    pub to_same_type: Option<Mean>,
    /// Mean cosine of the most frequent generic answer and answer.
    pub to_generic: Option<Mean>,
}

/// A kind of control, over all worlds.
#[derive(Debug, Clone, Serialize)]
pub struct PooledControl {
    /// What is kept.
    pub kind: String,
    /// Mean accuracy on the test half, 0..=1.
    pub accuracy: f64,
    /// Mean log-loss, nats a fact.
    pub log_loss: f64,
}

/// All worlds together.
#[derive(Debug, Clone, Serialize)]
pub struct Pooled {
    /// Flips on the test halves by frequency.
    pub flips: FlipTable,
    /// Share of each class of answers on the test halves, before and after.
    pub classes: [[f64; 4]; 2],
    /// Share of each class among the answers, before the edit, of the facts that it fixes.
    pub classes_of_fixed: [f64; 4],
    /// What the smallest components say.
    pub bottoms: Vec<PooledBottom>,
    /// Unedited model, best edit and controls on the test halves.
    pub controls: Vec<PooledControl>,
}

/// Pools the results of several worlds. `seed`: of the bootstraps.
pub(super) fn pool(results: &[&WorldResult], seed: u64) -> Pooled {
    let flips: Vec<_> = results.iter().map(|result| result.flips.clone()).collect();
    let fixed: [usize; 4] = std::array::from_fn(|class| match class {
        0 => 0,
        _ => results.iter().map(|result| result.transitions[class][0]).sum(),
    });
    let all_fixed: usize = fixed.iter().sum();
    Pooled {
        flips: flip_table(&flips, seed),
        classes: [shares(results, false), shares(results, true)],
        classes_of_fixed: fixed.map(|count| count as f64 / all_fixed.max(1) as f64),
        bottoms: (0..results.first().map_or(0, |r| r.bottoms.len())).map(|i| pool_bottom(results, i, seed)).collect(),
        controls: pool_controls(results),
    }
}

fn pool_bottom(results: &[&WorldResult], point: usize, seed: u64) -> PooledBottom {
    let points: Vec<_> = results.iter().map(|result| &result.bottoms[point]).collect();
    let n = points.len() as f64;
    let cosines = |of: &dyn Fn(usize) -> Vec<f64>| {
        let values: Vec<f64> = (0..points.len()).flat_map(of).collect();
        let groups: Vec<u32> = (0..).take(values.len()).collect();
        mean(&values).map(|mean| Mean { mean, ci95: bootstrap_ci95(&values, &groups, RESAMPLES, seed) })
    };
    let fixed: Vec<f64> = points.iter().map(|point| point.to_gold.len() as f64).collect();
    let total = fixed.iter().sum::<f64>().max(1.0);
    PooledBottom {
        kept: points[0].kept,
        all: std::array::from_fn(|class| points.iter().map(|point| point.all[class]).sum::<f64>() / n),
        fixed: std::array::from_fn(|class| {
            points.iter().zip(&fixed).map(|(p, f)| p.fixed[class] * f).sum::<f64>() / total
        }),
        to_gold: cosines(&|world| points[world].to_gold.clone()),
        to_same_type: cosines(&|world| points[world].to_same_type.clone()),
        to_generic: cosines(&|world| points[world].to_generic.clone()),
    }
}

/// Unedited model and best edit first, then each kind of control, averaged over its draws and over worlds.
fn pool_controls(results: &[&WorldResult]) -> Vec<PooledControl> {
    let mut rows: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    let mut add = |kind: &str, accuracy: Option<f64>, log_loss: f64| {
        let value = (accuracy.unwrap_or(0.0), log_loss);
        match rows.iter_mut().find(|(known, _)| known == kind) {
            Some((_, values)) => values.push(value),
            None => rows.push((kind.to_owned(), vec![value])),
        }
    };
    for result in results {
        add("the unedited matrix", result.base[1].right.value(), result.base[1].log_loss);
        add("the largest components (LASER)", result.edited[1].right.value(), result.edited[1].log_loss);
        for control in &result.controls {
            add(&control.kind, control.test.right.value(), control.test.log_loss);
        }
    }
    let average = |(kind, values): (String, Vec<(f64, f64)>)| {
        let n = values.len() as f64;
        let sum = |of: fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / n;
        PooledControl { kind, accuracy: sum(|v| v.0), log_loss: sum(|v| v.1) }
    };
    rows.into_iter().map(average).collect()
}
