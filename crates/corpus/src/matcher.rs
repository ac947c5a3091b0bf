//! Matcher: finds every mention of a set of names in a document.

use crate::canonical::{canonical_name, compose};
use crate::error::{Error, Result};
use crate::mention::Mention;
use crate::rules::{Bounds, Case};
use crate::substring_matcher::{SubstringBuffers, SubstringMatcher};
use crate::word_matcher::{Begun, WordMatcher};

/// Matcher of names in documents. All mentions count, also one inside another: "France" inside "Air France".
///
/// Names and texts are compared in Unicode NFC and with a blank for each run of white space.
#[derive(Debug)]
pub struct Matcher {
    words: Option<WordMatcher>,
    /// All names with [`Bounds::Any`], those without a word otherwise.
    substrings: Option<SubstringMatcher>,
}

/// Memory of a search, kept from one document to the next.
#[derive(Debug, Default)]
pub struct MatchBuffers {
    composed: String,
    substrings: SubstringBuffers,
    begun: Vec<Begun>,
    mentions: Vec<Mention>,
}

impl Matcher {
    /// A matcher of `names`.
    ///
    /// # Errors
    /// A name that is empty or blank; names too large for an automaton.
    pub fn new(names: &[impl AsRef<str>], case: Case, bounds: Bounds) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|name| canonical_name(name.as_ref(), case)).collect();
        if let Some(empty) = names.iter().position(String::is_empty) {
            return Err(Error::setting("names", format!("expected a character in each name, found none in {empty}")));
        }
        let all = || (0..).zip(&names).map(|(index, _)| index).collect();
        let (words, others) = match bounds {
            Bounds::Word => {
                let (words, wordless) = WordMatcher::new(&names, case);
                (Some(words), wordless)
            }
            Bounds::Any => (None, all()),
        };
        let substrings = match others.is_empty() {
            true => None,
            false => Some(SubstringMatcher::new(&names, others, case, bounds)?),
        };
        Ok(Self { words, substrings })
    }

    /// Hands each mention in `text` to `visit`, in the order of their last words; gives the number of words.
    pub fn find(&self, text: &str, buffers: &mut MatchBuffers, mut visit: impl FnMut(Mention)) -> u32 {
        let MatchBuffers { composed, substrings, begun, mentions } = buffers;
        let text = compose(text, composed);
        let Some(matcher) = &self.substrings else {
            return self.words.as_ref().map_or(0, |words| words.find(text, begun, &mut visit));
        };
        mentions.clear();
        let words = matcher.find(text, substrings, mentions);
        if let Some(matcher) = &self.words {
            matcher.find(text, begun, &mut |mention| mentions.push(mention));
        }
        mentions.sort_unstable_by_key(|mention| (mention.last_word, mention.first_word, mention.name));
        mentions.iter().copied().for_each(visit);
        words
    }
}

#[cfg(test)]
mod tests;
