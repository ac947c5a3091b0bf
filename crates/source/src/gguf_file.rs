//! GGUF files among other files: recognised by content or by name, with the names of the parts of a split one.
//!
//! What is in the files is for the reader of checkpoints to say; here they are only found.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest number of parts of a split model in llama.cpp.
#[cfg(feature = "hub")]
const MAX_PARTS: u32 = 65_535;

/// Whether the file begins with the magic of GGUF; false also for a file that cannot be read.
pub(crate) fn begins_as_gguf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"GGUF"
}

/// Whether the name is that of a GGUF file; some systems write extensions in capitals.
pub(crate) fn has_gguf_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("gguf"))
}

/// Names of all parts of a split model, if `name` is that of a part: `NAME-00001-of-00003.gguf`.
#[cfg(feature = "hub")]
pub(crate) fn part_names(name: &str) -> Option<Vec<String>> {
    let (stem, _) = name.rsplit_once('.').filter(|_| has_gguf_name(name))?;
    let (start, count_text) = stem.rsplit_once("-of-")?;
    let (before, number_text) = start.rsplit_once('-')?;
    let number_of = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
    let (number, count) = (number_of(number_text)?, number_of(count_text)?);
    if number == 0 || number > count || !(2..=MAX_PARTS).contains(&count) {
        return None;
    }
    let (after, width) = (&name[start.len()..], number_text.len());
    Some((1..=count).map(|number| format!("{before}-{number:0width$}{after}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gguf_files_are_recognised_by_content_whatever_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0f3a9c");
        for (content, expected) in [(&b"GGUF\x03"[..], true), (b"GGUF", true), (b"GGU", false), (b"PK\x03\x04", false)]
        {
            std::fs::write(&path, content).unwrap();
            assert_eq!(begins_as_gguf(&path), expected, "{content:?}");
        }
        assert!(!begins_as_gguf(dir.path()) && !begins_as_gguf(&dir.path().join("none")));
        assert!(has_gguf_name("a.gguf") && has_gguf_name("a.GGUF") && has_gguf_name("x/a.Q4.Gguf"));
        assert!(!has_gguf_name("gguf") && !has_gguf_name("a.gguf.txt"));
    }

    #[cfg(feature = "hub")]
    #[test]
    fn a_part_leads_to_all_parts() {
        let names = part_names("q/m-00002-of-00003.GGUF").unwrap();
        assert_eq!(names, ["q/m-00001-of-00003.GGUF", "q/m-00002-of-00003.GGUF", "q/m-00003-of-00003.GGUF"]);
        for name in [
            "m.gguf",
            "m-1-of-1.gguf",
            "m-4-of-3.gguf",
            "m-0-of-3.gguf",
            "m-1-of-99999.gguf",
            "m-1-of-3.bin",
            "1-of-3.gguf",
        ] {
            assert_eq!(part_names(name), None, "{name}");
        }
    }
}
