//! Parts of a matrix: which reductions of an edited matrix are compared, and what each of them is for.

use laser_linalg::{RankFraction, Spectrum};
use serde::{Deserialize, Serialize};

use crate::edit::reduction::{Bottom, Reduction};
use crate::error::{Error, Result};
use crate::sweep::PAPER_PERCENTAGES;

/// Shares of the smallest components that are kept alone, as in the paper's figure 5b; 1 is the whole matrix.
pub const PAPER_BOTTOMS: [&str; 7] = ["0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.975"];
/// Number of equal bands of the spectrum.
const BANDS: usize = 10;

/// Kind of a part of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// The components that the edit keeps.
    Edit,
    /// The components that the edit removes.
    Removed,
    /// The largest components.
    Top,
    /// The smallest components.
    Bottom,
    /// A tenth of the components, from one place of the spectrum to another.
    Band,
    /// Components drawn at random, as many as of [`PartKind::Top`].
    Random,
    /// Components drawn at random, as many as hold the energy that the edit keeps.
    RandomEnergy,
    /// The largest entries, with as many parameters as [`PartKind::Top`].
    Magnitude,
    /// The largest entries, a share of all.
    Sparse,
    /// Nothing.
    Zero,
}

impl PartKind {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edit => "kept by the edit",
            Self::Removed => "removed by the edit",
            Self::Top => "largest components",
            Self::Bottom => "smallest components",
            Self::Band => "band of components",
            Self::Random => "random components",
            Self::RandomEnergy => "random, equal energy",
            Self::Magnitude => "largest entries, equal parameters",
            Self::Sparse => "largest entries, equal share",
            Self::Zero => "nothing",
        }
    }
}

/// A part of a matrix that takes its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    /// Share of the components or entries that is kept, 0..=1; of a band, its end nearer to the smallest components.
    pub(crate) kept: f64,
    pub(crate) reduction: Reduction,
}

/// The parts that an edit of one matrix is compared with.
#[derive(Debug, Clone)]
pub(crate) struct PartSettings<'a> {
    /// Shares of the smallest components.
    pub(crate) bottoms: &'a [RankFraction],
    /// Number of random draws at the edit's rank, and of those at its energy.
    pub(crate) controls: usize,
    /// Seed of the first draw; the others follow.
    pub(crate) seed: u64,
}

/// The rank that an edit of a matrix keeps.
///
/// # Errors
/// A reduction that does not keep the largest components.
pub(crate) fn kept_rank(matrix: &str, reduction: &Reduction, spectrum: &Spectrum) -> Result<usize> {
    match reduction {
        Reduction::Zero(_) => Ok(0),
        Reduction::Leading(rule) => {
            let max = spectrum.values().len();
            let rank = rule.resolve(max, max, Some(spectrum.values()));
            rank.map_err(|source| Error::Linalg { matrix: matrix.to_owned(), source })
        }
        other => {
            let problem = "expected an edit that keeps the largest components, such as 0.1, r40 or e0.9".to_owned();
            Err(Error::Edit { edit: format!("{matrix}@{other}"), problem })
        }
    }
}

/// The reduction that keeps what a truncation to `rank` of `max_rank` components removes.
pub(crate) fn removed_part(rank: usize, max_rank: usize) -> Reduction {
    let keep = RankFraction::with_rank(max_rank - rank, max_rank).expect("at most the largest rank");
    Reduction::Bottom(Bottom { keep })
}

/// All parts of a matrix to measure, where the edit `reduction` keeps `rank` components.
pub(crate) fn parts(
    reduction: &Reduction,
    rank: usize,
    spectrum: &Spectrum,
    settings: &PartSettings<'_>,
) -> Result<Vec<Part>> {
    let max = spectrum.values().len();
    let share = |rank: usize| RankFraction::with_rank(rank, max).expect("at most the largest rank");
    let own = share(rank);
    let own_share = own.to_f64();
    let mut found = vec![
        Part { kind: PartKind::Edit, kept: own_share, reduction: *reduction },
        Part { kind: PartKind::Removed, kept: 1.0 - own_share, reduction: removed_part(rank, max) },
        part(PartKind::Zero, 0.0, "zero")?,
    ];
    // The grid of the paper, and the edit's own share on it.
    let mut grid = PAPER_PERCENTAGES.map(kept_of).to_vec();
    grid.push(own);
    grid.sort_unstable();
    // Of equal ranks one is enough; that of the edit is called as the edit's own.
    grid.dedup_by_key(|rho| if rho.of(max) == rank { own } else { *rho });
    grid.iter_mut().filter(|rho| rho.of(max) == rank).for_each(|rho| *rho = own);
    grid.dedup_by_key(|rho| rho.of(max));
    for rho in &grid {
        let kept = rho.to_f64();
        found.push(part(PartKind::Top, kept, &rho.to_string())?);
        found.push(part(PartKind::Random, kept, &format!("random({rho},{})", settings.seed))?);
        found.push(part(PartKind::Magnitude, kept, &format!("magnitude({rho})"))?);
        found.push(part(PartKind::Sparse, kept, &format!("sparse({rho})"))?);
    }
    // The grid has the first draw already.
    for draw in 1..settings.controls as u64 {
        let text = format!("random({own},{})", settings.seed.wrapping_add(draw));
        found.push(part(PartKind::Random, own_share, &text)?);
    }
    let energy = energy_text(spectrum.energy(rank));
    for draw in 0..settings.controls as u64 {
        let text = format!("random(e{energy},{})", settings.seed.wrapping_add(draw));
        found.push(part(PartKind::RandomEnergy, own_share, &text)?);
    }
    for rho in settings.bottoms {
        found.push(part(PartKind::Bottom, rho.to_f64(), &format!("bottom({rho})"))?);
    }
    let edge = |i: usize| share(i * max / BANDS);
    for band in 0..BANDS {
        let (from, to) = (edge(band), edge(band + 1));
        if from < to {
            found.push(part(PartKind::Band, (band + 1) as f64 / BANDS as f64, &format!("band({from}..{to})"))?);
        }
    }
    Ok(found)
}

fn part(kind: PartKind, kept: f64, reduction: &str) -> Result<Part> {
    let reduction = reduction.parse().map_err(|error| Error::setting("edit", format!("{error}")))?;
    Ok(Part { kind, kept, reduction })
}

/// The share that is kept where a percentage is removed.
fn kept_of(removed: &str) -> RankFraction {
    // The rate of the reference code is a tenth of the percentage.
    let (whole, decimals) = removed.split_once('.').unwrap_or((removed, ""));
    let digits = format!("{whole:0>2}");
    let (tens, ones) = digits.split_at(1);
    RankFraction::from_rate(&format!("{tens}.{ones}{decimals}")).expect("a percentage below 100")
}

/// A share of the energy as a decimal that a reduction can have, rounded down so that the draw does not exceed it by rounding.
fn energy_text(energy: f64) -> String {
    format!("{:.9}", (energy.clamp(0.0, 1.0) * 1e9).floor() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectrum(n: usize) -> Spectrum {
        Spectrum::new((1..=n).rev().map(|i| i as f64).collect::<Vec<f64>>(), n, n).expect("a spectrum")
    }

    #[test]
    fn percentages_become_the_shares_that_are_kept() {
        let kept = |text| kept_of(text).to_string();
        assert_eq!(["10", "92.5", "99.75", "50", "5"].map(kept), ["0.9", "0.075", "0.0025", "0.5", "0.95"]);
    }

    #[test]
    fn every_part_has_its_reduction() {
        let bottoms = PAPER_BOTTOMS.map(|text| text.parse().expect("a share"));
        let settings = PartSettings { bottoms: &bottoms, controls: 3, seed: 7 };
        let reduction: Reduction = "0.1".parse().expect("a reduction");
        let found = parts(&reduction, 4, &spectrum(48), &settings).expect("parts");
        let texts = |kind: PartKind| -> Vec<String> {
            found.iter().filter(|part| part.kind == kind).map(|part| part.reduction.to_string()).collect()
        };
        assert_eq!(texts(PartKind::Edit), ["0.1"]);
        // 44 of 48 are removed.
        assert_eq!(texts(PartKind::Removed), ["bottom(0.92)"]);
        assert_eq!(texts(PartKind::Bottom).len(), 7);
        assert_eq!(texts(PartKind::Band).len(), 10);
        assert_eq!(texts(PartKind::RandomEnergy).len(), 3);
        // Four ranks of the grid are 0, two more pairs are equal.
        let tops = texts(PartKind::Top);
        assert_eq!(tops.len(), texts(PartKind::Magnitude).len());
        assert_eq!(texts(PartKind::Random).len(), tops.len() + 2);
        assert!(
            tops.iter().map(|text| text.parse::<RankFraction>().expect("a share").of(48)).is_sorted_by(|a, b| a < b)
        );
        assert!(texts(PartKind::Random).contains(&"random(0.1,9)".to_owned()), "{:?}", texts(PartKind::Random));
    }

    #[test]
    fn edits_that_keep_other_components_are_named() {
        let rank = |text: &str| kept_rank("L0.up_proj", &text.parse().expect("a reduction"), &spectrum(10));
        assert_eq!(["0.25", "r3", "zero", "e1"].map(|text| rank(text).expect(text)), [2, 3, 0, 10]);
        let error = rank("band(0..0.1)").expect_err("a band").to_string();
        assert!(error.contains("L0.up_proj@band(0..0.1)") && error.contains("largest components"), "{error}");
    }
}
