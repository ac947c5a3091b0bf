//! Model files as named tensors: reads safetensors and GGUF as `f32`, writes new files, and rewrites existing ones so
//! that only the edited values change. A tensor's name is just a name here: the crate knows no models.
//!
//! Data flow:
//!
//! 1. [`Checkpoint::open`] takes a folder of safetensors (one file, or shards with their index), a `.safetensors` file
//!    or a GGUF file, whole or a part of a split model. It maps the files into memory, reads their headers and checks every offset, count and size
//!    against the length of the file. Pickle files are refused, with advice on how to convert them.
//! 2. [`Checkpoint::tensors`] lists the [`TensorInfo`] of all tensors, sorted by name: element type ([`Dtype`]), shape
//!    (outermost dimension first in both formats), file, byte range. [`Checkpoint::gguf_metadata`] gives the
//!    [`Metadata`] of a GGUF file.
//! 3. [`Checkpoint::tensor`] gives a [`TensorView`]; [`TensorView::to_f32`] and [`TensorView::rows_to_f32`] convert
//!    F32, F16, BF16 and the block types Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K and MXFP4 into `f32`. MXFP4 in
//!    safetensors, whose exponents are a tensor of their own, is one tensor by the name `…_blocks+_scales`. A NaN or an infinity
//!    is an error that names its coordinates.
//! 4. [`safetensors::rewrite_folder`], [`safetensors::rewrite`] and [`gguf::rewrite`] copy a checkpoint with the values
//!    of some tensors replaced, and report the [`Rounding`] error of each. All other bytes stay, and so do the blocks
//!    of an edited tensor whose values do not change.
//! 5. [`safetensors::write_folder`], [`safetensors::write()`] and [`gguf::write()`] write new files from
//!    [`NewTensor`]s.
//! 6. [`stored_values`] and [`TensorView::values_after_rewrite`] compute beforehand which values such a file will give
//!    when it is read back.
//!
//! Every file is written under a temporary name beside its target, synced and renamed ([`write_atomically`]), so that
//! readers see the old file or the new one and nothing in between.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use laser_checkpoint::{Checkpoint, Dtype, NewTensor, safetensors};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.safetensors");
//! let weight = NewTensor::new("weight", Dtype::F16, &[2, 2], || Ok(vec![1.0, 2.0, 3.0, 4.0]));
//! safetensors::write(&path, vec![weight], &BTreeMap::new())?;
//!
//! let checkpoint = Checkpoint::open(&path)?;
//! let weight = checkpoint.tensor("weight")?;
//! assert_eq!((weight.info().dtype, weight.info().shape.as_slice()), (Dtype::F16, [2, 2].as_slice()));
//! assert_eq!(weight.rows_to_f32(1..2)?, [3.0, 4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//! Opening takes memory in proportion to the headers, and reading a tensor takes four bytes for each value. The number
//! of tensors is bounded only by the size of the header. A file must not be changed in place while it is open here;
//! replacing it by renaming another file is safe. GGUF is read in versions 2 and 3, little-endian.
//!
//! # Errors
//! Every function returns [`CheckpointError`], which names the file. [`CheckpointError::problem`] gives the condition,
//! one variant for each, and [`CheckpointError::kind`] sorts the conditions into a few [kinds](CheckpointErrorKind).

#![deny(unsafe_code)]

mod checkpoint;
mod codec;
mod dtype;
mod error;
pub mod gguf;
mod mapping;
mod new_tensor;
mod output_file;
mod parse_dtype;
mod rounding;
pub mod safetensors;
mod stand_in;
mod tensor;
mod tensor_entry;
mod two_part_tensor;

pub use checkpoint::{Checkpoint, Format};
pub use codec::{CodeFormat, stored_values};
pub use dtype::Dtype;
pub use error::{CheckpointError, CheckpointErrorKind, SplitError};
pub use gguf::metadata::{Array, Metadata, Value};
pub use new_tensor::{NewTensor, TensorValues};
pub use output_file::write_atomically;
pub use rounding::Rounding;
pub use stand_in::StandIn;
pub use tensor::{TensorInfo, TensorView};
