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

/// Returns true only if NFC leaves the text as it is; also false for many such texts. Much faster than the tables.
fn is_surely_composed(text: &str) -> bool {
    const STRIDE: usize = 32;
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let stride = &bytes[i..bytes.len().min(i + STRIDE)];
        if stride.is_ascii() {
            i += STRIDE;
            continue;
        }
        i += stride.iter().take_while(|byte| byte.is_ascii()).count();
        match char_at(text, i) {
            Some(c) if stands_alone(c) => i += c.len_utf8(),
            _ => return false,
        }
    }
    true
}

/// Recognises common ranges of characters that stay as they are and never join the one before them.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\0'..='\u{2ff}'
        | '\u{388}'..='\u{3ff}' | '\u{400}'..='\u{482}' // Greek, Cyrillic
        | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' // Hebrew and Arabic letters
        | '\u{1e00}'..='\u{1eff}' // Latin letters with two marks, as in Vietnamese
        | '\u{2002}'..='\u{20cf}' // punctuation, up to the marks
        | '\u{2100}'..='\u{2125}' // up to the sign for Ohm, which becomes Ω
        | '\u{2190}'..='\u{2328}' | '\u{2500}'..='\u{27ff}' // arrows, signs
        | '\u{3000}'..='\u{3029}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' // kana
        | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' // Han, Hangul
        | '\u{ff01}'..='\u{ff5e}' | '\u{1f000}'..='\u{1faff}')
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
    use unicode_normalization::char::canonical_combining_class;

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
    fn characters_that_stand_alone_are_in_nfc_whatever_is_before_them() {
        for c in ('\0'..=char::MAX).filter(|&c| stands_alone(c)) {
            assert_eq!(is_nfc_quick([c].into_iter()), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        }
    }

    #[test]
    fn characters_that_compose_are_found_wherever_they_are() {
        for (first, second) in [('e', '\u{301}'), ('\u{ac00}', '\u{11a8}'), ('\u{304b}', '\u{3099}')] {
            for before in 0..70 {
                let text: String = std::iter::repeat_n('a', before).chain([first, second, 'b']).collect();
                assert!(!is_surely_composed(&text));
                assert_eq!(compose(&text, &mut String::new()).chars().count(), before + 2);
            }
        }
    }
}
