//! Element types: how many bytes how many elements take, and what the two formats call them.

use std::fmt;

/// How a tensor's elements are stored.
///
/// Float and GGUF block types are weights and can be turned into `f32`. The others are known so that files which
/// contain them can be opened; reading one as weights is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the names are those of the formats, the table below says the rest
#[non_exhaustive]
pub enum Dtype {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F64,
    C64,
    F4,
    F6E2M3,
    F6E3M2,
    F8E5M2,
    F8E4M3,
    F8E8M0,
    F8E4M3Fnuz,
    F8E5M2Fnuz,
}

/// What is to know of one type.
struct Row {
    dtype: Dtype,
    name: &'static str,
    /// Elements in a block.
    block: usize,
    /// Bytes in a block.
    bytes: usize,
    /// Its number in GGUF, where that format has it.
    ggml: Option<u32>,
    /// Whether safetensors has it, under `name`.
    safetensors: bool,
}

const fn row(
    dtype: Dtype,
    name: &'static str,
    block: usize,
    bytes: usize,
    ggml: Option<u32>,
    safetensors: bool,
) -> Row {
    Row { dtype, name, block, bytes, ggml, safetensors }
}

/// Every type once, in the order of [`Dtype`].
#[rustfmt::skip]
const TABLE: [Row; 32] = [
    //  type             name      elements bytes   GGUF   safetensors
    row(Dtype::F32,        "F32",         1,   4, Some( 0), true),
    row(Dtype::F16,        "F16",         1,   2, Some( 1), true),
    row(Dtype::BF16,       "BF16",        1,   2, Some(30), true),
    row(Dtype::Q4_0,       "Q4_0",       32,  18, Some( 2), false),
    row(Dtype::Q4_1,       "Q4_1",       32,  20, Some( 3), false),
    row(Dtype::Q5_0,       "Q5_0",       32,  22, Some( 6), false),
    row(Dtype::Q5_1,       "Q5_1",       32,  24, Some( 7), false),
    row(Dtype::Q8_0,       "Q8_0",       32,  34, Some( 8), false),
    row(Dtype::Q2K,        "Q2_K",      256,  84, Some(10), false),
    row(Dtype::Q3K,        "Q3_K",      256, 110, Some(11), false),
    row(Dtype::Q4K,        "Q4_K",      256, 144, Some(12), false),
    row(Dtype::Q5K,        "Q5_K",      256, 176, Some(13), false),
    row(Dtype::Q6K,        "Q6_K",      256, 210, Some(14), false),
    row(Dtype::Bool,       "BOOL",        1,   1, None,     true),
    row(Dtype::U8,         "U8",          1,   1, None,     true),
    row(Dtype::I8,         "I8",          1,   1, Some(24), true),
    row(Dtype::U16,        "U16",         1,   2, None,     true),
    row(Dtype::I16,        "I16",         1,   2, Some(25), true),
    row(Dtype::U32,        "U32",         1,   4, None,     true),
    row(Dtype::I32,        "I32",         1,   4, Some(26), true),
    row(Dtype::U64,        "U64",         1,   8, None,     true),
    row(Dtype::I64,        "I64",         1,   8, Some(27), true),
    row(Dtype::F64,        "F64",         1,   8, Some(28), true),
    row(Dtype::C64,        "C64",         1,   8, None,     true),
    row(Dtype::F4,         "F4",          2,   1, None,     true),
    row(Dtype::F6E2M3,     "F6_E2M3",     4,   3, None,     true),
    row(Dtype::F6E3M2,     "F6_E3M2",     4,   3, None,     true),
    row(Dtype::F8E5M2,     "F8_E5M2",     1,   1, None,     true),
    row(Dtype::F8E4M3,     "F8_E4M3",     1,   1, None,     true),
    row(Dtype::F8E8M0,     "F8_E8M0",     1,   1, None,     true),
    row(Dtype::F8E4M3Fnuz, "F8_E4M3FNUZ", 1,   1, None,     true),
    row(Dtype::F8E5M2Fnuz, "F8_E5M2FNUZ", 1,   1, None,     true),
];

/// GGUF types that exist but are not read, so that an error can call them by name.
#[rustfmt::skip]
const UNREAD: [(u32, &str); 16] = [
    (9, "Q8_1"), (15, "Q8_K"), (16, "IQ2_XXS"), (17, "IQ2_XS"), (18, "IQ3_XXS"), (19, "IQ1_S"), (20, "IQ4_NL"),
    (21, "IQ3_S"), (22, "IQ2_S"), (23, "IQ4_XS"), (29, "IQ1_M"), (34, "TQ1_0"), (35, "TQ2_0"), (39, "MXFP4"),
    (40, "NVFP4"), (41, "Q1_0"),
];

impl Dtype {
    fn row(self) -> &'static Row {
        // The table lists the variants in order; `the_table_is_in_order` holds it to that.
        &TABLE[self as usize]
    }

    /// Every known type.
    pub fn all() -> impl Iterator<Item = Dtype> {
        TABLE.iter().map(|row| row.dtype)
    }

    /// The name both formats' tools print, for example `BF16` or `Q4_K`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Elements that are stored together; 1 except for block types.
    pub fn block_len(self) -> usize {
        self.row().block
    }

    /// Bytes one block takes.
    pub fn block_bytes(self) -> usize {
        self.row().bytes
    }

    /// Bytes that `elements` take; `None` when they are not whole blocks or the count overflows.
    pub fn bytes_for(self, elements: usize) -> Option<usize> {
        if !elements.is_multiple_of(self.block_len()) {
            return None;
        }
        (elements / self.block_len()).checked_mul(self.block_bytes())
    }

    /// Whether tensors of this type can be read as `f32` and written from it.
    pub fn is_weight(self) -> bool {
        self <= Dtype::Q6K
    }

    /// Whether this is a GGUF block type.
    pub fn is_quantised(self) -> bool {
        (Dtype::Q4_0..=Dtype::Q6K).contains(&self)
    }

    /// The type safetensors calls `name`.
    pub(crate) fn from_safetensors(name: &str) -> Option<Dtype> {
        TABLE.iter().find(|row| row.safetensors && row.name == name).map(|row| row.dtype)
    }

    /// Whether safetensors files can hold this type.
    pub(crate) fn in_safetensors(self) -> bool {
        self.row().safetensors
    }

    /// The type with this number in GGUF.
    pub(crate) fn from_ggml(number: u32) -> Option<Dtype> {
        TABLE.iter().find(|row| row.ggml == Some(number)).map(|row| row.dtype)
    }

    /// This type's number in GGUF.
    pub(crate) fn ggml(self) -> Option<u32> {
        self.row().ggml
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Dtype {
    type Err = String;

    /// The type of this name, in upper or lower case; the error lists the types that weights can have.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Dtype::all().find(|dtype| dtype.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names: Vec<_> = Dtype::all().filter(|d| d.is_weight()).map(Dtype::name).collect();
            format!("unknown element type `{name}`, expected one of {}", names.join(", "))
        })
    }
}

/// How to call a GGUF type that is not read.
pub(crate) fn unread_ggml_name(number: u32) -> String {
    match UNREAD.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => format!("{name} (GGUF type {number}), which is not supported"),
        None => format!("GGUF type {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.dtype as usize, index, "{}", row.name);
            assert_eq!(row.name.to_lowercase().parse::<Dtype>(), Ok(row.dtype));
        }
    }

    #[test]
    fn bytes_are_whole_blocks() {
        assert_eq!(Dtype::F32.bytes_for(3), Some(12));
        assert_eq!(Dtype::Q4_1.bytes_for(64), Some(40));
        assert_eq!(Dtype::Q4_1.bytes_for(63), None);
        assert_eq!(Dtype::F32.bytes_for(usize::MAX / 2), None);
        assert_eq!(Dtype::F4.bytes_for(6), Some(3));
    }

    #[test]
    fn numbers_and_names_lead_back() {
        for dtype in Dtype::all() {
            if let Some(number) = dtype.ggml() {
                assert_eq!(Dtype::from_ggml(number), Some(dtype));
                assert!(UNREAD.iter().all(|(unread, _)| *unread != number));
            }
            assert_eq!(Dtype::from_safetensors(dtype.name()).is_some(), dtype.in_safetensors());
        }
        assert_eq!(Dtype::from_ggml(23), None);
        assert!(unread_ggml_name(23).contains("IQ4_XS"));
        assert!("q9_9".parse::<Dtype>().expect_err("no such type").contains("Q4_K"));
    }
}
