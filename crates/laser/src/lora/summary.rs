//! All adapted matrices together: mean shares by rank and by kind of matrix, growth, and intruders.

use std::collections::BTreeMap;

use serde::Serialize;

use super::behaviour::Behaviour;
use super::cut::{Cut, Share};
use super::growth::Decile;
use super::matrix::AnalysedMatrix;
use crate::edit::recipe::AdapterIdentity;

/// The analysis of an adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterAnalysis {
    /// Name of the model without the adapter.
    pub model: String,
    /// SHA-256 of the model's files.
    pub model_sha256: String,
    /// The adapter.
    pub adapter: AdapterIdentity,
    /// The edit whose ranks are among the cuts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// Number of random updates with which each matrix is compared.
    pub draws: usize,
    /// Seed of the random updates.
    pub seed: u64,
    /// All matrices together.
    pub summary: AdapterSummary,
    /// The adapted matrices.
    pub matrices: Vec<AnalysedMatrix>,
    /// What the models answer, if that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<Behaviour>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// Means over all adapted matrices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterSummary {
    /// Number of adapted matrices.
    pub matrices: usize,
    /// Answer to the question whether the update lies in what a truncation removes.
    pub verdict: String,
    /// One entry for each rule, in the order of the ranks; an edit's own ranks are one entry, `edit`.
    pub cuts: Vec<CutSummary>,
    /// The same for each kind of matrix.
    pub kinds: Vec<KindSummary>,
    /// Means over the matrices, by decile.
    pub growth: Vec<Decile>,
    /// Number of intruders among the first ten vectors at the threshold 0.5, over all matrices.
    pub intruders: usize,
    /// Number of matrices that have any.
    pub matrices_with_intruders: usize,
}

/// Means at one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutSummary {
    /// The rule; `edit` for the ranks of an edit.
    pub rule: String,
    /// Number of matrices.
    pub matrices: usize,
    /// Mean shares in kept vectors, in removed ones, and outside. Their z is that of the mean.
    pub kept: Share,
    /// Mean share in removed vectors.
    pub removed: Share,
    /// Mean share outside.
    pub outside: Share,
    /// Share in removed vectors where each matrix counts by its energy ‖ΔW‖².
    pub removed_of_energy: f64,
    /// Mean of what is left of the update after truncation.
    pub retained: f64,
}

/// Means at every rule for one kind of matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindSummary {
    /// Kind: `gate_proj`.
    pub kind: String,
    /// Mean of ‖ΔW‖/‖W‖.
    pub relative_norm: f64,
    /// One entry for each rule.
    pub cuts: Vec<CutSummary>,
}

/// |z| from which a mean share counts as different from chance.
const CLEAR: f64 = 3.0;
/// The rule whose share gives the verdict, if there is no edit.
const USUAL: &str = "0.1";

impl AdapterSummary {
    /// Joins the matrices.
    pub fn new(matrices: &[AnalysedMatrix]) -> Self {
        let all: Vec<&AnalysedMatrix> = matrices.iter().collect();
        let cuts = summaries(&all);
        let mut kinds: Vec<&str> = Vec::new();
        for matrix in matrices {
            if !kinds.contains(&matrix.kind.as_str()) {
                kinds.push(&matrix.kind);
            }
        }
        let of_kind = |kind: &str| {
            let of: Vec<&AnalysedMatrix> = all.iter().copied().filter(|matrix| matrix.kind == kind).collect();
            KindSummary {
                kind: kind.to_owned(),
                relative_norm: mean(of.iter().map(|matrix| matrix.relative_norm)),
                cuts: summaries(&of),
            }
        };
        let counts: Vec<usize> = matrices.iter().map(intruders_of).collect();
        Self {
            matrices: matrices.len(),
            verdict: verdict(&cuts),
            kinds: kinds.into_iter().map(of_kind).collect(),
            growth: growth(matrices),
            intruders: counts.iter().sum(),
            matrices_with_intruders: counts.iter().filter(|count| **count > 0).count(),
            cuts,
        }
    }
}

/// Number of intruders among the first vectors at the threshold 0.5.
fn intruders_of(matrix: &AnalysedMatrix) -> usize {
    matrix.intruders.counts.iter().find(|count| count.threshold == 0.5).map_or(0, |count| count.count)
}

/// Means at every rule.
fn summaries(matrices: &[&AnalysedMatrix]) -> Vec<CutSummary> {
    // Rules in order of their first appearance; ranks that an edit gives are one rule.
    let mut by_rule: Vec<(String, Vec<(&AnalysedMatrix, &Cut)>)> = Vec::new();
    for matrix in matrices {
        for cut in &matrix.cuts {
            let rule = if cut.from_edit { "edit" } else { cut.rule.as_str() };
            match by_rule.iter_mut().find(|(of, _)| of == rule) {
                Some((_, cuts)) => cuts.push((matrix, cut)),
                None => by_rule.push((rule.to_owned(), vec![(matrix, cut)])),
            }
        }
    }
    by_rule.into_iter().map(|(rule, cuts)| summary(rule, &cuts)).collect()
}

fn summary(rule: String, cuts: &[(&AnalysedMatrix, &Cut)]) -> CutSummary {
    let share = |of: fn(&Cut) -> Share| {
        let shares: Vec<Share> = cuts.iter().map(|(_, cut)| of(cut)).collect();
        // The deviation of a mean of independent draws; unknown if any is.
        let variances: Option<Vec<f64>> = shares.iter().map(|share| share.sd.map(|sd| sd * sd)).collect();
        let sd = variances.map(|all| all.iter().sum::<f64>().sqrt() / all.len().max(1) as f64);
        Share::new(mean(shares.iter().map(|s| s.share)), mean(shares.iter().map(|s| s.chance)), sd)
    };
    let energy: f64 = cuts.iter().map(|(matrix, _)| matrix.norm.powi(2)).sum();
    let removed: f64 = cuts.iter().map(|(matrix, cut)| matrix.norm.powi(2) * cut.shares.removed.share).sum();
    CutSummary {
        rule,
        matrices: cuts.len(),
        kept: share(|cut| cut.shares.kept),
        removed: share(|cut| cut.shares.removed),
        outside: share(|cut| cut.shares.outside),
        removed_of_energy: if energy > 0.0 { removed / energy } else { 0.0 },
        retained: mean(cuts.iter().map(|(_, cut)| cut.retained)),
    }
}

/// Means of the deciles over matrices that have all ten.
fn growth(matrices: &[AnalysedMatrix]) -> Vec<Decile> {
    let mut by_part: BTreeMap<usize, Vec<Decile>> = BTreeMap::new();
    for matrix in matrices.iter().filter(|matrix| matrix.growth.len() == 10) {
        matrix.growth.iter().enumerate().for_each(|(part, decile)| by_part.entry(part).or_default().push(*decile));
    }
    let joined = |deciles: Vec<Decile>| Decile {
        components: deciles.iter().map(|d| d.components).sum(),
        mean_abs: mean(deciles.iter().map(|d| d.mean_abs)),
        rms: mean(deciles.iter().map(|d| d.rms)),
        chance_rms: mean(deciles.iter().map(|d| d.chance_rms)),
    };
    by_part.into_values().map(joined).collect()
}

/// The answer in a sentence.
fn verdict(cuts: &[CutSummary]) -> String {
    let at = |rule: &str| cuts.iter().find(|cut| cut.rule == rule);
    let Some(cut) = at("edit").or_else(|| at(USUAL)).or(cuts.first()) else {
        return "No adapted matrix was analysed.".to_owned();
    };
    let Share { share, chance, ratio, z, .. } = cut.removed;
    let found = format!(
        "at {} {:.1} % of the update's energy lies in removed directions, by chance {:.1} %",
        match (cut.rule.as_str(), cut.matrices) {
            ("edit", 1) => "the edit's rank, in 1 matrix,".to_owned(),
            ("edit", n) => format!("the edit's ranks, in {n} matrices,"),
            (rule, _) => format!("ρ = {rule}"),
        },
        100.0 * share,
        100.0 * chance
    );
    let times = ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.2} times"));
    let close = |z: f64| if times.is_empty() { format!(" (z = {z:+.1})") } else { format!("{times}, z = {z:+.1})") };
    match z {
        Some(z) if z >= CLEAR => {
            format!("The update lies in the removed directions more than chance: {found}{}.", close(z))
        }
        Some(z) if z <= -CLEAR => {
            format!("The update lies in the removed directions less than chance: {found}{}.", close(z))
        }
        Some(z) => format!("The update does not prefer the removed directions: {found}{}.", close(z)),
        None => format!("Of the update, {found}."),
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    if n == 0 { 0.0 } else { values.sum::<f64>() / n as f64 }
}
