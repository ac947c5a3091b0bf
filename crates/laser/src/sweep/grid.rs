//! The grid of a sweep: percentages and kinds of reductions → candidates of a search.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::edit::reduction::Reduction;
use crate::error::{Error, Result};

/// Percentages that the paper removes in its figures 2, 8 and 10.
pub const PAPER_PERCENTAGES: [&str; 15] =
    ["10", "25", "40", "50", "60", "75", "90", "92.5", "95", "97.5", "98", "98.5", "99", "99.5", "99.75"];
/// Digits behind the point of a percentage.
const DECIMALS: usize = 6;

/// A way to remove a percentage of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The smallest components are removed, as LASER does.
    Leading,
    /// The smallest entries are removed until as many parameters are left as of the truncation.
    Magnitude,
    /// That percentage of the entries is removed, the smallest first.
    Sparse,
    /// Components chosen at random are removed.
    Random,
}

impl Kind {
    /// All kinds, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Leading, Self::Magnitude, Self::Sparse, Self::Random];

    /// Name in options and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Magnitude => "magnitude",
            Self::Sparse => "sparse",
            Self::Random => "random",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let problem = || {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::setting("kinds", format!("expected one of {known}, found `{text}`"))
        };
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(problem)
    }
}

/// Percentages and kinds of the reductions of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepGrid {
    /// Percentages that are removed, as decimal numbers above 0 and up to 100.
    pub removed: Vec<String>,
    /// Kinds.
    pub kinds: Vec<Kind>,
    /// Seed of random components.
    pub seed: u64,
}

impl Default for SweepGrid {
    fn default() -> Self {
        Self { removed: PAPER_PERCENTAGES.map(str::to_owned).to_vec(), kinds: vec![Kind::Leading], seed: 0 }
    }
}

/// One reduction of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridPoint {
    /// Kind.
    pub kind: Kind,
    /// Percentage that is removed.
    pub removed: f64,
    /// The reduction.
    pub reduction: Reduction,
}

impl SweepGrid {
    /// All reductions, by kind, then by percentage, ascending, each once.
    ///
    /// # Errors
    /// A percentage that is no decimal number above 0 and up to 100, or nothing to try.
    pub fn points(&self) -> Result<Vec<GridPoint>> {
        let mut shares = self.removed.iter().map(|text| kept(text)).collect::<Result<Vec<(f64, String)>>>()?;
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        shares.dedup_by(|a, b| a.1 == b.1);
        let mut kinds = self.kinds.clone();
        kinds.sort_unstable();
        kinds.dedup();
        if shares.is_empty() || kinds.is_empty() {
            return Err(Error::setting("removed", "expected percentages and kinds, found none"));
        }
        let point = |kind: Kind, (removed, kept): &(f64, String)| {
            let text = match (kind, kept.as_str()) {
                // Nothing is left, whatever is removed first.
                (_, "0") => "zero".to_owned(),
                (Kind::Leading, kept) => kept.to_owned(),
                (Kind::Magnitude, kept) => format!("magnitude({kept})"),
                (Kind::Sparse, kept) => format!("sparse({kept})"),
                (Kind::Random, kept) => format!("random({kept},{})", self.seed),
            };
            let reduction = text.parse().map_err(|error| Error::setting("removed", format!("{error}")))?;
            Ok(GridPoint { kind, removed: *removed, reduction })
        };
        kinds.iter().flat_map(|kind| shares.iter().map(move |share| point(*kind, share))).collect()
    }
}

/// The percentage of a text, and the share that is kept as an exact decimal number.
fn kept(text: &str) -> Result<(f64, String)> {
    let text = text.trim();
    let problem = || {
        let form =
            "expected a percentage above 0 and up to 100 with at most six digits behind the point, such as 99.75";
        Error::setting("removed", format!("{form}, found `{text}`"))
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if text.is_empty() || whole.len() > 3 || fraction.len() > DECIMALS || !digits(whole) || !digits(fraction) {
        return Err(problem());
    }
    // In millionths of a per cent, so that the share is exact: 100 − 92.5 = 7.5 % is 0.075.
    let removed: u64 = format!("0{whole}{fraction:0<DECIMALS$}").parse().map_err(|_| problem())?;
    let hundred = 100 * 10u64.pow(DECIMALS as u32);
    if removed == 0 || removed > hundred {
        return Err(problem());
    }
    let share = format!("{:0>9}", hundred - removed);
    let (whole, fraction) = share.split_at(share.len() - DECIMALS - 2);
    let decimal = format!("{}.{}", whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let decimal = if decimal == "." { "0".to_owned() } else { format!("0{}", decimal.trim_end_matches('.')) };
    Ok((removed as f64 / 10f64.powi(DECIMALS as i32), decimal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_become_exact_shares() {
        for (text, removed, share) in [
            ("10", 10.0, "0.9"),
            ("92.5", 92.5, "0.075"),
            ("99.75", 99.75, "0.0025"),
            ("99.999999", 99.999_999, "0.00000001"),
            ("100", 100.0, "0"),
            (" 50. ", 50.0, "0.5"),
        ] {
            assert_eq!(kept(text).expect(text), (removed, share.to_owned()), "{text}");
        }
        for text in ["0", "", "101", "100.5", "-5", "1e1", "5.1234567", "a"] {
            assert!(kept(text).expect_err(text).to_string().contains("expected a percentage"), "{text}");
        }
    }

    #[test]
    fn the_grid_has_each_reduction_once_and_in_order() {
        let grid = SweepGrid {
            removed: ["90", "10", "90.0", "100"].map(str::to_owned).to_vec(),
            kinds: vec![Kind::Random, Kind::Leading, Kind::Random],
            seed: 4,
        };
        let texts: Vec<String> = grid.points().expect("a grid").iter().map(|p| p.reduction.to_string()).collect();
        assert_eq!(texts, ["0.9", "0.1", "zero", "random(0.9,4)", "random(0.1,4)", "zero"]);
        assert_eq!(SweepGrid::default().points().expect("the paper's").len(), 15);
        let none = SweepGrid { kinds: Vec::new(), ..SweepGrid::default() };
        assert!(none.points().expect_err("no kinds").to_string().contains("found none"));
        assert!(
            "topmost".parse::<Kind>().expect_err("unknown").to_string().contains("leading, magnitude, sparse, random")
        );
    }
}
