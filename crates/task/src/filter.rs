//! Filters: takes a generated text, gives the text that is compared with the answers.

use fancy_regex::Regex;

use crate::harness::{python, python_regex};

/// Named pipelines of filters of a harness task. The first decides whether an item is right; results are reported for
/// all of them.
//
// `Task::sha256` hashes the `Debug` output, so the names of the types, variants and fields here are part of every
// task's fingerprint.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    pub(crate) pipelines: Vec<Pipeline>,
}

/// Filters that are applied one after another.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    /// Name in the results.
    pub(crate) name: String,
    pub(crate) filters: Vec<Filter>,
}

/// One step of a pipeline.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    /// The first non-empty group of a match of a regular expression, or the whole match if there are no groups.
    Regex {
        regex: Box<Regex>,
        /// Takes the last match instead of the first.
        from_end: bool,
        /// Result if nothing matches.
        fallback: String,
    },
    /// Strips white space at both ends, as Python's `str.strip`.
    RemoveWhitespace,
    /// Converts to lower case.
    Lowercase,
}

impl Filters {
    /// Whether there are no pipelines.
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty()
    }

    /// Applies the first pipeline, whose result decides whether an item is right.
    pub fn apply(&self, text: &str) -> String {
        self.nth(0, text)
    }

    /// Names of the pipelines; `none`, as in the harness, if there are no pipelines.
    pub fn names(&self) -> Vec<&str> {
        if self.pipelines.is_empty() {
            return vec!["none"];
        }
        self.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect()
    }

    /// Applies the pipeline at `index`; returns the text unchanged if there is no such pipeline.
    pub fn nth(&self, index: usize, text: &str) -> String {
        self.pipelines.get(index).map_or_else(|| text.to_owned(), |pipeline| pipeline.apply(text))
    }
}

impl Pipeline {
    fn apply(&self, text: &str) -> String {
        self.filters.iter().fold(text.to_owned(), |text, filter| filter.apply(&text))
    }
}

impl Filter {
    fn apply(&self, text: &str) -> String {
        match self {
            Self::RemoveWhitespace => python::strip(text).to_owned(),
            Self::Lowercase => text.to_lowercase(),
            Self::Regex { regex, from_end, fallback } => {
                let all = python_regex::find_all(regex, text);
                match if *from_end { all.last() } else { all.first() } {
                    None => fallback.clone(),
                    Some(groups) => {
                        let group = groups.iter().find(|group| !group.is_empty()).copied();
                        // The harness treats an empty result as text for a pattern with at most one group, and as no
                        // match for a pattern with several.
                        let empty = if groups.len() > 1 { fallback.as_str() } else { "" };
                        python::strip(group.unwrap_or(empty)).to_owned()
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str, from_end: bool) -> Filter {
        let regex = Box::new(python_regex::compile(pattern).expect(pattern));
        Filter::Regex { regex, from_end, fallback: "[invalid]".to_owned() }
    }

    /// The expected values were computed with lm-evaluation-harness 0.4.13.
    #[test]
    fn filters_give_what_the_harness_gives() {
        let strict = |text: &str| regex(r"#### (\-?[0-9\.\,]+)", false).apply(text);
        assert_eq!(strict("so #### 12 or #### 13"), "12");
        assert_eq!(strict("none"), "[invalid]");
        let flexible = |text: &str| regex(r"(-?[$0-9.,]{2,})|(-?[0-9]+)", true).apply(text);
        assert_eq!(flexible("from 5 to $1,200.\n"), "$1,200.");
        assert_eq!(flexible("only 5"), "5");
        assert_eq!(regex("(x)|(y)|", false).apply("abc"), "[invalid]");
        assert_eq!(regex("(x*)", false).apply("abc"), "");
        assert_eq!(regex("b ", false).apply("ab c"), "b");
        assert_eq!(Filter::RemoveWhitespace.apply(" \u{1f}a b\n"), "a b");
        assert_eq!(Filter::Lowercase.apply("ÀB"), "àb");
    }

    #[test]
    fn the_first_pipeline_decides_and_all_are_reported() {
        let pipeline = |name: &str, filters| Pipeline { name: name.to_owned(), filters };
        let filters = Filters {
            pipelines: vec![
                pipeline("clean", vec![Filter::RemoveWhitespace, Filter::Lowercase]),
                pipeline("digits", vec![regex("[0-9]+", false)]),
            ],
        };
        assert_eq!(filters.apply(" A1 "), "a1");
        assert_eq!(filters.names(), ["clean", "digits"]);
        assert_eq!([0, 1].map(|i| filters.nth(i, " A1 ")), ["a1", "1"]);
        let none = Filters::default();
        assert_eq!((none.names(), none.nth(0, " A1 ").as_str()), (vec!["none"], " A1 "));
    }
}
