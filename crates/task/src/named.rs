//! Choices with names: settings that are one of a few, written and read by one table.

use crate::error::{Error, Result};

/// `Display` and `FromStr` of a type by its table of names, an associated constant `[(&str, Self); n]`. An unknown name
/// is an error of the setting.
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

/// The name of a value.
pub fn name<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let entry = names.iter().find(|(_, known)| known == value);
    entry.expect("every value has a name, because the table is written beside the type").0
}

/// The value of a name.
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

    named!(Side, NAMES, "--side");

    #[test]
    fn names_are_read_back_and_unknown_ones_say_what_exists() {
        for (name, side) in Side::NAMES {
            assert_eq!((name.parse::<Side>().expect(name), side.to_string().as_str()), (side, name));
        }
        let error = "Left".parse::<Side>().expect_err("no such side").to_string();
        assert!(error.contains("--side") && error.ends_with("expected one of left, right, found `Left`"), "{error}");
    }
}
