//! Model files as a transformer that runs on the CPU or a GPU: takes a Hugging Face folder or a GGUF file, gives
//! logits.
//!
//! How data flows:
//!
//! 1. [`ModelFiles::open`] opens the files as a [`laser_checkpoint::Checkpoint`], reads the configuration, and checks
//!    that the tensors match it.
//! 2. [`arch`] decides which [`Family`] the files belong to and reads `config.json` or GGUF metadata into a
//!    [`ModelConfig`], the description of the one generic block that all families share.
//! 3. [`ModelFiles::tokenizer`] reads the [`tokenizer::Tokenizer`]: text ↔ tokens.
//! 4. [`ModelFiles::load`] reads the weights into a [`Model`], every matrix `[out, in]`; [`tensor_layout`] knows where
//!    each is stored. [`device`] chooses the device.
//!    [`ModelFiles::with_adapters`] merges LoRA adapters into them as they are read.
//! 5. A [`WeightId`] names a matrix (`L27.gate_proj`), [`Model::matrix`] gives its values, and
//!    [`Model::with_replacements`] gives a model with other values, which shares all other weights.
//! 6. [`forward`] runs a model on a batch of tokens; [`Model::head`] turns hidden states into logits. [`parallel`] runs
//!    several batches at once.
//!
//! The modules [`forward`], [`tensor_layout`], [`weights`] and [`arch`] are the low level, for code that needs parts of
//! a forward pass or writes model files. The types at the root are enough to open, inspect and edit a model.
#![forbid(unsafe_code)]

mod adapter;
pub mod arch;
pub mod config;
pub mod device;
pub mod error;
pub mod forward;
mod layer_turns;
mod lenient_json;
pub mod load;
pub mod meter;
mod model;
mod model_kind;
pub mod new_files;
pub mod parallel;
pub mod parameters;
mod read_ahead;
pub mod rope;
pub mod tensor_layout;
pub mod tokenizer;
pub mod weight_id;
pub mod weights;

/// The tensor library, whose `Device`, `DType` and `Tensor` are part of this crate's interface.
pub use candle_core as candle;

pub use adapter::Adapter;
pub use arch::family::Family;
pub use config::ModelConfig;
pub use error::{Error, ErrorKind, Result};
pub use load::ModelFiles;
pub use meter::ForwardWork;
pub use model::{Model, Replacement};
pub use model_kind::ModelKind;
pub use weight_id::{MatrixPart, WeightId, WeightKind};
