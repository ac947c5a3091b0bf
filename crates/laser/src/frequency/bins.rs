//! Bins of frequency: the paper's ratio of corrected to originally correct items (figure 3c), and the rates that its
//! denominator hides.

use laser_statistics::{bootstrap_ci95, bootstrap_ratio_ci95, effective_items, group_ids, mean, wilson_ci95};
use serde::{Deserialize, Serialize};

use super::RelateSettings;
use super::joined::JoinedItem;
use crate::error::{Error, Result};

/// Edges of the paper's bins: below 50, 50 to 1,000, above 1,000 documents.
pub const DEFAULT_EDGES: [u64; 2] = [50, 1000];

/// The paper's ratios in its bins, for GPT-J on CounterFact and the training documents of the Pile (figure 3c).
const PAPER_RATIOS: [f64; 3] = [0.190, 0.138, 0.087];

/// A share of items with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Number of items that count.
    pub hits: usize,
    /// Number of items.
    pub of: usize,
    /// Share, 0..=1; `None` without items.
    pub rate: Option<f64>,
    /// Wilson's 95 % interval at the effective number of items, since items of a group are no independent evidence.
    pub ci95: Option<[f64; 2]>,
}

impl Rate {
    /// The share of `items` for which `hit` holds.
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a JoinedItem>, hit: impl Fn(&JoinedItem) -> bool) -> Self {
        let (values, groups): (Vec<f64>, Vec<u32>) =
            items.map(|item| (f64::from(u8::from(hit(item))), item.group)).unzip();
        let rate = mean(&values);
        Self {
            hits: values.iter().filter(|value| **value > 0.0).count(),
            of: values.len(),
            rate,
            ci95: rate.and_then(|rate| wilson_ci95(rate, effective_items(&values, &groups))),
        }
    }
}

/// Items whose counts are in one bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrequencyBin {
    /// Smallest count.
    pub from: u64,
    /// Largest count; `None`: there is no bound.
    pub to: Option<u64>,
    /// Number of items.
    pub items: usize,
    /// Number of their groups.
    pub groups: usize,
    /// Mean of log10(N + 1), the place of the bin in the test for a trend; `None` without items.
    pub mean_log_count: Option<f64>,
    /// Items that the unedited model gets right: originally correct, in the paper's words.
    pub base_right: usize,
    /// Items that only the edited model gets right: answer-corrected.
    pub fixed: usize,
    /// Items that only the unedited model gets right.
    pub broken: usize,
    /// The paper's ratio, `fixed` / `base_right`; `None` if the unedited model gets no item right.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio, by resampling of groups; `None` without flips.
    pub ratio_ci95: Option<[f64; 2]>,
    /// The ratio that the paper gives; `None` for bins other than the paper's.
    pub paper_ratio: Option<f64>,
    /// Share of the originally wrong items that become right.
    pub fix_rate: Rate,
    /// Share of the originally right items that become wrong.
    pub break_rate: Rate,
    /// Accuracy of the edited minus that of the unedited model, a fraction.
    pub net_gain: Option<f64>,
    /// 95 % interval of the net gain, by resampling of groups; `None` without flips.
    pub net_gain_ci95: Option<[f64; 2]>,
}

impl FrequencyBin {
    /// Name of the bin: `< 50`, `50–1000`, `> 1000`.
    pub fn name(&self) -> String {
        match (self.from, self.to) {
            (0, Some(to)) => format!("< {}", to.saturating_add(1)),
            (from, Some(to)) => format!("{from}–{to}"),
            (from, None) => format!("> {}", from.saturating_sub(1)),
        }
    }
}

fn is_in(count: u64, from: u64, to: Option<u64>) -> bool {
    count >= from && to.is_none_or(|to| count <= to)
}

/// Smallest and largest count of each bin. The first edge belongs to the second bin and every other edge to the bin below
/// it, as in the paper's `< 50`, `50–1000`, `> 1000`.
///
/// # Errors
/// No edge, an edge of 0, or edges that do not rise.
pub(super) fn bounds(edges: &[u64]) -> Result<Vec<(u64, Option<u64>)>> {
    let rises = edges.windows(2).all(|pair| pair[0] < pair[1]);
    let (Some(&first), true) = (edges.first().filter(|first| **first > 0), rises) else {
        let found = edges.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        return Err(Error::setting("bins", format!("expected rising numbers above 0, found `{found}`")));
    };
    let mut bounds = vec![(0, Some(first - 1))];
    let mut from = first;
    for &edge in &edges[1..] {
        bounds.push((from, Some(edge)));
        from = edge.saturating_add(1);
    }
    bounds.push((from, None));
    Ok(bounds)
}

/// The bins of items.
///
/// # Errors
/// Edges that are refused by [`bounds`].
pub(super) fn bins(items: &[JoinedItem], settings: &RelateSettings) -> Result<Vec<FrequencyBin>> {
    let is_paper = settings.bins == DEFAULT_EDGES;
    let bin = |(place, (from, to)): (usize, (u64, Option<u64>))| {
        let items: Vec<&JoinedItem> = items.iter().filter(|item| is_in(item.count, from, to)).collect();
        let paper_ratio = if is_paper { PAPER_RATIOS.get(place).copied() } else { None };
        FrequencyBin { paper_ratio, ..of_items(&items, from, to, settings) }
    };
    Ok(bounds(&settings.bins)?.into_iter().enumerate().map(bin).collect())
}

fn of_items(items: &[&JoinedItem], from: u64, to: Option<u64>, settings: &RelateSettings) -> FrequencyBin {
    let groups = group_ids(items.iter().map(|item| item.group));
    let number =
        |of: fn(&JoinedItem) -> bool| -> Vec<f64> { items.iter().map(|item| f64::from(u8::from(of(item)))).collect() };
    let (base_right, fixed, broken) =
        (number(|item| item.base.right), number(JoinedItem::is_fixed), number(JoinedItem::is_broken));
    let gains: Vec<f64> = fixed.iter().zip(&broken).map(|(fixed, broken)| fixed - broken).collect();
    let total = |values: &[f64]| values.iter().sum::<f64>();
    let RelateSettings { resamples, seed, .. } = *settings;
    let ratio = (total(&base_right) > 0.0).then(|| total(&fixed) / total(&base_right));
    FrequencyBin {
        from,
        to,
        items: items.len(),
        groups: groups.iter().max().map_or(0, |last| *last as usize + 1),
        mean_log_count: mean(&items.iter().map(|item| item.log_count()).collect::<Vec<_>>()),
        base_right: total(&base_right) as usize,
        fixed: total(&fixed) as usize,
        broken: total(&broken) as usize,
        ratio,
        ratio_ci95: ratio
            .and_then(|_| bootstrap_ratio_ci95(&fixed, &base_right, &groups, resamples, seed))
            .filter(has_width),
        paper_ratio: None,
        fix_rate: Rate::of(items.iter().copied().filter(|item| !item.base.right), JoinedItem::is_fixed),
        break_rate: Rate::of(items.iter().copied().filter(|item| item.base.right), JoinedItem::is_broken),
        net_gain: mean(&gains),
        net_gain_ci95: bootstrap_ci95(&gains, &groups, resamples, seed).filter(has_width),
    }
}

/// Returns false for the interval of items of which none flipped: resampling them says nothing, although the interval looks
/// sure.
pub(super) fn has_width([low, high]: &[f64; 2]) -> bool {
    low < high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_s_edges_give_the_paper_s_bins() {
        assert_eq!(bounds(&DEFAULT_EDGES).expect("rising"), [(0, Some(49)), (50, Some(1000)), (1001, None)]);
        assert_eq!(bounds(&[1]).expect("one edge"), [(0, Some(0)), (1, None)]);
        assert_eq!(bounds(&[5, 9, 20]).expect("rising")[1..3], [(5, Some(9)), (10, Some(20))]);
        for edges in [&[][..], &[0, 5], &[5, 5], &[9, 5]] {
            let error = bounds(edges).expect_err("bad edges").to_string();
            assert!(error.starts_with("bins: expected rising numbers above 0, found `"), "{error}");
        }
    }
}
