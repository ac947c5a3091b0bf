//! Levels as items: prompts and answers as a task has them → levels and demonstrations, and their outcomes under a model.

use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_model::forward::Trajectory;
use laser_sokoban::{Demonstration, Level, Move};
use laser_task::score::Score;
use laser_task::{Item, Task};

use super::context::RunContext;
use super::outcome::{Likelihood, Outcome, PlaySummary};
use crate::error::{Error, Result};
use crate::sokoban::{DemonstrationScore, Played, Player, PlayerSettings};

/// The levels of a task, with the demonstrations that their answers are.
#[derive(Debug)]
pub(crate) struct Levels {
    settings: PlayerSettings,
    /// By item index. A demonstration may have no steps.
    levels: Vec<(Level, Demonstration)>,
}

impl Levels {
    /// Reads the items of a task.
    pub(super) fn read(task: &Task, score: Score, settings: PlayerSettings, config: &ModelConfig) -> Result<Self> {
        settings.check_model(config)?;
        if score != Score::Play {
            let problem = format!("expected play for the task {}, whose items are levels, found {score}", task.name);
            return Err(Error::setting("score", problem));
        }
        let wrong = |item: &Item, problem: String| {
            Error::from(laser_task::Error::Task {
                file: task.name.clone(),
                place: format!("level `{}`", item.id),
                problem,
            })
        };
        let observation = settings.observation()?;
        let level = |item: &Item| {
            let rows: Vec<&str> = item.prompt.lines().collect();
            let level = Level::parse(&rows).map_err(|e| wrong(item, e.to_string()))?;
            observation.check(&level.room, level.start.player).map_err(|e| wrong(item, e))?;
            let moves = item.target().chars().map(Move::from_digit).collect::<Result<Vec<_>, _>>();
            let demonstration = Demonstration::of_solution(&moves.map_err(|e| wrong(item, e.to_string()))?);
            Ok((level, demonstration))
        };
        Ok(Self { settings, levels: task.items.iter().map(level).collect::<Result<_>>()? })
    }

    /// How the model plays.
    pub(crate) fn settings(&self) -> &PlayerSettings {
        &self.settings
    }

    /// Number of rows that a model reads for the demonstration of a level: three for each step of each context.
    pub(super) fn demonstration_rows(&self, index: usize) -> usize {
        let (_, demonstration) = &self.levels[index];
        (1..=demonstration.steps.len()).map(|step| 3 * step.min(self.settings.context)).sum()
    }

    /// Plays the levels `indices`, and scores their demonstrations.
    pub(super) fn evaluate(&self, model: &Model, indices: &[usize], context: RunContext<'_>) -> Result<Vec<Outcome>> {
        let player = Player::new(model, self.settings)?;
        let levels: Vec<&Level> = indices.iter().map(|index| &self.levels[*index].0).collect();
        let played = player.play(&levels, context)?;
        let shown: Vec<(&Level, &Demonstration)> =
            indices.iter().map(|index| &self.levels[*index]).map(|(level, shown)| (level, shown)).collect();
        let scores = player.score(&shown, RunContext { stage: "demonstrations", ..context })?;
        Ok(played.iter().zip(scores).map(|(played, score)| outcome(played, score)).collect())
    }

    /// What a model reads at each step of the demonstrations of levels, and the moves that are demonstrated there.
    pub(super) fn demonstrated(&self, model: &Model, indices: &[usize]) -> Result<Vec<Vec<(Trajectory, Move)>>> {
        let player = Player::new(model, self.settings)?;
        let of_level = |index: &usize| {
            let (level, demonstration) = &self.levels[*index];
            let contexts = player.contexts(level, demonstration);
            contexts.into_iter().zip(demonstration.steps.iter().map(|step| step.action)).collect()
        };
        Ok(indices.iter().map(of_level).collect())
    }
}

/// The outcome of one level.
fn outcome(played: &Played, score: DemonstrationScore) -> Outcome {
    let DemonstrationScore { logprob, steps, optimal, least_margin } = score;
    Outcome {
        correct: played.solved(),
        logprob,
        margin: if least_margin.is_finite() { least_margin } else { 0.0 },
        answer_tokens: steps,
        prediction: digits(&played.moves),
        candidates: vec![Likelihood { logprob, greedy: optimal == steps }],
        rank: None,
        tied: false,
        play: Some(PlaySummary { total_return: played.total_return, moves: played.moves.len() }),
    }
}

/// Moves as digits, as files of solutions have them.
pub(crate) fn digits(moves: &[Move]) -> String {
    moves.iter().map(|m| char::from(b'0' + m.index() as u8)).collect()
}
