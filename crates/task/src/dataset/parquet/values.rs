//! Decodes the values of a page: takes their bytes and encoding, gives JSON values.

use serde_json::{Number, Value};

use super::budget::Budget;
use super::bytes::Bytes;
use super::rle;
use super::schema::Physical;

/// Decodes the next `n` values. `encoding`: its number in the Parquet format. `dictionary`: values of the dictionary
/// page.
pub(super) fn read(
    bytes: &mut Bytes<'_>,
    physical: Physical,
    n: usize,
    encoding: Option<i64>,
    dictionary: &[Value],
    budget: &mut Budget,
) -> Result<Vec<Value>, String> {
    match encoding {
        _ if n == 0 => Ok(Vec::new()),
        Some(0) => plain(bytes, physical, n, budget),
        // Indices into the dictionary; the first byte is their width in bits.
        Some(2 | 8) => {
            let width = u32::from(bytes.byte()?);
            let one = |index: u32| {
                let value = dictionary
                    .get(index as usize)
                    .ok_or_else(|| format!("expected an index below {}, found {index}", dictionary.len()))?;
                // A few bits may repeat a long text.
                budget.spend(value.as_str().map_or(0, str::len))?;
                Ok(value.clone())
            };
            rle::read(bytes, width, n)?.into_iter().map(one).collect()
        }
        Some(3) if physical == Physical::Bool => {
            let bits = rle::read(&mut Bytes(bytes.prefixed()?), 1, n)?;
            Ok(bits.into_iter().map(|bit| Value::Bool(bit == 1)).collect())
        }
        other => Err(format!("expected plain or dictionary encoding, found {}", encoding_name(other))),
    }
}

/// The format's name of an encoding.
pub(super) fn encoding_name(encoding: Option<i64>) -> String {
    match encoding {
        None => "none".to_owned(),
        Some(3) => "RLE".to_owned(),
        Some(4) => "BIT_PACKED".to_owned(),
        Some(5) => "DELTA_BINARY_PACKED".to_owned(),
        Some(6) => "DELTA_LENGTH_BYTE_ARRAY".to_owned(),
        Some(7) => "DELTA_BYTE_ARRAY".to_owned(),
        Some(9) => "BYTE_STREAM_SPLIT".to_owned(),
        Some(other) => format!("number {other}"),
    }
}

/// Decodes the next `n` values in plain encoding.
pub(super) fn plain(
    bytes: &mut Bytes<'_>,
    physical: Physical,
    n: usize,
    budget: &mut Budget,
) -> Result<Vec<Value>, String> {
    budget.spend_values(n)?;
    let values = 0..n;
    match physical {
        Physical::Bool => {
            let bits = bytes.take(n.div_ceil(8))?;
            Ok(values.map(|i| Value::Bool(bits[i / 8] >> (i % 8) & 1 == 1)).collect())
        }
        Physical::Int32 { signed } => fixed(bytes, n, |bytes| match signed {
            true => i32::from_le_bytes(bytes).into(),
            false => u32::from_le_bytes(bytes).into(),
        }),
        Physical::Int64 { signed } => fixed(bytes, n, |bytes| match signed {
            true => i64::from_le_bytes(bytes).into(),
            false => u64::from_le_bytes(bytes).into(),
        }),
        Physical::Float => fixed(bytes, n, |bytes| number(f64::from(f32::from_le_bytes(bytes)))),
        Physical::Double => fixed(bytes, n, |bytes| number(f64::from_le_bytes(bytes))),
        Physical::Text => values
            .map(|_| {
                let text = bytes.prefixed()?;
                budget.spend(text.len())?;
                let text = std::str::from_utf8(text).map_err(|_| "expected UTF-8, found other bytes")?;
                Ok(text.into())
            })
            .collect(),
        Physical::Other(what) => Err(format!("expected texts, numbers or truth values, found {what}")),
    }
}

/// Decodes `n` values of `N` bytes each.
fn fixed<const N: usize>(
    bytes: &mut Bytes<'_>,
    n: usize,
    one: impl Fn([u8; N]) -> Value,
) -> Result<Vec<Value>, String> {
    let (chunks, _) = bytes.take(n.saturating_mul(N))?.as_chunks();
    Ok(chunks.iter().map(|chunk| one(*chunk)).collect())
}

/// A number as JSON; null for infinities and NaN.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
