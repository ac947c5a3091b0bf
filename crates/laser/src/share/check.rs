//! A check: one thing that was made or read again, compared with what was recorded.

use std::path::Path;

use laser_source::sha256_file;
use serde::Serialize;

use super::{DELTA, RECIPE, RESULTS, Reproduction};
use crate::error::Result;

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The same as recorded.
    Same,
    /// Something else.
    Differs,
    /// Nothing is recorded to compare with.
    NotCompared,
}

impl Outcome {
    /// The outcome in words, for a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::NotCompared => "not compared",
        }
    }
}

/// One comparison with what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The thing compared.
    pub of: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Hashes, and the cause as far as it is known.
    pub detail: String,
}

impl Check {
    /// Compares a SHA-256 with the recorded one.
    pub fn of_sha256(of: impl Into<String>, recorded: &str, found: &str) -> Self {
        let is_same = recorded == found;
        let detail = match is_same {
            true => format!("SHA-256 {recorded}"),
            false => format!("expected SHA-256 {recorded}, found {found}"),
        };
        Self { of: of.into(), outcome: if is_same { Outcome::Same } else { Outcome::Differs }, detail }
    }

    /// A check of something that differs, with the cause.
    pub fn differs(of: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { of: of.into(), outcome: Outcome::Differs, detail: detail.into() }
    }

    /// A check that cannot be made, with the cause.
    pub fn not_compared(of: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { of: of.into(), outcome: Outcome::NotCompared, detail: detail.into() }
    }
}

/// Compares the files of `folder` that decide what is made again with their recorded hashes. The model card is not among
/// them, because its owner may go on writing it.
///
/// # Errors
/// A file that cannot be read.
pub fn checks_of_files(record: &Reproduction, folder: &Path) -> Result<Vec<Check>> {
    let decisive = record.files.iter().filter(|file| [RESULTS, RECIPE, DELTA].contains(&file.name.as_str()));
    let at_hand = decisive.filter(|file| folder.join(&file.name).is_file());
    let check = |file: &super::SharedFile| {
        Ok(Check::of_sha256(&file.name, &file.sha256, &sha256_file(&folder.join(&file.name))?))
    };
    at_hand.map(check).collect()
}
