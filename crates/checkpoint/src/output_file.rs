//! Atomic writing: takes bytes and values, gives a file that is written as a whole or not at all.
//!
//! Everything goes to a temporary file beside the target; it is synced and then renamed to the target in one step. A
//! process that has the old file open or mapped keeps the old bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crate::codec::TensorSpec;
use crate::error::CheckpointError;
use crate::rounding::{Rounding, RoundingSums};

/// Writes `bytes` to the file `target`, atomically: readers see the old file or the new one, never a part.
///
/// # Errors
/// [`CheckpointError::Io`], which names `target`.
pub fn write_atomically(target: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    write_with(target, |out| out.write_bytes(bytes))
}

/// Calls `write` with a temporary file, which becomes `target` if `write` succeeds and is removed if it fails.
///
/// Errors name `target`.
pub(crate) fn write_with<T>(
    target: &Path,
    write: impl FnOnce(&mut OutputFile<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    write_and_rename(target, write).map_err(|problem| problem.in_file(target))
}

/// Does the work of [`write_with`]; errors do not name the file.
fn write_and_rename<T>(
    target: &Path,
    write: impl FnOnce(&mut OutputFile<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".laser-");
    #[cfg(unix)]
    {
        // Temporary files are private by default; this one gets the usual permissions of a new file, less the user's
        // mask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(CheckpointError::io("create a temporary file beside it"))?;
    let mut out = OutputFile { buffer: BufWriter::with_capacity(1 << 20, file.as_file_mut()), written: 0 };
    let result = write(&mut out)?;
    out.buffer.flush().map_err(CheckpointError::io("write"))?;
    drop(out);
    // Synced before the rename: otherwise a power failure could leave the new name with missing data.
    file.as_file().sync_all().map_err(CheckpointError::io("sync"))?;
    file.persist(target).map_err(|failed| CheckpointError::io("rename the finished file")(failed.error))?;
    // The rename itself is durable only when the folder is synced.
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(CheckpointError::io("sync the folder"))?;
    Ok(result)
}

/// A temporary file that is being written.
pub(crate) struct OutputFile<'a> {
    buffer: BufWriter<&'a mut File>,
    /// Number of bytes written so far.
    written: usize,
}

impl OutputFile<'_> {
    /// Appends `bytes`.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.written += bytes.len();
        self.buffer.write_all(bytes).map_err(CheckpointError::io("write"))
    }

    /// Appends zeros up to the next multiple of `alignment` bytes.
    pub(crate) fn pad(&mut self, alignment: usize) -> Result<(), CheckpointError> {
        let missing = self.written.next_multiple_of(alignment) - self.written;
        self.write_bytes(&vec![0; missing])
    }

    /// Converts the values of a tensor to bytes and appends them; returns the rounding error.
    ///
    /// `old` holds the present bytes of the tensor, of which unchanged blocks are kept, or nothing
    /// ([`TensorSpec::encode`]).
    pub(crate) fn write_values(
        &mut self,
        spec: &TensorSpec<'_>,
        values: &[f32],
        old: &[u8],
    ) -> Result<Rounding, CheckpointError> {
        let mut sums = RoundingSums::default();
        let mut rest = values;
        spec.encode(values, old, |bytes, stored| {
            let (piece, after) = rest.split_at(stored.len());
            rest = after;
            sums.add(piece, stored);
            self.write_bytes(bytes)
        })?;
        Ok(sums.rounding())
    }

    /// Appends a copy of the file `source` in which `patches` replace the values of some tensors; returns the rounding
    /// error of each of these tensors.
    pub(crate) fn copy_with_patches(
        &mut self,
        source: &[u8],
        mut patches: Vec<Patch<'_>>,
    ) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
        patches.sort_by_key(|patch| patch.range.start);
        let mut roundings = BTreeMap::new();
        let mut copied = 0; // end of the bytes of `source` that are done
        for patch in patches {
            self.write_bytes(&source[copied..patch.range.start])?;
            let rounding = self.write_values(&patch.spec, patch.values, &source[patch.range.clone()])?;
            roundings.insert(patch.spec.name.to_string(), rounding);
            copied = patch.range.end;
        }
        self.write_bytes(&source[copied..])?;
        Ok(roundings)
    }
}

/// New values for a tensor of an existing file.
pub(crate) struct Patch<'a> {
    /// Name, shape and new type of the tensor.
    pub(crate) spec: TensorSpec<'a>,
    /// Range of the present data, in bytes from the start of the existing file.
    pub(crate) range: Range<usize>,
    /// New values of the whole tensor, in row-major order.
    pub(crate) values: &'a [f32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let target = folder.path().join("x");
        write_atomically(&target, b"old").expect("writes");
        let failed = write_with(&target, |out| -> Result<(), _> {
            out.write_bytes(b"new")?;
            Err(CheckpointError::NoModel)
        });
        assert!(matches!(failed, Err(CheckpointError::InFile { .. })));
        assert_eq!(std::fs::read(&target).expect("is there"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1);
        write_atomically(&target, b"new").expect("writes");
        assert_eq!(std::fs::read(&target).expect("is there"), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, b"").expect("writes");
        std::fs::write(&plain, b"").expect("writes");
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
