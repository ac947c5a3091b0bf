//! Decompression of a sequence of zstd frames: files of parallel compressors have many, and some have frames to skip.

use std::io::{self, BufRead, Read};

/// Largest window of a frame, as a power of two: 128 MiB, that of `zstd --long`. The decoder takes as much address space for a
/// frame that asks for it, and fills it as it decodes.
const LARGEST_WINDOW_LOG: u32 = 27;

/// Reader of the text in the zstd frames of `source`. Of a frame that is cut or damaged, the text before the damage is read.
///
/// # Errors
/// If the decoder cannot be set up.
pub(crate) fn reader<R: BufRead>(source: R) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
    decoder.window_log_max(LARGEST_WINDOW_LOG)?;
    Ok(decoder)
}
