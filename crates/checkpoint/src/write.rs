//! Files written whole or not at all, and the pieces both formats write with.
//!
//! Everything goes to a temporary file beside the target, is synced, and takes the target's name in one step. Whoever
//! has the old file open or mapped keeps the old bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crate::codec::Slot;
use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// Writes `bytes` to `target`, atomically.
///
/// # Errors
/// [`CheckpointError::Io`], in the name of `target`.
pub fn write_atomically(target: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    atomically(target, |sink| sink.put(bytes))
}

/// Gives `write` a sink whose bytes become `target` when it succeeds, and vanish when it fails.
pub(crate) fn atomically<T>(
    target: &Path,
    write: impl FnOnce(&mut Sink<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    replace(target, write).map_err(|problem| problem.in_file(target))
}

fn replace<T>(
    target: &Path,
    write: impl FnOnce(&mut Sink<'_>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".laser-");
    #[cfg(unix)]
    {
        // The usual rights of a new file, less the user's mask; temporary files are private otherwise.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(CheckpointError::io("create a temporary file beside it"))?;
    let mut sink = Sink { out: BufWriter::with_capacity(1 << 20, file.as_file_mut()), written: 0 };
    let result = write(&mut sink)?;
    sink.out.flush().map_err(CheckpointError::io("write"))?;
    drop(sink);
    file.as_file().sync_all().map_err(CheckpointError::io("sync"))?;
    file.persist(target).map_err(|failed| CheckpointError::io("rename the finished file")(failed.error))?;
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(CheckpointError::io("sync the folder"))?;
    Ok(result)
}

/// A file being written.
pub(crate) struct Sink<'a> {
    out: BufWriter<&'a mut File>,
    written: usize,
}

impl Sink<'_> {
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.written += bytes.len();
        self.out.write_all(bytes).map_err(CheckpointError::io("write"))
    }

    /// Writes zeros up to the next multiple of `alignment`.
    pub(crate) fn pad(&mut self, alignment: usize) -> Result<(), CheckpointError> {
        let missing = self.written.next_multiple_of(alignment) - self.written;
        self.put(&vec![0; missing])
    }

    /// Stores a tensor's values, in place of `old` as [`Slot::encode`] has it; gives what rounding cost.
    pub(crate) fn put_values(
        &mut self,
        slot: &Slot<'_>,
        values: &[f32],
        old: &[u8],
    ) -> Result<Rounding, CheckpointError> {
        let mut sums = RoundingSums::default();
        let mut rest = values;
        slot.encode(values, old, |bytes, stored| {
            let (piece, after) = rest.split_at(stored.len());
            rest = after;
            sums.add(piece, stored);
            self.put(bytes)
        })?;
        Ok(sums.rounding())
    }

    /// Copies `source` with some tensors' values replaced in place; gives what rounding cost, by tensor.
    pub(crate) fn put_patched(
        &mut self,
        source: &[u8],
        mut patches: Vec<Patch<'_>>,
    ) -> Result<BTreeMap<String, Rounding>, CheckpointError> {
        patches.sort_by_key(|patch| patch.range.start);
        let mut cost = BTreeMap::new();
        let mut at = 0;
        for patch in patches {
            self.put(&source[at..patch.range.start])?;
            let rounding = self.put_values(&patch.slot, patch.values, &source[patch.range.clone()])?;
            cost.insert(patch.slot.tensor.to_string(), rounding);
            at = patch.range.end;
        }
        self.put(&source[at..])?;
        Ok(cost)
    }
}

/// New values for a tensor whose type and shape stay.
pub(crate) struct Patch<'a> {
    pub(crate) slot: Slot<'a>,
    /// The tensor's bytes in the source.
    pub(crate) range: Range<usize>,
    pub(crate) values: &'a [f32],
}

/// How far the stored values s are from the wanted ones w.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rounding {
    /// max |s − w|
    pub max_abs: f64,
    /// ‖s − w‖ / ‖w‖ over all elements, 0 where w is all zeros and stored so.
    pub relative: f64,
}

#[derive(Default)]
struct RoundingSums {
    max_abs: f64,
    error: f64,
    norm: f64,
}

impl RoundingSums {
    fn add(&mut self, wanted: &[f32], stored: &[f32]) {
        for (&wanted, &stored) in wanted.iter().zip(stored) {
            let error = f64::from(stored) - f64::from(wanted);
            self.max_abs = self.max_abs.max(error.abs());
            self.error += error * error;
            self.norm += f64::from(wanted) * f64::from(wanted);
        }
    }

    fn rounding(&self) -> Rounding {
        let relative = match self.error > 0.0 {
            true => (self.error / self.norm).sqrt(),
            false => 0.0,
        };
        Rounding { max_abs: self.max_abs, relative }
    }
}

/// A tensor for a new file; its values are asked for when their turn comes, so that one at a time is in memory.
pub struct NewTensor<'a> {
    /// Its name.
    pub name: String,
    /// The type to store it in; a weight type.
    pub dtype: Dtype,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// Gives its values, row-major.
    pub values: Values<'a>,
}

/// Makes a tensor's values; called once.
pub type Values<'a> = Box<dyn FnOnce() -> Result<Vec<f32>, CheckpointError> + 'a>;

impl<'a> NewTensor<'a> {
    /// A tensor whose values `values` makes.
    pub fn new(
        name: impl Into<String>,
        dtype: Dtype,
        shape: &[usize],
        values: impl FnOnce() -> Result<Vec<f32>, CheckpointError> + 'a,
    ) -> Self {
        Self { name: name.into(), dtype, shape: shape.to_vec(), values: Box::new(values) }
    }

    pub(crate) fn slot(&self) -> Slot<'_> {
        Slot { tensor: &self.name, dtype: self.dtype, shape: &self.shape }
    }

    /// Makes the values and writes them.
    pub(crate) fn put(self, sink: &mut Sink<'_>) -> Result<(), CheckpointError> {
        let values = (self.values)()?;
        let slot = Slot { tensor: &self.name, dtype: self.dtype, shape: &self.shape };
        sink.put_values(&slot, &values, &[])?;
        Ok(())
    }
}

impl fmt::Debug for NewTensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewTensor({:?}, {}, {:?})", self.name, self.dtype, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let target = folder.path().join("x");
        write_atomically(&target, b"old").expect("writes");
        let failed = atomically(&target, |sink| -> Result<(), _> {
            sink.put(b"new")?;
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
    fn others_may_read_the_file_as_the_mask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, b"").expect("writes");
        std::fs::write(&plain, b"").expect("writes");
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn rounding_is_measured_against_the_wanted_values() {
        let mut sums = RoundingSums::default();
        sums.add(&[3.0, 4.0], &[3.0, 4.5]);
        assert_eq!(sums.rounding(), Rounding { max_abs: 0.5, relative: 0.1 });
        assert_eq!(RoundingSums::default().rounding(), Rounding::default());
    }
}
