//! Teams: several processes, on one machine or many, that share the work of one search through its run folder.
//!
//! There is no server. Every worker runs the same search and takes the same decisions, because all of them come from the
//! same outcomes. What takes time is divided into parts (`SharedWork`): each worker claims parts that nobody has, computes
//! them, and writes their results, which all others read instead of computing them. A part's result is the same to the bit,
//! whoever computes it, so that a part that is computed twice does no harm; a worker that dies loses only its claims, which
//! others take over when its lease has run out (`team/claims.rs`).

mod claims;
mod gathered;
mod part_files;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::claims::Claims;
pub(crate) use self::gathered::GatheredWork;
use self::gathered::Gathering;
use self::part_files::PartFiles;
use crate::error::{Error, Result};
use laser_model::parallel::Observer;

/// Name of the folder of a team in its run folder.
const FOLDER: &str = "team";
/// Shortest and longest wait before a worker without work looks for results again.
const WAITS: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// A member of a team, as it joins.
#[derive(Debug, Clone)]
pub struct Member {
    /// Name in claims, such as `node3-4711`; no two members have the same.
    pub name: String,
    /// Number of members that are expected. It decides only how many parts a member takes at once.
    pub expected: usize,
    /// Time after which the claim of a member that shows no sign of life is free again.
    pub lease: Duration,
    /// Set from outside when the member is to take no further parts; it ends with [`Error::Interrupted`] after those it has.
    pub closing: Arc<AtomicBool>,
}

/// Work of a member for its team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contribution {
    /// Number of parts that it computed.
    pub parts: usize,
    /// Time that it waited for parts of others.
    pub waited: Duration,
}

/// The processes that share one search, as one of them sees it.
#[derive(Debug)]
pub struct Team {
    shared: Option<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    results: PathBuf,
    member: Member,
    claims: Claims,
    contribution: Mutex<Contribution>,
}

/// Work in numbered parts that can be computed one by one, in any order and by any process.
pub(crate) trait SharedWork {
    /// Result of a part, as the other members read it.
    type Part: Serialize + DeserializeOwned;

    /// Tells everything that the results depend on and that differs between two works of one search.
    fn name(&self) -> String;

    /// Number of parts.
    fn parts(&self) -> usize;

    /// Number of parts that a member takes at once while `open` are not done: many while many are, and at last one by one, so
    /// that all members end together.
    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        (open / (2 * members)).max(1)
    }

    /// Computes some parts and keeps their results.
    fn compute(&mut self, parts: &[usize]) -> Result<()>;

    /// Result of a part that this process computed.
    fn result(&self, part: usize) -> Result<Self::Part>;

    /// Takes over the result of a part that another process computed.
    fn receive(&mut self, part: usize, result: Self::Part) -> Result<()>;
}

impl Team {
    /// A process that computes everything itself.
    pub const ALONE: Self = Self { shared: None };

    /// Joins the team of a run folder, or begins it. `results`: a file that is there once the search is done.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn join(run: &Path, results: PathBuf, member: Member) -> Result<Self> {
        let folder = run.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|e| Error::unwritable("out", run, &e))?;
        let claims = Claims::new(&member.name, member.lease);
        Ok(Self { shared: Some(Shared { folder, results, member, claims, contribution: Mutex::default() }) })
    }

    /// True if a run folder is that of a team.
    pub fn is_of(run: &Path) -> bool {
        run.join(FOLDER).is_dir()
    }

    /// Removes what the members told one another. Only for a team whose members have ended.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn remove(run: &Path) -> Result<()> {
        let folder = run.join(FOLDER);
        if folder.exists() { std::fs::remove_dir_all(&folder).map_err(Error::io(&folder)) } else { Ok(()) }
    }

    /// What this process did until now; nothing, if it is alone.
    pub fn contribution(&self) -> Contribution {
        self.shared.as_ref().map_or_else(Contribution::default, |shared| *shared.contribution())
    }

    /// True if other processes may take parts.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Tells the other members a text, unless one of them has told it already; returns what was told first.
    ///
    /// # Errors
    /// A file that cannot be written or read.
    pub(crate) fn tell_first(&self, name: &str, text: &str) -> Result<String> {
        let Some(shared) = &self.shared else { return Ok(text.to_owned()) };
        let files = PartFiles::open(&shared.folder, name)?;
        // Of two that write at once the later one stays, and both read it.
        if !files.has(0) {
            files.write(0, &text)?;
        }
        Ok(files.read(0)?.unwrap_or_else(|| text.to_owned()))
    }

    /// Has every part of `work` computed, by this process or another; afterwards `work` has all results.
    ///
    /// # Errors
    /// Those of the work; a part's file that cannot be written or read; [`Error::Interrupted`].
    pub(crate) fn share<W: SharedWork>(&self, work: &mut W, observer: &dyn Observer) -> Result<()> {
        match &self.shared {
            Some(shared) => shared.share(work, observer),
            None => work.compute(&(0..work.parts()).collect::<Vec<_>>()),
        }
    }

    /// Results of every part of `work`, in the order of the parts, computed by this process or another.
    ///
    /// # Errors
    /// Those of [`Team::share`].
    pub(crate) fn gather<W: GatheredWork>(&self, work: &W, observer: &dyn Observer) -> Result<Vec<W::Part>> {
        let mut gathering = Gathering::new(work);
        self.share(&mut gathering, observer)?;
        Ok(gathering.results())
    }

    /// True for the one process that does what is left after the shared work; alone it always is. Others wait until
    /// its results are there, and take over if that process dies.
    ///
    /// # Errors
    /// A folder that cannot be written; [`Error::Interrupted`].
    pub(crate) fn finishes(&self, observer: &dyn Observer) -> Result<bool> {
        let Some(shared) = &self.shared else { return Ok(true) };
        let files = PartFiles::open(&shared.folder, "what is left after the shared work")?;
        let is_done = || shared.results.exists();
        let mut wait = WAITS[0];
        loop {
            if is_done() {
                return Ok(false);
            }
            shared.check_open(observer)?;
            if shared.claims.claim(&files.claim(0))? {
                // The claim is kept until the process ends: nobody else may begin in between.
                return Ok(!is_done());
            }
            shared.pause(&mut wait);
        }
    }
}

impl Shared {
    fn share<W: SharedWork>(&self, work: &mut W, observer: &dyn Observer) -> Result<()> {
        let files = PartFiles::open(&self.folder, &work.name())?;
        let mut open: Vec<usize> = (0..work.parts()).collect();
        let mut wait = WAITS[0];
        loop {
            let mut left = Vec::new();
            for part in open {
                match files.read(part)? {
                    Some(result) => work.receive(part, result)?,
                    None => left.push(part),
                }
            }
            open = left;
            if open.is_empty() {
                return Ok(());
            }
            self.check_open(observer)?;
            let mine = self.take(&files, &open, work.parts_at_once(open.len(), self.member.expected.max(1)))?;
            if mine.is_empty() {
                self.pause(&mut wait);
                continue;
            }
            wait = WAITS[0];
            let computed = work
                .compute(&mine)
                .and_then(|()| mine.iter().try_for_each(|part| files.write(*part, &work.result(*part)?)));
            // Also after a failure, so that another member can try at once.
            mine.iter().for_each(|part| self.claims.release(&files.claim(*part)));
            computed?;
            self.contribution().parts += mine.len();
            open.retain(|part| !mine.contains(part));
        }
    }

    /// Claims some of the open parts, at most `most`.
    fn take(&self, files: &PartFiles, open: &[usize], most: usize) -> Result<Vec<usize>> {
        let mut mine = Vec::new();
        for part in open {
            if mine.len() == most {
                break;
            }
            if !self.claims.claim(&files.claim(*part))? {
                continue;
            }
            // Its result may have come since it was looked for.
            if files.has(*part) { self.claims.release(&files.claim(*part)) } else { mine.push(*part) }
        }
        Ok(mine)
    }

    fn contribution(&self) -> MutexGuard<'_, Contribution> {
        self.contribution.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, longer each time.
    fn pause(&self, wait: &mut Duration) {
        std::thread::sleep(*wait);
        self.contribution().waited += *wait;
        *wait = (*wait * 3 / 2).min(WAITS[1]);
    }

    fn check_open(&self, observer: &dyn Observer) -> Result<()> {
        match observer.stopped() || self.member.closing.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
