//! Parts of a set of levels: for training, for a search, for its proof. A room is in one part with all its levels.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::room_id::RoomId;

/// Part of a set of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Levels whose demonstrations a model is trained on; nothing else uses them.
    Train,
    /// Levels on which edits are tried and chosen.
    Search,
    /// Levels that only the winner and the unedited model play.
    Test,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Train, Self::Search, Self::Test];

    /// The name in `levels.jsonl`.
    pub fn name(self) -> &'static str {
        ["train", "search", "test"][self as usize]
    }
}

/// Shares of the rooms that go to the parts; the rest is for training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Share of the search part, 0 to 1.
    pub search: f64,
    /// Share of the test part, 0 to 1.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { search: 0.1, test: 0.1 }
    }
}

impl Shares {
    /// Checks that both shares are between 0 and 1, and so is their sum.
    ///
    /// # Errors
    /// Other shares.
    pub fn check(self) -> Result<()> {
        let within = |share: f64| (0.0..=1.0).contains(&share);
        if within(self.search) && within(self.test) && within(self.search + self.test) {
            return Ok(());
        }
        let found = format!("expected two shares from 0 to 1 with a sum of at most 1, found {self:?}");
        Err(Error::setting("shares", found))
    }

    /// The part of a room: decided by the room and the seed alone, whatever other rooms there are.
    pub fn part(self, room: RoomId, seed: u64) -> Part {
        // SplitMix64 (Steele et al. 2014), so that each seed gives another division.
        let mut z = room.bits() ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let place = (z >> 11) as f64 / (1u64 << 53) as f64;
        match place {
            place if place < self.test => Part::Test,
            place if place < self.test + self.search => Part::Search,
            _ => Part::Train,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_the_seed_matters() {
        let shares = Shares { search: 0.1, test: 0.3 };
        let rooms: Vec<RoomId> = (0..10_000_u64).map(|i| format!("{i:016x}").parse().expect("a room")).collect();
        let count = |part, seed| rooms.iter().filter(|room| shares.part(**room, seed) == part).count();
        assert!((2_800..3_200).contains(&count(Part::Test, 0)) && (850..1_150).contains(&count(Part::Search, 0)));
        let moved = rooms.iter().filter(|room| shares.part(**room, 0) != shares.part(**room, 1)).count();
        assert!(moved > 4_000, "{moved}");
        assert!(
            Shares { search: 0.6, test: 0.6 }.check().is_err() && Shares { search: -0.1, test: 0.5 }.check().is_err()
        );
        assert!(Shares { search: 0.5, test: f64::NAN }.check().is_err() && Shares::default().check().is_ok());
    }
}
