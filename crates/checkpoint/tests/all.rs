//! Tests of the file formats, in one binary: each binary would be linked with everything once more.

#[path = "support/gguf_bytes.rs"]
mod gguf_bytes;
mod gguf_names_and_parts;
mod hostile;
mod roundtrip;
