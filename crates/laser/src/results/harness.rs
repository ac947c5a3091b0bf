//! Results and samples under the names of lm-evaluation-harness.

mod measure;
pub mod output;
mod stderr;

pub use output::{Output, sample_files};
