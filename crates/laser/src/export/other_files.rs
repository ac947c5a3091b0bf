//! Copies the files of a model folder that are not weights. Files whose names the export itself needs get other names;
//! what would lead a loader away from the edited weights is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::error::{Error, Result};
use crate::model_folder::listing::{LeftOut, Listing, list};
use crate::model_folder::own_code;
use crate::model_folder::role::Role;
use laser_model::load::ModelFiles;

/// Largest number of names in a note.
const NAMED: usize = 8;
/// Largest size in bytes of a configuration that is searched for code of its own.
const MAX_CONFIG: u64 = 1 << 24;
/// First bytes of a GGUF file, whatever it is called: its readers go by them.
const GGUF: &[u8; 4] = b"GGUF";

/// What became of the files of a folder.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// Entries that were left out, sorted.
    pub(super) left_out: Vec<String>,
    /// Sentences for the user: what was left out or changed, and why.
    pub(super) notes: Vec<String>,
}

/// Copies the files of the source folder to the folder `target`, except weights and what points elsewhere ([`Role`]). Files
/// named like one of `reserved` get another name.
///
/// # Errors
/// A link that leads out of the source folder, or a file that cannot be read or written.
pub(super) fn copy(source: &ModelFiles, target: &Path, reserved: &[&str]) -> Result<Copied> {
    let checkpoint = source.checkpoint();
    // The edited weights are in the target already.
    let weights: BTreeSet<&OsStr> =
        checkpoint.files().chain(checkpoint.index_file()).filter_map(Path::file_name).collect();
    let Listing { files, mut left_out } = list(source.path())?;
    let keeps_code = own_code::is_needed(source.config());
    let (mut without_code, mut with_code) = (Vec::new(), Vec::new());
    for name in files.iter().filter(|name| !weights.contains(OsStr::new(name))) {
        let (from, to) = (source.path().join(name), target.join(new_name(name, reserved, &files)));
        let mut input = File::open(&from).map_err(Error::io(&from))?;
        let role = match Role::of(name) {
            Role::Companion if begins_with_gguf(&mut input).map_err(Error::io(&from))? => Role::Weights,
            Role::Code if keeps_code => {
                with_code.push(name.as_str());
                Role::Companion
            }
            role => role,
        };
        if role != Role::Companion {
            left_out.push(LeftOut { name: name.clone(), reason: role.reason() });
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        // Not `fs::copy`, which would copy read-only permissions too.
        let mut output = File::create_new(&to).map_err(Error::io(&to))?;
        let own_text = if keeps_code { None } else { text_without_code(name, &from)? };
        match own_text {
            Some(text) => {
                io::copy(&mut text.as_bytes(), &mut output).map_err(Error::io(&to))?;
                without_code.push(name.as_str());
            }
            None => {
                io::copy(&mut input, &mut output).map_err(Error::io(&to))?;
            }
        }
    }
    left_out.sort();
    let mut notes = left_out_notes(&left_out);
    if !without_code.is_empty() {
        notes.push(format!(
            "{}: the key `{}` is removed, because it makes loaders run code of the source instead of their own",
            without_code.join(", "),
            own_code::KEY
        ));
    }
    if !with_code.is_empty() {
        notes.push(format!(
            "{}: code is kept, because transformers cannot load a `{}` without it",
            with_code.join(", "),
            source.config().family.model_type
        ));
    }
    Ok(Copied { left_out: left_out.into_iter().map(|entry| entry.name).collect(), notes })
}

/// Whether a file begins like a GGUF file; reading then begins at the start again.
fn begins_with_gguf(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    (&*file).take(GGUF.len() as u64).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == GGUF)
}

/// The text of a configuration that names code of its own, without that; `None` for other files, which are copied.
fn text_without_code(name: &str, path: &Path) -> Result<Option<String>> {
    if name.contains('/') || !name.ends_with("config.json") {
        return Ok(None);
    }
    if fs::metadata(path).map_err(Error::io(path))?.len() > MAX_CONFIG {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Ok(String::from_utf8(bytes).ok().as_deref().and_then(own_code::without))
}

/// A note for each reason, with the names that it holds for.
fn left_out_notes(left_out: &[LeftOut]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    left_out.iter().for_each(|entry| by_reason.entry(entry.reason).or_default().push(&entry.name));
    let note = |(reason, names): (&str, Vec<&str>)| {
        let shown = names[..names.len().min(NAMED)].join(", ");
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("left out {shown}{more}: {reason}")
    };
    by_reason.into_iter().map(note).collect()
}

/// The name of a file in the copy. A reserved name such as `README.md` becomes the first free name of `README.base.md`,
/// `README.base-2.md` …
fn new_name(name: &str, reserved: &[&str], taken: &[String]) -> String {
    if !reserved.contains(&name) {
        return name.to_owned();
    }
    let (stem, ending) = name.rsplit_once('.').expect("reserved names have an extension");
    let numbered = (2..).map(|n| format!("{stem}.base-{n}.{ending}"));
    std::iter::once(format!("{stem}.base.{ending}"))
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .expect("a free name is found because there are endlessly many")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_name_a_few_files_of_each_reason() {
        let of = |name: String, reason| LeftOut { name, reason };
        let mut left_out: Vec<LeftOut> = (0..10).map(|i| of(format!("{i}.py"), Role::Code.reason())).collect();
        left_out.push(of("adapter_config.json".into(), Role::Adapter.reason()));
        let notes = left_out_notes(&left_out);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("left out adapter_config.json: an adapter, with which"), "{}", notes[0]);
        assert!(
            notes[1].starts_with("left out 0.py, 1.py") && notes[1].contains("7.py and 2 more: code"),
            "{}",
            notes[1]
        );
    }

    #[test]
    fn reserved_names_become_free_ones() {
        let reserved = ["README.md", "recipe.yaml"];
        let taken = ["README.md", "README.base.md", "recipe.yaml"].map(str::to_owned);
        assert_eq!(new_name("README.md", &reserved, &taken), "README.base-2.md");
        assert_eq!(new_name("recipe.yaml", &reserved, &taken), "recipe.base.yaml");
        assert_eq!(new_name("docs/README.md", &reserved, &taken), "docs/README.md");
    }
}
