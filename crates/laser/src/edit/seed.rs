//! A user's seed and a purpose → the seed of one random choice.

use sha2::{Digest, Sha256};

/// Derives the seed of one random choice from the user's `seed`; `purpose` names the choice.
///
/// Each matrix has its own seed, so that its random numbers do not depend on the matrices that are edited before it.
pub(crate) fn derived_seed(seed: u64, purpose: &str) -> u64 {
    let digest = Sha256::digest(format!("{seed} {purpose}"));
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}
