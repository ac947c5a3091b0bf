//! Claims: files that say which member of a team computes a part, on a file system that all members see.
//!
//! A claim is a file that is created only if there is none. As long as its member lives, a thread writes to it from time to
//! time; a claim that was not written for the length of a lease is that of a dead member, and whoever renames it first may
//! claim the part anew. Times are those that the file system gives to files, never those of the members' clocks.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};

/// Number of times that a claim is written to within a lease.
const WRITES_A_LEASE: u32 = 5;

/// The claims of one member.
#[derive(Debug)]
pub(super) struct Claims {
    name: String,
    lease: Duration,
    held: Arc<Held>,
    heartbeat: Option<JoinHandle<()>>,
}

/// Claims that the heartbeat keeps alive.
#[derive(Debug, Default)]
struct Held {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeSet<PathBuf>,
    ended: bool,
}

impl Claims {
    /// No claims yet, of the member of this name.
    pub(super) fn new(name: &str, lease: Duration) -> Self {
        let held = Arc::new(Held::default());
        let heartbeat = {
            let (held, name) = (Arc::clone(&held), name.to_owned());
            std::thread::spawn(move || held.keep_alive(&name, lease / WRITES_A_LEASE))
        };
        Self { name: name.to_owned(), lease, held, heartbeat: Some(heartbeat) }
    }

    /// Claims a part by its claim file; false if a living member has it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn claim(&self, file: &Path) -> Result<bool> {
        if self.create(file)? {
            return Ok(true);
        }
        if !self.is_abandoned(file)? {
            return Ok(false);
        }
        let aside = file.with_extension(format!("{}.abandoned", self.name));
        match std::fs::rename(file, &aside) {
            Ok(()) => {
                let _ = std::fs::remove_file(&aside); // a leftover harms nobody
                self.create(file)
            }
            // Another member was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(file)(error)),
        }
    }

    /// Gives a claim back.
    pub(super) fn release(&self, file: &Path) {
        self.held.lock().files.remove(file);
        let _ = std::fs::remove_file(file); // it would run out anyway
    }

    fn create(&self, file: &Path) -> Result<bool> {
        match File::options().write(true).create_new(true).open(file) {
            Ok(mut created) => {
                created.write_all(self.name.as_bytes()).map_err(Error::io(file))?;
                self.held.lock().files.insert(file.to_owned());
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::io(file)(error)),
        }
    }

    /// True if nobody has written to a claim for the length of a lease.
    fn is_abandoned(&self, file: &Path) -> Result<bool> {
        let Some(written) = modified(file)? else { return Ok(false) };
        // A new file has the file system's time of now.
        let folder = file.parent().unwrap_or(Path::new("."));
        let probe = tempfile::Builder::new().prefix(".now-").tempfile_in(folder).map_err(Error::io(folder))?;
        let now = probe.as_file().metadata().and_then(|probe| probe.modified()).map_err(Error::io(folder))?;
        Ok(now.duration_since(written).is_ok_and(|age| age > self.lease))
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut state = self.held.lock();
        state.ended = true;
        let files = std::mem::take(&mut state.files);
        drop(state);
        self.held.changed.notify_all();
        if let Some(heartbeat) = self.heartbeat.take() {
            let _ = heartbeat.join();
        }
        for file in files {
            let _ = std::fs::remove_file(file); // it would run out anyway
        }
    }
}

impl Held {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to every claim, again and again until the member ends.
    fn keep_alive(&self, name: &str, pause: Duration) {
        let mut state = self.lock();
        while !state.ended {
            for file in &state.files {
                // Opened without `create`: a claim that another member took over stays gone.
                let _ = File::options().write(true).open(file).and_then(|mut file| file.write_all(name.as_bytes()));
            }
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Time of the last change of a file; `None` if there is none.
fn modified(file: &Path) -> Result<Option<SystemTime>> {
    match std::fs::metadata(file).and_then(|file| file.modified()) {
        Ok(time) => Ok(Some(time)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(file)(error)),
    }
}
