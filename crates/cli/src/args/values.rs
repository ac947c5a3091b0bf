//! Types of argument values, and parsers of values that the library defines.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use laser::linalg::{LinalgError, RankFraction};
use laser::statistics::{Fractions, Split};

/// Parses a value that the library defines; the error is the library's, without the name of the setting, which clap shows.
pub(crate) fn library_value<T>(text: &str) -> Result<T, String>
where
    T: FromStr,
    T::Err: Into<laser::Error>,
{
    text.parse().map_err(|error: T::Err| {
        let error: laser::Error = error.into();
        error.as_setting().map_or_else(|| error.to_string(), |(_, problem)| problem.to_owned())
    })
}

/// A device by name: `cpu`, `cuda`, `cuda:N` or `metal`. Opening the device tells whether this build supports it.
#[derive(Debug, Clone)]
pub(crate) struct DeviceName(pub(crate) String);

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_known = match text.split_once(':') {
            Some(("cuda", index)) => index.parse::<usize>().is_ok(),
            Some(_) => false,
            None => ["cpu", "cuda", "metal"].contains(&text),
        };
        let error = || format!("expected cpu, cuda, cuda:N or metal, found `{text}`");
        if is_known { Ok(Self(text.to_owned())) } else { Err(error()) }
    }
}

/// Element type of the weights on a GPU.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WeightType {
    F32,
    F16,
    Bf16,
}

impl WeightType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// How matrices are decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SvdName {
    /// As the paper defines it
    Exact,
    /// As the reference code does it: no oversampling, 2 power iterations
    Randomized,
}

/// Split of the items to evaluate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SplitName {
    All,
    Search,
    Validation,
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::All => Self::All,
            SplitName::Search => Self::Search,
            SplitName::Validation => Self::Validation,
            SplitName::Test => Self::Test,
        }
    }
}

/// How items are split and the winner is chosen.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolName {
    /// Three disjoint splits
    Honest,
    /// The first 20 % of the items choose the winner; the result is measured on the rest
    Paper,
}

/// Parses the shares of the search and validation splits: `0.4,0.2` or `40%,20%`.
pub(crate) fn fractions(text: &str) -> Result<Fractions, String> {
    let form = || format!("expected two numbers such as 0.4,0.2, found `{text}`");
    let (search, validation) = text.split_once(',').ok_or_else(form)?;
    let number = |text: &str| match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim_end().parse::<f64>().map(|percent| percent / 100.0).map_err(|_| form()),
        None => text.trim().parse::<f64>().map_err(|_| form()),
    };
    Fractions::new(number(search)?, number(validation)?).map_err(|e| e.to_string())
}

/// Parses a share of the largest rank: `0.1`.
pub(crate) fn rank_fraction(text: &str) -> Result<laser::linalg::RankFraction, String> {
    text.parse().map_err(|e: laser::linalg::LinalgError| e.to_string())
}

/// Parses a list of reductions: `0.5,0.1,band(0..0.1)`.
pub(crate) fn reductions(text: &str) -> Result<ReductionList, String> {
    laser::edit::reduction::Reduction::parse_list(text).map(ReductionList).map_err(|e| e.to_string())
}

/// Reductions in one argument. A type of its own, because clap takes a plain `Vec` for an argument that may repeat.
#[derive(Debug, Clone)]
pub(crate) struct ReductionList(pub(crate) Vec<laser::edit::reduction::Reduction>);

/// Parses a time: `90s`, `20m`, `2h`, `1h 30m`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let spelled = || text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    seconds.or_else(spelled).ok_or_else(|| format!("expected a time such as 90s, 20m or 2h, found `{text}`"))
}

/// Parses a size in bytes: `512M`, `8G`, or a number; K, M, G and T are powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let size = parse_size::Config::new().with_binary().parse_size(text).ok();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    size.ok_or_else(|| format!("expected a size such as 512M or 8G, found `{text}`"))
}

/// Takes apart names and paths that are joined by commas. A comma may belong to a path: the longest run of parts that
/// exists as a path is one.
pub(crate) fn listed_paths(arguments: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for argument in arguments {
        let parts: Vec<&str> = argument.split(',').collect();
        let mut first = 0;
        while first < parts.len() {
            let joined = |end: usize| parts[first..end].join(",");
            let whole = (first + 2..=parts.len()).rev().find(|end| Path::new(&joined(*end)).exists());
            let end = whole.unwrap_or(first + 1);
            all.push(joined(end));
            first = end;
        }
    }
    all
}

/// Parses a share from 0 to 1, exactly.
pub(super) fn share(text: &str) -> Result<RankFraction, String> {
    text.trim().parse().map_err(|error: LinalgError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        for (text, seconds) in
            [("90s", 90.0), ("2.5m", 150.0), ("5min", 300.0), ("2h", 7200.0), ("1h 30m", 5400.0), ("7", 7.0)]
        {
            assert_eq!(duration(text).expect(text).as_secs_f64(), seconds);
        }
        for (text, size) in [("512M", 512 << 20), ("8G", 8 << 30), ("2GB", 2 << 30), ("4096", 4096)] {
            assert_eq!(bytes(text).expect(text), size);
        }
        for text in ["", "s", "-1s", "3 fortnights", "1e400s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
        for text in ["", "G", "-1G", "0", "3Q", "99999999999T"] {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_comma_may_belong_to_a_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a,b.jsonl", "c", "c,d,e"] {
            std::fs::write(folder.path().join(name), "").expect("writes");
        }
        let of = |text: String| listed_paths(&[text]);
        assert_eq!(of(path("a,b.jsonl")), [path("a,b.jsonl")]);
        assert_eq!(of(format!("x,{},y", path("a,b.jsonl"))), ["x".to_owned(), path("a,b.jsonl"), "y".to_owned()]);
        assert_eq!(of(path("c,d,e")), [path("c,d,e")]);
        assert_eq!(of(path("c,d")), [path("c"), "d".to_owned()]);
        assert_eq!(listed_paths(&["a,b".to_owned(), "c".to_owned()]), ["a", "b", "c"]);
    }

    #[test]
    fn devices_are_named() {
        for text in ["cpu", "cuda", "cuda:1", "metal"] {
            assert!(text.parse::<DeviceName>().is_ok(), "{text}");
        }
        for text in ["gpu", "cpu:1", "cuda:x", ""] {
            assert!(text.parse::<DeviceName>().is_err(), "{text}");
        }
    }
}
