//! One row of the table for each arm: what pruning does by itself, beside what LASER does.

use laser::statistics::{linear_cka, mean, rank_correlation, t_interval95};
use serde::Serialize;

use crate::study::answers::Answers;
use crate::study::bins::N_BINS;
use crate::study::divergence::{js, kl};
use laser::explain::class_shares;

use super::arm::Arm;
use super::overlap::{Overlap, WrongFacts, overlap};
use super::world_runs::{Intervention, WorldRuns};

/// A mean over worlds with its 95 % t-interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OverWorlds {
    /// Mean.
    pub mean: f64,
    /// Interval; `None` with fewer than two worlds.
    pub ci95: Option<[f64; 2]>,
}

/// One arm, or LASER on the full model, on the test halves of all worlds.
#[derive(Debug, Clone, Serialize)]
pub struct ArmRow {
    /// Name: an arm, or `full+laser`.
    pub arm: String,
    /// What it is, in words.
    pub description: String,
    /// Mean number of sentences trained on.
    pub sentences: f64,
    /// Accuracy.
    pub accuracy: OverWorlds,
    /// Accuracy by bin of frequency; `None` for a bin without facts.
    pub by_frequency: Vec<Option<f64>>,
    /// Shares of the classes gold, same type, generic, other.
    pub classes: [f64; 4],
    /// Facts fixed and broken against the full model, summed over worlds and initialisations.
    pub fixed_broken: [usize; 2],
    /// Overlap of the fixed facts with LASER's; `None` for LASER itself and for the full model.
    pub with_laser: Option<Overlap>,
    /// Overlap of the fixed facts with those of the same arm from another initialisation; of the full model, of LASER with
    /// the other initialisation alone.
    pub with_itself: Option<Overlap>,
    /// Share of questions with the same answer as the full model, and as the full model with LASER.
    pub same_answer: [f64; 2],
    /// Mean KL(arm‖full) and KL(arm‖full with LASER), nats.
    pub kl: [f64; 2],
    /// The same for the Jensen–Shannon divergence.
    pub js: [f64; 2],
    /// Spearman's correlation, over facts, of the change of the gold answer's log-probability with LASER's.
    pub change_correlation: Option<f64>,
    /// Similarity (debiased linear CKA) of the hidden states with the full model's, at the input of each block after the
    /// first; `None` for LASER, which is an edit of the full model.
    pub similarity: Option<Vec<f64>>,
    /// Gain of the arm's own best edit, and of the full model's, in accuracy.
    pub laser_gain: Option<[OverWorlds; 2]>,
    /// The arm's own best edits.
    pub edits: Vec<String>,
    /// Share of the squared change of the edited matrix in the directions that LASER removes, and its expectation for
    /// random directions.
    pub removed_share: Option<[f64; 2]>,
}

/// The rows of all arms, LASER on the full model second. `seed`: of the bootstraps.
pub(super) fn arm_rows(worlds: &[WorldRuns], wrong: &[WrongFacts], seed: u64) -> Vec<ArmRow> {
    let mut rows: Vec<ArmRow> = Arm::ALL.into_iter().map(|arm| row(worlds, wrong, Some(arm), seed)).collect();
    rows.insert(1, row(worlds, wrong, None, seed));
    rows
}

/// The row of an arm; of LASER on the full model for `None`.
fn row(worlds: &[WorldRuns], wrong: &[WrongFacts], arm: Option<Arm>, seed: u64) -> ArmRow {
    let trained = arm.unwrap_or(Arm::Full);
    let answers = |world: &'_ WorldRuns, init: usize| -> Answers {
        let run = world.run(init, trained);
        if arm.is_some() { run.answers.clone() } else { run.edited.clone() }
    };
    let runs: Vec<(usize, usize, Answers)> = worlds
        .iter()
        .enumerate()
        .flat_map(|(w, world)| (0..world.runs.len()).map(move |init| (w, init, answers(world, init))))
        .collect();
    let of_worlds = |value: &dyn Fn(&WorldRuns, usize, &Answers) -> f64| {
        let per_world: Vec<f64> = (0..worlds.len())
            .map(|w| {
                let values: Vec<f64> =
                    runs.iter().filter(|run| run.0 == w).map(|(_, init, a)| value(&worlds[w], *init, a)).collect();
                mean(&values).unwrap_or(f64::NAN)
            })
            .collect();
        OverWorlds { mean: mean(&per_world).unwrap_or(f64::NAN), ci95: t_interval95(&per_world) }
    };
    let mut flips = [0, 0];
    let (mut classes, mut changes, mut laser_changes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut same, mut kls, mut jss, mut questions) = ([0.0; 2], [0.0; 2], [0.0; 2], 0.0);
    for (w, init, a) in &runs {
        let world = &worlds[*w];
        let (full, laser) = (&world.run(*init, Arm::Full).answers, &world.run(*init, Arm::Full).edited);
        let (before, after) = (world.correct(full), world.correct(a));
        for row in 0..world.test.len() {
            flips[0] += usize::from(!before[row] && after[row]);
            flips[1] += usize::from(before[row] && !after[row]);
            classes.push(world.questions.class(a.predicted()[row], world.test[row]));
            let gold = world.gold(row);
            changes.push(a.logprob(row, gold) - full.logprob(row, gold));
            laser_changes.push(laser.logprob(row, gold) - full.logprob(row, gold));
            questions += 1.0;
            for (i, other) in [full, laser].into_iter().enumerate() {
                same[i] += f64::from(u8::from(a.predicted()[row] == other.predicted()[row]));
                kls[i] += kl(a.row(row), other.row(row));
                jss[i] += js(a.row(row), other.row(row));
            }
        }
    }
    let over = |sums: [f64; 2]| sums.map(|sum| sum / f64::max(questions, 1.0));
    let pair = |a: Intervention, b: Intervention| Some(overlap(wrong, a.place(), b.place(), seed));
    let (with_laser, with_itself) = match arm {
        None => (None, None),
        Some(Arm::Full) => (None, pair(Intervention::Laser, Intervention::OtherSeed(Arm::Full))),
        Some(arm) => (
            pair(Intervention::Laser, Intervention::Pruning(arm)),
            pair(Intervention::Pruning(arm), Intervention::OtherSeed(arm)),
        ),
    };
    let gain = |edited: fn(&super::world_runs::ArmRun) -> &Answers| {
        of_worlds(&|world, init, _| {
            let run = world.run(init, trained);
            let accuracy = |answers| world.accuracy(answers, None).unwrap_or(f64::NAN);
            accuracy(edited(run)) - accuracy(&run.answers)
        })
    };
    ArmRow {
        arm: arm.map_or_else(|| "full+laser".to_owned(), |arm| arm.to_string()),
        description: arm.map_or_else(|| "all sentences, then the best edit".to_owned(), Arm::description),
        sentences: of_worlds(&|world, init, _| world.run(init, trained).sentences as f64).mean,
        accuracy: of_worlds(&|world, _, answers| world.accuracy(answers, None).unwrap_or(f64::NAN)),
        by_frequency: (0..N_BINS)
            .map(|bin| {
                let values: Vec<f64> = runs.iter().filter_map(|(w, _, a)| worlds[*w].accuracy(a, Some(bin))).collect();
                mean(&values)
            })
            .collect(),
        classes: class_shares(classes.into_iter()),
        fixed_broken: flips,
        with_laser,
        with_itself,
        same_answer: over(same),
        kl: over(kls),
        js: over(jss),
        change_correlation: rank_correlation(&changes, &laser_changes),
        similarity: arm.map(|arm| similarity(worlds, arm)),
        laser_gain: arm.map(|_| [gain(|run| &run.edited), gain(|run| &run.transferred)]),
        edits: runs.iter().map(|(w, init, _)| worlds[*w].run(*init, trained).edit.clone()).collect(),
        removed_share: removed_share(worlds, trained).filter(|_| arm.is_some()),
    }
}

/// Mean similarity with the full model of the same initialisation at each layer boundary.
fn similarity(worlds: &[WorldRuns], arm: Arm) -> Vec<f64> {
    let layers = worlds[0].run(0, arm).states.len();
    let at = |layer: usize| {
        let runs = worlds.iter().flat_map(|world| (0..world.runs.len()).map(move |init| (world, init)));
        let values: Vec<f64> = runs
            .filter_map(|(world, init)| {
                let states = |arm| &world.run(init, arm).states[layer];
                linear_cka(states(arm), states(Arm::Full), world.test.len())
            })
            .collect();
        mean(&values).unwrap_or(f64::NAN)
    };
    (0..layers).map(at).collect()
}

fn removed_share(worlds: &[WorldRuns], arm: Arm) -> Option<[f64; 2]> {
    let runs = worlds.iter().flat_map(|world| (0..world.runs.len()).map(move |init| world.run(init, arm)));
    let shares: Vec<[f64; 2]> = runs.filter_map(|run| run.removed_share).collect();
    let of = |i: usize| mean(&shares.iter().map(|share| share[i]).collect::<Vec<_>>());
    Some([of(0)?, of(1)?])
}
