//! `laser lab sokoban play`: shows the play of a level in the terminal, and draws it.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use laser::evaluate::RunContext;
use laser::model::Model;
use laser::sokoban::{Ending, LevelSet, Played, Player, PlayerSettings, Scene, animate};
use laser::{Observer, Session};
use laser_sokoban::rules::make_move;
use laser_sokoban::{Level, Part, draw};
use serde_json::json;

use crate::args::{Global, Play};
use crate::progress::Progress;
use crate::{output, plan};

/// Number of levels of the test part among which a level is looked for that two players end differently.
const LOOKED_AT: usize = 1024;
/// Columns between two boards in the terminal.
const GAP: &str = "    ";

pub(super) fn run(args: &Play, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model, global, progress)?;
    let settings = PlayerSettings::read(session.files().path())?;
    let set = LevelSet::open(&args.data)?;
    let base = session.load()?;
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let edited = match &requested {
        Some(requested) => {
            let truncation = plan::truncation(&session, &args.svd, Some(requested))?;
            Some((requested.edit.to_string(), truncation.apply(&base, &requested.edit)?.0))
        }
        None => None,
    };
    let mut players: Vec<(&str, &Model)> = vec![("base", &base)];
    players.extend(edited.iter().map(|(name, model)| (name.as_str(), model)));
    let table = Table { session: &session, settings, set: &set, observer: &**progress };
    let index = table.choose(args, &players)?;
    let played = table.play(&players, &[index])?;
    let played: Vec<&Played> = played.iter().map(|of_player| &of_player[0]).collect();
    progress.finish();

    let level = &set.levels[index];
    let scenes: Vec<Scene<'_>> =
        players.iter().zip(&played).map(|((name, _), played)| Scene { name, played }).collect();
    if let Some(path) = &args.svg {
        laser::checkpoint::write_atomically(path, animate(&level.level, &scenes).as_bytes())?;
        output::say(global, &format!("wrote {}", path.display()));
    }
    if global.json {
        let of_player = |scene: &Scene<'_>| {
            let Played { moves, total_return, ending } = scene.played;
            let moves: String = moves.iter().map(|m| m.index().to_string()).collect();
            json!({ "player": scene.name, "solved": *ending == Ending::Solved, "ending": ending_name(*ending),
                "return": total_return, "moves": moves })
        };
        let players: Vec<_> = scenes.iter().map(of_player).collect();
        output::json(&json!({ "level": level.record.id, "optimal": level.record.optimal, "players": players }))?;
    } else {
        let optimal = level.record.optimal.map_or_else(String::new, |n| format!(", {n} moves at best"));
        output::result(&format!("level {}{optimal}", level.record.id))?;
        show(&level.level, &scenes, Duration::from_millis(args.pace))?;
    }
    Ok(output::exit_code(requested.as_ref()))
}

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Solved => "solved",
        Ending::OutOfMoves => "out of moves",
        Ending::Circle => "goes in a circle",
    }
}

/// What all players share.
struct Table<'a> {
    session: &'a Session,
    settings: PlayerSettings,
    set: &'a LevelSet,
    observer: &'a dyn Observer,
}

impl Table<'_> {
    /// The play of levels by each player.
    fn play(&self, players: &[(&str, &Model)], levels: &[usize]) -> Result<Vec<Vec<Played>>> {
        for index in levels {
            Player::check_level(&self.settings, &self.set.levels[*index])?;
        }
        let levels: Vec<&Level> = levels.iter().map(|index| &self.set.levels[*index].level).collect();
        let run = RunContext { threads: self.session.threads(), stage: "play", observer: self.observer };
        players.iter().map(|(_, model)| Ok(Player::new(model, self.settings)?.play(&levels, run)?)).collect()
    }

    /// Index of the level to show.
    fn choose(&self, args: &Play, players: &[(&str, &Model)]) -> Result<usize> {
        if let Some(id) = &args.level {
            let index = self.set.index_of(id);
            return index.with_context(|| format!("--level: expected the name of a level, found `{id}`"));
        }
        let mut levels = self.set.of_part(Part::Test);
        if levels.is_empty() {
            levels = (0..self.set.levels.len()).collect();
        }
        levels.truncate(LOOKED_AT);
        let Some(first) = levels.first().copied() else { bail!("--data: expected levels, found none") };
        if players.len() < 2 {
            return Ok(first);
        }
        let played = self.play(players, &levels)?;
        let differs = |i: &usize| played[0][*i].solved() != played[1][*i].solved();
        Ok((0..levels.len()).find(differs).map_or(first, |i| levels[i]))
    }
}

/// Shows all players side by side: move by move on a terminal, else the first and the last state.
fn show(level: &Level, scenes: &[Scene<'_>], pace: Duration) -> Result<()> {
    let last = scenes.iter().map(|scene| scene.played.moves.len()).max().unwrap_or(0);
    let moving = std::io::stdout().is_terminal() && !pace.is_zero();
    output::result(&boards(level, scenes, 0))?;
    if moving {
        for moves in 1..=last {
            std::thread::sleep(pace);
            // Back to the first line of the boards.
            let up = level.room.rows() + 1;
            output::result(&format!("\u{1b}[{up}A{}", boards(level, scenes, moves)))?;
        }
    } else {
        output::result(&format!("\n{}", boards(level, scenes, last)))?;
    }
    for scene in scenes {
        let Played { moves, total_return, ending } = scene.played;
        let path: String = moves.iter().map(|m| m.arrow()).collect();
        let (ending, n) = (ending_name(*ending), moves.len());
        output::result(&format!("{}: {ending}, {n} moves, return {total_return:.1}: {path}", scene.name))?;
    }
    Ok(())
}

/// The boards of all players after a number of moves, each below its name.
fn boards(level: &Level, scenes: &[Scene<'_>], moves: usize) -> String {
    let columns = level.room.columns();
    let board = |scene: &Scene<'_>| {
        let mut state = level.start.clone();
        for m in scene.played.moves.iter().take(moves) {
            make_move(&level.room, &mut state, *m);
        }
        let name: String = scene.name.chars().take(columns).collect();
        [format!("{name:columns$}")].into_iter().chain(draw(&level.room, &state)).collect::<Vec<String>>()
    };
    let boards: Vec<Vec<String>> = scenes.iter().map(board).collect();
    let line = |row: usize| boards.iter().map(|board| board[row].as_str()).collect::<Vec<_>>().join(GAP);
    (0..=level.room.rows()).map(|row| line(row).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
