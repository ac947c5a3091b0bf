//! The journal of a training: one line of JSON for each step, `train.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Name of the journal's file.
pub const JOURNAL: &str = "train.jsonl";

/// One step of a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Step, counted from 1.
    pub step: usize,
    /// Rows computed so far: tokens, or three for each time step.
    pub rows: usize,
    /// Mean loss of the step's targets before the step, nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Norm of the gradient before it was clipped.
    pub gradient_norm: f64,
}

impl JournalLine {
    /// The line of `step` in the journal at `path`; `None` if it has none.
    pub(super) fn read(path: &Path, step: usize) -> Result<Option<Self>> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Self>(line).ok());
        Ok(lines.into_iter().find(|line| line.step == step))
    }

    /// Loss of the last step in the folder of a finished training.
    ///
    /// # Errors
    /// A folder without a journal, or one without steps.
    pub fn last_loss(folder: &Path) -> Result<f64> {
        let path = folder.join(JOURNAL);
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let last = text.lines().last().and_then(|line| serde_json::from_str::<Self>(line).ok());
        last.map(|line| line.loss).ok_or_else(|| Error::File {
            path: path.display().to_string(),
            problem: "expected a line for each step, found none at its end".to_owned(),
        })
    }
}

/// A journal that is being written.
pub(super) struct Journal {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Journal {
    /// Opens the journal at `path` for the steps after `step`: lines of later steps, which a training that was stopped may
    /// have left, are removed.
    pub(super) fn open_after(path: &Path, step: usize) -> Result<Self> {
        let kept = match File::open(path) {
            Ok(file) => lines_up_to(&mut BufReader::new(file), step).map_err(Error::io(path))?,
            Err(_) => String::new(),
        };
        laser::checkpoint::write_atomically(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(Error::io(path))?;
        Ok(Self { path: path.to_owned(), out: BufWriter::new(file) })
    }

    /// Appends a line.
    pub(super) fn append(&mut self, line: &JournalLine) -> Result<()> {
        let text = serde_json::to_string(line).expect("numbers can be written as JSON");
        writeln!(self.out, "{text}").map_err(Error::io(&self.path))
    }

    /// Hands all lines to the operating system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::io(&self.path))
    }
}

/// The lines of the first `step` steps; a line that was cut ends them.
fn lines_up_to(reader: &mut impl BufRead, step: usize) -> std::io::Result<String> {
    let mut kept = String::new();
    for line in reader.lines() {
        let line = line?;
        match serde_json::from_str::<JournalLine>(&line) {
            Ok(parsed) if parsed.step <= step => kept.extend([line.as_str(), "\n"]),
            _ => break,
        }
    }
    Ok(kept)
}
