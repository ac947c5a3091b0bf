//! The exact generator: settings and a seed → rooms, many starts in each, and their demonstrations.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::backward::{BackwardSearch, Bounds};
use crate::carve::carve;
use crate::demonstration::{Demonstration, Noise, demonstrate};
use crate::error::{Error, Result};
use crate::level::{Level, State};
use crate::part::{Part, Shares};
use crate::room::MAX_SIDE;
use crate::room_id::RoomId;

/// Settings of the generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorSettings {
    /// Rows and columns of a room, walls around it included.
    pub board: usize,
    /// Number of boxes.
    pub boxes: usize,
    /// Number of rooms.
    pub rooms: usize,
    /// Number of starts in a room of the training part.
    pub starts: usize,
    /// Number of starts in a room of the search or test part.
    pub held_out_starts: usize,
    /// Largest optimal distance of a start, in moves.
    pub max_moves: usize,
    /// Largest number of states of a room within that distance.
    pub max_states: usize,
    /// Shares of the parts.
    pub shares: Shares,
    /// Noise of the demonstrations of the training part.
    pub noise: Noise,
    /// Seed of rooms, starts, parts and demonstrations.
    pub seed: u64,
}

impl Default for GeneratorSettings {
    /// The board of gym-sokoban: 10 × 10 with 4 boxes.
    fn default() -> Self {
        Self {
            board: 10,
            boxes: 4,
            rooms: 11_000,
            starts: 16,
            held_out_starts: 4,
            max_moves: 40,
            max_states: 40_000,
            shares: Shares::default(),
            noise: Noise::NONE,
            seed: 0,
        }
    }
}

/// A start in a room, with what the backward search knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedLevel {
    /// The level.
    pub level: Level,
    /// Identity of its room.
    pub room: RoomId,
    /// Part of the room.
    pub part: Part,
    /// Least number of moves that solve it.
    pub optimal: usize,
    /// Moves of a player who solves it.
    pub demonstration: Demonstration,
}

/// What the generator did to find its rooms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorCounts {
    /// Rooms carved.
    pub carved: usize,
    /// Rooms with more states than the bound.
    pub too_large: usize,
    /// Rooms with fewer states than starts are needed.
    pub too_small: usize,
    /// Rooms that had been found before, perhaps turned or reflected.
    pub repeated: usize,
    /// States of the rooms that were kept.
    pub states: usize,
}

/// Rooms that are tried side by side; the number of threads changes neither it nor the result.
const BATCH: usize = 128;
/// Carved rooms in a row of which none is kept, after which the settings are taken to be impossible.
const FRUITLESS: usize = 20_000;

impl GeneratorSettings {
    /// Checks that the settings can be met.
    ///
    /// # Errors
    /// The setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        let within = |name: &str, value: usize, range: std::ops::RangeInclusive<usize>| match range.contains(&value) {
            true => Ok(()),
            false => {
                let (least, most) = (range.start(), range.end());
                Err(Error::setting(name, format!("expected {least} to {most}, found {value}")))
            }
        };
        within("board", self.board, 5..=MAX_SIDE)?;
        within("boxes", self.boxes, 1..=(self.board - 2).pow(2).min(16))?;
        within("rooms", self.rooms, 1..=10_000_000)?;
        within("starts", self.starts, 1..=10_000)?;
        within("held-out-starts", self.held_out_starts, 1..=10_000)?;
        within("max-moves", self.max_moves, 1..=250)?;
        within("max-states", self.max_states, 1..=50_000_000)?;
        self.shares.check()?;
        self.noise.check()
    }
}

/// Makes levels. The result depends on the settings alone, and not on the number of threads.
///
/// `progress` hears the number of rooms found after each batch, and ends the work by returning false.
///
/// # Errors
/// Settings that cannot be used or met; the caller's wish to stop.
pub fn generate(
    settings: &GeneratorSettings,
    mut progress: impl FnMut(usize) -> bool,
) -> Result<(Vec<GeneratedLevel>, GeneratorCounts)> {
    settings.check()?;
    let (mut levels, mut rooms, mut counts) = (Vec::new(), BTreeSet::new(), GeneratorCounts::default());
    let mut last_found = 0;
    while rooms.len() < settings.rooms {
        if counts.carved - last_found > FRUITLESS {
            let problem = format!(
                "found {} of {} rooms: the last {FRUITLESS} carved rooms had fewer states than starts, more than the \
                 largest number of states, or were repeated",
                rooms.len(),
                settings.rooms
            );
            return Err(Error::setting("rooms", problem));
        }
        let attempts: Vec<usize> = (counts.carved..counts.carved + BATCH).collect();
        let found: Vec<Result<Attempt>> = attempts
            .into_par_iter()
            .map_init(BackwardSearch::default, |search, number| attempt(settings, search, number as u64))
            .collect();
        for attempt in found {
            if rooms.len() == settings.rooms {
                break;
            }
            counts.carved += 1;
            match attempt? {
                Attempt::TooLarge => counts.too_large += 1,
                Attempt::TooSmall => counts.too_small += 1,
                Attempt::Room { id, states, starts } if rooms.insert(id) => {
                    counts.states += states;
                    levels.extend(starts);
                    last_found = counts.carved;
                }
                Attempt::Room { .. } => counts.repeated += 1,
            }
        }
        if !progress(rooms.len()) {
            return Err(Error::Interrupted);
        }
    }
    Ok((levels, counts))
}

/// Result of one carved room.
enum Attempt {
    TooLarge,
    TooSmall,
    Room { id: RoomId, states: usize, starts: Vec<GeneratedLevel> },
}

/// Carves one room with random numbers of its own, and chooses starts in it.
fn attempt(settings: &GeneratorSettings, search: &mut BackwardSearch, number: u64) -> Result<Attempt> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(number);
    let Some(room) = carve(settings.board, settings.boxes, &mut rng) else { return Ok(Attempt::TooSmall) };
    let bounds = Bounds { states: settings.max_states, moves: settings.max_moves };
    if !search.run(&room, bounds)? {
        return Ok(Attempt::TooLarge);
    }
    let id = RoomId::of(&room);
    let part = settings.shares.part(id, settings.seed);
    let (n_starts, noise) = match part {
        Part::Train => (settings.starts, settings.noise),
        Part::Search | Part::Test => (settings.held_out_starts, Noise::NONE),
    };
    if search.states() - search.count(0) < n_starts {
        return Ok(Attempt::TooSmall);
    }
    let room = Arc::new(room);
    let level = |(optimal, start): (usize, State)| {
        let demonstration = demonstrate(&room, &start, search, noise, settings.max_moves, &mut rng);
        GeneratedLevel { level: Level { room: Arc::clone(&room), start }, room: id, part, optimal, demonstration }
    };
    let mut choice = ChaCha8Rng::seed_from_u64(settings.seed ^ id.bits());
    let starts = choose_starts(search, n_starts, &mut choice).into_iter().map(level).collect();
    Ok(Attempt::Room { id, states: search.states(), starts })
}

/// Chooses `n` different states: each time a distance from 1 to the largest with equal chance, then a state at it. So
/// short levels are as frequent as long ones, though there are far fewer states near the end.
///
/// # Panics
/// If the search has fewer states that are not solved.
fn choose_starts(search: &BackwardSearch, n: usize, rng: &mut impl Rng) -> Vec<(usize, State)> {
    let (mut chosen, mut starts) = (BTreeSet::new(), Vec::with_capacity(n));
    while starts.len() < n {
        let distance = rng.random_range(1..=search.largest_distance());
        let index = rng.random_range(0..search.count(distance));
        if chosen.insert((distance, index)) {
            starts.push((distance, search.state(distance, index)));
        }
    }
    starts
}
