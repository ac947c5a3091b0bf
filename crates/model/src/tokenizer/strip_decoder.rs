//! Decoders that strip the end of a token, written so that they cannot fail.
//!
//! The decoder `Strip` of the `tokenizers` crate (0.23) counts back from the end of a token without looking where it begins: it
//! panics at a token that is shorter than what may be stripped. A `Replace` with a pattern at the end does the same to all
//! other tokens.

use serde_json::{Value, json};

/// Counts above this become "any number", because patterns have bounds.
const MOST: u64 = 1_000;

/// Replaces every `Strip` with a `stop` above 0, in sequences too.
pub(super) fn make_safe(decoder: &mut Value) {
    if let Some(decoders) = decoder.get_mut("decoders").and_then(Value::as_array_mut) {
        decoders.iter_mut().for_each(make_safe);
    }
    let stop = decoder["stop"].as_u64().unwrap_or(0);
    let character = decoder["content"].as_str().and_then(|content| content.chars().next());
    let (Some("Strip"), Some(character), 1..) = (decoder["type"].as_str(), character, stop) else { return };
    let count = if stop > MOST { "*".to_owned() } else { format!("{{0,{stop}}}") };
    let mut beginning = decoder.clone();
    beginning["stop"] = 0.into();
    let end = json!({
        "type": "Replace",
        "pattern": {"Regex": format!("\\x{{{:X}}}{count}\\z", u32::from(character))},
        "content": "",
    });
    *decoder = json!({"type": "Sequence", "decoders": [beginning, end]});
}

#[cfg(test)]
mod tests {
    use tokenizers::Decoder;
    use tokenizers::decoders::DecoderWrapper;

    use super::*;

    /// The text without up to `start` blanks at its beginning, and then without up to `stop` at its end.
    fn stripped(text: &str, start: usize, stop: usize) -> String {
        let blanks = text.chars().take(start).take_while(|c| *c == ' ').count();
        let rest: Vec<char> = text.chars().skip(blanks).collect();
        let blanks = rest.iter().rev().take(stop).take_while(|c| **c == ' ').count();
        rest[..rest.len() - blanks].iter().collect()
    }

    #[test]
    fn the_ends_of_all_tokens_are_stripped() {
        for (start, stop) in [(1, 0), (0, 1), (1, 1), (0, 3), (2, usize::MAX)] {
            let mut decoder = json!({"type": "Strip", "content": " ", "start": start, "stop": stop});
            make_safe(&mut decoder);
            let decoder: DecoderWrapper = serde_json::from_value(decoder).expect("a decoder");
            for text in ["", " ", "  ", "a", " a ", "  a   ", "a b  ", "   "] {
                let found = decoder.decode_chain(vec![text.to_owned()]).expect("decodes");
                assert_eq!(found, [stripped(text, start, stop)], "{text:?} {start} {stop}");
            }
        }
    }

    #[test]
    fn other_decoders_stay_as_they_are() {
        let untouched = json!({"type": "Sequence", "decoders": [{"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
        let mut decoder = untouched.clone();
        make_safe(&mut decoder);
        assert_eq!(decoder, untouched);
        let mut nothing = Value::Null;
        make_safe(&mut nothing);
        assert_eq!(nothing, Value::Null);
    }
}
