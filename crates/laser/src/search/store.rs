//! The trial store: every outcome of every edit tried, in SQLite, the moment its pass ends.
//!
//! A trial is an edit on the items of a split in the split's order. It is stored in parts, one for each pass (or for
//! all items at once), so that a kill at any moment loses no more than the passes in hand.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::evaluate::outcome::Outcome;
use crate::report::TrialRow;
use laser_statistics::Split;

/// One tried edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The edit; empty for the unedited model.
    pub edit: Edit,
    /// Singular components kept, where the edit is of one matrix and has a rank.
    pub rank: Option<usize>,
    /// Items it was tried on.
    pub split: Split,
    /// What happened at the items seen, in the split's order.
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
    /// Whether the item was decided by a tie.
    pub ties: Vec<bool>,
}

impl Outcomes {
    /// Gathers items' outcomes.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut all = Self::default();
        for outcome in outcomes {
            all.correct.push(outcome.correct);
            all.logprobs.push(outcome.logprob);
            all.margins.push(outcome.margin);
            all.ties.push(outcome.tied);
        }
        all
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.correct.len()
    }

    /// Whether no item was seen.
    pub fn is_empty(&self) -> bool {
        self.correct.is_empty()
    }

    /// The outcomes of some items, by place.
    pub(crate) fn picked(&self, places: &[usize]) -> Self {
        Self {
            correct: places.iter().map(|i| self.correct[*i]).collect(),
            logprobs: places.iter().map(|i| self.logprobs[*i]).collect(),
            margins: places.iter().map(|i| self.margins[*i]).collect(),
            ties: places.iter().map(|i| self.ties[*i]).collect(),
        }
    }

    /// The outcomes of the first `n` items.
    pub(crate) fn first(&self, n: usize) -> Self {
        Self {
            correct: self.correct[..n].to_vec(),
            logprobs: self.logprobs[..n].to_vec(),
            margins: self.margins[..n].to_vec(),
            ties: self.ties[..n].to_vec(),
        }
    }

    /// Adds the outcomes of the items that follow.
    pub fn append(&mut self, more: &Self) {
        self.correct.extend(&more.correct);
        self.logprobs.extend(&more.logprobs);
        self.margins.extend(&more.margins);
        self.ties.extend(&more.ties);
    }

    /// Share of right items.
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().filter(|c| **c).count() as f64 / self.len().max(1) as f64
    }

    /// Mean of −log-probability, nats an item.
    pub fn log_loss(&self) -> f64 {
        -self.logprobs.iter().sum::<f64>() / self.len().max(1) as f64
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
        edit TEXT NOT NULL, split TEXT NOT NULL, start INTEGER NOT NULL, n INTEGER NOT NULL,
        layer INTEGER, matrix TEXT, reduction TEXT, rank INTEGER,
        right INTEGER NOT NULL, loss REAL NOT NULL,
        correct BLOB NOT NULL, logprobs BLOB NOT NULL, margins BLOB NOT NULL, ties BLOB NOT NULL,
        PRIMARY KEY (edit, split, start)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS screens (
        criterion TEXT NOT NULL, edit TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (criterion, edit)
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
        let stored = stored.filter(|_| trials > 0); // a run that ended before its first pass is no run
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

    /// Creates a store in memory for a run with this `fingerprint`.
    ///
    /// # Errors
    /// SQLite cannot allocate it.
    pub fn in_memory(fingerprint: &str) -> Result<Self> {
        Self::open(Path::new(":memory:"), fingerprint, false)
    }

    /// Copies the store to the file `path`, unless it is that file already.
    ///
    /// # Errors
    /// A file that exists, or a folder that cannot be written.
    pub fn save_as(&self, path: &Path) -> Result<()> {
        if path == self.path {
            return Ok(());
        }
        if path.exists() {
            let problem = "the folder holds a run already: use another folder".into();
            return Err(Error::Run { path: path.to_owned(), problem });
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        // SQLite writes the copy in one transaction; a kill leaves a file without tables, which no run continues.
        let text = path.to_string_lossy();
        self.connection
            .execute("VACUUM INTO ?1", [text.as_ref()])
            .map(drop)
            .map_err(|source| Error::Store { path: path.to_owned(), source })
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

    /// Keeps the order in which a split's items are asked, by their indices in the exam: what `start` and `n` of a part
    /// count in.
    pub fn insert_order(&mut self, split: Split, order: &[usize]) -> Result<()> {
        let items: Vec<String> = order.iter().map(usize::to_string).collect();
        let sql = "INSERT OR REPLACE INTO manifest (key, value) VALUES (?1, ?2)";
        let row = params![format!("order of {split}"), format!("[{}]", items.join(","))];
        self.connection.execute(sql, row).map(drop).map_err(self.wrap())
    }

    /// The order in which a split's items were asked.
    ///
    /// # Errors
    /// A store without it.
    pub fn order(&self, split: Split) -> Result<Vec<usize>> {
        let sql = "SELECT value FROM manifest WHERE key = ?1";
        let text: String =
            self.connection.query_row(sql, [format!("order of {split}")], |row| row.get(0)).map_err(self.wrap())?;
        serde_json::from_str(&text).map_err(|e| Error::parse(&self.path, format!("order of {split}: {e}")))
    }

    /// Adds parts of trials, all or none: each the outcomes from item `start` of the split's order on. What is there
    /// already stays.
    pub fn insert(&mut self, start: usize, parts: &[Trial]) -> Result<()> {
        let wrap = self.wrap();
        let transaction = self.connection.transaction().map_err(&wrap)?;
        for part in parts {
            let outcomes = &part.outcomes;
            let flags = |flags: &[bool]| flags.iter().map(|f| u8::from(*f)).collect::<Vec<u8>>();
            let nats = |nats: &[f64]| nats.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
            let single = part.edit.as_single();
            transaction
                .execute(
                    "INSERT OR IGNORE INTO trials VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                    params![
                        part.edit.to_string(),
                        part.split.name(),
                        start,
                        outcomes.len(),
                        single.as_ref().map(|(id, _)| id.layer),
                        single.as_ref().map(|(id, _)| id.in_layer()),
                        single.as_ref().map(|(_, reduction)| reduction.to_string()),
                        part.rank,
                        outcomes.correct.iter().filter(|c| **c).count(),
                        outcomes.len() as f64 * outcomes.log_loss(),
                        flags(&outcomes.correct),
                        nats(&outcomes.logprobs),
                        nats(&outcomes.margins),
                        flags(&outcomes.ties),
                    ],
                )
                .map_err(&wrap)?;
        }
        transaction.commit().map_err(&wrap)
    }

    /// The parts of a trial there are: where each starts, and its outcomes, upwards.
    pub fn parts(&self, edit: &Edit, split: Split) -> Result<Vec<(usize, Outcomes)>> {
        let sql =
            "SELECT start, correct, ties, logprobs, margins FROM trials WHERE edit = ?1 AND split = ?2 ORDER BY start";
        let mut statement = self.connection.prepare_cached(sql).map_err(self.wrap())?;
        let read = |row: &rusqlite::Row<'_>| {
            let flags = |column| -> rusqlite::Result<Vec<bool>> {
                Ok(row.get::<_, Vec<u8>>(column)?.into_iter().map(|b| b != 0).collect())
            };
            let nats = |column| -> rusqlite::Result<Vec<f64>> {
                let bytes: Vec<u8> = row.get(column)?;
                Ok(bytes.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect())
            };
            let outcomes = Outcomes { correct: flags(1)?, ties: flags(2)?, logprobs: nats(3)?, margins: nats(4)? };
            Ok((row.get(0)?, outcomes))
        };
        let rows = statement.query_map(params![edit.to_string(), split.name()], read).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }

    /// The outcomes of an edit on a split, from its first item on without a gap.
    pub fn get(&self, edit: &Edit, split: Split) -> Result<Outcomes> {
        let mut whole = Outcomes::default();
        for (start, part) in self.parts(edit, split)? {
            if start == whole.len() {
                whole.append(&part);
            }
        }
        Ok(whole)
    }

    /// Number of parts of trials stored.
    pub fn count(&self) -> Result<usize> {
        self.connection.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).map_err(self.wrap())
    }

    /// Keeps what a screen expects of edits (`criterion`: its name; larger is better).
    pub fn insert_screen(&mut self, criterion: &str, values: &[(Edit, f64)]) -> Result<()> {
        let wrap = self.wrap();
        let transaction = self.connection.transaction().map_err(&wrap)?;
        for (edit, value) in values {
            let sql = "INSERT OR REPLACE INTO screens VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![criterion, edit.to_string(), value]).map_err(&wrap)?;
        }
        transaction.commit().map_err(&wrap)
    }

    /// What a screen expected of edits, in their short form; empty if it has not run.
    pub fn screen(&self, criterion: &str) -> Result<std::collections::BTreeMap<String, f64>> {
        let sql = "SELECT edit, value FROM screens WHERE criterion = ?1";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        let rows = statement.query_map([criterion], |row| Ok((row.get(0)?, row.get(1)?))).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }

    /// Edits of one matrix tried on all `items` of a split that count, as a report draws them: by layer, matrix, then
    /// rank. `counts`: whether the pass that begins at a place of the split's order does; a pass is of one task.
    pub fn rows(&self, split: Split, counts: impl Fn(usize) -> bool, items: usize) -> Result<Vec<TrialRow>> {
        // Parts are summed here and in order: the sum of a run gone on with is the same to the bit.
        let sql = "SELECT edit, layer, matrix, reduction, rank, right, n, loss, start FROM trials
                   WHERE split = ?1 AND layer IS NOT NULL ORDER BY layer, matrix, rank, edit, start";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        let read = |row: &rusqlite::Row<'_>| {
            let whole = TrialRow {
                edit: row.get(0)?,
                layer: row.get(1)?,
                matrix: row.get(2)?,
                reduction: row.get(3)?,
                rank: row.get(4)?,
                acc: row.get(5)?,
                log_loss: row.get(7)?,
                split,
            };
            Ok((whole, row.get::<_, usize>(6)?, row.get::<_, usize>(8)?))
        };
        let mut whole: Vec<(TrialRow, usize)> = Vec::new();
        for part in statement.query_map(params![split.name()], read).map_err(self.wrap())? {
            let (part, n, start) = part.map_err(self.wrap())?;
            if !counts(start) {
                continue;
            }
            match whole.last_mut().filter(|(row, _)| row.edit == part.edit) {
                Some((row, seen)) => {
                    row.acc += part.acc;
                    row.log_loss += part.log_loss;
                    *seen += n;
                }
                None => whole.push((part, n)),
            }
        }
        let mean = |(row, n): (TrialRow, usize)| {
            (n == items).then(|| TrialRow { acc: row.acc / n as f64, log_loss: row.log_loss / n as f64, ..row })
        };
        Ok(whole.into_iter().filter_map(mean).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::reduction::Reduction;
    use laser_model::weight_id::{WeightId, WeightKind};

    fn outcomes(correct: &[bool]) -> Outcomes {
        Outcomes {
            correct: correct.to_vec(),
            logprobs: correct.iter().map(|c| -f64::from(u8::from(*c)) - 0.25).collect(),
            margins: vec![f64::NEG_INFINITY; correct.len()],
            ties: vec![false; correct.len()],
        }
    }

    #[test]
    fn trials_grow_by_parts_and_foreign_runs_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("sub/trials.sqlite");
        let id = WeightId::new(3, WeightKind::Gate);
        let edit = Edit::single(id, "0.01".parse::<Reduction>().expect("reduction"));
        let part = |correct: &[bool]| Trial {
            edit: edit.clone(),
            rank: Some(5),
            split: Split::Search,
            outcomes: outcomes(correct),
        };
        let mut store = Store::open(&path, "a", false).expect("new store");
        store.insert(0, &[part(&[true, false])]).expect("insert");
        store.insert(3, &[part(&[true])]).expect("insert");
        assert_eq!(store.get(&edit, Split::Search).expect("get"), outcomes(&[true, false]), "a gap ends what is known");
        store.insert(0, &[part(&[false, false])]).expect("insert");
        store.insert(2, &[part(&[false])]).expect("insert");
        drop(store);
        assert!(Store::open(&path, "a", false).is_err());
        assert!(Store::open(&path, "b", true).is_err());
        let store = Store::open(&path, "a", true).expect("resume");
        let whole = store.get(&edit, Split::Search).expect("get");
        assert_eq!(whole.correct, [true, false, false, true], "what came first stays");
        assert!(store.get(&edit, Split::Validation).expect("get").is_empty());
        let rows = store.rows(Split::Search, |_| true, 4).expect("rows");
        assert_eq!((rows.len(), rows[0].acc, rows[0].rank, rows[0].layer), (1, 0.5, Some(5), 3));
        assert!(store.rows(Split::Search, |_| true, 5).expect("rows").is_empty(), "only trials of all items are drawn");
    }
}
