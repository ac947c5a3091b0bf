//! Tests of whether gains follow frequency: over all items by rank, and over flips by logistic regression and by bins.

use laser_statistics::{cochran_armitage, logistic_fit, permutation_p, rank_correlation, rank_correlation_p};
use serde::{Deserialize, Serialize};

use super::RelateSettings;
use super::bins::FrequencyBin;
use super::joined::JoinedItem;

/// Tests of gains against frequency. Each is `None` where the items tell nothing, for instance without a flip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Associations {
    /// Change of the log-probability of the gold answer against the count. It uses every item, and so sees more than tests
    /// of flips do.
    pub logprob: Option<Correlation>,
    /// Items that become right, among the originally wrong ones, against log10(N + 1).
    pub corrected: Option<Slope>,
    /// Items that become wrong, among the originally right ones, against log10(N + 1).
    pub broken: Option<Slope>,
    /// Trend of the fix rate over the bins.
    pub fix_trend: Option<Trend>,
    /// Trend of the break rate over the bins.
    pub break_trend: Option<Trend>,
}

/// Spearman's rank correlation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Number of items.
    pub items: usize,
    /// Correlation, −1..=1.
    pub rho: f64,
    /// Two-sided p-value by exchange of whole groups; `None` if none can be exchanged.
    pub permutation_p: Option<f64>,
}

/// Slope of a logistic regression on log10(N + 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slope {
    /// Number of items.
    pub items: usize,
    /// Change of the log-odds when N + 1 grows tenfold.
    pub slope: f64,
    /// Its standard error, as if items were independent.
    pub stderr: f64,
    /// Wald's two-sided p-value, as if items were independent.
    pub wald_p: f64,
    /// Two-sided p-value by exchange of whole groups; `None` if none can be exchanged.
    pub permutation_p: Option<f64>,
}

/// The Cochran–Armitage test over the bins, at the mean log10(N + 1) of each. It takes items for independent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Statistic, standard normal without a trend; positive where the rate rises with frequency.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
}

impl Associations {
    /// Tests the items and their bins.
    pub(super) fn of(items: &[JoinedItem], bins: &[FrequencyBin], settings: &RelateSettings) -> Self {
        let wrong = items.iter().filter(|item| !item.base.right);
        let right = items.iter().filter(|item| item.base.right);
        Self {
            logprob: logprob(items, settings),
            corrected: slope(wrong, JoinedItem::is_fixed, settings),
            broken: slope(right, JoinedItem::is_broken, settings),
            fix_trend: trend(bins, |bin| [bin.fix_rate.hits, bin.fix_rate.of]),
            break_trend: trend(bins, |bin| [bin.break_rate.hits, bin.break_rate.of]),
        }
    }
}

fn logprob(items: &[JoinedItem], settings: &RelateSettings) -> Option<Correlation> {
    let changes: Vec<f64> = items.iter().map(|item| item.edited.logprob - item.base.logprob).collect();
    let counts: Vec<f64> = items.iter().map(JoinedItem::log_count).collect();
    let groups: Vec<u32> = items.iter().map(|item| item.group).collect();
    let rho = rank_correlation(&changes, &counts)?;
    let p = rank_correlation_p(&changes, &counts, &groups, settings.permutations, settings.seed);
    Some(Correlation { items: items.len(), rho, permutation_p: p })
}

fn slope<'a>(
    items: impl Iterator<Item = &'a JoinedItem>,
    flips: fn(&JoinedItem) -> bool,
    settings: &RelateSettings,
) -> Option<Slope> {
    let items: Vec<&JoinedItem> = items.collect();
    let outcomes: Vec<bool> = items.iter().map(|item| flips(item)).collect();
    let counts: Vec<f64> = items.iter().map(|item| item.log_count()).collect();
    let groups: Vec<u32> = items.iter().map(|item| item.group).collect();
    let fit = logistic_fit(&outcomes, &counts)?;
    let numbers: Vec<f64> = outcomes.iter().map(|outcome| f64::from(u8::from(*outcome))).collect();
    let p = permutation_p(&numbers, &counts, &groups, settings.permutations, settings.seed);
    Some(Slope { items: items.len(), slope: fit.slope, stderr: fit.stderr, wald_p: fit.p(), permutation_p: p })
}

fn trend(bins: &[FrequencyBin], of: impl Fn(&FrequencyBin) -> [usize; 2]) -> Option<Trend> {
    let placed = bins.iter().filter_map(|bin| Some((of(bin).map(|n| n as u64), bin.mean_log_count?)));
    let (counts, scores): (Vec<[u64; 2]>, Vec<f64>) = placed.unzip();
    let (hits, of): (Vec<u64>, Vec<u64>) = counts.into_iter().map(|[hits, of]| (hits, of)).unzip();
    cochran_armitage(&hits, &of, &scores).map(|test| Trend { z: test.z, p: test.p })
}
