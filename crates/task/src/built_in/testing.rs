//! What the tests of the built-in tasks share: records written to a file, prompts as they would be read, real data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::info::TaskInfo;
use crate::error::Result;
use crate::setup::{Profile, TaskOptions};
use crate::task::{Item, Task};
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

/// The task of a file with this name and text.
pub(super) fn read(info: &TaskInfo, file: &str, text: &str, setup: &TaskOptions<'_>) -> Result<Task> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join(file);
    std::fs::write(&path, text).expect("write");
    Task::open(info.name, Some(&path), setup)
}

/// Its items under the default setup, without the records they were made of.
pub(super) fn items(info: &TaskInfo, file: &str, text: &str) -> Vec<Item> {
    bare(read(info, file, text, &TaskOptions::default()).unwrap_or_else(|e| panic!("{file}: {e}")))
}

/// The items of a task without the records they were made of, which differ with the layout.
pub(super) fn bare(task: Task) -> Vec<Item> {
    task.items.into_iter().map(|item| Item { doc: Arc::default(), ..item }).collect()
}

/// A setup of the profile and kind.
pub(super) fn setup(profile: Profile, kind: ModelKind) -> TaskOptions<'static> {
    TaskOptions { profile, kind, ..TaskOptions::default() }
}

/// The first item of the specimen as a model reads it, the gold answer or the mask in brackets.
pub(super) fn shown(info: &TaskInfo, setup: &TaskOptions<'_>) -> String {
    let task = info.specimen(setup).expect("the specimen is a good record");
    let item = &task.items[0];
    let answer = if setup.kind == ModelKind::Masked { "mask" } else { item.target() };
    format!("{}{}[{answer}]{}", item.prompt, task.join.delimiter, item.suffix)
}

/// [`shown`] for a clean causal, clean masked, paper causal and paper masked setup.
pub(super) fn four(info: &TaskInfo, tokenizer: Option<&Tokenizer>) -> [String; 4] {
    let of = |profile, kind| shown(info, &TaskOptions { profile, kind, tokenizer, ..TaskOptions::default() });
    [
        of(Profile::Clean, ModelKind::Causal),
        of(Profile::Clean, ModelKind::Masked),
        of(Profile::Paper, ModelKind::Causal),
        of(Profile::Paper, ModelKind::Masked),
    ]
}

/// A tokenizer of one token a character of ASCII.
pub(super) fn tokenizer() -> Tokenizer {
    let spelled = |byte: u8| if byte == b' ' { "Ġ".to_owned() } else { char::from(byte).to_string() };
    let vocab: BTreeMap<String, usize> = (b' '..=b'~').enumerate().map(|(id, byte)| (spelled(byte), id)).collect();
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let definition = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": bytes, "post_processor": null, "decoder": bytes,
        "model": {"type": "BPE", "vocab": vocab, "merges": []}});
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("tokenizer.json"), definition.to_string()).expect("write");
    Tokenizer::from_folder(folder.path()).expect("a tokenizer of bytes")
}

/// A file or folder of the real data beside the checkout; `None`, said aloud, where there is none.
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
pub(super) fn real(name: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("shared/data").join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no shared/data/{name} beside this checkout");
    }
    found
}
