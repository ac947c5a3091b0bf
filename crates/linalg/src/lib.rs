//! Matrix arithmetic of LASER (layer-selective rank reduction, arXiv 2312.13558): singular value decompositions, rank
//! rules and low-rank approximations of dense f32 matrices. The crate reads no files and knows no models.
//!
//! A weight matrix passes through it in these steps:
//!
//! 1. A [`Matrix`] owns row-major f32 elements; a [`MatrixView`] borrows them, for example from a loaded tensor.
//! 2. [`decompose`] computes the exact [`Svd`] once, and that decomposition serves every rank. [`randomized_svd`]
//!    computes the approximation that the paper's reference implementation uses, for comparisons.
//! 3. [`Spectrum`] describes the singular values: energy, effective rank, estimated noise.
//! 4. [`RankRule::resolve`] turns a rule (`0.01`, `r40` or `e0.9`) into a rank. A [`RankFraction`] holds ρ exactly.
//! 5. [`truncate`] keeps the leading components as the two factors of a [`LowRank`], and [`LowRank::materialise`]
//!    multiplies the factors into a dense matrix, with the same bits on every machine; [`LowRank::subtract_from`] takes
//!    them from a matrix. [`truncate_matrix`] goes from a matrix to the dense result in one call, and
//!    [`truncate_matrix_with_svd`] does so from a decomposition that exists already.
//! 6. Four functions reduce a matrix in other ways. [`keep_components`] keeps any set of components, and
//!    [`relative_error_of_components`] says what this loses; [`keep_largest`] keeps the largest entries;
//!    [`cluster_rows`] and [`truncate_clusters`] truncate groups of rows one by one; [`WhitenedSvd`] keeps what changes
//!    the outputs least for inputs with a given [`Covariance`].
//! 7. [`decompose_product`] decomposes a product of thin factors, and [`Alignment`] says where such an update of a matrix
//!    lies in the matrix's singular vectors.
//! 8. [`Tolerance::check`] compares two slices value by value, and [`relative_error`] compares two matrices as a whole.
//!
//! ```text
//! MatrixView ──decompose──▶ Svd ──truncate(rank)──▶ LowRank ──materialise──▶ Matrix
//!                            │         ▲
//!                            ▼         │ resolve(m, n, σ)
//!                         Spectrum  RankRule ◀── "0.01" | "r40" | "e0.9"
//! ```
//!
//! Functions that can fail return a [`LinalgError`]; [`LinalgError::kind`] sorts the errors into a few
//! [kinds](LinalgErrorKind).
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

mod alignment;
mod backend;
mod compare;
mod components;
mod covariance;
mod error;
mod implied_vectors;
mod low_rank;
mod magnitude;
mod matrix;
mod ordered_product;
mod product_svd;
mod randomized_svd;
mod rank;
mod row_clusters;
mod spectrum;
mod svd;
#[cfg(test)]
mod test_matrices;
mod truncate;
mod whitened;

pub use alignment::{Alignment, Gram, HaarFrame, Shares, Side};
pub use compare::{Difference, Tolerance, relative_error};
pub use components::{keep_components, relative_error_of_components};
pub use covariance::Covariance;
pub use error::{LinalgError, LinalgErrorKind};
pub use implied_vectors::{SmallerFactor, implied_vectors};
pub use low_rank::LowRank;
pub use magnitude::keep_largest;
pub use matrix::{Matrix, MatrixView};
pub use product_svd::decompose_product;
pub use randomized_svd::randomized_svd;
pub use rank::{RankFraction, RankRule};
pub use row_clusters::{ClusteredRows, cluster_rows, truncate_clusters};
pub use spectrum::Spectrum;
pub use svd::{Method, Svd, decompose};
pub use truncate::{truncate, truncate_matrix, truncate_matrix_with_svd};
pub use whitened::WhitenedSvd;
