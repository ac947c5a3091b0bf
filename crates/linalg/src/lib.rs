//! Matrices and rank.
