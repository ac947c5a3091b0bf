//! Pre-tokenizers of byte-level vocabularies: takes a name in GGUF metadata, gives the rules that split a text before
//! merging.
//!
//! The names are llama.cpp's; the rules are those in `tokenizer.json` of the models with these names.

mod patterns;
mod table;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::error::TokenizerError;
use table::TABLE;

/// Metadata key of the name.
pub(super) const KEY: &str = "tokenizer.ggml.pre";

/// Treatment of text before and during merging, shared by the models of one or more names.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// Names in llama.cpp.
    names: &'static [&'static str],
    /// Splitting rules, applied one after the other, each within the pieces of the one before.
    rules: &'static [SplitRule],
    /// Whether text is first brought to Unicode normal form C.
    pub(super) nfc: bool,
    /// Whether a piece that is a token stays whole, even if the merges would give other tokens.
    pub(super) ignore_merges: bool,
    /// Whether a beginning token is added, for files without `tokenizer.ggml.add_bos_token`.
    pub(super) add_bos: bool,
}

/// One splitting rule.
#[derive(Debug)]
enum SplitRule {
    /// Every match of the regular expression is a piece, and so is the text between two matches.
    Around(&'static str),
    /// Every number character (Unicode category N) is a piece.
    Digits,
    /// Every row of number characters is a piece.
    DigitRuns,
    /// Every punctuation character is a piece; all ASCII signs count.
    Signs,
    /// Every row of punctuation characters is a piece.
    SignRuns,
    /// GPT-2's rule; the rules after it see bytes as printable characters.
    Bytes,
}

/// The pre-tokenizer of a name.
///
/// # Errors
/// [`TokenizerError::Unsupported`] for an unknown name, with all known ones.
pub(super) fn find(name: &str) -> Result<&'static PreTokenizer, TokenizerError> {
    TABLE.iter().find(|row| row.names.contains(&name)).ok_or_else(|| TokenizerError::Unsupported {
        key: KEY,
        found: name.to_owned(),
        known: TABLE.iter().flat_map(|row| row.names).copied().collect::<Vec<_>>().join(", "),
    })
}

/// The name under which llama.cpp knows a `pre_tokenizer` of `tokenizer.json`; of several with the same rules, the one
/// that treats Unicode and merges alike.
pub(super) fn name_of(definition: &Value, nfc: bool, ignore_merges: bool) -> Option<&'static str> {
    let wanted = steps(definition)?;
    let fits = TABLE.iter().filter(|row| steps(&row.definition()).as_ref() == Some(&wanted));
    // Merges that are skipped change tokens; llama.cpp leaves the normal form of texts to the user.
    let alike = fits.filter(|row| row.ignore_merges == ignore_merges);
    alike.min_by_key(|row| row.nfc != nfc)?.names.first().copied()
}

/// The splitting rules of a `pre_tokenizer`, one after the other, each in one form; `None` if it has another kind of step.
fn steps(definition: &Value) -> Option<Vec<String>> {
    let is = |key: &str, value: bool| definition[key] == value;
    match definition["type"].as_str()? {
        "Sequence" => {
            let parts = definition["pretokenizers"].as_array()?.iter().map(steps).collect::<Option<Vec<_>>>()?;
            Some(parts.concat())
        }
        "Split" => {
            let pattern = definition["pattern"]["Regex"].as_str()?;
            // Pieces that are the matches, and nothing else, are those around matches of rules that leave nothing out.
            let around = is("invert", false) && definition["behavior"] == "Isolated";
            let matches = is("invert", true) && definition["behavior"] == "Removed";
            (around || matches).then(|| vec![format!("around {pattern}")])
        }
        "ByteLevel" if !is("add_prefix_space", true) => {
            let split = is("use_regex", true).then(|| format!("around {}", patterns::GPT2));
            Some(split.into_iter().chain(["bytes".to_owned()]).collect())
        }
        "Digits" => Some(vec![format!("digits {}", definition["individual_digits"])]),
        "Punctuation" => Some(vec![format!("punctuation {}", definition["behavior"])]),
        _ => None,
    }
}

impl PreTokenizer {
    /// The `pre_tokenizer` of `tokenizer.json`: the splitting rules, then the replacement of bytes by printable
    /// characters.
    pub(super) fn definition(&self) -> Value {
        let mut steps: Vec<Value> = self.rules.iter().map(SplitRule::definition).collect();
        if !self.rules.iter().any(|rule| matches!(rule, SplitRule::Bytes)) {
            steps.push(byte_level(false));
        }
        json!({"type": "Sequence", "pretokenizers": steps})
    }
}

impl SplitRule {
    /// The rule as a step of `pre_tokenizer`.
    fn definition(&self) -> Value {
        match self {
            SplitRule::Around(pattern) => {
                json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
            }
            SplitRule::Digits => json!({"type": "Digits", "individual_digits": true}),
            SplitRule::DigitRuns => json!({"type": "Digits", "individual_digits": false}),
            SplitRule::Signs => json!({"type": "Punctuation", "behavior": "Isolated"}),
            SplitRule::SignRuns => json!({"type": "Punctuation", "behavior": "Contiguous"}),
            SplitRule::Bytes => byte_level(true),
        }
    }
}

/// The step that replaces bytes by printable characters, after GPT-2's rule if `split`.
fn byte_level(split: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": split})
}
