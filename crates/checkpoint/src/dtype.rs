//! Element types of tensors: their block sizes in elements and bytes, and their names or numbers in the two formats.

use std::fmt;

/// The type in which the elements of a tensor are stored.
///
/// Floats of 16 and 32 bits and GGUF block types are weight types: they can be converted to `f32` and back. The other
/// types are listed so that files with such tensors can be opened; converting one to `f32` is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the variants have the names of the formats, and `TABLE` below describes them
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
    MXFP4,
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

/// The properties of one element type.
struct Properties {
    dtype: Dtype,
    /// Name in the tools of both formats, and in safetensors headers.
    name: &'static str,
    /// Number of elements in a block.
    block_len: usize,
    /// Number of bytes in a block.
    block_bytes: usize,
    /// Type number in GGUF; `None` if that format does not have the type.
    ggml_number: Option<u32>,
    /// True if safetensors has the type.
    safetensors: bool,
}

/// Makes a row of [`TABLE`].
const fn row(
    dtype: Dtype,
    name: &'static str,
    block_len: usize,
    block_bytes: usize,
    ggml_number: Option<u32>,
    safetensors: bool,
) -> Properties {
    Properties { dtype, name, block_len, block_bytes, ggml_number, safetensors }
}

/// Every type once, in the order of the variants of [`Dtype`].
#[rustfmt::skip]
const TABLE: [Properties; 33] = [
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
    row(Dtype::MXFP4,      "MXFP4",      32,  17, Some(39), false),
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

/// Type numbers and names of GGUF types that are not supported, so that an error can name them.
#[rustfmt::skip]
const UNSUPPORTED: [(u32, &str); 15] = [
    (9, "Q8_1"), (15, "Q8_K"), (16, "IQ2_XXS"), (17, "IQ2_XS"), (18, "IQ3_XXS"), (19, "IQ1_S"), (20, "IQ4_NL"),
    (21, "IQ3_S"), (22, "IQ2_S"), (23, "IQ4_XS"), (29, "IQ1_M"), (34, "TQ1_0"), (35, "TQ2_0"),
    (40, "NVFP4"), (41, "Q1_0"),
];

impl Dtype {
    fn properties(self) -> &'static Properties {
        // The table has the order of the variants; the test `the_table_is_in_order` checks it.
        &TABLE[self as usize]
    }

    /// All known types.
    pub fn all() -> impl Iterator<Item = Dtype> {
        TABLE.iter().map(|row| row.dtype)
    }

    /// Name as the tools of both formats print it, for example `BF16` or `Q4_K`.
    pub fn name(self) -> &'static str {
        self.properties().name
    }

    /// Number of elements stored together in a block; 1 except for block types.
    pub fn block_len(self) -> usize {
        self.properties().block_len
    }

    /// Number of bytes of a block.
    pub fn block_bytes(self) -> usize {
        self.properties().block_bytes
    }

    /// Number of bytes of `elements` elements; `None` if they are not whole blocks or the result overflows.
    pub fn bytes_for(self, elements: usize) -> Option<usize> {
        if !elements.is_multiple_of(self.block_len()) {
            return None;
        }
        (elements / self.block_len()).checked_mul(self.block_bytes())
    }

    /// Tells whether this is a weight type, which can be converted to `f32` and back.
    pub fn is_weight(self) -> bool {
        self <= Dtype::MXFP4 // the weight types are the first variants
    }

    /// Tells whether this is a GGUF block type.
    pub fn is_quantised(self) -> bool {
        (Dtype::Q4_0..=Dtype::MXFP4).contains(&self)
    }

    /// Finds the type with this name in safetensors headers.
    pub(crate) fn from_safetensors(name: &str) -> Option<Dtype> {
        TABLE.iter().find(|row| row.safetensors && row.name == name).map(|row| row.dtype)
    }

    /// Tells whether safetensors files can hold this type.
    pub(crate) fn in_safetensors(self) -> bool {
        self.properties().safetensors
    }

    /// Finds the type with this number in GGUF.
    pub(crate) fn from_ggml_number(number: u32) -> Option<Dtype> {
        TABLE.iter().find(|row| row.ggml_number == Some(number)).map(|row| row.dtype)
    }

    /// Number of this type in GGUF; `None` if that format does not have it.
    pub(crate) fn ggml_number(self) -> Option<u32> {
        self.properties().ggml_number
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Describes a GGUF type number that is not supported, for an error message.
pub(crate) fn describe_unsupported_ggml_number(number: u32) -> String {
    match UNSUPPORTED.iter().find(|(known, _)| *known == number) {
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
        }
    }

    #[test]
    fn only_whole_blocks_have_a_size() {
        assert_eq!(Dtype::F32.bytes_for(3), Some(12));
        assert_eq!(Dtype::Q4_1.bytes_for(64), Some(40));
        assert_eq!(Dtype::Q4_1.bytes_for(63), None);
        assert_eq!(Dtype::F32.bytes_for(usize::MAX / 2), None);
        assert_eq!(Dtype::F4.bytes_for(6), Some(3));
    }

    #[test]
    fn numbers_and_names_give_the_type_back() {
        for dtype in Dtype::all() {
            if let Some(number) = dtype.ggml_number() {
                assert_eq!(Dtype::from_ggml_number(number), Some(dtype));
                assert!(UNSUPPORTED.iter().all(|(unsupported, _)| *unsupported != number));
            }
            assert_eq!(Dtype::from_safetensors(dtype.name()).is_some(), dtype.in_safetensors());
        }
        assert_eq!(Dtype::from_ggml_number(23), None);
        assert!(describe_unsupported_ggml_number(23).contains("IQ4_XS"));
    }
}
