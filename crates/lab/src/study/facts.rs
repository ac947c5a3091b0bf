//! What does an edit of a fact-world model fix? The paper's figures 3 and 5 where frequency and noise are known exactly.
//!
//! A model is trained on each of several worlds, and every edit of one matrix is tried on the search half of its facts.
//! On the other half, the best one is measured: flips by frequency, classes of answers before and after, what the removed
//! components say by themselves, and controls that take as much away in another way.

mod bottoms;
mod measure;
mod pooled;
mod run;
mod sections;
mod subject;

pub use bottoms::BottomPoint;
pub use measure::{Example, WorldResult};
pub use pooled::{Mean, Pooled, PooledBottom, PooledControl};
pub use run::{FactStudy, StudyResult};
pub use subject::{Control, HalfScore};
