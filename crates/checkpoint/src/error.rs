//! Everything that can be wrong with a model file, one variant a condition.
//!
//! The parsers see bytes and know no paths; whoever opened the file wraps what they report in
//! [`CheckpointError::InFile`], so that the file is named once and everywhere. [`CheckpointError::problem`] gives the
//! condition itself back.

use std::path::{Path, PathBuf};

use crate::dtype::Dtype;

/// How to turn a pickle checkpoint into one that can be read.
const CONVERT: &str = "convert it where you trust it: python -c \"from transformers import AutoModelForCausalLM as M; \
     M.from_pretrained('DIR').save_pretrained('NEW_DIR', safe_serialization=True)\"";

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Something is wrong with, or inside, this file; `problem` says what.
    #[error("{}: {problem}", file.display())]
    InFile {
        /// The file or folder concerned.
        file: PathBuf,
        /// The condition.
        problem: Box<CheckpointError>,
    },
    /// The operating system refused an operation.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },

    // Finding the model.
    /// A folder has neither safetensors nor pickle weights.
    #[error("no `model.safetensors`, `model.safetensors.index.json` or single `*.safetensors` file in this folder")]
    NoModel,
    /// A folder has several safetensors files and no index that says how they belong together.
    #[error("expected `model.safetensors.index.json` or one safetensors file, found {}", found.join(", "))]
    NoIndex {
        /// The candidates, sorted.
        found: Vec<String>,
    },
    /// The weights are a pickle, which can run code when it is read.
    #[error("`{found}` is a pickle file, which is not read because it can run code; {CONVERT}")]
    Pickle {
        /// The pickle's file name.
        found: String,
    },
    /// A path's ending is not that of a known format.
    #[error("expected a folder, a `.safetensors` file or a `.gguf` file")]
    UnknownFormat,

    // Any file.
    /// The file ends inside something.
    #[error("truncated: {what} needs {needed} bytes, {available} are left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes it takes.
        needed: u64,
        /// Bytes the file still has.
        available: u64,
    },
    /// A tensor's element type is not known.
    #[error("tensor `{tensor}`: unknown element type {found}")]
    UnknownDtype {
        /// The tensor.
        tensor: String,
        /// The type as the file gives it.
        found: String,
    },
    /// A tensor is described twice.
    #[error("tensor `{tensor}` occurs twice")]
    DuplicateTensor {
        /// The repeated name.
        tensor: String,
    },
    /// A shape's element or byte count does not fit the address space.
    #[error("tensor `{tensor}`: the size of shape {shape:?} overflows")]
    ShapeOverflow {
        /// The tensor.
        tensor: String,
        /// Its shape, outermost first.
        shape: Vec<u64>,
    },
    /// Rows are not made of whole quantisation blocks.
    #[error("tensor `{tensor}`: expected a multiple of {block} elements for {dtype}, found {found}")]
    PartialBlock {
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Elements in one block.
        block: usize,
        /// Elements in a row (GGUF) or in the tensor (safetensors).
        found: usize,
    },
    /// A tensor's data lie, partly at least, behind the end of the file.
    #[error("tensor `{tensor}`: data end at byte {end}, but the file has {available}")]
    OutOfRange {
        /// The tensor.
        tensor: String,
        /// Where its data should end, from the start of the file.
        end: u64,
        /// The file's length.
        available: u64,
    },
    /// Two tensors share bytes.
    #[error("tensor `{tensor}`: data start at byte {start}, inside `{other}`, which ends at {end}")]
    Overlap {
        /// The later tensor.
        tensor: String,
        /// Its start.
        start: u64,
        /// The tensor before it.
        other: String,
        /// Where that one ends.
        end: u64,
    },

    // Safetensors.
    /// The JSON header announces more bytes than the format allows.
    #[error("header of {found} bytes, allowed are {limit}")]
    HeaderTooLarge {
        /// Announced length.
        found: u64,
        /// The format's limit.
        limit: u64,
    },
    /// A header or index is not the JSON it should be.
    #[error("{what} is not valid: {source}")]
    Json {
        /// The document.
        what: &'static str,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// Data offsets do not span what type and shape need.
    #[error("tensor `{tensor}`: {dtype} {shape:?} takes {expected} bytes, its offsets span {found}")]
    WrongSize {
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// Bytes by type and shape.
        expected: usize,
        /// Bytes by offsets.
        found: i128,
    },
    /// Bytes between tensors belong to none.
    #[error("tensor `{tensor}`: data start at byte {start}, expected {expected}: unused bytes between tensors")]
    Gap {
        /// The tensor behind the gap.
        tensor: String,
        /// Its start.
        start: u64,
        /// End of the tensor before.
        expected: u64,
    },
    /// Bytes behind the last tensor belong to none.
    #[error("expected a file of {expected} bytes, found {found}: bytes behind the last tensor")]
    TrailingBytes {
        /// End of the last tensor.
        expected: u64,
        /// The file's length.
        found: u64,
    },

    // Sharded safetensors.
    /// A shard is not a plain file name beside its index.
    #[error("shard `{shard}` is not a plain file name")]
    ShardName {
        /// The name in the index.
        shard: String,
    },
    /// The index promises a tensor that its shard does not have.
    #[error("tensor `{tensor}` is missing, the index places it here")]
    MissingTensor {
        /// The tensor.
        tensor: String,
    },
    /// A shard has a tensor that the index does not place there.
    #[error("surplus tensor `{tensor}`: the index places it in {}", placed.as_deref().unwrap_or("no shard"))]
    SurplusTensor {
        /// The tensor.
        tensor: String,
        /// The shard the index names instead, if any.
        placed: Option<String>,
    },

    // GGUF.
    /// The file does not begin with the GGUF magic.
    #[error("not a GGUF file: expected magic {:?}, found {found:?}", *b"GGUF")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// A GGUF version other than 2 and 3.
    #[error("GGUF version {found}, readable are 2 and 3")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A GGUF file for big-endian machines.
    #[error("a big-endian GGUF file; only little-endian files are read, convert it with gguf-py's gguf-convert-endian")]
    BigEndian,
    /// A count in the file promises more than the rest of the file can hold.
    #[error("{what}: {count} announced, the rest of the file holds at most {possible}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The count in the file.
        count: u64,
        /// What the remaining bytes could hold.
        possible: u64,
    },
    /// A text is not UTF-8.
    #[error("{what} is not UTF-8: {found:?}")]
    Text {
        /// What the text is for.
        what: &'static str,
        /// Its beginning, made readable.
        found: String,
    },
    /// A metadata value has a type number that GGUF does not define.
    #[error("metadata key `{key}`: unknown value type {found}")]
    ValueType {
        /// The key.
        key: String,
        /// The number found.
        found: u32,
    },
    /// A truth value is neither 0 nor 1.
    #[error("metadata key `{key}`: expected the truth value 0 or 1, found {found}")]
    BoolValue {
        /// The key.
        key: String,
        /// The byte found.
        found: u8,
    },
    /// Lists within lists go too deep.
    #[error("metadata key `{key}`: lists nested deeper than {limit}")]
    Nesting {
        /// The key.
        key: String,
        /// Levels that are read.
        limit: usize,
    },
    /// A metadata key stands twice in one file.
    #[error("metadata key `{key}` occurs twice")]
    DuplicateKey {
        /// The repeated key.
        key: String,
    },
    /// A metadata value is not of the kind its reader needs.
    #[error("metadata key `{key}`: expected {expected}, found {found}")]
    MetadataType {
        /// The key asked for.
        key: String,
        /// The kind asked for.
        expected: &'static str,
        /// The kind, and for integers the value, that the file holds.
        found: String,
    },
    /// `general.alignment` is not a power of two from 8 on.
    #[error("`general.alignment`: expected a power of two from 8 to 2^30, found {found}")]
    Alignment {
        /// The value found.
        found: u64,
    },
    /// A tensor has more dimensions than GGUF allows.
    #[error("tensor `{tensor}`: expected at most {limit} dimensions, found {found}")]
    Rank {
        /// The tensor.
        tensor: String,
        /// Dimensions found.
        found: usize,
        /// Dimensions allowed.
        limit: usize,
    },
    /// A tensor's offset is not a multiple of the file's alignment.
    #[error("tensor `{tensor}`: expected an offset that is a multiple of {alignment}, found {offset}")]
    Misaligned {
        /// The tensor.
        tensor: String,
        /// Its offset within the data.
        offset: u64,
        /// The file's alignment.
        alignment: u64,
    },

    // Reading values.
    /// There is no tensor of this name.
    #[error("no tensor `{tensor}`")]
    NoTensor {
        /// The name asked for.
        tensor: String,
    },
    /// A tensor's element type is known, but not one that weights are read from or written in.
    #[error("tensor `{tensor}`: {dtype} values are not read or written as weights")]
    NotWeights {
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
    },
    /// A value is NaN or infinite.
    #[error("tensor `{tensor}`: expected a finite value at {at:?}, found {found}")]
    NotFinite {
        /// The tensor.
        tensor: String,
        /// The coordinates of the first such value, outermost first.
        at: Vec<usize>,
        /// The value.
        found: f32,
    },
    /// Rows were asked for that the tensor does not have.
    #[error("tensor `{tensor}`: rows {start}..{end} asked for, it has {rows}")]
    Rows {
        /// The tensor.
        tensor: String,
        /// First row asked for.
        start: usize,
        /// One past the last row asked for.
        end: usize,
        /// Rows it has.
        rows: usize,
    },

    // Writing.
    /// A tensor was given a wrong number of values.
    #[error("tensor `{tensor}`: expected {expected} values, given {found}")]
    ValueCount {
        /// The tensor.
        tensor: String,
        /// What its shape needs.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A finite value is too large for the type it is to be stored in.
    #[error("tensor `{tensor}`: {value} at {at:?} is too large for {dtype}")]
    Overflow {
        /// The tensor.
        tensor: String,
        /// Coordinates of the value, outermost first.
        at: Vec<usize>,
        /// The value.
        value: f32,
        /// The type.
        dtype: Dtype,
    },
    /// A format has no such element type.
    #[error("tensor `{tensor}`: {format} files cannot hold {dtype}")]
    DtypeForFormat {
        /// The tensor.
        tensor: String,
        /// The type.
        dtype: Dtype,
        /// The format.
        format: &'static str,
    },
    /// A tensor name that safetensors keeps for itself.
    #[error("a tensor cannot be called `{tensor}` in a safetensors file")]
    ReservedName {
        /// The name.
        tensor: String,
    },
}

impl CheckpointError {
    /// The condition itself, without the file it was met in.
    pub fn problem(&self) -> &CheckpointError {
        match self {
            CheckpointError::InFile { problem, .. } => problem.problem(),
            other => other,
        }
    }

    /// This error, met in `file`; an error that names its file already stays as it is.
    pub(crate) fn in_file(self, file: &Path) -> Self {
        match self {
            named @ CheckpointError::InFile { .. } => named,
            problem => CheckpointError::InFile { file: file.to_path_buf(), problem: Box::new(problem) },
        }
    }

    /// Turns an I/O error into one that says what was attempted: `.map_err(CheckpointError::io("read the file"))`.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| CheckpointError::Io { action, source }
    }
}
