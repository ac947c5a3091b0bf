//! Settings with a fixed list of named values: one table per type gives both `Display` and `FromStr`.

use crate::error::{Error, Result};

/// Implements `Display` and `FromStr` for a type by its table of names.
///
/// `$names` is an associated constant of the type, `[(&str, Self); N]`, with an entry for every value; `$setting` is
/// the setting's name in the error for an unknown value.
#[macro_export]
macro_rules! named {
    ($type:ty, $names:ident, $setting:literal) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::named::name(&Self::$names, self))
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> $crate::error::Result<Self> {
                $crate::named::value(&Self::$names, $setting, text)
            }
        }
    };
}
pub use crate::named;

/// Finds the name of a value in a table of names.
///
/// # Panics
/// The table has no entry for the value.
pub fn name<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let entry = names.iter().find(|(_, known)| known == value);
    entry.expect("every value has a name, because the table is written beside the type").0
}

/// Finds the value of a name in a table of names.
///
/// # Errors
/// The table does not contain the name; the error names `setting` and lists the known names.
pub fn value<T: Copy>(names: &[(&'static str, T)], setting: &str, text: &str) -> Result<T> {
    let entry = names.iter().find(|(name, _)| *name == text);
    entry.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        Error::setting(setting, format!("expected one of {}, found `{text}`", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Side {
        Left,
        Right,
    }

    impl Side {
        const NAMES: [(&'static str, Self); 2] = [("left", Self::Left), ("right", Self::Right)];
    }

    named!(Side, NAMES, "side");

    #[test]
    fn names_parse_back_and_an_unknown_name_lists_the_known_ones() {
        for (name, side) in Side::NAMES {
            assert_eq!((name.parse::<Side>().expect(name), side.to_string().as_str()), (side, name));
        }
        let error = "Left".parse::<Side>().expect_err("no such side").to_string();
        assert_eq!(error, "side: expected one of left, right, found `Left`");
    }
}
