//! The Hub's HTTP protocol: repository information, a file's size and entity tag, and resumable download.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::super::sha256_file;
use super::kind::Kind;
use super::{SourceError, is_plain_path};

/// Without a byte for this long, a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(60);
/// How often one file is taken up again where it broke off.
const ATTEMPTS: u32 = 4;
/// First pause between attempts; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// Hops from a file's address to its bytes; the Hub uses at most two.
const REDIRECTS: usize = 5;

/// A connection pool for one endpoint and one kind of repository, with the user's token.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    kind: Kind,
}

/// A repository at a revision.
pub(super) struct Info {
    /// The commit the revision names now.
    pub(super) commit: String,
    /// Paths of all files, sorted.
    pub(super) files: Vec<String>,
}

/// A file's address, and what the server says its bytes are.
pub(super) struct RemoteFile {
    url: String,
    /// Size in bytes.
    pub(super) size: u64,
    /// Entity tag without quotes: the SHA-256 for large files, else Git's object name.
    pub(super) etag: String,
}

/// How one attempt at a download ended short of success.
enum Broken {
    /// Worth another attempt from where it stopped.
    Connection(String),
    /// The same would happen again.
    For(SourceError),
}

impl Client {
    pub(super) fn new(endpoint: &str, token: Option<String>, kind: Kind) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("laser-rank/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().into(), endpoint: endpoint.trim_end_matches('/').to_owned(), token, kind }
    }

    /// What `revision` of `repo` is, and its files.
    pub(super) fn info(&self, repo: &str, revision: &str) -> Result<Info, SourceError> {
        // A revision is one path segment, even `refs/pr/1`.
        let revision = escape(revision).replace('/', "%2F");
        let url = format!("{}/api/{}/{}/revision/{revision}", self.endpoint, self.kind.plural(), escape(repo));
        let mut answer = self.authorized(self.agent.get(&url)).call().map_err(|e| network(&url, &e))?;
        self.check(&url, &answer)?;
        let protocol = |reason: String| SourceError::Protocol { url: url.clone(), reason };
        let body = answer.body_mut().read_to_vec().map_err(|e| network(&url, &e))?;
        let json: Value = serde_json::from_slice(&body).map_err(|e| protocol(e.to_string()))?;
        let commit = json["sha"].as_str().filter(|sha| is_plain_path(sha) && !sha.contains('/'));
        let commit = commit.ok_or_else(|| protocol("no commit under \"sha\"".to_owned()))?;
        let list = json["siblings"].as_array().ok_or_else(|| protocol("no list under \"siblings\"".to_owned()))?;
        let mut files: Vec<String> = list
            .iter()
            .filter_map(|sibling| sibling["rfilename"].as_str())
            // Odd names are part of no model or data set, and could leave the cache folder.
            .filter(|name| is_plain_path(name))
            .map(str::to_owned)
            .collect();
        files.sort();
        Ok(Info { commit: commit.to_owned(), files })
    }

    pub(super) fn file_url(&self, repo: &str, commit: &str, file: &str) -> String {
        format!("{}/{}{}/resolve/{commit}/{}", self.endpoint, self.kind.prefix(), escape(repo), escape(file))
    }

    /// Asks for a file's size and entity tag.
    ///
    /// The Hub announces both on its redirect to the storage server, whose own headers mean other things, so
    /// redirects are followed by hand and only until an answer has them.
    pub(super) fn file(&self, repo: &str, commit: &str, file: &str) -> Result<RemoteFile, SourceError> {
        let url = self.file_url(repo, commit, file);
        let mut at = url.clone();
        for _ in 0..REDIRECTS {
            let request = self.agent.head(&at).config().max_redirects(0).max_redirects_will_error(false).build();
            let request = if origin(&at) == origin(&url) { self.authorized(request) } else { request };
            // Compressed answers would announce the compressed size.
            let answer = request.header(header::ACCEPT_ENCODING, "identity").call().map_err(|e| network(&at, &e))?;
            let linked = text(&answer, "x-linked-etag").is_some();
            match text(&answer, "location") {
                Some(location) if answer.status().is_redirection() && !linked => {
                    at = if location.starts_with('/') {
                        format!("{}{location}", origin(&at))
                    } else {
                        location.to_owned()
                    };
                }
                _ => {
                    if !linked {
                        self.check(&url, &answer)?;
                    }
                    return described(url, &answer);
                }
            }
        }
        Err(SourceError::Protocol { url, reason: format!("more than {REDIRECTS} redirects") })
    }

    /// Brings `remote` to the file `blob`, resuming a partial one, and checks size and (where announced) SHA-256.
    ///
    /// The partial file is `blob` with `.incomplete` appended, locked while it is written.
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
        while let Err(broken) = self.continue_into(&mut file, partial, remote, report) {
            attempt += 1;
            match broken {
                Broken::For(error) => return Err(error),
                Broken::Connection(reason) if attempt == ATTEMPTS => {
                    return Err(SourceError::Network { url: remote.url.clone(), reason });
                }
                Broken::Connection(_) => std::thread::sleep(PAUSE * (1 << (attempt - 1))),
            }
        }
        file.sync_all().map_err(io)?;
        if is_sha256(&remote.etag) {
            let found = sha256_file(partial)?;
            if found != remote.etag {
                // Resuming wrong bytes would only repeat the error.
                std::fs::remove_file(partial).map_err(io)?;
                return Err(mismatch(remote, "sha256", &remote.etag, found));
            }
        }
        std::fs::rename(partial, blob).map_err(|e| SourceError::io(blob, e))
    }

    /// One attempt: asks for the bytes that `file` lacks and appends them.
    fn continue_into(
        &self,
        file: &mut File,
        path: &Path,
        remote: &RemoteFile,
        report: &dyn Fn(u64),
    ) -> Result<(), Broken> {
        let io = |e| Broken::For(SourceError::io(path, e));
        let mut done = file.seek(SeekFrom::End(0)).map_err(io)?;
        if done == remote.size {
            return Ok(());
        }
        let resuming = done > 0 && done < remote.size;
        let mut request = self.authorized(self.agent.get(&remote.url)).header(header::ACCEPT_ENCODING, "identity");
        if resuming {
            request = request.header(header::RANGE, format!("bytes={done}-"));
        }
        let mut answer = request.call().map_err(|e| Broken::Connection(e.to_string()))?;
        if answer.status().is_server_error() {
            return Err(Broken::Connection(format!("HTTP status {}", answer.status().as_u16())));
        }
        self.check(&remote.url, &answer).map_err(Broken::For)?;
        let start = format!("bytes {done}-");
        if !(resuming && text(&answer, "content-range").is_some_and(|range| range.starts_with(&start))) {
            // The whole file comes, so what is there already would be doubled.
            done = 0;
            file.set_len(0).map_err(io)?;
            file.rewind().map_err(io)?;
        }
        report(done);
        let mut body = answer.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 17];
        loop {
            let n = body.read(&mut buffer).map_err(|e| Broken::Connection(e.to_string()))?;
            if n == 0 {
                break;
            }
            done += n as u64;
            if done > remote.size {
                file.set_len(0).map_err(io)?;
                let found = format!("at least {done}");
                return Err(Broken::For(mismatch(remote, "size", &remote.size.to_string(), found)));
            }
            file.write_all(&buffer[..n]).map_err(io)?;
            report(done);
        }
        if done < remote.size {
            return Err(Broken::Connection(format!("connection closed after {done} of {} bytes", remote.size)));
        }
        Ok(())
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Turns a status that is no success into an error that says what it means on the Hub.
    fn check(&self, url: &str, answer: &Response<Body>) -> Result<(), SourceError> {
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let hint = match (status, text(answer, "x-error-code")) {
            (_, Some("GatedRepo")) => {
                "the repository is gated: accept its terms on its page, then give a token (HF_TOKEN)"
            }
            (_, Some("RevisionNotFound")) => "no such branch, tag or commit",
            (_, Some("EntryNotFound")) => "no such file in the repository",
            (401 | 403, _) if self.token.is_none() => {
                "the repository is private, gated or does not exist: check the name, or give a token (HF_TOKEN)"
            }
            (401 | 403, _) => "the token is not accepted, or gives no access to this repository",
            (404, _) => "no such repository, revision or file",
            (429, _) => "too many requests: wait, or give a token (HF_TOKEN)",
            _ => "the server could not answer",
        };
        Err(SourceError::Http { url: url.to_owned(), status, hint: hint.to_owned() })
    }
}

/// Reads size and entity tag from the headers of a HEAD answer.
fn described(url: String, answer: &Response<Body>) -> Result<RemoteFile, SourceError> {
    let size = text(answer, "x-linked-size").or_else(|| text(answer, "content-length"));
    let etag = text(answer, "x-linked-etag").or_else(|| text(answer, "etag"));
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    let protocol = |reason: &str| SourceError::Protocol { url: url.clone(), reason: reason.to_owned() };
    Ok(RemoteFile {
        size: size.and_then(|size| size.parse().ok()).ok_or_else(|| protocol("no size in the headers"))?,
        // It becomes a file name.
        etag: etag
            .filter(|etag| is_plain_path(etag) && !etag.contains('/'))
            .ok_or_else(|| protocol("no usable entity tag in the headers"))?
            .to_owned(),
        url,
    })
}

fn text<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |at| &url[..host + at])
}

/// Percent-encodes a path; slashes stay.
fn escape(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn is_sha256(etag: &str) -> bool {
    etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn network(url: &str, error: &ureq::Error) -> SourceError {
    SourceError::Network { url: url.to_owned(), reason: error.to_string() }
}

fn mismatch(remote: &RemoteFile, what: &'static str, expected: &str, found: String) -> SourceError {
    SourceError::Mismatch { file: remote.url.clone(), what, expected: expected.to_owned(), found }
}
