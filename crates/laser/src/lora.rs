//! What a LoRA adapter does to the matrices of a model, measured against what LASER keeps and removes of them.
//!
//! For each adapted matrix W with W' = W + ΔW, and for each truncation to rank k:
//!
//! - `cut`: the energy of ΔW in kept and removed singular vectors of W, and the angles between them, each beside what an
//!   update with random directions would show;
//! - `cut`, too: how much of ΔW is left when both W and W' are truncated;
//! - `growth`: the change of each component, by deciles of its position;
//! - `intruders`: singular vectors of W' that are like none of W (Shuttleworth, Andreas, Torralba and Sharma 2024,
//!   arXiv 2410.21228).
//!
//! [`analyse`] takes one matrix, and [`AdapterSummary`] joins all. What the adapter does to the model's answers, with edits
//! before and after it, is measured apart: a [`Behaviour`] compares six models on the same items.

mod behaviour;
mod cut;
mod growth;
mod intruders;
mod matrix;
mod summary;

pub(crate) use behaviour::Subject;
pub use behaviour::{Behaviour, Cell, Interaction, ModelCell, Pair};
pub use cut::{Angle, Angles, Cut, CutRank, Share, ShareTable};
pub use growth::Decile;
pub use intruders::{IntruderCount, Intruders, NewVector};
pub use matrix::{AnalysedMatrix, MatrixPair, analyse};
pub use summary::{AdapterAnalysis, AdapterSummary, CutSummary, KindSummary};
