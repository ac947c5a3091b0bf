//! The types of floats in which weights are kept.

/// A type of floats in which weights are stored. To widen one of 16 bits to f32 is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FloatType {
    /// 32 bits.
    F32 = 0,
    /// The upper 16 bits of an f32.
    Bf16 = 1,
    /// 16 bits, IEEE 754.
    F16 = 2,
}
