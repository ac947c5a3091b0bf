//! Split models: takes the name and the metadata of one part, gives the names of all parts.
//!
//! `gguf-split` of llama.cpp writes parts called `NAME-00001-of-00003.gguf` and so on. Each has the keys `split.no`
//! (from 0), `split.count` and `split.tensors.count` (of all parts together); only the first has the model's metadata.

use std::path::{Path, PathBuf};

use super::metadata::Metadata;
use crate::error::{CheckpointError, SplitError};

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";
/// Largest number of parts; llama.cpp stores it in 16 bits.
const MAX_PARTS: u64 = u16::MAX as u64;

/// What the metadata of one part say about the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// Number of this part, from 0.
    pub(super) number: u64,
    /// Number of parts, at least 2.
    pub(super) count: u64,
    /// Number of tensors in all parts; `None` if the file does not say.
    pub(super) tensors: Option<u64>,
}

impl Split {
    /// Reads the keys; `None` for a model in one file.
    ///
    /// # Errors
    /// [`SplitError::Key`] for numbers that cannot be, [`CheckpointError::MetadataType`].
    pub(super) fn read(metadata: &Metadata) -> Result<Option<Self>, CheckpointError> {
        // A merged file keeps the key with the value 0.
        let Some(count) = metadata.u64(COUNT)?.filter(|count| *count > 1) else {
            return Ok(None);
        };
        if count > MAX_PARTS {
            return Err(wrong(COUNT, format!("at most {MAX_PARTS}"), count));
        }
        let number = metadata.u64(NUMBER)?.unwrap_or(0);
        if number >= count {
            return Err(wrong(NUMBER, format!("less than the {count} parts"), number));
        }
        Ok(Some(Self { number, count, tensors: metadata.u64(TENSORS)? }))
    }

    /// Paths of all parts, in their order, beside `path`, which is this part.
    ///
    /// # Errors
    /// [`SplitError::PartName`] if the name does not end as the keys demand, so that other parts cannot be found.
    pub(super) fn paths(&self, path: &Path) -> Result<impl Iterator<Item = PathBuf>, CheckpointError> {
        let number = self.number + 1;
        let unnamed = || SplitError::PartName { number, count: self.count };
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(unnamed)?;
        let pattern = NamePattern::of(name).filter(|found| (found.number, found.count) == (number, self.count));
        let pattern = pattern.ok_or_else(unnamed)?;
        // One after the other, because the count is only a number until the files are seen.
        Ok((1..=self.count).map(move |number| path.with_file_name(pattern.name(number))))
    }

    /// Checks the keys of part `number` (from 0) against those of the part that was opened first.
    ///
    /// # Errors
    /// [`SplitError::Key`].
    pub(super) fn check_part(&self, number: u64, metadata: &Metadata) -> Result<(), CheckpointError> {
        let count = metadata.u64(COUNT)?.unwrap_or(0);
        if count != self.count {
            return Err(wrong(COUNT, self.count, count));
        }
        let found = metadata.u64(NUMBER)?.unwrap_or(0);
        if found != number {
            return Err(wrong(NUMBER, number, found));
        }
        match (self.tensors, metadata.u64(TENSORS)?) {
            (Some(expected), Some(found)) if expected != found => Err(wrong(TENSORS, expected, found)),
            _ => Ok(()),
        }
    }

    /// Checks the number of tensors in all parts together.
    ///
    /// # Errors
    /// [`SplitError::Key`] if it is not the announced one.
    pub(super) fn check_tensors(&self, found: u64) -> Result<(), CheckpointError> {
        match self.tensors {
            Some(announced) if announced != found => {
                Err(wrong(TENSORS, format!("{found}, the tensors in all parts together"), announced))
            }
            _ => Ok(()),
        }
    }
}

/// The error that a key has another value than expected.
fn wrong(key: &'static str, expected: impl ToString, found: u64) -> CheckpointError {
    SplitError::Key { key, expected: expected.to_string(), found }.into()
}

/// The metadata without the keys of a split, for the same model in one file.
pub(super) fn without_split(metadata: Metadata) -> Metadata {
    metadata.without(&[NUMBER, COUNT, TENSORS])
}

/// The name of a part, cut at its number.
#[derive(Debug, PartialEq, Eq)]
struct NamePattern<'a> {
    /// The name up to the number.
    before: &'a str,
    /// The number, from 1.
    number: u64,
    /// Number of digits.
    digits: usize,
    count: u64,
    /// The name from the end of the number on: `-of-00003.gguf`.
    after: &'a str,
}

impl<'a> NamePattern<'a> {
    /// Finds the numbers in `NAME-00001-of-00003`, with or without an extension.
    fn of(name: &'a str) -> Option<Self> {
        let stem = match name.rsplit_once('.') {
            Some((stem, ending)) if ending.eq_ignore_ascii_case("gguf") => stem,
            _ => name,
        };
        let (start, count) = stem.rsplit_once("-of-")?;
        let (_, number) = start.rsplit_once('-')?;
        let parse = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
        let before = &name[..start.len() - number.len()];
        let after = &name[start.len()..];
        Some(Self { before, number: parse(number)?, digits: number.len(), count: parse(count)?, after })
    }

    /// Name of the part with another number.
    fn name(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.before, self.after, width = self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_the_number_of_the_part() {
        for (name, third) in [
            ("m-00001-of-00003.gguf", "m-00003-of-00003.gguf"),
            ("m-00001-of-00003.GGUF", "m-00003-of-00003.GGUF"),
            ("m-00001-of-00003", "m-00003-of-00003"),
            ("a-of-b.Q4-1-of-3.gguf", "a-of-b.Q4-3-of-3.gguf"),
            ("-00001-of-00003.gguf", "-00003-of-00003.gguf"),
        ] {
            let pattern = NamePattern::of(name).expect(name);
            assert_eq!((pattern.number, pattern.count, pattern.name(3)), (1, 3, third.to_owned()));
        }
        for name in ["m.gguf", "m-1.gguf", "m-1-of-.gguf", "m--of-3.gguf", "m-x-of-3.gguf", "1-of-3.gguf", "m-+1-of-3"]
        {
            assert_eq!(NamePattern::of(name), None, "{name}");
        }
    }
}
