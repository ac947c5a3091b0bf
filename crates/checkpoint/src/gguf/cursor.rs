//! Reading position in a GGUF file: gives the numbers, texts and metadata values that follow, and checks before every
//! read that the rest of the file is long enough.
#![deny(clippy::as_conversions)]

use super::metadata::{Array, Value};
use super::value_type;
use crate::error::CheckpointError;
use crate::tensor_entry::to_u64;

/// Largest number of levels of lists within lists; existing files have one. The limit bounds the recursion.
const MAX_NESTING: usize = 4;
/// Smallest number of bytes of a text: its length.
const MIN_TEXT_BYTES: u64 = 8;
/// Smallest number of bytes of a list: element type and count.
const MIN_LIST_BYTES: u64 = 4 + 8;

/// A position in the bytes of a file.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Number of bytes before the cursor.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Number of bytes after the cursor.
    fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Takes the next `count` bytes; an error says that they belong to `what`; the functions below use `what` in the
    /// same way.
    fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], CheckpointError> {
        // Compared before anything is added to the position, so that a huge count cannot overflow it.
        let available = self.remaining();
        match usize::try_from(count) {
            Ok(count) if count <= available => {
                let taken = &self.bytes[self.position..self.position + count];
                self.position += count;
                Ok(taken)
            }
            _ => Err(CheckpointError::Truncated { what, needed: count, available: to_u64(available) }),
        }
    }

    /// Takes the next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CheckpointError> {
        let taken = self.take(to_u64(N), what)?;
        Ok(taken.try_into().expect("`take` gives exactly the bytes asked for"))
    }

    /// Reads a 32-bit integer.
    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, CheckpointError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Reads a 64-bit integer.
    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, CheckpointError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Checks that the rest of the file is long enough for `count` elements of at least `min_bytes` bytes each, before
    /// memory is allocated for them.
    pub(super) fn check_count(&self, what: &'static str, count: u64, min_bytes: u64) -> Result<(), CheckpointError> {
        let possible = to_u64(self.remaining()) / min_bytes;
        if count > possible {
            return Err(CheckpointError::CountTooLarge { what, count, possible });
        }
        Ok(())
    }

    /// Reads a text: its length and its bytes in UTF-8.
    pub(super) fn text(&mut self, what: &'static str) -> Result<String, CheckpointError> {
        /// Largest number of bytes of an invalid text that the error shows.
        const SHOWN: usize = 40;
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(CheckpointError::NotUtf8 {
                what,
                found: String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned(),
            }),
        }
    }

    /// Reads a truth value of the metadata entry `key`.
    fn bool(&mut self, key: &str) -> Result<bool, CheckpointError> {
        // The specification allows no other byte; accepting one would change the file when it is written again.
        match self.array("a truth value")? {
            [0] => Ok(false),
            [1] => Ok(true),
            [found] => Err(CheckpointError::InvalidBool { key: key.to_string(), found }),
        }
    }

    /// Reads the value of the metadata entry `key`, of the type with this number.
    pub(super) fn value(&mut self, key: &str, type_number: u32) -> Result<Value, CheckpointError> {
        const WHAT: &str = "a metadata value";
        Ok(match type_number {
            value_type::U8 => Value::U8(u8::from_le_bytes(self.array(WHAT)?)),
            value_type::I8 => Value::I8(i8::from_le_bytes(self.array(WHAT)?)),
            value_type::U16 => Value::U16(u16::from_le_bytes(self.array(WHAT)?)),
            value_type::I16 => Value::I16(i16::from_le_bytes(self.array(WHAT)?)),
            value_type::U32 => Value::U32(u32::from_le_bytes(self.array(WHAT)?)),
            value_type::I32 => Value::I32(i32::from_le_bytes(self.array(WHAT)?)),
            value_type::F32 => Value::F32(f32::from_le_bytes(self.array(WHAT)?)),
            value_type::BOOL => Value::Bool(self.bool(key)?),
            value_type::STRING => Value::String(self.text("a metadata text")?),
            value_type::ARRAY => Value::Array(self.list(key, MAX_NESTING)?),
            value_type::U64 => Value::U64(u64::from_le_bytes(self.array(WHAT)?)),
            value_type::I64 => Value::I64(i64::from_le_bytes(self.array(WHAT)?)),
            value_type::F64 => Value::F64(f64::from_le_bytes(self.array(WHAT)?)),
            found => return Err(self.unknown_type(key, found)),
        })
    }

    /// Makes the error for a type number that GGUF does not define.
    fn unknown_type(&self, key: &str, found: u32) -> CheckpointError {
        CheckpointError::UnknownValueType { key: key.to_string(), found }
    }

    /// Reads a list with at most `levels` levels of lists, itself included: element type, count, elements.
    fn list(&mut self, key: &str, levels: usize) -> Result<Array, CheckpointError> {
        let Some(inner) = levels.checked_sub(1) else {
            return Err(CheckpointError::NestingTooDeep { key: key.to_string(), limit: MAX_NESTING });
        };
        let element_type = self.u32("a list's type")?;
        let count = self.u64("a list's length")?;
        Ok(match element_type {
            value_type::U8 => Array::U8(self.numbers(count, u8::from_le_bytes)?),
            value_type::I8 => Array::I8(self.numbers(count, i8::from_le_bytes)?),
            value_type::U16 => Array::U16(self.numbers(count, u16::from_le_bytes)?),
            value_type::I16 => Array::I16(self.numbers(count, i16::from_le_bytes)?),
            value_type::U32 => Array::U32(self.numbers(count, u32::from_le_bytes)?),
            value_type::I32 => Array::I32(self.numbers(count, i32::from_le_bytes)?),
            value_type::F32 => Array::F32(self.numbers(count, f32::from_le_bytes)?),
            value_type::BOOL => Array::Bools(self.elements(count, 1, |cursor| cursor.bool(key))?),
            value_type::STRING => {
                Array::Strings(self.elements(count, MIN_TEXT_BYTES, |cursor| cursor.text("a metadata text"))?)
            }
            value_type::ARRAY => Array::Nested(self.elements(count, MIN_LIST_BYTES, |cursor| cursor.list(key, inner))?),
            value_type::U64 => Array::U64(self.numbers(count, u64::from_le_bytes)?),
            value_type::I64 => Array::I64(self.numbers(count, i64::from_le_bytes)?),
            value_type::F64 => Array::F64(self.numbers(count, f64::from_le_bytes)?),
            found => return Err(self.unknown_type(key, found)),
        })
    }

    /// Reads `count` numbers of `N` bytes each; `from_bytes` converts one.
    fn numbers<T, const N: usize>(
        &mut self,
        count: u64,
        from_bytes: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, CheckpointError> {
        self.check_count("list elements", count, to_u64(N))?;
        // One check and one copy for the whole list, because vocabularies have hundreds of thousands of entries.
        let bytes = self.take(count.saturating_mul(to_u64(N)), "a list")?;
        let (numbers, _) = bytes.as_chunks::<N>();
        Ok(numbers.iter().map(|bytes| from_bytes(*bytes)).collect())
    }

    /// Reads `count` elements of at least `min_bytes` bytes each; `read` reads one.
    fn elements<T>(
        &mut self,
        count: u64,
        min_bytes: u64,
        mut read: impl FnMut(&mut Self) -> Result<T, CheckpointError>,
    ) -> Result<Vec<T>, CheckpointError> {
        self.check_count("list elements", count, min_bytes)?;
        // Collecting results grows the vector as elements are read, so that memory follows the file, not the count.
        (0..count).map(|_| read(self)).collect()
    }
}
