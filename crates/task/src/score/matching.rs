//! Rules that decide whether a generated text is right: takes prompt, continuation and answers, gives yes or no.

use serde::Serialize;

use crate::named::named;

/// Rule that decides whether a generated text is right. Text and answers are compared trimmed and in lower case, except
/// by [`Match::Equal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Match {
    /// The continuation contains an answer.
    Continuation,
    /// Prompt and continuation together contain an answer, so an answer that the prompt mentions always counts: the
    /// reference code decodes the whole sequence (`docs/method.md`, "Quirks of the reference code").
    PromptContinuation,
    /// The continuation contains an answer that starts and ends at a word boundary.
    Word,
    /// The first line of the continuation is an answer, ignoring a final full stop.
    Exact,
    /// The whole continuation is an answer, white space included (the harness's `exact_match`).
    Equal {
        /// Ignores upper and lower case.
        ignore_case: bool,
        /// Ignores ASCII punctuation.
        ignore_punctuation: bool,
    },
}

impl Match {
    const NAMES: [(&'static str, Self); 8] = [
        ("continuation", Self::Continuation),
        ("prompt+continuation", Self::PromptContinuation),
        ("word", Self::Word),
        ("exact", Self::Exact),
        ("equal", Self::Equal { ignore_case: false, ignore_punctuation: false }),
        ("equal-ignore-case", Self::Equal { ignore_case: true, ignore_punctuation: false }),
        ("equal-ignore-punctuation", Self::Equal { ignore_case: false, ignore_punctuation: true }),
        ("equal-ignore-both", Self::Equal { ignore_case: true, ignore_punctuation: true }),
    ];

    /// Whether a text that starts with a right text is right, too, so that generation may stop early.
    pub fn is_monotone(self) -> bool {
        matches!(self, Self::Continuation | Self::PromptContinuation)
    }

    /// Whether a continuation of `prompt` matches one of `answers`.
    pub fn accepts(self, prompt: &str, continuation: &str, answers: &[String]) -> bool {
        let text = continuation.trim().to_lowercase();
        let any = |holds: &dyn Fn(&str) -> bool| answers.iter().any(|a| holds(&a.trim().to_lowercase()));
        match self {
            Self::Continuation => any(&|a| text.contains(a)),
            Self::PromptContinuation => {
                // The two are joined before trimming: an answer may span the end of the prompt.
                let whole = format!("{prompt}{continuation}").to_lowercase();
                any(&|a| whole.contains(a))
            }
            Self::Word => any(&|a| contains_word(&text, a)),
            Self::Exact => {
                let line = text.lines().next().unwrap_or("").trim_end_matches('.').trim();
                any(&|a| line == a.trim_end_matches('.'))
            }
            Self::Equal { ignore_case, ignore_punctuation } => {
                let plain = |text: &str| {
                    let text = if ignore_case { text.to_lowercase() } else { text.to_owned() };
                    if ignore_punctuation { text.replace(|c: char| c.is_ascii_punctuation(), "") } else { text }
                };
                let text = plain(continuation);
                answers.iter().any(|answer| plain(answer) == text)
            }
        }
    }
}

/// Whether `text` contains `word` with no letter or digit directly before or after it.
fn contains_word(text: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .any(|(i, found)| boundary(text[..i].chars().next_back()) && boundary(text[i + found.len()..].chars().next()))
}

named!(Match, NAMES, "match");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_accepts_its_texts() {
        let answers = vec!["Par".to_owned(), "Lutetia".to_owned()];
        let accepts = |m: Match, text: &str| m.accepts("Par is in", text, &answers);
        assert!(accepts(Match::Continuation, " PARIS"));
        assert!(!accepts(Match::Word, " Paris"));
        assert!(accepts(Match::Word, " in par, of course"));
        assert!(accepts(Match::PromptContinuation, " France"));
        assert!(!accepts(Match::Continuation, " France"));
        assert!(accepts(Match::Exact, " Lutetia.\nAnd more"));
        assert!(!accepts(Match::Exact, " Lutetia and more"));
    }

    #[test]
    fn names_parse_back() {
        for (name, _) in Match::NAMES {
            assert_eq!(name.parse::<Match>().expect(name).to_string(), name);
        }
    }
}
