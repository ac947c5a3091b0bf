//! Tensor operations of the forward pass, and their gradients.
//!
//! All activations are `[rows, width]`, one row per token, without padding; a sequence is a range of consecutive rows.
//! The order in which a forward pass meets the files of this crate:
//!
//! 1. [`batch_layout`] says which rows form a sequence and which earlier rows they attend to; [`kv_cache`] holds the
//!    keys and values of those earlier rows.
//! 2. [`weight`] holds one matrix of the model. On the CPU in f32 it is [`packed`]: stored once, in the order in which
//!    the matrix product reads it; or it stays in its file, and [`row_reader`] reads it for each product. [`variants`]
//!    holds several truncations of one matrix, which run side by side.
//! 3. [`norm`], [`linear`], [`rope`], [`attention`] and [`activation`] are the operations of a transformer block, and
//!    [`convolution`] is one that may stand in place of attention.
//! 4. [`logits`] reduces a row of logits to its most likely token, margin and log-partition.
//! 5. [`differentiable`] starts a backward pass through these operations.
//!
//! Each operation is a file with the function that callers use, and up to three implementations below it:
//!
//! - `fused`: one hand-written CPU kernel for f32 values that need no gradient. Sums run in a fixed order, so that the
//!   bits of a result depend neither on the number of threads nor on the other rows of the batch.
//! - `gradient`: the same kernel for f32 values on the CPU that need a gradient, with a kernel for the gradient.
//! - `composed`: composed of the tensor library's operations, for every device and data type; differentiable too.
//!
//! `unsafe` code: this is the only crate with numeric code that needs it. It is denied here and allowed only in
//! the module `matmul` (the call of the `gemm` crate takes pointers), in `packed::product` (threads write to disjoint
//! columns of one output), in `packed::tile` (SIMD instructions) and in `tensor_library` (the environment). Each use has a
//! comment `SAFETY`.

#![deny(unsafe_code)]

pub mod activation;
pub mod attention;
pub mod batch_layout;
pub mod convolution;
pub mod differentiable;
mod elementary;
pub mod float_type;
mod host;
pub mod kv_cache;
pub mod linear;
pub mod logits;
mod matmul;
mod matrix_view;
pub mod norm;
pub mod packed;
pub mod rope;
pub mod row_reader;
mod sums;
pub mod tensor_library;
#[cfg(test)]
mod testing;
pub mod variants;
pub mod weight;

pub use candle_core::{Error, Result};
pub use elementary::exp;
pub use host::with_values;
