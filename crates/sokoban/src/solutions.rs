//! Reader of solution files: CSV, perhaps compressed by gzip, with the columns `File`, `Level` and `Actions`.
//!
//! The form is that of the A* solutions of Boxoban levels (Hugging Face `AlignmentResearch/boxoban-astar-solutions`):
//! `File` is the number in a level file's name, `Level` the number in the file, and `Actions` a row of digits, 0 up,
//! 1 down, 2 left, 3 right. A word in capitals in place of the digits says that no solution was found.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::moves::Move;

/// Solutions by the number of the file and the number of the level in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Solutions {
    moves: BTreeMap<(u32, u32), Vec<Move>>,
    /// Number of levels of which the file says that no solution was found.
    pub unsolved: usize,
}

/// First bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many times its own size a compressed file may unfold to: digits of four kinds take about a quarter of a byte.
const MOST_UNFOLDED: u64 = 64;

impl Solutions {
    /// Reads a file, `.csv` or `.csv.gz`.
    ///
    /// # Errors
    /// A file that cannot be read; a column that is missing; a row that is malformed or comes twice.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let size = file.metadata().map_err(Error::io(path))?.len();
        let mut file = BufReader::new(file);
        let start = file.fill_buf().map_err(Error::io(path))?;
        if start.starts_with(&GZIP) {
            let bound = size.saturating_mul(MOST_UNFOLDED).saturating_add(1 << 16);
            return Self::parse(path, flate2::bufread::MultiGzDecoder::new(file).take(bound));
        }
        Self::parse(path, file)
    }

    /// Reads a CSV text; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Solutions::read`].
    pub fn parse(path: &Path, text: impl Read) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(text);
        let wrong = |line: u64, problem: String| Error::file(path, format!("line {line}"), problem);
        let failed = |e: csv::Error| wrong(e.position().map_or(1, csv::Position::line), e.to_string());
        let header = reader.headers().map_err(failed)?.clone();
        let column = |name: &str| {
            let found = || header.iter().collect::<Vec<_>>().join(", ");
            let index = header.iter().position(|column| column.trim() == name);
            index.ok_or_else(|| wrong(1, format!("expected a column `{name}`, found {}", found())))
        };
        let [file, level, actions] = [column("File")?, column("Level")?, column("Actions")?];
        let mut solutions = Self::default();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(failed)? {
            let line = record.position().map_or(0, csv::Position::line);
            let number = |name: &str, index: usize| {
                let text = record.get(index).unwrap_or_default();
                number_in(text).ok_or_else(|| wrong(line, format!("{name}: expected a number, found {text:?}")))
            };
            let key = (number("File", file)?, number("Level", level)?);
            let text = record.get(actions).unwrap_or_default().trim();
            if !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
                solutions.unsolved += 1;
                continue;
            }
            let moves: Vec<Move> = text
                .chars()
                .map(Move::from_digit)
                .collect::<Result<_>>()
                .map_err(|e| wrong(line, format!("Actions: {e}")))?;
            if moves.is_empty() {
                return Err(wrong(line, "Actions: expected at least one move, found none".to_owned()));
            }
            if solutions.moves.insert(key, moves).is_some() {
                return Err(wrong(
                    line,
                    format!("expected one solution a level, found level {} of file {} twice", key.1, key.0),
                ));
            }
        }
        Ok(solutions)
    }

    /// The solution of a level; `file` is the name of the level file, such as `003.txt`.
    pub fn get(&self, file: &Path, level: u32) -> Option<&[Move]> {
        let number = number_in(file.file_stem()?.to_str()?)?;
        self.moves.get(&(number, level)).map(Vec::as_slice)
    }

    /// Number of solutions.
    pub fn len(&self) -> usize {
        self.moves.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }
}

/// The number of a file or level: `3`, `003` or `003.txt`.
fn number_in(text: &str) -> Option<u32> {
    let text = text.trim();
    text.strip_suffix(".txt").unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn parse(text: &str) -> Result<Solutions> {
        Solutions::parse(Path::new("s.csv"), text.as_bytes())
    }

    #[test]
    fn columns_are_found_by_name_and_unsolved_levels_counted() {
        let text = "Level,Steps,Actions,File\n0,2,33,000\n0007,1,01,12.txt\n8,0,SEARCH_STATE_FAILED,12\n";
        let solutions = parse(text).expect("solutions");
        assert_eq!((solutions.len(), solutions.unsolved), (2, 1));
        assert_eq!(solutions.get(Path::new("levels/000.txt"), 0), Some(&[Move::Right, Move::Right][..]));
        assert_eq!(solutions.get(Path::new("012.txt"), 7), Some(&[Move::Up, Move::Down][..]));
        assert_eq!(solutions.get(Path::new("012.txt"), 8), None);
    }

    #[test]
    fn malformed_rows_are_named_with_the_line() {
        for (text, expected) in [
            ("File,Level\n0,0\n", "s.csv: line 1: expected a column `Actions`, found File, Level"),
            ("File,Level,Actions\na,0,1\n", "s.csv: line 2: File: expected a number, found \"a\""),
            ("File,Level,Actions\n0,0,14\n", "s.csv: line 2: Actions: expected a move 0, 1, 2 or 3, found '4'"),
            ("File,Level,Actions\n0,0,\n", "s.csv: line 2: Actions: expected at least one move, found none"),
            (
                "File,Level,Actions\n0,0,1\n0,0,2\n",
                "s.csv: line 3: expected one solution a level, found level 0 of file 0 twice",
            ),
        ] {
            assert_eq!(parse(text).expect_err(expected).to_string(), expected);
        }
        assert!(parse("File,Level,Actions\n0,0\n").expect_err("is short").to_string().starts_with("s.csv: line 2"));
    }

    #[test]
    fn a_compressed_file_reads_the_same_and_does_not_unfold_without_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            let mut out =
                flate2::write::GzEncoder::new(File::create(&path).expect("a file"), flate2::Compression::best());
            out.write_all(text).expect("writes");
            out.finish().expect("writes");
            path
        };
        let path = write("s.csv.gz", b"File,Level,Actions\n0,1,0123\n");
        assert_eq!(Solutions::read(&path).expect("solutions").get(Path::new("0.txt"), 1), Some(&Move::ALL[..]));
        let bomb = write("bomb.csv.gz", &[b'0'; 50_000_000]);
        assert!(Solutions::read(&bomb).is_err(), "no column in the first bytes");
    }
}
