//! The checks before steps: each charges what a step reads and could make, and gives the arguments back unchanged.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::budget::{charge, weight};
use super::refused;

/// What a step makes of its arguments, beyond what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// No more than it reads: most filters, lists, sums and comparisons.
    None,
    /// The first or second argument as often as the other says.
    Product,
    /// The third argument for each occurrence of the second in the first.
    Replace,
    /// A separator for each entry.
    Join,
    /// As much for each line, group, digit or level as a number among the arguments says.
    Numbers,
}

impl Growth {
    const ALL: [Self; 5] = [Self::None, Self::Product, Self::Replace, Self::Join, Self::Numbers];

    /// Name of the function that charges it. No template can spell it.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::None => "\u{1}none",
            Self::Product => "\u{1}product",
            Self::Replace => "\u{1}replace",
            Self::Join => "\u{1}join",
            Self::Numbers => "\u{1}numbers",
        }
    }

    /// Growth by a filter or method.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "replace" | "regex_replace" => Self::Replace,
            "join" => Self::Join,
            "indent" | "batch" | "slice" | "format" | "tojson" | "round" | "center" => Self::Numbers,
            _ => Self::None,
        }
    }

    /// Bytes that a step makes of `args` beyond what it reads, at most.
    fn bytes(self, args: &[Value], read: usize) -> usize {
        let text = |i: usize| args.get(i).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::None => 0,
            Self::Product => {
                let factor = args.iter().filter_map(Value::as_usize).max().unwrap_or(0);
                // Products of two numbers make nothing.
                if args.iter().all(Value::is_number) { 0 } else { read.saturating_mul(factor) }
            }
            // A filter with a pattern may match anywhere.
            Self::Replace => {
                let times = if text(1).is_empty() { text(0).len() + 1 } else { text(0).matches(text(1)).count() };
                let pattern = text(1).chars().any(|c| !c.is_alphanumeric() && !c.is_whitespace());
                let times = if pattern { text(0).len() + 1 } else { times };
                times.saturating_mul(text(2).len())
            }
            // The separator is the second argument of the filter and the first of the method.
            Self::Join => {
                let entries = |value: &Value| value.len().unwrap_or_else(|| value.as_str().map_or(0, str::len));
                entries(&args.first().cloned().unwrap_or_default())
                    .saturating_mul(text(1).len())
                    .max(args.get(1).map_or(0, entries).saturating_mul(text(0).len()))
            }
            Self::Numbers => {
                let numbers = args.iter().map(largest_number).fold(0, usize::saturating_add);
                // Widths in a format are for one place each; the width of a level or line is for every entry or line.
                numbers.saturating_mul(text(0).lines().count().max(read / 32))
            }
        }
    }
}

/// The largest whole number that an argument is, has among named ones, or spells in digits.
fn largest_number(value: &Value) -> usize {
    if let Some(number) = value.as_i64() {
        return usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    }
    if let Some(text) = value.as_str() {
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        return digits.map(|digits| digits.parse().unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
    }
    if value.kind() == ValueKind::Map && value.is_kwargs() {
        let keys = value.try_iter().into_iter().flatten();
        let values = keys.filter_map(|key| value.get_item(&key).ok());
        return values.filter_map(|value| value.as_usize()).fold(0, usize::saturating_add);
    }
    if value.is_number() { usize::MAX } else { 0 }
}

/// A function that charges its arguments and returns them as a list.
#[derive(Debug)]
struct Check {
    growth: Growth,
}

impl Object for Check {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut read: usize = 0;
        for value in args {
            // The engine negates the step of a slice.
            if value.as_i64() == Some(i64::MIN) {
                return Err(refused(format_args!("expected a number above {}", i64::MIN)));
            }
            read = read.saturating_add(weight(value)?);
        }
        charge(state, read.saturating_add(self.growth.bytes(args, read)))?;
        Ok(Value::from(args.to_vec()))
    }
}

/// Adds the checks to an environment.
pub(super) fn add_checks(environment: &mut Environment<'static>) {
    for growth in Growth::ALL {
        environment.add_global(growth.function(), Value::from_object(Check { growth }));
    }
}
