//! Arguments of `laser lab sokoban`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::optimizer::OptimizerArgs;
use crate::args::SvdArgs;

#[derive(Debug, Args)]
pub(crate) struct Sokoban {
    #[command(subcommand)]
    pub(crate) command: SokobanCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SokobanCommand {
    /// Make levels with their solutions, or take them from Boxoban level files
    Levels(Box<Levels>),
    /// Train a Decision Transformer on the demonstrations of the training levels
    Train(Box<TrainPlayer>),
    /// Watch a Decision Transformer play a level, unedited and edited
    Play(Play),
}

/// Form of the returns that a player reads.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReturnName {
    /// With noise in training: the exact return of an optimal demonstration tells the remaining distance, which nobody
    /// knows in play
    Jitter,
    /// As they are
    Exact,
    /// Not at all
    None,
}

#[derive(Debug, Args)]
pub(crate) struct TrainPlayer {
    /// Folder of levels
    pub(crate) data: PathBuf,
    /// Folder for the model
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Rows and columns of the largest board, walls included
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) board: usize,
    /// Number of time steps that the player reads
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) context: usize,
    /// Returns that it reads
    #[arg(long = "return", value_enum, default_value = "jitter")]
    pub(crate) returns: ReturnName,
    /// Return that it plays for, beyond one for each box off its goal
    #[arg(long, default_value_t = 9.0, value_name = "X")]
    pub(crate) target: f64,
    /// Number of moves after which a level counts as not solved
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub(crate) max_moves: usize,
    /// Width of the residual stream
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) d_model: usize,
    /// Number of blocks
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) layers: usize,
    /// Number of attention heads
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) heads: usize,
    /// Number of steps
    #[arg(long, default_value_t = 1600, value_name = "N")]
    pub(crate) steps: usize,
    /// Number of windows in a step
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) batch: usize,
    /// Largest learning rate of AdamW
    #[arg(long, default_value_t = 1.5e-3, value_name = "X")]
    pub(crate) learning_rate: f64,
    #[command(flatten)]
    pub(crate) optimizer: OptimizerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// Folder of a Decision Transformer with a sokoban.json
    pub(crate) model: String,
    /// Folder of levels
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Name of the level, as in levels.jsonl [default: the first of the test part; with --edit, the first that the two
    /// players end differently]
    #[arg(long, value_name = "ID")]
    pub(crate) level: Option<String>,
    /// Edit of a second player: L2.fc_in@0.4, several joined by commas, or a recipe file
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// A file for an animated picture (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Milliseconds that each move is shown in a terminal; 0 shows the last state alone
    #[arg(long, default_value_t = 150, value_name = "MS")]
    pub(crate) pace: u64,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Levels {
    /// A Boxoban level file, or a folder of them, instead of rooms of our own
    #[arg(long, value_name = "PATH", conflicts_with_all = OWN_ROOMS)]
    pub(crate) boxoban: Option<PathBuf>,
    /// Solutions of these levels: CSV, or CSV compressed by gzip, with the columns File, Level and Actions
    /// [default: solve them]
    #[arg(long, value_name = "CSV", requires = "boxoban", conflicts_with_all = ["fewest", "max_nodes"])]
    pub(crate) solutions: Option<PathBuf>,
    /// What solutions of these levels have the fewest of; optimal lengths are known with moves only
    #[arg(long, value_enum, default_value = "moves", requires = "boxoban")]
    pub(crate) fewest: FewestName,
    /// Number of nodes after which a level is given up
    #[arg(long, default_value_t = 1_000_000, value_name = "N", requires = "boxoban")]
    pub(crate) max_nodes: usize,
    /// Rows and columns of a room, the walls around it included
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) board: usize,
    /// Number of boxes
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) boxes: usize,
    /// Number of rooms
    #[arg(long, default_value_t = 11_000, value_name = "N")]
    pub(crate) rooms: usize,
    /// Number of levels in a room of the training part
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(crate) starts: usize,
    /// Number of levels in a room of the search or test part
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) held_out_starts: usize,
    /// Largest optimal length of a level, in moves
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub(crate) max_moves: usize,
    /// Largest number of states that a room may have within that length
    #[arg(long, default_value_t = 40_000, value_name = "N")]
    pub(crate) max_states: usize,
    /// Share of the moves of training demonstrations that chance chooses
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub(crate) noise: f64,
    /// Moves that chance chooses from: all four, or those that are not optimal
    #[arg(long, value_enum, default_value = "random")]
    pub(crate) noise_kind: NoiseName,
    /// Shares of the rooms for the search and the test part; the rest is for training
    #[arg(long, default_value = "0.1,0.1", value_name = "SEARCH,TEST", value_parser = shares)]
    pub(crate) shares: laser_sokoban::Shares,
    /// Seed of rooms, levels, parts and demonstrations
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed: u64,
    /// A new folder for levels.jsonl, episodes.bin and manifest.json
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Arguments that only rooms of our own have.
const OWN_ROOMS: [&str; 9] =
    ["board", "boxes", "rooms", "starts", "held_out_starts", "max_moves", "max_states", "noise", "noise_kind"];

/// What solutions have the fewest of.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FewestName {
    /// All steps of the player
    Moves,
    /// Pushes alone: quicker
    Pushes,
}

/// How chance chooses a move.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum NoiseName {
    /// Any of the four moves
    Random,
    /// One of those that are not optimal
    SubOptimal,
}

/// Parses the shares of the search and test part: `0.1,0.1`.
fn shares(text: &str) -> Result<laser_sokoban::Shares, String> {
    let form = || format!("expected two numbers such as 0.1,0.1, found `{text}`");
    let (search, test) = text.split_once(',').ok_or_else(form)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| form());
    let shares = laser_sokoban::Shares { search: number(search)?, test: number(test)? };
    shares.check().map_err(|e| e.to_string())?;
    Ok(shares)
}
