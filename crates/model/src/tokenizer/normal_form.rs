//! Unicode normal form: takes a text, gives it with every accented letter written in one way.

use std::borrow::Cow;

use tokenizers::NormalizedString;

/// The text in Unicode's normal form C, in which `é` is one character, however it was written.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(NormalizedString::from(text).nfc().get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::nfc;

    #[test]
    fn two_spellings_of_a_text_become_one() {
        assert_eq!(nfc("cafe\u{301} \u{1112}\u{1161}\u{11ab}"), "caf\u{e9} \u{d55c}");
        for text in ["", "plain", "caf\u{e9}", "\u{1f980}", "ﬁ"] {
            assert_eq!(nfc(text), text);
        }
    }
}
