//! What the smallest components of a matrix say: the matrix is replaced by its k % smallest components, for several k.

use laser::model::WeightId;
use laser::{Edit, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use laser::explain::WordDirections;
use laser::explain::class_shares;

use super::subject::{Subject, parsed};

/// Shares of the components that stay, per cent, as in the paper's figure 5b.
const KEPT: [&str; 8] = ["0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.975", "1"];

/// The answers where only the smallest components stay.
#[derive(Debug, Clone, Serialize)]
pub struct BottomPoint {
    /// Share of the components that stay, the smallest ones; 1 is the unedited model.
    pub kept: f64,
    /// Share of each class of answers, over the test half.
    pub all: [f64; 4],
    /// Share of each class, over the test facts that the best edit fixes.
    pub fixed: [f64; 4],
    /// Cosine of gold answer and answer in the output head, of each fixed fact.
    pub to_gold: Vec<f64>,
    /// Cosine of the answer and another object of the relation, drawn at random, of each fixed fact: a control.
    pub to_same_type: Vec<f64>,
    /// Cosine of the answer and the most frequent generic answer, of each fixed fact: a control.
    pub to_generic: Vec<f64>,
}

/// Measures all shares. `fixed`: the test facts that the best edit fixes.
pub(super) fn bottom_points(subject: &Subject<'_>, id: WeightId, fixed: &[usize]) -> Result<Vec<BottomPoint>> {
    let directions = WordDirections::of(subject.model)?;
    let questions = subject.questions;
    // The same other object at every share, so that the curve shows the shares and not the draw.
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let others: Vec<u32> = fixed
        .iter()
        .map(|fact| {
            let objects = &questions.objects[questions.relations[*fact]];
            let others: Vec<u32> = objects.iter().copied().filter(|word| *word != questions.gold[*fact]).collect();
            others[rng.random_range(0..others.len())]
        })
        .collect();
    let point = |share: &&str| -> Result<BottomPoint> {
        let answers = subject.answers(&Edit::single(id, parsed(&format!("bottom({share})"))?))?;
        let classes = answers.classes(questions);
        let shares = |facts: &[usize]| class_shares(facts.iter().map(|fact| classes[*fact]));
        let cosines = |target: &dyn Fn(usize, usize) -> u32| {
            let of = |(i, fact): (usize, &usize)| directions.cosine(answers.predicted()[*fact], target(i, *fact));
            fixed.iter().enumerate().map(of).collect::<Vec<f64>>()
        };
        Ok(BottomPoint {
            kept: share.parse().expect("a number of the list above"),
            all: shares(&subject.test),
            fixed: shares(fixed),
            to_gold: cosines(&|_, fact| questions.gold[fact]),
            to_same_type: cosines(&|i, _| others[i]),
            to_generic: cosines(&|_, _| questions.generics[0]),
        })
    };
    KEPT.iter().map(point).collect()
}
