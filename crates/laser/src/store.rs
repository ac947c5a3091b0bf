//! The trial store: every trial with its per-item outcomes, in SQLite, the moment it ends.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Error, Result};
use crate::report::TrialRow;
use crate::score::Outcome;
use crate::statistics::Split;
use crate::weight::WeightId;

/// One tried edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The matrix.
    pub id: WeightId,
    /// ρ, as it was given.
    pub rho: String,
    /// The rank it gives.
    pub rank: usize,
    /// Items it was tried on.
    pub split: Split,
    /// What happened at each item of the split.
    pub outcomes: Outcomes,
}

/// Outcomes of a trial, one entry an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcomes {
    /// Whether the item was right.
    pub correct: Vec<bool>,
    /// Log-probability of the gold answer, nats.
    pub logprobs: Vec<f64>,
    /// How clearly the gold answer wins ([`Outcome::margin`]), nats.
    pub margins: Vec<f64>,
    /// Items decided by a tie.
    pub ties: usize,
}

impl Outcomes {
    /// Gathers items' outcomes.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut all = Self::default();
        for outcome in outcomes {
            all.correct.push(outcome.correct);
            all.logprobs.push(outcome.logprob);
            all.margins.push(outcome.margin);
            all.ties += usize::from(outcome.tied);
        }
        all
    }

    /// Share of right items.
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().filter(|c| **c).count() as f64 / self.correct.len().max(1) as f64
    }

    /// Mean of −log-probability, nats an item.
    pub fn log_loss(&self) -> f64 {
        -self.logprobs.iter().sum::<f64>() / self.logprobs.len().max(1) as f64
    }
}

/// A trial store on disk.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS trials (
        layer INTEGER NOT NULL, matrix TEXT NOT NULL, rho TEXT NOT NULL, split TEXT NOT NULL,
        rank INTEGER NOT NULL, n INTEGER NOT NULL, acc REAL NOT NULL, log_loss REAL NOT NULL, ties INTEGER NOT NULL,
        correct BLOB NOT NULL, logprobs BLOB NOT NULL, margins BLOB NOT NULL,
        PRIMARY KEY (layer, matrix, rho, split)
    ) STRICT;
";

impl Store {
    /// Opens or creates a store for runs with this `fingerprint` (model, task and settings). A store with trials of
    /// another fingerprint is refused; one with trials of the same is gone on with only if `resume`.
    pub fn open(path: &Path, fingerprint: &str, resume: bool) -> Result<Self> {
        let wrap = |source| Error::Store { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let connection = Connection::open(path).map_err(wrap)?;
        connection.execute_batch(SCHEMA).map_err(wrap)?;
        let stored: Option<String> = connection
            .query_row("SELECT value FROM manifest WHERE key = 'fingerprint'", [], |row| row.get(0))
            .optional()
            .map_err(wrap)?;
        let trials: usize = connection.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).map_err(wrap)?;
        let stored = stored.filter(|_| trials > 0); // a run that ended before its first trial is no run
        let problem = |problem: String| Error::Run { path: path.to_owned(), problem };
        match stored {
            Some(stored) if stored != fingerprint => Err(problem(format!(
                "the store belongs to another run: expected\n  {fingerprint}\nfound\n  {stored}\nuse another folder"
            ))),
            Some(_) if !resume => {
                Err(problem("the folder holds a run already: pass --resume to go on with it, or use another".into()))
            }
            Some(_) => Ok(Self { path: path.to_owned(), connection }),
            None => {
                let sql = "INSERT OR REPLACE INTO manifest (key, value) VALUES ('fingerprint', ?1)";
                connection.execute(sql, [fingerprint]).map_err(wrap)?;
                Ok(Self { path: path.to_owned(), connection })
            }
        }
    }

    /// Opens the store of a run to read it.
    pub fn open_existing(path: &Path) -> Result<Self> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| Error::Store { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), connection })
    }

    fn wrap(&self) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Store { path: path.clone(), source }
    }

    /// Adds trials, all or none.
    pub fn insert(&mut self, trials: &[Trial]) -> Result<()> {
        let wrap = self.wrap();
        let transaction = self.connection.transaction().map_err(&wrap)?;
        for trial in trials {
            let correct: Vec<u8> = trial.outcomes.correct.iter().map(|c| u8::from(*c)).collect();
            transaction
                .execute(
                    "INSERT INTO trials VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                    params![
                        trial.id.layer,
                        trial.id.kind.name(),
                        trial.rho,
                        trial.split.name(),
                        trial.rank,
                        trial.outcomes.correct.len(),
                        trial.outcomes.accuracy(),
                        trial.outcomes.log_loss(),
                        trial.outcomes.ties,
                        correct,
                        to_bytes(&trial.outcomes.logprobs),
                        to_bytes(&trial.outcomes.margins),
                    ],
                )
                .map_err(&wrap)?;
        }
        transaction.commit().map_err(&wrap)
    }

    /// Every trial of a split without its items, as a report draws them: by layer, matrix, then rank.
    pub fn rows(&self, split: Split) -> Result<Vec<TrialRow>> {
        let sql = "SELECT layer, matrix, rho, rank, acc, log_loss FROM trials
                   WHERE split = ?1 ORDER BY layer, matrix, rank, rho";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        let read = |row: &rusqlite::Row<'_>| {
            let (layer, matrix, rho): (usize, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let edit = format!("L{layer}.{matrix}@{rho}");
            Ok(TrialRow { edit, layer, matrix, rho, rank: row.get(3)?, acc: row.get(4)?, log_loss: row.get(5)?, split })
        };
        let rows = statement.query_map([split.name()], read).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }

    /// A trial, if it has been run.
    pub fn get(&self, id: WeightId, rho: &str, split: Split) -> Result<Option<Trial>> {
        let sql = "SELECT rank, correct, logprobs, margins, ties FROM trials
                   WHERE layer = ?1 AND matrix = ?2 AND rho = ?3 AND split = ?4";
        let read = |row: &rusqlite::Row<'_>| {
            let (rank, correct): (usize, Vec<u8>) = (row.get(0)?, row.get(1)?);
            Ok(Trial {
                id,
                rho: rho.to_owned(),
                rank,
                split,
                outcomes: Outcomes {
                    correct: correct.iter().map(|c| *c != 0).collect(),
                    logprobs: from_bytes(&row.get::<_, Vec<u8>>(2)?),
                    margins: from_bytes(&row.get::<_, Vec<u8>>(3)?),
                    ties: row.get(4)?,
                },
            })
        };
        let key = params![id.layer, id.kind.name(), rho, split.name()];
        self.connection.query_row(sql, key, read).optional().map_err(self.wrap())
    }

    /// Number of trials stored.
    pub fn count(&self) -> Result<usize> {
        self.connection.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).map_err(self.wrap())
    }
}

/// Numbers as a store keeps them: eight bytes each, little-endian.
fn to_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weight::WeightKind;

    #[test]
    fn trials_are_read_back_and_foreign_runs_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("sub/trials.sqlite");
        let id = WeightId { layer: 3, kind: WeightKind::Gate };
        let (logprobs, margins) = (vec![-0.1, -7.25], vec![2.5, f64::NEG_INFINITY]);
        let outcomes = Outcomes { correct: vec![true, false], logprobs, margins, ties: 1 };
        let trial = Trial { id, rho: "0.01".into(), rank: 5, split: Split::Search, outcomes };
        let mut store = Store::open(&path, "a", false).expect("new store");
        store.insert(std::slice::from_ref(&trial)).expect("insert");
        assert!(store.insert(std::slice::from_ref(&trial)).is_err(), "a trial is stored once");
        drop(store);
        assert!(Store::open(&path, "a", false).is_err());
        assert!(Store::open(&path, "b", true).is_err());
        let store = Store::open(&path, "a", true).expect("resume");
        assert_eq!(store.get(id, "0.01", Split::Search).expect("get"), Some(trial));
        assert_eq!(store.get(id, "0.01", Split::Validation).expect("get"), None);
        assert_eq!(store.count().expect("count"), 1);
    }
}
