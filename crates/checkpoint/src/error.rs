//! The error type of this crate: one variant for each condition that a model file can be in.
//!
//! The parsers see bytes and know no paths. The code that opens the file wraps their errors in
//! [`CheckpointError::InFile`], so that every message names the file exactly once. [`CheckpointError::problem`] returns
//! the condition without the file, and [`CheckpointError::kind`] the group it belongs to.

use std::path::{Path, PathBuf};

use crate::dtype::Dtype;
use crate::stand_in::StandIn;

mod kind;
mod split;

pub use kind::CheckpointErrorKind;
pub use split::SplitError;

/// Advice on how to convert a pickle checkpoint into a safetensors one.
const CONVERT: &str = "convert it where you trust it: python -c \"from transformers import AutoModelForCausalLM as M; \
     M.from_pretrained('DIR').save_pretrained('NEW_DIR', safe_serialization=True)\"";

/// An error in reading or writing a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A problem with a file or with its content.
    #[error("{}: {problem}", file.display())]
    InFile {
        /// The file or folder concerned.
        file: PathBuf,
        /// The condition, itself not `InFile`.
        problem: Box<CheckpointError>,
    },
    /// The operating system refused an operation.
    #[error("cannot {action}: {source}")]
    Io {
        /// The attempted operation, beginning with a verb: `open the file`.
        action: &'static str,
        /// The reason given by the operating system.
        source: std::io::Error,
    },

    // Conditions of finding the model.
    /// A folder has neither safetensors nor pickle files.
    #[error("no `model.safetensors`, `model.safetensors.index.json` or single `*.safetensors` file in this folder")]
    NoModel,
    /// A folder has several safetensors files, but no index that combines them into one model.
    #[error("expected `model.safetensors.index.json` or one safetensors file, found {}", found.join(", "))]
    NoIndex {
        /// File names of the safetensors files, sorted.
        found: Vec<String>,
    },
    /// The weights are in a pickle file, which could run code while it is read.
    #[error("`{found}` is a pickle file, which is not read because it can run code; {CONVERT}")]
    Pickle {
        /// File name of the pickle.
        found: String,
    },
    /// The file is no GGUF file, and its name does not end like that of another known format.
    #[error("expected a folder, a `.safetensors` file or a GGUF file")]
    UnknownFormat,

    // Conditions of any file.
    /// The file is a Git LFS pointer, a web page or another text in place of a model file.
    #[error("found {found}")]
    StandIn {
        /// What it is.
        found: StandIn,
    },
    /// The file ends before the end of an element of its header.
    #[error("truncated: {what} needs {needed} bytes, {available} are left")]
    Truncated {
        /// Element that was being read.
        what: &'static str,
        /// Number of bytes the element needs.
        needed: u64,
        /// Number of bytes left in the file.
        available: u64,
    },
    /// The file gives a tensor an element type that is not known here.
    #[error("tensor `{tensor}`: unknown element type {found}")]
    UnknownDtype {
        /// Name of the tensor.
        tensor: String,
        /// The element type as it is written in the file.
        found: String,
    },
    /// Two tensors have the same name.
    #[error("tensor `{tensor}` occurs twice")]
    DuplicateTensor {
        /// Name that occurs twice.
        tensor: String,
    },
    /// The number of elements or bytes of a shape does not fit the address space.
    #[error("tensor `{tensor}`: the size of shape {shape:?} overflows")]
    ShapeOverflow {
        /// Name of the tensor.
        tensor: String,
        /// Shape of the tensor, outermost dimension first.
        shape: Vec<u64>,
    },
    /// A tensor or its rows cannot be divided into whole blocks of its element type.
    #[error("tensor `{tensor}`: expected a multiple of {block} elements for {dtype}, found {found}")]
    PartialBlock {
        /// Name of the tensor.
        tensor: String,
        /// Element type of the tensor.
        dtype: Dtype,
        /// Number of elements in a block.
        block: usize,
        /// Number of elements in a row (GGUF) or in the whole tensor (safetensors).
        found: usize,
    },
    /// The data of a tensor reach beyond the end of the file.
    #[error("tensor `{tensor}`: data end at byte {end}, but the file has {available}")]
    DataOutOfRange {
        /// Name of the tensor.
        tensor: String,
        /// End of its data, in bytes from the start of the file.
        end: u64,
        /// Length of the file in bytes.
        available: u64,
    },
    /// Two tensors share bytes.
    #[error("tensor `{tensor}`: data start at byte {start}, inside `{other}`, which ends at {end}")]
    Overlap {
        /// Name of the tensor that starts later.
        tensor: String,
        /// Start of its data, in bytes from the start of the file.
        start: u64,
        /// Name of the tensor before it.
        other: String,
        /// End of the data of the tensor before it, in bytes from the start of the file.
        end: u64,
    },

    // Conditions of safetensors files.
    /// The announced length of the JSON header is above the limit of the format.
    #[error("header of {found} bytes, allowed are {limit}")]
    HeaderTooLarge {
        /// Announced length in bytes.
        found: u64,
        /// Limit of the format in bytes.
        limit: u64,
    },
    /// A header or an index is not valid JSON, or not of the expected form.
    #[error("{what} is not valid: {source}")]
    InvalidJson {
        /// Name of the document.
        what: &'static str,
        /// Reason given by the JSON parser.
        source: serde_json::Error,
    },
    /// The data offsets of a tensor do not span the bytes that its type and shape need.
    #[error("tensor `{tensor}`: {dtype} {shape:?} takes {expected} bytes, its offsets span {found}")]
    WrongSize {
        /// Name of the tensor.
        tensor: String,
        /// Element type of the tensor.
        dtype: Dtype,
        /// Shape of the tensor.
        shape: Vec<usize>,
        /// Number of bytes by type and shape.
        expected: usize,
        /// Number of bytes by offsets; negative if they are in the wrong order.
        found: i128,
    },
    /// Bytes between two tensors belong to neither.
    #[error("tensor `{tensor}`: data start at byte {start}, expected {expected}: unused bytes between tensors")]
    Gap {
        /// Name of the tensor after the gap.
        tensor: String,
        /// Start of its data, in bytes from the start of the file.
        start: u64,
        /// End of the data before it, in bytes from the start of the file.
        expected: u64,
    },
    /// The file has bytes after the last tensor.
    #[error("expected a file of {expected} bytes, found {found}: bytes behind the last tensor")]
    TrailingBytes {
        /// End of the last tensor, in bytes from the start of the file.
        expected: u64,
        /// Length of the file in bytes.
        found: u64,
    },

    // Conditions of sharded safetensors.
    /// A shard in the index is not a plain file name, that is, not a file beside the index.
    #[error("shard `{shard}` is not a plain file name")]
    InvalidShardName {
        /// Name of the shard in the index.
        shard: String,
    },
    /// A shard does not have a tensor that the index places there.
    #[error("tensor `{tensor}` is missing, the index places it here")]
    MissingTensor {
        /// Name of the tensor.
        tensor: String,
    },
    /// A shard has a tensor that the index does not place there.
    #[error("surplus tensor `{tensor}`: the index places it in {}", placed.as_deref().unwrap_or("no shard"))]
    SurplusTensor {
        /// Name of the tensor.
        tensor: String,
        /// Shard that the index names instead, in backquotes; `None` if the index does not have the tensor.
        placed: Option<String>,
    },

    // Conditions of GGUF files.
    /// The file does not begin with the four bytes `GGUF`.
    #[error("not a GGUF file: expected magic {:?}, found {found:?}", *b"GGUF")]
    WrongMagic {
        /// First four bytes of the file.
        found: [u8; 4],
    },
    /// The GGUF version is neither 2 nor 3.
    #[error("GGUF version {found}, readable are 2 and 3")]
    UnsupportedVersion {
        /// Version of the file.
        found: u32,
    },
    /// The GGUF file is for big-endian machines.
    #[error("a big-endian GGUF file; only little-endian files are read, convert it with gguf-py's gguf-convert-endian")]
    BigEndian,
    /// The parts of a split GGUF model are not complete, or do not belong together.
    #[error("split GGUF model: {0}")]
    Split(#[from] SplitError),
    /// A count in the file is larger than the rest of the file allows.
    #[error("{what}: {count} announced, the rest of the file holds at most {possible}")]
    CountTooLarge {
        /// Name of the counted elements.
        what: &'static str,
        /// Count in the file.
        count: u64,
        /// Largest count for which the remaining bytes could suffice.
        possible: u64,
    },
    /// A text is not UTF-8.
    #[error("{what} is not UTF-8: {found:?}")]
    NotUtf8 {
        /// Purpose of the text.
        what: &'static str,
        /// Beginning of the text, with invalid bytes replaced.
        found: String,
    },
    /// A metadata value has a type number that GGUF does not define.
    #[error("metadata key `{key}`: unknown value type {found}")]
    UnknownValueType {
        /// The key.
        key: String,
        /// Type number in the file.
        found: u32,
    },
    /// A truth value is stored as neither 0 nor 1.
    #[error("metadata key `{key}`: expected the truth value 0 or 1, found {found}")]
    InvalidBool {
        /// The key.
        key: String,
        /// Stored byte.
        found: u8,
    },
    /// Lists are nested too deeply.
    #[error("metadata key `{key}`: lists nested deeper than {limit}")]
    NestingTooDeep {
        /// The key.
        key: String,
        /// Largest number of levels that is read.
        limit: usize,
    },
    /// Two metadata entries have the same key.
    #[error("metadata key `{key}` occurs twice")]
    DuplicateKey {
        /// Key that occurs twice.
        key: String,
    },
    /// A metadata value does not have the type asked for.
    #[error("metadata key `{key}`: expected {expected}, found {found}")]
    MetadataType {
        /// The key.
        key: String,
        /// Type asked for.
        expected: &'static str,
        /// Type in the file, and for integers also the value.
        found: String,
    },
    /// `general.alignment` is not a power of two from 8 to 2^30.
    #[error("`general.alignment`: expected a power of two from 8 to 2^30, found {found}")]
    InvalidAlignment {
        /// Value in the file.
        found: u64,
    },
    /// A tensor has more dimensions than GGUF allows.
    #[error("tensor `{tensor}`: expected at most {limit} dimensions, found {found}")]
    TooManyDimensions {
        /// Name of the tensor.
        tensor: String,
        /// Number of dimensions.
        found: usize,
        /// Largest number of dimensions allowed.
        limit: usize,
    },
    /// A tensor's offset is not a multiple of the file's alignment.
    #[error("tensor `{tensor}`: expected an offset that is a multiple of {alignment}, found {offset}")]
    Misaligned {
        /// Name of the tensor.
        tensor: String,
        /// Offset of its data in bytes, from the start of the data section.
        offset: u64,
        /// Alignment of the file in bytes.
        alignment: u64,
    },

    // Conditions of reading values.
    /// There is no tensor of this name.
    #[error("no tensor `{tensor}`")]
    NoSuchTensor {
        /// Name asked for.
        tensor: String,
    },
    /// The element type of a tensor cannot be converted from or to `f32`.
    #[error("tensor `{tensor}`: {dtype} values are not read or written as weights")]
    NotAWeightType {
        /// Name of the tensor.
        tensor: String,
        /// Element type of the tensor.
        dtype: Dtype,
    },
    /// A value is NaN or infinite.
    #[error("tensor `{tensor}`: expected a finite value at {at:?}, found {found}")]
    NotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Coordinates of the first such value, outermost dimension first.
        at: Vec<usize>,
        /// The value.
        found: f32,
    },
    /// The range of rows asked for is not within the tensor.
    #[error("tensor `{tensor}`: rows {start}..{end} asked for, it has {rows}")]
    RowsOutOfRange {
        /// Name of the tensor.
        tensor: String,
        /// First row of the range.
        start: usize,
        /// End of the range, one past its last row.
        end: usize,
        /// Number of rows of the tensor.
        rows: usize,
    },

    // Conditions of writing.
    /// The number of values given for a tensor does not fit its shape.
    #[error("tensor `{tensor}`: expected {expected} values, given {found}")]
    ValueCount {
        /// Name of the tensor.
        tensor: String,
        /// Number of elements by shape.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// A finite value is too large for the element type that should store it.
    #[error("tensor `{tensor}`: {value} at {at:?} is too large for {dtype}{}", range(*.dtype))]
    Overflow {
        /// Name of the tensor.
        tensor: String,
        /// Coordinates of the value, outermost dimension first.
        at: Vec<usize>,
        /// The value.
        value: f32,
        /// The element type.
        dtype: Dtype,
    },
    /// The format of a new file does not have the element type.
    #[error("tensor `{tensor}`: {format} files cannot hold {dtype}")]
    DtypeForFormat {
        /// Name of the tensor.
        tensor: String,
        /// The element type.
        dtype: Dtype,
        /// Name of the format.
        format: &'static str,
    },
    /// A tensor has the name that safetensors reserves for metadata.
    #[error("a tensor cannot be called `{tensor}` in a safetensors file")]
    ReservedName {
        /// Name of the tensor.
        tensor: String,
    },
    /// A text is not the name of an element type.
    #[error("unknown element type `{name}`, expected one of {}", weight_types.join(", "))]
    UnknownDtypeName {
        /// The text.
        name: String,
        /// Names of the element types that weights can have.
        weight_types: Vec<&'static str>,
    },
}

impl CheckpointError {
    /// Returns the condition, without the file it concerns.
    pub fn problem(&self) -> &CheckpointError {
        match self {
            CheckpointError::InFile { problem, .. } => problem.problem(),
            other => other,
        }
    }

    /// Names the `file` that this error concerns; an error that names a file already stays as it is.
    pub fn in_file(self, file: &Path) -> Self {
        match self {
            named @ CheckpointError::InFile { .. } => named,
            problem => CheckpointError::InFile { file: file.to_path_buf(), problem: Box::new(problem) },
        }
    }

    /// Makes a function that adds the attempted `action` to an I/O error:
    /// `.map_err(CheckpointError::io("read the file"))`.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| CheckpointError::Io { action, source }
    }
}

/// The range of the types with a small one, for the error of a value beyond it.
fn range(dtype: Dtype) -> &'static str {
    if dtype == Dtype::F16 || dtype.is_quantised() {
        ", which holds at most 65504; a file whose weights are BF16 or F32 can hold it"
    } else {
        ""
    }
}
