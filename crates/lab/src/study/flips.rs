//! Flips by frequency: which answers an edit fixes and breaks, in bins of how often the corpus mentions the facts.

use laser::statistics::{
    LogisticFit, TrendTest, cochran_armitage, logistic_fit, mcnemar_exact_p, nested_bootstrap_ci95, rank_correlation,
    wilson_ci95,
};
use serde::Serialize;

use super::bins::{N_BINS, bin_name, bin_of};

/// Number of resamples of every bootstrap.
const RESAMPLES: usize = 2_000;

/// One fact before and after an edit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    /// Number of mentions.
    pub count: usize,
    /// Whether the unedited model is right.
    pub base_right: bool,
    /// Whether the edited model is right.
    pub edit_right: bool,
    /// Rise of the log-probability of the gold answer, nats.
    pub logprob_gain: f64,
}

impl Flip {
    /// −1 (broken), 0 or 1 (fixed).
    fn gain(&self) -> f64 {
        f64::from(i8::from(self.edit_right) - i8::from(self.base_right))
    }
}

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Number of events.
    pub events: usize,
    /// Number of facts that could have had the event.
    pub of: usize,
    /// Wilson's interval of the rate; `None` if no fact could have had it.
    pub ci95: Option<[f64; 2]>,
}

impl Rate {
    /// The rate of `events` in `of` facts.
    pub fn new(events: usize, of: usize) -> Self {
        let ci95 = wilson_ci95(events as f64 / of as f64, of as f64);
        Self { events, of, ci95 }
    }

    /// The rate, 0..=1; `None` if no fact could have had the event.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.events as f64 / self.of as f64)
    }
}

/// The facts of one bin of frequency, or all.
#[derive(Debug, Clone, Serialize)]
pub struct FlipRow {
    /// Counts of the bin: `4 to 9`.
    pub mentions: String,
    /// Facts that the unedited model answers right, of all.
    pub base: Rate,
    /// Facts that the edited model answers right, of all.
    pub edit: Rate,
    /// Facts fixed, of those that were wrong.
    pub fixed: Rate,
    /// Facts broken, of those that were right.
    pub broken: Rate,
    /// Facts fixed for each that was right: the paper's ratio of corrected to originally correct answers (its figure 3c).
    /// It falls with frequency even where the gain is constant, because its denominator rises.
    pub paper_ratio: Option<f64>,
    /// Accuracy with the edit minus accuracy without.
    pub gain: f64,
    /// Its 95 % interval, from a bootstrap over worlds and then over facts.
    pub gain_ci95: Option<[f64; 2]>,
    /// McNemar's exact p-value of fixed against broken.
    pub mcnemar_p: f64,
}

/// Flips by bin, with tests for a dependence on frequency.
#[derive(Debug, Clone, Serialize)]
pub struct FlipTable {
    /// One row for each bin, rarest facts first.
    pub bins: Vec<FlipRow>,
    /// All facts.
    pub all: FlipRow,
    /// Trend of the net gain's fix rate along the bins, among facts that were wrong: z and p of Cochran and Armitage.
    pub fix_trend: Option<Trend>,
    /// Logistic regression of being fixed on log₁₀(count + 1), among facts that were wrong.
    pub fix_slope: Option<Slope>,
    /// Spearman's correlation of the gain in log-probability with the count, over all facts.
    pub logprob_correlation: Option<f64>,
    /// Its 95 % interval, from a bootstrap over worlds and then over facts.
    pub logprob_correlation_ci95: Option<[f64; 2]>,
}

/// A test for a trend.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Trend {
    /// Standard normal without a trend; negative where the rate falls with frequency.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// The slope of a logistic regression.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Slope {
    /// Change of the log-odds for ten times as many mentions.
    pub slope: f64,
    /// Its standard error.
    pub stderr: f64,
    /// Wald's two-sided p-value.
    pub p: f64,
}

impl From<TrendTest> for Trend {
    fn from(test: TrendTest) -> Self {
        Self { z: test.z, p: test.p }
    }
}

impl From<LogisticFit> for Slope {
    fn from(fit: LogisticFit) -> Self {
        Self { slope: fit.slope, stderr: fit.stderr, p: fit.p() }
    }
}

/// The table of facts in several worlds, `[worlds][facts]`. `seed`: of the bootstrap.
pub fn flip_table(worlds: &[Vec<Flip>], seed: u64) -> FlipTable {
    let all: Vec<&Flip> = worlds.iter().flatten().collect();
    let in_bin = |bin: usize| -> Vec<Vec<Flip>> {
        worlds.iter().map(|world| world.iter().copied().filter(|flip| bin_of(flip.count) == bin).collect()).collect()
    };
    let bins: Vec<FlipRow> = (0..N_BINS).map(|bin| row(bin_name(bin), &in_bin(bin), seed)).collect();
    let wrong: Vec<&&Flip> = all.iter().filter(|flip| !flip.base_right).collect();
    let (fixed, trials): (Vec<u64>, Vec<u64>) =
        bins.iter().map(|row| (row.fixed.events as u64, row.fixed.of as u64)).unzip();
    let places: Vec<f64> = (0..N_BINS).map(|bin| bin as f64).collect();
    let outcomes: Vec<bool> = wrong.iter().map(|flip| flip.edit_right).collect();
    let logs: Vec<f64> = wrong.iter().map(|flip| ((flip.count + 1) as f64).log10()).collect();
    let correlation = |flips: &[&Flip]| {
        let (gains, counts): (Vec<f64>, Vec<f64>) = flips.iter().map(|f| (f.logprob_gain, f.count as f64)).unzip();
        rank_correlation(&gains, &counts)
    };
    let sizes: Vec<usize> = worlds.iter().map(Vec::len).collect();
    let resampled = nested_bootstrap_ci95(&sizes, RESAMPLES / 4, seed, |drawn| correlation(&picked(worlds, drawn)));
    FlipTable {
        all: row("all".to_owned(), worlds, seed),
        bins,
        fix_trend: cochran_armitage(&fixed, &trials, &places).map(Trend::from),
        fix_slope: logistic_fit(&outcomes, &logs).map(Slope::from),
        logprob_correlation: correlation(&all),
        logprob_correlation_ci95: resampled,
    }
}

/// The facts of a draw of a bootstrap.
fn picked<'f>(worlds: &'f [Vec<Flip>], drawn: &[(usize, Vec<usize>)]) -> Vec<&'f Flip> {
    drawn.iter().flat_map(|(world, facts)| facts.iter().map(|fact| &worlds[*world][*fact])).collect()
}

fn row(mentions: String, worlds: &[Vec<Flip>], seed: u64) -> FlipRow {
    let count = |condition: fn(&Flip) -> bool| worlds.iter().flatten().filter(|flip| condition(flip)).count();
    let n = count(|_| true);
    let (base, edit) = (count(|f| f.base_right), count(|f| f.edit_right));
    let (fixed, broken) = (count(|f| !f.base_right && f.edit_right), count(|f| f.base_right && !f.edit_right));
    // A world without facts in this bin says nothing about it.
    let some: Vec<Vec<Flip>> = worlds.iter().filter(|world| !world.is_empty()).cloned().collect();
    let sizes: Vec<usize> = some.iter().map(Vec::len).collect();
    let gain_ci95 = nested_bootstrap_ci95(&sizes, RESAMPLES, seed, |drawn| {
        let flips = picked(&some, drawn);
        Some(flips.iter().map(|flip| flip.gain()).sum::<f64>() / flips.len() as f64)
    });
    FlipRow {
        mentions,
        base: Rate::new(base, n),
        edit: Rate::new(edit, n),
        fixed: Rate::new(fixed, n - base),
        broken: Rate::new(broken, base),
        paper_ratio: (base > 0).then(|| fixed as f64 / base as f64),
        gain: (edit as f64 - base as f64) / n.max(1) as f64,
        gain_ci95,
        mcnemar_p: mcnemar_exact_p(broken as u64, fixed as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts with this count: (right before, right after, number of facts).
    fn facts(count: usize, numbers: &[(bool, bool, usize)]) -> Vec<Flip> {
        let of = |&(base_right, edit_right, n): &(bool, bool, usize)| {
            let logprob_gain = if edit_right { 1.0 } else { 0.0 } - count as f64 / 50.0;
            (0..n).map(move |_| Flip { count, base_right, edit_right, logprob_gain })
        };
        numbers.iter().flat_map(of).collect()
    }

    #[test]
    fn flips_are_counted_by_bin() {
        let rare = facts(2, &[(false, false, 60), (false, true, 20), (true, true, 15), (true, false, 5)]);
        let frequent = facts(80, &[(false, false, 8), (false, true, 2), (true, true, 90)]);
        let world = [rare, frequent].concat();
        let table = flip_table(&[world.clone(), world], 1);
        let [rare, middle, _, frequent] = &table.bins[..] else { panic!("four bins") };
        assert_eq!((rare.base.events, rare.base.of, rare.edit.events), (40, 200, 70));
        assert_eq!((rare.fixed.events, rare.fixed.of, rare.broken.events, rare.broken.of), (40, 160, 10, 40));
        assert_eq!((rare.paper_ratio, rare.gain), (Some(1.0), 0.15));
        let [low, high] = rare.gain_ci95.expect("two worlds");
        assert!(low > 0.0 && low < 0.15 && high > 0.15, "{low} {high}");
        assert_eq!((middle.base.of, middle.paper_ratio, middle.gain_ci95), (0, None, None));
        assert_eq!((frequent.fixed.events, frequent.fixed.of), (4, 20));
        assert_eq!((table.all.base.of, table.all.fixed.events), (400, 44));
        // The same fix rate in both bins but one: 25 % of the rare, 20 % of the frequent ones.
        assert!(table.fix_trend.is_some_and(|trend| trend.z < 0.0 && trend.p > 0.3));
        assert!(table.fix_slope.is_some_and(|fit| fit.slope < 0.0));
        assert!(table.logprob_correlation.is_some_and(|rho| rho < 0.0));
    }
}
