//! Prints the largest singular values of a model's MLP input matrices, with their effective and stable ranks.
//!
//! `cargo run --example spectrum -- [MODEL]`; without arguments, a tiny model.
#![allow(clippy::print_stdout)] // an example prints

use laser::edit::parse_selector;
use laser::linalg::Spectrum;
use laser::{Session, SvdMethod};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/tiny/llama-bytes");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = Session::open(&std::env::args().nth(1).unwrap_or_else(|| MODEL.to_owned()))?;
    let model = session.load()?;
    let truncation = session.truncation(SvdMethod::Exact);
    for id in parse_selector("fc_in", session.config())? {
        let matrix = model.matrix(id)?;
        let svd = truncation.svd(id, &matrix)?;
        let spectrum = Spectrum::new(svd.s, matrix.rows(), matrix.cols())?;
        println!(
            "{id} [{}, {}]: σ₁ {:.3}, effective rank {:.1}, stable rank {:.1}",
            matrix.rows(),
            matrix.cols(),
            spectrum.values()[0],
            spectrum.effective_rank(),
            spectrum.stable_rank()
        );
    }
    Ok(())
}
