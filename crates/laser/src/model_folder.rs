//! The folder of a model beyond its weights: takes the folder, gives its files with what each is to a loader, and remarks
//! on those that a loader might follow elsewhere.
//!
//! [`listing`] walks the folder and decides about links, [`role`] decides by a file's name, `own_code` finds code that a
//! configuration names. An export copies by the listing; a session shows [`remarks`] on opening.

pub(crate) mod listing;
pub(crate) mod own_code;
pub(crate) mod role;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use laser_checkpoint::{CheckpointError, StandIn};
use laser_model::load::ModelFiles;
use laser_source::adapter_base;

use crate::error::Result;
use role::Role;

/// Largest size in bytes of a configuration that is searched for code of its own.
const MAX_CONFIG: u64 = 1 << 24;
/// Number of bytes at the beginning of a file that show what it is.
const LOOKED_AT: u64 = 512;

/// Files of a tokenizer that are JSON or text.
pub(crate) const TOKENIZER: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"];

/// Refuses a folder in which one of the documents `names` is a Git LFS pointer or a web page. Weights are checked where
/// they are opened.
///
/// # Errors
/// Such a file, with what to do.
pub(crate) fn check_documents(folder: &Path, names: &[&str]) -> Result<()> {
    for path in names.iter().map(|name| folder.join(name)) {
        let mut start = Vec::new();
        // Whatever cannot be read here is reported where the document is read.
        let _ = File::open(&path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start));
        if let Some(found) = StandIn::of(&start) {
            let problem = Box::new(CheckpointError::StandIn { found });
            return Err(CheckpointError::InFile { file: path, problem }.into());
        }
    }
    Ok(())
}

/// Remarks on the files of a model folder that other loaders would follow elsewhere, so that they might run another
/// model. There are none for a GGUF file.
pub(crate) fn remarks(files: &ModelFiles) -> Vec<String> {
    let folder = files.path();
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let mut remarks = Vec::new();
    let is_read = files.adapters().iter().any(|adapter| adapter.folder() == folder);
    if !is_read && names.iter().any(|name| name == "adapter_config.json") {
        let base = adapter_base(folder).map_or_else(|| "its base model".to_owned(), |base| format!("`{base}`"));
        remarks.push(format!(
            "adapter_config.json: the adapter in the folder is not read, only the model beside it (MODEL+adapter:DIR reads \
             both); transformers with peft loads {base} with the adapter instead"
        ));
    }
    for name in names.iter().filter(|name| Role::of(name) == Role::Quantisation) {
        remarks
            .push(format!("{name}: settings of quantised weights, not read: the weights are taken as they are stored"));
    }
    let config = folder.join("config.json");
    let is_small = std::fs::metadata(&config).is_ok_and(|found| found.len() <= MAX_CONFIG);
    let text = is_small.then(|| std::fs::read_to_string(&config).ok()).flatten().unwrap_or_default();
    if own_code::without(&text).is_some() {
        let family = files.config().family.name;
        remarks.push(format!(
            "config.json: `{}` names code of its own, which is not run: the model is read as {family}",
            own_code::KEY
        ));
    }
    remarks
}
