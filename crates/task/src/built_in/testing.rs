//! Shared code of the built-in tasks' tests: writes records to a file, renders prompts, finds real data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::info::TaskInfo;
use crate::error::Result;
use crate::options::{Profile, TaskOptions};
use crate::task::{Item, Task};
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

/// Opens the task on a file with this name and text.
pub(super) fn read(info: &TaskInfo, file: &str, text: &str, setup: &TaskOptions<'_>) -> Result<Task> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join(file);
    std::fs::write(&path, text).expect("write");
    Task::open(info.name, Some(&path), setup)
}

/// Items of a file with this name and text under the default options, without their records.
pub(super) fn items(info: &TaskInfo, file: &str, text: &str) -> Vec<Item> {
    without_records(read(info, file, text, &TaskOptions::default()).unwrap_or_else(|e| panic!("{file}: {e}")))
}

/// Items of a task without their records and places, which differ between layouts.
pub(super) fn without_records(task: Task) -> Vec<Item> {
    task.items.into_iter().map(|item| Item { doc: Arc::default(), place: None, ..item }).collect()
}

/// Options with this profile and kind of model.
pub(super) fn setup(profile: Profile, kind: ModelKind) -> TaskOptions<'static> {
    TaskOptions { profile, kind, ..TaskOptions::default() }
}

/// Prompt, answer and suffix of the first item of the task's example; the gold answer or the mask is in brackets.
pub(super) fn prompt_with_answer(info: &TaskInfo, setup: &TaskOptions<'_>) -> String {
    let task = info.example_task(setup).expect("the example is a valid record");
    let item = &task.items[0];
    let answer = if setup.kind == ModelKind::Masked { "mask" } else { item.target() };
    format!("{}{}[{answer}]{}", item.prompt, task.join.delimiter, item.suffix)
}

/// [`prompt_with_answer`] for a clean causal, clean masked, paper causal and paper masked options.
pub(super) fn prompts_of_all_setups(info: &TaskInfo, tokenizer: Option<&Tokenizer>) -> [String; 4] {
    let of =
        |profile, kind| prompt_with_answer(info, &TaskOptions { profile, kind, tokenizer, ..TaskOptions::default() });
    [
        of(Profile::Clean, ModelKind::Causal),
        of(Profile::Clean, ModelKind::Masked),
        of(Profile::Paper, ModelKind::Causal),
        of(Profile::Paper, ModelKind::Masked),
    ]
}

/// A tokenizer with one token per ASCII character.
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

/// A file or folder of real data in `shared/data` beside the checkout; `None`, with a message, if there is none.
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
pub(super) fn real_data(name: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("shared/data").join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no shared/data/{name} beside this checkout");
    }
    found
}
