//! What the decision rule looks at, from the models of all worlds.

use laser::statistics::{mean, nested_bootstrap_ci95};

use crate::study::bins::{N_BINS, bin_name};
use crate::study::divergence::kl;

use super::arm::{Arm, MATCH_GRID};
use super::overlap::{WrongFacts, overlap};
use super::rule::{BinDifference, Evidence};
use super::world_runs::{Intervention, WorldRuns};

/// Number of resamples of the bootstrap.
const RESAMPLES: usize = 2_000;

/// The share of removed noise, per cent, whose mean accuracy over all worlds is closest to LASER's on the full models; of
/// equally close ones the smaller.
pub(super) fn matched_percent(worlds: &[WorldRuns]) -> usize {
    let difference = |percent: usize| {
        let per_world: Vec<f64> = worlds
            .iter()
            .flat_map(|world| (0..world.runs.len()).map(move |init| (world, init)))
            .filter_map(|(world, init)| {
                let accuracy = |intervention| world.accuracy(world.answers(init, intervention), None);
                Some(accuracy(Intervention::Pruning(Arm::WithoutNoise(percent)))? - accuracy(Intervention::Laser)?)
            })
            .collect();
        mean(&per_world).unwrap_or(f64::INFINITY).abs()
    };
    let best = MATCH_GRID.into_iter().min_by(|a, b| difference(*a).total_cmp(&difference(*b)));
    best.expect("the grid is not empty")
}

/// Everything that the rule needs, with `matched` as the arm at LASER's strength. `seed`: of the bootstraps.
pub(super) fn evidence(worlds: &[WorldRuns], wrong: &[WrongFacts], matched: Arm, seed: u64) -> Evidence {
    let pair = |a: Intervention, b: Intervention| overlap(wrong, a.place(), b.place(), seed);
    let (laser, arm) = (Intervention::Laser, Intervention::Pruning(matched));
    // Per test fact, mean over initialisations: KL(arm‖full with LASER) − KL(arm‖full).
    let nearer: Vec<Vec<f64>> = worlds
        .iter()
        .map(|world| {
            let of_init = |row: usize, init: usize| {
                let pruned = world.answers(init, arm).row(row);
                kl(pruned, world.answers(init, laser).row(row))
                    - kl(pruned, world.run(init, Arm::Full).answers.row(row))
            };
            let inits = world.runs.len();
            (0..world.test.len())
                .map(|row| (0..inits).map(|init| of_init(row, init)).sum::<f64>() / inits as f64)
                .collect()
        })
        .collect();
    let sizes: Vec<usize> = nearer.iter().map(Vec::len).collect();
    let distribution_ci95 = nested_bootstrap_ci95(&sizes, RESAMPLES, seed, |drawn| {
        let values = drawn.iter().flat_map(|(world, facts)| facts.iter().map(|fact| nearer[*world][*fact]));
        mean(&values.collect::<Vec<f64>>())
    });
    Evidence {
        strength: (0..N_BINS).filter_map(|bin| strength(worlds, arm, bin)).collect(),
        matched: pair(laser, arm),
        ceiling: pair(arm, Intervention::OtherSeed(matched)),
        floor_seed: pair(laser, Intervention::OtherSeed(Arm::Full)),
        floor_random: pair(laser, Intervention::Pruning(Arm::WithoutRandom)),
        distribution: mean(&nearer.concat()).unwrap_or(f64::NAN),
        distribution_ci95,
    }
}

/// Accuracy of an arm minus LASER's in one bin, one difference for each world.
fn strength(worlds: &[WorldRuns], arm: Intervention, bin: usize) -> Option<BinDifference> {
    let facts = |world: &WorldRuns| (0..world.test.len()).filter(|row| world.bin(*row) == bin).count();
    let difference = |world: &WorldRuns| {
        let of_init = |init: usize| {
            let accuracy = |intervention| world.accuracy(world.answers(init, intervention), Some(bin));
            Some(accuracy(arm)? - accuracy(Intervention::Laser)?)
        };
        mean(&(0..world.runs.len()).filter_map(of_init).collect::<Vec<f64>>())
    };
    let differences: Vec<f64> = worlds.iter().filter_map(difference).collect();
    BinDifference::new(bin_name(bin), worlds.iter().map(facts).min().unwrap_or(0), &differences)
}
