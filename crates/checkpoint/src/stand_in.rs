//! Files that stand where a model file belongs and are none: takes the first bytes of a file, says what it is and what
//! to do.

use std::fmt;

/// Number of bytes at the beginning of a file that are looked at.
const LOOKED_AT: usize = 512;
/// Largest number of characters of a text that an error quotes.
const QUOTED: usize = 60;
/// First line of every Git LFS pointer, less the version.
const LFS: [&[u8]; 2] = [b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"];
/// Beginnings of web pages and of the XML in which storage services report errors, in lower case.
const PAGES: [&[u8]; 4] = [b"<!doctype", b"<html", b"<?xml", b"<head"];

/// A file that stands where a model file belongs.
///
/// ```
/// use laser_checkpoint::StandIn;
/// assert_eq!(StandIn::of(b"<!DOCTYPE html><html>"), Some(StandIn::WebPage));
/// assert_eq!(StandIn::of(b"{\"model_type\": \"llama\"}"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandIn {
    /// The pointer that Git LFS keeps in a repository in place of a large file.
    LfsPointer {
        /// Size of the file that it points to in bytes, if the pointer states it.
        size: Option<u64>,
    },
    /// An HTML page or an XML error, saved in place of the file.
    WebPage,
    /// Another text, such as `Entry not found`, in place of binary data.
    Text {
        /// Its beginning.
        beginning: String,
    },
}

impl StandIn {
    /// Tells whether a file that begins with `bytes` is a pointer or a web page. No JSON document and no file of weights
    /// is.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let start = &bytes[..bytes.len().min(LOOKED_AT)];
        if LFS.iter().any(|line| start.starts_with(line)) {
            let size = String::from_utf8_lossy(start);
            let size = size.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse().ok());
            return Some(Self::LfsPointer { size });
        }
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let is_page = |page: &&[u8]| start.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page));
        PAGES.iter().any(is_page).then_some(Self::WebPage)
    }

    /// As [`StandIn::of`], for a file of weights: any text is a stand-in.
    ///
    /// Neither format begins with eight printable characters: safetensors files begin with the length of their header,
    /// which would then be above 10¹⁸, and in GGUF files a version below 256 follows four letters.
    pub fn of_weights(bytes: &[u8]) -> Option<Self> {
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
        Self::of(bytes).or_else(|| {
            bytes.first_chunk::<8>().filter(|start| start.iter().all(is_text))?;
            let text: Vec<u8> = bytes.iter().copied().take(QUOTED).take_while(is_text).collect();
            Some(Self::Text { beginning: String::from_utf8_lossy(&text).trim().to_owned() })
        })
    }
}

impl fmt::Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LfsPointer { size } => {
                let size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
                write!(f, "a Git LFS pointer to a file{size} that was not downloaded: run `git lfs pull` in the folder")
            }
            Self::WebPage => f.write_str(
                "a web page in place of the file, probably the message of a failed download: download the file again",
            ),
            Self::Text { beginning } => {
                write!(f, "a text in place of weights: {beginning:?}; download the file again")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";

    #[test]
    fn pointers_and_pages_are_recognised_whatever_stands_around_them() {
        assert_eq!(StandIn::of(POINTER), Some(StandIn::LfsPointer { size: Some(12_345) }));
        assert_eq!(StandIn::of(&POINTER[..60]), Some(StandIn::LfsPointer { size: None }));
        for page in ["<!DOCTYPE html>\n<html>", "\u{feff}\n <HTML lang=\"en\">", "<?xml version=\"1.0\"?><Error>"] {
            assert_eq!(StandIn::of(page.as_bytes()), Some(StandIn::WebPage), "{page}");
        }
        let message = StandIn::of(POINTER).expect("a pointer").to_string();
        assert!(message.contains("12345 bytes") && message.contains("git lfs pull"), "{message}");
    }

    #[test]
    fn any_text_stands_in_for_weights_and_no_weights_are_a_text() {
        let text = StandIn::of_weights(b"Entry not found");
        assert_eq!(text, Some(StandIn::Text { beginning: "Entry not found".to_owned() }));
        assert!(StandIn::of_weights(b"{\"error\":\"Repository not found\"}").is_some());
        assert_eq!(StandIn::of(b"{\"error\":\"Repository not found\"}"), None, "a document may be JSON");
        let mut header = 0x613c_u64.to_le_bytes().to_vec(); // `<a`, the length of a header that is not rare
        header.extend(b"{}");
        let gguf = [b"GGUF".as_slice(), &3u32.to_le_bytes()].concat();
        for bytes in [b"".as_slice(), b"GG", &header, &gguf, b"\x08\0\0\0\0\0\0\0{\"a\":{}}"] {
            assert_eq!(StandIn::of_weights(bytes), None, "{bytes:?}");
        }
    }
}
