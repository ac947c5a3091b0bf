//! JSON as Python's `json` module writes it: takes the bytes of a file, gives the document.
//!
//! Three things that JSON does not allow occur in real files: a byte order mark, the words `NaN` and `Infinity`, and
//! numbers beyond the range of f64. Such a number becomes a text, so that a key which nobody reads does no harm, and the
//! error about one that is read names the key.

use serde_json::Value;

/// Words that Python writes for numbers which JSON lacks. The longer one comes first.
const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Reads a document.
///
/// # Errors
/// Why the bytes are not a document, as a sentence without the name of the file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("expected JSON in UTF-8, found UTF-16 (convert it with: iconv -f UTF-16 -t UTF-8)".into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(document) => Ok(document),
        // The second attempt costs a copy of the file, which only files with such numbers need.
        Err(first) => serde_json::from_slice(&with_quoted_numbers(bytes)).map_err(|_| first.to_string()),
    }
}

/// The same text with quotation marks around every number that JSON cannot express.
fn with_quoted_numbers(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let (length, quoted) = match first {
            b'"' => (length_of_text(rest), false),
            b'0'..=b'9' | b'-' | b'N' | b'I' => length_of_number(rest),
            _ => (1, false),
        };
        let (taken, after) = rest.split_at(length);
        if quoted {
            out.push(b'"');
        }
        out.extend_from_slice(taken);
        if quoted {
            out.push(b'"');
        }
        rest = after;
    }
    out
}

/// Number of bytes of the text in quotation marks with which `bytes` begins.
fn length_of_text(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (i, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => (),
        }
    }
    bytes.len()
}

/// Number of bytes of the number with which `bytes` begins, and whether JSON cannot express it.
fn length_of_number(bytes: &[u8]) -> (usize, bool) {
    if let Some(word) = WORDS.iter().find(|word| bytes.starts_with(word.as_bytes())) {
        return (word.len(), true);
    }
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count().max(1);
    let value = std::str::from_utf8(&bytes[..digits]).ok().and_then(|text| text.parse::<f64>().ok());
    (digits, value.is_some_and(f64::is_infinite))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn numbers_that_json_lacks_become_texts() {
        let text = "\u{feff}{\"a\": NaN, \"b\": [-Infinity, Infinity, 1e999, -2.5e-3], \"c\": \"NaN \\\" -Infinity\"}";
        let expected = json!({"a": "NaN", "b": ["-Infinity", "Infinity", "1e999", -0.0025], "c": "NaN \" -Infinity"});
        assert_eq!(parse(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_no_document_stays_an_error() {
        for text in ["", "{", "{\"a\": NaNa}", "{\"a\": \"", "{\"a\": -}", "\u{feff}\u{feff}{}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\xff\xfe{\0}\0").expect_err("UTF-16").contains("UTF-16"));
    }
}
