//! Requests that write: takes an address and contents, gives the answer as JSON, or the server's reason for refusing.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Response, header};
use ureq::{Body, RequestBuilder};

use crate::error::SourceError;
use crate::hub::client::{Client, escape, header_text, network, origin};

/// Time in which a server must begin to answer: it checks and stores what it was sent first.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Longest reason of a server that an error repeats, in characters.
const LONGEST_REASON: usize = 200;

/// A client and the repository that it writes to.
pub(super) struct Writer<'a> {
    pub(super) client: &'a Client,
    /// `ORG/NAME`.
    pub(super) repo: &'a str,
}

impl Writer<'_> {
    /// Address of the repository in the Hub's API, followed by `rest`.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("{}/api/models/{}{rest}", self.client.endpoint, escape(self.repo))
    }

    /// Requests JSON from an address of the Hub.
    pub(super) fn get(&self, url: &str) -> Result<Value, SourceError> {
        let answer = self.client.authorized(self.client.agent.get(url)).call().map_err(|e| network(url, &e))?;
        json(url, self.accepted(url, answer)?)
    }

    /// Sends contents of some kind, and gives the answer as JSON, `null` if it is empty.
    pub(super) fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<Value, SourceError> {
        let request = self.patient(self.client.agent.post(url)).header(header::CONTENT_TYPE, kind);
        // Git LFS wants its own kind of answer; elsewhere the Hub answers with JSON whatever is accepted.
        let request = if kind == super::JSON { request } else { request.header(header::ACCEPT, kind) };
        let answer = self.with_token(url, request).send(body).map_err(|e| network(shown(url), &e))?;
        json(shown(url), self.accepted(url, answer)?)
    }

    /// A request whose answer may take long.
    pub(super) fn patient<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        request.config().timeout_recv_response(Some(TIMEOUT)).build()
    }

    /// Adds the user's token to a request to the Hub itself; storage servers must not see it.
    pub(super) fn with_token<B>(&self, url: &str, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let is_hub = origin(url) == origin(&self.client.endpoint);
        if is_hub { self.client.authorized(request) } else { request }
    }

    /// Turns an answer other than success into an error with the server's reason.
    pub(super) fn accepted(&self, url: &str, mut answer: Response<Body>) -> Result<Response<Body>, SourceError> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let repo = self.repo;
        let advice = match status {
            401 => "the access token is not accepted: log in with `hf auth login`, or set HF_TOKEN".to_owned(),
            403 => format!(
                "the access token may not write to {repo}: it needs permission to write there, as a token of the owner or of a \
                 member of the organisation"
            ),
            404 => format!("there is no such address for {repo}"),
            429 => "too many requests: wait, then run the same command again".to_owned(),
            500.. => "the server failed; the same command may be run again".to_owned(),
            _ => "the server refuses".to_owned(),
        };
        let hint = match reason(&mut answer) {
            Some(reason) => format!("{advice} (the server says: {reason})"),
            None => advice,
        };
        Err(SourceError::Http { url: shown(url).to_owned(), status, hint })
    }
}

/// An address as errors show it: without its query, which may hold the signature of a storage server.
pub(super) fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// The server's own words about a refusal, on one line.
fn reason(answer: &mut Response<Body>) -> Option<String> {
    let header = header_text(answer, "x-error-message").map(str::to_owned);
    let text = header.or_else(|| {
        let body = answer.body_mut().read_to_vec().ok()?;
        let json: Value = serde_json::from_slice(&body).ok()?;
        Some(json["error"].as_str().or(json["message"].as_str())?.to_owned())
    })?;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_REASON).collect();
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    Some(line).filter(|line| !line.is_empty())
}

fn json(url: &str, mut answer: Response<Body>) -> Result<Value, SourceError> {
    let body = answer.body_mut().read_to_vec().map_err(|e| network(url, &e))?;
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|e| SourceError::Protocol { url: url.to_owned(), reason: e.to_string() })
}
