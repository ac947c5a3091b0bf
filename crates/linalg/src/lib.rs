//! Matrices and rank: the arithmetic of LASER (layer-selective rank reduction, arXiv 2312.13558),
//! without files and without models.
//!
//! A weight comes in as a [`MatrixView`]. [`decompose`] takes it apart once, exactly, and keeps the
//! result as an [`Svd`]; [`Spectrum`] describes the singular values. A [`RankRule`] turns ρ, an
//! absolute number or a share of the energy into a rank, [`truncate`] keeps that many components as
//! a [`LowRank`], and [`LowRank::materialise`] multiplies them out where a dense weight is wanted.
//! [`randomized_svd`] does what the reference implementation does instead of an exact decomposition.
//!
//! Besides the leading components: [`keep_components`] keeps any set of them, [`keep_largest`] the largest entries,
//! [`truncate_clusters`] truncates groups of rows one by one, and [`Whitened`] keeps what matters for the inputs whose
//! [`Covariance`] it is given. [`Tolerance`] is how all of it, and everything built on it, is compared.
//!
//! ```text
//! MatrixView ──decompose──▶ Svd ──truncate(rank)──▶ LowRank ──materialise──▶ Matrix
//!                            │         ▲
//!                            ▼         │ resolve(m, n, σ)
//!                         Spectrum  RankRule ◀── "0.01" | "r40" | "e0.9"
//! ```
//!
//! ```
//! use laser_linalg::{LowRank, Matrix, Method, RankRule, decompose, truncate};
//!
//! // The outer product of (1, 2) and (1, 0, 1), with a small disturbance in one corner.
//! let w = Matrix::new(2, 3, vec![1.0, 0.0, 1.0, 2.0, 0.0, 2.01])?;
//! let svd = decompose(w.view(), Method::Auto, 1)?;
//! let rule: RankRule = "0.5".parse()?;
//! let rank = rule.resolve(w.rows(), w.cols(), Some(&svd.s))?; // ⌊0.5 · 2⌋
//! let smaller = truncate(&svd, rank);
//!
//! assert_eq!((rank, smaller.parameters()), (1, 1 * (2 + 3)));
//! assert!(LowRank::relative_error(&svd, rank) < 0.002);
//! assert!((smaller.materialise(1).row(1)[2] - 2.01).abs() < 0.01);
//! # Ok::<(), laser_linalg::LinalgError>(())
//! ```

#![forbid(unsafe_code)]

mod backend;
mod compare;
mod covariance;
mod error;
mod low_rank;
mod magnitude;
mod masked;
mod matrix;
mod randomized_svd;
mod rank;
mod row_clusters;
#[cfg(test)]
mod samples;
mod spectrum;
mod svd;
mod truncate;
mod whitened;

pub use compare::{Difference, Tolerance, relative_error};
pub use covariance::Covariance;
pub use error::LinalgError;
pub use low_rank::LowRank;
pub use magnitude::keep_largest;
pub use masked::{error_of_components, keep_components};
pub use matrix::{Matrix, MatrixView};
pub use randomized_svd::randomized_svd;
pub use rank::{RankFraction, RankRule};
pub use row_clusters::{ClusteredRows, cluster_rows, truncate_clusters};
pub use spectrum::Spectrum;
pub use svd::{Method, Svd, decompose};
pub use truncate::{truncate, truncated, truncated_from};
pub use whitened::Whitened;
