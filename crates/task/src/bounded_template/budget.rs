//! The budget of one rendering: how many bytes its values may take, all together.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use minijinja::value::{Object, ValueKind};
use minijinja::{Error, State, Value};

use super::refused;

/// Bytes that the values of one rendering may take: what every step reads and makes, and what is written. The longest
/// prompts of a few megabytes take a tenth.
const MAX_BYTES: usize = 32 << 20;
/// Bytes of a value besides those of its text.
const VALUE: usize = 32;
/// How deep lists and mappings may be nested: the engine visits them by recursion.
const MAX_DEPTH: usize = 64;
/// Name of the budget in the state of a rendering.
const NAME: &str = "budget";

/// Bytes charged so far.
#[derive(Debug, Default)]
struct Budget(AtomicUsize);

impl Object for Budget {}

/// Charges bytes to the budget of a rendering.
///
/// # Errors
/// The budget is spent.
pub(super) fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let spent = &state.get_or_set_temp_object(NAME, Budget::default).0;
    let before = spent.load(Relaxed);
    let after = before.saturating_add(bytes);
    spent.store(after, Relaxed);
    if after > MAX_BYTES {
        return Err(refused(format_args!("its values take more than {MAX_BYTES} bytes")));
    }
    Ok(())
}

/// Charges a value that is about to be written.
///
/// # Errors
/// The budget is spent.
pub(super) fn charge_output(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    charge(state, weight(value)?)
}

/// Bytes of a value with everything in it; more than [`MAX_BYTES`] if counting on would take too long.
///
/// # Errors
/// The value is nested too deeply.
pub(super) fn weight(value: &Value) -> Result<usize, Error> {
    let mut bytes = 0;
    add(value, 0, &mut bytes)?;
    Ok(bytes)
}

fn add(value: &Value, depth: usize, bytes: &mut usize) -> Result<(), Error> {
    *bytes = bytes.saturating_add(VALUE);
    match value.kind() {
        ValueKind::String | ValueKind::Bytes => {
            let len = value.as_str().map_or_else(|| value.as_bytes().map_or(0, <[u8]>::len), str::len);
            *bytes = bytes.saturating_add(len);
        }
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            if depth == MAX_DEPTH {
                return Err(refused(format_args!("its lists are nested more than {MAX_DEPTH} deep")));
            }
            let is_map = value.kind() == ValueKind::Map;
            // What cannot be visited has nothing in it.
            for entry in value.try_iter().into_iter().flatten() {
                add(&entry, depth + 1, bytes)?;
                if is_map {
                    add(&value.get_item(&entry).unwrap_or_default(), depth + 1, bytes)?;
                }
                if *bytes > MAX_BYTES {
                    return Ok(());
                }
            }
        }
        _ => {}
    }
    Ok(())
}
