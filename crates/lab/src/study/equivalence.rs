//! Is pruning the model like pruning the training data? The paper's open question, asked where the noise is known.
//!
//! [`Arm`]s prune the corpus of a world in different ways; models trained on them are compared with the full model and its
//! best edit: [`overlap()`] says whether the same facts are fixed, and [`rule`] decides by a rule that is written down first.

mod arm;
mod arm_rows;
mod evidence;
mod overlap;
mod removed_share;
pub mod rule;
mod run;
mod sections;
mod world_runs;

pub use arm::{Arm, DROPPED_PERCENT, MATCH_GRID, RARE_BELOW};
pub use arm_rows::{ArmRow, OverWorlds};
pub use overlap::{Overlap, WrongFact, WrongFacts, overlap, strata};
pub use run::{EquivalenceResult, EquivalenceStudy};
