//! Trial store: the SQLite file that holds all trials of a search, each batch written the moment it is finished.
//!
//! A trial is stored in batches: the outcomes of consecutive items of its split's item order, one database row a batch.
//! A process that is killed loses no more than the batches it was computing.

mod batches;
mod screens;
mod trial_rows;

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use self::trial_rows::{CountedItems, TrialRow};
use super::fingerprint::Fingerprint;
pub use super::trial::{Outcomes, Trial};
use crate::error::{Error, Result};
use laser_statistics::Split;

/// An open trial store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// Fingerprint of the run that writes; `None` for a store that is only read.
    fingerprint: Option<String>,
    /// Keeps other processes from the folder of the store as long as it is open.
    _lock: Option<File>,
}

/// Tables. `trials.start` and `trials.n` are the position of a batch's first item in the item order and its number of
/// items; `correct`, `ties` and `in_top10` are blobs of one byte an item, `logprobs` and `margins` of one little-endian f64 an
/// item.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS trials (
        edit TEXT NOT NULL, split TEXT NOT NULL, start INTEGER NOT NULL, n INTEGER NOT NULL,
        layer INTEGER, matrix TEXT, reduction TEXT, rank INTEGER,
        right INTEGER NOT NULL, loss REAL NOT NULL,
        correct BLOB NOT NULL, logprobs BLOB NOT NULL, margins BLOB NOT NULL, ties BLOB NOT NULL,
        in_top10 BLOB NOT NULL,
        PRIMARY KEY (edit, split, start)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS screens (
        criterion TEXT NOT NULL, edit TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (criterion, edit)
    ) STRICT;
";

impl Store {
    /// Opens or creates the store of a run with this `fingerprint` (model, tasks and settings). If it holds trials of
    /// the same run, `resume` must be true to continue it.
    ///
    /// # Errors
    /// If the store holds trials of a run with another fingerprint, or of this run and `resume` is false; if the file
    /// cannot be created or read.
    pub fn open(path: &Path, fingerprint: &Fingerprint, resume: bool) -> Result<Self> {
        let wrap = |source| Error::Store { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("out", folder, &e))?;
        }
        let mut connection = Connection::open(path).map_err(wrap)?;
        connection.execute_batch(SCHEMA).map_err(wrap)?;
        // One step, so that of two processes that begin at once one sees what the other has written.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrap)?;
        let count: usize = transaction.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).map_err(wrap)?;
        // A run that ended before its first batch leaves nothing that could be mixed up with another run.
        let written = fingerprint.text();
        let stored = if count > 0 { stored_fingerprint(&transaction).map_err(wrap)? } else { None };
        let problem = |problem: String| Error::Run { path: path.to_owned(), problem };
        match stored.as_ref().map(|stored| fingerprint.conflict(stored)) {
            Some(Some(differences)) => {
                return Err(problem(format!("the folder holds another run: {differences}; use another folder")));
            }
            Some(_) if !resume => return Err(Error::RunExists { path: path.to_owned() }),
            Some(_) => {}
            None => {
                let sql = "INSERT OR REPLACE INTO manifest (key, value) VALUES ('fingerprint', ?1)";
                transaction.execute(sql, [&written]).map_err(wrap)?;
            }
        }
        transaction.commit().map_err(wrap)?;
        Ok(Self { path: path.to_owned(), connection, fingerprint: Some(written), _lock: None })
    }

    /// Creates the store of a run with this `fingerprint` in memory.
    ///
    /// # Errors
    /// If SQLite cannot allocate it.
    pub fn in_memory(fingerprint: &Fingerprint) -> Result<Self> {
        Self::open(Path::new(":memory:"), fingerprint, false)
    }

    /// The store without its lock, for a search that is done.
    pub(crate) fn released(self) -> Self {
        Self { _lock: None, ..self }
    }

    /// The store with a lock that it holds as long as it is open.
    pub(crate) fn holding(self, lock: File) -> Self {
        Self { _lock: Some(lock), ..self }
    }

    /// Copies the store to the file `path`, unless it is that file already.
    ///
    /// # Errors
    /// If the file exists, or its folder cannot be written.
    pub fn save_as(&self, path: &Path) -> Result<()> {
        // Resolved, because `run` and `./run` are one folder.
        let resolved = |path: &Path| path.canonicalize().ok();
        if path == self.path || resolved(path).is_some_and(|path| resolved(&self.path) == Some(path)) {
            return Ok(());
        }
        if path.exists() {
            let problem = "the folder already holds a run: use another".into();
            return Err(Error::Run { path: path.to_owned(), problem });
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("out", folder, &e))?;
        // Under a temporary name first: a kill leaves no store that looks whole.
        let draft = path.with_extension("sqlite.partial");
        let _ = std::fs::remove_file(&draft); // what an earlier kill left
        self.connection.execute("VACUUM INTO ?1", [draft.to_string_lossy().as_ref()]).map_err(self.wrap())?;
        std::fs::rename(&draft, path).map_err(Error::io(path))
    }

    /// Opens the store of an earlier run to read it.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    pub fn open_existing(path: &Path) -> Result<Self> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| Error::Store { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), connection, fingerprint: None, _lock: None })
    }

    /// Writes to the store by `write`: all of it or nothing, and nothing if another run has taken the store.
    ///
    /// That happens if two searches begin in one folder at once: the second finds no trials yet, and the folder becomes
    /// its own. Without this check the first would mix its trials with the second's.
    fn write(&mut self, write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<()> {
        let path = self.path.clone();
        let wrap = |source| Error::Store { path: path.clone(), source };
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrap)?;
        if stored_fingerprint(&transaction).map_err(wrap)? != self.fingerprint {
            let problem = "another search has begun in this folder: use a folder for each".into();
            return Err(Error::Run { path: path.clone(), problem });
        }
        write(&transaction).map_err(wrap)?;
        transaction.commit().map_err(wrap)
    }

    /// Turns an SQLite error into one that names the file.
    fn wrap(&self) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Store { path: path.clone(), source }
    }

    /// Stores the item order of a split, as item indices. Batches are stored by their positions in it.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn insert_order(&mut self, split: Split, order: &[usize]) -> Result<()> {
        let items: Vec<String> = order.iter().map(usize::to_string).collect();
        let sql = "INSERT OR REPLACE INTO manifest (key, value) VALUES (?1, ?2)";
        let (key, value) = (format!("order of {split}"), format!("[{}]", items.join(",")));
        self.write(|transaction| transaction.execute(sql, params![key, value]).map(drop))
    }

    /// Item order of a split, as item indices.
    ///
    /// # Errors
    /// If the store has none, or cannot be read.
    pub fn order(&self, split: Split) -> Result<Vec<usize>> {
        let sql = "SELECT value FROM manifest WHERE key = ?1";
        let text: String =
            self.connection.query_row(sql, [format!("order of {split}")], |row| row.get(0)).map_err(self.wrap())?;
        serde_json::from_str(&text).map_err(|e| Error::parse(&self.path, format!("order of {split}: {e}")))
    }

    /// Number of stored batches, over all trials.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn count(&self) -> Result<usize> {
        self.connection.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).map_err(self.wrap())
    }
}

/// Fingerprint of the run whose trials a store holds; `None` if it has none yet.
fn stored_fingerprint(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM manifest WHERE key = 'fingerprint'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests;
