//! Canonical text: Unicode NFC, one blank for a run of white space, folded letters if case does not matter.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::characters::{char_at, fold};
use crate::rules::Case;

/// `text` in NFC, made in `buffer` only if it is not in NFC already.
pub(crate) fn compose<'a>(text: &'a str, buffer: &'a mut String) -> &'a str {
    if is_surely_composed(text) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    buffer.clear();
    buffer.extend(text.nfc());
    buffer
}

/// Whether each character composes with no other; `false` also for many texts in NFC. Much faster than the tables.
fn is_surely_composed(text: &str) -> bool {
    if text.is_ascii() {
        return true;
    }
    // The bytes of a character below U+0300 are below 0xCC or, if they follow another, below 0xC0.
    if text.bytes().all(|byte| byte < 0xcc) {
        return true;
    }
    text.chars().all(|c| {
        matches!(c,
            '\0'..='\u{2ff}'
            | '\u{400}'..='\u{482}' // Cyrillic
            | '\u{2002}'..='\u{2125}' // punctuation, up to the sign for Ohm, which composes to Ω
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' // kana without their marks
            | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
    })
}

/// Appends the canonical form of `text`, which is in NFC, to `canonical`; blanks at its ends remain.
///
/// Stretches without white space that changes are copied whole.
pub(crate) fn append_canonical(text: &str, case: Case, canonical: &mut String) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut after_blank = false;
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let blank = match byte {
            b' ' | b'\t'..=b'\r' => 1,
            // The first bytes of all white space beyond ASCII.
            0xc2 | 0xe1..=0xe3 => char_at(text, i).filter(|c| c.is_whitespace()).map_or(0, char::len_utf8),
            _ => 0,
        };
        if blank > 0 && (after_blank || byte != b' ') {
            append_folded(&text[copied..i], case, canonical);
            if !after_blank {
                canonical.push(' ');
            }
            copied = i + blank;
        }
        after_blank = blank > 0;
        i += blank.max(1);
    }
    append_folded(&text[copied..], case, canonical);
}

fn append_folded(text: &str, case: Case, folded: &mut String) {
    match case {
        Case::Exact => folded.push_str(text),
        Case::Fold if text.is_ascii() => {
            let start = folded.len();
            folded.push_str(text);
            folded[start..].make_ascii_lowercase();
        }
        Case::Fold => folded.extend(text.chars().map(fold)),
    }
}

/// The canonical form of a name, without blanks at its ends.
pub(crate) fn canonical_name(name: &str, case: Case) -> String {
    let mut canonical = String::with_capacity(name.len());
    append_canonical(compose(name, &mut String::new()), case, &mut canonical);
    canonical.trim_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_composed_and_their_blanks_collapsed() {
        assert_eq!(canonical_name(" Sa\u{303}o \t\n Paulo\u{a0}", Case::Exact), "São Paulo");
        assert_eq!(canonical_name("ΟΔΟΣ", Case::Fold), canonical_name("οδος", Case::Fold));
        assert_eq!(canonical_name("İstanbul", Case::Fold), "istanbul");
    }

    #[test]
    fn each_white_space_is_a_blank() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_whitespace()) {
            assert_eq!(canonical_name(&format!("a{c}{c} {c}b"), Case::Exact), "a b", "{c:?}");
        }
    }

    #[test]
    fn a_text_that_is_surely_composed_is_in_nfc() {
        for c in '\0'..=char::MAX {
            let pair: String = ['\u{3042}', c, 'a'].iter().collect();
            if is_surely_composed(&pair) {
                assert!(pair.chars().eq(pair.nfc()), "{c:?}");
            }
        }
        for (first, second) in [('e', '\u{301}'), ('\u{ac00}', '\u{11a8}'), ('\u{304b}', '\u{3099}')] {
            assert!(!is_surely_composed(&[first, second].iter().collect::<String>()));
        }
    }
}
