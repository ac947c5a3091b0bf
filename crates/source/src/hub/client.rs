//! Metadata requests of the Hub's HTTP protocol: takes names of a repository, revision and file, gives the list of
//! files, and size and entity tag of each. Contents are downloaded in `download.rs`.

use std::time::Duration;

use serde_json::Value;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::certificates;
use super::repo_kind::RepoKind;
use crate::error::SourceError;
use crate::hub_name::is_plain_path;
use crate::options::SourceOptions;

/// Time in which a connection must be made, so that a cached model does not wait long for a network that is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without a byte after which a connection counts as lost.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest number of redirects from a file's address to its bytes; the Hub uses at most two.
const REDIRECTS: usize = 5;

/// A connection pool for one endpoint and one kind of repository, with the user's token.
pub(super) struct Client {
    pub(super) agent: Agent,
    /// Address of the Hub, without a slash at its end.
    pub(super) endpoint: String,
    token: Option<String>,
    kind: RepoKind,
}

/// A repository at a revision.
pub(super) struct RepoInfo {
    /// Commit of the revision now.
    pub(super) commit: String,
    /// Paths of all files, sorted.
    pub(super) files: Vec<String>,
}

/// Address, size and entity tag of a file, as the server announces them.
pub(super) struct RemoteFile {
    /// Address of the file on the Hub.
    pub(super) url: String,
    /// Size in bytes.
    pub(super) size: u64,
    /// Entity tag without quotes: the SHA-256 of a large file, Git's object name of a small one.
    pub(super) etag: String,
}

impl Client {
    /// A client for the Hub that the options name; opens no connection yet.
    ///
    /// # Errors
    /// Certificates that cannot be read, or an access token with signs that no token has.
    pub(super) fn new(options: &SourceOptions<'_>, kind: RepoKind) -> Result<Self, SourceError> {
        let tls = TlsConfig::builder().root_certs(certificates::trusted(options)?).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The storage servers must not see the user's token.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .tls_config(tls)
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_per_read(Some(TIMEOUT))
            .user_agent(concat!("laser-rank/", env!("CARGO_PKG_VERSION")));
        // It could not stand in a request; its text is not repeated, because it is a secret.
        if options.hub_token.as_ref().is_some_and(|token| !token.chars().all(|c| c.is_ascii_graphic())) {
            return Err(SourceError::Token);
        }
        let endpoint = options.hub_endpoint.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.build().into(), endpoint, token: options.hub_token.clone(), kind })
    }

    /// Commit and file names of `repo` at `revision`.
    pub(super) fn info(&self, repo: &str, revision: &str) -> Result<RepoInfo, SourceError> {
        // A revision is one path segment, even `refs/pr/1`.
        let revision = escape(revision).replace('/', "%2F");
        let url = format!("{}/api/{}/{}/revision/{revision}", self.endpoint, self.kind.plural(), escape(repo));
        let mut answer = self.authorized(self.agent.get(&url)).call().map_err(|e| network(&url, &e))?;
        self.check_status(&url, &answer)?;
        let protocol = |reason: String| SourceError::Protocol { url: url.clone(), reason };
        let body = answer.body_mut().read_to_vec().map_err(|e| network(&url, &e))?;
        let json: Value = serde_json::from_slice(&body).map_err(|e| protocol(e.to_string()))?;
        // The commit becomes the name of a folder.
        let commit = json["sha"].as_str().filter(|sha| is_plain_path(sha) && !sha.contains('/'));
        let commit = commit.ok_or_else(|| protocol("no commit under \"sha\"".to_owned()))?;
        let list = json["siblings"].as_array().ok_or_else(|| protocol("no list under \"siblings\"".to_owned()))?;
        let mut files: Vec<String> = list
            .iter()
            .filter_map(|sibling| sibling["rfilename"].as_str())
            // Files with other names belong to no model or data set, and could be written outside the cache folder.
            .filter(|name| is_plain_path(name))
            .map(str::to_owned)
            .collect();
        files.sort();
        Ok(RepoInfo { commit: commit.to_owned(), files })
    }

    /// Address of a file of `repo` at a commit.
    pub(super) fn file_url(&self, repo: &str, commit: &str, file: &str) -> String {
        format!("{}/{}{}/resolve/{commit}/{}", self.endpoint, self.kind.url_prefix(), escape(repo), escape(file))
    }

    /// Requests size and entity tag of a file.
    ///
    /// The Hub announces both in its redirect to the storage server, whose own headers have other meanings. So
    /// redirects are followed here, one by one, and only until an answer has both.
    pub(super) fn file(&self, repo: &str, commit: &str, file: &str) -> Result<RemoteFile, SourceError> {
        let url = self.file_url(repo, commit, file);
        let mut at = url.clone();
        for _ in 0..REDIRECTS {
            let request = self.agent.head(&at).config().max_redirects(0).max_redirects_will_error(false).build();
            let request = if origin(&at) == origin(&url) { self.authorized(request) } else { request };
            // A compressed answer would announce the compressed size.
            let answer = request.header(header::ACCEPT_ENCODING, "identity").call().map_err(|e| network(&at, &e))?;
            let linked = header_text(&answer, "x-linked-etag").is_some();
            match header_text(&answer, "location") {
                Some(location) if answer.status().is_redirection() && !linked => {
                    at = if location.starts_with('/') {
                        format!("{}{location}", origin(&at))
                    } else {
                        location.to_owned()
                    };
                }
                _ => {
                    if !linked {
                        self.check_status(&url, &answer)?;
                    }
                    return remote_file(url, &answer);
                }
            }
        }
        Err(SourceError::Protocol { url, reason: format!("more than {REDIRECTS} redirects") })
    }

    /// Adds the user's token to a request.
    pub(super) fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Turns an HTTP status other than success into an error with the status's meaning on the Hub.
    pub(super) fn check_status(&self, url: &str, answer: &Response<Body>) -> Result<(), SourceError> {
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let hint = match (status, header_text(answer, "x-error-code")) {
            (_, Some("GatedRepo")) => {
                "the repository is gated: accept its terms on its page, then give a token (HF_TOKEN)"
            }
            (_, Some("RevisionNotFound")) => "no such branch, tag or commit",
            (_, Some("EntryNotFound")) => "no such file in the repository",
            // Without a token the Hub answers alike for private and absent repositories.
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

/// Reads size and entity tag from the headers of an answer to HEAD.
fn remote_file(url: String, answer: &Response<Body>) -> Result<RemoteFile, SourceError> {
    let size = header_text(answer, "x-linked-size").or_else(|| header_text(answer, "content-length"));
    let etag = header_text(answer, "x-linked-etag").or_else(|| header_text(answer, "etag"));
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    let protocol = |reason: &str| SourceError::Protocol { url: url.clone(), reason: reason.to_owned() };
    Ok(RemoteFile {
        size: size.and_then(|size| size.parse().ok()).ok_or_else(|| protocol("no size in the headers"))?,
        etag: etag
            // The tag becomes a file name in the cache.
            .filter(|etag| is_plain_path(etag) && !etag.contains('/'))
            .ok_or_else(|| protocol("no usable entity tag in the headers"))?
            .to_owned(),
        url,
    })
}

/// Value of a header, if it is text.
pub(super) fn header_text<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Scheme, host and port of an address.
pub(super) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |at| &url[..host + at])
}

/// Percent-encodes a path, without its slashes.
pub(super) fn escape(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A connection that failed.
pub(super) fn network(url: &str, error: &ureq::Error) -> SourceError {
    let mut reason = error.to_string();
    if reason.contains("certificate") {
        reason += " (a network with a certificate authority of its own needs that named, usually by SSL_CERT_FILE)";
    }
    SourceError::Network { url: url.to_owned(), reason }
}
