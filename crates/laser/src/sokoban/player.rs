//! A player: a Decision Transformer with the settings of its play.

use laser_model::Model;
use laser_model::forward::Trajectory;
use laser_sokoban::{Context, Observation, RecordedLevel, Room, State, Symmetry};

use super::player_settings::PlayerSettings;
use crate::error::{Error, Result};

/// A Decision Transformer that plays Sokoban.
#[derive(Debug, Clone, Copy)]
pub struct Player<'a> {
    pub(super) model: &'a Model,
    pub(super) settings: PlayerSettings,
    pub(super) observation: Observation,
}

impl<'a> Player<'a> {
    /// A player with a model, edited or not.
    ///
    /// # Errors
    /// A model whose sizes are not those that the settings need.
    pub fn new(model: &'a Model, settings: PlayerSettings) -> Result<Self> {
        settings.check_model(model.config())?;
        Ok(Self { model, settings, observation: settings.observation()? })
    }

    /// The settings of its play.
    pub fn settings(&self) -> &PlayerSettings {
        &self.settings
    }

    /// Checks that the player can see all of a level.
    ///
    /// # Errors
    /// A room that is too large or open at its edge.
    pub fn check_level(settings: &PlayerSettings, level: &RecordedLevel) -> Result<()> {
        let fits = settings.observation()?.check(&level.level.room, level.level.start.player);
        fits.map_err(|e| Error::setting("data", format!("level {}: {e}", level.record.id)))
    }

    /// Adds the state of a time step to what the player has seen, and forgets what is beyond its context.
    pub(super) fn see(&self, seen: &mut Context, room: &Room, state: &State, time_step: usize) {
        let return_to_go = self.settings.return_to_go(room, state);
        let time_step = u32::try_from(time_step).expect("a level ends long before");
        seen.push_state(self.observation, room, state, Symmetry::IDENTITY, time_step, return_to_go);
        seen.keep_last(self.settings.context);
    }
}

/// The steps as a model reads them.
pub(super) fn trajectory(context: &Context) -> Trajectory {
    let Context { returns, states, actions, time_steps } = context.clone();
    Trajectory { returns, states, actions, time_steps }
}
