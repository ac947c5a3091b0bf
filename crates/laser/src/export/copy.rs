//! The files of a model folder that are no weights: copied unchanged, our own names made free.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{CARD, RECIPE};
use crate::error::{Error, Result};
use laser_model::load::ModelFiles;

/// Endings of files that hold weights. Beside edited weights, a second, unedited copy would be loaded by some tools.
const WEIGHTS: [&str; 10] = ["safetensors", "gguf", "pt", "pth", "ckpt", "h5", "msgpack", "ot", "onnx", "onnx_data"];
/// Folders of version control and download tools.
const TOOLS: [&str; 2] = [".git", ".cache"];

/// Copies everything of the source folder but weights to `target`; gives what was left out, sorted.
pub(super) fn other_files(source: &ModelFiles, target: &Path) -> Result<Vec<String>> {
    let checkpoint = source.checkpoint();
    let written: BTreeSet<&OsStr> =
        checkpoint.files().chain(checkpoint.index_file()).filter_map(Path::file_name).collect();
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    list(source.path(), "", &mut found, &mut left_out)?;
    for name in &found {
        if written.contains(OsStr::new(name)) {
            continue;
        }
        if holds_weights(name) {
            left_out.push(name.clone());
            continue;
        }
        let (from, to) = (source.path().join(name), target.join(new_name(name, &found)));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        // Not `fs::copy`, which would carry over read-only permissions.
        let mut input = File::open(&from).map_err(Error::io(&from))?;
        let mut output = File::create_new(&to).map_err(Error::io(&to))?;
        io::copy(&mut input, &mut output).map_err(Error::io(&to))?;
    }
    left_out.sort();
    Ok(left_out)
}

/// Collects the files below `folder`, links to files included, as names that begin with `prefix`.
fn list(folder: &Path, prefix: &str, found: &mut Vec<String>, left_out: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let path = entry.path();
        let Ok(own) = entry.file_name().into_string() else {
            return Err(Error::setting("source", format!("{}: the name is not UTF-8", path.display())));
        };
        let name = format!("{prefix}{own}");
        let kind = entry.file_type().map_err(Error::io(&path))?;
        if kind.is_dir() && !TOOLS.contains(&own.as_str()) {
            list(&path, &format!("{name}/"), found, left_out)?;
        } else if !kind.is_dir() && path.is_file() {
            found.push(name);
        } else {
            left_out.push(name); // links to folders may lead in circles
        }
    }
    Ok(())
}

fn holds_weights(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| WEIGHTS.contains(&ending))
        || file.ends_with(".index.json")
        || (file.starts_with("pytorch_model") && ending == Some("bin"))
}

/// The name in the copy: the model card and the recipe of the source step aside, to the first free of
/// `README.base.md`, `README.base-2.md` …
fn new_name(name: &str, taken: &[String]) -> String {
    if name != CARD && name != RECIPE {
        return name.to_owned();
    }
    let (stem, ending) = name.rsplit_once('.').expect("both names have an ending");
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
    fn weights_are_told_from_other_files() {
        for name in
            ["consolidated.safetensors", "onnx/model.onnx", "pytorch_model-1-of-2.bin", "pytorch_model.bin.index.json"]
        {
            assert!(holds_weights(name), "{name}");
        }
        for name in ["config.json", "tokenizer.model", "training_args.bin", ".gitattributes", "LICENSE", "merges.txt"] {
            assert!(!holds_weights(name), "{name}");
        }
    }

    #[test]
    fn the_card_and_recipe_of_the_source_step_aside() {
        let taken = ["README.md", "README.base.md", "recipe.yaml"].map(str::to_owned);
        assert_eq!(new_name("README.md", &taken), "README.base-2.md");
        assert_eq!(new_name("recipe.yaml", &taken), "recipe.base.yaml");
        assert_eq!(new_name("docs/README.md", &taken), "docs/README.md");
    }
}
