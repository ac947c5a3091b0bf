//! Pre-tokenizers of byte-level vocabularies: takes a name in GGUF metadata, gives the rules that split a text before
//! merging.
//!
//! The names are llama.cpp's; the rules are those in `tokenizer.json` of the models with these names.

use serde_json::{Value, json};

use super::error::TokenizerError;

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
}

/// Words, numbers and signs, each with at most one leading space; further spaces before a word are a piece of their
/// own.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Words with at most one leading sign, groups of up to three digits, signs with line ends, line ends, spaces.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Llama 3's rule, but every digit is a piece.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's Tekken: words are also split between lower and upper case.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// DeepSeek V3's last rule: a sign with the Latin word after it, words, signs, line ends, spaces.
const DEEPSEEK_V3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// Values that most entries share.
const PLAIN: PreTokenizer = PreTokenizer { names: &[], rules: &[], nfc: false, ignore_merges: false, add_bos: false };

/// All supported pre-tokenizers.
static TABLE: [PreTokenizer; 8] = [
    PreTokenizer {
        // llama.cpp's choice for files without the key.
        names: &["default"],
        rules: &[
            SplitRule::Around(r"[\p{P}\$\+<=>\^~\|]+"),
            SplitRule::Around(GPT2),
            SplitRule::Around(r"\p{N}+"),
            SplitRule::Around("[0-9][0-9][0-9]"),
        ],
        ..PLAIN
    },
    PreTokenizer { names: &["gpt-2", "phi-2", "olmo", "mpt", "jais"], rules: &[SplitRule::Around(GPT2)], ..PLAIN },
    PreTokenizer {
        names: &["smollm", "starcoder", "refact", "codeshell"],
        rules: &[SplitRule::Digits, SplitRule::Around(GPT2)],
        ..PLAIN
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3"],
        rules: &[SplitRule::Around(LLAMA3)],
        ignore_merges: true,
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer { names: &["qwen2", "deepseek-r1-qwen"], rules: &[SplitRule::Around(QWEN2)], nfc: true, ..PLAIN },
    PreTokenizer {
        names: &["tekken"],
        rules: &[SplitRule::Around(TEKKEN)],
        ignore_merges: true,
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-coder"],
        rules: &[
            SplitRule::Around(r"[\r\n]"),
            SplitRule::Around(r"\s?\p{L}+"),
            SplitRule::Around(r"\s?\p{P}+"),
            SplitRule::Around("[一-龥ࠀ-一가-퟿]+"),
            SplitRule::Digits,
        ],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-v3"],
        rules: &[
            SplitRule::Around(r"\p{N}{1,3}"),
            SplitRule::Around("[一-龥぀-ゟ゠-ヿ]+"),
            SplitRule::Around(DEEPSEEK_V3),
        ],
        ..PLAIN
    },
];

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

impl PreTokenizer {
    /// The `pre_tokenizer` of `tokenizer.json`: the splitting rules, then the replacement of bytes by printable
    /// characters.
    pub(super) fn definition(&self) -> Value {
        let mut steps: Vec<Value> = self.rules.iter().map(SplitRule::definition).collect();
        steps.push(json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
        }));
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
        }
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _, PreTokenizerWrapper};

    use super::*;

    /// The pieces of `text`, split by the definition without its last step, which would replace bytes by other
    /// characters.
    fn pieces(name: &str, text: &str) -> Vec<String> {
        let mut definition = find(name).unwrap().definition();
        definition["pretokenizers"].as_array_mut().unwrap().pop();
        let cut: PreTokenizerWrapper = serde_json::from_value(definition).unwrap();
        let mut string = PreTokenizedString::from(text);
        cut.pre_tokenize(&mut string).unwrap();
        let splits = string.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(piece, _, _)| piece.to_owned()).collect()
    }

    #[test]
    fn every_pre_tokenizer_splits_as_its_reference() {
        let golden: Value = serde_json::from_str(include_str!("../../../../goldens/tokenizer/splits.json")).unwrap();
        let texts = golden["texts"].as_array().unwrap();
        let tables = golden["splits"].as_object().unwrap();
        assert_eq!(tables.len(), TABLE.len(), "a pre-tokenizer without a golden");
        let mut wrong = Vec::new();
        for (name, splits) in tables {
            for (text, expected) in texts.iter().zip(splits.as_array().unwrap()) {
                let found = pieces(name, text.as_str().unwrap());
                if &json!(found) != expected {
                    wrong.push(format!("{name} {text}: expected {expected}, found {found:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn names_are_distinct_and_an_unknown_name_is_refused_with_all_of_them() {
        let mut names: Vec<_> = TABLE.iter().flat_map(|row| row.names).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        let error = find("viking").unwrap_err().to_string();
        assert!(error.contains("viking") && names.iter().all(|name| error.contains(**name)), "{error}");
    }
}
