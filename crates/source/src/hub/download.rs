//! Resumable download: takes a file's address, size and entity tag, gives its checked contents as a blob of the cache.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use ureq::http::header;

use super::client::{Client, RemoteFile, header_text};
use crate::digest::sha256_file;
use crate::error::SourceError;

/// Largest number of attempts for one file.
const ATTEMPTS: u32 = 4;
/// Pause after the first failed attempt; it doubles after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Failure of one attempt at a download.
enum AttemptError {
    /// The connection failed; another attempt may continue from the bytes on disk.
    Connection(String),
    /// Another attempt would fail in the same way.
    Fatal(SourceError),
}

impl Client {
    /// Downloads `remote` to the file `blob`, and checks its size and, if the entity tag is one, its SHA-256.
    ///
    /// Does nothing if `blob` exists. An interrupted download continues from the partial file: `blob` with
    /// `.incomplete` appended, locked while it is written, and renamed to `blob` after the checks. `report` is called
    /// with the number of bytes on disk.
    pub(super) fn download(&self, remote: &RemoteFile, blob: &Path, report: &dyn Fn(u64)) -> Result<(), SourceError> {
        if blob.is_file() {
            return Ok(());
        }
        let mut partial = blob.as_os_str().to_owned();
        partial.push(".incomplete");
        let partial = Path::new(&partial);
        let io = |e| SourceError::io(partial, e);
        let folder = partial.parent().expect("a blob has a parent because it was joined to its folder");
        std::fs::create_dir_all(folder).map_err(|e| SourceError::io(folder, e))?;
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(partial).map_err(io)?;
        file.lock().map_err(io)?;
        // Another process may have finished the same file while this one waited for the lock.
        if blob.is_file() {
            return Ok(());
        }
        let mut attempt = 0;
        while let Err(error) = self.append_missing(&mut file, partial, remote, report) {
            attempt += 1;
            match error {
                AttemptError::Fatal(error) => return Err(error),
                AttemptError::Connection(reason) if attempt == ATTEMPTS => {
                    return Err(SourceError::Network { url: remote.url.clone(), reason });
                }
                AttemptError::Connection(_) => std::thread::sleep(FIRST_PAUSE * (1 << (attempt - 1))),
            }
        }
        file.sync_all().map_err(io)?;
        if is_sha256(&remote.etag) {
            let found = sha256_file(partial)?;
            if found != remote.etag {
                // The wrong bytes must not be resumed.
                std::fs::remove_file(partial).map_err(io)?;
                return Err(mismatch(remote, "sha256", &remote.etag, found));
            }
        }
        std::fs::rename(partial, blob).map_err(|e| SourceError::io(blob, e))
    }

    /// One attempt: requests the bytes that `file` (at `path`) lacks, and appends them.
    fn append_missing(
        &self,
        file: &mut File,
        path: &Path,
        remote: &RemoteFile,
        report: &dyn Fn(u64),
    ) -> Result<(), AttemptError> {
        let io = |e| AttemptError::Fatal(SourceError::io(path, e));
        let mut done = file.seek(SeekFrom::End(0)).map_err(io)?;
        if done == remote.size {
            return Ok(());
        }
        let resuming = done > 0 && done < remote.size;
        let mut request = self.authorized(self.agent.get(&remote.url)).header(header::ACCEPT_ENCODING, "identity");
        if resuming {
            request = request.header(header::RANGE, format!("bytes={done}-"));
        }
        let mut answer = request.call().map_err(|e| AttemptError::Connection(e.to_string()))?;
        if answer.status().is_server_error() {
            return Err(AttemptError::Connection(format!("HTTP status {}", answer.status().as_u16())));
        }
        self.check_status(&remote.url, &answer).map_err(AttemptError::Fatal)?;
        let start = format!("bytes {done}-");
        if !(resuming && header_text(&answer, "content-range").is_some_and(|range| range.starts_with(&start))) {
            // The server ignored the range and sends the whole file, so the bytes on disk must go.
            done = 0;
            file.set_len(0).map_err(io)?;
            file.rewind().map_err(io)?;
        }
        report(done);
        let mut body = answer.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 17];
        loop {
            let n = body.read(&mut buffer).map_err(|e| AttemptError::Connection(e.to_string()))?;
            if n == 0 {
                break;
            }
            done += n as u64;
            // Checked while reading: a server must not fill the disk.
            if done > remote.size {
                file.set_len(0).map_err(io)?;
                let found = format!("at least {done}");
                return Err(AttemptError::Fatal(mismatch(remote, "size", &remote.size.to_string(), found)));
            }
            file.write_all(&buffer[..n]).map_err(io)?;
            report(done);
        }
        if done < remote.size {
            let reason = format!("connection closed after {done} of {} bytes", remote.size);
            return Err(AttemptError::Connection(reason));
        }
        Ok(())
    }
}

/// Whether an entity tag has the form of a SHA-256; tags of small files are Git's 40-digit object names.
fn is_sha256(etag: &str) -> bool {
    etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn mismatch(remote: &RemoteFile, what: &'static str, expected: &str, found: String) -> SourceError {
    SourceError::Mismatch { file: remote.url.clone(), what, expected: expected.to_owned(), found }
}
