//! Journal of a count: a line of JSON for each finished shard, so that a count that was stopped goes on where it was.
//!
//! The first line has the fingerprint of the count. With [`Duplicates::CountOnce`](crate::Duplicates) a second file,
//! `….hashes`, has eight bytes for each document that was counted; each line says how many are its own. A document that
//! one shard did not count because another one had it stays with that other shard: if it was not finished, it is counted
//! again, and takes the document again. For this the list of shards must be the same, so it is in the fingerprint.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::lexicon::Lexicon;
use crate::shard_counts::ShardCounts;

/// First line of a journal.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Version of the form of the journal.
    corpus_count_journal: u32,
    /// Hash of names, rules and whatever else decides the counts.
    fingerprint: String,
}

const VERSION: u32 = 1;

const NO_JOURNAL: &str = "line 1: expected a journal of a count, found another file";

/// A line for a finished shard.
#[derive(Debug, Serialize, Deserialize)]
struct ShardLine<C> {
    #[serde(flatten)]
    counts: C,
    /// Number of documents in the file of hashes.
    hashes: u64,
}

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    hashes_path: PathBuf,
    hashes: Option<File>,
}

/// Shards that a journal knows, by name, and the hashes of their documents.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    pub(crate) shards: HashMap<String, ShardCounts>,
    pub(crate) hashes: Vec<u64>,
}

impl Journal {
    /// Opens the journal at `path`, or begins one. A line that was cut is removed: its shard was not finished.
    pub(crate) fn open(
        path: &Path,
        fingerprint: &str,
        with_hashes: bool,
        lexicon: &Lexicon,
    ) -> Result<(Self, Finished)> {
        let mut hashes_path = path.as_os_str().to_owned();
        hashes_path.push(".hashes");
        let hashes_path = PathBuf::from(hashes_path);
        let open = |path: &Path| {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            file.map_err(Error::io(path))
        };
        let mut file = open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Error::io(path))?;
        let header = line(&Header { corpus_count_journal: VERSION, fingerprint: fingerprint.to_owned() });
        let complete = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = text[..complete].split_inclusive(|&byte| byte == b'\n');
        let mut finished = Finished::default();
        let mut hash_count = 0_u64;
        if let Some(line) = lines.next() {
            check_header(path, line, fingerprint)?;
            for (number, line) in (2..).zip(lines) {
                let line = parse_line(line, lexicon).map_err(|found| {
                    Error::journal(path, format!("line {number}: expected a finished shard, found {found}"))
                })?;
                hash_count = hash_count.saturating_add(line.hashes);
                finished.shards.insert(line.counts.summary.name.clone(), line.counts);
            }
        }
        if complete == 0 && !header.starts_with(&text) {
            // A file of something else, without lines, must not be emptied.
            return Err(Error::journal(path, NO_JOURNAL));
        }
        file.set_len(complete as u64).map_err(Error::io(path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::io(path))?;
        let mut journal = Self { path: path.to_owned(), file, hashes_path, hashes: None };
        if complete == 0 {
            journal.write(&header)?;
        }
        if with_hashes {
            let file = open(&journal.hashes_path)?;
            finished.hashes = journal.read_hashes(file, hash_count)?;
        }
        Ok((journal, finished))
    }

    /// Reads the hashes of the finished shards and removes those of a shard that was not finished.
    fn read_hashes(&mut self, mut file: File, count: u64) -> Result<Vec<u64>> {
        let io = || Error::io(&self.hashes_path);
        let found = file.metadata().map_err(io())?.len() / 8;
        if found < count {
            let problem = format!("expected the hashes of {count} documents, found {found}");
            return Err(Error::journal(&self.hashes_path, problem));
        }
        let mut reader = BufReader::new(&file);
        let mut hash = [0; 8];
        let mut hashes = Vec::new();
        for _ in 0..count {
            reader.read_exact(&mut hash).map_err(io())?;
            hashes.push(u64::from_le_bytes(hash));
        }
        file.set_len(count * 8).map_err(io())?;
        file.seek(SeekFrom::End(0)).map_err(io())?;
        self.hashes = Some(file);
        Ok(hashes)
    }

    /// Adds a finished shard; `hashes` are those of the documents that it counted.
    pub(crate) fn append(&mut self, counts: &ShardCounts, hashes: &[u64]) -> Result<()> {
        // The hashes first: without their line they are removed, and without them the line would be wrong.
        if let Some(file) = &mut self.hashes {
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            file.write_all(&bytes).map_err(Error::io(&self.hashes_path))?;
        }
        self.write(&line(&ShardLine { counts, hashes: hashes.len() as u64 }))
    }

    fn write(&mut self, line: &[u8]) -> Result<()> {
        self.file.write_all(line).map_err(Error::io(&self.path))
    }
}

/// A line of JSON with its end.
fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("numbers and strings can be written as JSON");
    line.push(b'\n');
    line
}

fn check_header(path: &Path, line: &[u8], fingerprint: &str) -> Result<()> {
    let header: Header = serde_json::from_slice(line).map_err(|_| Error::journal(path, NO_JOURNAL))?;
    if header.corpus_count_journal != VERSION {
        let problem = format!("expected a journal of version {VERSION}, found {}", header.corpus_count_journal);
        return Err(Error::journal(path, problem));
    }
    if header.fingerprint != fingerprint {
        let problem = format!(
            "expected a journal of these items, rules and, if duplicates count once, shards (fingerprint \
             {fingerprint}), found one of others ({})",
            header.fingerprint
        );
        return Err(Error::journal(path, problem));
    }
    Ok(())
}

/// Reads a line; an error says what was found.
fn parse_line(line: &[u8], lexicon: &Lexicon) -> Result<ShardLine<ShardCounts>, String> {
    let line: ShardLine<ShardCounts> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let entity = line.counts.entities.iter().find(|(entity, _)| *entity as usize >= lexicon.entities);
    let pair = line.counts.pairs.iter().find(|(pair, ..)| *pair as usize >= lexicon.pairs.len());
    match (entity, pair) {
        (Some((entity, _)), _) => Err(format!("entity {entity} of {}", lexicon.entities)),
        (_, Some((pair, ..))) => Err(format!("pair {pair} of {}", lexicon.pairs.len())),
        (None, None) => Ok(line),
    }
}
