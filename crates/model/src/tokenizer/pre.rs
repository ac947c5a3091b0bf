//! Pre-tokenizers of byte-level vocabularies: a name in GGUF metadata, the rules that cut text before merging.
//!
//! The names are llama.cpp's; what each means is taken from the `tokenizer.json` of the models that carry it.

use serde_json::{Value, json};

use super::TokenizerError;

/// The metadata key.
pub(super) const KEY: &str = "tokenizer.ggml.pre";

/// How a family of models treats text before and around merging.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// llama.cpp's names for it.
    names: &'static [&'static str],
    /// Applied one after the other, each inside the pieces of the one before.
    cuts: &'static [Cut],
    /// Whether text is brought to Unicode normal form C first.
    pub(super) nfc: bool,
    /// Whether a piece that is a token already is taken as it is, whatever the merges would make of it.
    pub(super) ignore_merges: bool,
    /// Whether the beginning token is added where the file does not say.
    pub(super) add_bos: bool,
}

/// One way of cutting.
#[derive(Debug)]
enum Cut {
    /// Every match is a piece, and so is everything between matches.
    Around(&'static str),
    /// Every digit (Unicode category N) is a piece.
    Digits,
}

/// Words, numbers and signs, each with at most one leading blank; blanks before a word stay apart from it.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Words with at most one leading sign, up to three digits, signs with line ends, line ends, blanks.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As Llama 3, with every digit on its own.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's tiktoken-like vocabulary: words are also cut between lower and upper case.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// DeepSeek V3's last step: a sign with the Latin word behind it, words, signs, line ends, blanks.
const DEEPSEEK_V3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

const PLAIN: PreTokenizer = PreTokenizer { names: &[], cuts: &[], nfc: false, ignore_merges: false, add_bos: false };

static TABLE: [PreTokenizer; 8] = [
    PreTokenizer {
        // What llama.cpp falls back to for files that do not say.
        names: &["default"],
        cuts: &[
            Cut::Around(r"[\p{P}\$\+<=>\^~\|]+"),
            Cut::Around(GPT2),
            Cut::Around(r"\p{N}+"),
            Cut::Around("[0-9][0-9][0-9]"),
        ],
        ..PLAIN
    },
    PreTokenizer { names: &["gpt-2", "phi-2", "olmo", "mpt", "jais"], cuts: &[Cut::Around(GPT2)], ..PLAIN },
    PreTokenizer {
        names: &["smollm", "starcoder", "refact", "codeshell"],
        cuts: &[Cut::Digits, Cut::Around(GPT2)],
        ..PLAIN
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3"],
        cuts: &[Cut::Around(LLAMA3)],
        ignore_merges: true,
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer { names: &["qwen2", "deepseek-r1-qwen"], cuts: &[Cut::Around(QWEN2)], nfc: true, ..PLAIN },
    PreTokenizer { names: &["tekken"], cuts: &[Cut::Around(TEKKEN)], ignore_merges: true, add_bos: true, ..PLAIN },
    PreTokenizer {
        names: &["deepseek-coder"],
        cuts: &[
            Cut::Around(r"[\r\n]"),
            Cut::Around(r"\s?\p{L}+"),
            Cut::Around(r"\s?\p{P}+"),
            Cut::Around("[一-龥ࠀ-一가-퟿]+"),
            Cut::Digits,
        ],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-v3"],
        cuts: &[Cut::Around(r"\p{N}{1,3}"), Cut::Around("[一-龥぀-ゟ゠-ヿ]+"), Cut::Around(DEEPSEEK_V3)],
        ..PLAIN
    },
];

/// The pre-tokenizer of this name.
pub(super) fn find(name: &str) -> Result<&'static PreTokenizer, TokenizerError> {
    TABLE.iter().find(|row| row.names.contains(&name)).ok_or_else(|| TokenizerError::Unsupported {
        key: KEY,
        found: name.to_owned(),
        known: TABLE.iter().flat_map(|row| row.names).copied().collect::<Vec<_>>().join(", "),
    })
}

impl PreTokenizer {
    /// The `pre_tokenizer` of `tokenizer.json`: the cuts, then bytes to printable characters.
    pub(super) fn definition(&self) -> Value {
        let mut steps: Vec<Value> = self.cuts.iter().map(Cut::definition).collect();
        steps.push(json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
        }));
        json!({"type": "Sequence", "pretokenizers": steps})
    }
}

impl Cut {
    fn definition(&self) -> Value {
        match self {
            Cut::Around(pattern) => {
                json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
            }
            Cut::Digits => json!({"type": "Digits", "individual_digits": true}),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _, PreTokenizerWrapper};

    use super::*;

    /// The pieces of `text`, cut by the definition without its byte-level step, which would respell them.
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
    fn every_family_cuts_as_its_reference_does() {
        let golden: Value = serde_json::from_str(include_str!("../../../../goldens/tokenizer/splits.json")).unwrap();
        let texts = golden["texts"].as_array().unwrap();
        let tables = golden["splits"].as_object().unwrap();
        assert_eq!(tables.len(), TABLE.len(), "a family without a golden");
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
    fn names_are_distinct_and_an_unknown_one_lists_them() {
        let mut names: Vec<_> = TABLE.iter().flat_map(|row| row.names).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        let error = find("viking").unwrap_err().to_string();
        assert!(error.contains("viking") && names.iter().all(|name| error.contains(**name)), "{error}");
    }
}
