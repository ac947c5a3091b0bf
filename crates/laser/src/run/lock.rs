//! Lock of a run folder: one process at a time writes into it.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Name of the lock's file. It stays in the folder: to remove it while another process opens it would let two in.
const LOCK: &str = ".laser.lock";

/// Locks a folder until the file returned is closed, which the system does for a process that ends in any way. The file has
/// the process's number, for the error that another one gets.
///
/// # Errors
/// A folder that another process has locked, or in which no file can be written. A file system without locks is no error.
pub(super) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|e| Error::unwritable("out", folder, &e))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        let mut holder = String::new();
        // Only a detail of the message.
        let _ = (&mut file).take(20).read_to_string(&mut holder);
        let holder =
            if holder.is_empty() { "another process".to_owned() } else { format!("process {}", holder.trim()) };
        let problem = format!("{holder} runs in this folder: wait for it, or use another folder");
        return Err(Error::Run { path: folder.to_owned(), problem });
    }
    // What the file says only helps to find the process.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_process_at_a_time() {
        let folder = tempfile::tempdir().expect("folder");
        let held = lock(folder.path()).expect("free");
        let error = lock(folder.path()).expect_err("held").to_string();
        assert!(error.contains(&format!("process {} runs in this folder", std::process::id())), "{error}");
        drop(held);
        lock(folder.path()).expect("free again");
    }
}
