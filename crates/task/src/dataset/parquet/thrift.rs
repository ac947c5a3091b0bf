//! Thrift's compact protocol, the encoding of Parquet's footer and page headers: takes bytes, gives a tree of values.
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>)

use super::bytes::Bytes;

/// Maximum nesting depth of structures; Parquet's own need five.
const DEEPEST: usize = 16;

/// A value of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Thrift<'a> {
    Bool(bool),
    Int(i64),
    /// A floating-point number; its value is not needed.
    Double,
    Bytes(&'a [u8]),
    List(Vec<Thrift<'a>>),
    /// Fields by number.
    Struct(Vec<(i64, Thrift<'a>)>),
    /// A map; its entries are not needed.
    Map,
}

impl<'a> Thrift<'a> {
    /// Reads a structure from the front of `bytes`.
    pub(super) fn read(bytes: &mut Bytes<'a>) -> Result<Self, String> {
        structure(bytes, DEEPEST)
    }

    /// Field of a structure, by number.
    pub(super) fn get(&self, field: i64) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(number, _)| *number == field).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Field that is an integer.
    pub(super) fn int(&self, field: i64) -> Option<i64> {
        match self.get(field)? {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Field that is a size or a count; `what` names it in the error.
    pub(super) fn size(&self, field: i64, what: &str) -> Result<usize, String> {
        let number = self.int(field);
        number.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| format!("expected {what}, found {number:?}"))
    }

    /// Field that is a list; `what` names it in the error.
    pub(super) fn list(&self, field: i64, what: &str) -> Result<&[Self], String> {
        match self.get(field) {
            Some(Self::List(list)) => Ok(list),
            _ => Err(format!("expected {what}, found none")),
        }
    }
}

/// Reads a value of the type `kind`; `deeper`: number of structures that may still nest.
fn value<'a>(bytes: &mut Bytes<'a>, kind: u8, deeper: usize) -> Result<Thrift<'a>, String> {
    Ok(match kind {
        1 | 2 => Thrift::Bool(kind == 1),
        3 => Thrift::Int(i64::from(i8::from_le_bytes(bytes.array()?))),
        4..=6 => Thrift::Int(signed(bytes.varint()?)),
        7 => {
            bytes.take(8)?;
            Thrift::Double
        }
        8 => {
            let length = bytes.varint()?;
            Thrift::Bytes(bytes.take(usize::try_from(length).unwrap_or(usize::MAX))?)
        }
        9 | 10 => {
            let head = bytes.byte()?;
            let n = if head >> 4 == 15 { bytes.varint()? } else { u64::from(head >> 4) };
            // A false length cannot allocate much: every element takes at least one byte, and collecting stops at the
            // end of the bytes.
            Thrift::List((0..n).map(|_| element(bytes, head & 15, deeper)).collect::<Result<_, _>>()?)
        }
        11 => {
            let n = bytes.varint()?;
            let kinds = if n > 0 { bytes.byte()? } else { 0 };
            for _ in 0..n {
                element(bytes, kinds >> 4, deeper)?;
                element(bytes, kinds & 15, deeper)?;
            }
            Thrift::Map
        }
        12 if deeper > 0 => structure(bytes, deeper - 1)?,
        12 => return Err(format!("expected at most {DEEPEST} structures inside each other, found more")),
        other => return Err(format!("expected a Thrift type from 1 to 12, found {other}")),
    })
}

/// Reads an element of a list or map. Unlike in a structure, a truth value is a byte here, not part of the type.
fn element<'a>(bytes: &mut Bytes<'a>, kind: u8, deeper: usize) -> Result<Thrift<'a>, String> {
    match kind {
        1 | 2 => Ok(Thrift::Bool(bytes.byte()? == 1)),
        // Nested lists could overflow the stack.
        9..=11 => Err("expected a list of plain values or structures, found one of lists".to_owned()),
        _ => value(bytes, kind, deeper),
    }
}

/// Reads a structure, up to its stop byte.
fn structure<'a>(bytes: &mut Bytes<'a>, deeper: usize) -> Result<Thrift<'a>, String> {
    let (mut fields, mut number) = (Vec::new(), 0_i64);
    loop {
        let head = bytes.byte()?;
        if head == 0 {
            return Ok(Thrift::Struct(fields));
        }
        // The upper half of the byte is the distance to the number of the field before; 0: the number follows.
        number = match head >> 4 {
            0 => signed(bytes.varint()?),
            step => number.saturating_add(i64::from(step)),
        };
        fields.push((number, value(bytes, head & 15, deeper)?));
    }
}

/// Decodes a zigzag number, in which small negative numbers are short.
fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
