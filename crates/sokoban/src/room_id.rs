//! Identity of a room: the same for all its rotations and reflections, and for every start in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::room::{Room, Square};
use crate::symmetry::Symmetry;

/// The first 64 bits of the SHA-256 of a room's walls and goals, in the one of its eight images whose text comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(u64);

impl RoomId {
    /// The identity of a room.
    pub fn of(room: &Room) -> Self {
        let text = |symmetry: Symmetry| {
            let image = symmetry.room(room);
            let square = |s: Square| u8::from(image.is_wall(s)) + 2 * u8::from(image.is_goal(s));
            let sides = [image.rows() as u8, image.columns() as u8];
            sides.into_iter().chain((0..image.squares() as Square).map(square)).collect::<Vec<u8>>()
        };
        let first = Symmetry::all().map(text).min().expect("eight images");
        let digest = Sha256::digest(first);
        Self(u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")))
    }

    /// The 64 bits.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for RoomId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let value = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| format!("expected a room of 16 hexadecimal digits, found {text:?}"))
    }
}

impl Serialize for RoomId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoomId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    #[test]
    fn images_and_other_starts_are_the_same_room_and_other_goals_are_not() {
        let level = Level::parse(&["######", "#@ $.#", "# $ ##", "#  .##", "######"]).expect("a level");
        let id = RoomId::of(&level.room);
        for symmetry in Symmetry::all() {
            assert_eq!(RoomId::of(&symmetry.level(&level).room), id);
        }
        let start = Level::parse(&["######", "#  @*#", "# $ ##", "#  .##", "######"]).expect("a level");
        assert_eq!(RoomId::of(&start.room), id);
        let goals = Level::parse(&["######", "#@ $.#", "# $ ##", "# . ##", "######"]).expect("a level");
        assert_ne!(RoomId::of(&goals.room), id);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("12".parse::<RoomId>().is_err() && "+234567890abcdef".parse::<RoomId>().is_err());
    }
}
