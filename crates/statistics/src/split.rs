//! Splits: takes group keys (or a number of items), gives the split of each item.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Disjoint sets of a task's items that serve different purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// All items, for an evaluation that chooses nothing.
    All,
    /// Items on which a search scores all candidates.
    Search,
    /// Items on which the finalists are compared and the winner is chosen.
    Validation,
    /// Items on which only the unedited model and the winner are scored, once.
    Test,
}

impl Split {
    /// Lower-case name, as in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Search => "search",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Shares of groups in the search and the validation split, 0..=1; the rest is the test split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fractions {
    search: f64,
    validation: f64,
}

/// Shares of search and validation that are negative, not numbers, or more than 1 together.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "split fractions search {search} and validation {validation}: expected both at least 0 and \
     their sum at most 1, found a sum of {sum}", sum = search + validation
)]
pub struct FractionsError {
    search: f64,
    validation: f64,
}

impl Fractions {
    /// Checks the shares of search and validation, both in 0..=1; the test split gets 1 − search − validation.
    ///
    /// # Errors
    /// If a share is negative or not a number, or if their sum exceeds 1.
    pub fn new(search: f64, validation: f64) -> Result<Self, FractionsError> {
        if search >= 0.0 && validation >= 0.0 && search + validation <= 1.0 {
            Ok(Self { search, validation })
        } else {
            Err(FractionsError { search, validation })
        }
    }

    /// Share of the search split.
    pub fn search(self) -> f64 {
        self.search
    }

    /// Share of the validation split.
    pub fn validation(self) -> f64 {
        self.validation
    }

    /// The same ratio of search to validation, with nothing left for the test split; all search if both are 0.
    #[must_use]
    pub fn without_test(self) -> Self {
        let sum = self.search + self.validation;
        let search = if sum > 0.0 { self.search / sum } else { 1.0 };
        Self { search, validation: 1.0 - search }
    }
}

/// Split of a group, chosen at random by the group's key and the seed.
///
/// The first 53 bits of SHA-256(seed as 8 little-endian bytes, then the key in UTF-8) are read as a uniform number u in
/// 0..1: search if u < search share, validation if u < search + validation share, else test. The result depends neither
/// on the order of items nor on other items, so adding items to a task never moves an item between splits.
pub fn assign_split(group: &str, seed: u64, fractions: Fractions) -> Split {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(group.as_bytes());
    let digest = hash.finalize();
    let head: [u8; 8] = digest[..8].try_into().expect("8 bytes because a digest has 32");
    // An f64 has 53 bits, so the quotient is exact and below 1.
    let uniform = (u64::from_le_bytes(head) >> 11) as f64 / (1_u64 << 53) as f64;
    if uniform < fractions.search {
        Split::Search
    } else if uniform < fractions.search + fractions.validation {
        Split::Validation
    } else {
        Split::Test
    }
}

/// Splits of `n` items in file order, as in the LASER paper's code: the first ⌊n/5⌋ items are the search split, the
/// rest the test split; there is no validation split (`docs/method.md`, "Search protocol").
pub fn paper_split(n: usize) -> Vec<Split> {
    (0..n).map(|i| if i < n / 5 { Split::Search } else { Split::Test }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_divided_in_the_given_shares() {
        let fractions = Fractions::new(0.4, 0.2).expect("valid shares");
        let mut counts = [0; 3];
        for i in 0..10_000 {
            match assign_split(&format!("subject {i}"), 17, fractions) {
                Split::Search => counts[0] += 1,
                Split::Validation => counts[1] += 1,
                Split::Test => counts[2] += 1,
                Split::All => panic!("assign_split names one split"),
            }
        }
        for (count, want) in counts.into_iter().zip([4000, 2000, 4000]) {
            assert!((want - 150..want + 150).contains(&count), "{counts:?}");
        }
    }

    #[test]
    fn assignment_never_changes_and_depends_on_the_seed() {
        let fractions = Fractions::new(0.5, 0.25).expect("valid shares");
        let names =
            |seed| -> String { (0..24).map(|i| &assign_split(&i.to_string(), seed, fractions).name()[..1]).collect() };
        // If this fails, items of every stored run have moved between splits.
        assert_eq!(names(0), "tsstststttttvvstsvtstsss");
        assert_ne!(names(0), names(1));
    }

    #[test]
    fn shares_at_the_edges() {
        let all_search = Fractions::new(1.0, 0.0).expect("valid shares");
        let all_test = Fractions::new(0.0, 0.0).expect("valid shares");
        for i in 0..200 {
            assert_eq!(assign_split(&i.to_string(), 3, all_search), Split::Search);
            assert_eq!(assign_split(&i.to_string(), 3, all_test), Split::Test);
        }
        for (search, validation) in [(0.8, 0.3), (-0.1, 0.2), (f64::NAN, 0.1)] {
            assert!(Fractions::new(search, validation).is_err());
        }
    }

    #[test]
    fn the_paper_searches_on_the_first_fifth() {
        // Numbers of items of the paper's data sets, all and in the search split.
        for (n, selected) in [(65_757, 13_151), (14_618, 2_923), (2_000, 400), (4, 0)] {
            let splits = paper_split(n);
            assert_eq!(splits.len(), n);
            assert!(splits[..selected].iter().all(|&split| split == Split::Search));
            assert!(splits[selected..].iter().all(|&split| split == Split::Test));
        }
    }

    #[test]
    fn files_name_splits_in_lower_case() {
        let json = serde_json::to_string(&Split::Validation).expect("serialisable");
        assert_eq!(json, format!("\"{}\"", Split::Validation));
    }
}
