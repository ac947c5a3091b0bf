//! The encoding of text files: takes the bytes of a file, gives UTF-8 without a byte order mark, or names the encoding
//! that they are in instead.

use std::path::Path;

use crate::error::{Error, Result};

/// Reads the text of a file.
///
/// # Errors
/// A file that cannot be read, or that is not UTF-8; the error names UTF-16 and UTF-32, and how to convert them.
pub fn read_text(path: &Path) -> Result<String> {
    text_of(std::fs::read(path).map_err(Error::io(path))?).map_err(|problem| Error::parse(path, problem))
}

/// The text of a file's bytes, without a byte order mark.
///
/// # Errors
/// The bytes are not UTF-8: what was expected and found.
pub(crate) fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    check_encoding(&bytes)?;
    let text = String::from_utf8(bytes).map_err(|e| not_utf8(&e.utf8_error()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Fails if the first bytes of a text file show that it is UTF-16 or UTF-32.
///
/// # Errors
/// The name of the encoding, and how to convert the file.
pub(crate) fn check_encoding(bytes: &[u8]) -> Result<(), String> {
    let name = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        // Without a mark: texts begin with ASCII (a brace, a bracket, a name), whose upper bytes are 0.
        [1..=0x7f, 0, 0, 0, ..] => "UTF-32LE",
        [0, 0, 0, 1..=0x7f, ..] => "UTF-32BE",
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => "UTF-16LE",
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => "UTF-16BE",
        _ => return Ok(()),
    };
    Err(format!("expected UTF-8, found {name}: convert the file with `iconv -f {name} -t UTF-8 OLD > NEW`"))
}

/// Drops the byte order mark that some programs write at the beginning of UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Error message for bytes that are not UTF-8.
pub(crate) fn not_utf8(error: &std::str::Utf8Error) -> String {
    format!("expected UTF-8, found other bytes after {} good ones", error.valid_up_to())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text in the encodings that editors and spreadsheets write, with and without a mark.
    fn encodings(text: &str) -> Vec<(&'static str, Vec<u8>)> {
        let wide = |mark: &str| -> Vec<u16> { format!("{mark}{text}").encode_utf16().collect() };
        let wider = |mark: &str| -> Vec<u32> { format!("{mark}{text}").chars().map(u32::from).collect() };
        let mut all = Vec::new();
        // A mark says which byte comes first; without one, the name does.
        for (mark, names) in [
            ("\u{feff}", ["UTF-16", "UTF-16", "UTF-32", "UTF-32"]),
            ("", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"]),
        ] {
            all.push((names[0], wide(mark).iter().flat_map(|unit| unit.to_le_bytes()).collect()));
            all.push((names[1], wide(mark).iter().flat_map(|unit| unit.to_be_bytes()).collect()));
            all.push((names[2], wider(mark).iter().flat_map(|unit| unit.to_le_bytes()).collect()));
            all.push((names[3], wider(mark).iter().flat_map(|unit| unit.to_be_bytes()).collect()));
        }
        all
    }

    #[test]
    fn other_encodings_are_named_and_utf_8_is_read() {
        for text in ["{\"question\": \"\u{e9}\u{1f980}\"}\n", "id,question\n1,q\n", "task: t\n"] {
            for (name, bytes) in encodings(text) {
                let problem = text_of(bytes).expect_err(name);
                assert!(problem.contains(&format!("found {name}: ")) && problem.contains("iconv"), "{name}: {problem}");
            }
            assert_eq!(text_of(text.into()).as_deref(), Ok(text));
            assert_eq!(text_of(format!("\u{feff}{text}").into()).as_deref(), Ok(text));
        }
        assert!(text_of(b"a\xff".to_vec()).expect_err("Latin-1").contains("after 1 good ones"));
        for short in [&b""[..], b"a", b"a\0", b"\0", b"\0\0\0\0", b"a\0\0"] {
            assert_eq!(check_encoding(short), Ok(()), "{short:?}");
        }
    }
}
