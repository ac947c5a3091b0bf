//! Training windows: demonstrations of one part → seeded batches of short contexts with the moves to be predicted.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::context::Context;
use crate::episodes::Episode;
use crate::error::{Error, Result};
use crate::level_records::RecordedLevel;
use crate::moves::{Move, MoveSet};
use crate::observation::Observation;
use crate::part::Part;
use crate::rules::make_move;
use crate::symmetry::Symmetry;

/// How windows are made of demonstrations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowSettings {
    /// Encoding of the states.
    pub observation: Observation,
    /// Largest number of steps of a window.
    pub context: usize,
    /// Number by which returns are divided.
    pub return_scale: f64,
    /// Standard deviation of the noise that is added to all returns of a window, before the division: with optimal
    /// demonstrations the exact return tells the remaining distance, which no player knows. `None`: all returns are 0.
    pub return_jitter: Option<f64>,
    /// Whether each window is turned or reflected at random.
    pub symmetries: bool,
    /// Seed of the choice of windows, of their symmetries and of the noise.
    pub seed: u64,
}

/// Windows of one batch, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowBatch {
    /// Number of steps of each window.
    pub lengths: Vec<usize>,
    /// All steps of all windows.
    pub steps: Context,
    /// The demonstrated move of each step.
    pub targets: Vec<Move>,
    /// The optimal moves that are known at each step.
    pub optimal: Vec<MoveSet>,
}

/// All windows of the demonstrations of one part. A window ends at any step of a demonstration and reaches back as far
/// as the context and the demonstration do.
#[derive(Debug)]
pub struct Windows<'a> {
    settings: WindowSettings,
    /// Demonstrations with their levels.
    episodes: Vec<(&'a RecordedLevel, &'a Episode)>,
    /// Number of steps of all demonstrations up to and including each.
    ends: Vec<usize>,
}

impl<'a> Windows<'a> {
    /// The windows of the levels of one part.
    ///
    /// # Errors
    /// A setting that cannot be used, no demonstrations in the part, or a level that the observation cannot show.
    pub fn new(
        levels: &'a [RecordedLevel],
        episodes: &'a [Episode],
        part: Part,
        settings: WindowSettings,
    ) -> Result<Self> {
        if settings.context == 0 {
            return Err(Error::setting("context", "expected at least 1 step, found 0"));
        }
        let WindowSettings { return_scale: scale, return_jitter: jitter, .. } = settings;
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::setting("return-scale", format!("expected a number above 0, found {scale}")));
        }
        if let Some(jitter) = jitter.filter(|jitter| !(jitter.is_finite() && *jitter >= 0.0)) {
            return Err(Error::setting("return-jitter", format!("expected a number from 0 on, found {jitter}")));
        }
        let of_part = |episode: &'a Episode| {
            let level = &levels[episode.level];
            (level.record.split == part).then_some((level, episode))
        };
        let episodes: Vec<_> = episodes.iter().filter_map(of_part).collect();
        let (mut ends, mut steps) = (Vec::with_capacity(episodes.len()), 0);
        for (level, episode) in &episodes {
            let fits = settings.observation.check(&level.level.room, level.level.start.player);
            fits.map_err(|e| Error::setting("board", format!("level {}: {e}", level.record.id)))?;
            steps += episode.demonstration.steps.len();
            ends.push(steps);
        }
        if steps == 0 {
            let problem = format!("expected demonstrations of levels of the part {}, found none", part.name());
            return Err(Error::setting("data", problem));
        }
        Ok(Self { settings, episodes, ends })
    }

    /// Number of windows: one for each step of each demonstration.
    pub fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether there are none; never so for windows that [`Windows::new`] made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of steps of the longest demonstration; a model needs as many time steps.
    pub fn longest(&self) -> usize {
        self.episodes.iter().map(|(_, episode)| episode.demonstration.steps.len()).max().unwrap_or(0)
    }

    /// Batch `number` with `size` windows, each chosen with equal chance among all. It depends on the seed, the number
    /// and the size alone, so that a training run can go on anywhere.
    pub fn batch(&self, number: u64, size: usize) -> WindowBatch {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(number);
        let mut batch = WindowBatch::default();
        for _ in 0..size {
            let index = rng.random_range(0..self.len());
            let symmetry = match self.settings.symmetries {
                true => Symmetry::new(rng.random_range(0..Symmetry::COUNT)),
                false => Symmetry::IDENTITY,
            };
            let jitter: f64 = StandardNormal.sample(&mut rng);
            self.add_window(index, symmetry, jitter, &mut batch);
        }
        batch
    }

    /// Adds the window that ends at step `index` of all steps. `jitter`: noise of the returns, in its standard
    /// deviations.
    fn add_window(&self, index: usize, symmetry: Symmetry, jitter: f64, batch: &mut WindowBatch) {
        let WindowSettings { observation, context, return_scale, return_jitter, .. } = self.settings;
        let nth = self.ends.partition_point(|end| *end <= index);
        let (level, episode) = self.episodes[nth];
        let steps = &episode.demonstration.steps;
        let last = index - (self.ends[nth] - steps.len());
        let first = (last + 1).saturating_sub(context);
        let room = &level.level.room;
        let mut state = level.level.start.clone();
        let mut window = Context::default();
        let mut rewards = Vec::with_capacity(steps.len());
        for (time, step) in steps.iter().enumerate() {
            if (first..=last).contains(&time) {
                window.push_state(observation, room, &state, symmetry, time as u32, 0.0);
                window.set_action(symmetry.apply(step.action));
                batch.targets.push(symmetry.apply(step.action));
                batch.optimal.push(symmetry.apply_set(step.optimal));
            }
            rewards.push(make_move(room, &mut state, step.action).reward);
        }
        if let Some(deviation) = return_jitter {
            for (place, time) in (first..=last).enumerate() {
                let return_to_go: f64 = rewards[time..].iter().sum();
                window.returns[place] = ((return_to_go + deviation * jitter) / return_scale) as f32;
            }
        }
        batch.lengths.push(window.len());
        batch.steps.append(window);
    }
}
