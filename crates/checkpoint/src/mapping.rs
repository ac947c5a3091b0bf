//! Files mapped into memory, read-only. This is the only file of the crate with `unsafe` code.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::error::CheckpointError;
use crate::stand_in::StandIn;

/// A whole file, mapped read-only; the system reads a page when it is first accessed.
#[derive(Debug)]
pub(crate) struct Mapping(Mmap);

impl Mapping {
    /// Maps the file of weights at `path`.
    ///
    /// # Errors
    /// All errors name the file: [`CheckpointError::Io`] if it cannot be opened or mapped, [`CheckpointError::StandIn`] if
    /// it is a Git LFS pointer, a web page or another text.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(|e| CheckpointError::io("open the file")(e).in_file(path))?;
        // SAFETY: nobody may truncate or overwrite the file while it is mapped. This crate keeps that promise by
        // replacing files through rename, which leaves a mapped one untouched; the user who runs the program keeps it
        // by not editing model files in place meanwhile.
        let map = unsafe { Mmap::map(&file) };
        let map = map.map_err(|e| CheckpointError::io("map the file into memory")(e).in_file(path))?;
        match StandIn::of_weights(&map) {
            Some(found) => Err(CheckpointError::StandIn { found }.in_file(path)),
            None => Ok(Self(map)),
        }
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Asks the system to read a range of bytes into memory, in the background. Waits while the disk has much to do.
    pub(crate) fn read_ahead(&self, range: Range<usize>) {
        // Linux follows each advice only as far as it reads ahead by itself, usually 128 KiB.
        const STEP: usize = 128 << 10;
        #[cfg(unix)]
        for start in range.clone().step_by(STEP) {
            let len = STEP.min(range.end - start);
            // If the system refuses, it reads the pages at the first access.
            let _ = self.0.advise_range(memmap2::Advice::WillNeed, start, len);
        }
    }

    /// Releases the memory of the pages of a range of bytes; they are read from the file again at the next access.
    pub(crate) fn release_pages_of(&self, range: Range<usize>) {
        // SAFETY: the map is of a file, shared and read-only, so dropping its pages loses nothing: the same bytes come
        // back at the next access. If the system refuses, it keeps the pages, which is harmless.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
    }

    /// Releases the memory of all pages read so far.
    pub(crate) fn release_pages(&self) {
        self.release_pages_of(0..self.0.len());
    }
}
