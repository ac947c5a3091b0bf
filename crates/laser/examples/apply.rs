//! Applies an edit to a model, writes the result as a Hugging Face folder, and says how exactly it was stored.
//!
//! `cargo run --example apply -- [MODEL [EDIT]]`; without arguments, a tiny model.
#![allow(clippy::print_stdout)] // an example prints

use laser::Session;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/tiny/llama-bytes");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let session = Session::open(&arguments.next().unwrap_or_else(|| MODEL.to_owned()))?;
    let edit = session.edit(&arguments.next().unwrap_or_else(|| "L*.fc_out@0.25".to_owned()))?.edit;

    let out = tempfile::tempdir()?;
    let written = session.apply(&edit)?.write(out.path().join("edited"))?;
    for matrix in &written.matrices {
        println!("{} as {}: relative rounding error {:.1e}", matrix.matrix, matrix.dtype, matrix.relative);
    }
    println!("{} files", written.files.len());
    Ok(())
}
