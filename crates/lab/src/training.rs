//! Training: takes a configuration and examples, gives the parameters of a model.
//!
//! One step:
//!
//! 1. [`Examples::batch`] gives the examples of the step as [slices](Slice), whose number and order do not depend on the
//!    number of threads.
//! 2. [`ParameterSet::model`] makes a model of the parameters; `backward` runs each slice through the generic block,
//!    forward and backward, and gives its loss and its gradient. Slices run side by side, one on each thread.
//! 3. Gradients are summed in the order of the slices, clipped, and [`AdamW`] changes the parameters.
//!
//! [`LowRankParameters`] trains a LoRA adapter of a frozen model in the same way ([`Trainable`]). [`Trainer`] repeats this,
//! writes a journal and, now and then, its whole state, from which a later run goes on to the same bytes.

mod adamw;
mod architecture;
mod backward;
mod initial;
mod journal;
mod low_rank;
mod parameter_set;
mod schedule;
mod slice;
mod state;
mod text;
mod trainable;
mod trainer;
mod write;

pub use adamw::{AdamW, AdamWSettings};
pub use architecture::{Architecture, ModelSizes, read_config};
pub use backward::{SliceGradient, differentiate};
pub use journal::{JOURNAL, JournalLine};
pub use low_rank::{AdaptedModule, LowRankParameters};
pub use parameter_set::{Leaves, ParameterSet};
pub use schedule::{Decay, Schedule};
pub use slice::{Examples, Slice, Target};
pub use text::{Sequence, TextExamples};
pub use trainable::Trainable;
pub use trainer::{Trainer, TrainingSettings};
pub use write::write_model;
