//! Runs the study: levels for each share of noise, a player for each share and seed, and all of them together.

use std::path::Path;

use laser::sokoban::LevelSet;
use laser::{Observer, Session};
use laser_sokoban::{GeneratorSettings, Noise};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::sokoban::{PlayerTraining, generate_levels};
use crate::study::study_folder::StudyFolder;

use super::measure::{NoiseRow, PlayerRow, noise_row, player_row};
use super::player::{PlayerJob, PlayerRecord};

/// Settings of the study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SokobanStudy {
    /// Settings of the levels. The rate of their noise is one of `noise`; rooms, starts and the search and
    /// test levels are the same for every rate.
    pub levels: GeneratorSettings,
    /// Shares of the demonstrated moves that chance chooses.
    pub noise: Vec<f64>,
    /// Number of players for each share.
    pub seeds: u64,
    /// Training of a player; its seed is that of the first, the next have the following ones.
    pub training: PlayerTraining,
    /// Seed of the bootstraps.
    pub seed: u64,
}

/// Results of the study.
#[derive(Debug, Clone, Serialize)]
pub struct SokobanResult {
    /// Settings that were used.
    pub study: SokobanStudy,
    /// The outcome in a sentence.
    pub verdict: String,
    /// One row for each share of noise.
    pub noise: Vec<NoiseRow>,
    /// One row for each player.
    pub players: Vec<PlayerRow>,
    /// Drawings of two levels that an edit ends differently, as SVG.
    #[serde(skip)]
    pub pictures: Vec<String>,
}

impl SokobanStudy {
    /// Runs the study in the folder `out`, or what is left of it; gives its results, which are written there too. `open`
    /// opens the session of a model folder.
    ///
    /// # Errors
    /// Settings that cannot be used, a folder of another study, a training or search that fails, an interruption.
    pub fn run(
        &self,
        out: &Path,
        threads: usize,
        observer: &dyn Observer,
        open: &dyn Fn(&str) -> laser::Result<Session>,
    ) -> Result<SokobanResult> {
        if self.seeds == 0 {
            return Err(Error::setting("seeds", "expected at least 1, found 0"));
        }
        if self.noise.is_empty() {
            return Err(Error::setting("noise", "expected at least one share, found none"));
        }
        for rate in &self.noise {
            self.noise(*rate).check()?;
        }
        let folder = StudyFolder::open(out, self)?;
        let mut records: Vec<PlayerRecord> = Vec::new();
        let total = self.noise.len() * self.seeds as usize;
        for rate in &self.noise {
            let levels = folder.part(&format!("levels-noise-{rate}"));
            self.write_levels(*rate, &levels, observer)?;
            for number in 0..self.seeds {
                let training = PlayerTraining { seed: self.training.seed + number, ..self.training };
                let player = folder.model(&format!("noise-{rate}-seed-{}", training.seed));
                let job =
                    PlayerJob { training: &training, noise: *rate, levels: &levels, folder: &player, threads, open };
                records.push(job.run(observer)?);
                observer.progress("players", records.len(), total);
            }
        }
        let result = self.result(&records);
        folder.write(&result, &result.page())?;
        Ok(result)
    }

    fn noise(&self, rate: f64) -> Noise {
        Noise { rate, ..self.levels.noise }
    }

    /// Makes the levels of one share of noise, unless an earlier run did.
    fn write_levels(&self, rate: f64, folder: &Path, observer: &dyn Observer) -> Result<()> {
        if folder.exists() && LevelSet::open(folder).is_ok() {
            return Ok(());
        }
        let settings = GeneratorSettings { noise: self.noise(rate), ..self.levels.clone() };
        Ok(generate_levels(&settings, observer)?.write(folder)?)
    }

    /// Everything that follows from the players.
    fn result(&self, records: &[PlayerRecord]) -> SokobanResult {
        let of_noise = |rate: &f64| {
            let players: Vec<&PlayerRecord> = records.iter().filter(|record| record.noise == *rate).collect();
            noise_row(&players, self.seed)
        };
        let noise: Vec<NoiseRow> = self.noise.iter().map(of_noise).collect();
        let players = records.iter().map(|record| player_row(record, self.seed)).collect();
        let pictures = records.iter().map(|r| &r.pictures).find(|pictures| !pictures.is_empty()).cloned();
        SokobanResult {
            study: self.clone(),
            verdict: verdict(&noise),
            noise,
            players,
            pictures: pictures.unwrap_or_default(),
        }
    }
}

/// The outcome in a sentence.
fn verdict(rows: &[NoiseRow]) -> String {
    let gains = |row: &&NoiseRow| row.proposed_ci95.is_some_and(|[low, _]| low > 0.0);
    let (proposals, players): (usize, usize) =
        (rows.iter().map(|row| row.proposals).sum(), rows.iter().map(|row| row.players).sum());
    let shares: Vec<String> = rows.iter().filter(gains).map(|row| format!("{:.0} %", 100.0 * row.noise)).collect();
    let outcome = match shares.as_slice() {
        [] => "No gain of an edit is shown on levels that chose nothing".to_owned(),
        shares => format!("An edit helps on levels that chose nothing, with noise of {}", shares.join(" and ")),
    };
    let solved: Vec<String> =
        rows.iter().map(|row| format!("{:.1} % ({:.0} % noise)", 100.0 * row.solved, 100.0 * row.noise)).collect();
    format!(
        "{outcome}: the search proposes one for {proposals} of {players} players, which solve {} of the test levels.",
        solved.join(", ")
    )
}
