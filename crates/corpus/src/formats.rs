//! Forms of files: each module reads one from a stream and hands its documents to a sink.

pub(crate) mod json_array;
pub(crate) mod json_lines;
mod json_text;
mod lines;
pub(crate) mod plain_text;
pub(crate) mod warc;
pub(crate) mod zstd_frames;

/// The end of a stream that cannot be read on.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Line, byte or record.
    pub(crate) place: String,
    /// Error of the stream.
    pub(crate) error: std::io::Error,
}

impl Broken {
    /// Names the place of an error.
    pub(crate) fn at(place: impl FnOnce() -> String) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self { place: place(), error }
    }
}

#[cfg(test)]
mod tests;
