//! Progress of a whole search: the reports of its steps → how far it is, and how long it will take. The caller has the clock.

use std::time::Duration;

use super::forecast::ForecastStep;

/// Factor by which the proof is allowed to take longer than its forecast under a time limit.
const CAUTION: f64 = 1.25;

/// Share of a step at which it stays while it takes more work than foreseen.
const NEARLY: f64 = 0.98;

/// Progress through the steps of a search.
#[derive(Debug, Clone, Default)]
pub struct OverallProgress {
    steps: Vec<ForecastStep>,
    /// Step that runs.
    current: usize,
    /// Units of the current step that were finished before its latest count began.
    before: f64,
    /// Stage, number of units finished, and number of units, of the latest report.
    latest: (String, usize, usize),
}

impl OverallProgress {
    /// A search with these steps, none of which has begun.
    pub fn new(steps: Vec<ForecastStep>) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Takes the report that `done` of `total` units of a stage are finished. Returns the label of the step that the stage belongs
    /// to; `None` if it belongs to none.
    pub fn report(&mut self, stage: &str, done: usize, total: usize) -> Option<&'static str> {
        let belongs = |step: &ForecastStep| step.stages.contains(&stage);
        let step = (self.current..self.steps.len()).find(|step| belongs(&self.steps[*step]))?;
        if step != self.current {
            (self.current, self.before) = (step, 0.0);
        } else if self.latest.0 != stage || done < self.latest.1 || total != self.latest.2 {
            // The next count of the same step, such as the next drop point of a race.
            self.before += self.latest.1 as f64;
        }
        self.latest = (stage.to_owned(), done, total);
        Some(self.steps[step].label)
    }

    /// Share of the whole work that is done, 0 to 1.
    pub fn share(&self) -> f64 {
        let all: f64 = self.steps.iter().map(|step| step.work).sum();
        let finished: f64 = self.steps.iter().take(self.current).map(|step| step.work).sum();
        let current = self.steps.get(self.current).map_or(0.0, |step| step.work * self.share_of_step(step));
        if all > 0.0 { (finished + current) / all } else { 0.0 }
    }

    fn share_of_step(&self, step: &ForecastStep) -> f64 {
        ((self.before + self.latest.1 as f64) / step.units.max(1.0)).min(NEARLY)
    }

    /// The time that the rest takes, if it goes on as it went for `elapsed`; `None` while too little is done to tell.
    pub fn left(&self, elapsed: Duration) -> Option<Duration> {
        let share = self.share();
        let seconds = elapsed.as_secs_f64() * (1.0 - share) / share;
        (share >= 0.02).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
    }

    /// True if trials must end `elapsed` after the beginning, so that the whole search ends within `limit`.
    pub fn is_over(&self, elapsed: Duration, limit: Duration) -> bool {
        elapsed + self.proof_takes(elapsed).mul_f64(CAUTION) >= limit
    }

    /// The time that the steps after the trials take, if work goes on as it went for `elapsed`; zero without steps.
    fn proof_takes(&self, elapsed: Duration) -> Duration {
        let all: f64 = self.steps.iter().map(|step| step.work).sum();
        let proof: f64 = self.steps.iter().filter(|step| step.is_proof).map(|step| step.work).sum();
        let seconds = elapsed.as_secs_f64() * (proof / all) / self.share();
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<ForecastStep> {
        let step = |label, stages, units, work, is_proof| ForecastStep { label, stages, units, work, is_proof };
        vec![
            step("screen", &["gradient"][..], 10.0, 10.0, false),
            step("race", &["search"], 100.0, 60.0, false),
            step("compositions", &["greedy: matrices", "gradient", "search"], 20.0, 20.0, false),
            step("test", &["test"], 5.0, 10.0, true),
        ]
    }

    #[test]
    fn one_bar_follows_all_steps() {
        let mut overall = OverallProgress::new(steps());
        assert_eq!(overall.left(Duration::from_secs(1)), None);
        assert_eq!(overall.report("gradient", 5, 10), Some("screen"));
        assert_eq!(overall.share(), 0.05);
        assert_eq!(overall.left(Duration::from_secs(1)), Some(Duration::from_secs(19)));
        // A race counts anew at each drop point.
        assert_eq!(overall.report("search", 20, 40), Some("race"));
        assert_eq!(overall.report("search", 40, 40), Some("race"));
        assert_eq!(overall.report("search", 10, 30), Some("race"));
        assert!((overall.share() - 0.4).abs() < 1e-9);
        // Stages of the race come back in the composition, once that has begun.
        assert_eq!(overall.report("greedy: matrices", 0, 2), Some("compositions"));
        assert_eq!(overall.report("gradient", 5, 10), Some("compositions"));
        assert_eq!(overall.report("unknown", 5, 10), None);
        assert_eq!(overall.report("test", 5, 5), Some("test"));
        assert!(overall.share() > 0.99 && overall.share() < 1.0);
    }

    #[test]
    fn a_step_that_takes_longer_than_foreseen_does_not_run_over() {
        let mut overall = OverallProgress::new(steps());
        overall.report("search", 1000, 1000);
        assert!(overall.share() < 0.7);
        overall.report("search", 1, 1000);
        assert!(overall.share() < 0.7);
    }

    #[test]
    fn the_time_of_the_proof_follows_the_speed_so_far() {
        let mut overall = OverallProgress::new(steps());
        overall.report("search", 50, 100);
        let takes = overall.proof_takes(Duration::from_secs(40));
        assert!((takes.as_secs_f64() - 10.0).abs() < 1e-6, "{takes:?}");
        let is_over = |limit| overall.is_over(Duration::from_secs(40), Duration::from_secs(limit));
        assert!(is_over(52) && !is_over(53));
        assert!(!OverallProgress::default().is_over(Duration::from_secs(1), Duration::from_secs(2)));
    }
}
