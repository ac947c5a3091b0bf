//! Models on this disk: takes a path, checks that it is a model folder or a GGUF file, and says what to do if it is
//! not.

use std::path::Path;

use super::adapter::{self, adapter_hint};
use super::error::{PICKLE_HINT, SourceError};
use super::gguf_file::{begins_as_gguf, has_gguf_name};
use super::hub_name::HubModel;
use super::resolved::ResolvedSource;

/// Checks a local path: a folder with `config.json`, or a GGUF file of any name.
pub(crate) fn resolve(path: &Path) -> Result<ResolvedSource, SourceError> {
    let refuse = |hint: String| SourceError::NotAModel { path: path.to_owned(), hint };
    if path.is_dir() {
        if let Some(hint) = adapter_hint(path) {
            return Err(refuse(hint));
        }
        if !path.join("config.json").is_file() {
            return Err(refuse(folder_hint(path)?));
        }
    } else if !path.exists() {
        return Err(SourceError::NoSuchPath { path: path.to_owned(), hint: absent_hint(path) });
    } else if !begins_as_gguf(path) {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            // Not one; the reader of the file says what is wrong with it.
            "gguf" => {}
            "safetensors" if adapter::is_weights(path) => return Err(refuse(adapter::HINT.into())),
            "safetensors" => {
                return Err(refuse("give the folder that holds it and its config.json".into()));
            }
            "bin" | "pt" | "pth" | "ckpt" => return Err(refuse(PICKLE_HINT.into())),
            _ => return Err(refuse("expected a folder or a .gguf file".into())),
        }
    }
    Ok(ResolvedSource {
        path: path.to_owned(),
        origin: path.display().to_string(),
        revision: None,
        sha256: None,
        notes: Vec::new(),
    })
}

/// The repository of the Hub that a path names which does not exist here: `ORG/NAME[@REV]`, without the ending of a file.
pub(crate) fn hub_name(path: &Path) -> Option<HubModel> {
    const ENDINGS: [&str; 7] = ["gguf", "safetensors", "bin", "pt", "pth", "ckpt", "json"];
    let text = path.to_str()?;
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if path.symlink_metadata().is_ok() || text.matches('/').count() != 1 || ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    // `./NAME`, `../NAME` and `~/NAME` are no plain names.
    HubModel::parse(text).ok()
}

/// Hint for a path that does not exist.
fn absent_hint(path: &Path) -> String {
    let text = path.display().to_string();
    // Two plain names with a slash between them are probably a Hub repository without its prefix.
    match HubModel::parse(&text) {
        Ok(_) if text.matches('/').count() == 1 => {
            format!("there is no such path; for the Hugging Face Hub write hf:{text}")
        }
        _ => "there is no such path".to_owned(),
    }
}

/// Hint for a folder without `config.json`.
fn folder_hint(folder: &Path) -> Result<String, SourceError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| SourceError::io(folder, e))? {
        let entry = entry.map_err(|e| SourceError::io(folder, e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| has_gguf_name(name));
    names.sort();
    Ok(match names.first() {
        Some(gguf) => format!("the folder has no config.json; for its GGUF give {}", folder.join(gguf).display()),
        None => "the folder has no config.json".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn two_plain_names_that_are_no_path_name_a_repository() {
        let name = |text: &str| hub_name(Path::new(text)).map(|model| model.to_string());
        for text in ["some-org/some-model", "some-org/Some_Model-1.5@main", "some-org/x-GGUF"] {
            assert_eq!(name(text).as_deref(), Some(text));
        }
        for text in
            ["model", "a/b/c", "./a", "../a", "~/a", "/a", "a/", "a/b c", "a/m.gguf", "a/m.safetensors", "src/local.rs"]
        {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn local_paths_are_checked_and_wrong_ones_get_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let hint = |path: &Path| resolve(path).unwrap_err().to_string();
        assert!(hint(dir.path()).contains("no config.json"));
        std::fs::write(dir.path().join("m.gguf"), b"GGUF").unwrap();
        assert!(hint(dir.path()).contains("m.gguf"));
        assert!(resolve(&dir.path().join("m.gguf")).is_ok());
        for name in ["M.GGUF", "a hash without extension", "odd.bin"] {
            std::fs::write(dir.path().join(name), b"GGUF").unwrap();
            assert!(resolve(&dir.path().join(name)).is_ok(), "{name}");
        }
        std::fs::write(dir.path().join("pytorch_model.bin"), b"").unwrap();
        assert!(hint(&dir.path().join("pytorch_model.bin")).contains("pickle"));
        assert_eq!(resolve(&dir.path().join("pytorch_model.bin")).unwrap_err().kind(), ErrorKind::Unusable);
        assert!(hint(Path::new("some-org/some-model")).contains("hf:some-org/some-model"));
        assert_eq!(resolve(Path::new("some-org/some-model")).unwrap_err().kind(), ErrorKind::NotFound);
        std::fs::write(dir.path().join("config.json"), b"{}").unwrap();
        assert_eq!(resolve(dir.path()).unwrap().path, dir.path());
    }
}
