//! The tables and figures of the LASER paper (arXiv 2312.13558) for any model, beside the paper's own numbers.
//!
//! [`reproduce`] runs what an [`Exhibit`] needs with a [`laser::Session`], by the paper's protocol (its prompts, scores, grids
//! and splits, profile and protocol `paper`) and, where an edit is chosen, by the honest one beside it (clean prompts, three
//! splits, a proof on items that chose nothing), and gives a [`Reproduction`]: a page and its numbers. Searches and sweeps keep
//! their trials in the folder of the reproduction, so that a stopped one goes on and one exhibit uses what another has tried.
#![forbid(unsafe_code)]

mod best_layers;
mod components;
mod composition;
mod data_set;
mod exhibit;
mod frequency;
mod layers;
mod options;
mod outcome;
mod over_reduction;
mod paraphrases;
mod perplexity;
mod published;
mod reproduction;
mod spectra;
mod table;
mod workshop;

pub use data_set::{DATA_SETS, DataSet};
pub use exhibit::Exhibit;
pub use options::ReproduceOptions;
pub use published::{Claim, PaperModel, PublishedCell};
pub use reproduction::{Reproduction, reproduce};
