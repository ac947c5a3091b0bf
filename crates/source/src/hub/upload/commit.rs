//! The commit: asks the Hub which files it keeps as large files, then names all files in one request.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::writer::Writer;
use crate::error::SourceError;
use crate::hub::DEFAULT_REVISION;
use crate::upload::{FileToUpload, Upload};

/// Bytes at the beginning of a file by which the Hub tells text from other contents.
const SAMPLE: u64 = 512;

/// Kind of a commit: one JSON value a line.
const LINES: &str = "application/x-ndjson";

/// Asks the Hub which of the files it keeps as large files.
pub(super) fn are_large(writer: &Writer<'_>, files: &[FileToUpload]) -> Result<Vec<bool>, SourceError> {
    let asked = |file: &FileToUpload| {
        Ok(json!({"path": file.name, "size": file.bytes, "sample": STANDARD.encode(beginning(file, SAMPLE)?)}))
    };
    let asked: Vec<Value> = files.iter().map(asked).collect::<Result<_, SourceError>>()?;
    let url = writer.api(&format!("/preupload/{DEFAULT_REVISION}"));
    let answer = writer.post(&url, super::JSON, json!({ "files": asked }).to_string().as_bytes())?;
    let protocol = |reason: String| SourceError::Protocol { url: url.clone(), reason };
    let told = answer["files"].as_array().ok_or_else(|| protocol("no list under \"files\"".to_owned()))?;
    let mode = |file: &FileToUpload| {
        let mode = told.iter().find(|entry| entry["path"] == file.name.as_str()).map(|entry| &entry["uploadMode"]);
        match mode.and_then(Value::as_str) {
            Some("lfs") => Ok(true),
            Some("regular") => Ok(false),
            _ => Err(protocol(format!("expected \"uploadMode\" lfs or regular for {}, found {mode:?}", file.name))),
        }
    };
    files.iter().map(mode).collect()
}

/// Commits the files to the default branch; the large ones have been sent. Gives the commit.
pub(super) fn commit(writer: &Writer<'_>, job: &Upload<'_>, is_large: &[bool]) -> Result<String, SourceError> {
    let mut lines = vec![json!({"key": "header", "value": {"summary": job.summary, "description": ""}})];
    for (file, large) in job.files.iter().zip(is_large) {
        let FileToUpload { name, sha256, bytes, .. } = file;
        lines.push(match large {
            true => {
                json!({"key": "lfsFile", "value": {"path": name, "algo": "sha256", "oid": sha256, "size": bytes}})
            }
            false => {
                let content = STANDARD.encode(beginning(file, *bytes)?);
                json!({"key": "file", "value": {"path": name, "encoding": "base64", "content": content}})
            }
        });
    }
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let url = writer.api(&format!("/commit/{DEFAULT_REVISION}"));
    let answer = writer.post(&url, LINES, body.as_bytes())?;
    let commit = answer["commitOid"].as_str().map(str::to_owned);
    commit.ok_or_else(|| SourceError::Protocol { url, reason: "no commit under \"commitOid\"".to_owned() })
}

/// The first bytes of a file, at most `most`.
fn beginning(file: &FileToUpload, most: u64) -> Result<Vec<u8>, SourceError> {
    let io = |e| SourceError::io(&file.path, e);
    let mut bytes = Vec::new();
    File::open(&file.path).map_err(io)?.take(most).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
