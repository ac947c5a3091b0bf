//! Copies the files of a model folder that are not weights. Files whose names the export itself needs get other names.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use laser_model::load::ModelFiles;

/// Extensions of weight files. They are not copied: some tools would load such a file, which does not contain the edit,
/// instead of the edited weights.
const WEIGHT_EXTENSIONS: [&str; 10] =
    ["safetensors", "gguf", "pt", "pth", "ckpt", "h5", "msgpack", "ot", "onnx", "onnx_data"];
/// Folders of version control and download tools, which are not copied.
const TOOL_FOLDERS: [&str; 2] = [".git", ".cache"];

/// Copies the files of the source folder to the folder `target`, except weights. Files named like one of `reserved` get
/// another name. Returns the names of entries that were left out, sorted.
///
/// # Errors
/// A file that cannot be read or written, or a name that is not UTF-8.
pub(super) fn copy(source: &ModelFiles, target: &Path, reserved: &[&str]) -> Result<Vec<String>> {
    let checkpoint = source.checkpoint();
    // The edited weights are in the target already.
    let weights: BTreeSet<&OsStr> =
        checkpoint.files().chain(checkpoint.index_file()).filter_map(Path::file_name).collect();
    let mut found = Vec::new();
    let mut left_out = Vec::new();
    list(source.path(), "", &mut found, &mut left_out)?;
    for name in &found {
        if weights.contains(OsStr::new(name)) {
            continue;
        }
        if holds_weights(name) {
            left_out.push(name.clone());
            continue;
        }
        let (from, to) = (source.path().join(name), target.join(new_name(name, reserved, &found)));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        // Not `fs::copy`, which would copy read-only permissions too.
        let mut input = File::open(&from).map_err(Error::io(&from))?;
        let mut output = File::create_new(&to).map_err(Error::io(&to))?;
        io::copy(&mut input, &mut output).map_err(Error::io(&to))?;
    }
    left_out.sort();
    Ok(left_out)
}

/// Adds the files below `folder`, also links to files, to `found`, and other entries to `left_out`. Their names begin
/// with `prefix`, the path of `folder` in the source.
fn list(folder: &Path, prefix: &str, found: &mut Vec<String>, left_out: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let path = entry.path();
        let Ok(own) = entry.file_name().into_string() else {
            return Err(Error::setting("source", format!("{}: the name is not UTF-8", path.display())));
        };
        let name = format!("{prefix}{own}");
        let kind = entry.file_type().map_err(Error::io(&path))?;
        if kind.is_dir() && !TOOL_FOLDERS.contains(&own.as_str()) {
            list(&path, &format!("{name}/"), found, left_out)?;
        } else if !kind.is_dir() && path.is_file() {
            found.push(name);
        } else {
            left_out.push(name); // links to folders may lead in circles
        }
    }
    Ok(())
}

/// Whether the name of a file is that of a weight file or of an index of weight files.
fn holds_weights(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| WEIGHT_EXTENSIONS.contains(&ending))
        || file.ends_with(".index.json")
        || (file.starts_with("pytorch_model") && ending == Some("bin"))
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
    fn weight_files_are_recognised_by_their_names() {
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
    fn reserved_names_become_free_ones() {
        let reserved = ["README.md", "recipe.yaml"];
        let taken = ["README.md", "README.base.md", "recipe.yaml"].map(str::to_owned);
        assert_eq!(new_name("README.md", &reserved, &taken), "README.base-2.md");
        assert_eq!(new_name("recipe.yaml", &reserved, &taken), "recipe.base.yaml");
        assert_eq!(new_name("docs/README.md", &reserved, &taken), "docs/README.md");
    }
}
