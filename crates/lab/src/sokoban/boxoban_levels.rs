//! Levels of others: Boxoban level files, with their solutions or our own → a set of levels.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use laser::sokoban::LevelSet;
use laser::{Error, Observer, Result};
use laser_sokoban::boxoban::{NumberedLevel, level_files, read_levels};
use laser_sokoban::{
    Demonstration, Episode, Fewest, LevelRecord, RecordedLevel, RoomId, Shares, Solutions, Solved, solve,
};
use rayon::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::made_levels::MadeLevels;

/// Name of the stage in reports of progress.
const STAGE: &str = "solve";

/// Where levels come from and how they are solved.
#[derive(Debug, Clone, PartialEq)]
pub struct BoxobanSettings {
    /// A level file, or a folder of them.
    pub levels: PathBuf,
    /// A file of solutions; `None`: the solver finds them.
    pub solutions: Option<PathBuf>,
    /// What the solver's solutions have the fewest of. Optimal lengths are known only with the fewest moves.
    pub fewest: Fewest,
    /// Number of nodes after which the solver gives a level up.
    pub max_nodes: usize,
    /// Shares of the parts.
    pub shares: Shares,
    /// Seed of the parts.
    pub seed: u64,
}

/// What became of one level.
struct Outcome {
    demonstration: Option<Demonstration>,
    optimal: Option<u32>,
    nodes: usize,
    impossible: bool,
}

/// Reads and solves levels on all threads of the current pool. A level without a solution stays in the set, without a
/// demonstration.
///
/// # Errors
/// Files that cannot be read or are malformed; a solution that does not solve its level; solutions of none of the
/// levels; if the observer stops the work.
pub fn read_boxoban(settings: &BoxobanSettings, observer: &dyn Observer) -> Result<MadeLevels> {
    settings.shares.check()?;
    let solutions = settings.solutions.as_deref().map(Solutions::read).transpose()?;
    let mut levels: Vec<(PathBuf, NumberedLevel)> = Vec::new();
    let mut files = Vec::new();
    for file in level_files(&settings.levels)? {
        let of_file = read_levels(&file)?;
        files.push(described(&file)?);
        levels.extend(of_file.into_iter().map(|level| (file.clone(), level)));
    }
    let done = AtomicUsize::new(0);
    let outcomes: Vec<Outcome> = levels
        .par_iter()
        .map(|(file, level)| {
            if observer.stopped() {
                return Err(Error::Interrupted);
            }
            let outcome = match &solutions {
                Some(solutions) => given(solutions, file, level)?,
                None => solved(settings, file, level)?,
            };
            observer.progress(STAGE, done.fetch_add(1, Ordering::Relaxed) + 1, levels.len());
            Ok(outcome)
        })
        .collect::<Result<_>>()?;
    if solutions.is_some() && outcomes.iter().all(|outcome| outcome.demonstration.is_none()) {
        let problem = "expected solutions of the levels, found none: files are matched by the number in their name";
        return Err(Error::setting("solutions", problem));
    }
    let most_nodes = outcomes.iter().map(|outcome| outcome.nodes).max();
    let nodes: usize = outcomes.iter().map(|outcome| outcome.nodes).sum();
    let unsolved = outcomes.iter().filter(|outcome| outcome.demonstration.is_none()).count();
    let impossible = outcomes.iter().filter(|outcome| outcome.impossible).count();
    let made = json!({
        "boxoban": {
            "files": files,
            "solutions": settings.solutions.as_deref().map(described).transpose()?,
            "fewest": match settings.fewest { Fewest::Pushes => "pushes", Fewest::Moves => "moves" },
            "max_nodes": settings.max_nodes,
            "shares": settings.shares,
            "seed": settings.seed,
        },
        "counts": {
            "levels": levels.len(),
            "without_solution": unsolved,
            "impossible": impossible,
            "nodes": nodes,
            "most_nodes": most_nodes,
        },
    });
    Ok(MadeLevels::new(collect(settings, levels, outcomes), made))
}

/// Name and SHA-256 of a file, for the manifest.
fn described(file: &Path) -> Result<serde_json::Value> {
    let bytes = std::fs::read(file).map_err(Error::io(file))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(json!({ "name": name, "sha256": hex::encode(Sha256::digest(&bytes)) }))
}

/// A level with the solution that a file has for it.
fn given(solutions: &Solutions, file: &Path, level: &NumberedLevel) -> Result<Outcome> {
    let demonstration = solutions.get(file, level.number).map(Demonstration::of_solution);
    if let Some(demonstration) = &demonstration {
        let wrong = |e| Error::setting("solutions", format!("level {} of {}: {e}", level.number, file.display()));
        demonstration.check(&level.level).map_err(wrong)?;
    }
    Ok(Outcome { demonstration, optimal: None, nodes: 0, impossible: false })
}

/// A level with the solution that the solver finds.
fn solved(settings: &BoxobanSettings, file: &Path, level: &NumberedLevel) -> Result<Outcome> {
    let in_file =
        |e: laser_sokoban::Error| Error::from(laser_sokoban::Error::file(file, format!("level {}", level.number), e));
    Ok(match solve(&level.level, settings.fewest, settings.max_nodes).map_err(in_file)? {
        Solved::Yes(solution) => {
            let length = u32::try_from(solution.moves.len()).expect("far fewer moves than the largest number");
            let optimal = (settings.fewest == Fewest::Moves).then_some(length);
            // A level that is solved from the start has nothing to demonstrate.
            let shown = !solution.moves.is_empty();
            let demonstration = shown.then(|| Demonstration::of_solution(&solution.moves));
            Outcome { demonstration, optimal, nodes: solution.nodes, impossible: false }
        }
        Solved::Impossible => Outcome { demonstration: None, optimal: None, nodes: 0, impossible: true },
        Solved::GaveUp => Outcome { demonstration: None, optimal: None, nodes: settings.max_nodes, impossible: false },
    })
}

fn collect(settings: &BoxobanSettings, levels: Vec<(PathBuf, NumberedLevel)>, outcomes: Vec<Outcome>) -> LevelSet {
    let mut set = LevelSet::default();
    for (index, ((file, NumberedLevel { number, level }), outcome)) in levels.into_iter().zip(outcomes).enumerate() {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let room = RoomId::of(&level.room);
        let split = settings.shares.part(room, settings.seed);
        let record =
            LevelRecord { id: format!("{stem}:{number}"), room, split, rows: level.rows(), optimal: outcome.optimal };
        set.levels.push(RecordedLevel { record, level });
        set.episodes.extend(outcome.demonstration.map(|demonstration| Episode { level: index, demonstration }));
    }
    set
}
