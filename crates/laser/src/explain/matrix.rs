//! One edited matrix: every part of it in its place, and the numbers that compare them.

use std::collections::BTreeMap;

use laser_linalg::Spectrum;
use laser_model::weight_id::WeightId;
use laser_statistics::mean;

use super::answer_set::AnswerSet;
use super::cosine_curve::CosineTargets;
use super::document::{BandAttribution, CosinePoint, MatrixExplanation, Nestedness, PartScores};
use super::part::{Part, PartKind};
use super::stacked_pass::Rows;
use super::word_directions::WordDirections;
use crate::evaluate::batch::Batch;
use crate::gradient::Sensitivity;

/// Number of bands of the attribution.
const BANDS: usize = 10;

/// One matrix with the answers of all its parts.
pub(crate) struct MeasuredMatrix {
    pub(crate) id: WeightId,
    pub(crate) reduction: String,
    pub(crate) rank: usize,
    pub(crate) spectrum: Spectrum,
    /// The model whose only unedited matrix is this one.
    pub(crate) whole: AnswerSet,
    pub(crate) parts: Vec<(Part, AnswerSet)>,
    /// Loss on ordinary text, nats a token, of the whole matrix and of the shares of the largest components.
    pub(crate) text_losses: Option<(f64, BTreeMap<String, f64>)>,
}

/// Items that the whole edit changes.
pub(crate) struct ChangedItems {
    pub(crate) fixed: Vec<usize>,
    pub(crate) broken: Vec<usize>,
}

impl MeasuredMatrix {
    /// The answers of the part of a kind, the first of them.
    pub(crate) fn part(&self, kind: PartKind) -> Option<&AnswerSet> {
        self.parts.iter().find(|(part, _)| part.kind == kind).map(|(_, answers)| answers)
    }

    /// The numbers. `sensitivity`: the effects of the matrix's components on the losses of all items.
    pub(crate) fn explanation(
        &self,
        changed: &ChangedItems,
        targets: &CosineTargets<'_>,
        head: &WordDirections,
        embedding: Option<&WordDirections>,
        sensitivity: &Sensitivity,
    ) -> MatrixExplanation {
        let max_rank = self.spectrum.values().len();
        let scores = |(part, answers): &(Part, AnswerSet)| {
            let reduction = part.reduction.to_string();
            let loss = self.text_losses.as_ref().and_then(|(_, losses)| losses.get(&reduction).copied());
            PartScores {
                kind: part.kind,
                kept: part.kept,
                scores: answers.scores(),
                classes_of_fixed: answers.classes_of(&changed.fixed),
                classes_of_broken: answers.classes_of(&changed.broken),
                text_loss: loss.filter(|_| part.kind == PartKind::Top),
                reduction,
            }
        };
        let cosines = |words: &WordDirections| self.cosines(targets, words);
        MatrixExplanation {
            matrix: self.id.to_string(),
            reduction: self.reduction.clone(),
            rank: self.rank,
            max_rank,
            effective_rank: self.spectrum.effective_rank(),
            energy: self.spectrum.energy(self.rank),
            whole: self.whole.scores(),
            text_loss: self.text_losses.as_ref().map(|(whole, _)| *whole),
            parts: self.parts.iter().map(scores).collect(),
            cosines: cosines(head),
            embedding_cosines: embedding.map(cosines).unwrap_or_default(),
            nestedness: self.nestedness(),
            attribution: attribution(sensitivity, changed),
        }
    }

    /// One point for each share of the smallest components, ascending, and the whole matrix.
    fn cosines(&self, targets: &CosineTargets<'_>, words: &WordDirections) -> Vec<CosinePoint> {
        let bottoms = self.parts.iter().filter(|(part, _)| part.kind == PartKind::Bottom);
        let mut points: Vec<CosinePoint> =
            bottoms.map(|(part, answers)| targets.point(part.kept, &answers.answers, words)).collect();
        points.push(targets.point(1.0, &self.whole.answers, words));
        points.sort_by(|a, b| a.kept.total_cmp(&b.kept));
        points
    }

    /// The right answers that are lost when more is removed.
    fn nestedness(&self) -> Nestedness {
        let tops = self.parts.iter().filter(|(part, _)| part.kind == PartKind::Top);
        let mut sets: Vec<(f64, &AnswerSet)> = tops.map(|(part, answers)| (part.kept, answers)).collect();
        sets.push((1.0, &self.whole));
        sets.sort_by(|a, b| b.0.total_cmp(&a.0));
        let lost = |more: &AnswerSet, fewer: &AnswerSet| {
            let right = more.answers.iter().filter(|answer| answer.right).count();
            (right > 0).then(|| more.right_only(fewer).len() as f64 / right as f64)
        };
        Nestedness {
            kept: sets.iter().map(|(kept, _)| *kept).collect(),
            lost: sets.iter().map(|(_, more)| sets.iter().map(|(_, fewer)| lost(more, fewer)).collect()).collect(),
        }
    }
}

/// Contributions of tenths of the components to the log-probability of the right answer.
fn attribution(sensitivity: &Sensitivity, changed: &ChangedItems) -> Vec<BandAttribution> {
    let by_item: Vec<Vec<f64>> =
        (0..sensitivity.losses().len()).map(|item| sensitivity.band_contributions(item, BANDS)).collect();
    let all: Vec<usize> = (0..by_item.len()).collect();
    let mean_of = |items: &[usize], band: usize| mean(&items.iter().map(|i| by_item[*i][band]).collect::<Vec<f64>>());
    (0..BANDS)
        .map(|band| BandAttribution {
            from: band as f64 / BANDS as f64,
            to: (band + 1) as f64 / BANDS as f64,
            all: mean_of(&all, band).unwrap_or(0.0),
            fixed: mean_of(&changed.fixed, band),
            broken: mean_of(&changed.broken, band),
        })
        .collect()
}

/// Loss a token of texts from the rows of their batches, nats; 0 without tokens.
pub(crate) fn loss_per_token(batches: &[Batch], rows: &Rows) -> f64 {
    let (mut loss, mut tokens) = (0.0, 0usize);
    for (batch, rows) in batches.iter().zip(rows) {
        for (row, slot) in batch.items.iter().flat_map(|item| item.candidates.iter().flatten()) {
            loss -= rows[*row].logprobs[*slot];
            tokens += 1;
        }
    }
    loss / tokens.max(1) as f64
}
