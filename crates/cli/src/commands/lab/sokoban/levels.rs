//! `laser lab sokoban levels`: makes a folder of levels.

use std::process::ExitCode;

use anyhow::Result;
use laser::sokoban::LevelSet;
use laser_lab::sokoban::{BoxobanSettings, MadeLevels, generate_levels, read_boxoban};
use laser_sokoban::{Fewest, GeneratorSettings, Noise, NoiseKind, Part};
use serde_json::Value;

use crate::args::{FewestName, Global, Levels, NoiseName};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &Levels, global: &Global, progress: &Progress) -> Result<ExitCode> {
    plan::threads(global);
    // Before the work, so that none is lost to a folder that cannot be used.
    LevelSet::prepare(&args.out)?;
    let made = match &args.boxoban {
        Some(levels) => read_boxoban(&boxoban_settings(levels, args), progress)?,
        None => generate_levels(&generator_settings(args), progress)?,
    };
    made.write(&args.out)?;
    progress.finish();
    output::say(global, &format!("wrote {}", args.out.display()));
    if global.json {
        output::json(&made.manifest)?;
    } else {
        output::result(&summary(&made))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn generator_settings(args: &Levels) -> GeneratorSettings {
    let kind = match args.noise_kind {
        NoiseName::Random => NoiseKind::Random,
        NoiseName::SubOptimal => NoiseKind::SubOptimal,
    };
    GeneratorSettings {
        board: args.board,
        boxes: args.boxes,
        rooms: args.rooms,
        starts: args.starts,
        held_out_starts: args.held_out_starts,
        max_moves: args.max_moves,
        max_states: args.max_states,
        shares: args.shares,
        noise: Noise { rate: args.noise, kind },
        seed: args.seed,
    }
}

fn boxoban_settings(levels: &std::path::Path, args: &Levels) -> BoxobanSettings {
    BoxobanSettings {
        levels: levels.to_owned(),
        solutions: args.solutions.clone(),
        fewest: match args.fewest {
            FewestName::Moves => Fewest::Moves,
            FewestName::Pushes => Fewest::Pushes,
        },
        max_nodes: args.max_nodes,
        shares: args.shares,
        seed: args.seed,
    }
}

/// A table of the parts, and one line for the counts.
fn summary(made: &MadeLevels) -> String {
    let header = ["part", "rooms", "levels", "demonstrations", "steps", "not optimal", "longest"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for part in Part::ALL {
        let counts = &made.manifest["parts"][part.name()];
        let number = |key: &str| counts[key].as_u64().map_or_else(String::new, |n| n.to_string());
        let keys = ["rooms", "levels", "demonstrations", "steps", "steps_not_optimal", "longest"];
        rows.push([part.name().to_owned()].into_iter().chain(keys.map(number)).collect());
    }
    let counts = made.manifest["made_by"]["counts"].as_object();
    let count = |(name, value): (&String, &Value)| format!("{} {value}", name.replace('_', " "));
    let counts: Vec<String> = counts.into_iter().flatten().map(count).collect();
    format!("{}\n{}", output::table(&rows), counts.join(", "))
}
