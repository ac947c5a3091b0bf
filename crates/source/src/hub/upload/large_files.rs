//! Large files, by the batch protocol of Git LFS: asks where each is to be sent, sends it whole or in parts, and has it
//! verified. A file that the Hub has already is not sent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::header;
use ureq::{RequestBuilder, SendBody};

use super::writer::{Writer, shown};
use crate::error::SourceError;
use crate::hub::DEFAULT_REVISION;
use crate::hub::client::{escape, header_text};
use crate::upload::FileToUpload;

/// Kind of the requests and answers of Git LFS.
const LFS: &str = "application/vnd.git-lfs+json";
/// Number of files that are asked for at once.
const BATCH: usize = 100;
/// Largest number of attempts to send one file or part.
const ATTEMPTS: u32 = 4;
/// Pause after the first failed attempt; it doubles after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Sends the files that the Hub lacks. `on_sent` is called with name, bytes sent, and size.
pub(super) fn send(
    writer: &Writer<'_>,
    files: &[&FileToUpload],
    on_sent: &dyn Fn(&str, u64, u64),
) -> Result<(), SourceError> {
    let url = format!("{}/{}.git/info/lfs/objects/batch", writer.client.endpoint, escape(writer.repo));
    for batch in files.chunks(BATCH) {
        let objects: Vec<Value> = batch.iter().map(|file| json!({"oid": file.sha256, "size": file.bytes})).collect();
        let body = json!({
            "operation": "upload", "transfers": ["basic", "multipart"], "hash_algo": "sha256",
            "ref": {"name": DEFAULT_REVISION}, "objects": objects,
        });
        let answer = writer.post(&url, LFS, body.to_string().as_bytes())?;
        for file in batch {
            let told = answer["objects"].as_array().into_iter().flatten();
            let object = told.into_iter().find(|object| object["oid"] == file.sha256.as_str());
            let object = object.ok_or_else(|| protocol(&url, format!("no object for {}", file.name)))?;
            if let Some(message) = object["error"]["message"].as_str() {
                return Err(protocol(&url, format!("{}: {message}", file.name)));
            }
            Sender { writer, file, on_sent }.send(&object["actions"], &url)?;
        }
    }
    Ok(())
}

/// One file on its way.
struct Sender<'a> {
    writer: &'a Writer<'a>,
    file: &'a FileToUpload,
    on_sent: &'a dyn Fn(&str, u64, u64),
}

impl Sender<'_> {
    /// Does what the server asks for; without an upload the Hub has the file. `batch`: address of the answer.
    fn send(&self, actions: &Value, batch: &str) -> Result<(), SourceError> {
        let upload = &actions["upload"];
        if !upload.is_object() {
            return Ok(());
        }
        let href = address(upload, batch)?;
        match &upload["header"]["chunk_size"] {
            Value::Null => {
                self.put(href, upload["header"].as_object(), 0, self.file.bytes)?;
            }
            chunk => self.send_parts(href, &upload["header"], chunk, batch)?,
        }
        if actions["verify"].is_object() {
            let body = json!({"oid": self.file.sha256, "size": self.file.bytes});
            self.writer.post(address(&actions["verify"], batch)?, LFS, body.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// Sends the file in parts of `chunk` bytes, each to an address of its own, and says at `href` that all are there.
    fn send_parts(&self, href: &str, header: &Value, chunk: &Value, batch: &str) -> Result<(), SourceError> {
        let size = chunk.as_str().and_then(|text| text.parse().ok()).or(chunk.as_u64()).filter(|size: &u64| *size > 0);
        let size = size.ok_or_else(|| protocol(batch, format!("chunk_size: expected a number, found {chunk}")))?;
        let entries = header.as_object().into_iter().flatten();
        let mut addresses: Vec<(u64, &str)> =
            entries.filter_map(|(key, value)| Some((key.parse().ok()?, value.as_str()?))).collect();
        addresses.sort_unstable();
        let expected = self.file.bytes.div_ceil(size);
        if addresses.len() as u64 != expected {
            let found = addresses.len();
            let reason = format!("{}: expected addresses of {expected} parts, found {found}", self.file.name);
            return Err(protocol(batch, reason));
        }
        let mut parts = Vec::new();
        for (number, (_, address)) in (1u64..).zip(addresses) {
            let start = (number - 1) * size;
            let etag = self.put(address, None, start, size.min(self.file.bytes - start))?;
            let etag =
                etag.ok_or_else(|| protocol(batch, format!("no ETag for part {number} of {}", self.file.name)))?;
            parts.push(json!({"partNumber": number, "etag": etag}));
        }
        let body = json!({"oid": self.file.sha256, "parts": parts});
        self.writer.post(href, LFS, body.to_string().as_bytes()).map(drop)
    }

    /// Sends `length` bytes from `start` on to an address, with further attempts if the connection or the server fails. Gives
    /// the entity tag of the answer.
    fn put(
        &self,
        url: &str,
        headers: Option<&serde_json::Map<String, Value>>,
        start: u64,
        length: u64,
    ) -> Result<Option<String>, SourceError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_put(url, headers, start, length) {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    std::thread::sleep(FIRST_PAUSE * (1 << (attempt - 1)));
                }
                done => return done,
            }
        }
    }

    fn try_put(
        &self,
        url: &str,
        headers: Option<&serde_json::Map<String, Value>>,
        start: u64,
        length: u64,
    ) -> Result<Option<String>, SourceError> {
        let io = |e| SourceError::io(&self.file.path, e);
        let mut contents = File::open(&self.file.path).map_err(io)?;
        contents.seek(SeekFrom::Start(start)).map_err(io)?;
        let mut body = Sent { contents: contents.take(length), done: start, sender: self };
        let mut request = self.writer.patient(self.writer.client.agent.put(url)).header(header::CONTENT_LENGTH, length);
        for (name, value) in headers.into_iter().flatten() {
            request = with_header(request, name, value);
        }
        // The server's own authorization counts, where it gives one.
        let has_own =
            headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")));
        let request = if has_own { request } else { self.writer.with_token(url, request) };
        let network = |e: ureq::Error| SourceError::Network { url: shown(url).to_owned(), reason: e.to_string() };
        let answer = request.send(SendBody::from_reader(&mut body)).map_err(network)?;
        let answer = self.writer.accepted(url, answer)?;
        Ok(header_text(&answer, "etag").map(str::to_owned))
    }
}

/// Adds a header that the server asks for. The length is known better here.
fn with_header<B>(request: RequestBuilder<B>, name: &str, value: &Value) -> RequestBuilder<B> {
    match value.as_str() {
        Some(value) if !name.eq_ignore_ascii_case("content-length") => request.header(name, value),
        _ => request,
    }
}

/// The bytes of a file as they are sent.
struct Sent<'a> {
    contents: io::Take<File>,
    done: u64,
    sender: &'a Sender<'a>,
}

impl Read for Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.contents.read(buffer)?;
        self.done += n as u64;
        (self.sender.on_sent)(&self.sender.file.name, self.done, self.sender.file.bytes);
        Ok(n)
    }
}

/// True if another attempt may end otherwise.
fn may_pass(error: &SourceError) -> bool {
    matches!(error, SourceError::Network { .. } | SourceError::Http { status: 500.., .. })
}

/// The address of an action.
fn address<'a>(action: &'a Value, batch: &str) -> Result<&'a str, SourceError> {
    action["href"].as_str().ok_or_else(|| protocol(batch, "an action without \"href\"".to_owned()))
}

fn protocol(url: &str, reason: String) -> SourceError {
    SourceError::Protocol { url: url.to_owned(), reason }
}
