//! `episodes.bin`: the demonstrations of the levels of a `levels.jsonl`, in a few bytes each.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `LSOKOBN1` |
//! | 32 | SHA-256 of the `levels.jsonl` whose levels are demonstrated |
//! | 4 | number of demonstrations |
//! | for each: 4 | index of its level, ascending |
//! | 2 | number of steps |
//! | 1 a step | bits 0–1 the move, 2–5 the mask of optimal moves, 6 whether chance chose it; 7 is 0 |
//! | 32 | SHA-256 of all bytes before |
//!
//! Numbers are little-endian. States are not stored: a level and its moves give them.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::demonstration::{Demonstration, Step};
use crate::error::{Error, Result};
use crate::level_records::RecordedLevel;
use crate::moves::{Move, MoveSet};

/// Name of the file in a folder of levels.
pub const EPISODES_FILE: &str = "episodes.bin";

/// First bytes of the file: its kind and version.
const MAGIC: &[u8; 8] = b"LSOKOBN1";
/// Bytes of a SHA-256.
const HASH: usize = 32;
/// Bytes before the first demonstration.
const HEADER: usize = MAGIC.len() + HASH + 4;

/// A demonstration of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Index of the level in its file.
    pub level: usize,
    /// The steps.
    pub demonstration: Demonstration,
}

/// The bytes of the file. `levels` is the text of the `levels.jsonl`.
///
/// # Panics
/// If the indices do not ascend, or a demonstration has more than 65,535 steps.
pub fn episodes_bytes(levels: &str, episodes: &[Episode]) -> Vec<u8> {
    assert!(episodes.windows(2).all(|pair| pair[0].level < pair[1].level), "one demonstration a level, in their order");
    let mut bytes = MAGIC.to_vec();
    bytes.extend(Sha256::digest(levels));
    let number = |n: usize| u32::try_from(n).expect("fewer than 2³² levels").to_le_bytes();
    bytes.extend(number(episodes.len()));
    for Episode { level, demonstration } in episodes {
        bytes.extend(number(*level));
        let steps = u16::try_from(demonstration.steps.len()).expect("at most 65,535 steps");
        bytes.extend(steps.to_le_bytes());
        let byte = |step: &Step| step.action.index() as u8 | step.optimal.bits() << 2 | u8::from(step.is_noise) << 6;
        bytes.extend(demonstration.steps.iter().map(byte));
    }
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash);
    bytes
}

/// Reads the bytes of the file; `file` names it in errors, `text` is the text of the `levels.jsonl` beside it and
/// `levels` its levels. Every demonstration is played.
///
/// # Errors
/// Another kind of file, one of other levels, a damaged one, or a demonstration that does not solve its level.
pub fn parse_episodes(file: &Path, bytes: &[u8], text: &str, levels: &[RecordedLevel]) -> Result<Vec<Episode>> {
    let wrong = |at: usize, problem: &str| Error::file(file, format!("byte {at}"), problem);
    if !bytes.starts_with(MAGIC) {
        return Err(wrong(0, "expected a file of demonstrations that starts with LSOKOBN1"));
    }
    if bytes.len() < HEADER + HASH {
        return Err(wrong(bytes.len(), "expected a header and a checksum, found the end of the file"));
    }
    let (content, checksum) = bytes.split_at(bytes.len() - HASH);
    if Sha256::digest(content)[..] != *checksum {
        return Err(wrong(content.len(), "the checksum does not fit: the file is damaged or cut off"));
    }
    if Sha256::digest(text)[..] != content[MAGIC.len()..MAGIC.len() + HASH] {
        return Err(wrong(
            MAGIC.len(),
            "expected demonstrations of the levels.jsonl beside it, found those of another one",
        ));
    }
    let number = |at: usize| content.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let end = |at: usize| wrong(at, "expected more demonstrations, found the end of the file");
    let count = number(HEADER - 4).ok_or_else(|| end(HEADER - 4))?;
    let mut episodes: Vec<Episode> = Vec::new();
    let mut at = HEADER;
    for _ in 0..count {
        let index = number(at).ok_or_else(|| end(at))?;
        let after = episodes.last().map_or(0, |last| last.level + 1);
        let Some(level) = levels.get(index).filter(|_| index >= after) else {
            let problem = format!("expected a level from {after} to {}, found {index}", levels.len().saturating_sub(1));
            return Err(wrong(at, &problem));
        };
        let length = content.get(at + 4..at + 6).ok_or_else(|| end(at))?;
        let length = u16::from_le_bytes([length[0], length[1]]) as usize;
        let steps = content.get(at + 6..at + 6 + length).ok_or_else(|| end(at))?;
        if let Some(step) = steps.iter().position(|byte| byte >> 7 != 0) {
            return Err(wrong(at + 6 + step, "expected a step of 7 bits, found 8"));
        }
        let step = |byte: &u8| Step {
            action: Move::from_index(usize::from(byte & 3)).expect("two bits"),
            optimal: MoveSet::from_bits(byte >> 2),
            is_noise: byte >> 6 & 1 == 1,
        };
        let demonstration = Demonstration { steps: steps.iter().map(step).collect() };
        demonstration.check(&level.level).map_err(|e| wrong(at, &format!("level {}: {e}", level.record.id)))?;
        episodes.push(Episode { level: index, demonstration });
        at += 6 + length;
    }
    match at == content.len() {
        true => Ok(episodes),
        false => Err(wrong(at, "expected the checksum after the last demonstration, found more bytes")),
    }
}
