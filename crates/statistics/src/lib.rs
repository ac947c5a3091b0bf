//! Statistics: takes per-item outcomes as plain slices, gives estimates, intervals and p-values.
//!
//! Sits after `evaluate` and before `results`. Every function is pure; whatever is random takes a
//! seed. Fractions are fractions (0..1) here; percent and points appear only where text is written.
//!
//! Items that belong together (paraphrases of one fact, questions on one subject) share a *group*;
//! intervals and permutations move whole groups, so copies of an item do not count as evidence.
//! Slices of one call describe the same items in the same order; unequal lengths are a caller's bug
//! and panic.

mod balanced;
mod bootstrap;
mod catch_up;
mod groups;
mod majority;
mod max_statistic;
mod paired;
mod power;
mod rank_correlation;
mod split;
mod summary;

pub use balanced::{Constant, balanced_accuracy};
pub use bootstrap::bootstrap_ci95;
pub use catch_up::catch_up_probability;
pub use groups::{group_ids, group_sums};
pub use majority::{Frequent, constant_answer_rate, most_frequent};
pub use max_statistic::{FamilyWise, family_wise};
pub use paired::{Paired, differences, mcnemar_exact_p};
pub use power::minimal_detectable_difference;
pub use rank_correlation::rank_correlation;
pub use split::{Fractions, FractionsError, Split, assign_split, paper_split};
pub use summary::{clustered_stderr, effective_items, mean, wilson_ci95};

/// The 97.5 % quantile of the standard normal distribution.
const Z_975: f64 = 1.959_963_984_540_054;
/// The 80 % quantile of the standard normal distribution.
const Z_80: f64 = 0.841_621_233_572_914_2;
