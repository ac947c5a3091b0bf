//! From the plays of all players: solve rates, changes by edits, and both for each share of noise.

use laser::statistics::{PairedOutcomes, bootstrap_ci95, group_sums, mean};
use serde::Serialize;

use super::player::{EditedPlay, PlayerRecord, TestPlay};

/// Number of resamples of every bootstrap.
const RESAMPLES: usize = 10_000;

/// An edit against the unedited player, on the test levels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The edit in short form.
    pub edit: String,
    /// Share of the search levels, which chose it, that it solves more.
    pub searched_gain: f64,
    /// Share of the test levels that it solves more.
    pub gain: f64,
    /// 95 % interval of the gain, from a bootstrap over rooms.
    pub ci95: Option<[f64; 2]>,
    /// Levels that only the edited player solves.
    pub fixed: usize,
    /// Levels that only the unedited player solves.
    pub broken: usize,
    /// McNemar's exact p-value.
    pub mcnemar_p: f64,
    /// Mean return of the edited player.
    pub mean_return: f64,
}

/// One player.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlayerRow {
    /// Share of the demonstrated moves that chance chose.
    pub noise: f64,
    /// Seed of its training.
    pub seed: u64,
    /// Loss of the last training step, nats a move.
    pub training_loss: f64,
    /// Log-loss of the demonstrations of the test levels, nats a level.
    pub demonstration_loss: f64,
    /// Number of test levels.
    pub levels: usize,
    /// Number of their rooms.
    pub rooms: usize,
    /// Share of the test levels that the unedited player solves.
    pub solved: f64,
    /// 95 % interval of that share, from a bootstrap over rooms.
    pub solved_ci95: Option<[f64; 2]>,
    /// Mean return of the unedited player.
    pub mean_return: f64,
    /// Mean number of its moves.
    pub mean_moves: f64,
    /// Number of edits that were played.
    pub trials: usize,
    /// The edit that the search proposes.
    pub proposed: Option<Change>,
    /// The edit that gained most on the search levels, as the paper would choose.
    pub luckiest: Option<Change>,
    /// Verdict of the search in a sentence.
    pub verdict: String,
}

/// The players of one share of noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseRow {
    /// Share of the demonstrated moves that chance chose.
    pub noise: f64,
    /// Number of players.
    pub players: usize,
    /// Mean share of levels solved.
    pub solved: f64,
    /// Smallest and largest of the players.
    pub solved_range: [f64; 2],
    /// Number of players for which the search proposes an edit.
    pub proposals: usize,
    /// Mean gain of what the search proposes; a player without proposal gains nothing.
    pub proposed_gain: f64,
    /// 95 % interval of that mean for these players, from a bootstrap over rooms.
    pub proposed_ci95: Option<[f64; 2]>,
    /// Mean gain on the search levels, of the edits that gained most there.
    pub luckiest_searched: f64,
    /// Mean gain of these edits on the test levels.
    pub luckiest_gain: f64,
    /// 95 % interval of that mean for these players, from a bootstrap over rooms.
    pub luckiest_ci95: Option<[f64; 2]>,
}

/// The row of a player. `seed`: of the bootstrap.
pub(super) fn player_row(record: &PlayerRecord, seed: u64) -> PlayerRow {
    let change = |edited: &EditedPlay| {
        let paired = PairedOutcomes::new(&record.base.solved, &edited.play.solved);
        Change {
            edit: edited.edit.clone(),
            searched_gain: edited.searched_gain,
            gain: paired.diff,
            ci95: bootstrap_ci95(&gains(&record.base, Some(edited)), &record.rooms, RESAMPLES, seed),
            fixed: paired.edit_right_only,
            broken: paired.base_right_only,
            mcnemar_p: paired.mcnemar_p(),
            mean_return: edited.play.mean_return,
        }
    };
    let solved = record.base.values();
    PlayerRow {
        noise: record.noise,
        seed: record.seed,
        training_loss: record.training_loss,
        demonstration_loss: record.demonstration_loss,
        levels: solved.len(),
        rooms: group_sums(&solved, &record.rooms).len(),
        solved: mean(&solved).unwrap_or(f64::NAN),
        solved_ci95: bootstrap_ci95(&solved, &record.rooms, RESAMPLES, seed),
        mean_return: record.base.mean_return,
        mean_moves: record.base.mean_moves,
        trials: record.trials,
        proposed: record.proposed.as_ref().map(change),
        luckiest: record.luckiest.as_ref().map(change),
        verdict: record.reason.clone(),
    }
}

/// The row of players that learned from the same noise; all of them played the same levels.
pub(super) fn noise_row(records: &[&PlayerRecord], seed: u64) -> NoiseRow {
    let solved: Vec<f64> = records.iter().filter_map(|record| mean(&record.base.values())).collect();
    let of_edits = |edit: &dyn Fn(&PlayerRecord) -> Option<&EditedPlay>| {
        let of_players: Vec<Vec<f64>> = records.iter().map(|record| gains(&record.base, edit(record))).collect();
        let levels = of_players.iter().map(Vec::len).min().unwrap_or(0);
        let means: Vec<f64> = (0..levels)
            .map(|level| of_players.iter().map(|gains| gains[level]).sum::<f64>() / of_players.len() as f64)
            .collect();
        let ci95 = bootstrap_ci95(&means, &records[0].rooms, RESAMPLES, seed);
        (mean(&means).unwrap_or(f64::NAN), ci95)
    };
    let (proposed_gain, proposed_ci95) = of_edits(&|record| record.proposed.as_ref());
    let (luckiest_gain, luckiest_ci95) = of_edits(&|record| record.luckiest.as_ref());
    let searched: Vec<f64> = records.iter().filter_map(|r| r.luckiest.as_ref()).map(|e| e.searched_gain).collect();
    NoiseRow {
        noise: records[0].noise,
        players: records.len(),
        solved: mean(&solved).unwrap_or(f64::NAN),
        solved_range: solved
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(*x), high.max(*x)]),
        proposals: records.iter().filter(|record| record.proposed.is_some()).count(),
        proposed_gain,
        proposed_ci95,
        luckiest_searched: mean(&searched).unwrap_or(f64::NAN),
        luckiest_gain,
        luckiest_ci95,
    }
}

/// Gain of each level, −1, 0 or 1; 0 without an edit.
fn gains(base: &TestPlay, edited: Option<&EditedPlay>) -> Vec<f64> {
    let base = base.values();
    match edited {
        None => vec![0.0; base.len()],
        Some(edited) => edited.play.values().iter().zip(base).map(|(edited, base)| edited - base).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(solved: &[u8]) -> TestPlay {
        TestPlay { solved: solved.iter().map(|s| *s == 1).collect(), mean_return: 1.0, mean_moves: 9.0 }
    }

    fn record(seed: u64, base: &[u8], edited: &[u8], proposes: bool) -> PlayerRecord {
        let edited = EditedPlay { edit: "L0.fc_in@0.4".to_owned(), searched_gain: 0.02, play: play(edited) };
        PlayerRecord {
            noise: 0.1,
            seed,
            training_loss: 0.5,
            demonstration_loss: 3.0,
            rooms: vec![0, 0, 1, 1, 2, 2],
            base: play(base),
            proposed: proposes.then(|| edited.clone()),
            luckiest: Some(edited),
            pictures: Vec::new(),
            trials: 24,
            reason: String::new(),
        }
    }

    #[test]
    fn gains_are_means_over_levels_and_players_and_intervals_resample_rooms() {
        let first = record(0, &[1, 0, 1, 0, 0, 1], &[1, 1, 1, 1, 0, 0], true);
        let second = record(1, &[1, 1, 1, 1, 0, 0], &[1, 1, 1, 0, 0, 0], false);
        let row = player_row(&first, 7);
        assert_eq!((row.levels, row.rooms, row.solved), (6, 3, 0.5));
        let change = row.luckiest.as_ref().expect("measured");
        assert_eq!((change.fixed, change.broken), (2, 1));
        assert!((change.gain - 1.0 / 6.0).abs() < 1e-12);
        // Rooms gain 1/2, 1/2 and −1/2: no resample leaves this range.
        let [low, high] = change.ci95.expect("three rooms");
        assert!((-0.5..=0.0).contains(&low) && (0.4..=0.5).contains(&high), "{low} {high}");

        let noise = noise_row(&[&first, &second], 7);
        assert_eq!((noise.players, noise.proposals), (2, 1));
        assert!((noise.solved - (0.5 + 4.0 / 6.0) / 2.0).abs() < 1e-12);
        assert_eq!(noise.solved_range, [0.5, 4.0 / 6.0]);
        assert!((noise.proposed_gain - 1.0 / 12.0).abs() < 1e-12, "{}", noise.proposed_gain);
        assert!(noise.luckiest_gain.abs() < 1e-12, "{}", noise.luckiest_gain);
    }

    #[test]
    fn players_without_proposals_gain_nothing() {
        let records = [record(0, &[1, 0, 1, 0, 0, 1], &[1, 1, 1, 1, 0, 0], false)];
        let noise = noise_row(&[&records[0]], 7);
        assert_eq!((noise.proposals, noise.proposed_gain, noise.proposed_ci95), (0, 0.0, Some([0.0, 0.0])));
    }
}
