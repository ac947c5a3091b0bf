//! Time steps of play as a Decision Transformer reads them: returns-to-go, states, actions, numbers of the steps.

use crate::level::State;
use crate::moves::Move;
use crate::observation::Observation;
use crate::room::Room;
use crate::symmetry::Symmetry;

/// Consecutive time steps, each with a return-to-go, a state and an action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Scaled return-to-go at each step, `[steps]`.
    pub returns: Vec<f32>,
    /// State at each step, `[steps, state]`, row-major ([`Observation::write`]).
    pub states: Vec<f32>,
    /// Action at each step as four numbers, the one of the move 1 and the others 0; all 0 while it is not known:
    /// `[steps, 4]`, row-major.
    pub actions: Vec<f32>,
    /// Number of each step in its episode, counted from 0: `[steps]`.
    pub time_steps: Vec<u32>,
}

/// Number of actions.
pub const ACTIONS: usize = Move::ALL.len();

impl Context {
    /// Number of steps.
    pub fn len(&self) -> usize {
        self.time_steps.len()
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.time_steps.is_empty()
    }

    /// Adds a step without an action; the state is that of the image of the room under `symmetry`.
    pub fn push_state(
        &mut self,
        observation: Observation,
        room: &Room,
        state: &State,
        symmetry: Symmetry,
        time_step: u32,
        return_to_go: f32,
    ) {
        let start = self.states.len();
        self.states.resize(start + observation.width(), 0.0);
        observation.write(room, state, symmetry, &mut self.states[start..]);
        self.actions.extend([0.0; ACTIONS]);
        self.returns.push(return_to_go);
        self.time_steps.push(time_step);
    }

    /// Sets the action of the last step.
    ///
    /// # Panics
    /// If there are no steps.
    pub fn set_action(&mut self, m: Move) {
        let last = self.actions.len() - ACTIONS;
        self.actions[last..].fill(0.0);
        self.actions[last + m.index()] = 1.0;
    }

    /// Keeps the last `steps` steps.
    pub fn keep_last(&mut self, steps: usize) {
        let surplus = self.len().saturating_sub(steps);
        if surplus > 0 {
            let width = self.states.len() / self.len();
            self.returns.drain(..surplus);
            self.states.drain(..surplus * width);
            self.actions.drain(..surplus * ACTIONS);
            self.time_steps.drain(..surplus);
        }
    }

    /// Adds all steps of another context.
    pub fn append(&mut self, mut other: Self) {
        self.returns.append(&mut other.returns);
        self.states.append(&mut other.states);
        self.actions.append(&mut other.actions);
        self.time_steps.append(&mut other.time_steps);
    }
}
