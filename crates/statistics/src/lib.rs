//! Statistics of evaluations: takes per-item outcomes as plain slices, gives estimates, intervals, p-values and splits.
//!
//! Imports nothing of this project, so that each number can be checked against its formula alone. Conventions:
//!
//! - Every function is pure; functions that draw random numbers take a seed and give the same result for the same seed.
//! - Shares, accuracies and rates are fractions in 0..=1, not percent.
//! - Slices passed to one call describe the same items in the same order. Unequal lengths are a bug of the caller and
//!   panic.
//! - Items about one subject (paraphrases of one fact, questions on one text) share a *group*, given as one id per
//!   item. Intervals, permutations and splits move whole groups, so that copies of an item do not count as evidence.
//!
//! In the order in which a search uses them:
//!
//! 1. [`assign_split`] (or [`paper_split`]) divides groups into search, validation and test items; [`group_ids`]
//!    numbers the groups.
//! 2. [`catch_up_probability`] and [`may_lead`](fn@may_lead) decide when a race drops a candidate; [`rank_correlation`](fn@rank_correlation)
//!    compares a cheap prediction with measured scores.
//! 3. [`shrink`] corrects the measured gains of the finalists for the luck of being the best.
//! 4. [`mean`], [`clustered_stderr`], [`effective_items`] and [`wilson_ci95`] summarise one model;
//!    [`balanced_accuracy`](fn@balanced_accuracy), [`most_frequent`] and [`constant_answer_rate`] are the accuracies to
//!    compare it with.
//! 5. [`PairedOutcomes`], [`bootstrap_ci95`] and [`mcnemar_exact_p`] compare the winner with the unedited model;
//!    [`minimal_detectable_difference`] gives the difference that the comparison could have detected.
//! 6. [`family_wise`](fn@family_wise) corrects the search's best result for the number of candidates tried.
//!
//! Studies of several models use these too: [`TwoByTwo`] and [`mantel_haenszel`] say whether two edits fix the same items,
//! [`tost`] whether two numbers are shown to be equal, [`cochran_armitage`] and [`logistic_fit`] whether a rate follows a
//! frequency, [`permutation_p`] and [`rank_correlation_p`] whether two values of items go together,
//! [`bootstrap_ratio_ci95`] how sure a ratio is, [`linear_cka`] how alike two models' states are, and
//! [`nested_bootstrap_ci95`] gives intervals over worlds of items.
#![forbid(unsafe_code)]

mod balanced_accuracy;
mod bootstrap;
mod catch_up;
mod constant_answer;
mod equivalence;
mod family_wise;
mod groups;
mod logistic;
mod may_lead;
mod nested_bootstrap;
mod paired;
mod permutation;
mod power;
mod rank_correlation;
mod shrinkage;
mod similarity;
mod special;
mod split;
mod summary;
mod trend;
mod two_by_two;

pub use balanced_accuracy::balanced_accuracy;
pub use bootstrap::{bootstrap_ci95, bootstrap_ratio_ci95};
pub use catch_up::catch_up_probability;
pub use constant_answer::{ConstantAnswer, FrequentAnswer, constant_answer_rate, most_frequent};
pub use equivalence::{EquivalenceTest, t_interval95, tost};
pub use family_wise::{FamilyWiseTest, family_wise};
pub use groups::{group_ids, group_sums};
pub use logistic::{LogisticFit, logistic_fit};
pub use may_lead::may_lead;
pub use nested_bootstrap::nested_bootstrap_ci95;
pub use paired::{PairedOutcomes, differences, mcnemar_exact_p};
pub use permutation::permutation_p;
pub use power::minimal_detectable_difference;
pub use rank_correlation::{rank_correlation, rank_correlation_p};
pub use shrinkage::{Estimate, shrink};
pub use similarity::linear_cka;
pub use special::{normal_cdf, student_t_cdf, student_t_quantile};
pub use split::{Fractions, FractionsError, Split, assign_split, paper_split};
pub use summary::{clustered_stderr, effective_items, mean, wilson_ci95};
pub use trend::{TrendTest, cochran_armitage};
pub use two_by_two::{OddsRatio, TwoByTwo, mantel_haenszel};

/// 97.5 % quantile of the standard normal distribution.
const Z_975: f64 = 1.959_963_984_540_054;
/// 80 % quantile of the standard normal distribution.
const Z_80: f64 = 0.841_621_233_572_914_2;
